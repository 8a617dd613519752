package ldaptest

import (
	"fmt"
	"testing"

	"github.com/go-ldap/ldap/v3"

	"github.com/davadmin/davadmin/internal/servertest"
)

// resultText returns what a client sees of an operation.
func resultText(err error) string {
	out := fmt.Sprintf("code %d", resultCode(err))
	if e, ok := err.(*ldap.Error); ok { //nolint:errorlint // go-ldap does not wrap it
		out += " below " + e.MatchedDN
	}
	return out
}

// referrals returns the URLs of a result.
func referrals(err error) []string {
	var out []string
	if e, ok := err.(*ldap.Error); ok && e.ResultCode == ldap.LDAPResultReferral { //nolint:errorlint // go-ldap does not wrap it
		for _, url := range e.Packet.Children[1].Children[3].Children {
			out = append(out, text(url))
		}
	}
	return out
}

func TestAddAndDeleteLikeSlapd(t *testing.T) {
	base := []Entry{NewEntry("o=isp", "objectClass", "top", "objectClass", "organization", "o", "isp"), victim(),
		NewEntry("ou=r,o=isp", "objectClass", "referral", "objectClass", "extensibleObject", "ou", "r", "ref", "ldap://other/ou=r,o=isp")}
	ours, theirs := both(t, base)
	person := func(dn string, more ...string) func(*ldap.Conn) error {
		e := NewEntry(dn, append([]string{"objectClass", "inetOrgPerson", "cn", "x", "sn", "x"}, more...)...)
		return func(c *ldap.Conn) error { return c.Add(addRequest(e)) }
	}
	del := func(dn string, controls ...ldap.Control) func(*ldap.Conn) error {
		return func(c *ldap.Conn) error { return c.Del(ldap.NewDelRequest(dn, controls)) }
	}
	twice := NewEntry("uid=t,o=isp", "objectClass", "inetOrgPerson", "cn", "x", "sn", "x")
	twice.Attrs = append(twice.Attrs, Attr{"commonName", []string{"y"}})
	names := []string{"o=isp", victimDN, "uid=a,o=isp", "uid=b,uid=a,o=isp", "uid=t,o=isp", "uid=n,o=isp", "cn=n+sn=m,o=isp", "ou=r,o=isp"}
	for i, do := range []func(*ldap.Conn) error{
		person("uid=a,o=isp", "uid", "a"), person("uid=a,o=isp"), person("UID=A,O=ISP", "uid", "a"), person("uid=b,uid=a,o=isp"),
		person("uid=b,uid=none,o=isp"), person("uid=c,uid=b,uid=none,o=isp"), person("uid=a,o=other"), person("no dn"), person("uid=x,ou=r,o=isp"), person("o=isp"),
		person("uid=n,o=isp", "uid", "other"), person("cn=n+sn=m,o=isp"), person("uid=u,o=isp", "unheardOf", "x"), person("uid=u,o=isp", "displayName", "x", "displayName", "y"),
		person("uid=u,o=isp", "mail", "ä"), person("uid=u,o=isp", "mail", "x", "mail", "X"), person("uid=u,o=isp", "title", "x", "modifyTimestamp", "20200101000000Z"),
		func(c *ldap.Conn) error { return c.Add(addRequest(twice)) },
		func(c *ldap.Conn) error {
			return c.Add(addRequest(Entry{"uid=u,o=isp", []Attr{{"objectClass", []string{"inetOrgPerson"}}, {"cn", nil}}}))
		},
		del("uid=a,o=isp"), del("o=isp"), del("uid=none,o=isp"), del("uid=x,uid=none,o=isp"), del("o=other"), del("no dn"), del(""), del("cn=Subschema"), del("ou=r,o=isp"), del("uid=x,ou=r,o=isp"),
		del("uid=b,uid=a,o=isp", assert("(cn=nobody)")), del("uid=b,uid=a,o=isp", assert("(cn=x)"), ldap.NewControlString("1.2.3", true, "")),
		del("uid=b,uid=a,o=isp", assert("(cn=x)"), preRead("cn")), del("uid=b,uid=a,o=isp"), del("UID=A, O=isp"), del("uid=a,o=isp"),
		del("ou=r,o=isp", ldap.NewControlManageDsaIT(true)), person("uid=a,o=isp", "uid", "a"),
	} {
		if got, want := resultText(do(ours)), resultText(do(theirs)); got != want {
			t.Errorf("step %d: %s\nslapd: %s", i, got, want)
		}
		for _, dn := range names {
			if got, want := now(t, ours, dn), now(t, theirs, dn); got != want {
				t.Errorf("after step %d\n%s\nslapd has\n%s", i, got, want)
			}
		}
	}
}

// TestRefusedLikeSlapd checks that clients without rights get the same result codes as
// with slapd.
func TestRefusedLikeSlapd(t *testing.T) {
	base := []Entry{NewEntry("o=isp", "objectClass", "top", "objectClass", "organization", "o", "isp"), victim(),
		NewEntry("cn=reader,o=isp", "objectClass", "inetOrgPerson", "cn", "reader", "sn", "reader", "userPassword", "reader")}
	ours := Start(t, Options{Entries: base, Identities: []Identity{
		{DN: managerDN, Password: servertest.Password}, {DN: "cn=reader,o=isp", Password: "reader", ReadOnly: true},
	}})
	plain := startSlapd(t, base)
	for _, x := range []struct {
		name, dn, password string
		faults             Faults
		config             string
	}{
		{name: "nobody"},
		{name: "a reader", dn: "cn=reader,o=isp", password: "reader"},
		{name: "read-only", dn: managerDN, password: servertest.Password, faults: Faults{ReadOnly: true}, config: "readonly on"},
		{name: "replica", dn: managerDN, password: servertest.Password, faults: Faults{ReferTo: []string{"ldap://provider.example:389/"}},
			config: "syncrepl rid=1 provider=ldap://127.0.0.1:1 type=refreshOnly searchbase=\"o=isp\" bindmethod=simple\nupdateref ldap://provider.example:389/"},
	} {
		url := plain
		if x.config != "" {
			url = servertest.Slapd(t, servertest.SlapdOptions{Options: servertest.Options{AnonymousRead: true}, Config: x.config}).LDAPIURL
		}
		ours.SetFaults(x.faults)
		dn := victimDN
		if x.config != "" {
			dn = "o=isp"
		}
		us, them := dial(t, ours.URL()), dial(t, url)
		for _, c := range []*ldap.Conn{us, them} {
			if x.dn != "" {
				if err := c.Bind(x.dn, x.password); err != nil {
					t.Fatal(err)
				}
			}
		}
		modify := func(dn string, change ldap.Change, controls ...ldap.Control) func(c *ldap.Conn) error {
			req := ldap.NewModifyRequest(dn, controls)
			req.Changes = append(req.Changes, change)
			return func(c *ldap.Conn) error { return c.Modify(req) }
		}
		add := func(more ...string) func(c *ldap.Conn) error {
			e := NewEntry("cn=x,o=isp", append([]string{"objectClass", "inetOrgPerson", "cn", "x", "sn", "x"}, more...)...)
			return func(c *ldap.Conn) error { return c.Add(addRequest(e)) }
		}
		for what, do := range map[string]func(c *ldap.Conn) error{
			"modify":                    modify(dn, change("add", "description", "x")),
			"modify, unknown type":      modify(dn, change("add", "unheardOf", "x")),
			"modify, bad syntax":        modify(dn, change("add", "mail", "ä")),
			"modify, fixed":             modify(dn, change("delete", "entryUUID")),
			"modify, no values":         modify(dn, change("add", "cn")),
			"modify, no such value":     modify(dn, change("delete", "description", "z")),
			"modify, no entry":          modify("uid=none,o=isp", change("add", "cn", "x")),
			"modify, no superior":       modify("o=other", change("add", "cn", "x")),
			"modify, no superior, type": modify("o=other", change("add", "unheardOf", "x")),
			"modify, root":              modify("", change("add", "cn", "x")),
			"modify, schema":            modify("cn=Subschema", change("add", "cn", "x")),
			"modify, no name":           modify("no dn", change("add", "cn", "x")),
			"modify, assertion":         modify(dn, change("add", "description", "x"), assert("(cn=nobody)")),
			"modify, bad assertion":     modify(dn, change("add", "description", "x"), ldap.NewControlString(oidAssertion, true, "")),
			"modify, unknown control":   modify(dn, change("add", "description", "x"), ldap.NewControlString("1.2.3", true, "")),
			"modify, unknown pre-read":  modify(dn, change("add", "description", "x"), preRead("unheardOf")),
			"add":                       add(), "add, unknown type": add("unheardOf", "x"), "add, bad syntax": add("mail", "ä"),
			"add, fixed":          add("entryUUID", "00000000-0000-4000-8000-000000000000"),
			"delete":              func(c *ldap.Conn) error { return c.Del(ldap.NewDelRequest(dn, nil)) },
			"delete, no entry":    func(c *ldap.Conn) error { return c.Del(ldap.NewDelRequest("uid=none,o=isp", nil)) },
			"delete, root":        func(c *ldap.Conn) error { return c.Del(ldap.NewDelRequest("", nil)) },
			"delete, no superior": func(c *ldap.Conn) error { return c.Del(ldap.NewDelRequest("o=other", nil)) },
		} {
			got, want := do(us), do(them)
			if resultText(got) != resultText(want) {
				t.Errorf("%s, %s: %v\nslapd: %v", x.name, what, got, want)
			}
			same(t, x.name+", "+what, referrals(got), referrals(want))
		}
	}
}
