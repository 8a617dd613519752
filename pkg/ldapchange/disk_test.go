package ldapchange

import (
	"errors"
	"os"
	"syscall"
	"testing"

	"github.com/davadmin/davadmin/internal/fsx"
	"github.com/davadmin/davadmin/internal/ldaptest"
)

// A run whose disk fails for good before step i leaves on disk what a run leaves
// that is killed then. It is continued, or started again if it changed nothing; each
// entry is changed once, and what was rejected is not forgotten.
func TestDiskFailsFromEachStepOn(t *testing.T) {
	for i := 1; ; i++ {
		f := newFake(t, blockRecords+20, ldaptest.Options{})
		before := f.state()
		plan := f.plan(t)
		f.SetFaults(ldaptest.Faults{RefuseDNs: []string{fakeDN(4), fakeDN(blockRecords + 5)}})
		runs := Runs{Dir: t.TempDir()}
		calls := 0
		o := f.options()
		o.Hook = func(fsx.Op, string) error {
			if calls++; calls >= i {
				return syscall.EIO
			}
			return nil
		}
		if err := applyOnce(t, plan, o, runs, 1); calls >= i && !errors.Is(err, syscall.EIO) {
			t.Fatalf("step %d: %v", i, err)
		}
		done := calls < i
		requireContinued(t, f, plan, runs, i)
		requireState(t, f, f.changed(before, 4, blockRecords+5))
		if got := f.modifies(0); got != f.n-2 {
			t.Errorf("step %d: %d changes, want %d", i, got, f.n-2)
		}
		if done {
			if i < 30 {
				t.Errorf("only %d steps were tried", i)
			}
			return
		}
	}
}

// applyOnce begins a run and applies it.
func applyOnce(t *testing.T, plan *Plan, o Options, runs Runs, id int64) error {
	t.Helper()
	a, err := NewApplier(t.Context(), plan, o)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if _, err := a.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(runs.Path(id), 0o700); err != nil {
		t.Fatal(err)
	}
	run, err := a.Write(runs.Path(id), id, 0)
	if err != nil {
		return err
	}
	return a.Apply(t.Context(), run)
}

// requireContinued continues the run of the plan, or begins another, and checks what
// it says and what it rejected.
func requireContinued(t *testing.T, f fake, plan *Plan, runs Runs, step int) {
	t.Helper()
	info, ok, err := runs.Unfinished(plan.Sum, f.URL(), 0)
	if err != nil {
		t.Fatalf("step %d: %v", step, err)
	}
	switch {
	case ok:
		if _, err := resume(t.Context(), t, plan, f.options(), runs, info.ID); err != nil {
			t.Errorf("step %d: %v", step, err)
		}
	case info.State != Partly:
		if f.modifies(-2) > 0 {
			t.Errorf("step %d: changes were sent, and no run is recorded", step)
		}
		if err := applyOnce(t, plan, f.options(), runs, 2); err != nil {
			t.Errorf("step %d: %v", step, err)
		}
	}
	all, err := runs.List()
	if err != nil || len(all) != 1 || all[0].State != Partly || all[0].Failed != 2 {
		t.Fatalf("step %d: %+v, %v", step, all, err)
	}
	run, err := OpenRun(runs, all[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	requireReasons(t, rejected(t, run), map[string]string{fakeDN(4): "code 50", fakeDN(blockRecords + 5): "code 50"})
}
