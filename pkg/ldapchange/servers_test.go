package ldapchange

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"

	"github.com/davadmin/davadmin/internal/servertest"
	"github.com/davadmin/davadmin/pkg/directory"
	"github.com/davadmin/davadmin/pkg/dirgen"
	"github.com/davadmin/davadmin/pkg/ldif"
)

// real is a real server with a directory in which nobody has a unique id.
type real struct {
	*servertest.Server
	options directory.Options
}

func connection(s *servertest.Server) directory.Options {
	return directory.Options{
		URLs: []string{s.URL}, BindDN: s.ManagerDN, Password: func(context.Context) ([]byte, error) { return []byte(servertest.Password), nil },
		ConnectTimeout: 10 * time.Second, Idle: 10 * time.Second,
	}
}

func generatedFile(t *testing.T, entries int) string {
	t.Helper()
	d, err := dirgen.New(dirgen.Options{Entries: entries, Seed: 3, ForServer: true, Faults: map[string]int{}})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := d.WriteLDIF(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "directory.ldif")
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func slapd(t *testing.T, entries int) real {
	t.Helper()
	s := servertest.Slapd(t, servertest.SlapdOptions{Options: servertest.Options{LDIF: generatedFile(t, entries)}})
	return real{s, connection(s)}
}

func ds(t *testing.T, entries int) real {
	t.Helper()
	s := servertest.DS(t, servertest.DSOptions{Options: servertest.Options{LDIF: generatedFile(t, entries)}})
	return real{s, connection(s)}
}

func (r real) dial(t *testing.T) *ldap.Conn {
	t.Helper()
	conn, err := ldap.DialURL(r.URL)
	if err == nil {
		err = conn.Bind(r.ManagerDN, servertest.Password)
	}
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

// export returns every entry as a set of attributes and values, without operational
// attributes.
func (r real) export(t *testing.T) map[string][]string {
	t.Helper()
	conn := r.dial(t)
	defer func() { _ = conn.Close() }()
	found, err := conn.Search(ldap.NewSearchRequest("o=isp", ldap.ScopeWholeSubtree, ldap.NeverDerefAliases, 0, 0, false, "(objectClass=*)", []string{"*"}, nil))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string][]string{}
	for _, e := range found.Entries {
		var values []string
		for _, a := range e.Attributes {
			for _, v := range a.ByteValues {
				values = append(values, strings.ToLower(a.Name)+": "+string(v))
			}
		}
		slices.Sort(values)
		out[e.DN] = values
	}
	return out
}

// difference returns the entries that differ between two exports.
func difference(a, b map[string][]string) []string {
	var out []string
	for dn, values := range a {
		if !slices.Equal(values, b[dn]) {
			out = append(out, fmt.Sprintf("%s: %q and %q", dn, values, b[dn]))
		}
	}
	for dn := range b {
		if a[dn] == nil {
			out = append(out, dn+" is new")
		}
	}
	return out
}

// change changes an entry from outside the run.
func (r real) change(t *testing.T, dn, name string, values ...string) {
	t.Helper()
	conn := r.dial(t)
	defer func() { _ = conn.Close() }()
	req := ldap.NewModifyRequest(dn, nil)
	req.Replace(name, values)
	if err := conn.Modify(req); err != nil {
		t.Fatal(err)
	}
}

// newIDs returns a plan that gives every person another unique id and deletes and
// adds other values.
func (r real) newIDs(t *testing.T) *Plan {
	t.Helper()
	var records []Record
	for dn, values := range r.export(t) {
		id := ""
		for _, v := range values {
			if text, ok := strings.CutPrefix(v, "davuniqueid: "); ok {
				id = text
			}
		}
		if id == "" {
			continue
		}
		records = append(records, Record{
			DN: dn,
			Changes: []ldif.Modification{
				{Op: ldif.OpReplace, Name: "davUniqueId", Values: bytesOf("NEW-" + id)},
				{Op: ldif.OpAdd, Name: "description", Values: bytesOf("grüße", "changed")},
			},
			Expect: []Expectation{{"davUniqueId", NeedAll, bytesOf(id)}},
		})
	}
	slices.SortFunc(records, func(a, b Record) int { return strings.Compare(a.DN, b.DN) })
	return openPlan(t, planText(t, header(), records...))
}

// begin checks a plan and writes the files of a run.
func begin(t *testing.T, plan *Plan, o Options, runs Runs, id, undoes int64) (*Applier, *Run) {
	t.Helper()
	a, err := NewApplier(t.Context(), plan, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.Close)
	if _, err := a.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(runs.Path(id), 0o700); err != nil {
		t.Fatal(err)
	}
	run, err := a.Write(runs.Path(id), id, undoes)
	if err != nil {
		t.Fatal(err)
	}
	return a, run
}

func undoPlan(t *testing.T, runs Runs, id int64) *Plan {
	t.Helper()
	p, err := OpenPlan(filepath.Join(runs.Path(id), UndoFile))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p
}

// After apply each entry has the new values, after undo the old ones, compared value
// by value. An undo can be undone.
func applyAndUndo(t *testing.T, r real, guard Guard) {
	t.Helper()
	before := r.export(t)
	runs := Runs{Dir: t.TempDir()}
	plan := r.newIDs(t)
	a, run := begin(t, plan, Options{Directory: r.options}, runs, 1, 0)
	if d := difference(before, r.export(t)); len(d) > 0 {
		t.Fatalf("the check changed %v", d)
	}
	if err := a.Apply(t.Context(), run); err != nil {
		t.Fatal(err)
	}
	if run.State != Done || run.Changed != plan.Records || run.Guard != guard || run.refused() != 0 {
		t.Fatalf("%+v", run.Info)
	}
	changed := r.export(t)
	if d := difference(before, changed); len(d) != plan.Records {
		t.Fatalf("%d entries differ, of %d: %.3v", len(d), plan.Records, d)
	}
	// The same plan now reports each entry as already done.
	again, err := NewApplier(t.Context(), plan, Options{Directory: r.options})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if c, err := again.Check(t.Context()); err != nil || c.Already != plan.Records || c.ToChange+c.Conflicts != 0 {
		t.Errorf("%+v, %v", c, err)
	}
	for _, step := range []struct {
		id   int64
		want map[string][]string
	}{{2, before}, {3, changed}, {4, before}} {
		a, run := begin(t, undoPlan(t, runs, step.id-1), Options{Directory: r.options, Reverse: true}, runs, step.id, step.id-1)
		if err := a.Apply(t.Context(), run); err != nil {
			t.Fatal(err)
		}
		if d := difference(step.want, r.export(t)); len(d) > 0 || run.Changed != plan.Records {
			t.Fatalf("run %d: %d entries differ: %.3v", step.id, len(d), d)
		}
	}
	list, err := runs.List()
	if err != nil || len(list) != 4 || list[0].ID != 4 || list[0].Undoes != 3 || list[3].State != Done {
		t.Errorf("%+v, %v", list, err)
	}
}

// conflicts changes entries between plan and apply, one of them only in letter case.
func conflicts(t *testing.T, r real) {
	t.Helper()
	plan := r.newIDs(t)
	var records []Record
	for group, err := range plan.All(false) {
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, group...)
	}
	id := string(records[0].Expect[0].Values[0])
	r.change(t, records[0].DN, "davUniqueId", strings.ToUpper(id))
	r.change(t, records[1].DN, "description", "changed")
	var told []string
	o := Options{Directory: r.options, Rejected: func(rec *Record, why string) { told = append(told, rec.DN+": "+why) }}
	a, err := NewApplier(t.Context(), plan, o)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	c, err := a.Check(t.Context())
	if err != nil || c.Conflicts != 2 || c.ToChange != plan.Records-2 || len(told) != 2 || !strings.Contains(told[0], strings.ToUpper(id)) || !strings.Contains(told[1], "'changed'") {
		t.Fatalf("%+v, %v: %q", c, err, told)
	}
	// Entries that change between check and apply are detected by the guard.
	runs := Runs{Dir: t.TempDir()}
	o.Continue = true
	b, run := begin(t, plan, o, runs, 1, 0)
	other := string(records[2].Expect[0].Values[0])
	r.change(t, records[2].DN, "davUniqueId", strings.ToUpper(other))
	r.change(t, records[3].DN, "description", "changed")
	at := r.export(t)
	if err := b.Apply(t.Context(), run); err != nil {
		t.Fatal(err)
	}
	if run.Conflicts != 4 || run.Changed != plan.Records-4 || run.State != Partly {
		t.Errorf("%+v", run.Info)
	}
	after := r.export(t)
	for _, rec := range records[:4] {
		if !slices.Equal(after[rec.DN], at[rec.DN]) {
			t.Errorf("%s: is %q, was %q", rec.DN, after[rec.DN], at[rec.DN])
		}
	}
	rejected, err := OpenPlan(filepath.Join(runs.Path(1), RejectFile))
	if err != nil || rejected.Records != 4 {
		t.Fatalf("%+v, %v", rejected, err)
	}
	_ = rejected.Close()
	// The undo reverts what was done and nothing else.
	u, back := begin(t, undoPlan(t, runs, 1), Options{Directory: r.options, Reverse: true, Continue: true}, runs, 2, 1)
	if err := u.Apply(t.Context(), back); err != nil {
		t.Fatal(err)
	}
	if back.Changed != plan.Records-4 {
		t.Errorf("%+v", back.Info)
	}
	if d := difference(at, r.export(t)); len(d) > 0 {
		t.Errorf("after the undo: %.3v", d)
	}
	// Without Continue, only the first group is tried.
	strict, run2 := begin(t, plan, Options{Directory: r.options, Continue: true}, runs, 3, 0)
	r.change(t, records[5].DN, "description", "changed")
	strict.o.Continue = false
	if err := strict.Apply(t.Context(), run2); !errors.Is(err, ErrConflict) || run2.State != Stopped {
		t.Errorf("%v, %+v", err, run2.Info)
	}
}

func TestSlapdApplyAndUndo(t *testing.T) { applyAndUndo(t, slapd(t, 700), GuardAssertion) }

func TestSlapdConflicts(t *testing.T) { conflicts(t, slapd(t, 700)) }

func TestDSApplyAndUndo(t *testing.T) { applyAndUndo(t, ds(t, 300), GuardPreRead) }

func TestDSConflicts(t *testing.T) { conflicts(t, ds(t, 300)) }
