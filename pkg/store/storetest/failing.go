package storetest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"

	"github.com/davadmin/davadmin/internal/seed"
	"github.com/davadmin/davadmin/internal/tier"
	"github.com/davadmin/davadmin/pkg/store"
)

// endings are the ways in which an update ends in testConcurrentFailures.
const (
	succeeds = iota
	fails
	panics
	exits
	cancels
	endings
)

// Updates at the same time, through one handle or two, that fail, panic, end their
// goroutine or are cancelled after a change hurt no other, and leave nothing of it.
func testConcurrentFailures(s *env) {
	const writers = 16
	s.create(withHome("a"))
	handles := []store.Store{s.Store, s.open()}
	random := seed.New(s.t)
	var want []string
	for round := range tier.Rounds(s.t, 30, 300) {
		how := make([]int, writers)
		for i := range how {
			if how[i] = random.IntN(2 * endings); how[i] >= endings {
				how[i] = succeeds
			}
		}
		errs := make([]error, writers)
		var wg sync.WaitGroup
		for i := range writers {
			wg.Go(func() { s.endPut(handles[i%2*(round%2)], fmt.Sprintf("%d-%d.ics", round, i), how[i], &errs[i]) })
		}
		wg.Wait()
		for i, err := range errs {
			if how[i] == succeeds {
				want = append(want, fmt.Sprintf("%d-%d.ics", round, i))
			}
			if (err == nil) != (how[i] == succeeds) {
				s.t.Errorf("round %d: the update of kind %d returned the error %v", round, how[i], err)
			}
		}
	}
	var got []string
	for _, m := range s.home("a").Components[store.DefaultCalendar] {
		got = append(got, m.Name)
	}
	slices.Sort(want)
	slices.Sort(got)
	s.same(want, got, "the components")
}

// endPut puts a component, and ends in one of the ways.
func (s *env) endPut(h store.Store, name string, how int, result *error) {
	*result = errors.New("the goroutine ended")
	defer func() {
		if value := recover(); value != nil {
			*result = fmt.Errorf("panic: %v", value)
		}
	}()
	ctx, cancel := context.WithCancel(s.t.Context())
	defer cancel()
	*result = h.Update(ctx, func(ctx context.Context, w store.Writer) error {
		if err := w.PutComponent(ctx, "a", store.DefaultCalendar, event(name), store.Condition{}); err != nil {
			return err
		}
		switch how {
		case fails:
			return errors.New("no")
		case panics:
			panic("ouch")
		case exits:
			runtime.Goexit()
		case cancels:
			cancel()
		}
		return nil
	})
}
