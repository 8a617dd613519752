package calobj

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/davadmin/davadmin/pkg/recur"
	"github.com/davadmin/davadmin/pkg/store"
)

// ErrNewerAlgorithm is returned for a store whose indexes a later version has computed.
var ErrNewerAlgorithm = errors.New("a later version has computed the spans of this store")

// RespanOptions say how the indexes of a store are computed again.
type RespanOptions struct {
	Zones  *recur.Zones
	DryRun bool // only compare
	// Rate is the maximum number of components read in a second; 0 means no limit.
	Rate float64
	// Progress, if not nil, is called with the result so far.
	Progress func(RespanResult)
	// Failed, if not nil, is called for each component whose index could not be computed
	// or written.
	Failed func(*store.Indexed, error)
	// Differs, if not nil, is called for each component whose index differs, with the
	// right one.
	Differs func(*store.Indexed, store.Index)
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// RespanResult counts the components of a store.
type RespanResult struct {
	Before    int   // the number of the algorithm of the store
	Resumed   bool  // an interrupted run was continued, which had done Skipped components
	Skipped   int64 // of the pass in which the run was interrupted
	Read      int64 // by this call, in its first pass
	Differed  int64 // in all passes of this call
	Written   int64
	Failed    int64 // in the last pass, with those of an interrupted run
	Passes    int   // of this call
	Completed bool  // the store has the number of the algorithm now
}

// Respan computes the indexes of all components of a store again, those of deleted ones as
// well, and writes those that differ; see store.IndexWriter. Each is right after it is
// written, whatever happens then.
//
// It keeps its place in the store, so that it continues after an interruption. Components may
// move while it runs, so it repeats the pass until nothing differs. The store gets the number
// SpanAlgorithm after a pass in which nothing differed and nothing failed. After an error, the
// result says what was done.
func Respan(ctx context.Context, st store.Store, o RespanOptions) (RespanResult, error) {
	if o.Zones == nil {
		o.Zones = recur.NewZones()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	r := &respan{st: st, o: o, began: o.Now(), saved: o.Now()}
	err := r.begin(ctx)
	for again := 0; err == nil && !r.ended; again++ {
		if err = r.pass(ctx); errors.Is(err, store.ErrConflict) && again < maxPasses {
			err = r.beginRun(ctx) // older components have arrived in the store
		}
	}
	if err != nil && !o.DryRun && r.run.ID != "" {
		// What was done is kept even if the context has ended.
		ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), saveLimit)
		defer stop()
		_ = r.save(ctx, nil)
	}
	return r.result, err
}

const (
	// maxPasses bounds the passes of one call.
	maxPasses = 5
	// Limits of what is read in one transaction.
	batchRows  = 500
	batchBytes = 4 << 20
	saveEvery  = 2 * time.Second
	saveLimit  = 2 * time.Second
)

// respan is a run of Respan.
type respan struct {
	st     store.Store
	o      RespanOptions
	run    store.SpanRun
	result RespanResult
	read   int64 // in all passes of this call, for the rate
	began  time.Time
	saved  time.Time
	ended  bool
}

// change is an index to write.
type change struct {
	m *store.Indexed // without its text
	x store.Index
}

// begin reads the state of the store, and continues the run that it has, or begins one.
func (r *respan) begin(ctx context.Context) error {
	var state store.SpanState
	err := r.st.View(ctx, func(ctx context.Context, rd store.Reader) (err error) {
		state, err = rd.SpanState(ctx)
		return err
	})
	if err != nil {
		return err
	}
	r.result.Before = state.Algorithm
	if state.Algorithm > SpanAlgorithm {
		return fmt.Errorf("%w (number %d, known %d)", ErrNewerAlgorithm, state.Algorithm, SpanAlgorithm)
	}
	if r.o.DryRun {
		r.run = store.SpanRun{Algorithm: SpanAlgorithm, Pass: 1}
		return nil
	}
	if run := state.Run; run != nil && run.Algorithm == SpanAlgorithm && (run.Read > 0 || run.Pass > 1) {
		r.run = *run
		r.result.Resumed, r.result.Skipped = true, run.Read
		return nil
	}
	return r.beginRun(ctx)
}

func (r *respan) beginRun(ctx context.Context) error {
	return r.st.Update(ctx, func(ctx context.Context, w store.Writer) (err error) {
		r.run, err = w.BeginSpans(ctx, SpanAlgorithm)
		return err
	})
}

// pass reads all components after the place of the run, and decides how it goes on.
func (r *respan) pass(ctx context.Context) error {
	r.result.Passes++
	for {
		n, err := r.batch(ctx)
		if err != nil {
			return err
		}
		if n == 0 {
			break
		}
		if r.o.Progress != nil {
			r.o.Progress(r.result)
		}
		if err := r.wait(ctx); err != nil {
			return err
		}
	}
	r.result.Failed = r.run.Failed
	switch {
	case r.o.DryRun:
		r.ended = true
		return nil
	case r.run.Changed > 0 && r.result.Passes < maxPasses:
		r.run.Pass++
		r.nextPass()
		return r.save(ctx, nil)
	case r.run.Changed > 0 || r.run.Failed > 0:
		r.ended = true
		r.run.Pass = 1
		r.nextPass()
		return r.save(ctx, nil)
	}
	err := r.st.Update(ctx, func(ctx context.Context, w store.Writer) error { return w.EndSpans(ctx, r.run) })
	if err != nil {
		return err
	}
	r.ended, r.result.Completed = true, true
	r.run.ID = ""
	return nil
}

// nextPass sets the run to the beginning of a pass.
func (r *respan) nextPass() {
	r.run.After, r.run.Read, r.run.Changed, r.run.Failed = store.IndexPlace{}, 0, 0, 0
}

// batch reads some components and writes the indexes that differ. It returns how many it has
// read, 0 at the end.
func (r *respan) batch(ctx context.Context) (int, error) {
	limit := batchRows
	if r.o.Rate > 0 {
		limit = max(1, min(limit, int(r.o.Rate)))
	}
	var changes []change
	run, n := r.run, 0
	type failure struct {
		m   *store.Indexed
		err error
	}
	var failed []failure
	err := r.st.View(ctx, func(ctx context.Context, rd store.Reader) error {
		changes, failed, run, n = nil, nil, r.run, 0
		size := int64(0)
		for m, err := range rd.Indexed(ctx, run.After, limit) {
			if err != nil {
				return err
			}
			x, err := r.compute(m)
			size += int64(len(m.Text))
			m.Text = nil
			run.After = m.Place
			run.Read++
			n++
			switch {
			case err != nil:
				run.Failed++
				failed = append(failed, failure{m, err})
			case !x.Equal(m.Index()):
				changes = append(changes, change{m, x})
			}
			if size >= batchBytes {
				break
			}
		}
		return ctx.Err()
	})
	if err != nil {
		return 0, err
	}
	before := r.run
	r.run = run
	r.read += int64(n)
	if r.result.Passes == 1 {
		r.result.Read += int64(n)
		for _, f := range failed {
			r.failed(f.m, f.err)
		}
	}
	r.result.Differed += int64(len(changes))
	r.result.Failed = r.run.Failed
	if r.o.Differs != nil {
		for _, c := range changes {
			r.o.Differs(c.m, c.x)
		}
	}
	if !r.o.DryRun && (len(changes) > 0 || r.o.Now().Sub(r.saved) >= saveEvery) {
		if err := r.save(ctx, changes); err != nil {
			r.run = before // so that the next run does not leave them out
			return 0, err
		}
	}
	return n, nil
}

// compute returns the index of a component by its text.
func (r *respan) compute(m *store.Indexed) (store.Index, error) {
	object, refused := parse(m.Text, Options{Zones: r.o.Zones, Lenient: true}, false)
	switch {
	case refused != nil:
		return store.Index{}, refused
	case object.UID != m.UID:
		return store.Index{}, fmt.Errorf("its text has the UID '%.100s', and not '%.100s'", object.UID, m.UID)
	case object.Type != m.Type:
		return store.Index{}, fmt.Errorf("its text is a %s, and not a %s", object.Type, m.Type)
	}
	return object.Index, nil
}

// save writes indexes, and how far the run has come.
func (r *respan) save(ctx context.Context, changes []change) error {
	run := r.run
	var moving []change
	err := r.st.Update(ctx, func(ctx context.Context, w store.Writer) error {
		run, moving = r.run, nil
		for _, c := range changes {
			done, err := w.Reindex(ctx, c.m.Place, c.m.ETag, c.x)
			switch {
			case errors.Is(err, store.ErrMoving):
				run.Failed++
				moving = append(moving, c)
			case err != nil:
				return err
			case done:
				run.Changed++
				run.Written++
			}
		}
		return w.SaveSpans(ctx, run)
	})
	if err != nil {
		return err
	}
	r.result.Written += run.Written - r.run.Written
	r.run, r.saved = run, r.o.Now()
	r.result.Failed = max(r.result.Failed, run.Failed)
	if r.result.Passes == 1 {
		for _, c := range moving {
			r.failed(c.m, &store.MovingError{Account: c.m.Place.Account})
		}
	}
	return nil
}

func (r *respan) failed(m *store.Indexed, err error) {
	if r.o.Failed != nil {
		r.o.Failed(m, err)
	}
}

// wait keeps the rate.
func (r *respan) wait(ctx context.Context) error {
	if r.o.Rate <= 0 {
		return ctx.Err()
	}
	due := r.began.Add(time.Duration(float64(r.read) / r.o.Rate * float64(time.Second)))
	timer := time.NewTimer(due.Sub(r.o.Now()))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
