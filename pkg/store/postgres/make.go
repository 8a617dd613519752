package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/davadmin/davadmin/pkg/store"
	"github.com/davadmin/davadmin/pkg/store/relational"
)

// migration is the key of the advisory lock that is held while the schema is created
// or changed.
const migration = 0x64617661646d696e

// Create creates an empty store in a database that has none, completely or not at
// all. ErrExists.
func Create(ctx context.Context, o Options) error {
	return o.migrate(ctx, func(t *transaction, exists bool) error {
		if exists {
			return &store.ExistsError{What: "store", Value: o.Where()}
		}
		return t.make(ctx, o.Backend)
	})
}

// Replace replaces a store with an empty one. The old store is kept in the database
// schema that Replace returns, or "" if there was none.
func Replace(ctx context.Context, o Options) (kept string, err error) {
	err = o.migrate(ctx, func(t *transaction, exists bool) error {
		if exists {
			var err error
			if kept, err = t.freeName(ctx, namespace+"_"+o.now().UTC().Format("20060102t150405z")); err != nil {
				return err
			}
			if err := t.alone(ctx); err != nil {
				return err
			}
			if err := t.run(ctx, "ALTER SCHEMA "+namespace+" RENAME TO "+kept); err != nil {
				return err
			}
		}
		return t.make(ctx, o.Backend)
	})
	if err != nil {
		kept = ""
	}
	return kept, err
}

// freeName returns the name of a database schema that does not exist: the name, with a
// number if there is one of the same second.
func (t *transaction) freeName(ctx context.Context, name string) (string, error) {
	free := name
	for n := 2; ; n++ {
		var exists bool
		if err := t.tx.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1)", t.mode, free).Scan(&exists); err != nil {
			return "", fmt.Errorf("find a name for the old store: %w", err)
		}
		if !exists {
			return free, nil
		}
		free = fmt.Sprintf("%s_%d", name, n)
	}
}

// make creates the database schema and the tables.
func (t *transaction) make(ctx context.Context, backend string) error {
	if err := t.run(ctx, "CREATE SCHEMA "+namespace); err != nil {
		return fmt.Errorf("create the schema: %w", err)
	}
	return schema().Make(ctx, t, t.run, backend)
}

// migrate connects and runs fn in a transaction while no other migration runs. exists
// reports whether the database contains a store.
func (o Options) migrate(ctx context.Context, fn func(t *transaction, exists bool) error) error {
	s, err := connect(ctx, o)
	if err != nil {
		return o.failed(err)
	}
	defer func() { _ = s.Close() }()
	err = s.locked(ctx, func(t *transaction) error {
		exists, err := t.hasStore(ctx)
		if err != nil {
			return err
		}
		return fn(t, exists)
	})
	if err != nil {
		return o.failed(err)
	}
	return nil
}

// locked runs fn in a transaction that holds the advisory lock of migrations. The
// transaction sees everything that earlier holders of the lock committed.
func (s *Store) locked(ctx context.Context, fn func(*transaction) error) error {
	t, err := s.begin(ctx, changing, 0) // an upgrade may rewrite large tables
	if err != nil {
		return err
	}
	defer t.rollback(ctx)
	if _, err := t.Exec(ctx, "SELECT pg_advisory_xact_lock($1)", int64(migration)); err != nil {
		return err
	}
	if err := fn(t); err != nil {
		return err
	}
	return t.commit(ctx)
}

// State returns the schema version of a database, or version 0 if there is no store.
// It does not check the back end.
func State(ctx context.Context, o Options) (store.SchemaState, error) {
	st := store.SchemaState{Backend: o.Backend, Where: o.Where(), Engine: "postgresql", Known: schema().Version}
	s, m, err := open(ctx, o)
	switch {
	case errors.Is(err, store.ErrNoSchema):
		return st, nil
	case err != nil:
		return st, o.failed(err)
	}
	st.Version = m.Version
	return st, s.Close()
}

// Upgrade upgrades an older store to the newest schema, in one transaction. It returns
// the version before the upgrade.
func Upgrade(ctx context.Context, o Options) (from int, err error) {
	return o.upgrade(ctx, schema())
}

func (o Options) upgrade(ctx context.Context, to relational.Schema) (from int, err error) {
	err = o.migrate(ctx, func(t *transaction, exists bool) error {
		if !exists {
			return store.ErrNoSchema
		}
		m, err := relational.ReadMetadata(ctx, t)
		if err != nil {
			return err
		}
		if m.Backend != o.Backend {
			return to.Check(m, o.Backend)
		}
		if m.Version < to.Version {
			if err := t.alone(ctx); err != nil {
				return err
			}
		}
		from, err = to.Upgrade(ctx, t, t.run)
		return err
	})
	return from, err
}
