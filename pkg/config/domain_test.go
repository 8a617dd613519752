package config

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestParseDomain(t *testing.T) {
	for _, c := range []struct{ text, name, shown string }{
		{"example.com", "example.com", "example.com"},
		{"EXAMPLE.Com", "example.com", "example.com"},
		{"example.com.", "example.com", "example.com"},
		{"a-b.1c.example", "a-b.1c.example", "a-b.1c.example"},
		{"intranet", "intranet", "intranet"},
		{"ab--cd.example", "ab--cd.example", "ab--cd.example"},
		{"bücher.example", "xn--bcher-kva.example", "bücher.example"},
		{"BÜCHER.Example.", "xn--bcher-kva.example", "bücher.example"},
		{"xn--bcher-kva.example", "xn--bcher-kva.example", "bücher.example"},
		{"XN--BCHER-KVA.example", "xn--bcher-kva.example", "bücher.example"},
		{"straße.example", "xn--strae-oqa.example", "straße.example"},
		{"日本語。jp", "xn--wgv71a119e.jp", "日本語.jp"},
		{strings.Repeat("a", 63) + ".example", strings.Repeat("a", 63) + ".example", strings.Repeat("a", 63) + ".example"},
	} {
		d, err := ParseDomain(c.text)
		if err != nil || d.Name != c.name || d.Shown != c.shown {
			t.Errorf("%q: %+v, %v", c.text, d, err)
		}
	}
}

func TestParseDomainRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"":                                     "empty",
		".":                                    "empty",
		"example..com":                         "between two dots",
		".example.com":                         "between two dots",
		"example.com..":                        "between two dots",
		"-a.example":                           "hyphen",
		"a-.example":                           "hyphen",
		"exa mple.com":                         "letters, digits",
		"exam_ple.com":                         "letters, digits",
		"example.com:80":                       "letters, digits",
		"a\x00b.example":                       "letters, digits",
		"user@example.com":                     "did you mean example.com?",
		"http://example.com/x":                 "did you mean example.com?",
		"*.example.com":                        "patterns are not supported",
		"192.0.2.1":                            "IP address",
		"[2001:db8::1]":                        "IP address",
		"example.123":                          "number",
		"xn--\u00e4.example":                   "internationalized",
		"xn--a.example":                        "internationalized",
		"a\u200db.example":                     "internationalized",
		strings.Repeat("a", 64) + ".example":   "63",
		strings.Repeat("a.", 127) + "bb":       "253",
		strings.Repeat("bücher.", 40) + "test": "253",
		strings.Repeat("x", 5000):              "too long",
		"\xff.example":                         "UTF-8",
	} {
		if d, err := ParseDomain(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %+v, %v; want %q", text, d, err, want)
		}
	}
}

// oddDomain generates text that is often a domain and often almost one.
func oddDomain() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		s := ""
		for range rapid.IntRange(1, 8).Draw(t, "parts") {
			s += rapid.SampledFrom([]string{
				"a", "B", "example", "com", ".", ".", ".", "-", "ü", "ß", "日本", "xn--", "bcher-kva", "1", "@", "*", ":", " ", "\u0301", "א", "\u3002", "\xff",
			}).Draw(t, "part")
		}
		return s
	})
}

// The name that is written is the one that is compared: parsing it again changes
// nothing, and all spellings of a domain have the same name.
func TestDomainNamesAreStable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := oddDomain().Draw(t, "text")
		d, err := ParseDomain(text)
		if err != nil {
			return
		}
		if !isASCII([]byte(d.Name)) || d.Name != strings.ToLower(d.Name) || strings.HasSuffix(d.Name, ".") || len(d.Name) > maxDomain {
			t.Fatalf("%q: name %q", text, d.Name)
		}
		for _, again := range []string{d.Name, d.Shown, strings.ToUpper(d.Name), d.Name + "."} {
			if got, err := ParseDomain(again); err != nil || got != d {
				t.Fatalf("%q: %+v, but %q: %+v, %v", text, d, again, got, err)
			}
		}
	})
}
