package sqlite

import (
	"cmp"
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
	if _, err := c.Exec(ctx, "BEGIN"); err != nil {
		return err
	}
	if err := s.current(ctx, c); err != nil {
		return err
	}
	session := relational.New(c, s.o.Backend, s.o.now())
	defer session.End()
	if err := fn(ctx, session); err != nil {
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
// to Options.Wait for writers of other processes. Calls at the same time can share a
// transaction: fn may then see what the others wrote, which is committed with its own
// changes or not at all. fn is called again if another one spoils the transaction, or if it
// takes so long that others should not wait for it. What fn does outside of the store should be quick, because the
// others wait for it; see groupAge for the limit of the rest.
func (s *Store) Update(ctx context.Context, fn func(context.Context, store.Writer) error) error {
	ctx, err := relational.Enter(ctx, s)
	if err != nil {
		return err
	}
	session := &relational.Session{}
	err = s.share(ctx, func(c *connection) error {
		session.TakeBack() // what the run before wrote
		session = relational.New(c, s.o.Backend, s.o.now())
		defer session.End()
		return fn(ctx, session)
	})
	if err != nil {
		session.TakeBack()
	}
	return s.named(err)
}

// commitLimit is the maximum time of a commit.
const commitLimit = 30 * time.Second

// change runs fn in a transaction of its own that writes, once. It works on a store with
// any schema if current is not set.
func (s *Store) change(ctx context.Context, current bool, fn func(*connection) error) error {
	if s.full != nil {
		return s.full
	}
	got, err := s.writers.take(ctx, false)
	if err != nil {
		return err
	}
	c := got.c
	defer s.writers.give(c)
	c.use(ctx, s.o.limit())
	defer c.rest()
	if err := s.begin(ctx, c, current); err != nil {
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

// begin begins a transaction that writes. With current, the schema must be the one that
// this version works with.
func (s *Store) begin(ctx context.Context, c *connection, current bool) error {
	if err := c.lock(ctx, s.o.wait()); err != nil || !current {
		return err
	}
	return s.current(ctx, c)
}

// current returns an error if another process has upgraded the store since it was opened,
// or made another one of it: ErrSchemaNewer, ErrSchemaOlder, ErrOtherBackend, ErrNoSchema.
func (s *Store) current(ctx context.Context, c *connection) error {
	// The number changes when another connection, of any process, commits something.
	var version int64
	if err := c.single(ctx, "PRAGMA data_version", &version); err != nil || version == c.checked {
		return err
	}
	m, err := relational.ReadMetadata(ctx, c)
	if err != nil && ctx.Err() == nil {
		_, diagnosis := c.identify(ctx)
		err = cmp.Or(diagnosis, err)
	}
	if err == nil {
		err = schema().Check(m, s.o.Backend)
	}
	if err == nil {
		c.checked = version
	}
	if err != nil && store.IsUnusable(err) {
		return &store.PlaceError{Where: s.o.Path, Err: err}
	}
	return err
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
		_, err := c.Exec(ctx, "BEGIN IMMEDIATE")
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
	return s.named(s.change(ctx, true, func(c *connection) error {
		insert := relational.Accounts().InsertInOrder()
		for _, a := range accounts {
			if _, err := c.Exec(ctx, insert, relational.AccountRow(a)...); err != nil {
				return asExists("account", a.Account.ID, err)
			}
		}
		insert = relational.Addresses().InsertInOrder()
		for _, r := range addresses {
			if _, err := c.Exec(ctx, insert, r...); err != nil {
				return asExists("address", r[0].(string), err)
			}
		}
		insert = relational.Collections().InsertInOrder()
		for _, a := range accounts {
			for i := range a.Calendars {
				if _, err := c.Exec(ctx, insert, relational.CollectionRow(&a.Calendars[i])...); err != nil {
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

// LoadComponents implements store.ComponentLoader. It writes in the order of the keys, as Load.
func (s *Store) LoadComponents(ctx context.Context, account, calendar string, components []*store.Component) error {
	return s.named(s.change(ctx, true, func(c *connection) error {
		number, err := relational.New(c, s.o.Backend, s.o.now()).PrepareComponents(ctx, account, calendar, components)
		if err != nil {
			return err
		}
		sorted := slices.Clone(components)
		slices.SortFunc(sorted, func(a, b *store.Component) int { return strings.Compare(a.Name, b.Name) })
		insert := relational.Components().InsertInOrder() // not once for each row
		for _, m := range sorted {
			if _, err := c.Exec(ctx, insert, relational.ComponentRow(account, number, m)...); err != nil {
				return asExists("component or UID of component", m.Name, err)
			}
		}
		return nil
	}))
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
