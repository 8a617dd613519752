package ldapchange

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/davadmin/davadmin/internal/ldaptest"
)

// The last line in the list of finished groups is incomplete, and the run is stopped
// once more after it.
func TestTornProgress(t *testing.T) {
	eachGuard(t, 2*blockRecords+120, func(t *testing.T, _ Guard, f fake, o Options) {
		tornProgress(t, f, o, func(text []byte) []byte {
			last := bytes.LastIndexByte(text[:len(text)-1], '\n') + 1
			return text[:last+(len(text)-last)/2]
		})
	})
	for cut := 1; cut <= 2; cut++ { // the line feed, and the '.' that ends a complete line
		f := newFake(t, 2*blockRecords+120, ldaptest.Options{})
		tornProgress(t, f, f.options(), func(text []byte) []byte { return text[:len(text)-cut] })
	}
}

func tornProgress(t *testing.T, f fake, o Options, cut func([]byte) []byte) {
	t.Helper()
	runs := Runs{Dir: t.TempDir()}
	plan := f.plan(t)
	a, run := begin(t, plan, o, runs, 1, 0)
	before := f.state()
	stopAfter(t, f, 2*blockRecords+10, func(ctx context.Context) error { return a.Apply(ctx, run) })
	path := filepath.Join(run.Dir(), progressFile)
	text, err := os.ReadFile(path)
	if err != nil || bytes.Count(text, []byte("\n")) != 2 {
		t.Fatalf("%q, %v", text, err)
	}
	if err := os.WriteFile(path, cut(text), 0o600); err != nil {
		t.Fatal(err)
	}
	stopAfter(t, f, 20, func(ctx context.Context) error {
		var err error
		run, err = resume(ctx, t, plan, o, runs, 1)
		return err
	})
	run, err = resume(t.Context(), t, plan, o, runs, 1)
	if err != nil || run.State != Done || run.refused() != 0 {
		t.Errorf("%v: %+v", err, run.Info)
	}
	if p, err := openProgress(run.Dir(), nil); err != nil || p.done != 3 || p.counts != run.Counts {
		t.Errorf("the list contains %+v, %v", p, err)
	}
	requireSum(t, run)
	if f.modifies(0) != f.n || f.modifies(-2) != f.n {
		t.Errorf("%d changes, and %d sent", f.modifies(0), f.modifies(-2))
	}
	requireState(t, f, f.changed(before))
}

// If the list of finished groups is lost, every entry is read again and nothing is
// changed twice.
func TestLostProgress(t *testing.T) {
	eachGuard(t, 2*blockRecords+120, func(t *testing.T, _ Guard, f fake, o Options) {
		runs := Runs{Dir: t.TempDir()}
		plan := f.plan(t)
		a, run := begin(t, plan, o, runs, 1, 0)
		before := f.state()
		stopAfter(t, f, 2*blockRecords+10, func(ctx context.Context) error { return a.Apply(ctx, run) })
		if err := os.Remove(filepath.Join(run.Dir(), progressFile)); err != nil {
			t.Fatal(err)
		}
		run, err := resume(t.Context(), t, plan, o, runs, 1)
		if err != nil {
			t.Error(err)
		}
		requireCounts(t, run, Done, Counts{Changed: f.n})
		if f.modifies(0) != f.n || f.modifies(-2) != f.n {
			t.Errorf("%d changes, and %d sent", f.modifies(0), f.modifies(-2))
		}
		requireState(t, f, f.changed(before))
	})
}

// The number of changed entries never goes down, even if a resumed run is stopped before it
// has looked at all entries that it changed before.
func TestCountsNeverGoDown(t *testing.T) {
	eachGuard(t, 100, func(t *testing.T, _ Guard, f fake, o Options) {
		runs := Runs{Dir: t.TempDir()}
		plan := f.plan(t)
		a, run := begin(t, plan, o, runs, 1, 0)
		stopAfter(t, f, 40, func(ctx context.Context) error { return a.Apply(ctx, run) })
		made := f.modifies(0)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		again, err := resume(ctx, t, plan, o, runs, 1)
		if !errors.Is(err, context.Canceled) || again.Changed != made {
			t.Errorf("%v: %+v after %d changes", err, again.Counts, made)
		}
		if info, err := runs.Load(1); err != nil || info.Changed != made {
			t.Errorf("%v: %+v after %d changes", err, info.Counts, made)
		}
		if last, err := resume(t.Context(), t, plan, o, runs, 1); err != nil || last.Counts != (Counts{Changed: 100}) {
			t.Errorf("%v: %+v", err, last.Counts)
		}
	})
}

// rejected returns the reason of each DN in the file of the rejected records.
func rejected(t *testing.T, run *Run) map[string]string {
	t.Helper()
	path := filepath.Join(run.Dir(), RejectFile)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	p, err := OpenPlan(path)
	if err != nil {
		t.Fatalf("%v:\n%s", err, text)
	}
	defer func() { _ = p.Close() }()
	out := map[string]string{}
	why := ""
	for line := range strings.Lines(string(text)) {
		line = strings.TrimRight(line, "\n")
		if s, ok := strings.CutPrefix(line, "# why: "); ok {
			why = s
		}
		if dn, ok := strings.CutPrefix(line, "dn: "); ok {
			out[dn], why = why, ""
		}
	}
	if len(out) != p.Records || !p.Verified || p.Header.Source != run.Server {
		t.Errorf("%d names, %+v", len(out), p)
	}
	return out
}

func requireReasons(t *testing.T, got, want map[string]string) {
	t.Helper()
	for dn, text := range want {
		if why, ok := got[dn]; !ok || !strings.Contains(why, text) {
			t.Errorf("%s: %q, want %q", dn, why, text)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d are rejected, want %d: %q", len(got), len(want), got)
	}
}

// The rejected records are written as a plan, with the reasons, whatever phase
// rejected them and however often the run was stopped. That plan can be applied.
func TestRejects(t *testing.T) {
	f := newFake(t, 2*blockRecords, ldaptest.Options{})
	runs := Runs{Dir: t.TempDir()}
	plan := f.plan(t)
	f.Replace(fakeDN(1), "davUniqueId", "mine")
	f.Remove(fakeDN(2))
	a, run := begin(t, plan, f.options(), runs, 1, 0)
	f.Replace(fakeDN(3), "davUniqueId", "ABC-3")
	f.Replace(fakeDN(300), "davUniqueId", "ABC-300")
	f.Replace(fakeDN(490), "davUniqueId", "ABC-490")
	refuse := ldaptest.Faults{RefuseDNs: []string{fakeDN(4), fakeDN(500)}}
	f.SetFaults(ldaptest.Faults{RefuseDNs: refuse.RefuseDNs, BusyModify: blockRecords + 100, BusyMore: 10000})
	a.o.RetryFor = time.Millisecond
	if err := a.Apply(t.Context(), run); !IsUnavailable(err) {
		t.Fatal(err)
	}
	requireReasons(t, rejected(t, run), map[string]string{
		fakeDN(1): "'mine'", fakeDN(2): errNoEntry.Error(), fakeDN(3): "'ABC-3'", fakeDN(4): "code 50", fakeDN(300): "'ABC-300'",
	})
	f.SetFaults(refuse)
	f.Replace(fakeDN(300), "davUniqueId", "abc-300")
	run, err := resume(t.Context(), t, plan, f.options(), runs, 1)
	if err != nil || run.State != Partly || run.Conflicts != 4 || run.Failed != 2 {
		t.Errorf("%v, %+v", err, run.Info)
	}
	requireReasons(t, rejected(t, run), map[string]string{
		fakeDN(1): "'mine'", fakeDN(2): errNoEntry.Error(), fakeDN(3): "'ABC-3'", fakeDN(4): "code 50", fakeDN(490): "'ABC-490'", fakeDN(500): "code 50",
	})
	// They are tried again after the cause was removed.
	f.SetFaults(ldaptest.Faults{})
	f.Replace(fakeDN(3), "davUniqueId", "abc-3")
	again, err := OpenPlan(filepath.Join(run.Dir(), RejectFile))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = again.Close() }()
	b, second := begin(t, again, f.options(), runs, 2, 0)
	if err := b.Apply(t.Context(), second); err != nil || second.Changed != 3 || second.Conflicts != 3 {
		t.Errorf("%v, %+v", err, second.Info)
	}
	for _, i := range []int{3, 4, 500} {
		if v := f.Values(fakeDN(i), "davUniqueId"); len(v) != 1 || !strings.HasPrefix(v[0], "NEW-") {
			t.Errorf("%d: %q", i, v)
		}
	}
}

func TestRate(t *testing.T) {
	f := newFake(t, 50, ldaptest.Options{})
	o := f.options()
	o.Rate, o.Parallel = 100, 8
	a, run := begin(t, f.plan(t), o, Runs{Dir: t.TempDir()}, 1, 0)
	start := time.Now()
	if err := a.Apply(t.Context(), run); err != nil || run.Changed != 50 {
		t.Errorf("%v, %+v", err, run.Info)
	}
	if took := time.Since(start); took < 400*time.Millisecond {
		t.Errorf("50 changes took %v", took)
	}
}

// The number of connections does not change the result.
func TestParallel(t *testing.T) {
	type result struct {
		counts  Counts
		state   State
		entries map[string][]string
		why     map[string]string
		undo    string
	}
	var results []result
	for _, parallel := range []int{1, 8} {
		f := newFake(t, blockRecords+80, ldaptest.Options{})
		o := f.options()
		o.Parallel = parallel
		runs := Runs{Dir: t.TempDir()}
		a, run := begin(t, f.plan(t), o, runs, 1, 0)
		f.SetFaults(ldaptest.Faults{RefuseDNs: []string{fakeDN(0), fakeDN(100), fakeDN(300)}})
		f.Replace(fakeDN(50), "davUniqueId", "ABC-50")
		f.Replace(fakeDN(310), "description", "changed")
		if err := a.Apply(t.Context(), run); err != nil {
			t.Error(err)
		}
		undo, err := os.ReadFile(filepath.Join(run.Dir(), UndoFile))
		if err != nil {
			t.Fatal(err)
		}
		_, records, _ := strings.Cut(string(undo), planDigest)
		results = append(results, result{run.Counts, run.State, f.state(), rejected(t, run), records})
		if n := f.Connections(); n != parallel {
			t.Errorf("%d connections", n)
		}
	}
	one, eight := results[0], results[1]
	if one.counts != eight.counts || one.state != eight.state || one.undo != eight.undo || one.counts != (Counts{Changed: blockRecords + 75, Conflicts: 2, Failed: 3}) {
		t.Errorf("%s %+v and %s %+v", one.state, one.counts, eight.state, eight.counts)
	}
	if d := difference(one.entries, eight.entries); len(d) > 0 {
		t.Errorf("%.3v", d)
	}
	requireReasons(t, one.why, eight.why)
}

// Resuming a run that does not exist is an error.
func TestNoRun(t *testing.T) {
	if _, err := OpenRun(Runs{Dir: t.TempDir()}, 7); !errors.Is(err, ErrNoRun) {
		t.Error(err)
	}
	if list, err := (Runs{Dir: filepath.Join(t.TempDir(), "none")}).List(); err != nil || !slices.Equal(list, nil) {
		t.Errorf("%v, %v", list, err)
	}
}

// batchRecords is the number of records that are applied before the progress is recorded.
const batchRecords = batchGroups * blockRecords

// Rejected records are on disk before their group counts as finished, so that a run
// that is killed does not lose them.
func TestRejectsOfAKilledRunAreKept(t *testing.T) {
	f := newFake(t, batchRecords+blockRecords, ldaptest.Options{})
	o := f.options()
	runs := Runs{Dir: t.TempDir()}
	plan := f.plan(t)
	f.Replace(fakeDN(3), "davUniqueId", "other") // found by the check
	a, run := begin(t, plan, o, runs, 1, 0)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	first := true
	// The server refuses a change of the first batch.
	f.SetFaults(ldaptest.Faults{RefuseDNs: []string{fakeDN(20)}, OnModify: func(dn string) {
		if dn == fakeDN(batchRecords+40) && first {
			// The state after a kill is what is on disk now.
			first = false
			records, err := readRejects(filepath.Join(run.Dir(), RejectFile))
			if err != nil || len(records) != 2 || records[0].DN != fakeDN(3) || records[1].DN != fakeDN(20) || records[1].Note == "" {
				t.Errorf("%+v, %v", records, err)
			}
			cancel()
		}
	}})
	_ = a.Apply(ctx, run)
	if first {
		t.Fatal("the run did not reach the second batch")
	}
	f.SetFaults(ldaptest.Faults{})
	if run, err := resume(t.Context(), t, plan, o, runs, 1); err != nil || run.State != Partly || run.Conflicts != 1 || run.Failed != 1 {
		t.Errorf("%+v, %v", run.Info, err)
	}
	rejected, err := OpenPlan(filepath.Join(runs.Path(1), RejectFile))
	if err != nil || rejected.Records != 2 || !rejected.Verified {
		t.Errorf("%+v, %v", rejected, err)
	}
}

// An incomplete record that a kill left in the file of rejected records does not
// prevent the run from being resumed, and records rejected later are read.
func TestTornRejects(t *testing.T) {
	f := newFake(t, 2*batchRecords+blockRecords, ldaptest.Options{})
	o := f.options()
	runs := Runs{Dir: t.TempDir()}
	plan := f.plan(t)
	a, run := begin(t, plan, o, runs, 1, 0)
	path := filepath.Join(run.Dir(), RejectFile)
	refused := []string{fakeDN(20), fakeDN(batchRecords + 20)}
	stopAtBatch := func(batch int, apply func(context.Context) error) (left []byte) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		f.SetFaults(ldaptest.Faults{RefuseDNs: refused, OnModify: once(fakeDN(batch*batchRecords+40), func() {
			left, _ = os.ReadFile(path)
			cancel()
		})})
		if err := apply(ctx); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		return left
	}
	tear := func(left []byte) {
		if err := os.WriteFile(path, append(left, "# why: refused\ndn: uid=u0000,ou=people,o=isp\nchangetype: mod"...), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	tear(stopAtBatch(1, func(ctx context.Context) error { return a.Apply(ctx, run) }))
	left := stopAtBatch(2, func(ctx context.Context) error {
		_, err := resume(ctx, t, plan, o, runs, 1)
		return err
	})
	if err := os.WriteFile(path, left, 0o600); err != nil {
		t.Fatal(err)
	}
	records, err := readRejects(path)
	if err != nil || len(records) != 2 || records[0].DN != refused[0] || records[1].DN != refused[1] {
		t.Errorf("%+v, %v", records, err)
	}
	tear(left)
	f.SetFaults(ldaptest.Faults{RefuseDNs: refused})
	if run, err := resume(t.Context(), t, plan, o, runs, 1); err != nil || run.State != Partly || run.Failed != 2 {
		t.Errorf("%+v, %v", run.Info, err)
	}
	if records, err := readRejects(path); err != nil || len(records) != 2 {
		t.Errorf("%+v, %v", records, err)
	}
}

// A run without rejected records removes the file of an earlier run, whose records were
// changed meanwhile.
func TestNoRejectsRemoveThoseOfAnEarlierRun(t *testing.T) {
	f := newFake(t, 3, ldaptest.Options{})
	runs := Runs{Dir: t.TempDir()}
	path := filepath.Join(t.TempDir(), "rejects.ldif")
	plan := f.plan(t)
	f.SetFaults(ldaptest.Faults{RefuseDNs: []string{fakeDN(2)}})
	for id := int64(1); id <= 2; id++ {
		a, run := begin(t, plan, f.options(), runs, id, 0)
		if err := a.Apply(t.Context(), run); err != nil {
			t.Fatal(err)
		}
		if err := a.WriteRejects(t.Context(), path, run.Server); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(path); (err == nil) != (id == 1) {
			t.Errorf("run %d: the reject file: %v", id, err)
		}
		f.SetFaults(ldaptest.Faults{})
	}
}
