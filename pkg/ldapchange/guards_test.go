package ldapchange

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/davadmin/davadmin/internal/ldaptest"
	"github.com/davadmin/davadmin/pkg/ldif"
)

// once returns a hook that runs at the first change of an entry.
func once(dn string, do func()) func(string) {
	var first sync.Once
	return func(name string) {
		if name == dn {
			first.Do(do)
		}
	}
}

// After the check, somebody else changes the letter case in two entries: the first
// one, and one in the middle of many.
func TestLetterCaseBeforeApply(t *testing.T) {
	eachGuard(t, 40, func(t *testing.T, guard Guard, f fake, o Options) {
		runs := Runs{Dir: t.TempDir()}
		a, run := begin(t, f.plan(t), o, runs, 1, 0)
		f.Replace(fakeDN(0), "davUniqueId", "ABC-0")
		f.Replace(fakeDN(20), "davUniqueId", "ABC-20")
		before := f.state()
		if err := a.Apply(t.Context(), run); err != nil {
			t.Error(err)
		}
		if run.Guard != guard {
			t.Errorf("guard %q", run.Guard)
		}
		requireCounts(t, run, Partly, Counts{Changed: 38, Conflicts: 2})
		requireState(t, f, f.changed(before, 0, 20))
		requireUndo(t, f, runs, 1, before)
	})
}

// Somebody else changes the letter case in an entry while the request is on its way.
// A guard of the server detects that. Without one it is not detected, because a
// replaced attribute has the wanted values afterwards.
func TestLetterCaseDuringModify(t *testing.T) {
	eachGuard(t, 40, func(t *testing.T, guard Guard, f fake, o Options) {
		a, run := begin(t, f.plan(t), o, Runs{Dir: t.TempDir()}, 1, 0)
		before := f.state()
		f.SetFaults(ldaptest.Faults{OnModify: once(fakeDN(20), func() { f.Replace(fakeDN(20), "davUniqueId", "ABC-20") })})
		if err := a.Apply(t.Context(), run); err != nil {
			t.Error(err)
		}
		if guard == GuardReread {
			requireCounts(t, run, Done, Counts{Changed: 40})
			requireState(t, f, f.changed(before))
			return
		}
		requireCounts(t, run, Partly, Counts{Changed: 39, Conflicts: 1})
		want := f.changed(before, 20)
		want[fakeDN(20)] = slices.Clone(want[fakeDN(20)])
		want[fakeDN(20)][slices.Index(want[fakeDN(20)], "davUniqueId: abc-20")] = "davUniqueId: ABC-20"
		slices.Sort(want[fakeDN(20)])
		requireState(t, f, want)
	})
}

// Reading before and after finds what somebody else did in between to attributes of
// which only some values are changed, and loses none of it.
func TestRereadFindsConcurrentChanges(t *testing.T) {
	add := func(f fake, v string) func() {
		return func() { f.Replace(fakeDN(3), "description", append(f.Values(fakeDN(3), "description"), v)...) }
	}
	for name, hook := range map[string]func(f fake) ldaptest.Faults{
		"before our change": func(f fake) ldaptest.Faults { return ldaptest.Faults{OnModify: once(fakeDN(3), add(f, "theirs"))} },
		"after our change":  func(f fake) ldaptest.Faults { return ldaptest.Faults{AfterModify: once(fakeDN(3), add(f, "theirs"))} },
		"a replaced value": func(f fake) ldaptest.Faults {
			return ldaptest.Faults{AfterModify: once(fakeDN(3), func() { f.Replace(fakeDN(3), "davUniqueId", "new-abc-3") })}
		},
		"all of it": func(f fake) ldaptest.Faults {
			return ldaptest.Faults{AfterModify: once(fakeDN(3), func() { f.Remove(fakeDN(3)) })}
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t, 8, guards()[GuardReread])
			var told []string
			o := f.options()
			o.Rejected = func(r *Record, why string) { told = append(told, r.DN+": "+why) }
			a, run := begin(t, f.plan(t), o, Runs{Dir: t.TempDir()}, 1, 0)
			f.SetFaults(hook(f))
			if err := a.Apply(t.Context(), run); err != nil {
				t.Error(err)
			}
			requireCounts(t, run, Partly, Counts{Changed: 7, Conflicts: 1})
			if len(told) != 1 || !strings.Contains(told[0], fakeDN(3)+": ") || !strings.Contains(told[0], "change") {
				t.Errorf("%q", told)
			}
			if d := f.Values(fakeDN(3), "description"); strings.HasSuffix(name, "our change") && !slices.Contains(d, "theirs") {
				t.Errorf("their value is lost: %q", d)
			}
		})
	}
}

// Reading before and after does not overwrite a value with which somebody else has
// replaced the one to delete.
func TestRereadKeepsConcurrentReplacement(t *testing.T) {
	f := newFake(t, 8, guards()[GuardReread])
	a, run := begin(t, f.plan(t), f.options(), Runs{Dir: t.TempDir()}, 1, 0)
	before := f.state()
	f.SetFaults(ldaptest.Faults{OnModify: once(fakeDN(3), func() { f.Replace(fakeDN(3), "davUniqueId", "theirs") })})
	if err := a.Apply(t.Context(), run); err != nil {
		t.Error(err)
	}
	requireCounts(t, run, Partly, Counts{Changed: 7, Conflicts: 1})
	want := f.changed(before, 3)
	want[fakeDN(3)] = slices.Clone(want[fakeDN(3)])
	want[fakeDN(3)][slices.Index(want[fakeDN(3)], "davUniqueId: abc-3")] = "davUniqueId: theirs"
	slices.Sort(want[fakeDN(3)])
	requireState(t, f, want)
}

// A server cannot delete single values of an attribute without an equality rule, so
// all values are replaced.
func TestRereadWithoutEquality(t *testing.T) {
	r := slapd(t, 20)
	s, err := connect(t.Context(), r.options)
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	s.guard = GuardReread
	var dn string
	for name, values := range r.export(t) {
		if slices.Contains(values, "objectclass: inetOrgPerson") {
			dn = name
		}
	}
	r.change(t, dn, "jpegPhoto", "one")
	change := Record{DN: dn, Changes: []ldif.Modification{{Op: ldif.OpReplace, Name: "jpegPhoto", Values: bytesOf("two")}}}
	if err := s.change(&change, false); err != nil {
		t.Error(err)
	}
	if now, err := s.read(dn, []string{"jpegPhoto"}); err != nil || !sameValues(now.of("jpegPhoto"), bytesOf("two")) {
		t.Errorf("%q, %v", now, err)
	}
}

// A run does not use servers with different guards.
func TestConnectionsToDifferentServers(t *testing.T) {
	strong, weak := newFake(t, 4, ldaptest.Options{}), newFake(t, 4, guards()[GuardReread])
	o := strong.options()
	o.Directory.URLs = append(o.Directory.URLs, weak.URL())
	strong.SetFaults(ldaptest.Faults{CloseOnAccept: true, FirstConnections: 1})
	if a, err := NewApplier(t.Context(), strong.plan(t), o); err == nil || !strings.Contains(err.Error(), string(GuardReread)) {
		t.Errorf("%v", err)
		if a != nil {
			a.Close()
		}
	}
}

// An assertion alone compares letter case, but ignores repeated blanks and cannot
// exclude further values. The pre-read control detects these.
func TestPreReadDetectsWhatAssertionsMiss(t *testing.T) {
	r := Record{DN: fakeDN(0), Changes: []ldif.Modification{{Op: ldif.OpReplace, Name: "description", Values: bytesOf("x")}}, Expect: []Expectation{{"description", NeedAll, bytesOf("a person")}}}
	for theirs, caught := range map[string]map[Guard]bool{
		"A person":         {GuardAssertion: true, GuardAssertionOnly: true, GuardPreRead: true},
		"a  person":        {GuardAssertion: true, GuardAssertionOnly: false, GuardPreRead: true},
		"a person, theirs": {GuardAssertion: true, GuardAssertionOnly: false, GuardPreRead: true},
		"theirs":           {GuardAssertion: true, GuardAssertionOnly: true, GuardPreRead: true},
	} {
		for guard, want := range caught {
			f := newFake(t, 1, guards()[guard])
			a, run := begin(t, openPlan(t, planText(t, header(), r)), f.options(), Runs{Dir: t.TempDir()}, 1, 0)
			values := strings.Split(theirs, ", ")
			f.Replace(fakeDN(0), "description", values...)
			if err := a.Apply(t.Context(), run); err != nil {
				t.Error(err)
			}
			left := slices.Equal(f.Values(fakeDN(0), "description"), values)
			if left != want || (run.Conflicts == 1) != want || (run.Changed == 0) != want {
				t.Errorf("%s, %q: unchanged %v, %+v", guard, theirs, left, run.Counts)
			}
		}
	}
}

// Attributes whose letter case the server cannot compare are changed all the same, any
// number at once. The letter case of other attributes is still compared.
func TestAttributesWithoutExactMatch(t *testing.T) {
	for guard, server := range guards() {
		f := newFake(t, 200, server)
		var records []Record
		for i := range f.n {
			r := changeOf(i)
			mail := fmt.Sprintf("u%04d@example.org", i)
			r.Changes = append(r.Changes, ldif.Modification{Op: ldif.OpReplace, Name: "mail", Values: bytesOf("new." + mail)})
			r.Expect = append(r.Expect, Expectation{"mail", NeedAll, bytesOf(mail)})
			records = append(records, r)
		}
		a, run := begin(t, openPlan(t, planText(t, header(), records...)), f.options(), Runs{Dir: t.TempDir()}, 1, 0)
		f.Replace(fakeDN(190), "davUniqueId", "ABC-190")
		if err := a.Apply(t.Context(), run); err != nil {
			t.Errorf("%s: %v", guard, err)
		}
		requireCounts(t, run, Partly, Counts{Changed: 199, Conflicts: 1})
		if v := f.Values(fakeDN(190), "davUniqueId"); !slices.Equal(v, []string{"ABC-190"}) {
			t.Errorf("%s: %q", guard, v)
		}
		if v := f.Values(fakeDN(191), "mail"); !slices.Equal(v, []string{"new.u0191@example.org"}) {
			t.Errorf("%s: %q", guard, v)
		}
	}
}

// A change that must be undone is undone even if the connection is lost or the server
// is busy at that moment.
func TestRestoreIsInterrupted(t *testing.T) {
	for name, faults := range map[string]ldaptest.Faults{
		"dropped before": {DropBeforeModify: 11}, "dropped after": {DropAfterModify: 11}, "busy": {BusyModify: 11}, "not at all": {},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t, 10, guards()[GuardPreRead])
			o := f.options()
			o.Parallel = 1
			a, run := begin(t, f.plan(t), o, Runs{Dir: t.TempDir()}, 1, 0)
			// The first change is sent alone, then nine at once; the eleventh undoes one
			// of them.
			f.Replace(fakeDN(5), "davUniqueId", "ABC-5")
			before := f.state()
			f.SetFaults(faults)
			if err := a.Apply(t.Context(), run); err != nil {
				t.Error(err)
			}
			requireCounts(t, run, Partly, Counts{Changed: 9, Conflicts: 1})
			requireState(t, f, f.changed(before, 5))
			if fired := f.Fired("DropBeforeModify") + f.Fired("DropAfterModify") + f.Fired("BusyModify"); (fired == 1) != (name != "not at all") {
				t.Errorf("%d faults", fired)
			}
		})
	}
}

// After a failover to a server with a weaker guard, no changes are sent.
func TestFailoverToWeakerGuard(t *testing.T) {
	first, second := newFake(t, 40, ldaptest.Options{}), newFake(t, 40, guards()[GuardReread])
	o := first.options()
	o.Directory.URLs = append(o.Directory.URLs, second.URL())
	runs := Runs{Dir: t.TempDir()}
	a, run := begin(t, first.plan(t), o, runs, 1, 0)
	before := second.state()
	first.SetFaults(ldaptest.Faults{DropBeforeModify: 2, CloseOnAccept: true})
	err := a.Apply(t.Context(), run)
	if err == nil || !strings.Contains(err.Error(), string(GuardReread)) {
		t.Fatalf("%v", err)
	}
	requireStopped(t, runs, run, err, nil)
	requireState(t, second, before)
}

// A value to delete that now exists in another letter case does not count as deleted.
func TestDeleteOfValueInAnotherCase(t *testing.T) {
	r := Record{DN: fakeDN(0), Changes: []ldif.Modification{{Op: ldif.OpDelete, Name: "description", Values: bytesOf("a person")}}}
	for guard, server := range guards() {
		f := newFake(t, 1, server)
		a, run := begin(t, openPlan(t, planText(t, header(), r)), f.options(), Runs{Dir: t.TempDir()}, 1, 0)
		f.Replace(fakeDN(0), "description", "A Person")
		before := maps.Clone(f.state())
		if err := a.Apply(t.Context(), run); err != nil {
			t.Error(err)
		}
		if run.Conflicts != 1 {
			t.Errorf("%s: %+v", guard, run.Counts)
		}
		requireState(t, f, before)
	}
}

// An attribute requested by an alias of the name that the server uses is an error:
// it would be taken for absent.
func TestAliasesOfAttributeNames(t *testing.T) {
	r := Record{DN: fakeDN(0), Changes: []ldif.Modification{{Op: ldif.OpReplace, Name: "surname", Values: bytesOf("x")}}}
	f := newFake(t, 1, ldaptest.Options{})
	a, err := NewApplier(t.Context(), openPlan(t, planText(t, header(), r)), f.options())
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if c, err := a.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "surname") || c.ToChange != 0 {
		t.Errorf("%+v, %v", c, err)
	}
}
