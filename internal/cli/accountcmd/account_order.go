package accountcmd

import (
	"context"
	"iter"
	"strings"

	"github.com/davadmin/davadmin/internal/crash"
	"github.com/davadmin/davadmin/pkg/account"
	"github.com/davadmin/davadmin/pkg/store"
)

// eachAccount calls do for the accounts of several back ends in one order, and then end
// before the readers are closed.
func (s *storeHome) eachAccount(ctx context.Context, names []string, f store.AccountFilter, do func(store.Reader, account.Found) error, end func() error) error {
	do = s.onlyActive(ctx, names, do)
	if len(names) == 1 {
		return s.eachOf(ctx, names[0], f, do, end)
	}
	var streams []*accountStream
	var open func(rest []string) error
	open = func(rest []string) error {
		if len(rest) == 0 {
			if err := mergeAccounts(streams, f, do); err != nil {
				return err
			}
			return end()
		}
		st, err := s.set.Open(ctx, rest[0])
		if err != nil {
			return err
		}
		return st.View(ctx, func(ctx context.Context, r store.Reader) error {
			next, stop := iter.Pull2(r.Accounts(ctx, f))
			defer stop()
			streams = append(streams, &accountStream{backend: rest[0], reader: r, next: next})
			return open(rest[1:])
		})
	}
	return open(names)
}

// onlyActive leaves accounts out that were moved to another back end and remain to be removed.
// ctx does not belong to the transactions of the listing: others are opened meanwhile.
func (s *storeHome) onlyActive(ctx context.Context, names []string, do func(store.Reader, account.Found) error) func(store.Reader, account.Found) error {
	finder := s.finder(names)
	return func(r store.Reader, f account.Found) error {
		if away, err := finder.MovedAway(ctx, f); err != nil || away {
			return err
		}
		return do(r, f)
	}
}

// eachOf is eachAccount for one back end.
func (s *storeHome) eachOf(ctx context.Context, name string, f store.AccountFilter, do func(store.Reader, account.Found) error, end func() error) error {
	st, err := s.set.Open(ctx, name)
	if err != nil {
		return err
	}
	return st.View(ctx, func(ctx context.Context, r store.Reader) error {
		accounts := r.Accounts(ctx, f)
		if f.Alone {
			// do does not use the reader, so both can run at the same time.
			accounts = ahead(ctx, accounts)
		}
		for a, err := range accounts {
			if err == nil {
				err = do(r, account.Found{Backend: name, Account: a})
			}
			if err != nil {
				return err
			}
		}
		return end()
	})
}

// ahead reads a sequence of accounts in its own goroutine, in bounded memory. The goroutine
// has ended when the iteration ends.
func ahead(ctx context.Context, accounts iter.Seq2[*store.Account, error]) iter.Seq2[*store.Account, error] {
	const few, many, parts = 64, 512, 4
	return func(yield func(*store.Account, error) bool) {
		ctx, stop := context.WithCancel(ctx)
		read := make(chan []*store.Account, parts)
		var failed error // valid once read is closed
		crash.Go(func() error {
			part, size := make([]*store.Account, 0, few), few // the first part is small, to be printed soon
			for a, err := range accounts {
				if err != nil {
					failed = err
					break
				}
				if part = append(part, a); len(part) < size {
					continue
				}
				select {
				case read <- part:
				case <-ctx.Done():
					return nil
				}
				part, size = make([]*store.Account, 0, many), many
			}
			select {
			case read <- part:
			case <-ctx.Done():
			}
			return failed
		}, func(err error) {
			failed = err
			close(read)
		})
		defer func() {
			stop()
			for range read { // wait until the goroutine no longer uses the transaction
			}
		}()
		for part := range read {
			for _, a := range part {
				if !yield(a, nil) {
					return
				}
			}
		}
		if failed == nil {
			failed = ctx.Err()
		}
		if failed != nil {
			yield(nil, failed)
		}
	}
}

// accountStream is a cursor over the accounts of one back end.
type accountStream struct {
	backend string
	reader  store.Reader
	next    func() (*store.Account, error, bool)
	head    *store.Account // nil after the last account
}

// advance moves the cursor to the next account.
func (s *accountStream) advance() error {
	a, err, ok := s.next()
	if !ok {
		a = nil
	}
	s.head = a
	return err
}

// mergeAccounts calls do for the accounts of several streams in the order of the filter, up to
// its limit.
func mergeAccounts(streams []*accountStream, f store.AccountFilter, do func(store.Reader, account.Found) error) error {
	for _, s := range streams {
		if err := s.advance(); err != nil {
			return err
		}
	}
	for n := 0; f.Limit == 0 || n < f.Limit; n++ {
		var first *accountStream
		for _, s := range streams {
			if s.head != nil && (first == nil || before(s.head, first.head, f)) {
				first = s
			}
		}
		if first == nil {
			return nil
		}
		if err := do(first.reader, account.Found{Backend: first.backend, Account: first.head}); err != nil {
			return err
		}
		if err := first.advance(); err != nil {
			return err
		}
	}
	return nil
}

// before reports whether a comes before b in a listing. The order is that of the stores.
func before(a, b *store.Account, f store.AccountFilter) bool {
	c := 0
	switch f.Order {
	case store.ByMail:
		c = strings.Compare(a.Mail(), b.Mail())
	case store.ByName:
		c = strings.Compare(a.DisplayName, b.DisplayName)
	case store.ByCreated:
		c = a.Created.Compare(b.Created)
	case store.ByChanged:
		c = a.Changed.Compare(b.Changed)
	}
	if c == 0 {
		c = strings.Compare(a.ID, b.ID)
	}
	if f.Reverse {
		return c > 0
	}
	return c < 0
}
