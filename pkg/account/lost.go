package account

import (
	"context"
	"errors"
	"fmt"

	"github.com/davadmin/davadmin/pkg/store"
)

// Lost are back ends whose stores cannot be used, with the reasons.
type Lost map[string]error

// BackendError is an error about the store of a back end.
type BackendError struct {
	Backend string
	Err     error
}

// Error names the back end.
func (e *BackendError) Error() string { return fmt.Sprintf("back end %s: %v", e.Backend, e.Err) }

// Unwrap returns the reason.
func (e *BackendError) Unwrap() error { return e.Err }

// UnseenError means that an address was not changed, because access lists, delegates, owners
// and subscriptions on a back end may name it, and the store there cannot be used. It is about
// one item: others can continue. It wraps ErrUnseen.
type UnseenError struct{ Backend, Reason string }

// ErrUnseen is wrapped by UnseenError.
var ErrUnseen = errors.New("a back end cannot be used")

// Error names the back end.
func (e *UnseenError) Error() string {
	return fmt.Sprintf("the address was not changed, because access lists and subscriptions on the back end %s may contain it: %s", e.Backend, e.Reason)
}

// Unwrap returns ErrUnseen.
func (e *UnseenError) Unwrap() error { return ErrUnseen }

// ofBackend returns an error about the store of a back end as a *BackendError, and any other
// error as it is.
func ofBackend(backend string, err error) error {
	var known *BackendError
	if err == nil || !store.IsUnusable(err) || errors.As(err, &known) {
		return err
	}
	return &BackendError{Backend: backend, Err: err}
}

// workOrLose is work for a Batch that may continue without a back end: if the store of one
// cannot be used, it is added to Lost. If it is that of the items, they have failed.
func (b *Batch) workOrLose(ctx context.Context, backend string, items []*Item) ([]Outcome, error) {
	for {
		if reason := b.Lost[backend]; reason != nil && b.stopped == nil {
			return complete(items, nil, Outcome{Result: Failed, Err: &BackendError{Backend: backend, Err: reason}}), nil
		}
		outcomes, err := b.work(ctx, backend, items)
		err = ofBackend(backend, err)
		var about *BackendError
		if err == nil || b.Lost == nil || ctx.Err() != nil || !errors.As(err, &about) || !store.IsUnusable(err) || b.Lost[about.Backend] != nil {
			return outcomes, err
		}
		b.Lost[about.Backend] = about.Err
		if about.Backend == backend {
			return complete(items, outcomes, Outcome{Result: Failed, Err: about}), nil
		}
		// The items only had to be compared with that back end.
	}
}
