package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func mustMap(t fataler, text string) *DomainMap {
	t.Helper()
	m, err := ParseDomainMap([]byte(text))
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return m
}

const (
	urlA = "http://a.example:80/ischedule/"
	urlB = "http://b.example:81/ischedule/"
)

func TestDomainMapEntries(t *testing.T) {
	m := mustMap(t, "# x\nExample.com=http\\://a.example\\:80/ischedule/\nnot a key="+urlB+"\nb\xc3\xbccher.example="+urlA+
		"\n\\u0062\\u00fccher.test "+urlB+"\nexample.com.:"+urlB+"\nEXAMPLE.org="+urlA+"\nEXAMPLE.org="+urlB+"\n_x="+urlA)
	want := []DomainEntry{
		{Domain: "example.com", Shown: "example.com", URL: urlA, Key: "Example.com", Line: 2},
		{Domain: "not", Shown: "not", URL: "a key=" + urlB, Key: "not", Line: 3},
		{Domain: "xn--bcher-kva.example", Shown: "bücher.example", URL: urlA, Key: "b\u00c3\u00bccher.example", Line: 4},
		{Domain: "xn--bcher-kva.test", Shown: "bücher.test", URL: urlB, Key: "bücher.test", Line: 5},
		{Domain: "example.com", Shown: "example.com", URL: urlB, Key: "example.com.", Line: 6},
		{Domain: "example.org", Shown: "example.org", URL: urlA, Key: "EXAMPLE.org", Line: 7, Shadowed: true},
		{Domain: "example.org", Shown: "example.org", URL: urlB, Key: "EXAMPLE.org", Line: 8},
		{Shown: "_x", URL: urlA, Key: "_x", Line: 9},
	}
	if diff := cmp.Diff(want, m.Entries()); diff != "" {
		t.Error(diff)
	}
	var lines []int
	for _, e := range m.Effective() {
		lines = append(lines, e.Line)
	}
	if !slices.Equal(lines, []int{3, 4, 5, 6, 8, 9}) {
		t.Errorf("lines %v have an effect", lines)
	}
}

// A key in the form that is compared has precedence over others, wherever it is.
func TestDomainMapLookup(t *testing.T) {
	m := mustMap(t, "Example.com="+urlA+"\nexample.com="+urlB+"\nEXAMPLE.COM="+urlA+"\nA.example="+urlA+"\na.example.="+urlB+"\n")
	for domain, line := range map[string]int{"example.com": 2, "EXAMPLE.com.": 2, "a.example": 5} {
		if e, ok := m.Lookup(domain); !ok || e.Line != line {
			t.Errorf("%s: line %d, %v", domain, e.Line, ok)
		}
	}
	for _, domain := range []string{"example.org", "", "no domain"} {
		if e, ok := m.Lookup(domain); ok {
			t.Errorf("%q was found: %+v", domain, e)
		}
	}
}

func TestDomainMapEdit(t *testing.T) {
	for _, c := range []struct {
		name, before string
		action       DomainAction
		domain, url  string
		after        string
		warned       string
	}{
		{"first", "# x\n", DomainCreate, "Example.COM.", urlA, "# x\nexample.com=" + urlA + "\n", ""},
		{"next to its parent domain", "a.com=" + urlA + "\n# end\n", DomainCreate, "b.com", urlA, "a.com=" + urlA + "\n# end\nb.com=" + urlA + "\n", ""},
		{"no end of line", "a.com=" + urlA, DomainCreate, "b.com", urlB, "a.com=" + urlA + "\nb.com=" + urlB, ""},
		{"CRLF", "a.com=" + urlA + "\r\n", DomainCreate, "b.com", urlB, "a.com=" + urlA + "\r\nb.com=" + urlB + "\r\n", ""},
		{"only the value", "# x\n a.com : http\\://a.example\\:80/ischedule/\n#y", DomainModify, "a.com", urlB, "# x\n a.com : " + urlB + "\n#y", ""},
		{"the same URL", "a.com=http\\://a.example\\:80/ischedule/\n", DomainModify, "a.com", urlA, "a.com=http\\://a.example\\:80/ischedule/\n", ""},
		{"other spelling", "# x\nA.com.=" + urlA + "\n# y\n", DomainModify, "a.com", urlB, "# x\n# y\na.com=" + urlB + "\n", ""},
		{"equal keys", "a.com=" + urlA + "\n# x\na.com=" + urlB + "\n", DomainModify, "a.com", urlB, "# x\na.com=" + urlB + "\n", "lines 1 and 3"},
		{"two spellings", "A.com=" + urlA + "\n# x\na.com=" + urlB + "\n", DomainModify, "a.com", urlB, "# x\na.com=" + urlB + "\n", "lines 1 and 3"},
		{"in UTF-8", "b\xc3\xbccher.example=" + urlA + "\n", DomainModify, "bücher.example", urlA, "xn--bcher-kva.example=" + urlA + "\n", ""},
		{"in Latin-1", "b\xfccher.example=" + urlA + "\n", DomainModify, "bücher.example", urlA, "xn--bcher-kva.example=" + urlA + "\n", ""},
		{"behind a mark", "\xef\xbb\xbfa.com=" + urlA + "\nb.com=" + urlB + "\n", DomainModify, "a.com", urlA, "b.com=" + urlB + "\na.com=" + urlA + "\n", ""},
		{"delete all spellings", "a.com=" + urlA + "\nb.com=" + urlB + "\nA.COM=" + urlB + "\na.com=\n", DomainDelete, "A.com", "", "b.com=" + urlB + "\n", ""},
		{"delete a key that is not a domain", "*.a.com=" + urlA + "\nb.com=" + urlB + "\n", DomainDelete, "*.a.com", "", "b.com=" + urlB + "\n", ""},
	} {
		m := mustMap(t, c.before)
		after, changes, warnings, err := m.Edit(c.action, []DomainRequest{{Domain: c.domain, URL: c.url}})
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if diff := cmp.Diff(c.after, string(after.Source())); diff != "" {
			t.Errorf("%s:\n%s", c.name, diff)
		}
		if (len(changes) == 0) != (c.before == c.after || c.name == "equal keys") {
			t.Errorf("%s: changes %+v", c.name, changes)
		}
		if len(warnings) > 1 || (len(warnings) == 1) != (c.warned != "") || c.warned != "" && !strings.Contains(warnings[0].Text, c.warned) {
			t.Errorf("%s: warnings %+v", c.name, warnings)
		}
		if string(m.doc.Bytes()) != c.before {
			t.Errorf("%s: the original map became %q", c.name, m.doc.Bytes())
		}
	}
}

func TestDomainMapRefuses(t *testing.T) {
	m := mustMap(t, "# x\nExample.com="+urlA+"\n")
	for _, c := range []struct {
		action   DomainAction
		requests []DomainRequest
		want     string
		reason   error
	}{
		{DomainCreate, []DomainRequest{{Domain: "example.com", URL: urlB}}, "example.com is already mapped (line 2)", ErrDomainMapped},
		{DomainCreate, []DomainRequest{{Domain: "a.example", URL: urlB}, {Domain: "example.com", URL: urlB, Where: "f:3"}}, "f:3: example.com is already mapped", ErrDomainMapped},
		{DomainCreate, []DomainRequest{{Domain: "a.example", URL: urlB, Where: "f:1"}, {Domain: "A.example.", URL: urlB}}, "a.example is listed twice (first at f:1); give each domain only once", nil},
		{DomainCreate, []DomainRequest{{Domain: "a b", URL: urlB}}, "'a b' is not a domain: ", nil},
		{DomainCreate, []DomainRequest{{Domain: "a.example", URL: "http://h/ischedule/"}}, "a.example: the URL has no port", nil},
		{DomainModify, []DomainRequest{{Domain: "exmaple.com", URL: urlB}}, "exmaple.com is not mapped; did you mean example.com?", ErrDomainNotMapped},
		{DomainModify, []DomainRequest{{Domain: "other.test", URL: urlB}}, "other.test is not mapped", ErrDomainToCreate},
		{DomainDelete, []DomainRequest{{Domain: "EXAMPLE.co"}}, "example.co is not mapped; did you mean example.com?", ErrDomainNotMapped},
		{DomainDelete, []DomainRequest{{Domain: "*.x"}}, "'*.x' is not mapped", ErrDomainNotMapped},
		{DomainDelete, []DomainRequest{{Domain: ""}}, "not a domain", nil},
	} {
		_, _, _, err := m.Edit(c.action, c.requests)
		var refused *RefusedError
		if !errors.As(err, &refused) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %q", c.requests, err, c.want)
		} else if !errors.Is(refused.Reason, c.reason) {
			t.Errorf("%+v: reason %v, want %v", c.requests, refused.Reason, c.reason)
		}
	}
}

func TestDomainMapWarns(t *testing.T) {
	warnings, err := ValidateDomains(DomainCreate, []DomainRequest{{Domain: "intranet", URL: urlA}, {Domain: "a.example", URL: "http://h:80/x"}})
	if err != nil || len(warnings) != 2 || warnings[0].Name != "intranet" || warnings[1].Name != "a.example" {
		t.Errorf("%+v, %v", warnings, err)
	}
}

// oddMap generates correct and incorrect files as administrators write them.
func oddMap() *rapid.Generator[[]byte] {
	return rapid.Custom(func(t *rapid.T) []byte {
		var out []byte
		for range rapid.IntRange(0, 8).Draw(t, "lines") {
			key := rapid.SampledFrom(mapKeys).Draw(t, "key")
			sep := rapid.SampledFrom([]string{"=", ":", " = ", " ", ":8080=", "=="}).Draw(t, "separator")
			value := rapid.SampledFrom([]string{urlA, urlB, `http\://a.example\:80/ischedule/`, "", "http://h/x", urlA + " ", urlA + "\\"}).Draw(t, "value")
			end := rapid.SampledFrom([]string{"\n", "\r\n", "\n\n# comment\n", ""}).Draw(t, "end")
			out = append(out, key+sep+value+end...)
		}
		if rapid.IntRange(0, 9).Draw(t, "mark") == 0 {
			out = append([]byte("\xef\xbb\xbf"), out...)
		}
		return out
	})
}

var mapKeys = []string{
	"example.com", "Example.com", "example.com.", "a.example", "A.EXAMPLE", "b\xc3\xbccher.example", "b\xfccher.example", "xn--bcher-kva.example",
	`b\u00fccher.example`, "*.example.com", "mail example.com", "http://example.org", "# example.com", "intranet", "_x", "",
}

// From an edited map, Java reads the requested domains, and all other keys as
// before.
func TestJavaReadsAnEditedDomainMap(t *testing.T) {
	j := startJava(t)
	checks(t, soakChecks("1500"))
	rapid.Check(t, func(t *rapid.T) {
		file := oddMap().Draw(t, "file")
		before, ok, err := j.load(file, false)
		if err != nil || !ok {
			t.Fatalf("Java refuses %q: %v", file, err)
		}
		m, err := ParseDomainMap(append([]byte{}, file...))
		if err != nil {
			t.Fatal(err)
		}
		action := rapid.SampledFrom([]DomainAction{DomainCreate, DomainModify, DomainDelete}).Draw(t, "action")
		domain := rapid.SampledFrom([]string{"example.com", "a.example", "bücher.example", "new.test", "intranet"}).Draw(t, "domain")
		d, err := ParseDomain(domain)
		if err != nil {
			t.Fatal(err)
		}
		const url = "https://new.example:8443/ischedule/"
		after, changes, _, err := m.Edit(action, []DomainRequest{{Domain: domain, URL: url}})
		_, mapped := m.Lookup(domain)
		if wanted := mapped != (action == DomainCreate); wanted != (err == nil) {
			t.Fatalf("%q: %d %s: %v", file, action, domain, err)
		}
		if err != nil {
			return
		}
		got, ok, err := j.load(after.Source(), false)
		if err != nil || !ok {
			t.Fatalf("Java refuses %q, made from %q: %v", after.Source(), file, err)
		}
		want := map[string]string{}
		for key, value := range before {
			want[key] = value
		}
		for _, e := range m.Entries() {
			if e.Domain == d.Name {
				delete(want, e.Key)
			}
		}
		if action != DomainDelete {
			want[d.Name] = url
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%q became %q (-wanted +java):\n%s", file, after.Source(), diff)
		}
		for _, c := range changes {
			if was, had := before[c.Key]; had != c.HadOld || was != c.Old {
				t.Fatalf("%q: change %+v, Java read %q", file, c, was)
			}
		}
	})
}

// Comments and the lines of other domains do not change by a single byte.
func TestDomainMapKeepsOtherLines(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var lines []string
		for i := range rapid.IntRange(0, 10).Draw(t, "lines") {
			lines = append(lines, rapid.SampledFrom([]string{
				"# comment", "", "  ! odd comment ", fmt.Sprintf("d%d.test=%s", i, urlA), fmt.Sprintf(" d%d.test : http\\://h\\:1/", i), fmt.Sprintf("d%d.test=\\\n  x", i),
			}).Draw(t, "line"))
		}
		text := strings.Join(append(lines, ""), "\n")
		after, _, _, err := mustMap(t, text).Edit(DomainCreate, []DomainRequest{{Domain: "new.example", URL: urlB}})
		if err != nil {
			t.Fatal(err)
		}
		line := "new.example=" + urlB + "\n"
		if got := string(after.Source()); strings.Replace(got, line, "", 1) != text || got == text {
			t.Fatalf("%q became %q", text, got)
		}
		back, _, _, err := ReadDomainMap(after).Edit(DomainDelete, []DomainRequest{{Domain: "NEW.example"}})
		if err != nil || string(back.Source()) != text {
			t.Fatalf("%q was restored as %q, %v", text, back.Source(), err)
		}
	})
}
