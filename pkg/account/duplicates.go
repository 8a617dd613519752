package account

import (
	"context"
	"errors"
	"fmt"

	"github.com/davadmin/davadmin/pkg/store"
)

// ConflictError means that an existing account conflicts with the one to be created.
// It wraps store.ErrConflict.
type ConflictError struct{ Text string }

// Error returns the text.
func (e *ConflictError) Error() string { return e.Text }

// Unwrap returns store.ErrConflict.
func (e *ConflictError) Unwrap() error { return store.ErrConflict }

// RefuseDuplicates returns a Group that runs group, which creates accounts, for those
// items that no other back end has, by unique ID or address; it refuses the others. No
// constraint of a database spans two of them, so an account could exist twice. It does not
// look at lost back ends, which Batch adds during the run.
func RefuseDuplicates(stores Stores, backends []string, lost Lost, group Group) Group {
	return func(ctx context.Context, st store.Store, items []*Item, again bool) ([]Outcome, error) {
		refused := map[*Item]error{}
		for _, backend := range backends {
			if backend == st.Backend() || lost[backend] != nil {
				continue
			}
			other, err := stores.Open(ctx, backend)
			if err == nil {
				err = refuseTaken(ctx, other, items, refused)
			}
			if err != nil {
				return nil, &BackendError{Backend: backend, Err: err}
			}
		}
		if len(refused) == 0 {
			return group(ctx, st, items, again)
		}
		rest := make([]*Item, 0, len(items))
		for _, item := range items {
			if refused[item] == nil {
				rest = append(rest, item)
			}
		}
		var done []Outcome
		if len(rest) > 0 {
			var err error
			if done, err = group(ctx, st, rest, again); err != nil {
				return done, err
			}
		}
		out := make([]Outcome, 0, len(items))
		for _, item := range items {
			if err := refused[item]; err != nil {
				out = append(out, Outcome{Item: item, Result: Failed, Err: err})
				continue
			}
			out, done = append(out, done[0]), done[1:]
		}
		return out, nil
	}
}

// refuseTaken adds to refused the items that another back end has.
func refuseTaken(ctx context.Context, st store.Store, items []*Item, refused map[*Item]error) error {
	accounts := make([]*store.NewAccount, len(items))
	for i, item := range items {
		accounts[i] = item.New
	}
	taken, err := takenOn(ctx, st, accounts)
	if err != nil {
		return err
	}
	for _, item := range items {
		a := &item.New.Account
		if was := taken.IDs[store.FoldID(a.ID)]; was != nil && was.Active() {
			refused[item] = &ConflictError{fmt.Sprintf("its account is on the back end %s, but the entry says %s", st.Backend(), item.Backend)}
			continue
		}
		for _, address := range a.Addresses {
			if owner := taken.Addresses[store.FoldAddress(address)]; owner != "" {
				refused[item] = &ConflictError{fmt.Sprintf("address %s already belongs to the account %s on the back end %s", address, owner, st.Backend())}
			}
		}
	}
	return nil
}

// takenOn is Loader.Taken for any store.
func takenOn(ctx context.Context, st store.Store, accounts []*store.NewAccount) (store.Taken, error) {
	if loader, ok := st.(store.Loader); ok {
		return loader.Taken(ctx, accounts)
	}
	taken := store.Taken{IDs: map[string]*store.Account{}, Addresses: map[string]string{}}
	err := st.View(ctx, func(ctx context.Context, r store.Reader) error {
		for _, a := range accounts {
			was, err := r.AccountByFoldedID(ctx, a.Account.ID)
			if err == nil {
				taken.IDs[store.FoldID(was.ID)] = was
			} else if !errors.Is(err, store.ErrNotFound) {
				return err
			}
			for _, address := range a.Account.Addresses {
				owner, err := r.AccountByAddress(ctx, address)
				if err == nil {
					taken.Addresses[store.FoldAddress(address)] = owner.ID
				} else if !errors.Is(err, store.ErrNotFound) {
					return err
				}
			}
		}
		return nil
	})
	return taken, err
}
