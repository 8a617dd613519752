package cmdutil

import "testing"

func TestMaskURLs(t *testing.T) {
	for in, want := range map[string]string{
		"nothing": "nothing",
		"ldap://h:389: bind: no entry for jdoe@example.com": "ldap://h:389: bind: no entry for jdoe@example.com",
		"'ldap://u:pw@h' and ldaps://v:p:w@x@h:1, jdoe@x":   "'ldap://u:****@h' and ldaps://v:****@h:1, jdoe@x",
		"http://u@h:80/x": "http://u@h:80/x",
		"://:@ ://":       "://:****@ ://",
	} {
		if got := maskURLs(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestMaskHost(t *testing.T) {
	for in, want := range map[string]string{
		"ldap1": "ldap1", "ldap://h:389": "ldap://h:389", "ldap://u:p@w@h": "ldap://****@h", "u:pw@h": "****@h",
		"ldap://h/o=isp????bindpw=secret": "ldap://h/o=isp?****",
	} {
		if got := maskHost(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
