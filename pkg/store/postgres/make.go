package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/davadmin/davadmin/pkg/store"
	"github.com/davadmin/davadmin/pkg/store/relational"
)

// migration is the advisory lock under which the schema is made and changed.
const migration = 0x64617661646d696e

// Create makes an empty store in a database that has none, whole or not at all.
func Create(ctx context.Context, o Options) error {
	return o.migrate(ctx, func(t *transaction, there bool) error {
		if there {
			return &store.ExistsError{What: "store", Value: o.Where()}
		}
		return t.make(ctx, o.Backend)
	})
}

// Replace makes an empty store in the place of the one that is there, which is
// kept under the name of the schema that it returns.
func Replace(ctx context.Context, o Options) (kept string, err error) {
	err = o.migrate(ctx, func(t *transaction, there bool) error {
		if there {
			kept = namespace + "_" + o.now().UTC().Format("20060102t150405z")
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

func (t *transaction) make(ctx context.Context, backend string) error {
	if err := t.run(ctx, "CREATE SCHEMA "+namespace); err != nil {
		return fmt.Errorf("make the schema: %w", err)
	}
	return schema().Make(ctx, t, t.run, backend)
}

// migrate runs fn in a transaction that no other migration runs beside.
func (o Options) migrate(ctx context.Context, fn func(t *transaction, there bool) error) error {
	s, err := connect(ctx, o)
	if err != nil {
		return o.failed(err)
	}
	defer s.pool.Close()
	err = s.locked(ctx, func(t *transaction) error {
		there, err := t.hasStore(ctx)
		if err != nil {
			return err
		}
		return fn(t, there)
	})
	if err != nil {
		return o.failed(err)
	}
	return nil
}

// locked runs fn in a transaction with the advisory lock of migrations. It sees
// what an earlier holder of the lock committed.
func (s *Store) locked(ctx context.Context, fn func(*transaction) error) error {
	tx, err := s.pool.BeginTx(ctx, begin("READ COMMITTED"))
	if err != nil {
		return explain(err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }()
	if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock($1)", int64(migration)); err != nil {
		return explain(err)
	}
	if err := fn(&transaction{tx: tx}); err != nil {
		return err
	}
	return explainCommit(tx.Commit(context.WithoutCancel(ctx)))
}

// State says which version of the schema a database has; version 0 where there is
// no store. It does not look at the back end.
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

// Upgrade brings an older store to the newest schema, all steps or none. It
// returns the version that was there.
func Upgrade(ctx context.Context, o Options) (from int, err error) {
	return o.upgrade(ctx, schema())
}

func (o Options) upgrade(ctx context.Context, to relational.Schema) (from int, err error) {
	err = o.migrate(ctx, func(t *transaction, there bool) error {
		if !there {
			return store.ErrNoSchema
		}
		m, err := relational.ReadMetadata(ctx, t)
		if err != nil {
			return err
		}
		if m.Backend != o.Backend {
			return to.Check(m, o.Backend)
		}
		from, err = to.Upgrade(ctx, t, t.run)
		return err
	})
	return from, err
}
