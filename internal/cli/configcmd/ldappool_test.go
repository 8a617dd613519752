package configcmd

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParsePoolProperties(t *testing.T) {
	for _, c := range []struct {
		text string
		want []poolSetting
		bad  string // in the message
	}{
		{text: "ldaphost=h", want: []poolSetting{{"ldaphost", "h"}}},
		{text: " LDAPhost = a b , ldapport=1", want: []poolSetting{{"ldaphost", "a b"}, {"ldapport", "1"}}},
		{text: "ldaphost=a=b", want: []poolSetting{{"ldaphost", "a=b"}}},
		{text: "ldapport=", want: []poolSetting{{"ldapport", ""}}},
		{text: "binddn=", want: []poolSetting{{"binddn", ""}}},
		{text: "binddn=cn=a, o=b,l=c,s=d,dc=e,ldapport=1", want: []poolSetting{{"binddn", "cn=a, o=b,l=c,s=d,dc=e"}, {"ldapport", "1"}}},
		{text: `binddn=cn=a\,ou=b,o=c`, want: []poolSetting{{"binddn", `cn=a,ou=b,o=c`}}},
		{text: `binddn=cn=a\2Cb,o=c`, want: []poolSetting{{"binddn", `cn=a\2Cb,o=c`}}},
		{text: `binddn=cn=a\\\,b,o=c`, want: []poolSetting{{"binddn", `cn=a\,b,o=c`}}},
		{text: "", want: nil},
		{text: `binddn=cn=a\,b,o=c`, bad: `write a comma inside a name of it as \2C`},
		{text: "ldaphost=h,binddn=cn=a", want: []poolSetting{{"ldaphost", "h"}, {"binddn", "cn=a"}}},
		{text: "ldaphost=h,", bad: "ldaphost: unexpected comma"},
		{text: "ldaphost", bad: "missing '='"},
		{text: "=h", bad: "missing '='"},
		{text: "ldaphost=h,cn=secret", bad: "ldaphost: unexpected comma"},
		{text: "binddn=cn=a,ldaphots=secret", bad: "did you mean ldaphost?"},
		{text: "\x1b=secret", bad: "unknown pool property"},
	} {
		got, err := parsePoolProperties(c.text)
		if c.bad != "" {
			if err == nil || !strings.Contains(err.Error(), c.bad) || strings.Contains(err.Error(), "secret") {
				t.Errorf("%q: %v, %v", c.text, got, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%q: %v", c.text, err)
		}
		if diff := cmp.Diff(c.want, got, cmp.AllowUnexported(poolSetting{})); diff != "" {
			t.Errorf("%q: %s", c.text, diff)
		}
	}
}

func FuzzParsePoolProperties(f *testing.F) {
	f.Add("ldaphost=a b,binddn=cn=a,o=b,ldapport=1")
	f.Fuzz(func(t *testing.T, text string) {
		set, err := parsePoolProperties(text)
		if (err == nil) != (len(set) > 0 || strings.Trim(text, " \t") == "") {
			t.Errorf("%q: %v, %v", text, set, err)
		}
	})
}
