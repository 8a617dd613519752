package listfile

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

func accounts(name string) bool {
	return name == "account" || name == "mail" || name == "uid" || name == "id"
}

// read returns the records of a list as text, and the error that ended it.
func read(text string, o Options) (out []string, end error) {
	if o.Identifies == nil {
		o.Identifies = accounts
	}
	for r, err := range Read(strings.NewReader(text), o) {
		switch {
		case err != nil:
			return out, err
		case r.Bad != "":
			out = append(out, fmt.Sprintf("%d-%d bad: %s", r.Line, r.Last, r.Bad))
		case r.Fields == nil:
			out = append(out, fmt.Sprintf("%d %s", r.Line, r.Text))
		default:
			words := []string{fmt.Sprint(r.Line)}
			if r.Note {
				words = append(words, "note")
			}
			for _, f := range r.Fields {
				words = append(words, f.Name+"="+f.Value)
			}
			out = append(out, strings.Join(words, "|"))
		}
	}
	return out, nil
}

func TestRead(t *testing.T) {
	for _, c := range []struct {
		name, text string
		forms      bool
		want       []string
	}{
		{"text", "\xef\xbb\xbfa@b.c\r\n\n# c\n a,b \nlast", false, []string{"1 a@b.c", "2 ", "3 # c", "4  a,b ", "5 last"}},
		{"text of a batch", "a@b.c\nname=v\nx:y=z\n", true, []string{"1 a@b.c", "2 name=v", "3 x:y=z"}},
		{"CSV as text", "mail,cn\na@b.c,A\n", false, []string{"1 mail,cn", "2 a@b.c,A"}},
		{"CSV", "mail;Display Name\r\na@b.c;\"A; \"\"B\"\"\"\r\n;\r\nb@b.c\r\n", true, []string{`2|mail=a@b.c|displayname=A; "B"`, "4|mail=b@b.c"}},
		{"CSV that names its separator", "sep=;\nmail;cn\na@b.c;A,B\n", true, []string{"3|mail=a@b.c|cn=A,B"}},
		{"CSV with a line end", "mail,cn\na@b.c,\"A\n\nB\"\nb@b.c,B\n", true, []string{"2|mail=a@b.c|cn=A\n\nB", "5|mail=b@b.c|cn=B"}},
		{"CSV that is not closed", "mail,cn\na@b.c,\"A\nb@b.c,B\n", true, []string{"2-3 bad: unterminated quoted field"}},
		{"CSV with too many values", "mail,cn\na@b.c,A,B\n", true, []string{"2-2 bad: it has 3 values, but the heading 2"}},
		{"CSV with formulas", "uid,mail\n'=room,'-a@b.c\n", true, []string{"2|uid==room|mail=-a@b.c"}},
		{"CSV, twice", "mail,cn\na@b.c,A\nmail,cn\nb@b.c,B\n", true, []string{"2|mail=a@b.c|cn=A", "4|mail=b@b.c|cn=B"}},
		{"blocks", "account: a@b.c\nid: 1\nname: A\n  B\n\naccount: b@b.c\n", true, []string{"1|account=a@b.c|id=1|name=A…", "5 ", "6|account=b@b.c"}},
		{"blocks with split keys", "account:\na@\n  b.c\nid:\n1\nkind: user\n  x\n\naccount: b@b.c\nid:\n", false, []string{
			"1|account=a@b.c|id=1|kind=user…", "8 ", "9|account=b@b.c|id=",
		}},
		{"no blocks of davadmin", "account: a@b.c\nmail: x@b.c\n", false, []string{"1 account: a@b.c", "2 mail: x@b.c"}},
		{"plain", "a@b.c\t1\tuser\tmain\tactive\ncs6\tuser\tm@b.c\tu\t2\tuid=u\n", false, []string{
			"1|account=a@b.c|id=1|kind=user|backend=main|state=active", "2|side=cs6|kind=user|mail=m@b.c|uid=u|calendars=2|dn=uid=u",
		}},
		{"JSON", "\n{\n \"schema\": \"x\",\n \"accounts\": [\n  {\"account\": \"a@b.c\",\n   \"acl\": [\"x\", \"y\"], \"n\": null},\n  {\"account\": \"b@b.c\"}\n ],\n \"complete\": true\n}\n", false, []string{
			"5|account=a@b.c|acl=x y|n=", "7|account=b@b.c",
		}},
		{"JSON lines", "{\"mail\":\"a@b.c\",\"calendars\":2}\n\n{\"mail\":\"b@b.c\",\"delegates\":[{\"mail\":\"x\"}]}\n{\"kind\":\"summary\",\"complete\":true}\n", false, []string{
			"1|mail=a@b.c|calendars=2", `3|mail=b@b.c|delegates=[{"mail":"x"}]`,
		}},
		{"a JSON list", "[\"a@b.c\",\n{\"mail\":\"b@b.c\"}]", false, []string{"1 a@b.c", "2|mail=b@b.c"}},
		{"brackets that are not JSON", "[section]\na@b.c\n", false, []string{"1 [section]", "2 a@b.c"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := read(c.text, Options{Forms: c.forms, Single: true})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestReadTable(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       []string
	}{
		{"rows", "account  id  name\na@b.c    1   A B\n         2\nb@b.c    3   bücher\n", []string{
			"2|account=a@b.c|id=1|name=A B", "3|account=|id=2|name=", "4|account=b@b.c|id=3|name=bücher",
		}},
		{"wrapped titles", "         back\naccount  end   id\na@b.c    main  1\n", []string{"3|account=a@b.c|end=main|id=1"}},
		{"no heading after all", "  word\nother\n", []string{"1   word", "2 other"}},
		{"a wrapped cell", "account  name\na@b.c    one\n         two\nb@b.c    B\n", []string{"2|account=a@b.c|name=one", "4|account=b@b.c|name=B"}},
		{"a long first key", "account  id\nlong.address@example.com\n         1\nb@b.c    2\n", []string{"2|account=long.address@example.com|id=1", "4|account=b@b.c|id=2"}},
		{"a long key in two parts", "account  id\nlong.address@\n  example.com\n         1\n", []string{
			"2|account=long.address@example.com|id=1",
		}},
		{"a key below its row", "side  mail   uid\ncs6   …      u\n    mail: long.address@example.com\ncs7   b@b.c  v\n", []string{
			"2|side=cs6|mail=long.address@example.com|uid=u", "4|side=cs7|mail=b@b.c|uid=v",
		}},
		{"a key that has no room on its line", "side  mail   uid\ncs6   …      u\n    mail:\nvery.long.address@example.com\ncs7   b@b.c  v\n", []string{
			"2|side=cs6|mail=very.long.address@example.com|uid=u", "5|side=cs7|mail=b@b.c|uid=v",
		}},
		{"such a key in two parts", "side  mail   uid\ncs6   …      u\n    mail:\nvery.long.address@\n  example.com\ncs7   b@b.c  v\n", []string{
			"2|side=cs6|mail=very.long.address@example.com|uid=u", "6|side=cs7|mail=b@b.c|uid=v",
		}},
		{"a key that was cut", "side  mail   uid\ncs6   long…  u\ncs7   …      v\n", []string{
			"2-2 bad: the value of 'mail' was shortened; list it again with --output csv",
			"3-3 bad: the value of 'mail' was shortened; list it again with --output csv",
		}},
		{"not below its heading", "side  mail   uid\ncs6  a@b.c  u\n", []string{"2-2 bad: the column 'mail' is not below its heading"}},
		{"notes", "mail   uid\na@b.c  u\nall rows: side cs6; kind user\nall other rows: state active\nnot shown: dn,\n  back end (use --output json or csv)\n", []string{
			"2|mail=a@b.c|uid=u", "3|note|side=cs6|kind=user", "4|note|state=active", "5|note|dn=…|backend=…",
		}},
		{"another table", "mail   uid\na@b.c  u\n\nmail  uid  x\nb@b   v    1\nc@b.c\n", []string{"2|mail=a@b.c|uid=u", "3 ", "5-5 bad", "6"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := read(c.text, Options{})
			if err != nil {
				t.Fatal(err)
			}
			if c.name == "another table" { // only the first rows matter
				got, c.want = got[:1], c.want[:1]
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// A list that is read in part must not look like a complete shorter one.
func TestReadErrors(t *testing.T) {
	for text, want := range map[string]string{
		"\xff\xfea\x00":                  "f: it is UTF-16 text, not UTF-8",
		"a\x00b\x00c\x00":                "f: it is UTF-16LE text, not UTF-8",
		`{"accounts": [{"mail":`:         "f: line 1: the JSON ends before its end, so it is not complete",
		"{\"mail\":\"a\"}\n{\"m":         "f: line 2: the JSON ends before its end, so it is not complete",
		"{\"mail\":\"a\"}\n{x}":          "f: line 2: invalid JSON: invalid character 'x'",
		"[1]":                            "a",
		`{"people":[],"complete":false}`: "f: line 1: it says that it is not complete: the command that wrote it did not read everything",
		"{\"mail\":\"a\"}\n{\"kind\":\"summary\",\"complete\":false}\n": "f: line 2: it says that it is not complete: the command that wrote it did not read everything",
		`{"x":"` + strings.Repeat("y", maxObject+100_000) + `"}`:        "f: line 1: an object has more than 4194304 bytes",
		"line\n" + strings.Repeat("x", 3000):                            "f: it has more than 2000 bytes",
	} {
		o := Options{Name: "f"}
		if strings.HasPrefix(text, "line") {
			o.MaxSize = 2000
		}
		_, err := read(text, o)
		if text == "[1]" {
			if err != nil { // it is a line of text, which the caller refuses
				t.Error(err)
			}
			continue
		}
		var e *Error
		if !errors.As(err, &e) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%.40q: %v", text, err)
		}
	}
	in := io.MultiReader(strings.NewReader("{\"mail\":\"a\"}\n"), iotest.ErrReader(os.ErrDeadlineExceeded))
	for _, err := range Read(in, Options{Name: "f", Identifies: accounts}) {
		if err != nil && (!errors.Is(err, os.ErrDeadlineExceeded) || !strings.HasPrefix(err.Error(), "f: reading line ")) {
			t.Error(err)
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, text := range []string{
		"a@b.c\n# x\n\n", "mail;cn\na@b.c;\"x\ny\"\n", "sep=;\nuid;mail\n1;2\n", "account  id\na@b.c    1\nall rows: state active\n",
		"side  mail   uid\ncs6   …      u\n    mail:\nxxxxxxxxxxxx@b.c\n", "account: a\nid: b\n\n", `{"accounts":[{"account":"a","usage":{"x":1}}],"complete":true}`,
		"{\"mail\":\"a\"}\n{\"kind\":\"summary\",\"complete\":false}", "[\"a\",{\"mail\":\"b\"}]", "cs6\tuser\ta\tb\t1\tx\n", "a\t1\tuser\tb\tactive", "  back\naccount  end\nx\n",
		"\xef\xbb\xbfmail\na\n", "\xff\xfea\x00", "{}",
	} {
		f.Add(text, true)
		f.Add(text, false)
	}
	f.Fuzz(func(t *testing.T, text string, forms bool) {
		o := Options{Name: "f", MaxLine: 64, MaxSize: 1 << 16, Forms: forms, Single: forms, Identifies: accounts}
		line := 0
		for r, err := range Read(strings.NewReader(text), o) {
			if err != nil {
				continue
			}
			if r.Line < line || r.Line < 1 || r.Last < r.Line || r.Last > strings.Count(text, "\n")+1 {
				t.Fatalf("%q: %+v after line %d", text, r, line)
			}
			if line = r.Line; !r.Note && r.Fields == nil && utf8.ValidString(text) && r.Bad == "" && r.Length == 0 {
				t.Fatalf("%q: neither text nor fields: %+v", text, r)
			}
		}
		one, oneErr := read(text, o)
		var bytewise []string
		for r, err := range Read(iotest.OneByteReader(strings.NewReader(text)), o) {
			if err == nil {
				bytewise = append(bytewise, fmt.Sprint(r.Line))
			}
		}
		if len(bytewise) != len(one) && oneErr == nil {
			t.Fatalf("%q: %d records byte by byte, %d at once", text, len(bytewise), len(one))
		}
	})
}

// A list is streamed: what is live while it is read does not grow with the list.
func TestReadStreams(t *testing.T) {
	for name, unit := range map[string]string{"text": "ann@example.com\n", "JSON": "{\"mail\":\"ann@example.com\"}\n", "CSV": "mail,cn\nann@example.com,x\n"} {
		n, most := 0, uint64(0)
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		before := m.HeapAlloc
		for _, err := range Read(io.LimitReader(&repeated{text: unit}, 6<<20), Options{Name: "f", Identifies: accounts, Forms: true}) {
			if err != nil && name != "JSON" { // the last object is cut
				t.Fatal(name, err)
			}
			if n++; n%50_000 == 0 {
				runtime.GC()
				runtime.ReadMemStats(&m)
				most = max(most, m.HeapAlloc-min(before, m.HeapAlloc))
			}
		}
		if n < 100_000 || most > 4<<20 {
			t.Errorf("%s: %d records, %d bytes", name, n, most)
		}
	}
}

// repeated yields a text again and again.
type repeated struct {
	text string
	at   int
}

func (r *repeated) Read(b []byte) (int, error) {
	n := 0
	for n < len(b) {
		c := copy(b[n:], r.text[r.at:])
		n += c
		r.at = (r.at + c) % len(r.text)
	}
	return n, nil
}

// What could be another record of the list is never left out.
func TestNothingIsLeftOut(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       []string
		end        string
	}{
		{"blocks without blank lines", "account: a@b.c\nid: 1\naccount: b@b.c\nid: 2\n", []string{"1|account=a@b.c|id=1", "3|account=b@b.c|id=2"}, ""},
		{"a line after a block", "account: a@b.c\nid: 1\nkind: user\nb@b.c\n", []string{"1-4 bad: the line 'b@b.c' has no name; list it again with --output csv"}, ""},
		{"a block with a title twice", "account: a@b.c\nid: 1\nid: 2\n", []string{"1-3 bad: 'id' is in it twice"}, ""},
		{"a member twice", `[{"mail":"a@b.c","mail":"A@b.c"},{"mail":"a@b.c","mail":"b@b.c"}]`, []string{"1|mail=a@b.c|mail=A@b.c", "1-1 bad: 'mail' is in it twice, with different values"}, ""},
		{"two quotation marks too many", "mail,cn\na@b.c,\"A\nb@b.c,B\"\nc@b.c,\"A,\nB, b@b.c\"\n", []string{"2-3 bad: " + HiddenRecord, "4|mail=c@b.c|cn=A,\nB, b@b.c"}, ""},
		{"a comment in JSON", `["a@b.c","#b@b.c"]`, []string{"1 a@b.c", "1-1 bad: a text that begins with '#' would be taken for a comment"}, ""},
		{"a record with a list", `{"mail":"a@b.c","calendars":["x"]}`, []string{"1 x"}, "an object has both 'mail' and a list"},
		{"a record with an empty list", `{"users":[],"mail":"a@b.c"}`, nil, "an object has both 'mail' and a list"},
		{"another list", `{"users":[{"mail":"a@b.c"}],"guests":[{"mail":"b@b.c"}]}`, []string{"1|mail=a@b.c"}, "the document has another list, 'guests'"},
		{"a list of something else", `{"users":[{"mail":"a@b.c"}],"problems":[{"text":"x"}]}`, []string{"1|mail=a@b.c"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := read(c.text, Options{Forms: strings.HasPrefix(c.text, "mail,")})
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if c.end == "" && err != nil || c.end != "" && (err == nil || !strings.Contains(err.Error(), c.end)) {
				t.Errorf("ends with: %v", err)
			}
		})
	}
}
