package relational

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/davadmin/davadmin/pkg/store"
)

// locked is a collection that got the next revision of its content in this transaction. Its
// row is locked until the end of the transaction, so other writers of the collection wait.
type locked struct {
	account    string
	number     int64
	kind       store.CollectionKind
	components []string
	revision   int64 // the last of those that it got
	got        int64 // how many
}

// lock gives a collection its next revision, or the next n. ErrNotFound; ErrDeleted for the
// account.
func (s *Session) lock(ctx context.Context, account, calendar string, n int64) (*locked, error) {
	if store.CheckID(account) != nil || store.CheckName("calendar", calendar) != nil {
		_, err := s.writableCalendar(ctx, account, calendar)
		return nil, err
	}
	c := &locked{account: account, got: n}
	var kind int64
	var components string
	err := s.execOne(ctx, `UPDATE collection SET revision = revision + $3 WHERE account = $1 AND name = $2 AND deleted = 0
		AND EXISTS (SELECT 1 FROM account WHERE id = $1 AND deleted = 0 AND leaving = '') RETURNING number, kind, components, revision`,
		[]any{account, calendar, n}, &c.number, &kind, &components, &c.revision)
	if errors.Is(err, store.ErrNotFound) {
		if _, err = s.writableCalendar(ctx, account, calendar); err == nil {
			err = fmt.Errorf("calendar %s: %w", calendar, s.lostRace()) // it was made just now
		}
	}
	if err != nil {
		return nil, err
	}
	c.kind, c.components = store.CollectionKind(kind), strings.Fields(components)
	return c, nil
}

// release undoes the revisions that lock gave, because of an error that was detected
// before anything was written, and returns the error.
func (s *Session) release(ctx context.Context, c *locked, because error) error {
	_, err := s.exec(ctx, "UPDATE collection SET revision = revision - $3 WHERE account = $1 AND number = $2", c.account, c.number, c.got)
	if err != nil {
		return fmt.Errorf("take back the revision of a collection: %w", err)
	}
	return because
}

// resource is what a write must know of a component that exists.
type resource struct {
	name, uid, typ, method, etag string
	created                      int64
}

const resourceColumns = "name, uid, type, method, etag, created"

func scanResource(rows Rows) (r resource, err error) {
	return r, rows.Scan(&r.name, &r.uid, &r.typ, &r.method, &r.etag, &r.created)
}

// occupants returns the component of that name and, for an object of a calendar, the one of
// another name that has its UID; nil for none.
func (s *Session) occupants(ctx context.Context, c *locked, name, uid, method string) (same, other *resource, err error) {
	query, args := "SELECT "+resourceColumns+" FROM component WHERE account = $1 AND number = $2 AND name = $3", []any{c.account, c.number, name}
	if method == "" && uid != "" {
		query += " UNION ALL SELECT " + resourceColumns + " FROM component WHERE account = $1 AND uid = $4 AND number = $2 AND method = '' AND name <> $3"
		args = append(args, uid)
	}
	if s.races != nil {
		// The lock may have waited for a transaction that marked the account as leaving.
		query += " UNION ALL SELECT '' AS name, '', '', '', '', 0 FROM account WHERE id = $1 AND leaving <> ''"
	}
	found, err := queryAll(ctx, s, query, args, scanResource)
	if err != nil {
		return nil, nil, err
	}
	for i := range found {
		switch found[i].name {
		case "":
			return nil, nil, s.lostRace()
		case name:
			same = &found[i]
		default:
			other = &found[i]
		}
	}
	return same, other, nil
}

// taken returns the error about a resource that has the UID (RFC 4791, 4.1).
func (r *resource) taken() error {
	return &store.ExistsError{What: "uid", Value: r.uid, Resource: r.name, Type: r.typ}
}

// meets returns an error that wraps ErrConflict if a component, nil for none, does not meet
// the condition of a change.
func (r *resource) meets(name string, cond store.Condition) error {
	switch {
	case r == nil && cond.IfETag != "":
		return fmt.Errorf("component %s no longer exists: %w", name, store.ErrConflict)
	case r != nil && cond.IfAbsent:
		return fmt.Errorf("component %s exists: %w", name, store.ErrConflict)
	case r != nil && cond.IfETag != "" && cond.IfETag != r.etag:
		return fmt.Errorf("component %s has a different ETag: %w", name, store.ErrConflict)
	}
	return nil
}

// PutComponent implements store.Writer with three statements.
func (s *Session) PutComponent(ctx context.Context, account, calendar string, m *store.Component, cond store.Condition) error {
	if err := m.Check(); err != nil {
		return err
	}
	c, err := s.lock(ctx, account, calendar, 1)
	if err != nil {
		return err
	}
	was, other, err := s.occupants(ctx, c, m.Name, m.UID, m.Method)
	if err != nil {
		return fmt.Errorf("write component %s: %w", m.Name, err)
	}
	if err := checkPut(c, m, was, other, cond); err != nil {
		return s.release(ctx, c, err)
	}
	m.Revision, m.Created = c.revision, Time(s.stamp)
	s.complete(m)
	statement := Components().Insert()
	if was != nil {
		statement = updateComponent
		m.Created = Time(was.created)
	}
	if err := s.mustChange(ctx, store.ErrConflict, statement, ComponentRow(c.account, c.number, m)...); err != nil {
		return fmt.Errorf("write component %s: %w", m.Name, err)
	}
	return nil
}

// checkPut returns an error if a component cannot be put into a collection. was is the
// component of that name, and other another one with its UID.
func checkPut(c *locked, m *store.Component, was, other *resource, cond store.Condition) error {
	if err := store.Accepts(c.kind, c.components, m); err != nil {
		return err
	}
	if err := was.meets(m.Name, cond); err != nil {
		return err
	}
	switch {
	case was != nil && was.uid != m.UID:
		return &store.ExistsError{What: "uid of resource", Value: was.uid, Resource: m.Name, Type: was.typ}
	case other != nil:
		return other.taken()
	}
	return nil
}

// complete sets the fields of a component that the store sets, but for the revision and the
// time of its creation.
func (s *Session) complete(m *store.Component) {
	m.ETag, m.Size, m.Changed = store.ETagOf(m.Text), int64(len(m.Text)), Time(s.stamp)
}

// Components returns the table of components.
func Components() Table {
	return Table{"component", []string{
		"account", "number", "name", "uid", "type", "method", "state", "schedule_tag", "status", "transparent", "start_at", "end_at", "long", "floating",
		"recurring", "etag", "size", "changed", "revision", "text", "created",
	}}
}

// updateComponent replaces a component by the values of ComponentRow.
const updateComponent = `UPDATE component SET uid = $4, type = $5, method = $6, state = $7, schedule_tag = $8, status = $9, transparent = $10, start_at = $11, end_at = $12,
	long = $13, floating = $14, recurring = $15, etag = $16, size = $17, changed = $18, revision = $19, text = $20, created = $21
	WHERE account = $1 AND number = $2 AND name = $3`

// ComponentRow returns the row in Components for a component of a collection.
func ComponentRow(account string, number int64, m *store.Component) []any {
	start, end, long := spanOf(m)
	return []any{
		account, number, m.Name, m.UID, m.Type, m.Method, int64(m.State), m.ScheduleTag, m.Status, flag(m.Transparent), start, end, flag(long), flag(m.Floating),
		flag(m.Recurring), m.ETag, m.Size, Stamp(m.Changed), m.Revision, m.Text, Stamp(m.Created),
	}
}

// PrepareComponents locks the collection of components that do not exist yet, checks them,
// and sets the fields that the store sets. The caller inserts their rows, each made with the
// number that is returned.
func (s *Session) PrepareComponents(ctx context.Context, account, calendar string, components []*store.Component) (number int64, err error) {
	for _, m := range components {
		if err := m.Check(); err != nil {
			return 0, err
		}
	}
	c, err := s.lock(ctx, account, calendar, int64(len(components)))
	if err != nil {
		return 0, err
	}
	if err := s.checkStays(ctx, account); err != nil {
		return 0, err
	}
	for i, m := range components {
		if err := store.Accepts(c.kind, c.components, m); err != nil {
			return 0, err
		}
		s.complete(m)
		m.Revision, m.Created = c.revision-int64(len(components)-1-i), m.Changed
	}
	return c.number, nil
}

// DeleteComponent implements store.Writer.
func (s *Session) DeleteComponent(ctx context.Context, account, calendar, name string, cond store.Condition) error {
	if store.CheckName("resource", name) != nil {
		if _, err := s.writableCalendar(ctx, account, calendar); err != nil {
			return err
		}
		return fmt.Errorf("component %s: %w", name, store.ErrNotFound)
	}
	c, err := s.lock(ctx, account, calendar, 1)
	if err != nil {
		return err
	}
	was, _, err := s.occupants(ctx, c, name, "", "")
	if err != nil {
		return fmt.Errorf("delete component %s: %w", name, err)
	}
	if err := was.meets(name, cond); err != nil {
		return s.release(ctx, c, err)
	}
	if was == nil {
		return s.release(ctx, c, fmt.Errorf("component %s: %w", name, store.ErrNotFound))
	}
	return s.discard(ctx, c, name, c.revision)
}

// discard moves a component to the trash.
func (s *Session) discard(ctx context.Context, c *locked, name string, revision int64) error {
	err := s.mustChange(ctx, store.ErrConflict, "INSERT INTO trash (account, number, revision, name, deleted, moved, "+valueColumns+")"+
		" SELECT account, number, CAST($4 AS bigint), name, CAST($5 AS bigint), 0, "+valueColumns+" FROM component WHERE account = $1 AND number = $2 AND name = $3",
		c.account, c.number, name, revision, s.stamp)
	if err != nil {
		return fmt.Errorf("move component %s to the trash: %w", name, err)
	}
	if err := s.mustChange(ctx, store.ErrConflict, "DELETE FROM component WHERE account = $1 AND number = $2 AND name = $3", c.account, c.number, name); err != nil {
		return fmt.Errorf("delete component %s: %w", name, err)
	}
	return nil
}

// UndeleteComponent implements store.Writer.
func (s *Session) UndeleteComponent(ctx context.Context, account, calendar, name string) error {
	if store.CheckName("resource", name) != nil {
		if _, err := s.writableCalendar(ctx, account, calendar); err != nil {
			return err
		}
		return store.ErrNotFound
	}
	c, err := s.lock(ctx, account, calendar, 1)
	if err != nil {
		return err
	}
	var kept int64
	var uid, method string
	err = s.queryOne(ctx, "SELECT revision, uid, method FROM trash WHERE account = $1 AND number = $2 AND name = $3 AND moved = 0 ORDER BY revision DESC LIMIT 1",
		[]any{c.account, c.number, name}, &kept, &uid, &method)
	if errors.Is(err, store.ErrNotFound) {
		return s.release(ctx, c, fmt.Errorf("deleted component %s: %w", name, err))
	}
	if err != nil {
		return fmt.Errorf("restore component %s: %w", name, err)
	}
	same, other, err := s.occupants(ctx, c, name, uid, method)
	switch {
	case err != nil:
		return fmt.Errorf("restore component %s: %w", name, err)
	case same != nil:
		return s.release(ctx, c, &store.ExistsError{What: "component", Value: name})
	case other != nil:
		return s.release(ctx, c, other.taken())
	}
	err = s.mustChange(ctx, store.ErrConflict, "INSERT INTO component (account, number, name, revision, "+valueColumns+") SELECT account, number, name, CAST($4 AS bigint), "+
		valueColumns+" FROM trash WHERE account = $1 AND number = $2 AND revision = $3", c.account, c.number, kept, c.revision)
	if err != nil {
		return fmt.Errorf("restore component %s: %w", name, err)
	}
	if _, err := s.exec(ctx, "DELETE FROM trash WHERE account = $1 AND number = $2 AND revision = $3", c.account, c.number, kept); err != nil {
		return fmt.Errorf("restore component %s: %w", name, err)
	}
	return nil
}
