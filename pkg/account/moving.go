package account

import (
	"context"

	"github.com/davadmin/davadmin/pkg/store"
)

// mostLooks is how often the back ends are asked for an account that is moved meanwhile: one
// may have been asked before the account arrived, and another one after it had left.
const mostLooks = 3

// each asks every back end, and collects the accounts.
func (f *Finder) each(ctx context.Context, ask func(store.Reader) ([]*store.Account, error)) ([]Found, error) {
	read := func(ctx context.Context, backend string) (found []*store.Account, err error) {
		err = f.Retry.Do(ctx, backend, func(bool) error {
			return f.view(ctx, backend, func(_ context.Context, r store.Reader) (err error) {
				found, err = ask(r)
				return err
			})
		})
		return found, err
	}
	return f.collect(ctx, read, func(found []Found) bool { return len(found) > 0 })
}

// collect reads accounts from every back end, until there are enough. An account that is
// being moved is returned only from the back end on which it is active.
func (f *Finder) collect(ctx context.Context, read func(ctx context.Context, backend string) ([]*store.Account, error), enough func([]Found) bool) ([]Found, error) {
	for look := 1; ; look++ {
		found, err := f.once(ctx, read, enough)
		if err != nil {
			return nil, err
		}
		var active []Found
		for _, x := range found {
			away, err := f.MovedAway(ctx, x)
			if err != nil {
				return nil, err
			}
			if !away {
				active = append(active, x)
			}
		}
		moved := len(active) < len(found)
		if enough(active) || look == mostLooks || !moved && (look > 1 || len(f.Backends) < 2) {
			return active, nil
		}
	}
}

// MovedAway reports whether an account that is being moved is already active on the other
// back end, so that what was found is what remains to be removed. If the other back end
// cannot be read, it is false: the account can still be read, and cannot be changed.
func (f *Finder) MovedAway(ctx context.Context, x Found) (bool, error) {
	to := x.Account.Leaving
	if to == "" {
		return false, nil
	}
	here, err := f.marks(ctx, x.Backend, x.Account.ID)
	if err != nil {
		return false, err
	}
	there, err := f.marks(ctx, to, x.Account.ID)
	if err != nil {
		return false, ctx.Err()
	}
	return store.HasArrived(here, to, there), nil
}

// marks returns the marks of the moves of an account on a back end.
func (f *Finder) marks(ctx context.Context, backend, id string) (marks []store.Move, err error) {
	err = f.view(ctx, backend, func(ctx context.Context, r store.Reader) error {
		if m, ok := r.(store.MoveReader); ok {
			marks, err = m.Moves(ctx, id)
		}
		return err
	})
	return marks, err
}
