package directory

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"

	"github.com/davadmin/davadmin/pkg/ldif"
)

// modelEntry is an entry as it was written.
type modelEntry struct {
	dn    string
	attrs []ldif.WriteAttribute
}

func drawEntry(t *rapid.T) modelEntry {
	rdn := rapid.SampledFrom([]string{"uid=a", "uid=B", "cn=ä", `cn=a\,b`, "uid=x"}).Draw(t, "rdn")
	above := rapid.SampledFrom([]string{"", ",o=isp", ",ou=x,o=isp", ", OU=X, O=ISP", ",o=other", ",ou=y,ou=x,o=isp"}).Draw(t, "above")
	e := modelEntry{dn: rdn + above}
	for range rapid.IntRange(0, 6).Draw(t, "attributes") {
		name := rapid.SampledFrom([]string{"cn", "CN", "mail", "Mail;x-1", "davUniqueId", "sn", "objectClass", "objectclass", "OBJECTCLASS", "description"}).Draw(t, "name")
		var value []byte
		if strings.EqualFold(name, "objectclass") {
			value = []byte(rapid.SampledFrom([]string{"top", "person", "Person", "groupOfNames", "inetOrgPerson", "other"}).Draw(t, "class"))
		} else {
			value = rapid.OneOf(
				rapid.Map(rapid.SampledFrom([]string{"", "anna", "Anna", " anna ", "bo b"}), func(s string) []byte { return []byte(s) }),
				rapid.SliceOfN(rapid.Byte(), 0, 120),
			).Draw(t, "value")
		}
		e.attrs = append(e.attrs, ldif.WriteAttribute{Name: name, Values: [][]byte{value}})
	}
	return e
}

// drawQuery returns a query and a simple Go function that selects the same entries.
func drawQuery(t *rapid.T) (Query, func(modelEntry) (kind Kind, values []string, asked bool)) {
	q := Query{
		Attributes: []string{"cn", "MAIL", "davUniqueId", "objectClass", "cn"},
		Selections: []Selection{
			{Kind: Group, Classes: []string{"groupofnames"}},
			{Kind: User, Classes: []string{"person", "inetorgperson"}},
		},
		Others: rapid.Bool().Draw(t, "others"),
	}
	for i := range q.Selections {
		q.Selections[i].Attributes = uint64(rapid.IntRange(0, 31).Draw(t, "wanted"))
	}
	below := func(string) bool { return true }
	if rapid.Bool().Draw(t, "based") {
		q.Bases = []string{rapid.SampledFrom([]string{"ou=x,o=isp", "OU = x,O = isp"}).Draw(t, "base")}
		below = func(dn string) bool {
			return strings.HasSuffix(strings.ReplaceAll(strings.ToLower(dn), " ", ""), ",ou=x,o=isp")
		}
	}
	filtered := func(modelEntry) bool { return true }
	if rapid.Bool().Draw(t, "filtered") {
		q.Filter = "(cn=anna)"
		filtered = func(e modelEntry) bool {
			return slices.ContainsFunc(e.attrs, func(a ldif.WriteAttribute) bool {
				return strings.EqualFold(a.Name, "cn") && strings.EqualFold(strings.Trim(string(a.Values[0]), " "), "anna")
			})
		}
	}
	return q, func(e modelEntry) (kind Kind, values []string, asked bool) {
		var wanted uint64
		for _, s := range slices.Backward(q.Selections) {
			for _, a := range e.attrs {
				if strings.EqualFold(a.Name, "objectclass") && slices.Contains(s.Classes, strings.ToLower(string(a.Values[0]))) {
					kind, wanted = s.Kind, s.Attributes
				}
			}
		}
		if kind == Other {
			return kind, nil, q.Others
		}
		for _, a := range e.attrs {
			name, _, _ := strings.Cut(strings.ToLower(a.Name), ";")
			for i, asked := range []string{"cn", "mail", "davuniqueid", "objectclass"} {
				if name == asked && (wanted>>i&1 != 0 || i == 0 && wanted>>4&1 != 0) {
					values = append(values, fmt.Sprintf("%s=%q", q.Attributes[i], a.Values[0]))
				}
			}
		}
		if !below(e.dn) || !filtered(e) {
			return Other, nil, q.Others
		}
		return kind, values, true
	}
}

// paragraphs are texts between two records that are not entries.
var paragraphs = []struct {
	text    string
	problem bool
}{
	{"", false}, {"", false}, {"", false}, {"\n", false}, {"# comment\n\n", false}, {"ref: ldap://x\n\n", false}, {"version: 1\n\n", false},
	{"garbage\n\n", true}, {"dn: o=x\nno colon\n\n", true}, {"dn: o=isp\ncn:: ?\n\n", true}, {"dn: o=x\nchangetype: delete\n\n", true},
	{"dn: o=x\nchangetype: add\nobjectClass: person\n\n", true}, {"version: 2\n\n", true}, {"\xff\x00\n\n", true},
	{"dn: o=x\ncn:< file:///etc/passwd\n\n", true},
}

// TestFilesDeliverWhatWasWritten writes entries with other text between them into
// several files, and checks that every way of reading delivers all of them.
func TestFilesDeliverWhatWasWritten(t *testing.T) {
	rapidChecks(t, "250")
	dir := t.TempDir()
	delivered, round := map[Kind]int{}, 0
	rapid.Check(t, func(rt *rapid.T) {
		q, judge := drawQuery(rt)
		var want []string
		var paths []string
		problems := 0
		round++
		for file := range rapid.IntRange(1, 3).Draw(rt, "files") {
			var text bytes.Buffer
			for range rapid.IntRange(0, 8).Draw(rt, "entries") {
				between := rapid.SampledFrom(paragraphs).Draw(rt, "between")
				if between.problem {
					problems++
				}
				text.WriteString(between.text)
				var one bytes.Buffer
				w := ldif.NewWriter(&one)
				e := drawEntry(rt)
				if err := w.Entry(e.dn, e.attrs); err != nil {
					rt.Fatal(err)
				}
				if err := w.Flush(); err != nil {
					rt.Fatal(err)
				}
				text.Write(one.Bytes())
				if kind, values, asked := judge(e); asked {
					delivered[kind]++
					want = append(want, strings.Join(append([]string{fmt.Sprintf("%d %s %q", file, kind, e.dn)}, values...), " "))
				}
			}
			b := text.Bytes()
			switch rapid.IntRange(0, 3).Draw(rt, "packed") {
			case 0:
				b = packGzip(b)
			case 1:
				b = packZstd(b)
			}
			path := filepath.Join(dir, fmt.Sprintf("%d-%d", round, file))
			if err := os.WriteFile(path, b, 0o600); err != nil {
				rt.Fatal(err)
			}
			defer os.Remove(path)
			paths = append(paths, path)
		}
		s := NewFiles(FilesOptions{Paths: paths})
		items, err := entriesOf(t, s, q)
		if err != nil {
			rt.Fatal(err)
		}
		var got []string
		met := 0
		for _, i := range items {
			where, rest, _ := strings.Cut(i.text, " ")
			file, _, _ := strings.Cut(where, ":")
			switch kind, _, _ := strings.Cut(rest, " "); kind {
			case "broken", "change", "version", "invalid":
				met++
			case "referral":
			default:
				got = append(got, file+" "+rest)
			}
		}
		if !slices.Equal(got, want) || met != problems {
			rt.Fatalf("%+v: %d problems of %d, got\n%s\nwant\n%s", q, met, problems, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
		for _, workers := range []int{1, 3} {
			again, err := scanOf(t, t.Context(), s, q, workers)
			if err != nil || !slices.Equal(again, items) {
				rt.Fatalf("%d workers: %v\n%s\nwithout\n%s", workers, err, strings.Join(texts(again), "\n"), strings.Join(texts(items), "\n"))
			}
		}
	})
	for _, kind := range []Kind{Other, User, Group} {
		if delivered[kind] < 30 {
			t.Errorf("only %d entries of kind %s", delivered[kind], kind)
		}
	}
}

// TestScanReadsDamagedFilesTheSame reads randomly damaged files, with read errors.
func TestScanReadsDamagedFilesTheSame(t *testing.T) {
	rapidChecks(t, "1000")
	heads := []string{"dn: uid=a,o=isp", "dn: uid=a,ou=x,o=isp", "dn: no name", "dn:: dWlkPWEsb3U9eCxvPWlzcA==", "dn:: ?", "version: 1", "# extended LDIF", "search: 2"}
	lines := []string{
		"objectClass: person", "objectClass: person", "objectClass: groupOfNames", "objectClass: nsTombstone", "cn: anna", "cn: anna", "cn;lang-de:: w4Q=", "cn;deleted: x",
		"mail:", "result: 4 Size limit", "result: 0 Success", "# c", " folded", "", "\x00", "dn: o=x", "no colon",
	}
	whole := []string{"ref: ldap://x", "search: 2\nresult: 0 Success", "search: 2\nresult: 4 Size limit", "dn: o=x\nchangetype: delete", "dn: o=x\nchangetype: modify\nadd: cn\ncn: x\n-"}
	paragraph := rapid.Custom(func(t *rapid.T) string {
		if rapid.IntRange(0, 4).Draw(t, "whole") == 0 {
			return rapid.SampledFrom(whole).Draw(t, "paragraph")
		}
		return strings.Join(append([]string{rapid.SampledFrom(heads).Draw(t, "head")}, rapid.SliceOfN(rapid.SampledFrom(lines), 0, 4).Draw(t, "lines")...), "\n")
	})
	kinds := map[string]int{}
	rapid.Check(t, func(rt *rapid.T) {
		text := strings.Join(rapid.SliceOfN(paragraph, 0, 12).Draw(rt, "paragraphs"), "\n\n") + rapid.SampledFrom([]string{"\n", "\n\n", ""}).Draw(rt, "end")
		if rapid.Bool().Draw(rt, "crlf") {
			text = strings.ReplaceAll(text, "\n", "\r\n")
		}
		q, _ := drawQuery(rt)
		var in func() io.Reader
		switch at := rapid.IntRange(0, 2*len(text)).Draw(rt, "error at"); {
		case at < len(text):
			in = func() io.Reader {
				return io.MultiReader(strings.NewReader(text[:at]), iotest.ErrReader(io.ErrClosedPipe))
			}
		default:
			in = func() io.Reader { return strings.NewReader(text) }
		}
		open := func() *Files {
			return NewFiles(FilesOptions{Paths: []string{"-"}, Stdin: in(), MaxEntry: rapid.SampledFrom([]int{0, 100}).Draw(rt, "limit")})
		}
		s := open()
		want, err := entriesOf(t, s, q)
		for _, i := range want {
			kinds[strings.Fields(i.text)[1]]++
		}
		if err != nil {
			kinds["incomplete"]++
		}
		for _, workers := range []int{1, 3} {
			o := s.o
			o.Stdin = in()
			got, scanErr := scanOf(t, t.Context(), NewFiles(o), q, workers)
			if !slices.Equal(got, want) || fmt.Sprint(err) != fmt.Sprint(scanErr) {
				rt.Fatalf("%q, %d workers: %v\n%s\nwithout: %v\n%s", text, workers, scanErr, strings.Join(texts(got), "\n"), err, strings.Join(texts(want), "\n"))
			}
		}
	})
	for _, kind := range []string{"user", "group", "other", "broken", "invalid", "change", "referral", "incomplete"} {
		if kinds[kind] < 5 {
			t.Errorf("only %d items of the kind %s", kinds[kind], kind)
		}
	}
}

func FuzzFiles(f *testing.F) {
	for _, c := range serverFiles {
		f.Add([]byte(c.text), "o=isp", "(cn=a*)")
	}
	f.Add(packGzip([]byte(rfc)), "", "")
	f.Add(packZstd([]byte(rfc)), "dc=com", "")
	f.Fuzz(func(t *testing.T, text []byte, base, filter string) {
		q := peopleQuery()
		q.Filter = filter
		if base != "" {
			q.Bases = []string{base}
		}
		read := func() ([]item, error) {
			return entriesOf(t, NewFiles(FilesOptions{Paths: []string{"-"}, Stdin: bytes.NewReader(text), MaxEntry: 1 << 16}), q)
		}
		want, err := read()
		got, scanErr := scanOf(t, t.Context(), NewFiles(FilesOptions{Paths: []string{"-"}, Stdin: bytes.NewReader(text), MaxEntry: 1 << 16}), q, 2)
		if !slices.Equal(got, want) || fmt.Sprint(err) != fmt.Sprint(scanErr) {
			t.Fatalf("%v\n%s\n%v\n%s", err, strings.Join(texts(want), "\n"), scanErr, strings.Join(texts(got), "\n"))
		}
	})
}
