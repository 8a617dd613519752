package relational

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/davadmin/davadmin/pkg/store"
)

const collectionColumns = "account, number, name, kind, display_name, description, components, " + collectionACL + ", colour, sort_order, time_zone, transparent, created, changed, deleted, revision, version, incarnation"

// scanCollectionRow scans a row of collectionColumns.
func scanCollectionRow(rows Rows) (*store.Calendar, error) { return scanCollection(rows) }

// scanCollection scans a row of collectionColumns and more columns.
func scanCollection(rows Rows, more ...any) (*store.Calendar, error) {
	c := &store.Calendar{}
	var kind, transparent, created, changed, deleted int64
	var components, acl string
	err := rows.Scan(append([]any{&c.Account, &c.Number, &c.Name, &kind, &c.DisplayName, &c.Description, &components, &acl, &c.Colour, &c.Order, &c.TimeZone, &transparent,
		&created, &changed, &deleted, &c.Revision, &c.Version, &c.Incarnation}, more...)...)
	if err != nil {
		return nil, err
	}
	c.Kind, c.Transparent, c.Components = store.CollectionKind(kind), transparent != 0, strings.Fields(components)
	c.Created, c.Changed, c.Deleted = Time(created), Time(changed), Time(deleted)
	if c.ACL, err = parseACL(acl); err != nil {
		return nil, fmt.Errorf("calendar %s of account %s: %w", c.Name, c.Account, err)
	}
	return c, nil
}

// Calendar implements store.Reader.
func (s *Session) Calendar(ctx context.Context, account, name string) (*store.Calendar, error) {
	if store.CheckID(account) != nil || store.CheckName("calendar", name) != nil {
		return nil, store.ErrNotFound
	}
	return s.collectionWhere(ctx, "account = $1 AND name = $2 AND deleted = 0", account, name)
}

// collectionWhere returns the first collection of a query that ends with rest.
// ErrNotFound.
func (s *Session) collectionWhere(ctx context.Context, rest string, args ...any) (*store.Calendar, error) {
	found, err := queryAll(ctx, s, "SELECT "+collectionColumns+" FROM collection WHERE "+rest, args, scanCollectionRow)
	switch {
	case err != nil:
		return nil, err
	case len(found) == 0:
		return nil, store.ErrNotFound
	}
	return found[0], nil
}

// Calendars implements store.Reader.
func (s *Session) Calendars(ctx context.Context, account string, f store.CalendarFilter) iter.Seq2[*store.Calendar, error] {
	query := "SELECT " + collectionColumns + " FROM collection WHERE account = $1"
	switch f.State {
	case store.OnlyActive:
		query += " AND deleted = 0"
	case store.OnlyDeleted:
		query += " AND deleted > 0"
	}
	if f.OnlyPlain {
		query += fmt.Sprintf(" AND kind = %d", store.PlainCalendar)
	}
	if store.CheckID(account) != nil {
		return func(func(*store.Calendar, error) bool) {}
	}
	return streamRows(ctx, s, query+" ORDER BY name, number", []any{account}, scanCollectionRow)
}

// CalendarUsage implements store.Reader.
func (s *Session) CalendarUsage(ctx context.Context, account, name string) (u store.CalendarUsage, err error) {
	c, err := s.Calendar(ctx, account, name)
	if err != nil {
		return u, err
	}
	var n, oldest, newest int64
	start := "CASE WHEN start_at <> $3 THEN start_at + floating * $4 END"
	err = s.queryOne(ctx, "SELECT count(*), CAST(coalesce(sum(size), 0) AS bigint), coalesce(min("+start+"), $3), coalesce(max("+start+"), $3) FROM component WHERE account = $1 AND number = $2",
		[]any{account, c.Number, int64(openStart), widening}, &n, &u.Bytes, &oldest, &newest)
	u.Components = int(n)
	if oldest != openStart {
		u.Oldest, u.Newest = time.UnixMicro(oldest).UTC(), time.UnixMicro(newest).UTC()
	}
	return u, err
}

// widening is by how much the span of a component with floating times begins earlier than it
// would in UTC, as a difference of stored times; see store.Component.
const widening = int64(14 * time.Hour / time.Microsecond)

// CreateCalendar implements store.Writer.
func (s *Session) CreateCalendar(ctx context.Context, c *store.Calendar) error {
	if err := c.Check(); err != nil {
		return err
	}
	if _, err := s.activeAccount(ctx, c.Account); err != nil {
		return err
	}
	if err := s.checkNameFree(ctx, c.Account, c.Name); err != nil {
		return err
	}
	number, err := s.nextNumber(ctx, c.Account)
	if err != nil {
		return err
	}
	c.Number = number
	c.Created, c.Changed, c.Revision, c.Version, c.Deleted, c.Incarnation = Time(s.stamp), Time(s.stamp), 0, 1, time.Time{}, newIncarnation()
	if _, err := s.exec(ctx, Collections().Insert(), CollectionRow(c)...); err != nil {
		return fmt.Errorf("create calendar %s: %w", c.Name, err)
	}
	return s.insertAll(ctx, ACEs(), aceRows(c.Account, c.Number, c.ACL))
}

// checkNameFree returns an ExistsError if the account has a collection of that name.
func (s *Session) checkNameFree(ctx context.Context, account, name string) error {
	_, err := s.Calendar(ctx, account, name)
	switch {
	case err == nil:
		return &store.ExistsError{What: "calendar", Value: name}
	case errors.Is(err, store.ErrNotFound):
		return nil
	}
	return err
}

// writableCalendar returns a collection that can be changed. ErrNotFound; ErrDeleted
// if the account is deleted.
func (s *Session) writableCalendar(ctx context.Context, account, name string) (*store.Calendar, error) {
	if _, err := s.activeAccount(ctx, account); err != nil {
		return nil, err
	}
	c, err := s.Calendar(ctx, account, name)
	if err != nil {
		return nil, fmt.Errorf("calendar %s: %w", name, err)
	}
	return c, nil
}

// UpdateCalendar implements store.Writer.
func (s *Session) UpdateCalendar(ctx context.Context, c *store.Calendar) error {
	if err := c.Check(); err != nil {
		return err
	}
	was, err := s.writableCalendar(ctx, c.Account, c.Name)
	switch {
	case err != nil:
		return err
	case was.Version != c.Version || was.Number != c.Number:
		return fmt.Errorf("calendar %s: %w", c.Name, s.staleVersion("calendar "+c.Name+" of "+c.Account, fmt.Sprint(c.Number, c.Version)))
	case !slices.Equal(was.Components, c.Components):
		return &store.InvalidError{Field: "supported-calendar-component-set", Value: strings.Join(c.Components, " "), Reason: "cannot be set after the calendar is created"}
	case was.Kind != c.Kind:
		return &store.InvalidError{Field: "kind", Value: c.Kind.String(), Reason: "cannot be set after the calendar is created"}
	}
	err = s.mustChange(ctx, store.ErrConflict, `UPDATE collection SET display_name = $4, description = $5, colour = $6, sort_order = $7, time_zone = $8,
		transparent = $9, changed = $10, version = version + 1 WHERE account = $1 AND number = $2 AND version = $3`,
		c.Account, c.Number, c.Version, c.DisplayName, c.Description, c.Colour, c.Order, c.TimeZone, flag(c.Transparent), s.stamp)
	if err != nil {
		return fmt.Errorf("update calendar %s: %w", c.Name, err)
	}
	if err := s.checkStays(ctx, c.Account); err != nil {
		return err
	}
	if err := s.replaceACL(ctx, c.Account, c.Number, was.ACL, c.ACL); err != nil {
		return err
	}
	s.next(&c.Version)
	c.Changed, c.Created, c.Deleted, c.Revision = Time(s.stamp), was.Created, was.Deleted, was.Revision
	return nil
}

// DeleteCalendar implements store.Writer.
func (s *Session) DeleteCalendar(ctx context.Context, account, name string) error {
	c, err := s.writableCalendar(ctx, account, name)
	if err != nil {
		return err
	}
	err = s.mustChange(ctx, store.ErrConflict, "UPDATE collection SET deleted = $3, changed = $3, version = version + 1 WHERE account = $1 AND number = $2 AND deleted = 0", account, c.Number, s.stamp)
	if err != nil {
		return fmt.Errorf("delete calendar %s: %w", name, err)
	}
	return s.checkStays(ctx, account)
}

// UndeleteCalendar implements store.Writer.
func (s *Session) UndeleteCalendar(ctx context.Context, account, name string) error {
	if _, err := s.activeAccount(ctx, account); err != nil {
		return err
	}
	if store.CheckName("calendar", name) != nil {
		return store.ErrNotFound
	}
	c, err := s.collectionWhere(ctx, "account = $1 AND name = $2 AND deleted > 0 ORDER BY deleted DESC, number DESC LIMIT 1", account, name)
	if err != nil {
		return fmt.Errorf("deleted calendar %s: %w", name, err)
	}
	if err := s.checkNameFree(ctx, account, name); err != nil {
		return err
	}
	err = s.mustChange(ctx, store.ErrConflict, "UPDATE collection SET deleted = 0, changed = $3, version = version + 1 WHERE account = $1 AND number = $2 AND deleted > 0", account, c.Number, s.stamp)
	if err != nil {
		return fmt.Errorf("restore calendar %s: %w", name, err)
	}
	return s.checkStays(ctx, account)
}

// Subscriptions implements store.Reader.
func (s *Session) Subscriptions(ctx context.Context, account string) ([]store.Subscription, error) {
	if !valid(account) {
		return nil, nil
	}
	return queryAll(ctx, s, "SELECT owner, owner_address, calendar, created FROM subscription WHERE account = $1 ORDER BY owner, calendar", []any{account},
		func(rows Rows) (store.Subscription, error) {
			x := store.Subscription{Account: account}
			var created int64
			err := rows.Scan(&x.Owner.ID, &x.Owner.Address, &x.Calendar, &created)
			x.Created = Time(created)
			return x, err
		})
}

// Subscribe implements store.Writer.
func (s *Session) Subscribe(ctx context.Context, x *store.Subscription) error {
	if err := store.CheckName("calendar", x.Calendar); err != nil {
		return err
	}
	if err := store.CheckID(x.Owner.ID); err != nil {
		return err
	}
	if err := store.CheckAddress(x.Owner.Address); err != nil {
		return &store.InvalidError{Field: "mail", Value: x.Owner.Address, Reason: err.Error()}
	}
	if _, err := s.activeAccount(ctx, x.Account); err != nil {
		return err
	}
	n := int64(0)
	err := s.queryOne(ctx, "SELECT count(*) FROM subscription WHERE account = $1 AND owner = $2 AND calendar = $3", []any{x.Account, x.Owner.ID, x.Calendar}, &n)
	if err == nil && n > 0 {
		return &store.ExistsError{What: "subscription", Value: x.Owner.Address + "/" + x.Calendar}
	}
	if err != nil {
		return err
	}
	x.Created = Time(s.stamp)
	_, err = s.exec(ctx, "INSERT INTO subscription (account, owner, owner_address, calendar, created) VALUES ($1, $2, $3, $4, $5)",
		x.Account, x.Owner.ID, x.Owner.Address, x.Calendar, s.stamp)
	if err != nil {
		return fmt.Errorf("subscribe: %w", err)
	}
	return s.touch(ctx, x.Account)
}

// Unsubscribe implements store.Writer.
func (s *Session) Unsubscribe(ctx context.Context, account, owner, calendar string) error {
	if store.CheckID(owner) != nil || store.CheckName("calendar", calendar) != nil {
		return store.ErrNotFound
	}
	if _, err := s.activeAccount(ctx, account); err != nil {
		return err
	}
	err := s.mustChange(ctx, store.ErrNotFound, "DELETE FROM subscription WHERE account = $1 AND owner = $2 AND calendar = $3", account, owner, calendar)
	if err != nil {
		return err
	}
	return s.touch(ctx, account)
}
