package relational

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/davadmin/davadmin/pkg/store"
)

// newOrderedID returns an id whose order is that of the creation: the time of the
// transaction, the number of the id within it, and something random.
func (s *Session) newOrderedID() string {
	b := make([]byte, 8)
	_, _ = rand.Read(b) // never fails
	s.ids++
	return fmt.Sprintf("%016x%06x%s", uint64(s.stamp), s.ids, hex.EncodeToString(b))
}

const outgoingColumns = "account, id, sender, recipient, method, uid, next_at, created, tries, last_error, size"

// scanOutgoing scans a row of outgoingColumns, followed by the text if withText is set.
func scanOutgoing(rows Rows, withText bool) (*store.Outgoing, error) {
	m := &store.Outgoing{}
	var next, created int64
	dest := []any{&m.Account, &m.ID, &m.Sender, &m.Recipient, &m.Method, &m.UID, &next, &created, &m.Tries, &m.LastError, &m.Size}
	if withText {
		dest = append(dest, &m.Text)
	}
	err := rows.Scan(dest...)
	m.NextAt, m.Created = Time(next), Time(created)
	return m, err
}

// OutgoingMessage implements store.Reader.
func (s *Session) OutgoingMessage(ctx context.Context, account, id string) (*store.Outgoing, error) {
	if !valid(account) || store.CheckRandomID(id) != nil {
		return nil, fmt.Errorf("outgoing message %s: %w", id, store.ErrNotFound)
	}
	found, err := queryAll(ctx, s, "SELECT "+outgoingColumns+", text FROM outgoing WHERE account = $1 AND id = $2", []any{account, id},
		func(rows Rows) (*store.Outgoing, error) { return scanOutgoing(rows, true) })
	switch {
	case err != nil:
		return nil, err
	case len(found) == 0:
		return nil, fmt.Errorf("outgoing message %s: %w", id, store.ErrNotFound)
	}
	return found[0], nil
}

// OutgoingMessages implements store.Reader.
func (s *Session) OutgoingMessages(ctx context.Context, account string) iter.Seq2[*store.Outgoing, error] {
	w, found := ofAccount(account)
	if !found {
		return func(func(*store.Outgoing, error) bool) {}
	}
	return streamRows(ctx, s, "SELECT "+outgoingColumns+" FROM outgoing"+w.text()+" ORDER BY account, id", w.args,
		func(rows Rows) (*store.Outgoing, error) { return scanOutgoing(rows, false) })
}

// ofAccount returns the condition for an account, or none for "". It returns false for an
// id that no account can have.
func ofAccount(account string) (*where, bool) {
	w := &where{}
	if account != "" {
		w.add("account = " + w.value(account))
	}
	return w, account == "" || valid(account)
}

// CountOutgoing implements store.Reader.
func (s *Session) CountOutgoing(ctx context.Context, account string) (c store.OutgoingCount, err error) {
	w, found := ofAccount(account)
	if !found {
		return c, nil
	}
	var oldest int64
	now := w.value(s.stamp)
	err = s.queryOne(ctx, "SELECT count(*), CAST(coalesce(sum(CASE WHEN next_at <= "+now+" THEN 1 ELSE 0 END), 0) AS bigint), coalesce(min(created), 0) FROM outgoing"+w.text(),
		w.args, &c.Messages, &c.Due, &oldest)
	c.Oldest = Time(oldest)
	return c, err
}

// AddOutgoing implements store.Writer.
func (s *Session) AddOutgoing(ctx context.Context, m *store.Outgoing) error {
	if err := m.Check(); err != nil {
		return err
	}
	if _, err := s.activeAccount(ctx, m.Account); err != nil {
		return err
	}
	if err := s.hold(ctx, m.Account); err != nil {
		return err
	}
	next := s.stamp
	if !m.NextAt.IsZero() {
		next = micros(m.NextAt)
	}
	id := s.newOrderedID()
	_, err := s.exec(ctx, "INSERT INTO outgoing ("+outgoingColumns+", text) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, '', $9, $10)",
		m.Account, id, m.Sender, m.Recipient, m.Method, m.UID, next, s.stamp, int64(len(m.Text)), m.Text)
	if err != nil {
		return fmt.Errorf("queue a message to %s: %w", m.Recipient, err)
	}
	m.ID, m.Size, m.Created, m.NextAt, m.Tries, m.LastError = id, int64(len(m.Text)), Time(s.stamp), Time(next), 0, ""
	return nil
}

// ClaimOutgoing implements store.Writer.
//
// The outer condition on next_at matters on PostgreSQL: where a statement sees the changes
// of a transaction that it waited for (READ COMMITTED), the condition is checked again for
// the changed row, and only then is the row of another claim left alone.
func (s *Session) ClaimOutgoing(ctx context.Context, until time.Time, limit int) ([]*store.Outgoing, error) {
	lease := micros(until)
	switch {
	case limit < 1 || limit > store.MaxClaim:
		return nil, &store.InvalidError{Field: "limit", Value: fmt.Sprint(limit), Reason: fmt.Sprintf("is not a number from 1 to %d", store.MaxClaim)}
	case lease <= s.stamp:
		return nil, &store.InvalidError{Field: "until", Reason: "must be in the future"}
	case s.reading > 0:
		return nil, store.ErrListing
	}
	claimed, err := queryAll(ctx, s, `UPDATE outgoing SET next_at = $2, tries = tries + 1 WHERE next_at <= $1 AND (account, id) IN
		(SELECT o.account, o.id FROM outgoing o WHERE o.next_at <= $1 AND NOT EXISTS (SELECT 1 FROM account a WHERE a.id = o.account AND a.leaving <> '')
		ORDER BY o.next_at, o.account, o.id LIMIT $3) RETURNING `+outgoingColumns,
		[]any{s.stamp, lease, int64(limit)}, func(rows Rows) (*store.Outgoing, error) { return scanOutgoing(rows, false) })
	if err != nil {
		return nil, fmt.Errorf("claim outgoing messages: %w", err)
	}
	for _, m := range claimed {
		if err := s.checkStays(ctx, m.Account); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(claimed, func(a, b *store.Outgoing) int { return strings.Compare(a.ID, b.ID) })
	return claimed, nil
}

// FailOutgoing implements store.Writer.
func (s *Session) FailOutgoing(ctx context.Context, m *store.Outgoing, reason string, next time.Time) error {
	if !valid(m.Account) || store.CheckRandomID(m.ID) != nil {
		return fmt.Errorf("outgoing message %s: %w", m.ID, store.ErrNotFound)
	}
	if err := s.notLeaving(ctx, m.Account); err != nil {
		return err
	}
	var tries int64
	if err := s.queryOne(ctx, "SELECT tries FROM outgoing WHERE account = $1 AND id = $2", []any{m.Account, m.ID}, &tries); err != nil {
		return fmt.Errorf("outgoing message %s: %w", m.ID, err)
	}
	conflict := fmt.Errorf("outgoing message %s was claimed again: %w", m.ID, store.ErrConflict)
	if tries != m.Tries {
		return conflict
	}
	reason, at := store.ClipError(reason), micros(next)
	err := s.mustChange(ctx, conflict, "UPDATE outgoing SET next_at = $4, last_error = $5 WHERE account = $1 AND id = $2 AND tries = $3", m.Account, m.ID, tries, at, reason)
	if err != nil {
		return err
	}
	m.LastError, m.NextAt = reason, Time(at)
	return s.checkStays(ctx, m.Account)
}

// RemoveOutgoing implements store.Writer.
func (s *Session) RemoveOutgoing(ctx context.Context, account, id string) error {
	missing := fmt.Errorf("outgoing message %s: %w", id, store.ErrNotFound)
	if !valid(account) || store.CheckRandomID(id) != nil {
		return missing
	}
	if err := s.notLeaving(ctx, account); err != nil {
		return err
	}
	if err := s.mustChange(ctx, missing, "DELETE FROM outgoing WHERE account = $1 AND id = $2", account, id); err != nil {
		return err
	}
	return s.checkStays(ctx, account)
}
