package sqlite

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/davadmin/davadmin/pkg/store"
	"github.com/davadmin/davadmin/pkg/store/relational"
)

// View implements store.Store.
func (s *Store) View(ctx context.Context, fn func(context.Context, store.Reader) error) error {
	return s.named(s.view(ctx, fn))
}

func (s *Store) view(ctx context.Context, fn func(context.Context, store.Reader) error) error {
	ctx, err := relational.Enter(ctx, s)
	if err != nil {
		return err
	}
	c, err := s.reader(ctx)
	if err != nil {
		return err
	}
	defer s.readers.give(c)
	c.use(ctx, s.o.limit())
	defer c.rest()
	if err := c.run(ctx, "BEGIN"); err != nil {
		return err
	}
	if err := fn(ctx, relational.New(c, s.o.Backend, s.o.now())); err != nil {
		return err
	}
	return s.snapshot.check(s.o.Path)
}

// reader lends a connection for reading.
func (s *Store) reader(ctx context.Context) (*connection, error) {
	if s.full == nil {
		return s.readers.take(ctx)
	}
	// A caller that holds the only connection would wait for itself.
	waiting, cancel := context.WithTimeout(ctx, s.o.wait())
	defer cancel()
	c, err := s.readers.take(waiting)
	if err != nil && waiting.Err() != nil && ctx.Err() == nil {
		return nil, s.full
	}
	return c, err
}

// Update implements store.Store. It waits for other writers of this process, and up
// to Options.Wait for writers of other processes.
func (s *Store) Update(ctx context.Context, fn func(context.Context, store.Writer) error) error {
	ctx, err := relational.Enter(ctx, s)
	if err != nil {
		return err
	}
	return s.named(s.change(ctx, func(c *connection) error { return fn(ctx, relational.New(c, s.o.Backend, s.o.now())) }))
}

// commitLimit is the maximum time of a commit.
const commitLimit = 30 * time.Second

// change runs fn in a transaction that writes, once.
func (s *Store) change(ctx context.Context, fn func(*connection) error) (err error) {
	if s.full != nil {
		return s.full
	}
	c, err := s.writers.take(ctx)
	if err != nil {
		return err
	}
	defer s.writers.give(c)
	c.use(ctx, s.o.limit())
	defer c.rest()
	if err := c.lock(ctx, s.o.wait()); err != nil {
		return err
	}
	if err := fn(c); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return c.commit(commitLimit)
}

// lockSlice is how long SQLite waits for a lock before it is asked again, since it does
// not hear that a context ended while it waits.
const lockSlice = 50 * time.Millisecond

// lock begins a transaction and locks the database at once: a transaction that reads
// first and then meets another writer cannot continue. It waits for other processes up
// to wait. ErrLocked.
func (c *connection) lock(ctx context.Context, wait time.Duration) error {
	defer c.conn.SetBusyTimeout(wait)
	for until := time.Now().Add(wait); ; {
		c.conn.SetBusyTimeout(min(lockSlice, time.Until(until)))
		err := c.run(ctx, "BEGIN IMMEDIATE")
		if !errors.Is(err, store.ErrLocked) || !time.Now().Before(until) {
			return err
		}
	}
}

// Load implements store.Loader. It fills each table in the order of its keys, so that
// neighbouring rows are written to the same page together.
func (s *Store) Load(ctx context.Context, accounts []*store.NewAccount) error {
	stamp := relational.Stamp(s.o.now())
	accounts = slices.Clone(accounts)
	slices.SortFunc(accounts, func(a, b *store.NewAccount) int { return strings.Compare(a.Account.ID, b.Account.ID) })
	var addresses [][]any
	for _, a := range accounts {
		if err := relational.Prepare(a, s.o.Backend, stamp); err != nil {
			return err
		}
		for _, address := range a.Account.Addresses {
			addresses = append(addresses, relational.AddressRow(address, a.Account.ID))
		}
	}
	slices.SortFunc(addresses, func(a, b []any) int { return strings.Compare(a[0].(string), b[0].(string)) })
	return s.named(s.change(ctx, func(c *connection) error {
		for _, a := range accounts {
			if err := c.insert(ctx, relational.Accounts(), relational.AccountRow(a)); err != nil {
				return asExists("account", a.Account.ID, err)
			}
		}
		for _, r := range addresses {
			if err := c.insert(ctx, relational.Addresses(), r); err != nil {
				return asExists("address", r[0].(string), err)
			}
		}
		for _, a := range accounts {
			for i := range a.Calendars {
				if err := c.insert(ctx, relational.Collections(), relational.CollectionRow(&a.Calendars[i])); err != nil {
					return err
				}
			}
		}
		for _, a := range accounts {
			if err := c.insertAll(ctx, relational.ACEs(), relational.ACERows(a)); err != nil {
				return err
			}
		}
		for _, a := range accounts {
			if err := c.insertAll(ctx, relational.Representatives(), relational.RepresentativeRows(&a.Account)); err != nil {
				return err
			}
		}
		return nil
	}))
}

// insert inserts a row into a table.
func (c *connection) insert(ctx context.Context, t relational.Table, row []any) error {
	_, err := c.Exec(ctx, t.InsertInOrder(), row...)
	return err
}

// insertAll inserts rows into a table.
func (c *connection) insertAll(ctx context.Context, t relational.Table, rows [][]any) error {
	if len(rows) == 0 {
		return nil
	}
	query := t.InsertInOrder()
	for _, row := range rows {
		if _, err := c.Exec(ctx, query, row...); err != nil {
			return err
		}
	}
	return nil
}

// asExists returns an ExistsError if err is a violated constraint, and err otherwise.
func asExists(what, value string, err error) error {
	if errors.Is(err, store.ErrExists) {
		return &store.ExistsError{What: what, Value: value}
	}
	return err
}

// Taken implements store.Loader.
func (s *Store) Taken(ctx context.Context, accounts []*store.NewAccount) (taken store.Taken, err error) {
	err = s.View(ctx, func(ctx context.Context, r store.Reader) error {
		taken, err = r.(*relational.Session).Taken(ctx, accounts)
		return err
	})
	return taken, err
}
