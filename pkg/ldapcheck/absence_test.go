package ldapcheck_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/davadmin/davadmin/internal/ldaptest"
	"github.com/davadmin/davadmin/pkg/directory"
	"github.com/davadmin/davadmin/pkg/finding"
	"github.com/davadmin/davadmin/pkg/ldapcheck"
)

// hider answers that the entries have some of the attributes, without showing them.
type hider struct{ has []string }

func (h hider) View(_ context.Context, _ string, attributes []string) ([]directory.AttributeView, error) {
	out := make([]directory.AttributeView, len(attributes))
	for i, name := range attributes {
		out[i].Present = slices.Contains(h.has, name)
	}
	return out, nil
}

// If an attribute is hidden, the report is incomplete, and nothing is concluded from the
// absence of that attribute. The other findings remain.
func TestHiddenAttribute(t *testing.T) {
	steps := []step{{dn: "uid=a,o=isp", kind: directory.User, values: []string{"mail", "not an address"}}}
	o := ldapcheck.Options{
		Names: ldapcheck.DefaultNames(), Server: &server{indexes: []string{"eq"}}, Rules: []string{"uniqueid-*", "mail-*"},
		Prove: &directory.Prover{Viewer: hider{[]string{"davUniqueId"}}, BindDN: "cn=reader"},
	}
	r, findings := auditSource(t, o, &script{steps: steps})
	if !slices.Equal(briefs(findings), []string{"mail-malformed a not an address", "absence-not-proven", "audit-incomplete"}) {
		t.Errorf("%q", briefs(findings))
	}
	var hidden *directory.HiddenError
	if r.Complete || !errors.As(r.Ended, &hidden) || hidden.Attribute != "davUniqueId" || hidden.BindDN != "cn=reader" || r.Count(finding.Error) != 2 {
		t.Errorf("complete %v, %v, %d errors", r.Complete, r.Ended, r.Count(finding.Error))
	}
	if o := outcome(t, r, "uniqueid-missing"); o.Result != finding.NotRun || o.Reason != "davUniqueId cannot be read" || o.Count != 0 {
		t.Errorf("%+v", o)
	}
	for _, f := range findings {
		if want := map[string]string{"absence-not-proven": "mailAlternateAddress", "audit-incomplete": "davUniqueId"}[f.Rule]; want != "" && f.Attribute != want {
			t.Errorf("%+v", f)
		}
	}
}

// A value that was seen in one naming context proves nothing in another one, also if the
// server is asked only for entries without the attribute.
func TestShownInEveryContext(t *testing.T) {
	s := ldaptest.Start(t, ldaptest.Options{Entries: []ldaptest.Entry{
		ldaptest.NewEntry("o=isp", "objectClass", "organization", "o", "isp"),
		ldaptest.NewEntry("uid=a,o=isp", "objectClass", "icsCalendarUser", "uid", "a", "davUniqueId", "x"),
		ldaptest.NewEntry("o=two", "objectClass", "organization", "o", "two"),
		ldaptest.NewEntry("uid=b,o=two", "objectClass", "icsCalendarUser", "uid", "b"),
	}})
	l, o := live(t, s)
	o.Rules = []string{"uniqueid-missing"}
	r, findings := auditSource(t, o, l)
	if !slices.Equal(briefs(findings), []string{"uniqueid-missing b", "absence-not-proven"}) || directory.WorstAbsence(r.Absence()) != directory.AbsenceNotProven {
		t.Errorf("%q, %+v", briefs(findings), r.Absence())
	}
	o.Bases = []string{"o=isp"}
	o.Prove.Contexts = l.ContextsOf(o.Bases)
	if _, findings := auditSource(t, o, l); len(findings) > 0 {
		t.Errorf("below o=isp: %q", briefs(findings))
	}
}

func live(t *testing.T, s *ldaptest.Server) (*directory.Live, ldapcheck.Options) {
	t.Helper()
	l, err := directory.Open(t.Context(), directory.Options{URLs: []string{s.URL()}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l, ldapcheck.Options{
		Names: ldapcheck.DefaultNames(), Server: l, Tmp: t.TempDir(), Prove: &directory.Prover{Viewer: l, Contexts: l.ContextsOf(nil)},
	}
}

// The server is asked about single entries, once for each attribute, and only about
// entries without it. Nothing is searched for by an attribute in the whole tree.
func TestAbsenceIsNotSearchedFor(t *testing.T) {
	const people = 30
	entries := []ldaptest.Entry{ldaptest.NewEntry("o=isp", "objectClass", "organization", "o", "isp")}
	for i := range people {
		e := ldaptest.NewEntry(fmt.Sprintf("uid=u%d,o=isp", i), "objectClass", "icsCalendarUser", "uid", fmt.Sprint("u", i), "mail", fmt.Sprintf("u%d@example.com", i))
		if i%3 > 0 {
			e.Attrs = append(e.Attrs, ldaptest.Attr{Name: "davUniqueId", Values: []string{idFor(fmt.Sprint(i))}})
		}
		entries = append(entries, e)
	}
	s := ldaptest.Start(t, ldaptest.Options{Entries: entries})
	l, o := live(t, s)
	o.Rules = []string{"uniqueid-*", "mail-missing"}
	r, _ := auditSource(t, o, l)
	if got := outcome(t, r, "uniqueid-missing").Count; got != people/3 || directory.WorstAbsence(r.Absence()) != directory.AbsenceProven || len(r.Absence()) != 1 {
		t.Errorf("%d findings, %+v", got, r.Absence())
	}
	asked := map[string]int{}
	for _, q := range s.Searches() {
		switch {
		case q.Scope == 0 && strings.HasPrefix(q.DN, "uid="):
			asked[q.DN+q.Filter]++
		case strings.Contains(q.Filter, "=*)") && !strings.EqualFold(q.Filter, "(objectClass=*)"):
			t.Errorf("searched below %s for %s", q.DN, q.Filter)
		}
	}
	if len(asked) != people/3 {
		t.Errorf("%d questions: %v", len(asked), asked)
	}
	for q, n := range asked {
		if n != 1 {
			t.Errorf("asked %d times: %s", n, q)
		}
	}
}

// An export without operational attributes does not show that nobody has a unique id
// which the directory gives to everybody.
func TestOperationalIDNotExported(t *testing.T) {
	const user = "dn: uid=%s,o=isp\nobjectClass: icsCalendarUser\nuid: %s\nmail: %s@example.com\n%s\n"
	names := ldapcheck.DefaultNames()
	names.UniqueID, names.UniqueIDClass = "nsUniqueId", ""
	without := fmt.Sprintf(user, "a", "a", "a", "")
	o := ldapcheck.Options{Names: names, Rules: []string{"uniqueid-missing", "mail-missing"}, Workers: 2, Tmp: t.TempDir()}
	r, findings := auditText(t, o, without)
	var missing *ldapcheck.NotExportedError
	if r.Complete || !errors.As(r.Ended, &missing) || missing.Attribute != "nsUniqueId" || len(findings) != 1 || findings[0].Rule != "audit-incomplete" {
		t.Errorf("%v: %+v", r.Ended, findings)
	}
	with := without + fmt.Sprintf(user, "b", "b", "b", "nsUniqueId: "+hexID+"\n")
	if r, findings := auditText(t, o, with); !r.Complete || len(findings) != 1 || findings[0].Rule != "uniqueid-missing" {
		t.Errorf("%v: %+v", r.Ended, findings)
	}
	o.Rules = []string{"mail-missing"}
	if r, findings := auditText(t, o, without); !r.Complete || len(findings) != 0 {
		t.Errorf("without rules about the id: %v: %+v", r.Ended, findings)
	}
}

// In a healthy directory, optional attributes that nobody uses are one finding.
func TestUnusedAttributesAreOneFinding(t *testing.T) {
	s := ldaptest.Start(t, ldaptest.Options{Entries: []ldaptest.Entry{
		ldaptest.NewEntry("o=isp", "objectClass", "organization", "o", "isp"),
		ldaptest.NewEntry("uid=a,o=isp", "objectClass", "icsCalendarUser", "uid", "a", "davUniqueId", "x", "mail", "a@example.com"),
	}})
	l, o := live(t, s)
	_, findings := auditSource(t, o, l)
	n := 0
	for _, f := range findings {
		if f.Rule != "absence-not-proven" {
			continue
		}
		n++
		for _, name := range []string{"mailAlternateAddress", "icsStatus"} {
			if !strings.Contains(f.Attribute, name) || !strings.Contains(f.Detail, name+" (1 entry)") {
				t.Errorf("%s: %s", f.Attribute, f.Detail)
			}
		}
	}
	if n != 1 {
		t.Errorf("%d findings: %q", n, briefs(findings))
	}
}
