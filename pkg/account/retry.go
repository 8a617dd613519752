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

// do calls try, and calls it again while its database is unavailable. again is
// false for the first call.
func (r Retry) do(ctx context.Context, backend string, try func(again bool) error) error {
	var until time.Time
	for wait, again := 100*time.Millisecond, false; ; again, wait = true, min(2*wait, 2*time.Second) {
		err := try(again)
		if !errors.Is(err, store.ErrUnavailable) {
			return err
		}
		now := time.Now()
		if until.IsZero() {
			until = now.Add(r.For)
		}
		if now.Add(wait).After(until) {
			return err
		}
		if r.Notify != nil && !again {
			r.Notify(fmt.Sprintf("back end %s: %v; trying again for %s", backend, err, r.For))
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait):
		}
	}
}
