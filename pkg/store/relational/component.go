package relational

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/davadmin/davadmin/pkg/store"
)

// valueColumns are the columns that are copied to the trash and back.
const valueColumns = "uid, type, schedule_tag, status, transparent, start_at, end_at, long, floating, recurring, etag, size, created, changed, properties, text"

const componentColumns = "name, uid, type, schedule_tag, status, transparent, start_at, end_at, floating, recurring, etag, size, created, changed, revision"

// scanComponent scans a row of componentColumns, followed by the text if withText is
// set.
func scanComponent(rows Rows, withText bool) (*store.Component, error) {
	c := &store.Component{}
	var start, end, transparent, floating, recurring, created, changed int64
	dest := []any{&c.Name, &c.UID, &c.Type, &c.ScheduleTag, &c.Status, &transparent, &start, &end, &floating, &recurring, &c.ETag, &c.Size, &created, &changed, &c.Revision}
	if withText {
		dest = append(dest, &c.Text)
	}
	if err := rows.Scan(dest...); err != nil {
		return nil, err
	}
	setSpan(c, start, end)
	c.Transparent, c.Floating, c.Recurring, c.Created, c.Changed = transparent != 0, floating != 0, recurring != 0, Time(created), Time(changed)
	return c, nil
}

// Component implements store.Reader.
func (s *Session) Component(ctx context.Context, account, calendar, name string) (*store.Component, error) {
	c, err := s.Calendar(ctx, account, calendar)
	if err != nil {
		return nil, err
	}
	return s.component(ctx, c, name)
}

func (s *Session) component(ctx context.Context, c *store.Calendar, name string) (*store.Component, error) {
	if store.CheckName("resource", name) != nil {
		return nil, store.ErrNotFound
	}
	found, err := queryAll(ctx, s, "SELECT "+componentColumns+", text FROM component WHERE account = $1 AND number = $2 AND name = $3", []any{c.Account, c.Number, name},
		func(rows Rows) (*store.Component, error) { return scanComponent(rows, true) })
	switch {
	case err != nil:
		return nil, err
	case len(found) == 0:
		return nil, store.ErrNotFound
	}
	return found[0], nil
}

// Components implements store.Reader.
func (s *Session) Components(ctx context.Context, account, calendar string, f store.ComponentFilter) iter.Seq2[*store.Component, error] {
	return func(yield func(*store.Component, error) bool) {
		c, err := s.Calendar(ctx, account, calendar)
		if err != nil {
			yield(nil, err)
			return
		}
		left := f.Limit
		for _, q := range componentQueries(c, f) {
			if f.Limit > 0 {
				if left <= 0 {
					return
				}
				q.query += " LIMIT " + q.where.value(int64(left))
			}
			for m, err := range streamRows(ctx, s, q.query, q.where.args, func(rows Rows) (*store.Component, error) { return scanComponent(rows, f.WithText) }) {
				if !yield(m, err) || err != nil {
					return
				}
				left--
			}
		}
	}
}

// componentQuery is a query for components, whose WHERE clause may get more arguments.
type componentQuery struct {
	query string
	where *where
}

// componentQueries returns the queries that list the components which a filter selects,
// one after the other. Each is served by one index.
func componentQueries(c *store.Calendar, f store.ComponentFilter) []componentQuery {
	columns := componentColumns
	if f.WithText {
		columns += ", text"
	}
	columns = "SELECT " + columns + " FROM component"
	w := componentWhere(c, f)
	if f.From.IsZero() && f.To.IsZero() {
		return []componentQuery{{columns + w.text() + " ORDER BY name", w}}
	}
	long := componentWhere(c, f)
	w.addRange(f.From, f.To, false)
	long.addRange(f.From, f.To, true)
	const order = " ORDER BY start_at, name"
	return []componentQuery{{columns + w.text() + order, w}, {columns + long.text() + order, long}}
}

func componentWhere(c *store.Calendar, f store.ComponentFilter) *where {
	w := &where{}
	w.add("account = " + w.value(c.Account))
	w.add("number = " + w.value(c.Number))
	switch {
	case f.UID == "":
	case store.CheckText(f.UID) != nil:
		w.add(neverTrue)
	default:
		w.add("uid = " + w.value(f.UID))
	}
	if len(f.Types) > 0 {
		known := store.ComponentTypes()
		addIn(w, "type", slices.DeleteFunc(slices.Clone(f.Types), func(t string) bool { return !slices.Contains(known, t) }))
	}
	if !f.EndedBefore.IsZero() {
		w.add("end_at <= " + w.value(micros(f.EndedBefore)))
	}
	return w
}

// PutComponent implements store.Writer.
func (s *Session) PutComponent(ctx context.Context, account, calendar string, m *store.Component, cond store.Condition) error {
	if err := m.Check(); err != nil {
		return err
	}
	c, err := s.writableCalendar(ctx, account, calendar)
	if err != nil {
		return err
	}
	if !slices.Contains(c.Components, m.Type) {
		return &store.InvalidError{Field: "type", Value: m.Type, Reason: "is not a component type that this calendar accepts (" + strings.Join(c.Components, ", ") + ")"}
	}
	was, err := s.checkCondition(ctx, c, m.Name, cond)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	if err := s.checkUIDFree(ctx, c, m); err != nil {
		return err
	}
	if m.Revision, err = s.logChange(ctx, c, m.Name, false); err != nil {
		return err
	}
	m.ETag, m.Size, m.Created, m.Changed = store.ETagOf(m.Text), int64(len(m.Text)), Time(s.stamp), Time(s.stamp)
	start, end, long := spanOf(m)
	values := []any{account, c.Number, m.Name, m.UID, m.Type, m.ScheduleTag, m.Status, flag(m.Transparent), start, end, flag(long), flag(m.Floating), flag(m.Recurring),
		m.ETag, m.Size, s.stamp, m.Revision, m.Text}
	statement := `UPDATE component SET uid = $4, type = $5, schedule_tag = $6, status = $7, transparent = $8, start_at = $9, end_at = $10, long = $11, floating = $12,
		recurring = $13, etag = $14, size = $15, changed = $16, revision = $17, text = $18 WHERE account = $1 AND number = $2 AND name = $3`
	if was == nil {
		statement = `INSERT INTO component (account, number, name, uid, type, schedule_tag, status, transparent, start_at, end_at, long, floating, recurring, etag, size,
			created, changed, revision, text) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $16, $17, $18)`
	} else {
		m.Created = was.Created
	}
	if err := s.mustChange(ctx, store.ErrConflict, statement, values...); err != nil {
		return fmt.Errorf("write component %s: %w", m.Name, err)
	}
	return nil
}

// checkCondition returns the existing component. ErrNotFound if absent;
// ErrConflict if cond is not met.
func (s *Session) checkCondition(ctx context.Context, c *store.Calendar, name string, cond store.Condition) (*store.Component, error) {
	was, err := s.component(ctx, c, name)
	switch {
	case errors.Is(err, store.ErrNotFound) && cond.IfETag != "":
		return nil, fmt.Errorf("component %s no longer exists: %w", name, store.ErrConflict)
	case err != nil:
		return nil, fmt.Errorf("component %s: %w", name, err)
	case cond.IfAbsent:
		return nil, fmt.Errorf("component %s exists: %w", name, store.ErrConflict)
	case cond.IfETag != "" && cond.IfETag != was.ETag:
		return nil, fmt.Errorf("component %s has a different ETag: %w", name, store.ErrConflict)
	}
	return was, nil
}

// checkUIDFree returns an ExistsError if another resource of the calendar has the UID
// (RFC 4791, 4.1).
func (s *Session) checkUIDFree(ctx context.Context, c *store.Calendar, m *store.Component) error {
	taken := &store.ExistsError{What: "uid", Value: m.UID}
	err := s.queryOne(ctx, "SELECT name, type FROM component WHERE account = $1 AND number = $2 AND uid = $3 AND name <> $4", []any{c.Account, c.Number, m.UID, m.Name},
		&taken.Resource, &taken.Type)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil
	case err != nil:
		return err
	}
	return taken
}

// logChange increments the revision of the collection, adds the change to the change
// log, and returns the new revision.
func (s *Session) logChange(ctx context.Context, c *store.Calendar, name string, deleted bool) (int64, error) {
	err := s.mustChange(ctx, store.ErrConflict, "UPDATE collection SET revision = revision + 1 WHERE account = $1 AND number = $2", c.Account, c.Number)
	if err != nil {
		return 0, fmt.Errorf("log the change of component %s: %w", name, err)
	}
	var revision int64
	if err := s.queryOne(ctx, "SELECT revision FROM collection WHERE account = $1 AND number = $2", []any{c.Account, c.Number}, &revision); err != nil {
		return 0, fmt.Errorf("log the change of component %s: %w", name, err)
	}
	_, err = s.exec(ctx, "INSERT INTO change_log (account, number, revision, name, deleted, at) VALUES ($1, $2, $3, $4, $5, $6)",
		c.Account, c.Number, revision, name, flag(deleted), s.stamp)
	if err != nil {
		return 0, fmt.Errorf("log the change of component %s: %w", name, err)
	}
	return revision, nil
}

// DeleteComponent implements store.Writer.
func (s *Session) DeleteComponent(ctx context.Context, account, calendar, name string, cond store.Condition) error {
	c, err := s.writableCalendar(ctx, account, calendar)
	if err != nil {
		return err
	}
	if _, err := s.checkCondition(ctx, c, name, cond); err != nil {
		return err
	}
	revision, err := s.logChange(ctx, c, name, true)
	if err != nil {
		return err
	}
	err = s.mustChange(ctx, store.ErrConflict, "INSERT INTO trash (account, number, revision, name, deleted, "+valueColumns+") SELECT account, number, CAST($4 AS bigint), name, CAST($5 AS bigint), "+
		valueColumns+" FROM component WHERE account = $1 AND number = $2 AND name = $3", account, c.Number, name, revision, s.stamp)
	if err != nil {
		return fmt.Errorf("move component %s to the trash: %w", name, err)
	}
	if err := s.mustChange(ctx, store.ErrConflict, "DELETE FROM component WHERE account = $1 AND number = $2 AND name = $3", account, c.Number, name); err != nil {
		return fmt.Errorf("delete component %s: %w", name, err)
	}
	return nil
}

// UndeleteComponent implements store.Writer.
func (s *Session) UndeleteComponent(ctx context.Context, account, calendar, name string) error {
	c, err := s.writableCalendar(ctx, account, calendar)
	if err != nil {
		return err
	}
	if store.CheckName("resource", name) != nil {
		return store.ErrNotFound
	}
	var kept int64
	m := &store.Component{Name: name}
	err = s.queryOne(ctx, "SELECT revision, uid FROM trash WHERE account = $1 AND number = $2 AND name = $3 ORDER BY revision DESC LIMIT 1",
		[]any{account, c.Number, name}, &kept, &m.UID)
	if err != nil {
		return fmt.Errorf("deleted component %s: %w", name, err)
	}
	if _, err := s.component(ctx, c, name); err == nil {
		return &store.ExistsError{What: "component", Value: name}
	} else if !errors.Is(err, store.ErrNotFound) {
		return err
	}
	if err := s.checkUIDFree(ctx, c, m); err != nil {
		return err
	}
	revision, err := s.logChange(ctx, c, name, false)
	if err != nil {
		return err
	}
	err = s.mustChange(ctx, store.ErrConflict, "INSERT INTO component (account, number, name, revision, "+valueColumns+") SELECT account, number, name, CAST($4 AS bigint), "+
		valueColumns+" FROM trash WHERE account = $1 AND number = $2 AND revision = $3", account, c.Number, kept, revision)
	if err != nil {
		return fmt.Errorf("restore component %s: %w", name, err)
	}
	if _, err := s.exec(ctx, "DELETE FROM trash WHERE account = $1 AND number = $2 AND revision = $3", account, c.Number, kept); err != nil {
		return fmt.Errorf("restore component %s: %w", name, err)
	}
	return nil
}

// Deletions implements store.Reader.
func (s *Session) Deletions(ctx context.Context, account string) iter.Seq2[*store.Deletion, error] {
	if store.CheckID(account) != nil {
		return func(func(*store.Deletion, error) bool) {}
	}
	query := `SELECT c.name, t.name, t.uid, t.deleted FROM trash t JOIN collection c ON c.account = t.account AND c.number = t.number
		WHERE t.account = $1 AND c.deleted = 0 ORDER BY t.deleted DESC, c.name, t.name, t.revision`
	return streamRows(ctx, s, query, []any{account}, func(rows Rows) (*store.Deletion, error) {
		d := &store.Deletion{}
		var deleted int64
		err := rows.Scan(&d.Calendar, &d.Name, &d.UID, &deleted)
		d.Deleted = Time(deleted)
		return d, err
	})
}

// Changes implements store.Reader.
func (s *Session) Changes(ctx context.Context, account, calendar string, since store.Token) ([]store.Change, store.Token, error) {
	c, err := s.Calendar(ctx, account, calendar)
	if err != nil {
		return nil, store.Token{}, err
	}
	now, err := s.Token(ctx, c)
	if err != nil {
		return nil, store.Token{}, err
	}
	if since == (store.Token{}) {
		out, err := queryAll(ctx, s, "SELECT name, 0, revision, changed FROM component WHERE account = $1 AND number = $2 ORDER BY revision", []any{account, c.Number}, scanChange)
		return out, now, err
	}
	var floor int64
	if err := s.queryOne(ctx, "SELECT floor FROM collection WHERE account = $1 AND number = $2", []any{account, c.Number}, &floor); err != nil {
		return nil, store.Token{}, err
	}
	if now.At(since.Revision) != since || since.Revision < floor || since.Revision > c.Revision {
		return nil, store.Token{}, store.ErrTokenOld
	}
	out, err := queryAll(ctx, s, `SELECT l.name, l.deleted, l.revision, l.at FROM change_log l WHERE l.account = $1 AND l.number = $2 AND l.revision > $3
		AND l.revision = (SELECT max(m.revision) FROM change_log m WHERE m.account = l.account AND m.number = l.number AND m.name = l.name)
		ORDER BY l.revision`, []any{account, c.Number, since.Revision}, scanChange)
	return out, now, err
}

func scanChange(rows Rows) (store.Change, error) {
	var x store.Change
	var deleted, at int64
	err := rows.Scan(&x.Name, &deleted, &x.Revision, &at)
	x.Deleted, x.Time = deleted != 0, Time(at)
	return x, err
}
