package ldapsite

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/davadmin/davadmin/internal/ldaptest"
	"github.com/davadmin/davadmin/pkg/directory"
	"github.com/davadmin/davadmin/pkg/finding"
	"github.com/davadmin/davadmin/pkg/ldapcheck"
)

const admin = "cn=admin"

// testOn tests an in-process server as admin.
func testOn(t *testing.T, o ldaptest.Options, limits ldaptest.Limits) (*ldaptest.Server, *finding.Report, error) {
	t.Helper()
	o.Identities = []ldaptest.Identity{{DN: admin, Password: "secret", Limits: limits}}
	o.Entries = []ldaptest.Entry{ldaptest.NewEntry("o=isp", "objectClass", "organization", "o", "isp")}
	for i := range 20 {
		uid := fmt.Sprintf("u%d", i)
		o.Entries = append(o.Entries, ldaptest.NewEntry("uid="+uid+",o=isp", "objectClass", "inetOrgPerson", "objectClass", "icsCalendarUser", "uid", uid, "cn", uid, "sn", uid))
	}
	s := ldaptest.Start(t, o)
	lo := directory.Options{URLs: []string{s.URL()}, BindDN: admin, Password: func(context.Context) ([]byte, error) { return []byte("secret"), nil }, PageSize: 1000, NoRestart: true}
	live, err := directory.Open(t.Context(), lo)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = live.Close() })
	r, err := New(Options{
		Directory: live, Prove: &directory.Prover{Viewer: live, BindDN: admin, Contexts: live.ContextsOf(nil)}, BindDN: admin, Local: true, PageSize: lo.PageSize,
		Changer: func(ctx context.Context) (*directory.Changer, error) { return directory.OpenChanger(ctx, lo) },
		Names:   ldapcheck.DefaultNames(), Now: time.Now,
	}).Run(t.Context())
	return s, r, err
}

// failed returns the number of findings of a rule.
func failed(r *finding.Report, rule string) int {
	n := 0
	for _, f := range r.Findings {
		if f.Rule == rule {
			n++
		}
	}
	return n
}

func TestPageSizeIsReported(t *testing.T) {
	s, r, err := testOn(t, ldaptest.Options{}, ldaptest.Limits{Size: 6, SizePerPage: true})
	if err != nil || failed(r, "page-size") != 1 || failed(r, "search-complete") != 0 {
		t.Errorf("%v, %+v", err, r.Findings)
	}
	for _, e := range s.Entries() {
		if len(s.Values(e.DN, "davUniqueId")) > 0 {
			t.Errorf("%s was changed", e.DN)
		}
	}
}

// A connection that is lost is no finding about the server: the test is incomplete.
func TestLostConnection(t *testing.T) {
	n := 7
	_, r, err := testOn(t, ldaptest.Options{Faults: ldaptest.Faults{DropAfter: &n}}, ldaptest.Limits{})
	if err == nil || failed(r, finding.CheckNotRun().ID) == 0 || failed(r, "search-complete") != 0 {
		t.Errorf("%v, %+v", err, r.Findings)
	}
}

// What can be pasted contains a bind DN only if it needs no escapes.
func TestFixes(t *testing.T) {
	for dn, want := range map[string]finding.FixType{"cn=reader,o=isp": finding.FixLDIF, `cn=a\,b`: finding.FixNone, "cn=a\nb": finding.FixNone, `cn="x"`: finding.FixNone, "": finding.FixNone} {
		for _, product := range []directory.Product{directory.OpenLDAP, directory.DS389, directory.SunDS} {
			if got := limitFix(&directory.LimitError{BindDN: dn, Product: product}); got.Type != want {
				t.Errorf("%q, product %d: %v", dn, product, got)
			}
		}
	}
}
