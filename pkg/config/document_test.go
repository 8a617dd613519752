package config

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// documentReadings lists what each part of the format means. The pairs are the
// effective ones in file order.
var documentReadings = []struct {
	name string
	file string
	utf8 bool
	want [][2]string
}{
	{name: "nothing", file: ""},
	{name: "blank lines only", file: " \t\f\n\r\n\r \n"},
	{name: "equals sign", file: "a=1\n", want: [][2]string{{"a", "1"}}},
	{name: "colon", file: "a:1\n", want: [][2]string{{"a", "1"}}},
	{name: "blank as separator", file: "a 1\nb\t2\nc\f3\n", want: [][2]string{{"a", "1"}, {"b", "2"}, {"c", "3"}}},
	{name: "blanks around the separator", file: "a \t=\f 1\n", want: [][2]string{{"a", "1"}}},
	{name: "the second separator is part of the value", file: "a==1\nb=:2\nc : = 3\n", want: [][2]string{{"a", "=1"}, {"b", ":2"}, {"c", "= 3"}}},
	{name: "separator inside a value", file: "url=http://h:80/?a=b\n", want: [][2]string{{"url", "http://h:80/?a=b"}}},
	{name: "no separator", file: "a\nb", want: [][2]string{{"a", ""}, {"b", ""}}},
	{name: "no value", file: "a=\nb:\nc \n", want: [][2]string{{"a", ""}, {"b", ""}, {"c", ""}}},
	{name: "empty key", file: "=1\n", want: [][2]string{{"", "1"}}},
	{name: "indentation is not part of the key", file: " \t\fa=1\n", want: [][2]string{{"a", "1"}}},
	{name: "blanks at the end are part of the value", file: "a=1 \t\n", want: [][2]string{{"a", "1 \t"}}},
	{name: "comments", file: "# a=1\n! b=2\n \t#c=3\nd=4 # e=5\n", want: [][2]string{{"d", "4 # e=5"}}},
	{name: "comments do not continue", file: "# a \\\nb=1\n! c \\\nd=2\n", want: [][2]string{{"b", "1"}, {"d", "2"}}},
	{name: "comment marks inside a key", file: "a#b=1\na!b=2\n\\#c=3\n", want: [][2]string{{"a#b", "1"}, {"a!b", "2"}, {"#c", "3"}}},

	{name: "CRLF", file: "a=1\r\n\r\nb=2\r\n", want: [][2]string{{"a", "1"}, {"b", "2"}}},
	{name: "CR", file: "a=1\r\rb=2\r", want: [][2]string{{"a", "1"}, {"b", "2"}}},
	{name: "no final newline", file: "a=1\nb=2", want: [][2]string{{"a", "1"}, {"b", "2"}}},
	{name: "continuation", file: "a=1,\\\n   2,\\\r\n\t3,\\\r\f4\n", want: [][2]string{{"a", "1,2,3,4"}}},
	{name: "continuation inside a key", file: "da\\\n  v=1\n", want: [][2]string{{"dav", "1"}}},
	{name: "continuation around the separator", file: "a\\\n  \\\n =\\\n  1\n", want: [][2]string{{"a", "1"}}},
	{name: "continuation of a comment mark", file: "a=1\\\n# 2\n", want: [][2]string{{"a", "1# 2"}}},
	{name: "a blank line ends a continuation", file: "a=1\\\n\nb=2\n", want: [][2]string{{"a", "1"}, {"b", "2"}}},
	{name: "even backslashes do not continue", file: "a=1\\\\\nb=2\n", want: [][2]string{{"a", `1\`}, {"b", "2"}}},
	{name: "a backslash alone leads to a comment", file: "\\\n# a=1\nb=2\n", want: [][2]string{{"b", "2"}}},
	{name: "a backslash at the end", file: "a=1\\", want: [][2]string{{"a", "1"}}},
	{name: "a backslash as the whole file", file: "\\", want: [][2]string{{"", ""}}},

	{name: "escapes", file: `a=\t\n\r\f|\\|\=\:\#\!|\q\"` + "\n", want: [][2]string{{"a", "\t\n\r\f|\\|=:#!|q\""}}},
	{name: "escapes in a key", file: "a\\ b\\=c\\:d\\u0065=1\n", want: [][2]string{{"a b=c:de", "1"}}},
	{name: "escaped blank starts a value", file: "a=\\ 1\n", want: [][2]string{{"a", " 1"}}},
	{name: "hexadecimal in both cases", file: "a=\\u00e9\\u00E9\n", want: [][2]string{{"a", "éé"}}},
	{name: "only one u", file: "a=\\U0041\n", want: [][2]string{{"a", "U0041"}}},
	{name: "escape broken by a continuation", file: "a=\\u00\\\n  41\n", want: [][2]string{{"a", "A"}}},
	{name: "malformed escape in a comment", file: "# \\u12\na=1\n", want: [][2]string{{"a", "1"}}},
	{name: "escaped backslash before u", file: `a=\\u12` + "\n", want: [][2]string{{"a", `\u12`}}},
	{name: "surrogate pair", file: `a=\ud83d\uDE00` + "\n", want: [][2]string{{"a", "😀"}}},
	{name: "surrogate pair over two lines", file: "a=\\ud83d\\\n  \\ude00\n", want: [][2]string{{"a", "😀"}}},
	{name: "lone high surrogate", file: `a=\ud83dx` + "\n", want: [][2]string{{"a", "\xed\xa0\xbdx"}}},
	{name: "lone low surrogate", file: `a=x\ude00` + "\n", want: [][2]string{{"a", "x\xed\xb8\x80"}}},
	{name: "surrogates in the wrong order", file: `a=\ude00\ud83d` + "\n", want: [][2]string{{"a", "\xed\xb8\x80\xed\xa0\xbd"}}},
	{name: "two high surrogates and a low one", file: `a=\ud83d\ud83d\ude00` + "\n", want: [][2]string{{"a", "\xed\xa0\xbd😀"}}},
	{name: "lone surrogate in a key", file: `\ud83d=1` + "\n", want: [][2]string{{"\xed\xa0\xbd", "1"}}},
	{name: "NUL is an ordinary character", file: "a\x00b=\x001\n", want: [][2]string{{"a\x00b", "\x001"}}},

	{name: "UTF-8 read as Latin-1", file: "é=ß\n", want: [][2]string{{"Ã©", "Ã\u009f"}}},
	{name: "Latin-1", file: "k\xe9y=\xdf\xff\n", want: [][2]string{{"kéy", "ßÿ"}}},
	{name: "line endings outside ASCII are not recognized", file: "a=1\u2028b=2\x0b\u0085c=3\n", utf8: true, want: [][2]string{{"a", "1\u2028b=2\x0b\u0085c=3"}}},
	{name: "blanks outside ASCII are not recognized", file: "\xa0a\xa0b=\xa01\n", want: [][2]string{{"\u00a0a\u00a0b", "\u00a01"}}},
	{name: "UTF-8", file: "é=ß😀\n", utf8: true, want: [][2]string{{"é", "ß😀"}}},
	{name: "backslash before a multibyte character", file: "a=\\é\\😀\n", utf8: true, want: [][2]string{{"a", "é😀"}}},
	{name: "byte-order mark in Latin-1", file: "\ufeffa=1\n", want: [][2]string{{"ï»¿a", "1"}}},
	{name: "byte-order mark in UTF-8", file: "\ufeffa=1\n", utf8: true, want: [][2]string{{"\ufeffa", "1"}}},
	{name: "byte-order mark hides a comment", file: "\ufeff# a\n", utf8: true, want: [][2]string{{"\ufeff#", "a"}}},

	{name: "the last of equal keys takes effect", file: "a=1\nb=2\na=3\n", want: [][2]string{{"b", "2"}, {"a", "3"}}},
	{name: "keys are equal after unescaping", file: "a=1\n\\u0061=2\n", want: [][2]string{{"a", "2"}}},
	{name: "keys differ in case", file: "a=1\nA=2\n", want: [][2]string{{"a", "1"}, {"A", "2"}}},
}

func TestDocumentReads(t *testing.T) {
	for _, c := range documentReadings {
		t.Run(c.name, func(t *testing.T) {
			d, err := readWith(c.file, c.utf8)
			if err != nil {
				t.Fatal(err)
			}
			var got [][2]string
			for k, v := range d.All() {
				got = append(got, [2]string{k, v})
				if again, ok := d.Get(k); !ok || again != v {
					t.Errorf("All yields %q=%q, Get returns %q, %v", k, v, again, ok)
				}
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("%q (-want +got):\n%s", c.file, diff)
			}
			if d.Len() != len(c.want) {
				t.Errorf("Len = %d, want %d", d.Len(), len(c.want))
			}
			if string(d.Bytes()) != c.file {
				t.Errorf("Bytes = %q, want %q", d.Bytes(), c.file)
			}
		})
	}
}

// The tables must not contain anything that Java reads differently.
func TestJavaAgreesWithReadings(t *testing.T) {
	j := startJava(t)
	for _, c := range documentReadings {
		t.Run(c.name, func(t *testing.T) {
			got, ok, err := j.load([]byte(c.file), c.utf8)
			if err != nil || !ok {
				t.Fatalf("Java refuses %q: %v", c.file, err)
			}
			want := map[string]string{}
			for _, p := range c.want {
				want[p[0]] = p[1]
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%q (-want +java):\n%s", c.file, diff)
			}
		})
	}
}

func readWith(file string, isUTF8 bool) (*Document, error) {
	if isUTF8 {
		return ParseUTF8([]byte(file))
	}
	return Parse([]byte(file))
}

func TestMalformedUnicodeEscape(t *testing.T) {
	j := startJava(t)
	for _, c := range []struct {
		name string
		file string
		line int
	}{
		{"at the end", `a=\u`, 1},
		{"too short", "a=1\nb=\\u12\n", 2},
		{"not hexadecimal", "a=1\n\nb=\\u12g4\n", 3},
		{"capitals beyond F", "a=\\u004G\n", 1},
		{"a sign is not a digit", "a=\\u-123\n", 1},
		{"in a key", "# c\n\\u00=1\n", 2},
		{"cut by the separator", "\\u004=1\n", 1},
		{"CRLF counts once", "a=1\r\nb=2\r\nc=\\uzzzz\r\n", 3},
		{"CR counts", "a=1\rb=2\rc=\\uzzzz\r", 3},
		{"on a continuation line", "a=1\\\n  2\\\n  \\uzzzz\n", 3},
		{"interrupted by a continuation", "a=1\\\n  \\u00\\\n  4\n", 2},
		{"the first of two", "a=\\u1\nb=\\u2\n", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Parse([]byte(c.file))
			var syntax *SyntaxError
			if !errors.As(err, &syntax) {
				t.Fatalf("%q: %v, want a *SyntaxError", c.file, err)
			}
			if syntax.Line != c.line {
				t.Errorf("%q: line %d, want %d", c.file, syntax.Line, c.line)
			}
			if !strings.Contains(err.Error(), `\u`) {
				t.Errorf("the message does not describe the error: %v", err)
			}
			if _, ok, err := j.load([]byte(c.file), false); err != nil || ok {
				t.Errorf("Java loads %q (%v)", c.file, err)
			}
		})
	}
}

func TestParseUTF8RefusesOtherBytes(t *testing.T) {
	for _, file := range []string{
		"a=\xe9\n",                   // Latin-1
		"# \xe9\na=1\n",              // even outside entries
		"a=\xc3",                     // truncated
		"a=\xed\xa0\xbd\xed\xb8\x80", // surrogates as in CESU-8
		"a=\xc0\xaf",                 // overlong form
	} {
		if _, err := ParseUTF8([]byte(file)); !errors.Is(err, ErrNotUTF8) {
			t.Errorf("%q: %v, want ErrNotUTF8", file, err)
		}
		if _, err := Parse([]byte(file)); err != nil {
			t.Errorf("%q as Latin-1: %v", file, err)
		}
	}
}

func TestParseRefusesTwoGigabytes(t *testing.T) {
	if testing.Short() {
		t.Skip("reserves 2 GiB of address space")
	}
	// Parse must not access the pages, which the kernel allocates on first access.
	size := int64(1) << 31
	if _, err := Parse(make([]byte, size)); !errors.Is(err, ErrTooLarge) {
		t.Errorf("%v, want ErrTooLarge", err)
	}
}

func TestEntries(t *testing.T) {
	d, err := Parse([]byte("# head\r\n  a = 1,\\\r\n   2\r\rb:2\n\n\\\n\\u0061=3\ra\\=b=4\r\n\r\n\n\rlast"))
	if err != nil {
		t.Fatal(err)
	}
	want := []Entry{
		{Key: "a", Value: "1,2", Line: 2, Shadowed: true, Text: []byte("  a = 1,\\\r\n   2")},
		{Key: "b", Value: "2", Line: 5, Text: []byte("b:2")},
		{Key: "a", Value: "3", Line: 8, Text: []byte("\\\n\\u0061=3")},
		{Key: "a=b", Value: "4", Line: 9, Text: []byte("a\\=b=4")},
		{Key: "last", Value: "", Line: 13, Text: []byte("last")},
	}
	var got []Entry
	for e := range d.Entries() {
		got = append(got, e)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for key, line := range map[string]int{"a": 8, "b": 5, "a=b": 9, "last": 13, "none": 0} {
		if got := d.Line(key); got != line {
			t.Errorf("Line(%q) = %d, want %d", key, got, line)
		}
	}
	if d.Len() != 4 {
		t.Errorf("Len = %d, want 4", d.Len())
	}
}

// The first lookups are made without an index, later ones with it. The results must
// be the same.
func TestLookupsWithAndWithoutIndex(t *testing.T) {
	want := map[string]string{"a": "3", "b c": "4", "é": "5", "": "6"}
	lines := map[string]int{"a": 3, "b c": 4, "é": 5, "": 6}
	for _, key := range []string{"a", "b c", "é", "", "none", "\\u0061"} {
		d, err := Parse([]byte("a=1\nb\\ c=2\n\\u0061=3\nb\\u0020c=4\n\xe9=5\n=6\n"))
		if err != nil {
			t.Fatal(err)
		}
		value, ok := want[key]
		for i := range 100 {
			if got, had := d.Get(key); got != value || had != ok {
				t.Fatalf("lookup %d: %q=%q, %v; want %q, %v", i, key, got, had, value, ok)
			}
			if got := d.Line(key); got != lines[key] {
				t.Fatalf("lookup %d: %q is on line %d, want %d", i, key, got, lines[key])
			}
		}
		if d.index == nil {
			t.Fatal("after 200 lookups there is still no index")
		}
	}
}

func TestIteratorsStop(t *testing.T) {
	d, err := Parse([]byte("a=1\nb=2\n"))
	if err != nil {
		t.Fatal(err)
	}
	d.Set("c", "3")
	d.Set("d", "4")
	var seen []string
	for e := range d.Entries() {
		seen = append(seen, e.Key)
		break
	}
	for _, last := range []string{"a", "c"} {
		for k := range d.All() {
			if seen = append(seen, k); k == last {
				break
			}
		}
	}
	if diff := cmp.Diff([]string{"a", "a", "a", "b", "c"}, seen); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// documentEdits lists the bytes that each edit leads to. Everything that an edit does
// not name must remain unchanged.
var documentEdits = []struct {
	name  string
	file  string
	utf8  bool
	edits []edit
	want  string
}{
	{"value only", "# c\na=1\n\n! d\nb=2\nc=3\n", false, []edit{{key: "b", value: "x"}}, "# c\na=1\n\n! d\nb=x\nc=3\n"},
	{"separator and spacing are kept", "\t a \t: 1\n", false, []edit{{key: "a", value: "x"}}, "\t a \t: x\n"},
	{"blank separator is kept", "a\t1\n", false, []edit{{key: "a", value: "x"}}, "a\tx\n"},
	{"escaped key is kept", "\\u0061\\ b=1\n", false, []edit{{key: "a b", value: "x"}}, "\\u0061\\ b=x\n"},
	{"CRLF stays", "a=1\r\nb=2\r\n", false, []edit{{key: "a", value: "x"}}, "a=x\r\nb=2\r\n"},
	{"CR stays", "a=1\rb=2\r", false, []edit{{key: "a", value: "x"}}, "a=x\rb=2\r"},
	{"missing final newline is kept", "a=1", false, []edit{{key: "a", value: "x"}}, "a=x"},
	{"blanks after the old value are removed", "a=1 \t\nb=2\n", false, []edit{{key: "a", value: "x"}}, "a=x\nb=2\n"},
	{"earlier duplicates are kept", "a=1\nb=2\na=3\n", false, []edit{{key: "a", value: "x"}}, "a=1\nb=2\na=x\n"},
	{"continued value is replaced completely", "a = 1,\\\n    2,\\\n    3\nb=2\n", false, []edit{{key: "a", value: "x"}}, "a = x\nb=2\n"},
	{"value that starts on the next line", "a=\\\n  1,\\\n  2\nb=2\n", false, []edit{{key: "a", value: "x"}}, "a=\\\n  x\nb=2\n"},
	{"empty value on the next line removes the mark", "a=\\\n  1\nb=2\n", false, []edit{{key: "a"}}, "a=\nb=2\n"},
	{"continued key is kept", "da\\\n  v=1\n", false, []edit{{key: "dav", value: "x"}}, "da\\\n  v=x\n"},
	{"no separator yet", "a\nb=2\n", false, []edit{{key: "a", value: "x"}}, "a=x\nb=2\n"},
	{"no separator and no newline yet", "a", false, []edit{{key: "a", value: "x"}}, "a=x"},
	{"a blank is a separator", "a \n", false, []edit{{key: "a", value: "x"}}, "a x\n"},
	{"no value yet", "a=\n", false, []edit{{key: "a", value: "x"}}, "a=x\n"},
	{"empty value", "a=1\nb 2\n", false, []edit{{key: "a"}, {key: "b"}}, "a=\nb \n"},
	{"backslash at the end is removed with the value", "a=1\\", false, []edit{{key: "a", value: "x"}}, "a=x"},
	{"two edits far apart", "c=3\nb=2\na=1\n", false, []edit{{key: "a", value: "x"}, {key: "c", value: "yyy"}}, "c=yyy\nb=2\na=x\n"},
	{"a value is never parsed", "a=1\n", false, []edit{{key: "a", value: "x\nb=2\\"}}, "a=x\\nb=2\\\\\n"},
	{"bytes beyond ASCII stay Latin-1", "\xe9=\xdf\na=\xdf\n", false, []edit{{key: "a", value: "ß"}, {key: "é", value: "é"}}, "\xe9=\\u00E9\na=\xdf\n"},
	{"bytes beyond ASCII stay UTF-8", "é=ß\na=ß\n", true, []edit{{key: "é", value: "é"}}, "é=\\u00E9\na=ß\n"},

	{"new key in an empty file", "", false, []edit{{key: "a", value: "1"}}, "a=1\n"},
	{"new key at the end", "a=1\n# end\n", false, []edit{{key: "b", value: "2"}}, "a=1\n# end\nb=2\n"},
	{"new key after a line without line ending", "a=1", false, []edit{{key: "b", value: "2"}}, "a=1\nb=2"},
	{"new key after a comment without line ending", "a=1\r\n# end \\", false, []edit{{key: "b", value: "2"}}, "a=1\r\n# end \\\r\nb=2"},
	{"new keys in the order of the edits", "a=1", false, []edit{{key: "c", value: "3"}, {key: "b", value: "2"}}, "a=1\nc=3\nb=2"},
	{"new key in a CRLF file", "a=1\r\n", false, []edit{{key: "b", value: "2"}}, "a=1\r\nb=2\r\n"},
	{"new key in a CR file", "a=1\r", false, []edit{{key: "b", value: "2"}}, "a=1\rb=2\r"},
	{"new key in a file of mixed line endings", "# c\rd.a=1\n\nb=2\n", false, []edit{{key: "d.b", value: "2"}}, "# c\rd.a=1\nd.b=2\n\nb=2\n"},
	{"new key in its family", "d.acl.a=1\n\nd.uri.b=2\nother=3\n", false, []edit{{key: "d.acl.z", value: "9"}}, "d.acl.a=1\nd.acl.z=9\n\nd.uri.b=2\nother=3\n"},
	{"new key in the wider family", "d.acl.a=1\n\nd.uri.b=2\nother=3\n", false, []edit{{key: "d.new", value: "9"}}, "d.acl.a=1\n\nd.uri.b=2\nd.new=9\nother=3\n"},
	{"a family consists of whole components", "d.acl=1\nother=2\n", false, []edit{{key: "d.aclx", value: "9"}, {key: "dx", value: "8"}}, "d.acl=1\nd.aclx=9\nother=2\ndx=8\n"},
	{"new key in a family that ends the file", "d.a=1", false, []edit{{key: "d.b", value: "2"}, {key: "x", value: "3"}}, "d.a=1\nd.b=2\nx=3"},
	{"new key before a backslash at the end", "a=1\nb=2\\", false, []edit{{key: "c", value: "3"}}, "a=1\nc=3\nb=2\\"},
	{"new key before a continuation at the end of the file", "a=1\nb=2\\\n", false, []edit{{key: "c", value: "3"}}, "a=1\nc=3\nb=2\\\n"},
	{"new key before a continuation into blanks", "a=1\nb=2\\\n \t", false, []edit{{key: "c", value: "3"}}, "a=1\nc=3\nb=2\\\n \t"},
	{"new key after an added last value", "a", false, []edit{{key: "b", value: "2"}, {key: "a", value: "1"}}, "a=1\nb=2"},

	{"unset", "a=1\nb=2\nc=3\n", false, []edit{{key: "b", unset: true}}, "a=1\nc=3\n"},
	{"unset keeps comments and blank lines", "# a\na=1\n\n# b\nb=2\n", false, []edit{{key: "a", unset: true}}, "# a\n\n# b\nb=2\n"},
	{"unset removes every duplicate", "a=1\nb=2\n\\u0061 3\nc=4\na", false, []edit{{key: "a", unset: true}}, "b=2\nc=4\n"},
	{"unset removes all lines of a value", "a=1\\\r\n  2\\\r\n  3\r\nb=2\r\n", false, []edit{{key: "a", unset: true}}, "b=2\r\n"},
	{"unset of the only entry", "a=1", false, []edit{{key: "a", unset: true}}, ""},
	{"unset of the last line", "a=1\nb=2", false, []edit{{key: "b", unset: true}}, "a=1\n"},
	{"unset next to a new key", "d.a=1\nd.b=2\n", false, []edit{{key: "d.b", unset: true}, {key: "d.c", value: "3"}}, "d.a=1\nd.c=3\n"},
	{"unset of a last line without line ending, and a new key", "a=1\nb=2", false, []edit{{key: "b", unset: true}, {key: "c", value: "3"}}, "a=1\nc=3\n"},
	{"unset of the only line without line ending, and a new key", "a=1", false, []edit{{key: "a", unset: true}, {key: "c", value: "3"}}, "c=3\n"},
	{"unset everything, then a new key", "a=1\r\nb=2\r\n", false, []edit{{key: "a", unset: true}, {key: "b", unset: true}, {key: "c", value: "3"}}, "c=3\r\n"},
}

func TestDocumentEdits(t *testing.T) {
	for _, c := range documentEdits {
		t.Run(c.name, func(t *testing.T) {
			d, err := readWith(c.file, c.utf8)
			if err != nil {
				t.Fatal(err)
			}
			apply(d, c.edits)
			if got := string(d.Bytes()); got != c.want {
				t.Errorf("%q\nbecame %q\nwant   %q", c.file, got, c.want)
			}
			after, err := d.Render()
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(after.Source(), d.Bytes()) {
				t.Errorf("Render returns %q, Bytes %q", after.Source(), d.Bytes())
			}
		})
	}
}

func apply(d *Document, edits []edit) {
	for _, e := range edits {
		if e.unset {
			d.Unset(e.key)
		} else {
			d.Set(e.key, e.value)
		}
	}
}

// From the resulting bytes, Java must read what it read before, with the edits.
func TestJavaAgreesWithEdits(t *testing.T) {
	j := startJava(t)
	for _, c := range documentEdits {
		t.Run(c.name, func(t *testing.T) {
			want, ok, err := j.load([]byte(c.file), c.utf8)
			if err != nil || !ok {
				t.Fatalf("Java refuses %q: %v", c.file, err)
			}
			for _, e := range c.edits {
				if delete(want, e.key); !e.unset {
					want[e.key] = e.value
				}
			}
			got, ok, err := j.load([]byte(c.want), c.utf8)
			if err != nil || !ok {
				t.Fatalf("Java refuses %q: %v", c.want, err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%q (-wanted +java):\n%s", c.want, diff)
			}
		})
	}
}

func TestValuesAreEscaped(t *testing.T) {
	for value, want := range map[string]string{
		"http://h:80/?a=b#c!": `http://h:80/?a=b#c!`,
		"(&(uid={0}),${x}'%)": `(&(uid={0}),${x}'%)`,
		"#a":                  `#a`,
		" a  b ":              `\ a  b\ `,
		" ":                   `\ `,
		"  ":                  `\ \ `,
		"\t\n\r\f":            `\t\n\r\f`,
		"a\\":                 `a\\`,
		"é\u2028":             `\u00E9\u2028`,
		"😀":                   `\uD83D\uDE00`,
		"\xed\xa0\xbda":       `\uD83Da`,
		"\x00\x1b\x7f\u00a0":  `\u0000\u001B\u007F\u00A0`,
		"\ufffd":              `\uFFFD`,
		"=a=":                 `=a=`,
		":a:":                 `:a:`,
	} {
		assertWritten(t, "k=0\n", "k", value, "k="+want+"\n")
	}
	// After a blank, the first mark would be the separator.
	assertWritten(t, "k 0\n", "k", "=a=", `k \=a=`+"\n")
	assertWritten(t, "k\t0\n", "k", ":a:", "k\t"+`\:a:`+"\n")
	assertWritten(t, "k\n", "k", "=a", "k==a\n")
}

func TestKeysAreEscaped(t *testing.T) {
	for key, want := range map[string]string{
		"davcore.acl/x":      `davcore.acl/x`,
		"":                   ``,
		"#a#":                `\#a#`,
		"!a!":                `\!a!`,
		" a b ":              `\ a\ b\ `,
		"a=b:c":              `a\=b\:c`,
		"a\\b":               `a\\b`,
		"\t\n\r\f":           `\t\n\r\f`,
		"é😀\x00\xed\xb8\x80": `\u00E9\uD83D\uDE00\u0000\uDE00`,
	} {
		assertWritten(t, "", key, "1", want+"=1\n")
	}
}

func assertWritten(t *testing.T, file, key, value, want string) {
	t.Helper()
	d, err := Parse([]byte(file))
	if err != nil {
		t.Fatal(err)
	}
	d.Set(key, value)
	after, err := d.Render()
	if err != nil {
		t.Fatalf("%q=%q: %v", key, value, err)
	}
	if got := string(after.Source()); got != want {
		t.Errorf("%q=%q is written as %q, want %q", key, value, got, want)
	}
	if got, ok := after.Get(key); !ok || got != value {
		t.Errorf("%q=%q is read back as %q, %v", key, value, got, ok)
	}
}
