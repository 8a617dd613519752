package storehome

import (
	"context"
	"iter"
	"strings"

	"github.com/davadmin/davadmin/internal/crash"
	"github.com/davadmin/davadmin/pkg/account"
	"github.com/davadmin/davadmin/pkg/store"
)

// EachAccount calls do for the accounts of several back ends in one order, and then end
// before the readers are closed.
func (s *Home) EachAccount(ctx context.Context, names []string, f store.AccountFilter, do func(store.Reader, account.Found) error, end func() error) error {
	do = s.onlyActive(ctx, names, do)
	if len(names) == 1 {
		return s.eachOf(ctx, names[0], f, do, end)
	}
	m := Merging[*store.Account]{
		Read:   func(ctx context.Context, r store.Reader) iter.Seq2[*store.Account, error] { return r.Accounts(ctx, f) },
		Before: func(a, b *store.Account) bool { return Before(a, b, f) },
		Limit:  f.Limit,
		End:    end,
	}
	return EachRecord(ctx, s, names, m, func(r store.Reader, backend string, a *store.Account) error {
		return do(r, account.Found{Backend: backend, Account: a})
	})
}

// Merging says how the records of several back ends become one listing.
type Merging[T any] struct {
	Read   func(context.Context, store.Reader) iter.Seq2[T, error] // those of one back end, in the order of Before
	Before func(a, b T) bool
	Limit  int          // 0 for none
	End    func() error // called before the readers are closed; may be nil
}

// EachRecord calls do for the records of several back ends in one order.
func EachRecord[T any](ctx context.Context, s *Home, names []string, m Merging[T], do func(r store.Reader, backend string, record T) error) error {
	var streams []*recordStream[T]
	var open func(rest []string) error
	open = func(rest []string) error {
		if len(rest) == 0 {
			err := m.merge(streams, do)
			if err == nil && m.End != nil {
				err = m.End()
			}
			return err
		}
		st, err := s.Set.Open(ctx, rest[0])
		if err != nil {
			return err
		}
		return st.View(ctx, func(ctx context.Context, r store.Reader) error {
			next, stop := iter.Pull2(m.Read(ctx, r))
			defer stop()
			streams = append(streams, &recordStream[T]{backend: rest[0], reader: r, next: next})
			return open(rest[1:])
		})
	}
	return open(names)
}

// onlyActive leaves accounts out that were moved to another back end and remain to be removed.
// ctx does not belong to the transactions of the listing: others are opened meanwhile.
func (s *Home) onlyActive(ctx context.Context, names []string, do func(store.Reader, account.Found) error) func(store.Reader, account.Found) error {
	finder := s.Finder(names, "")
	return func(r store.Reader, f account.Found) error {
		if away, err := finder.MovedAway(ctx, f); err != nil || away {
			return err
		}
		return do(r, f)
	}
}

// eachOf is EachAccount for one back end.
func (s *Home) eachOf(ctx context.Context, name string, f store.AccountFilter, do func(store.Reader, account.Found) error, end func() error) error {
	st, err := s.Set.Open(ctx, name)
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

// recordStream is a cursor over the records of one back end.
type recordStream[T any] struct {
	backend string
	reader  store.Reader
	next    func() (T, error, bool)
	head    T
	ended   bool // there is no head
}

// advance moves the cursor to the next record.
func (s *recordStream[T]) advance() error {
	head, err, ok := s.next()
	s.head, s.ended = head, !ok
	return err
}

// merge calls do for the records of several streams in order, up to the limit.
func (m Merging[T]) merge(streams []*recordStream[T], do func(r store.Reader, backend string, record T) error) error {
	for _, s := range streams {
		if err := s.advance(); err != nil {
			return err
		}
	}
	for n := 0; m.Limit == 0 || n < m.Limit; n++ {
		var first *recordStream[T]
		for _, s := range streams {
			if !s.ended && (first == nil || m.Before(s.head, first.head)) {
				first = s
			}
		}
		if first == nil {
			return nil
		}
		if err := do(first.reader, first.backend, first.head); err != nil {
			return err
		}
		if err := first.advance(); err != nil {
			return err
		}
	}
	return nil
}

// Before reports whether a comes before b in a listing. The order is that of the stores.
func Before(a, b *store.Account, f store.AccountFilter) bool {
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

// CountAll returns the number of active accounts on back ends.
func (s *Home) CountAll(ctx context.Context, names []string) (int64, error) {
	var n int64
	for _, name := range names {
		st, err := s.Set.Open(ctx, name)
		if err != nil {
			return 0, err
		}
		err = st.View(ctx, func(ctx context.Context, r store.Reader) error {
			c, err := r.CountAccounts(ctx, store.AccountFilter{})
			n += c
			return err
		})
		if err != nil {
			return 0, err
		}
	}
	return n, nil
}
