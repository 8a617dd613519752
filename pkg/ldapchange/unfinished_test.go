package ldapchange

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/davadmin/davadmin/internal/ldaptest"
)

// A stopped run is not resumed if another run changed its entries since: not its undo, nor a
// plan that has the same effect. A run on other entries does not matter.
func TestUnfinishedAfterOtherRuns(t *testing.T) {
	const n = 2*blockRecords + 20
	f := newFake(t, n, ldaptest.Options{})
	var records []Record
	for i := range n - 1 {
		records = append(records, changeOf(i))
	}
	runs, plan := Runs{Dir: t.TempDir()}, openPlan(t, planText(t, header(), records...))
	before := f.state()
	expect := func(when string, plan *Plan, id int64, want bool) {
		t.Helper()
		info, ok, err := runs.Unfinished(plan.Sum, f.URL(), 0)
		if err != nil || info.ID != id || ok != want {
			t.Errorf("%s: run %d, %v, %v", when, info.ID, ok, err)
		}
	}
	apply := func(plan *Plan, id int64, records int) {
		t.Helper()
		a, run := begin(t, plan, f.options(), runs, id, 0)
		if records > 0 {
			stopAfter(t, f, records, func(ctx context.Context) error { return a.Apply(ctx, run) })
			return
		}
		if err := a.Apply(t.Context(), run); err != nil {
			t.Fatal(err)
		}
	}
	apply(plan, 1, blockRecords+10)
	expect("stopped", plan, 1, true)

	apply(openPlan(t, planText(t, header(), changeOf(n-1))), 2, 0)
	expect("a run on another entry", plan, 1, true)

	back := undoPlan(t, runs, 1)
	apply(back, 3, blockRecords+5)
	expect("partly undone by a plan", plan, 1, false)
	expect("the undo was stopped", back, 3, true)
	apply(plan, 4, 0)
	expect("applied again", plan, 4, false)
	expect("the undo after that", back, 3, false)
	apply(back, 5, 0)
	delete(before, fakeDN(n-1))
	after := f.state()
	delete(after, fakeDN(n-1))
	if diff := cmp.Diff(before, after); diff != "" {
		t.Error(diff)
	}
}
