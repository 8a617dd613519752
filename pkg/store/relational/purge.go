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
	if limit < 1 {
		return done, &store.InvalidError{Field: "limit", Value: fmt.Sprint(limit), Reason: "must be at least 1"}
	}
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
	if err := s.purgeAttachments(ctx, cutoff, limit, &done); err != nil {
		return done, fmt.Errorf("purge attachments: %w", err)
	}
	return done, nil
}

// contentTables returns the tables with the content of collections.
func contentTables() []string { return []string{"component", "trash"} }

// content is a part of the content of collections that a purge counts.
type content struct {
	table     string
	condition string
	count     func(*store.Purged) *int64
}

func contents() []content {
	components := func(p *store.Purged) *int64 { return &p.Components }
	return []content{
		{"component", "", components},
		{"trash", " AND moved = 0", components},
		{"trash", " AND moved = 1", func(p *store.Purged) *int64 { return &p.Traces }},
	}
}

// purgeContent removes the content of the collections that where selects.
func (s *Session) purgeContent(ctx context.Context, where string, args []any, done *store.Purged) error {
	for _, c := range contents() {
		n, err := s.exec(ctx, "DELETE FROM "+c.table+where+c.condition, args...)
		if err != nil {
			return err
		}
		*c.count(done) += n
	}
	return nil
}

// accountTables returns the other tables with rows of accounts, in the order in which they
// can be deleted, except for those that purgeAccounts deletes by itself.
func accountTables() []string {
	return []string{"ace", "representative", "attachment", "chunk", "content", "outgoing"}
}

func (s *Session) purgeAccounts(ctx context.Context, cutoff int64, limit int, done *store.Purged) error {
	ids, err := queryAll(ctx, s, "SELECT id FROM account WHERE deleted > 0 AND deleted < $1 ORDER BY deleted, id LIMIT $2", []any{cutoff, int64(limit)},
		func(rows Rows) (id string, err error) { return id, rows.Scan(&id) })
	if err != nil {
		return err
	}
	for _, id := range ids {
		// The account may have been restored since it was read. This locks it, so that
		// it cannot be restored any more.
		n, err := s.exec(ctx, "UPDATE account SET deleted = deleted WHERE id = $1 AND deleted > 0 AND deleted < $2", id, cutoff)
		if err != nil {
			return err
		}
		if n == 0 {
			continue
		}
		if err := s.purgeContent(ctx, " WHERE account = $1", []any{id}, done); err != nil {
			return err
		}
		for _, table := range accountTables() {
			n, err := s.exec(ctx, "DELETE FROM "+table+" WHERE account = $1", id)
			if err != nil {
				return err
			}
			switch table {
			case "attachment":
				done.Attachments += n
			case "outgoing":
				done.Messages += n
			}
		}
		if n, err = s.exec(ctx, "DELETE FROM collection WHERE account = $1", id); err != nil {
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

// key identifies a collection, or something deleted in it by the revision of the deletion.
type key struct {
	account          string
	number, revision int64
	trace            int64 // 1 for the trace of a component that was moved
}

func scanKey(rows Rows) (k key, err error) {
	return k, rows.Scan(&k.account, &k.number, &k.revision, &k.trace)
}

func (s *Session) purgeCollections(ctx context.Context, cutoff int64, limit int, done *store.Purged) error {
	keys, err := queryAll(ctx, s, "SELECT account, number, revision, 0 FROM collection WHERE deleted > 0 AND deleted < $1 ORDER BY deleted, account, number LIMIT $2",
		[]any{cutoff, int64(limit)}, scanKey)
	if err != nil {
		return err
	}
	for _, k := range keys {
		n, err := s.exec(ctx, "UPDATE collection SET deleted = deleted WHERE account = $1 AND number = $2 AND deleted > 0 AND deleted < $3", k.account, k.number, cutoff)
		if err != nil {
			return err
		}
		if n == 0 {
			continue // restored meanwhile, as an account may be
		}
		if err := s.purgeContent(ctx, " WHERE account = $1 AND number = $2", []any{k.account, k.number}, done); err != nil {
			return err
		}
		if err := s.removeCollection(ctx, k.account, k.number); err != nil {
			return err
		}
		done.Calendars++
	}
	return nil
}

// purgeComponents removes deleted components. Clients that do not know about their deletion
// yet must read the whole collection again.
func (s *Session) purgeComponents(ctx context.Context, cutoff int64, limit int, done *store.Purged) error {
	keys, err := queryAll(ctx, s, "SELECT account, number, revision, moved FROM trash WHERE deleted < $1 ORDER BY deleted, account, number, revision LIMIT $2",
		[]any{cutoff, int64(limit)}, scanKey)
	if err != nil {
		return err
	}
	for _, k := range keys {
		if _, err := s.exec(ctx, "UPDATE collection SET floor = $3 WHERE account = $1 AND number = $2 AND floor < $3", k.account, k.number, k.revision); err != nil {
			return err
		}
		n, err := s.exec(ctx, "DELETE FROM trash WHERE account = $1 AND number = $2 AND revision = $3", k.account, k.number, k.revision)
		if err != nil {
			return err
		}
		if k.trace == 1 {
			done.Traces += n
		} else {
			done.Components += n
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
	type part struct {
		to   *int64
		rows string
	}
	var out store.Purged
	parts := []part{
		{&out.Accounts, purgedAccounts + " a"},
		{&out.Calendars, "collection" + inAccounts},
		{&out.Calendars, purgedCollections + " c"},
		{&out.Attachments, "attachment" + inAccounts},
		{&out.Attachments, "attachment t WHERE t.deleted > 0 AND t.deleted < $1 AND t.account NOT IN " + purgedAccounts},
		{&out.Messages, "outgoing" + inAccounts},
	}
	for _, c := range contents() {
		parts = append(parts,
			part{c.count(&out), c.table + inAccounts + c.condition},
			part{c.count(&out), c.table + inCollection + " WHERE 1 = 1" + c.condition})
		if c.table == "trash" {
			parts = append(parts, part{c.count(&out), "trash t WHERE t.deleted < $1 AND" + elsewhere + c.condition})
		}
	}
	for _, part := range parts {
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
