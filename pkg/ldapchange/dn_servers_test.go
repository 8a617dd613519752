package ldapchange

import (
	"slices"
	"strings"
	"testing"
)

// A DN that the server does not accept is a conflict of its record, and the others are
// changed.
func invalidDNs(t *testing.T, r real) {
	t.Helper()
	good := r.newIDs(t)
	dn := ""
	for group, err := range good.All(false) {
		if err != nil {
			t.Fatal(err)
		}
		dn = group[0].DN
	}
	const change = "changetype: modify\nreplace: description\ndescription: x\n-\n\n"
	plan := openPlan(t, []byte("dn:: Y249SvxyZyxvPWlzcA==\n"+change+"dn: nonsense\n"+change+"dn: "+dn+"\n"+change))
	a, run := begin(t, plan, Options{Directory: r.options, Continue: true}, Runs{Dir: t.TempDir()}, 1, 0)
	if err := a.Apply(t.Context(), run); err != nil {
		t.Fatal(err)
	}
	if run.Changed != 1 || run.Conflicts != 2 || a.Rejects() != 2 {
		t.Errorf("%+v, %d rejected", run.Counts, a.Rejects())
	}
	if !slices.Contains(r.export(t)[dn], "description: x") {
		t.Errorf("%s was not changed", dn)
	}
}

func TestSlapdInvalidDNs(t *testing.T) { invalidDNs(t, slapd(t, 20)) }

func TestDSInvalidDNs(t *testing.T) { invalidDNs(t, ds(t, 20)) }

// A deletion and an addition of one value in another spelling are made as by replace.
func TestSlapdChangeOfSpelling(t *testing.T) {
	r := slapd(t, 20)
	dn, id := "", ""
	for name, values := range r.export(t) {
		for _, v := range values {
			if text, ok := strings.CutPrefix(v, "davuniqueid: "); ok {
				dn, id = name, text
			}
		}
	}
	upper := strings.ToUpper(id)
	for _, lines := range []string{
		"delete: davUniqueId\ndavUniqueId: " + id + "\n-\nadd: davUniqueId\ndavUniqueId: " + upper + "\n-\n",
		"delete: davUniqueId\n-\nadd: davUniqueId\ndavUniqueId: " + id + "\n-\n",
		"replace: davUniqueId\ndavUniqueId: " + upper + "\n-\n",
	} {
		plan := openPlan(t, []byte("dn: "+dn+"\nchangetype: modify\n"+lines+"\n"))
		runs := Runs{Dir: t.TempDir()}
		before := r.export(t)
		a, run := begin(t, plan, Options{Directory: r.options}, runs, 1, 0)
		if err := a.Apply(t.Context(), run); err != nil || run.Changed != 1 {
			t.Fatalf("%s: %v, %+v", lines, err, run.Counts)
		}
		b, back := begin(t, undoPlan(t, runs, 1), Options{Directory: r.options}, runs, 2, 1)
		if err := b.Apply(t.Context(), back); err != nil {
			t.Fatal(err)
		}
		if d := difference(before, r.export(t)); len(d) > 0 {
			t.Errorf("%s: not undone: %v", lines, d)
		}
		c, again := begin(t, plan, Options{Directory: r.options}, runs, 3, 0)
		if err := c.Apply(t.Context(), again); err != nil || again.Changed != 1 {
			t.Fatalf("%s: %v, %+v", lines, err, again.Counts)
		}
	}
}
