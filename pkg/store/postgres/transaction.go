package postgres

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/davadmin/davadmin/pkg/store"
	"github.com/davadmin/davadmin/pkg/store/relational"
)

// transaction implements relational.Tx.
type transaction struct {
	tx      *begun
	mode    pgx.QueryExecMode
	cursors int      // number of cursors declared
	unread  []string // cursors to close
	failed  bool     // copy has failed
	// conflict is the first conflict with another transaction. Once set, the
	// transaction cannot commit and is retried, even if the caller dropped the error.
	conflict *conflictError
}

// explain calls the function explain, and remembers the first conflict.
func (t *transaction) explain(err error) error {
	err = explain(err)
	var c *conflictError
	if errors.As(err, &c) && t.conflict == nil {
		t.conflict = c
	}
	return err
}

// Exec implements relational.Tx.
func (t *transaction) Exec(ctx context.Context, query string, args ...any) (int64, error) {
	tag, err := t.tx.Exec(ctx, query, t.with(args)...)
	return tag.RowsAffected(), t.explain(err)
}

// Timeline implements relational.Tx with the first part of the name of the current WAL
// file (PostgreSQL 15 manual, 26.3.5 "Timelines"). A standby server, which writes none,
// has no timeline of its own.
func (t *transaction) Timeline(ctx context.Context) (timeline string, err error) {
	const query = "SELECT CASE WHEN pg_is_in_recovery() THEN '' ELSE substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) END"
	err = t.tx.QueryRow(ctx, query, t.mode).Scan(&timeline)
	return timeline, t.explain(err)
}

// Sync implements relational.Tx. Values of synchronous_commit other than off wait for the disk,
// and some of them for standby servers as well (PostgreSQL 15 manual, 20.5.1), so they stay.
func (t *transaction) Sync(ctx context.Context) error {
	_, err := t.Exec(ctx, "SELECT set_config('synchronous_commit', 'on', true) WHERE current_setting('synchronous_commit') = 'off'")
	return err
}

// with returns the arguments of a statement for pgx, with the way to execute it.
func (t *transaction) with(args []any) []any { return append([]any{t.mode}, args...) }

// run executes a script of statements.
func (t *transaction) run(ctx context.Context, script string) error {
	_, err := t.tx.Exec(ctx, script)
	return explain(err)
}

// Query implements relational.Tx.
func (t *transaction) Query(ctx context.Context, query string, args ...any) (relational.Rows, error) {
	r, err := t.tx.Query(ctx, query, t.with(args)...)
	if err != nil {
		return nil, t.explain(err)
	}
	return rows{r, t}, nil
}

type rows struct {
	pgx.Rows
	t *transaction
}

func (r rows) Scan(dest ...any) error { return r.t.explain(r.Rows.Scan(dest...)) }
func (r rows) Err() error             { return r.t.explain(r.Rows.Err()) }

// View implements store.Store.
func (s *Store) View(ctx context.Context, fn func(context.Context, store.Reader) error) error {
	ctx, err := relational.Enter(ctx, s)
	if err != nil {
		return err
	}
	return s.named(s.view(ctx, func(t *transaction) error {
		session := relational.New(t, s.o.Backend, s.o.now())
		defer session.End()
		return fn(ctx, session)
	}))
}

// view runs fn in a read-only transaction.
func (s *Store) view(ctx context.Context, fn func(*transaction) error) error {
	t, err := s.beginChecked(ctx, reading, s.o.limit())
	if err != nil {
		return err
	}
	defer t.rollback(ctx)
	return fn(t)
}

// Update implements store.Store.
func (s *Store) Update(ctx context.Context, fn func(context.Context, store.Writer) error) error {
	ctx, err := relational.Enter(ctx, s)
	if err != nil {
		return err
	}
	var races relational.Races
	session := &relational.Session{}
	err = s.change(ctx, func(t *transaction) error {
		session.TakeBack() // what the run before wrote
		session = relational.New(t, s.o.Backend, s.o.now()).Racing(&races)
		defer session.End()
		return t.racing(session, fn(ctx, session))
	})
	if err != nil {
		session.TakeBack()
	}
	return err
}

// racing returns the error err of what a session did, and remembers that it lost a race.
func (t *transaction) racing(session *relational.Session, err error) error {
	if race := session.Race(); race != nil && t.conflict == nil {
		t.conflict = &conflictError{store.ErrConflict, race}
	}
	return err
}

// A transaction that conflicts with another one is retried after a random wait. Its
// upper limit grows by 2 ms with each try, up to maxWait. After maxTries the
// transaction fails.
const (
	maxTries = 100
	maxWait  = 50 * time.Millisecond
	maxLoads = 10 // tries of LoadComponents
)

// change runs fn in a transaction, and retries it after a conflict with another one.
func (s *Store) change(ctx context.Context, fn func(*transaction) error) error {
	for try := 1; ; try++ {
		err := s.tryOnce(ctx, fn)
		var conflict *conflictError
		if !errors.As(err, &conflict) {
			return s.named(err)
		}
		if try == maxTries {
			return fmt.Errorf("%w: gave up after %d conflicts with other transactions", conflict.meaning, try)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(rand.N(min(time.Duration(try)*2*time.Millisecond, maxWait)) + time.Millisecond/10):
		}
	}
}

// named adds the name of the store to an error of the database, unless it has one: there
// may be several back ends. Errors about a value name what is invalid.
func (s *Store) named(err error) error {
	var e *pgconn.PgError
	var at *store.PlaceError
	if err == nil || errors.As(err, &at) {
		return err
	}
	s.o.addRole(err)
	if store.IsUnusable(err) || errors.Is(err, store.ErrTimeLimit) || errors.As(err, &e) {
		return &store.PlaceError{Where: s.o.Where(), Err: err}
	}
	return err
}

// tryOnce runs fn in one transaction. The error is a *conflictError if the transaction
// can be retried.
func (s *Store) tryOnce(ctx context.Context, fn func(*transaction) error) error {
	t, err := s.beginChecked(ctx, changing, s.o.limit())
	if err != nil {
		return err
	}
	defer t.rollback(ctx)
	err = fn(t)
	if t.conflict != nil {
		return t.conflict
	}
	if err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return t.commit(ctx)
}

// Load implements store.Loader with COPY.
func (s *Store) Load(ctx context.Context, accounts []*store.NewAccount) error {
	stamp := relational.Stamp(s.o.now())
	var addresses []*store.Account // the account of each address
	var which []int                // and the index in its Addresses
	var calendars []*store.Calendar
	var aces, representatives [][]any
	for _, a := range accounts {
		if err := relational.Prepare(a, s.o.Backend, stamp); err != nil {
			return err
		}
		for i := range a.Account.Addresses {
			addresses, which = append(addresses, &a.Account), append(which, i)
		}
		for i := range a.Calendars {
			calendars = append(calendars, &a.Calendars[i])
		}
		aces = append(aces, relational.ACERows(a)...)
		representatives = append(representatives, relational.RepresentativeRows(&a.Account)...)
	}
	err := s.tryOnce(ctx, func(t *transaction) error {
		return errors.Join(
			t.copy(ctx, relational.Accounts(), len(accounts), func(i int) []any { return relational.AccountRow(accounts[i]) }),
			t.copy(ctx, relational.Addresses(), len(addresses), func(i int) []any {
				return relational.AddressRow(addresses[i].Addresses[which[i]], addresses[i].ID)
			}),
			t.copy(ctx, relational.Collections(), len(calendars), func(i int) []any { return relational.CollectionRow(calendars[i]) }),
			t.copy(ctx, relational.ACEs(), len(aces), func(i int) []any { return aces[i] }),
			t.copy(ctx, relational.Representatives(), len(representatives), func(i int) []any { return representatives[i] }),
		)
	})
	if errors.Is(err, store.ErrExists) {
		return &store.ExistsError{What: "account or address", Value: "in this batch"}
	}
	if err == nil {
		s.analyze(ctx, &s.loadedAccounts, len(accounts), "account", "address, collection, ace, representative")
	}
	return s.named(err)
}

// LoadComponents implements store.ComponentLoader with COPY.
func (s *Store) LoadComponents(ctx context.Context, account, calendar string, components []*store.Component) error {
	var races relational.Races
	load := func(t *transaction) error {
		session := relational.New(t, s.o.Backend, s.o.now()).Racing(&races)
		number, err := session.PrepareComponents(ctx, account, calendar, components)
		if err != nil {
			return t.racing(session, err)
		}
		return t.copy(ctx, relational.Components(), len(components), func(i int) []any { return relational.ComponentRow(account, number, components[i]) })
	}
	err := s.tryOnce(ctx, load)
	// Another run finds out what happened, such as that the account is leaving. Components
	// that exist would be found by each run.
	var race *relational.RaceError
	for try := 1; errors.As(err, &race) && try < maxLoads; try++ {
		err = s.tryOnce(ctx, load)
	}
	var exists *store.ExistsError
	if errors.Is(err, store.ErrExists) && !errors.As(err, &exists) {
		return &store.ExistsError{What: "component or UID", Value: "in this batch"}
	}
	if err == nil {
		s.analyze(ctx, &s.loadedComponents, len(components), "component (account, number, name, uid, method, start_at, end_at, long, revision)", "collection")
	}
	return s.named(err)
}

// copy inserts n rows into a table with COPY. After an error it does nothing.
func (t *transaction) copy(ctx context.Context, to relational.Table, n int, row func(int) []any) error {
	if t.failed {
		return nil
	}
	_, err := t.tx.CopyFrom(ctx, pgx.Identifier{to.Name}, to.Columns, pgx.CopyFromSlice(n, func(i int) ([]any, error) { return row(i), nil }))
	t.failed = err != nil
	return explain(err)
}

// Taken implements store.Loader.
func (s *Store) Taken(ctx context.Context, accounts []*store.NewAccount) (taken store.Taken, err error) {
	err = s.view(ctx, func(t *transaction) error {
		taken, err = relational.New(t, s.o.Backend, s.o.now()).Taken(ctx, accounts)
		return err
	})
	return taken, s.named(err)
}
