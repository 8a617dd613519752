package planrun

import "testing"

// The DN of an entry is said once, even if the server repeats it.
func TestWithoutDN(t *testing.T) {
	const dn = "uid=u1,o=isp"
	for _, c := range []struct{ text, want string }{
		{"no write access to parent", "no write access to parent"},
		{"Insufficient 'write' privilege to the 'mail' attribute of entry 'UID=u1,o=isp'.", "Insufficient 'write' privilege to the 'mail' attribute of the entry."},
		{`the entry "uid=u1,o=isp" is locked`, "the entry is locked"},
		{"uid=u1,o=isp: no", "the entry: no"},
		{"cn=x,uid=u1,o=isp and uid=u1,o=isp,c=de and uid=u1,o=isp", "cn=x,uid=u1,o=isp and uid=u1,o=isp,c=de and the entry"},
		{"'uid=u1,o=isp,c=de'", "'uid=u1,o=isp,c=de'"},
		{"\u0130 uid=u1,o=isp", "\u0130 uid=u1,o=isp"},
		{"", ""},
	} {
		if got := WithoutDN(c.text, dn); got != c.want {
			t.Errorf("%q: %q, want %q", c.text, got, c.want)
		}
	}
	if got := WithoutDN("x", ""); got != "x" {
		t.Error(got)
	}
}
