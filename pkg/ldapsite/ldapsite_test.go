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
func testOn(t *testing.T, o ldaptest.Options, limits ldaptest.Limits, only ...string) (*ldaptest.Server, *finding.Report, error) {
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
		Names:   ldapcheck.DefaultNames(), Now: time.Now, Only: only,
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

// Only the selected rules run. What they need is read anyway, and reported if it is wrong.
func TestSelectedRules(t *testing.T) {
	result := func(r *finding.Report, rule string) finding.Result {
		for _, o := range r.Outcomes {
			if o.Rule == rule {
				return o.Result
			}
		}
		return ""
	}
	s, r, err := testOn(t, ldaptest.Options{}, ldaptest.Limits{}, "bind-named")
	if err != nil || result(r, "bind-named") != finding.Passed || len(r.Findings) > 0 {
		t.Errorf("%v, %+v", err, r)
	}
	for _, o := range r.Outcomes {
		if o.Rule != "bind-named" && o.Rule != finding.CheckNotRun().ID && o.Result != finding.NotRun {
			t.Errorf("%+v", o)
		}
	}
	whole := func(s *ldaptest.Server) (n int) {
		for _, o := range s.Searches() {
			if o.Scope == 2 { // the whole subtree (RFC 4511 section 4.5.1.2)
				n++
			}
		}
		return n
	}
	if n := whole(s); n > 0 {
		t.Errorf("the entries were read %d times for a rule that needs none", n)
	}
	_, r, err = testOn(t, ldaptest.Options{}, ldaptest.Limits{}, "people-found")
	if err != nil || result(r, "people-found") != finding.Passed || result(r, "search-complete") != finding.NotRun || result(r, "base-exists") != finding.NotRun {
		t.Errorf("%v, %+v", err, r)
	}
	_, r, err = testOn(t, ldaptest.Options{}, ldaptest.Limits{Size: 5}, "people-found")
	if err != nil || result(r, "search-complete") != finding.Failed || failed(r, "search-complete") != 1 {
		t.Errorf("%v, %+v", err, r)
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
