package postgres

import (
	"context"
	"errors"
)

// Probed is what Probe found out about a database.
type Probed struct {
	Server string // the version of the server, as it reports it
	Store  bool   // the database contains a store
}

// errProbed rolls back the transaction of Probe.
var errProbed = errors.New("the store was only tried")

// Probe finds out whether Create would succeed: it connects, creates a store in a transaction
// that it rolls back, and so changes nothing. If the database contains a store, it only reads
// it. The errors are those of Create, except ErrExists, and those of Open.
func Probe(ctx context.Context, o Options) (found Probed, err error) {
	err = o.migrate(ctx, func(t *transaction, exists bool) error {
		found.Store = exists
		if err := t.tx.QueryRow(ctx, "SELECT current_setting('server_version')", t.mode).Scan(&found.Server); err != nil {
			return explain(err)
		}
		if !exists {
			if err := t.make(ctx, o.Backend); err != nil {
				return err
			}
		}
		return errProbed
	})
	switch {
	case err != nil && !errors.Is(err, errProbed):
		return found, err
	case !found.Store:
		return found, nil
	}
	s, err := Open(ctx, o)
	if err != nil {
		return found, err
	}
	return found, s.Close()
}
