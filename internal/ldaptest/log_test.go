package ldaptest

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/go-ldap/ldap/v3"
)

func TestLog(t *testing.T) {
	s := Start(t, Options{Entries: people(3), Identities: []Identity{{DN: "cn=M", Password: "secret"}}})
	c := dial(t, s.URL())
	if err := c.Bind("cn=m", "secret"); err != nil {
		t.Fatal(err)
	}
	req := ldap.NewSearchRequest("o=isp", ldap.ScopeWholeSubtree, ldap.DerefAlways, 2, 9, true, "(cn=Ä*)", []string{"a", "b"},
		[]ldap.Control{ldap.NewControlManageDsaIT(false)})
	ask(t, c, req)
	ask(t, c, request("", ldap.ScopeBaseObject, "(objectClass=*)"))
	_ = c.Unbind()
	eventually(t, "the unbind", func() bool { return len(s.Log()) == 4 && s.Open() == 0 })
	want := []Request{
		{Connection: 1, ID: 1, Op: "bind", DN: "cn=m", Mechanism: "simple", Answered: true},
		{Connection: 1, ID: 2, Op: "search", As: "cn=M", DN: "o=isp", Scope: 2, Deref: 3, SizeLimit: 2, TimeLimit: 9, TypesOnly: true,
			Filter: `(cn=\c3\84*)`, Attributes: []string{"a", "b"}, Controls: []Control{{OID: oidManageDSAIT}}, Answered: true},
		{Connection: 1, ID: 3, Op: "search", As: "cn=M", Filter: "(objectClass=*)", Answered: true, Entries: 1},
		{Connection: 1, ID: 4, Op: "unbind", As: "cn=M"},
	}
	for i, r := range s.Log() {
		if g, w := fmt.Sprintf("%+v", r), fmt.Sprintf("%+v", want[i]); g != w {
			t.Errorf("got  %s\nwant %s", g, w)
		}
	}
	if n := len(s.Searches()); n != 1 {
		t.Errorf("%d searches", n)
	}
	if s.Connections() != 1 {
		t.Errorf("%d connections", s.Connections())
	}
}

// TestGeneratorsEnd checks that each generator ends or is stopped, however its search
// ends.
func TestGeneratorsEnd(t *testing.T) {
	var started, ended atomic.Int32
	s := Start(t, Options{Suffixes: []string{"o=isp"}, Generate: func(yield func(Entry) bool) {
		started.Add(1)
		defer ended.Add(1)
		for i := range 100 {
			if !yield(person(i)) {
				return
			}
		}
	}, AnonymousLimits: Limits{LookThrough: 80}})
	c := dial(t, s.URL())
	or := request("o=isp", ldap.ScopeWholeSubtree, "(|(uid=u000001)(uid=u000099))", "1.1")
	if res := ask(t, c, or); len(res.Entries) != 2 {
		t.Errorf("indexed search: %d entries", len(res.Entries))
	}
	_, err := c.Search(everybody())
	code(t, "limit", err, ldap.LDAPResultAdminLimitExceeded)
	for _, f := range []Faults{
		{DropAfter: new(3)}, {ResultAfter: new(3), Result: Result{Code: 80}}, {CookieLostAfter: new(0)}, {RepeatCookie: true}, {},
	} {
		s.SetFaults(f)
		c := dial(t, s.URL())
		req := everybody()
		req.Controls = []ldap.Control{ldap.NewControlPaging(10)}
		_, _ = c.Search(req) // and no second page
		_ = c.Close()
	}
	eventually(t, "the end of the connections", func() bool { return s.Open() == 1 })
	if started.Load() != 7 || ended.Load() != 7 {
		t.Errorf("%d generators started, %d ended", started.Load(), ended.Load())
	}
}
