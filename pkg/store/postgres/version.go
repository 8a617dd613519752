package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/davadmin/davadmin/pkg/store"
	"github.com/davadmin/davadmin/pkg/store/relational"
)

// The table meta stands for the whole store. Each transaction locks it in the mode that
// excludes only an upgrade or a replacement, which take the other mode: so none of them
// happens between the check of the version and the statements that rely on it.
//
// It is a lock of a table and not an advisory one, because LOCK TABLE does not take the
// snapshot of the transaction: after a wait for an upgrade the transaction must see the
// new version, and SELECT pg_advisory_xact_lock_shared() would take the snapshot before
// it waits. It also works on a standby server, needs no more than the right to read, and
// follows the name to the new table if the schema was renamed meanwhile.
const (
	lockShared    = "LOCK TABLE " + namespace + ".meta IN ACCESS SHARE MODE"
	lockExclusive = "LOCK TABLE " + namespace + ".meta IN ACCESS EXCLUSIVE MODE"
)

// beginChecked is begin for a store: another process may have upgraded, replaced or
// removed it since Open. ErrSchemaOlder, ErrSchemaNewer, ErrOtherBackend, ErrNoSchema;
// ErrLocked if an upgrade takes longer than Options.Wait.
func (s *Store) beginChecked(ctx context.Context, mode string, limit time.Duration) (*transaction, error) {
	t, rows, err := s.start(ctx, mode, limit, lockShared+"; "+relational.MetadataQuery)
	if err != nil {
		return nil, explainCheck(err)
	}
	values := map[string]string{}
	for _, r := range rows {
		values[string(r[0])] = string(r[1])
	}
	m, err := relational.ParseMetadata(values)
	if err == nil {
		err = schema().Check(m, s.o.Backend)
	}
	if err != nil {
		t.rollback(ctx)
		return nil, err
	}
	return t, nil
}

// explainCheck returns what an error of beginChecked means.
func explainCheck(err error) error {
	var e *pgconn.PgError
	switch {
	case errors.Is(err, store.ErrLocked):
		return fmt.Errorf("%w, which is upgrading or replacing the store", store.ErrLocked)
	case errors.As(err, &e) && (e.Code == "42P01" || e.Code == "3F000"): // undefined_table, invalid_schema_name
		return fmt.Errorf("%w (the database has no schema %s with tables any more)", store.ErrNoSchema, namespace)
	}
	return err
}

// alone waits until all other transactions in the store have ended, and keeps new ones
// waiting until this one ends. ErrLocked.
func (t *transaction) alone(ctx context.Context) error {
	err := t.run(ctx, lockExclusive)
	if errors.Is(err, store.ErrLocked) {
		return fmt.Errorf("%w, which reads or changes the store and did not end in time; nothing was changed", store.ErrLocked)
	}
	return err
}
