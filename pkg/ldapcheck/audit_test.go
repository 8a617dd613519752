package ldapcheck_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/davadmin/davadmin/internal/seed"
	"github.com/davadmin/davadmin/pkg/directory"
	"github.com/davadmin/davadmin/pkg/finding"
	"github.com/davadmin/davadmin/pkg/ldapcheck"
)

// step is what a script source yields next: an entry or an error.
type step struct {
	dn     string
	kind   directory.Kind
	values []string // alternating names and values
	err    error
}

// script is a source that yields the given steps, as a live source would.
type script struct {
	steps []step
	query *directory.Query
}

func (s *script) Name() string { return "script" }

func (s *script) Entries(_ context.Context, q directory.Query) iter.Seq2[*directory.Entry, error] {
	s.query = &q
	return func(yield func(*directory.Entry, error) bool) {
		pos := uint64(0)
		for _, st := range s.steps {
			if st.err != nil {
				var again *directory.RestartError
				if errors.As(st.err, &again) {
					pos = 0
				}
				if !yield(nil, st.err) {
					return
				}
				continue
			}
			e := &directory.Entry{DN: []byte(st.dn), Kind: st.kind, Pos: pos}
			pos++
			for i := 0; i+1 < len(st.values); i += 2 {
				at := slices.IndexFunc(q.Attributes, func(a string) bool { return strings.EqualFold(a, st.values[i]) })
				if at >= 0 {
					e.Values = append(e.Values, directory.Value{Attr: at, Data: []byte(st.values[i+1])})
				}
			}
			if !yield(e, nil) {
				return
			}
		}
	}
}

func person(uid, id string) step {
	return step{dn: "uid=" + uid + ",o=isp", kind: directory.User, values: []string{
		"uid", uid, "mail", uid + "@example.com", "davUniqueId", id, "objectClass", "davEntity"}}
}

func outcome(t *testing.T, r *ldapcheck.Report, rule string) finding.Outcome {
	t.Helper()
	i := slices.IndexFunc(r.Outcomes, func(o finding.Outcome) bool { return o.Rule == rule })
	if i < 0 {
		t.Fatalf("no outcome for %s", rule)
	}
	return r.Outcomes[i]
}

func briefs(findings []finding.Finding) []string {
	var out []string
	for _, f := range findings {
		out = append(out, brief(f))
	}
	return out
}

// No rule passes if the source ends early.
func TestIncompleteSourceIsNotClean(t *testing.T) {
	ended := &directory.IncompleteError{What: "script", Entries: 3, Code: 4, Err: errors.New("Size Limit Exceeded")}
	src := &script{steps: []step{person("a", hexID), person("b", hexID), person("c", ""), {err: ended}}}
	group := step{dn: "cn=g,o=isp", kind: directory.Group, values: []string{"uniqueMember", "uid=later,o=isp", "mail", "g@example.com", "davUniqueId", idFor("g")}}
	src.steps = slices.Insert(src.steps, 2, group)
	r, findings := auditSource(t, ldapcheck.Options{Names: ldapcheck.DefaultNames()}, src)
	if r.Complete || !errors.Is(r.Ended, ended) {
		t.Errorf("complete %v, ended %v", r.Complete, r.Ended)
	}
	want := []string{"uniqueid-empty c", "uniqueid-duplicate a+b " + hexID, "uniqueid-class-missing g " + idFor("g"), "audit-incomplete"}
	if diff := cmp.Diff(want, briefs(findings)); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
	for _, o := range r.Outcomes {
		if o.Result == finding.Passed && !slices.Contains([]string{"check-not-run", "uniqueid-unstable"}, o.Rule) {
			t.Errorf("%s passed on an incomplete source", o.Rule)
		}
	}
	// The member may be among the entries that were not read.
	if o := outcome(t, r, "group-member-dangling"); o.Result != finding.NotRun || o.Reason != "only a part was read" {
		t.Errorf("%+v", o)
	}
	if o := outcome(t, r, "audit-incomplete"); o.Result != finding.Failed || o.Count != 1 {
		t.Errorf("%+v", o)
	}
	if worst, ok := r.Worst(); !ok || worst != finding.Error {
		t.Errorf("worst %v, %v", worst, ok)
	}
}

// What was read before a restart is discarded and cannot cause duplicates.
func TestRestart(t *testing.T) {
	src := &script{steps: []step{
		person("a", hexID), person("b", ""), {err: &directory.RestartError{Err: errors.New("lost")}},
		person("a", hexID), person("b", hexID2), person("c", "x"),
	}}
	r, findings := auditSource(t, ldapcheck.Options{Names: ldapcheck.DefaultNames()}, src)
	if diff := cmp.Diff([]string{"uniqueid-malformed c x"}, briefs(findings)); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
	if r.Accounts() != 3 || !r.Complete {
		t.Errorf("%d accounts, complete %v", r.Accounts(), r.Complete)
	}
}

func TestProblemsOfTheSource(t *testing.T) {
	src := &script{steps: []step{
		person("a", hexID),
		{err: &directory.Problem{Kind: directory.Referral, Pos: 1, Detail: "a part of the tree is elsewhere", URLs: []string{"ldap://other/o=x", "ldap://third/o=x"}}},
		{err: &directory.Problem{Kind: directory.BrokenRecord, Pos: 2, Line: 7, Detail: "no record", DN: []byte("uid=z,o=isp")}},
	}}
	r, findings := auditSource(t, ldapcheck.Options{Names: ldapcheck.DefaultNames(), Rules: []string{"mail-missing"}, FileName: func(int) string { return "f" }}, src)
	want := []string{"record-broken z", "referral-not-followed  ldap://other/o=x ldap://third/o=x"}
	if diff := cmp.Diff(want, briefs(findings)); diff != "" {
		t.Errorf("these do not depend on the selected rules (-want +got):\n%s", diff)
	}
	if w := findings[0].Where; w == nil || w.File != "f" || w.Line != 7 {
		t.Errorf("location: %+v", w)
	}
	if r.Problems != 2 {
		t.Errorf("%d problems", r.Problems)
	}
}

// A directory without accounts is a finding: nothing was checked.
func TestEmptyDirectoryIsAFinding(t *testing.T) {
	for name, steps := range map[string][]step{"nothing": nil, "no account": {{dn: "o=isp", kind: directory.Other}}} {
		r, findings := auditSource(t, ldapcheck.Options{Names: ldapcheck.DefaultNames(), Bases: []string{"o=nowhere"}}, &script{steps: steps})
		if len(findings) != 1 || findings[0].Rule != "check-not-run" || !strings.Contains(findings[0].Detail, "icsCalendarUser") || !strings.Contains(findings[0].Detail, "o=nowhere") {
			t.Errorf("%s: %+v", name, findings)
		}
		for _, rule := range []string{"uniqueid-missing", "uniqueid-duplicate", "mail-duplicate", "group-member-dangling"} {
			if o := outcome(t, r, rule); o.Result != finding.NotRun {
				t.Errorf("%s: %+v", name, o)
			}
		}
	}
}

func TestCancelledAuditReportsWhatWasRead(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	a, err := ldapcheck.New(ldapcheck.Options{Names: ldapcheck.DefaultNames(), Server: &server{}})
	if err != nil {
		t.Fatal(err)
	}
	r, err := a.Run(ctx, &script{steps: []step{
		person("a", hexID), person("b", hexID), {err: &directory.IncompleteError{What: "script", Entries: 2, Err: context.Canceled}}}})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if r.Complete || !errors.Is(r.Ended, context.Canceled) || outcome(t, r, "uniqueid-duplicate").Count != 1 {
		t.Errorf("%v, %+v", r.Ended, r.Outcomes)
	}
}

// A report is incomplete also if the stop comes after everything was read.
func TestStoppedWhileComparing(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	src := &script{steps: []step{person("a", hexID), {dn: "cn=g,o=isp", kind: directory.Group, values: []string{"mail", "g@example.com", "davUniqueId", hexID2, "objectClass", "davEntity", "uniqueMember", "cn=x,o=isp"}}}}
	a, err := ldapcheck.New(ldapcheck.Options{Names: ldapcheck.DefaultNames(), Server: &server{stop: cancel, err: context.Canceled}})
	if err != nil {
		t.Fatal(err)
	}
	r, err := a.Run(ctx, src)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if r.Complete || !errors.Is(r.Ended, context.Canceled) || outcome(t, r, "audit-incomplete").Count != 1 || outcome(t, r, "group-member-dangling").Result != finding.NotRun {
		t.Errorf("complete %v, %v, %+v", r.Complete, r.Ended, r.Outcomes)
	}
}

// If an entry has more findings than are sorted at once, all of them are returned in
// the order of its values.
func TestManyFindingsOfOneEntry(t *testing.T) {
	const n = 2500
	group := step{dn: "cn=g,o=isp", kind: directory.Group, values: []string{"mail", "g@example.com", "davUniqueId", hexID, "objectClass", "davEntity"}}
	var want []string
	for i := range n {
		dn := fmt.Sprintf("uid=gone%d,o=isp", (i*7919)%n)
		group.values = append(group.values, "uniqueMember", dn)
		want = append(want, dn)
	}
	r, findings := auditSource(t, ldapcheck.Options{Names: ldapcheck.DefaultNames()}, &script{steps: []step{{dn: "o=isp"}, group}})
	var got []string
	for _, f := range findings {
		if f.Rule == "group-member-dangling" {
			got = append(got, f.Value)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("%d of %d findings, or in the wrong order", len(got), n)
	}
	few := 0
	for _, err := range r.Findings(3) {
		if err != nil {
			t.Fatal(err)
		}
		few++
	}
	if few != 3 {
		t.Errorf("%d findings instead of the first 3", few)
	}
}

// server is a fake of a live directory.
type server struct {
	there    map[string]bool
	sees     bool
	missing  []string
	indexes  []string
	err      error
	asked    []string
	equal    bool // the response to a comparison
	compared []string
	stop     func() // is called at the first request
	odd      error  // the response to DNs that begin with "cn=odd"
}

func (s *server) Exists(_ context.Context, dn string) (bool, error) {
	s.asked = append(s.asked, dn)
	if s.stop != nil {
		s.stop()
	}
	if strings.HasPrefix(dn, "cn=odd") {
		return false, s.odd
	}
	return s.there[dn], s.err
}

func (s *server) Matches(_ context.Context, dn string, attributes []string, value []byte) (bool, error) {
	s.compared = append(s.compared, fmt.Sprintf("%s %s=%s", dn, strings.Join(attributes, ","), value))
	return s.equal, s.err
}

func (s *server) MissingFromSchema(context.Context, []string, []string) ([]string, error) {
	return s.missing, s.err
}

func (s *server) ShowsAttribute(context.Context, string, string) (bool, error) { return s.sees, s.err }

func (s *server) IndexTypes(context.Context, string) ([]string, error) { return s.indexes, s.err }

func TestServerRules(t *testing.T) {
	steps := []step{person("a", hexID), {dn: "cn=g,o=isp", kind: directory.Group, values: []string{
		"mail", "g@example.com", "davUniqueId", hexID2, "objectClass", "davEntity", "uniqueMember", "uid=a,o=isp", "uniqueMember", "cn=plain,o=isp", "uniqueMember", "cn=gone,o=isp"}}}
	options := func(s *server) ldapcheck.Options {
		return ldapcheck.Options{Names: ldapcheck.DefaultNames(), Server: s}
	}
	t.Run("sound", func(t *testing.T) {
		s := &server{there: map[string]bool{"cn=plain,o=isp": true, "cn=gone,o=isp": true}, indexes: []string{"pres", "eq"}}
		r, findings := auditSource(t, options(s), &script{steps: steps})
		if len(findings) > 0 || outcome(t, r, "schema-missing").Result != finding.Passed || outcome(t, r, "index-missing").Result != finding.Passed {
			t.Errorf("%+v", findings)
		}
		slices.Sort(s.asked)
		if !slices.Equal(s.asked, []string{"cn=gone,o=isp", "cn=plain,o=isp"}) {
			t.Errorf("asked for %q, want only DNs that were not read", s.asked)
		}
	})
	t.Run("faulty", func(t *testing.T) {
		s := &server{there: map[string]bool{"cn=plain,o=isp": true}, missing: []string{"davStore", "davEntity"}, indexes: []string{"pres"}}
		_, findings := auditSource(t, options(s), &script{steps: steps})
		want := []string{"group-member-dangling g cn=gone,o=isp", "schema-missing  davStore", "schema-missing  davEntity", "index-missing  davUniqueId"}
		if diff := cmp.Diff(want, briefs(findings)); diff != "" {
			t.Errorf("findings (-want +got):\n%s", diff)
		}
	})
	// An error about one DN does not affect the others.
	t.Run("odd", func(t *testing.T) {
		odd := append(slices.Clone(steps), step{dn: "cn=h,o=isp", kind: directory.Group, values: []string{
			"mail", "h@example.com", "davUniqueId", idFor("h"), "objectClass", "davEntity", "uniqueMember", "john", "uniqueMember", "cn=odd,o=isp", "uniqueMember", "cn=gone,o=isp"}})
		s := &server{there: map[string]bool{"cn=plain,o=isp": true}, odd: &directory.ResultError{Code: 50}, indexes: []string{"eq"}}
		_, findings := auditSource(t, options(s), &script{steps: odd})
		want := []string{"group-member-dangling g cn=gone,o=isp", "group-member-dangling h cn=gone,o=isp", "group-member-dangling h john", "group-member-dangling h cn=odd,o=isp"}
		if diff := cmp.Diff(want, briefs(findings)); diff != "" {
			t.Errorf("findings (-want +got):\n%s", diff)
		}
		if last := findings[len(findings)-1]; last.Severity != finding.Info {
			t.Errorf("%+v", last)
		}
	})
	t.Run("silent", func(t *testing.T) {
		r, findings := auditSource(t, ldapcheck.Options{Names: ldapcheck.DefaultNames(), Server: &server{err: directory.ErrHidden}}, &script{steps: steps[:1]})
		if len(findings) > 0 {
			t.Errorf("%+v", findings)
		}
		for _, rule := range []string{"schema-missing", "index-missing"} {
			if o := outcome(t, r, rule); o.Result != finding.NotRun || !strings.Contains(o.Reason, "does not show") {
				t.Errorf("%+v", o)
			}
		}
	})
	// A check that should have run and could not is a finding.
	t.Run("broken", func(t *testing.T) {
		r, findings := auditSource(t, options(&server{err: errors.New("gone away")}), &script{steps: steps})
		if len(findings) != 4 || outcome(t, r, "check-not-run").Count != 4 {
			t.Errorf("%+v", findings)
		}
		for _, f := range findings {
			if f.Rule != "check-not-run" || !strings.Contains(f.Detail, "gone away") {
				t.Errorf("%+v", f)
			}
		}
	})
}

// If only the rule about missing ids runs, the server searches for them.
func TestNarrowed(t *testing.T) {
	src := &script{steps: []step{{dn: "uid=a,o=isp", kind: directory.User}}}
	o := ldapcheck.Options{Names: ldapcheck.DefaultNames(), Rules: []string{"uniqueid-missing"}, Server: &server{sees: true}}
	_, findings := auditSource(t, o, src)
	for _, s := range src.query.Selections {
		if s.Filter != "(!(davUniqueId=*))" {
			t.Errorf("%s: %q", s.Kind, s.Filter)
		}
	}
	if !slices.Equal(briefs(findings), []string{"uniqueid-missing a"}) {
		t.Errorf("%+v", findings)
	}
	for name, change := range map[string]func(*ldapcheck.Options){
		"another rule":   func(o *ldapcheck.Options) { o.Rules = append(o.Rules, "mail-missing") },
		"a file":         func(o *ldapcheck.Options) { o.Server = nil },
		"a hostile name": func(o *ldapcheck.Options) { o.Names.UniqueID = "x)(uid" },
	} {
		o := o
		change(&o)
		a, err := ldapcheck.New(o)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range a.Query().Selections {
			if s.Filter != "" || a.Narrowed() {
				t.Errorf("%s: %q", name, s.Filter)
			}
		}
	}
}

// If a server finds no entry, the result counts only if it shows the attribute at
// all. Otherwise everything is read, and every entry lacks the attribute.
func TestNarrowedChecksVisibility(t *testing.T) {
	o := ldapcheck.Options{Names: ldapcheck.DefaultNames(), Rules: []string{"uniqueid-missing"}}
	for name, c := range map[string]struct {
		server *server
		want   []string
	}{
		"visible": {&server{sees: true}, nil},
		"hidden":  {&server{}, []string{"uniqueid-missing a"}},
		"unknown": {&server{sees: true, err: errors.New("no")}, []string{"uniqueid-missing a"}},
	} {
		o.Server = c.server
		src := &hiding{script{steps: []step{{dn: "uid=a,o=isp", kind: directory.User}}}}
		r, findings := auditSource(t, o, src)
		if !slices.Equal(briefs(findings), c.want) || !r.Complete {
			t.Errorf("%s: %+v", name, findings)
		}
	}
}

// hiding is a server that hides an attribute and so finds nothing by it.
type hiding struct{ script }

func (h *hiding) Entries(ctx context.Context, q directory.Query) iter.Seq2[*directory.Entry, error] {
	if q.Selections[0].Filter != "" {
		return func(func(*directory.Entry, error) bool) {}
	}
	return h.script.Entries(ctx, q)
}

// Only the attributes that the rules need are requested, and the one that marks
// conflict entries.
func TestQueryIsMinimal(t *testing.T) {
	a, err := ldapcheck.New(ldapcheck.Options{Names: ldapcheck.DefaultNames(), Rules: []string{"uniqueid-duplicate", "uniqueid-malformed"}})
	if err != nil {
		t.Fatal(err)
	}
	if q := a.Query(); !slices.Equal(q.Attributes, []string{"davUniqueId", "nsds5ReplConflict"}) || q.Others {
		t.Errorf("%+v", q)
	}
}

// For any data, the duplicates are the same as those found with maps.
func TestDuplicatesMatchReference(t *testing.T) {
	seed.Rapid(t)
	rapid.Check(t, func(rt *rapid.T) {
		ids := rapid.SampledFrom([]string{"a", "A", "b", " a", "a  b", "A b", "ä", "Ä", ""})
		count := rapid.IntRange(0, 30).Draw(rt, "entries")
		src := &script{}
		exact, folded := map[string][]string{}, map[string]map[string][]string{}
		for i := range count {
			name := fmt.Sprintf("u%03d", i)
			st := person(name, "")
			st.values = st.values[:4]
			mine := rapid.SliceOfNDistinct(ids, 0, 3, rapid.ID).Draw(rt, "ids")
			for _, id := range mine {
				st.values = append(st.values, "davUniqueId", id)
				if strings.Trim(id, " ") == "" {
					continue
				}
				exact[id] = append(exact[id], name)
				key := strings.ToLower(strings.Join(strings.Fields(id), " "))
				if folded[key] == nil {
					folded[key] = map[string][]string{}
				}
				folded[key][id] = append(folded[key][id], name)
			}
			src.steps = append(src.steps, st)
		}
		want := map[string]bool{}
		for id, names := range exact {
			if len(names) > 1 {
				want["uniqueid-duplicate "+strings.Join(names, "+")+" "+id] = true
			}
		}
		for _, spellings := range folded {
			who := map[string]bool{}
			for _, names := range spellings {
				for _, n := range names {
					who[n] = true
				}
			}
			if len(spellings) > 1 && len(who) > 1 {
				want["uniqueid-case-collision "+strings.Join(slices.Sorted(maps.Keys(who)), "+")+" "+slices.Min(slices.Collect(maps.Keys(spellings)))] = true
			}
		}
		a, err := ldapcheck.New(ldapcheck.Options{Names: ldapcheck.DefaultNames(), Rules: []string{"uniqueid-duplicate", "uniqueid-case-collision"}})
		if err != nil {
			rt.Fatal(err)
		}
		r, err := a.Run(context.Background(), src)
		if err != nil {
			rt.Fatal(err)
		}
		defer r.Close()
		got := map[string]bool{}
		for f, err := range r.Findings(0) {
			if err != nil {
				rt.Fatal(err)
			}
			if f.Rule != "check-not-run" {
				got[brief(f)] = true
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			rt.Fatalf("(-want +got):\n%s", diff)
		}
	})
}
