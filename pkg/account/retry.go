package account

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/davadmin/davadmin/pkg/store"
)

// Retry says how long to wait for an unavailable database. The zero value tries
// once.
type Retry struct {
	For time.Duration
	// Notify is called when the waiting begins; it may be nil.
	Notify func(text string)
}

// GaveUpError is returned when a database stayed unavailable for as long as Retry allows.
type GaveUpError struct {
	Backend string
	Waited  time.Duration
	Err     error // of the last attempt
}

// Error says how long the database was waited for.
func (e *GaveUpError) Error() string {
	return fmt.Sprintf("%v; gave up after %s", e.Err, e.Waited)
}

// Unwrap returns the error of the last attempt.
func (e *GaveUpError) Unwrap() error { return e.Err }

// Open opens a back end, and tries again while its database is unavailable.
func (r Retry) Open(ctx context.Context, stores Stores, backend string) (st store.Store, err error) {
	err = r.Do(ctx, backend, func(bool) error {
		st, err = stores.Open(ctx, backend)
		return err
	})
	return st, err
}

// Do calls try, and calls it again while its database is unavailable. again is
// false for the first call. The error of the last call is in a *GaveUpError. A commit that
// the standby server did not confirm is not tried again: its changes are saved, and the next
// attempt would find them and report a success.
func (r Retry) Do(ctx context.Context, backend string, try func(again bool) error) error {
	var until time.Time
	for wait, again := 100*time.Millisecond, false; ; again, wait = true, min(2*wait, 2*time.Second) {
		err := try(again)
		var commit *store.CommitUnknown
		if !errors.Is(err, store.ErrUnavailable) || errors.As(err, &commit) && commit.Unreplicated {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		now := time.Now()
		if until.IsZero() {
			until = now.Add(r.For)
		}
		left := until.Sub(now)
		if left <= 0 && r.For > 0 {
			return &GaveUpError{Backend: backend, Waited: r.For, Err: err}
		}
		if left <= 0 {
			return err
		}
		if r.Notify != nil && !again {
			r.Notify(fmt.Sprintf("back end %s: %v; trying again for %s", backend, err, r.For))
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(min(wait, left)):
		}
	}
}
