package account

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/davadmin/davadmin/pkg/store"
)

// Patience is how long a database that is gone is waited for.
type Patience struct {
	For time.Duration
	// Note is told of waiting; it may be nil.
	Note func(text string)
}

// try does something, again while its database is gone.
func (p Patience) try(ctx context.Context, backend string, do func(again bool) error) error {
	var until time.Time
	for wait, again := 100*time.Millisecond, false; ; again, wait = true, min(2*wait, 2*time.Second) {
		err := do(again)
		if !errors.Is(err, store.ErrUnavailable) {
			return err
		}
		now := time.Now()
		if until.IsZero() {
			until = now.Add(p.For)
		}
		if now.Add(wait).After(until) {
			return err
		}
		if p.Note != nil && !again {
			p.Note(fmt.Sprintf("back end %s: %v; trying again for %s", backend, err, p.For))
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait):
		}
	}
}
