package relational

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/davadmin/davadmin/pkg/store"
)

// Purge implements store.Writer.
func (s *Session) Purge(ctx context.Context, before time.Time, limit int) (store.Purged, error) {
	var done store.Purged
	cutoff := Stamp(before)
	if err := s.purgeAccounts(ctx, cutoff, limit, &done); err != nil {
		return done, fmt.Errorf("purge accounts: %w", err)
	}
	if err := s.purgeCollections(ctx, cutoff, limit, &done); err != nil {
		return done, fmt.Errorf("purge calendars: %w", err)
	}
	if err := s.purgeComponents(ctx, cutoff, limit, &done); err != nil {
		return done, fmt.Errorf("purge components: %w", err)
	}
	if err := s.purgeChanges(ctx, cutoff, limit, &done); err != nil {
		return done, fmt.Errorf("purge the change log: %w", err)
	}
	if err := s.purgeAttachments(ctx, cutoff, limit, &done); err != nil {
		return done, fmt.Errorf("purge attachments: %w", err)
	}
	return done, nil
}

// contentTables returns the tables with the content of collections.
func contentTables() []string { return []string{"component", "trash", "change_log"} }

// accountTables returns the other tables with rows of accounts, in the order in which they
// can be deleted, except for those that purgeAccounts deletes by itself.
func accountTables() []string { return []string{"attachment", "chunk", "content", "outgoing"} }

func (s *Session) purgeAccounts(ctx context.Context, cutoff int64, limit int, done *store.Purged) error {
	ids, err := queryAll(ctx, s, "SELECT id FROM account WHERE deleted > 0 AND deleted < $1 ORDER BY deleted, id LIMIT $2", []any{cutoff, int64(limit)},
		func(rows Rows) (id string, err error) { return id, rows.Scan(&id) })
	if err != nil {
		return err
	}
	for _, id := range ids {
		for _, table := range append(contentTables(), accountTables()...) {
			n, err := s.exec(ctx, "DELETE FROM "+table+" WHERE account = $1", id)
			if err != nil {
				return err
			}
			addCount(done, table, n)
		}
		n, err := s.exec(ctx, "DELETE FROM collection WHERE account = $1", id)
		if err != nil {
			return err
		}
		done.Calendars += n
		// Other accounts' subscriptions to its calendars are removed, too.
		if _, err := s.exec(ctx, "DELETE FROM subscription WHERE account = $1 OR owner = $1", id); err != nil {
			return err
		}
		if err := s.removeAddresses(ctx, id); err != nil {
			return err
		}
		if n, err = s.exec(ctx, "DELETE FROM account WHERE id = $1", id); err != nil {
			return err
		}
		done.Accounts += n
	}
	return nil
}

// addCount adds n rows removed from a table to done.
func addCount(done *store.Purged, table string, n int64) {
	switch table {
	case "component", "trash":
		done.Components += n
	case "change_log":
		done.Changes += n
	case "collection":
		done.Calendars += n
	case "attachment":
		done.Attachments += n
	case "outgoing":
		done.Messages += n
	}
}

// key identifies a collection, and a revision of it.
type key struct {
	account          string
	number, revision int64
}

func scanKey(rows Rows) (k key, err error) {
	return k, rows.Scan(&k.account, &k.number, &k.revision)
}

func (s *Session) purgeCollections(ctx context.Context, cutoff int64, limit int, done *store.Purged) error {
	keys, err := queryAll(ctx, s, "SELECT account, number, revision FROM collection WHERE deleted > 0 AND deleted < $1 ORDER BY deleted, account, number LIMIT $2",
		[]any{cutoff, int64(limit)}, scanKey)
	if err != nil {
		return err
	}
	for _, k := range keys {
		for _, table := range append(contentTables(), "collection") {
			n, err := s.exec(ctx, "DELETE FROM "+table+" WHERE account = $1 AND number = $2", k.account, k.number)
			if err != nil {
				return err
			}
			addCount(done, table, n)
		}
	}
	return nil
}

func (s *Session) purgeComponents(ctx context.Context, cutoff int64, limit int, done *store.Purged) error {
	keys, err := queryAll(ctx, s, "SELECT account, number, revision FROM trash WHERE deleted < $1 ORDER BY deleted, account, number, revision LIMIT $2",
		[]any{cutoff, int64(limit)}, scanKey)
	if err != nil {
		return err
	}
	for _, k := range keys {
		n, err := s.exec(ctx, "DELETE FROM trash WHERE account = $1 AND number = $2 AND revision = $3", k.account, k.number, k.revision)
		if err != nil {
			return err
		}
		done.Components += n
	}
	return nil
}

// purgeChanges removes the change log of collections up to a time. Older sync tokens
// are rejected from then on.
func (s *Session) purgeChanges(ctx context.Context, cutoff int64, limit int, done *store.Purged) error {
	keys, err := queryAll(ctx, s, "SELECT account, number, max(revision) FROM change_log WHERE at < $1 GROUP BY account, number ORDER BY account, number LIMIT $2",
		[]any{cutoff, int64(limit)}, scanKey)
	if err != nil {
		return err
	}
	for _, k := range keys {
		n, err := s.exec(ctx, "DELETE FROM change_log WHERE account = $1 AND number = $2 AND revision <= $3", k.account, k.number, k.revision)
		if err != nil {
			return err
		}
		done.Changes += n
		if err := s.mustChange(ctx, store.ErrConflict, "UPDATE collection SET floor = $3 WHERE account = $1 AND number = $2", k.account, k.number, k.revision); err != nil {
			return err
		}
	}
	return nil
}

// SQL of Purgeable: the accounts that are purged, and the collections that are purged
// without their account.
const (
	purgedAccounts    = "(SELECT id FROM account WHERE deleted > 0 AND deleted < $1)"
	purgedCollections = "(SELECT account, number FROM collection WHERE deleted > 0 AND deleted < $1 AND account NOT IN " + purgedAccounts + ")"
)

// Purgeable implements store.Reader.
func (s *Session) Purgeable(ctx context.Context, before time.Time) (store.Purged, error) {
	const (
		inAccounts   = " t WHERE t.account IN " + purgedAccounts
		inCollection = " t JOIN " + purgedCollections + " c ON c.account = t.account AND c.number = t.number"
		elsewhere    = " t.account NOT IN " + purgedAccounts + " AND NOT EXISTS (SELECT 1 FROM " + purgedCollections + " c WHERE c.account = t.account AND c.number = t.number)"
	)
	var out store.Purged
	for _, part := range []struct {
		to   *int64
		rows string
	}{
		{&out.Accounts, purgedAccounts + " a"},
		{&out.Calendars, "collection" + inAccounts},
		{&out.Calendars, purgedCollections + " c"},
		{&out.Components, "component" + inAccounts},
		{&out.Components, "component" + inCollection},
		{&out.Components, "trash" + inAccounts},
		{&out.Components, "trash" + inCollection},
		{&out.Components, "trash t WHERE t.deleted < $1 AND" + elsewhere},
		{&out.Changes, "change_log" + inAccounts},
		{&out.Changes, "change_log" + inCollection},
		{&out.Changes, "change_log t JOIN (SELECT account, number, max(revision) AS last FROM change_log WHERE at < $1 GROUP BY account, number) p" +
			" ON p.account = t.account AND p.number = t.number AND t.revision <= p.last WHERE" + elsewhere},
		{&out.Attachments, "attachment" + inAccounts},
		{&out.Attachments, "attachment t WHERE t.deleted > 0 AND t.deleted < $1 AND t.account NOT IN " + purgedAccounts},
		{&out.Messages, "outgoing" + inAccounts},
	} {
		var n int64
		if err := s.queryOne(ctx, "SELECT count(*) FROM "+part.rows, []any{Stamp(before)}, &n); err != nil {
			return out, fmt.Errorf("count what a purge would remove: %w", err)
		}
		*part.to += n
	}
	return out, nil
}

// ToPurge implements store.Reader.
func (s *Session) ToPurge(ctx context.Context, before time.Time) iter.Seq2[*store.ToPurge, error] {
	return func(yield func(*store.ToPurge, error) bool) {
		for _, query := range []string{
			"SELECT id, mail, '', deleted FROM account WHERE deleted > 0 AND deleted < $1 ORDER BY mail, id",
			"SELECT c.account, a.mail, c.name, c.deleted FROM collection c JOIN account a ON a.id = c.account" +
				" WHERE c.deleted > 0 AND c.deleted < $1 AND c.account NOT IN " + purgedAccounts + " ORDER BY a.mail, c.account, c.name, c.number",
		} {
			for p, err := range streamRows(ctx, s, query, []any{Stamp(before)}, scanToPurge) {
				if !yield(p, err) || err != nil {
					return
				}
			}
		}
	}
}

func scanToPurge(rows Rows) (*store.ToPurge, error) {
	p := &store.ToPurge{}
	var deleted int64
	err := rows.Scan(&p.Account, &p.Address, &p.Calendar, &deleted)
	p.Deleted = Time(deleted)
	return p, err
}
