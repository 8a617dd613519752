package relational

import (
	"context"
	"fmt"
	"iter"
	"slices"

	"github.com/davadmin/davadmin/pkg/store"
)

// valueColumns are the columns that are copied to the trash and back.
const valueColumns = "uid, type, method, state, schedule_tag, status, transparent, start_at, end_at, long, floating, recurring, etag, size, created, changed, properties, text"

const componentColumns = "name, uid, type, method, state, schedule_tag, status, transparent, start_at, end_at, floating, recurring, etag, size, created, changed, revision"

// scanComponent scans a row of componentColumns, followed by the text if withText is
// set.
func scanComponent(rows Rows, withText bool) (*store.Component, error) {
	c := &store.Component{}
	var state, start, end, transparent, floating, recurring, created, changed int64
	dest := []any{&c.Name, &c.UID, &c.Type, &c.Method, &state, &c.ScheduleTag, &c.Status, &transparent, &start, &end, &floating, &recurring, &c.ETag, &c.Size, &created, &changed, &c.Revision}
	if withText {
		dest = append(dest, &c.Text)
	}
	if err := rows.Scan(dest...); err != nil {
		return nil, err
	}
	setSpan(c, start, end)
	c.State = store.ItemState(state)
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
		if len(f.Names) > store.MaxNames {
			yield(nil, &store.InvalidError{Field: "names", Reason: fmt.Sprintf("must not be more than %d", store.MaxNames)})
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
	if f.Names != nil {
		addIn(w, "name", padded(slices.DeleteFunc(slices.Clone(f.Names), func(name string) bool { return store.CheckName("resource", name) != nil })))
	}
	switch {
	case f.UID == "":
	case store.CheckText(f.UID) != nil:
		w.add(neverTrue)
	default:
		w.add("uid = " + w.value(f.UID))
		if c.Kind != store.Inbox {
			w.add("method = ''") // so that the index is used
		}
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

// padded repeats the last value until there are as many as a power of two, so that few
// different statements are prepared.
func padded(values []string) []string {
	for n := len(values); n > 0 && n&(n-1) != 0; n++ {
		values = append(values, values[n-1])
	}
	return values
}

// Deletions implements store.Reader.
func (s *Session) Deletions(ctx context.Context, account string) iter.Seq2[*store.Deletion, error] {
	if store.CheckID(account) != nil {
		return func(func(*store.Deletion, error) bool) {}
	}
	query := `SELECT c.name, t.name, t.uid, t.deleted FROM trash t JOIN collection c ON c.account = t.account AND c.number = t.number
		WHERE t.account = $1 AND c.deleted = 0 AND t.moved = 0 ORDER BY t.deleted DESC, c.name, t.name, t.revision`
	return streamRows(ctx, s, query, []any{account}, func(rows Rows) (*store.Deletion, error) {
		d := &store.Deletion{}
		var deleted int64
		err := rows.Scan(&d.Calendar, &d.Name, &d.UID, &deleted)
		d.Deleted = Time(deleted)
		return d, err
	})
}
