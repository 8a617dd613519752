package ldapchange

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/davadmin/davadmin/internal/ldaptest"
	"github.com/davadmin/davadmin/pkg/directory"
	"github.com/davadmin/davadmin/pkg/ldif"
)

func TestBusyForAWhile(t *testing.T) {
	eachGuard(t, 40, func(t *testing.T, _ Guard, f fake, o Options) {
		runs := Runs{Dir: t.TempDir()}
		a, run := begin(t, f.plan(t), o, runs, 1, 0)
		before := f.state()
		f.SetFaults(ldaptest.Faults{BusyModify: 10, BusyMore: 6})
		if err := a.Apply(t.Context(), run); err != nil {
			t.Error(err)
		}
		requireCounts(t, run, Done, Counts{Changed: 40})
		requireState(t, f, f.changed(before))
		if n := f.modifies(51); n != 7 {
			t.Errorf("%d busy responses", n)
		}
	})
}

// A server that remains busy ends the run after one waiting time, not one per entry.
func TestBusyForTooLong(t *testing.T) {
	f := newFake(t, 33, ldaptest.Options{})
	o := f.options()
	o.Parallel, o.RetryFor = 1, time.Millisecond
	runs := Runs{Dir: t.TempDir()}
	plan := f.plan(t)
	a, run := begin(t, plan, o, runs, 1, 0)
	before := f.state()
	f.SetFaults(ldaptest.Faults{BusyModify: 2, BusyMore: 1000})
	err := a.Apply(t.Context(), run)
	if !IsUnavailable(err) {
		t.Errorf("%v", err)
	}
	requireStopped(t, runs, run, err, nil)
	if n := f.modifies(51); n > 32+4 || run.Changed != 1 {
		t.Errorf("%d changes were tried, %+v", n, run.Counts)
	}
	f.SetFaults(ldaptest.Faults{})
	run, err = resume(t.Context(), t, plan, o, runs, 1)
	if err != nil {
		t.Error(err)
	}
	requireCounts(t, run, Done, Counts{Changed: 33})
	requireState(t, f, f.changed(before))
}

// Although the connection is lost at the worst moments, each entry is changed once.
func TestDropped(t *testing.T) {
	for _, n := range []int{1, 2, 20, 40} {
		for name, faults := range map[string]ldaptest.Faults{"DropBeforeModify": {DropBeforeModify: n}, "DropAfterModify": {DropAfterModify: n}} {
			t.Run(fmt.Sprintf("%s %d", name, n), func(t *testing.T) {
				eachGuard(t, 40, func(t *testing.T, _ Guard, f fake, o Options) {
					runs := Runs{Dir: t.TempDir()}
					a, run := begin(t, f.plan(t), o, runs, 1, 0)
					before := f.state()
					f.SetFaults(faults)
					if err := a.Apply(t.Context(), run); err != nil {
						t.Error(err)
					}
					if f.Fired(name) != 1 || f.modifies(-1) != 1 {
						t.Errorf("%d faults, %d without a response", f.Fired(name), f.modifies(-1))
					}
					// A change without a response counts as already done when the entry is
					// read again. With pipelined changes, several responses may be lost.
					lost := 0
					if name == "DropAfterModify" {
						lost = 1
					}
					if c := run.Counts; o.Rate > 0 && c != (Counts{Changed: 40 - lost, Already: lost}) || c.Already < lost || c.Changed+c.Already != 40 || run.State != Done {
						t.Errorf("%s, %+v", run.State, c)
					}
					if made := f.modifies(0); made+lost != 40 {
						t.Errorf("%d changes were made", made)
					}
					requireState(t, f, f.changed(before))
					requireUndo(t, f, runs, 1, before)
				})
			})
		}
	}
}

// If the expectations still hold after a change, it is neither made twice nor taken
// for a conflict.
func TestDroppedWithExpectationsThatStillHold(t *testing.T) {
	r := Record{DN: fakeDN(0), Changes: []ldif.Modification{{Op: ldif.OpAdd, Name: "description", Values: bytesOf("changed")}}, Expect: []Expectation{{"description", NeedHas, bytesOf("a person")}}}
	for guard, server := range guards() {
		f := newFake(t, 1, server)
		a, run := begin(t, openPlan(t, planText(t, header(), r)), f.options(), Runs{Dir: t.TempDir()}, 1, 0)
		f.SetFaults(ldaptest.Faults{DropAfterModify: 1})
		if err := a.Apply(t.Context(), run); err != nil || run.Counts != (Counts{Already: 1}) || f.modifies(-2) != 1 {
			t.Errorf("%s: %v, %+v, %d changes sent", guard, err, run.Counts, f.modifies(-2))
		}
	}
}

// A request from a lost connection may be carried out late, after the entry was read
// and the change sent again. That is not a conflict with somebody else.
func TestLateRequest(t *testing.T) {
	for guard, server := range guards() {
		f := newFake(t, 3, server)
		o := f.options()
		o.Directory.Idle, o.Parallel, o.Rate = 200*time.Millisecond, 1, 1e6
		a, run := begin(t, f.plan(t), o, Runs{Dir: t.TempDir()}, 1, 0)
		before := f.state()
		again, made := make(chan struct{}), make(chan struct{})
		var came, done atomic.Int64
		f.SetFaults(ldaptest.Faults{
			OnModify: func(dn string) {
				switch {
				case dn != fakeDN(1):
				case came.Add(1) == 1:
					<-again
				case came.Load() == 2:
					close(again)
					<-made
				}
			},
			AfterModify: func(dn string) {
				if dn == fakeDN(1) && done.Add(1) == 1 {
					close(made)
				}
			},
		})
		if err := a.Apply(t.Context(), run); err != nil || came.Load() < 2 {
			t.Errorf("%s: %v, %d requests", guard, err, came.Load())
		}
		requireCounts(t, run, Done, Counts{Changed: 2, Already: 1})
		requireState(t, f, f.changed(before))
	}
}

// A refused bind while reconnecting is not counted as a refusal of the entry.
func TestBindRefusedAfterDrop(t *testing.T) {
	f := newFake(t, 40, ldaptest.Options{})
	runs := Runs{Dir: t.TempDir()}
	a, run := begin(t, f.plan(t), f.options(), runs, 1, 0)
	f.SetFaults(ldaptest.Faults{DropBeforeModify: 2, RefuseBind: &ldaptest.Result{Code: 49, Message: "invalid credentials"}})
	err := a.Apply(t.Context(), run)
	if directory.ResultCode(err) != 49 || IsUnavailable(err) || run.refused() != 0 {
		t.Errorf("%v, %+v", err, run.Counts)
	}
	requireStopped(t, runs, run, err, nil)
}

// A connection on which the server no longer responds is replaced by a new one.
func TestStalled(t *testing.T) {
	eachGuard(t, 12, func(t *testing.T, _ Guard, f fake, o Options) {
		o.Directory.Idle = 200 * time.Millisecond
		runs := Runs{Dir: t.TempDir()}
		a, run := begin(t, f.plan(t), o, runs, 1, 0)
		before := f.state()
		f.SetFaults(ldaptest.Faults{StallAfterModify: 5})
		if err := a.Apply(t.Context(), run); err != nil {
			t.Error(err)
		}
		if f.Fired("StallAfterModify") != 1 || run.State != Done || run.Already < 1 || run.refused() != 0 {
			t.Errorf("%+v", run.Info)
		}
		requireSum(t, run)
		requireState(t, f, f.changed(before))
		requireUndo(t, f, runs, 1, before)
	})
}

func TestStalledForGood(t *testing.T) {
	for _, rate := range []float64{0, 1e6} {
		f := newFake(t, 40, ldaptest.Options{})
		o := f.options()
		o.Directory.Idle, o.RetryFor, o.Rate = 50*time.Millisecond, time.Millisecond, rate
		runs := Runs{Dir: t.TempDir()}
		a, run := begin(t, f.plan(t), o, runs, 1, 0)
		release := make(chan struct{})
		var calls atomic.Int64
		f.SetFaults(ldaptest.Faults{OnModify: func(string) {
			if calls.Add(1) > 3 {
				<-release
			}
		}})
		err := a.Apply(t.Context(), run)
		close(release)
		if !IsUnavailable(err) || run.Changed > 3 {
			t.Errorf("%v: %+v", err, run.Counts)
		}
		requireStopped(t, runs, run, err, nil)
	}
}

// A server that accepts no changes gets only one request.
func TestReadOnly(t *testing.T) {
	for name, faults := range map[string]ldaptest.Faults{"ReadOnly": {ReadOnly: true}, "ReferTo": {ReferTo: []string{"ldap://provider.example"}}} {
		eachGuard(t, 40, func(t *testing.T, _ Guard, f fake, o Options) {
			runs := Runs{Dir: t.TempDir()}
			plan := f.plan(t)
			a, run := begin(t, plan, o, runs, 1, 0)
			before := f.state()
			f.SetFaults(faults)
			err := a.Apply(t.Context(), run)
			requireStopped(t, runs, run, err, ErrReadOnly)
			if n := f.modifies(-2); n != 1 || f.Fired(name) != 1 || run.Counts != (Counts{}) {
				t.Errorf("%s: %d changes were sent, %+v", name, n, run.Counts)
			}
			if name == "ReferTo" && !strings.Contains(err.Error(), "ldap://provider.example/") {
				t.Errorf("the error does not name the other server: %v", err)
			}
			requireState(t, f, before)
			f.SetFaults(ldaptest.Faults{})
			if run, err = resume(t.Context(), t, plan, o, runs, 1); err != nil || run.Changed != 40 {
				t.Errorf("%v, %+v", err, run.Counts)
			}
		})
	}
}

// An entry that the server refuses to change does not prevent the other changes.
func TestRefused(t *testing.T) {
	eachGuard(t, 40, func(t *testing.T, _ Guard, f fake, o Options) {
		runs := Runs{Dir: t.TempDir()}
		a, run := begin(t, f.plan(t), o, runs, 1, 0)
		before := f.state()
		f.SetFaults(ldaptest.Faults{RefuseDNs: []string{fakeDN(7)}})
		if err := a.Apply(t.Context(), run); err != nil {
			t.Error(err)
		}
		requireCounts(t, run, Partly, Counts{Changed: 39, Failed: 1})
		requireState(t, f, f.changed(before, 7))
		requireUndo(t, f, runs, 1, before)
	})
}

// Without the right to change entries, a run ends after the first of them, and with Continue
// after the first hundred. It can be resumed.
func TestNoRights(t *testing.T) {
	for _, all := range []bool{false, true} {
		f := newFake(t, blockRecords+50, ldaptest.Options{})
		o := f.options()
		o.Continue = all
		listed := 0
		o.Rejected = func(*Record, string) { listed++ }
		runs := Runs{Dir: t.TempDir()}
		plan := f.plan(t)
		a, run := begin(t, plan, o, runs, 1, 0)
		before := f.state()
		var faults ldaptest.Faults
		for i := range blockRecords + 50 {
			faults.RefuseDNs = append(faults.RefuseDNs, fakeDN(i))
		}
		f.SetFaults(faults)
		err := a.Apply(t.Context(), run)
		requireStopped(t, runs, run, err, ErrRefused)
		var refused *RefusedError
		if !errors.As(err, &refused) || !refused.Denied() || refused.DN != fakeDN(0) || refused.Entries != run.Failed {
			t.Errorf("%+v", err)
		}
		if n := f.modifies(50); !all && n != 1 || all && (n < maxDenied || n > maxDenied+5*maxPipelined) || listed != n || run.Counts != (Counts{Failed: n}) {
			t.Errorf("continue %v: %d changes were tried, %d listed, %+v", all, n, listed, run.Counts)
		}
		f.SetFaults(ldaptest.Faults{})
		if run, err = resume(t.Context(), t, plan, o, runs, 1); err != nil {
			t.Error(err)
		}
		requireCounts(t, run, Done, Counts{Changed: blockRecords + 50})
		requireState(t, f, f.changed(before))
	}
}

// A run with Continue that ended for want of rights tries all entries when it is resumed, so
// that a subtree that may not be changed does not keep the others from being changed.
func TestNoRightsInOneSubtree(t *testing.T) {
	f := newFake(t, blockRecords+50, ldaptest.Options{})
	o := f.options()
	o.Continue = true
	runs := Runs{Dir: t.TempDir()}
	plan := f.plan(t)
	a, run := begin(t, plan, o, runs, 1, 0)
	before := f.state()
	var faults ldaptest.Faults
	const denied = 300
	for i := range denied {
		faults.RefuseDNs = append(faults.RefuseDNs, fakeDN(i))
	}
	f.SetFaults(faults)
	err := a.Apply(t.Context(), run)
	requireStopped(t, runs, run, err, ErrRefused)
	if run, err = resume(t.Context(), t, plan, o, runs, 1); err != nil {
		t.Error(err)
	}
	requireCounts(t, run, Partly, Counts{Changed: blockRecords + 50 - denied, Failed: denied})
	requireUndo(t, f, runs, 1, before)
}

// Without Continue, nothing is begun after an entry that may not be changed.
func TestRefusedStops(t *testing.T) {
	f := newFake(t, blockRecords+50, ldaptest.Options{})
	o := f.options()
	o.Continue = false
	runs := Runs{Dir: t.TempDir()}
	plan := f.plan(t)
	a, run := begin(t, plan, o, runs, 1, 0)
	before := f.state()
	f.SetFaults(ldaptest.Faults{RefuseDNs: []string{fakeDN(7)}})
	err := a.Apply(t.Context(), run)
	requireStopped(t, runs, run, err, ErrRefused)
	if run.Failed != 1 || run.Changed == 0 || run.Changed > 4*maxPipelined+1 {
		t.Errorf("%+v", run.Counts)
	}
	if v := f.Values(fakeDN(blockRecords), "davUniqueId"); !slices.Equal(v, []string{fmt.Sprintf("abc-%d", blockRecords)}) {
		t.Errorf("the next group was begun: %q", v)
	}
	f.SetFaults(ldaptest.Faults{})
	if run, err = resume(t.Context(), t, plan, o, runs, 1); err != nil {
		t.Error(err)
	}
	requireCounts(t, run, Done, Counts{Changed: blockRecords + 50})
	requireState(t, f, f.changed(before))
	if _, err := os.Stat(filepath.Join(run.Dir(), RejectFile)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s still contains records that were changed in the end: %v", RejectFile, err)
	}
}

// stopAfter applies a plan until the server has received so many changes.
func stopAfter(t *testing.T, f fake, n int, apply func(ctx context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var came atomic.Int64
	f.SetFaults(ldaptest.Faults{OnModify: func(string) {
		if came.Add(1) == int64(n) {
			cancel()
		}
	}})
	if err := apply(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	f.SetFaults(ldaptest.Faults{})
}

func TestCancelled(t *testing.T) {
	eachGuard(t, blockRecords+100, func(t *testing.T, _ Guard, f fake, o Options) {
		runs := Runs{Dir: t.TempDir()}
		plan := f.plan(t)
		a, run := begin(t, plan, o, runs, 1, 0)
		before := f.state()
		stopAfter(t, f, 20, func(ctx context.Context) error { return a.Apply(ctx, run) })
		requireStopped(t, runs, run, context.Canceled, context.Canceled)
		first := f.modifies(0)
		if run.Counts != (Counts{Changed: first}) || first < 20 || first > 20+2*maxPipelined {
			t.Errorf("%+v, and %d were changed", run.Counts, first)
		}
		run, err := resume(t.Context(), t, plan, o, runs, 1)
		if err != nil {
			t.Error(err)
		}
		requireCounts(t, run, Done, Counts{Changed: f.n})
		if n := f.modifies(0); n != f.n || n != f.modifies(-2) {
			t.Errorf("%d changes for %d entries, of %d that were sent", n, f.n, f.modifies(-2))
		}
		requireState(t, f, f.changed(before))
		requireUndo(t, f, runs, 1, before)
	})
}

// Nothing is sent if the context has ended before the run.
func TestCancelledBefore(t *testing.T) {
	f := newFake(t, 5, ldaptest.Options{})
	a, run := begin(t, f.plan(t), f.options(), Runs{Dir: t.TempDir()}, 1, 0)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := a.Apply(ctx, run); !errors.Is(err, context.Canceled) || f.modifies(-2) != 0 || run.State != Stopped {
		t.Errorf("%v, %d changes, %s", err, f.modifies(-2), run.State)
	}
}
