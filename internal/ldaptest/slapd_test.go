package ldaptest

import (
	"math/rand/v2"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/go-ldap/ldap/v3"
)

// startSlapd starts a real server with the given entries and returns its URL.
func startSlapd(t *testing.T, entries []Entry) string {
	t.Helper()
	slapd := needs(t, "slapd", "slapd")
	dir, err := os.MkdirTemp("", "slapd")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	types := ""
	for _, d := range DefaultSchema().AttributeTypes {
		if strings.Contains(d, "'davUniqueId'") || strings.Contains(d, "'davStore'") || strings.Contains(d, "'icsCalendar'") {
			types += "attributetype " + d + "\n"
		}
	}
	config := `include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
include /etc/ldap/schema/nis.schema
` + types + `modulepath /usr/lib/ldap
moduleload back_mdb
database mdb
suffix "o=isp"
rootdn "cn=Manager,o=isp"
rootpw secret
directory ` + dir + `
limits dn.exact="cn=five,o=isp" size=5
`
	if err := os.WriteFile(filepath.Join(dir, "slapd.conf"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	address := "ldapi://" + url.PathEscape(filepath.Join(dir, "sock"))
	cmd := exec.Command(slapd, "-d", "0", "-f", filepath.Join(dir, "slapd.conf"), "-h", address)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	eventually(t, "the start of slapd", func() bool {
		c, err := ldap.DialURL(address)
		if err == nil {
			_ = c.Close()
		}
		return err == nil
	})
	c := dial(t, address)
	if err := c.Bind("cn=Manager,o=isp", "secret"); err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		add := ldap.NewAddRequest(e.DN, nil)
		for _, a := range e.Attrs {
			add.Attribute(a.Name, a.Values)
		}
		if err := c.Add(add); err != nil {
			t.Fatalf("%s: %v", e.DN, err)
		}
	}
	return address
}

// What a real server can judge, it judges: the filters, and when the limits and
// the pages end.
func TestLikeSlapd(t *testing.T) {
	m := maker{Rand: rand.New(rand.NewPCG(3, 4)), slapd: true}
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
				t.Errorf("%s, scope %d: %v; slapd says %v", base, scope, errA, errB)
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
					t.Errorf("%s, pages of %d, limit %d: pages and code %v; slapd has %v", filter, size, limit, a, b)
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
