// Package moving moves an account with everything that belongs to it from one store to
// another.
//
// Two stores have no common transaction, so a move is three transactions, in this order,
// whose marks (store.Move) have the same random id on both sides:
//
//  1. The account is marked as leaving in its store. It can be read there, but not changed.
//  2. The other store receives everything, verifies it, and records that the move arrived,
//     in one transaction.
//  3. The account is removed from its store, which records where it went.
//
// From the marks alone it is clear, at each moment, in which store the account is active:
//
//	its store | the other store    | active in       | what the next run does
//	----------|--------------------|-----------------|----------------------------
//	no mark   | nothing            | its store       | begins
//	leaving   | nothing            | its store       | 2, or cancels the move
//	leaving   | refused            | its store       | removes the mark
//	leaving   | arrived            | the other store | 3
//	gone      | arrived            | the other store | nothing
//
// The second transaction decides: a move arrives or is refused, and the database keeps the
// two apart, even if two processes disagree about the same move. A reader that finds an
// account with the field Leaving asks Superseded whether the other store has it already.
// Where both copies can be read, the older one cannot be changed, so they do not differ in
// anything but changes that only the active one has.
//
// Sync tokens from before a move are old after it, even if the account comes back: its
// collections have new incarnations in each store.
package moving

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/davadmin/davadmin/pkg/store"
)

// Result describes a move that has ended.
type Result struct {
	store.MoveSum      // of the rows; zero if they were moved before
	Resumed       bool // an earlier run had begun it
}

// Options are settings of a move.
type Options struct {
	// After is called after each transaction, also after one that was perhaps not committed;
	// its error ends the move there, as a crash would. It may be nil.
	After func() error
}

// GoneError is returned for an account that has already been moved away. It wraps
// store.ErrNotFound.
type GoneError struct{ store.Move }

// Error names the back end to which the account was moved.
func (e *GoneError) Error() string {
	return fmt.Sprintf("account %s was moved to the back end %s at %s", e.Account, e.Backend, e.At.Format(time.RFC3339))
}

// Unwrap returns store.ErrNotFound.
func (e *GoneError) Unwrap() error { return store.ErrNotFound }

// ErrUnsupported is returned for a store whose accounts cannot be moved.
var ErrUnsupported = errors.New("the accounts of this store cannot be moved")

// ErrDiffers is returned if what was read back differs from what was written. Nothing was
// moved.
var ErrDiffers = errors.New("the rows read back differ from those that were written")

// mostSteps is more than the transactions of a move, with repetitions of those whose result
// was unknown.
const mostSteps = 12

// Move moves an account, or ends a move that was interrupted. Before the first change it
// returns store.ErrNotFound (GoneError if it was moved to the same store before),
// store.ErrDeleted, store.MovingError for a move to a third store, and store.ErrExists for an
// id or an address that the other store has. A *store.CommitUnknown is in the error if whether
// a transaction was committed is unknown. If the other store does not receive the
// account, the move is cancelled; if that fails, too, the next Move ends or cancels what
// this one began.
func Move(ctx context.Context, from, to store.Store, account string, o Options) (Result, error) {
	m := &mover{from: from, to: to, account: account, o: o}
	if from.Backend() == to.Backend() {
		return m.result, fmt.Errorf("account %s is already in the back end %s: %w", account, to.Backend(), store.ErrConflict)
	}
	var doubt error // whether the last transaction was committed is unknown
	for range mostSteps {
		done, err := m.step(ctx)
		var unknown *store.CommitUnknown
		switch {
		case err == nil && done:
			return m.result, nil
		case errors.As(err, &unknown) && !unknown.Unreplicated && ctx.Err() == nil:
			doubt = err // the marks tell whether it happened
		case errors.Is(err, errAgain):
			doubt = nil
			continue
		case err != nil && doubt != nil && unknown == nil && (ctx.Err() != nil || store.IsUnusable(err)):
			return m.result, errors.Join(err, doubt)
		case err != nil:
			return m.result, err
		default:
			doubt = nil
		}
		if o.After != nil {
			if err := o.After(); err != nil {
				return m.result, err
			}
		}
	}
	return m.result, fmt.Errorf("move account %s: %w: others change it all the time", account, store.ErrConflict)
}

// errAgain means that the marks have changed.
var errAgain = errors.New("the marks have changed")

type mover struct {
	from, to store.Store
	account  string
	o        Options
	result   Result
	begun    bool // by this run
}

// step executes the next transaction of the move. It reports whether the move had ended
// before.
func (m *mover) step(ctx context.Context) (ended bool, err error) {
	mark, err := m.departure(ctx)
	if err != nil || mark.State == store.MoveGone {
		return err == nil, err
	}
	if mark.State == 0 {
		return false, m.leave(ctx)
	}
	m.result.Resumed = !m.begun
	state, err := arrival(ctx, m.to, mark)
	switch {
	case err != nil:
		return false, err
	case state == store.MoveArrived:
		return false, changed(update(ctx, m.from, func(ctx context.Context, w store.MoveWriter) error { return w.Remove(ctx, mark) }))
	case state == store.MoveRefused:
		m.begun = true // what follows is another move
		return false, changed(update(ctx, m.from, func(ctx context.Context, w store.MoveWriter) error { return w.Stay(ctx, mark) }))
	}
	if err = m.receive(ctx, mark); err == nil || !notReceived(err) {
		return false, changed(err)
	}
	back := m.cancel(ctx, mark)
	if errors.Is(back, store.ErrConflict) {
		return false, errAgain // another process was faster
	}
	return false, errors.Join(err, back)
}

// leave marks the account, if the other store can receive it.
func (m *mover) leave(ctx context.Context) error {
	m.begun = true
	if err := m.checkFree(ctx); err != nil {
		// Another run may have moved it since its marks were read.
		if mark, again := m.departure(ctx); again == nil && mark.State != 0 {
			return errAgain
		}
		return err
	}
	err := update(ctx, m.from, func(ctx context.Context, w store.MoveWriter) error {
		_, err := w.Leave(ctx, m.account, m.to.Backend())
		return err
	})
	if errors.Is(err, store.ErrMoving) || errors.Is(err, store.ErrNotFound) {
		return errAgain
	}
	return err
}

// changed returns errAgain for a conflict: somebody else has done the same, so the marks say
// what is next.
func changed(err error) error {
	if errors.Is(err, store.ErrConflict) && !errors.Is(err, store.ErrExists) {
		return errAgain
	}
	return err
}

// notReceived reports whether an error of Receive means that nothing was received.
func notReceived(err error) bool {
	var unknown *store.CommitUnknown
	return !errors.As(err, &unknown) && !errors.Is(err, store.ErrConflict)
}

// cancelLimit is the maximum time of a cancellation after the context has ended.
const cancelLimit = 2 * time.Second

// cancel refuses the move in the other store and then removes the mark. The order matters:
// another process may be receiving the account by the same mark.
func (m *mover) cancel(ctx context.Context, mark store.Move) error {
	if ctx.Err() != nil {
		var stop context.CancelFunc
		ctx, stop = context.WithTimeout(context.WithoutCancel(ctx), cancelLimit)
		defer stop()
	}
	err := Cancel(ctx, m.from, m.to, mark)
	if err != nil {
		err = fmt.Errorf("account %s stays marked, so it cannot be changed until the move is repeated: %w", m.account, err)
	}
	return err
}

// departure returns the mark of the account in its store; the zero State if it has none.
func (m *mover) departure(ctx context.Context) (mark store.Move, err error) {
	err = view(ctx, m.from, func(ctx context.Context, r store.MoveReader) error {
		moves, err := r.Moves(ctx, m.account)
		if err != nil {
			return err
		}
		a, err := r.(store.Reader).Account(ctx, m.account)
		switch {
		case err == nil && !a.Active():
			return fmt.Errorf("account %s: %w", m.account, store.ErrDeleted)
		case err == nil && a.Leaving == "":
			mark = store.Move{}
			return nil
		case err != nil && !errors.Is(err, store.ErrNotFound):
			return err
		}
		for i, x := range moves {
			if err == nil && x.State == store.MoveLeaving || err != nil && i == 0 && x.State == store.MoveGone {
				mark = x
				break
			}
		}
		switch {
		case err == nil && mark.State == 0:
			return fmt.Errorf("%w: account %s has no mark of its move", store.ErrDamaged, m.account)
		case err == nil && mark.Backend != m.to.Backend():
			return &store.MovingError{Account: m.account, To: mark.Backend}
		case err != nil && mark.State == store.MoveGone && (mark.Backend != m.to.Backend() || !m.began()):
			return &GoneError{mark}
		case err != nil && mark.State == 0:
			return fmt.Errorf("account %s: %w", m.account, err)
		}
		return nil
	})
	return mark, err
}

// began reports whether this run has seen the account.
func (m *mover) began() bool { return m.begun || m.result.Resumed }

// checkFree returns an ExistsError if the other store has the id or an address of the account.
func (m *mover) checkFree(ctx context.Context) error {
	var addresses []string
	err := view(ctx, m.from, func(ctx context.Context, r store.MoveReader) error {
		a, err := r.(store.Reader).Account(ctx, m.account)
		if err == nil {
			addresses = a.Addresses
		}
		return err
	})
	if err != nil {
		return err
	}
	return view(ctx, m.to, func(ctx context.Context, mr store.MoveReader) error {
		r := mr.(store.Reader)
		switch a, err := r.AccountByFoldedID(ctx, m.account); {
		case err == nil:
			return &store.ExistsError{What: "account", Value: m.account, Owner: a.ID}
		case !errors.Is(err, store.ErrNotFound):
			return err
		}
		for _, address := range addresses {
			switch a, err := r.AccountByAddress(ctx, address); {
			case err == nil:
				return &store.ExistsError{What: "address", Value: address, Owner: a.ID}
			case !errors.Is(err, store.ErrNotFound):
				return err
			}
		}
		return nil
	})
}

// receive copies the account into the other store.
func (m *mover) receive(ctx context.Context, mark store.Move) error {
	there := mark
	there.Backend = m.from.Backend()
	var sum store.MoveSum
	err := update(ctx, m.to, func(ctx context.Context, w store.MoveWriter) error {
		var received error // it is not about m.from
		err := view(ctx, m.from, func(ctx context.Context, r store.MoveReader) error {
			given := store.NewMoveSummer()
			var read, err error
			sum, err = w.Receive(ctx, there, summed(r.Export(ctx, m.account), given, &read))
			if err == nil && sum != given.Sum() {
				err = fmt.Errorf("account %s: %w", m.account, ErrDiffers)
			}
			if read == nil && err != nil {
				received = err
				return errReceive
			}
			if err != nil {
				return err
			}
			state, err := r.(store.IndexReader).SpanState(ctx)
			if err != nil {
				return err
			}
			if received = w.(store.IndexWriter).LowerSpans(ctx, state.Algorithm); received != nil {
				return errReceive
			}
			return nil
		})
		if received != nil {
			return received
		}
		return err
	})
	if err == nil {
		m.result.MoveSum = sum
	}
	return err
}

// errReceive ends the reading of rows that the other store did not receive.
var errReceive = errors.New("the rows were not received")

// summed yields rows and adds them to a sum. It sets failed to an error of the rows.
func summed(rows iter.Seq2[store.Row, error], sum *store.MoveSummer, failed *error) iter.Seq2[store.Row, error] {
	return func(yield func(store.Row, error) bool) {
		for r, err := range rows {
			if err == nil {
				sum.Add(r)
			} else {
				*failed = err
			}
			if !yield(r, err) {
				return
			}
		}
	}
}
