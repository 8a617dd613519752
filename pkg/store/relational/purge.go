package relational

import (
	"context"
	"fmt"
	"time"

	"github.com/davadmin/davadmin/pkg/store"
)

// Purge implements store.Writer.
func (s *Session) Purge(ctx context.Context, before time.Time, limit int) (store.Purged, error) {
	var done store.Purged
	cut := Stamp(before)
	if err := s.purgeAccounts(ctx, cut, limit, &done); err != nil {
		return done, fmt.Errorf("purge accounts: %w", err)
	}
	if err := s.purgeCollections(ctx, cut, limit, &done); err != nil {
		return done, fmt.Errorf("purge calendars: %w", err)
	}
	if err := s.purgeComponents(ctx, cut, limit, &done); err != nil {
		return done, fmt.Errorf("purge components: %w", err)
	}
	if err := s.purgeChanges(ctx, cut, limit, &done); err != nil {
		return done, fmt.Errorf("purge the change log: %w", err)
	}
	return done, nil
}

// holding are the tables with what is in a collection.
func holding() []string { return []string{"component", "trash", "change_log"} }

func (s *Session) purgeAccounts(ctx context.Context, cut int64, limit int, done *store.Purged) error {
	ids, err := all(ctx, s, "SELECT id FROM account WHERE deleted > 0 AND deleted < $1 ORDER BY deleted, id LIMIT $2", []any{cut, int64(limit)},
		func(rows Rows) (id string, err error) { return id, rows.Scan(&id) })
	if err != nil {
		return err
	}
	for _, id := range ids {
		for _, table := range holding() {
			n, err := s.tx.Exec(ctx, "DELETE FROM "+table+" WHERE account = $1", id)
			if err != nil {
				return err
			}
			count(done, table, n)
		}
		n, err := s.tx.Exec(ctx, "DELETE FROM collection WHERE account = $1", id)
		if err != nil {
			return err
		}
		done.Calendars += n
		// What others follow of it is gone, too.
		if _, err := s.tx.Exec(ctx, "DELETE FROM subscription WHERE account = $1 OR owner = $1", id); err != nil {
			return err
		}
		if err := s.releaseAddresses(ctx, id); err != nil {
			return err
		}
		if n, err = s.tx.Exec(ctx, "DELETE FROM account WHERE id = $1", id); err != nil {
			return err
		}
		done.Accounts += n
	}
	return nil
}

func count(done *store.Purged, table string, n int64) {
	switch table {
	case "component", "trash":
		done.Components += n
	case "change_log":
		done.Changes += n
	case "collection":
		done.Calendars += n
	}
}

type place struct {
	account          string
	number, revision int64
}

func placeOf(rows Rows) (p place, err error) { return p, rows.Scan(&p.account, &p.number, &p.revision) }

func (s *Session) purgeCollections(ctx context.Context, cut int64, limit int, done *store.Purged) error {
	places, err := all(ctx, s, "SELECT account, number, revision FROM collection WHERE deleted > 0 AND deleted < $1 ORDER BY deleted, account, number LIMIT $2",
		[]any{cut, int64(limit)}, placeOf)
	if err != nil {
		return err
	}
	for _, p := range places {
		for _, table := range append(holding(), "collection") {
			n, err := s.tx.Exec(ctx, "DELETE FROM "+table+" WHERE account = $1 AND number = $2", p.account, p.number)
			if err != nil {
				return err
			}
			count(done, table, n)
		}
	}
	return nil
}

func (s *Session) purgeComponents(ctx context.Context, cut int64, limit int, done *store.Purged) error {
	places, err := all(ctx, s, "SELECT account, number, revision FROM trash WHERE deleted < $1 ORDER BY deleted, account, number, revision LIMIT $2",
		[]any{cut, int64(limit)}, placeOf)
	if err != nil {
		return err
	}
	for _, p := range places {
		n, err := s.tx.Exec(ctx, "DELETE FROM trash WHERE account = $1 AND number = $2 AND revision = $3", p.account, p.number, p.revision)
		if err != nil {
			return err
		}
		done.Components += n
	}
	return nil
}

// purgeChanges forgets the history of collections up to a time. A token from
// before is refused from then on.
func (s *Session) purgeChanges(ctx context.Context, cut int64, limit int, done *store.Purged) error {
	places, err := all(ctx, s, "SELECT account, number, max(revision) FROM change_log WHERE at < $1 GROUP BY account, number ORDER BY account, number LIMIT $2",
		[]any{cut, int64(limit)}, placeOf)
	if err != nil {
		return err
	}
	for _, p := range places {
		n, err := s.tx.Exec(ctx, "DELETE FROM change_log WHERE account = $1 AND number = $2 AND revision <= $3", p.account, p.number, p.revision)
		if err != nil {
			return err
		}
		done.Changes += n
		if err := s.exec(ctx, store.ErrConflict, "UPDATE collection SET floor = $3 WHERE account = $1 AND number = $2", p.account, p.number, p.revision); err != nil {
			return err
		}
	}
	return nil
}
