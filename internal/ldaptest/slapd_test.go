package ldaptest

import (
	"slices"
	"testing"

	"github.com/go-ldap/ldap/v3"

	"github.com/davadmin/davadmin/internal/seed"
	"github.com/davadmin/davadmin/internal/servertest"
)

// startSlapd starts a real server with the given entries and returns its URL.
func startSlapd(t *testing.T, entries []Entry) string {
	t.Helper()
	s := servertest.Slapd(t, servertest.SlapdOptions{
		Options: servertest.Options{AnonymousRead: true},
		Config:  `limits dn.exact="cn=five,o=isp" size=5`,
	})
	c := dial(t, s.LDAPIURL)
	if err := c.Bind(s.ManagerDN, servertest.Password); err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.DN == s.Suffix {
			continue // it already exists
		}
		add := ldap.NewAddRequest(e.DN, nil)
		for _, a := range e.Attrs {
			add.Attribute(a.Name, a.Values)
		}
		if err := c.Add(add); err != nil {
			t.Fatalf("%s: %v", e.DN, err)
		}
	}
	return s.LDAPIURL
}

// TestLikeSlapd compares filters, limits and pages with a real server.
func TestLikeSlapd(t *testing.T) {
	m := maker{Rand: seed.New(t), slapd: true}
	entries := m.entries(100)
	five := NewEntry("cn=five,o=isp", "objectClass", "inetOrgPerson", "cn", "five", "sn", "five", "userPassword", "five")
	entries = append(entries, five)
	theirs := dial(t, startSlapd(t, entries))
	ours := dial(t, Start(t, Options{
		Entries:    entries,
		Identities: []Identity{{DN: "cn=five,o=isp", Password: "five", Limits: Limits{Size: 5}}},
	}).URL())
	for range 1500 {
		f, _ := m.filter(3)
		same(t, f, found(t, ours, f), found(t, theirs, f))
	}
	for _, base := range []string{"o=isp", "O = ISP", "uid=u1,o=isp", "uid=none,o=isp", "uid=x,uid=u1,o=isp", "o=other", "no dn"} {
		for scope := range 4 {
			req := request(base, scope, "(objectClass=*)", "1.1")
			a, errA := ours.Search(req)
			b, errB := theirs.Search(req)
			if resultCode(errA) != resultCode(errB) {
				t.Errorf("%s, scope %d: %v; slapd: %v", base, scope, errA, errB)
			} else if errA == nil {
				got, want := dns(a), dns(b)
				slices.Sort(got)
				slices.Sort(want)
				same(t, base, got, want)
			}
		}
	}
	for _, c := range []*ldap.Conn{ours, theirs} {
		if err := c.Bind("cn=five,o=isp", "five"); err != nil {
			t.Fatal(err)
		}
	}
	for _, filter := range []string{"(uid=*)", "(uid=u1)", "(|(uid=u1)(uid=u2)(uid=u3)(uid=u4)(uid=u5))"} {
		for _, size := range []uint32{0, 1, 2, 5, 7} {
			for _, limit := range []int{0, 3, 5, 9} {
				a, b := pagedLikeThis(ours, filter, size, limit), pagedLikeThis(theirs, filter, size, limit)
				if !slices.Equal(a, b) {
					t.Errorf("%s, pages of %d, limit %d: pages and code %v; slapd: %v", filter, size, limit, a, b)
				}
			}
		}
	}
}

func resultCode(err error) int {
	var e *ldap.Error
	if err == nil {
		return 0
	}
	if e, _ = err.(*ldap.Error); e == nil { //nolint:errorlint // go-ldap does not wrap it
		return -1
	}
	return int(e.ResultCode)
}

// pagedLikeThis returns how many entries each page has, and the last result code.
func pagedLikeThis(c *ldap.Conn, filter string, size uint32, limit int) []int {
	var out []int
	page := ldap.NewControlPaging(size)
	for {
		req := request("o=isp", ldap.ScopeSingleLevel, filter, "1.1")
		req.SizeLimit = limit
		if size > 0 {
			req.Controls = []ldap.Control{page}
		}
		res, err := c.Search(req)
		out = append(out, len(res.Entries))
		next, _ := ldap.FindControl(res.Controls, ldap.ControlTypePaging).(*ldap.ControlPaging)
		if err != nil || next == nil || len(next.Cookie) == 0 || len(out) > 200 {
			return append(out, resultCode(err))
		}
		page.SetCookie(next.Cookie)
	}
}
