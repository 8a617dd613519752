package ldapchange

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/davadmin/davadmin/internal/fsx"
	"github.com/davadmin/davadmin/internal/ldaptest"
)

// The progress of several groups is recorded at once, so that the connections do not wait
// for the disk after each.
func TestGroupsAreRecordedTogether(t *testing.T) {
	f := newFake(t, batchRecords+1, ldaptest.Options{})
	o := f.options()
	var syncs atomic.Int64
	o.Hook = func(op fsx.Op, path string) error {
		if op == fsx.OpSync && filepath.Base(path) == progressFile {
			syncs.Add(1)
		}
		return nil
	}
	runs := Runs{Dir: t.TempDir()}
	plan := f.plan(t)
	a, run := begin(t, plan, o, runs, 1, 0)
	if err := a.Apply(t.Context(), run); err != nil {
		t.Fatal(err)
	}
	requireCounts(t, run, Done, Counts{Changed: f.n})
	if n := syncs.Load(); n != 2 {
		t.Errorf("%d syncs for two batches", n)
	}
	text, err := os.ReadFile(filepath.Join(run.Dir(), progressFile))
	if p := parseProgress(text); err != nil || p.done != batchGroups+1 || p.counts != run.Counts {
		t.Errorf("%+v, %v: %s", p, err, text)
	}
}

// A run that was killed in a batch whose first group was refused as a whole finds the
// changes that it made in the second one.
func TestResumeInABatch(t *testing.T) {
	f := newFake(t, 3*blockRecords, ldaptest.Options{})
	o := f.options()
	runs := Runs{Dir: t.TempDir()}
	plan := f.plan(t)
	a, run := begin(t, plan, o, runs, 1, 0)
	refused := map[string]bool{}
	for i := range blockRecords {
		refused[fakeDN(i)] = true
	}
	refuse := func(dn string) *ldaptest.Result {
		if refused[dn] {
			return &ldaptest.Result{Code: 19, Message: "constraint violation"} // not for want of rights, which would end the run
		}
		return nil
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	f.SetFaults(ldaptest.Faults{RefuseModify: refuse, OnModify: once(fakeDN(2*blockRecords-10), cancel)})
	if err := a.Apply(ctx, run); !errors.Is(err, context.Canceled) || run.Changed == 0 {
		t.Fatalf("%v: %+v", err, run.Counts)
	}
	if err := os.Remove(filepath.Join(run.Dir(), progressFile)); err != nil { // as after a kill
		t.Fatal(err)
	}
	f.SetFaults(ldaptest.Faults{RefuseModify: refuse})
	run, err := resume(t.Context(), t, plan, o, runs, 1)
	if err != nil {
		t.Fatal(err)
	}
	requireCounts(t, run, Partly, Counts{Changed: 2 * blockRecords, Failed: blockRecords})
}
