package moving

import (
	"context"
	"fmt"

	"github.com/davadmin/davadmin/pkg/store"
)

// Cancel takes a move back that has not arrived: it never will, and the account can be
// changed again. mark is the one of the store from which the account was to be moved.
// store.ErrConflict if it has arrived, or if the account is not leaving by this move.
func Cancel(ctx context.Context, from, to store.Store, mark store.Move) error {
	there := mark
	there.Backend = from.Backend()
	if err := update(ctx, to, func(ctx context.Context, w store.MoveWriter) error { return w.Refuse(ctx, there) }); err != nil {
		return err
	}
	return update(ctx, from, func(ctx context.Context, w store.MoveWriter) error { return w.Stay(ctx, mark) })
}

// Check returns the error with which Move would refuse an account, and changes nothing: see
// there. It says nothing about what the other store can be given.
func Check(ctx context.Context, from, to store.Store, account string) error {
	m := &mover{from: from, to: to, account: account}
	mark, err := m.departure(ctx)
	if err != nil || mark.State != 0 {
		return err
	}
	return m.checkFree(ctx)
}

// Superseded reports whether an account that is being moved, and was read from a store, is
// already active in the other one, to. It is false for an account with an empty Leaving.
func Superseded(ctx context.Context, from, to store.Store, account string) (bool, error) {
	here, err := marks(ctx, from, account)
	if err != nil {
		return false, err
	}
	there, err := marks(ctx, to, account)
	return err == nil && store.HasArrived(here, to.Backend(), there), err
}

// marks returns the marks of an account in a store.
func marks(ctx context.Context, s store.Store, account string) (out []store.Move, err error) {
	err = view(ctx, s, func(ctx context.Context, r store.MoveReader) error {
		out, err = r.Moves(ctx, account)
		return err
	})
	return out, err
}

// arrival returns the state of a move in the store to which it goes, or 0.
func arrival(ctx context.Context, to store.Store, mark store.Move) (store.MoveState, error) {
	moves, err := marks(ctx, to, mark.Account)
	for _, x := range moves {
		if x.ID == mark.ID {
			return x.State, err
		}
	}
	return 0, err
}

// view reads a store whose accounts can be moved. ErrUnsupported.
func view(ctx context.Context, s store.Store, fn func(context.Context, store.MoveReader) error) error {
	return s.View(ctx, func(ctx context.Context, r store.Reader) error {
		mr, ok := r.(store.MoveReader)
		if !ok {
			return fmt.Errorf("back end %s: %w", s.Backend(), ErrUnsupported)
		}
		return fn(ctx, mr)
	})
}

// update changes a store whose accounts can be moved. ErrUnsupported.
func update(ctx context.Context, s store.Store, fn func(context.Context, store.MoveWriter) error) error {
	return s.Update(ctx, func(ctx context.Context, w store.Writer) error {
		mw, ok := w.(store.MoveWriter)
		if !ok {
			return fmt.Errorf("back end %s: %w", s.Backend(), ErrUnsupported)
		}
		return fn(ctx, mw)
	})
}
