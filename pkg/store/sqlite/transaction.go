package sqlite

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"modernc.org/sqlite"

	"github.com/davadmin/davadmin/pkg/store"
	"github.com/davadmin/davadmin/pkg/store/relational"
)

// View implements store.Store.
func (s *Store) View(ctx context.Context, fn func(store.Reader) error) error {
	return s.named(s.view(ctx, fn))
}

func (s *Store) view(ctx context.Context, fn func(store.Reader) error) error {
	c, err := s.reader(ctx)
	if err != nil {
		return err
	}
	defer c.release()
	if err := c.run(ctx, "BEGIN"); err != nil {
		return err
	}
	defer func() { _ = c.run(context.WithoutCancel(ctx), "ROLLBACK") }()
	if err := fn(relational.New(c, s.o.Backend, s.o.now())); err != nil {
		return err
	}
	return s.snapshot.check(s.o.Path)
}

// Update implements store.Store. It waits for other writers of this process, and up
// to Options.Wait for writers of other processes.
func (s *Store) Update(ctx context.Context, fn func(store.Writer) error) error {
	return s.named(s.change(ctx, func(c *connection) error { return fn(relational.New(c, s.o.Backend, s.o.now())) }))
}

// named adds the name of the store to an error of the engine, unless it has one: there
// may be several back ends. Errors about a value name what is invalid.
func (s *Store) named(err error) error {
	var e *sqlite.Error
	var at *store.PlaceError
	if !errors.As(err, &e) || errors.As(err, &at) || errors.Is(err, store.ErrExists) || errors.Is(err, store.ErrConflict) || errors.Is(err, store.ErrInvalid) {
		return err
	}
	return &store.PlaceError{Where: s.o.Path, Err: err}
}

// change runs fn in a transaction that writes, once.
func (s *Store) change(ctx context.Context, fn func(*connection) error) (err error) {
	if s.full != nil {
		return s.full
	}
	select {
	case s.writeLock <- struct{}{}:
		defer func() { <-s.writeLock }()
	case <-ctx.Done():
		return ctx.Err()
	}
	c, err := s.writer(ctx)
	if err != nil {
		return err
	}
	// Lock the database at once: a transaction that reads first and then meets another
	// writer cannot continue.
	if err := c.run(ctx, "BEGIN IMMEDIATE"); err != nil {
		return err
	}
	done := false
	defer func() {
		if done {
			return
		}
		// After some errors SQLite has already rolled back. ROLLBACK then fails, and
		// its error is ignored.
		_ = c.run(context.WithoutCancel(ctx), "ROLLBACK")
	}()
	if err := fn(c); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	// The commit is not interrupted, so that its result is reliable.
	if err := c.run(context.WithoutCancel(ctx), "COMMIT"); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	done = true
	return nil
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
		return nil
	}))
}

// insert inserts a row into a table.
func (c *connection) insert(ctx context.Context, t relational.Table, row []any) error {
	p := c.inserts[t.Name]
	if p == nil {
		var err error
		if p, err = c.prepare(ctx, t.InsertInOrder()); err != nil {
			return err
		}
		c.inserts[t.Name] = p
	}
	_, err := p.ExecContext(ctx, row...)
	return explain(err)
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
	c, err := s.reader(ctx)
	if err != nil {
		return taken, s.named(err)
	}
	defer c.release()
	taken, err = relational.New(c, s.o.Backend, s.o.now()).Taken(ctx, accounts)
	return taken, s.named(err)
}
