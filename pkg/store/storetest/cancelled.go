package storetest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/davadmin/davadmin/internal/seed"
	"github.com/davadmin/davadmin/internal/tier"
	"github.com/davadmin/davadmin/pkg/store"
)

// A context that ends at any moment of a transaction leaves the store usable, unlocked
// for other processes, and with all or none of the changes.
func testCancelledAnywhere(s *env) {
	second, random := s.open(), seed.New(s.t)
	s.create(withHome("a"))
	for round := range tier.Soak(s.t, "DAVADMIN_SOAK_CANCELS", 2000, 10_000) {
		id := fmt.Sprintf("round%d", round)
		ctx, cancel := context.WithCancel(s.t.Context())
		timer := time.AfterFunc(time.Duration(random.IntN(1500))*time.Microsecond, cancel)
		var err error
		switch random.IntN(4) {
		case 0:
			err = s.View(ctx, func(ctx context.Context, r store.Reader) error {
				for _, err := range r.Accounts(ctx, store.AccountFilter{Limit: 3}) {
					if err != nil {
						return err
					}
				}
				return nil
			})
		case 1:
			err = s.Update(ctx, func(context.Context, store.Writer) error { return nil })
		default:
			err = s.Update(ctx, func(ctx context.Context, w store.Writer) error {
				if err := w.CreateAccount(ctx, person(id)); err != nil {
					return err
				}
				return w.DeleteAccount(ctx, id)
			})
			s.wantAllOrNothing(err, id)
		}
		timer.Stop()
		cancel()
		if err != nil && !errors.Is(err, context.Canceled) {
			s.t.Fatalf("round %d: got error %v", round, err)
		}
		if round%100 != 99 {
			continue
		}
		for name, handle := range map[string]store.Store{"the same": s.Store, "another": second} {
			limited, stop := context.WithTimeout(s.t.Context(), 20*time.Second)
			err := handle.Update(limited, func(ctx context.Context, w store.Writer) error { return w.CreateAccount(limited, person(id+name)) })
			stop()
			if err != nil {
				s.t.Fatalf("round %d: %s handle cannot write any more: %v", round, name, err)
			}
		}
	}
}

// The same for updates at the same time, which can share a commit: each is told what
// happened to its own changes.
func testCancelledTogether(s *env) {
	const writers = 6
	random := seed.New(s.t)
	for round := range tier.Soak(s.t, "DAVADMIN_SOAK_CANCELS", 2000, 10_000) / writers {
		var delays [writers]time.Duration
		for i := range delays {
			delays[i] = time.Duration(random.IntN(8000)) * time.Microsecond
		}
		id := func(i int) string { return fmt.Sprintf("round%d writer%d", round, i) }
		errs := concurrently(writers, func(i int) error {
			ctx, cancel := context.WithCancel(s.t.Context())
			defer cancel()
			defer time.AfterFunc(delays[i], cancel).Stop()
			return s.Update(ctx, func(ctx context.Context, w store.Writer) error {
				if err := w.CreateAccount(ctx, person(id(i))); err != nil {
					return err
				}
				return w.DeleteAccount(ctx, id(i))
			})
		})
		for i, err := range errs {
			if err != nil && !errors.Is(err, context.Canceled) {
				s.t.Fatalf("round %d: got error %v", round, err)
			}
			s.wantAllOrNothing(err, id(i))
		}
	}
}

// wantAllOrNothing expects that a transaction which created and deleted an account
// happened exactly if err is nil.
func (s *env) wantAllOrNothing(err error, id string) {
	s.t.Helper()
	s.view(func(ctx context.Context, r store.Reader) error {
		a, found := r.Account(ctx, id)
		switch {
		case err == nil && found != nil:
			s.t.Errorf("%s: the transaction succeeded, but the account: %v", id, found)
		case err != nil && found == nil:
			s.t.Errorf("%s: the transaction failed with %v, but the account exists", id, err)
		case found == nil && a.Active():
			s.t.Errorf("%s: half of the transaction happened", id)
		}
		return nil
	})
}
