package relational

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"math"
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
		c, err := s.place(ctx, account, calendar, f)
		for field, list := range map[string][]string{"names": f.Names, "UIDs": f.UIDs} {
			if err == nil && len(list) > store.MaxNames {
				err = &store.InvalidError{Field: field, Reason: fmt.Sprintf("must not be more than %d", store.MaxNames)}
			}
		}
		var queries []*componentQuery
		if err == nil {
			queries, err = s.componentQueries(ctx, c, f)
		}
		if err != nil {
			yield(nil, err)
			return
		}
		left := limitOf(f)
		found := false
		for _, q := range queries {
			for m, err := range s.runQuery(ctx, q, f, left) {
				found = true
				if !yield(m, err) || err != nil {
					return
				}
				left--
			}
			if left <= 0 {
				return
			}
		}
		if !found && c.Number == 0 {
			// There may be no such calendar.
			if _, err := s.numbered(ctx, account, calendar); err != nil {
				yield(nil, err)
			}
		}
	}
}

func limitOf(f store.ComponentFilter) int {
	if f.Limit > 0 {
		return f.Limit
	}
	return math.MaxInt
}

// place returns what a query for components of a collection must know of it. The number is 0
// if the query can find it out by itself, which saves a round trip. ErrNotFound.
func (s *Session) place(ctx context.Context, account, calendar string, f store.ComponentFilter) (*store.Calendar, error) {
	switch {
	case store.CheckID(account) != nil || store.CheckName("calendar", calendar) != nil:
		return nil, store.ErrNotFound
	case byUID(f):
		return s.numbered(ctx, account, calendar)
	}
	return &store.Calendar{Account: account, Name: calendar}, nil
}

// numbered returns the account, the name, the number and the kind of a collection.
// ErrNotFound.
func (s *Session) numbered(ctx context.Context, account, calendar string) (*store.Calendar, error) {
	c := &store.Calendar{Account: account, Name: calendar}
	var kind int64
	err := s.queryOne(ctx, "SELECT number, kind FROM collection WHERE account = $1 AND name = $2 AND deleted = 0", []any{account, calendar}, &c.Number, &kind)
	c.Kind = store.CollectionKind(kind)
	return c, err
}

// firstComponents is the maximum number of components without text that are read at once,
// which makes one round trip to a server; more are streamed.
const firstComponents = 500

// runQuery yields at most so many components of a query.
func (s *Session) runQuery(ctx context.Context, q *componentQuery, f store.ComponentFilter, most int) iter.Seq2[*store.Component, error] {
	scan := func(rows Rows) (*store.Component, error) { return scanComponent(rows, f.WithText) }
	run := func(ask asker, w *where, limit int) iter.Seq2[*store.Component, error] {
		return readRows(ctx, s, ask, q.text(w, limit), w.args, scan)
	}
	if f.WithText {
		return run(s.tx.Stream, q.where, most)
	}
	return func(yield func(*store.Component, error) bool) {
		first := q.all[:min(len(q.all), most)]
		if !q.whole {
			var err error
			if first, err = collect(run(s.tx.Query, q.where.clone(), min(most, firstComponents))); err != nil {
				yield(nil, err)
				return
			}
		}
		var end, name string // of the conditions for the rest; the component belongs to the caller after yield
		if n := len(first); !q.whole && n == firstComponents && most > n {
			last := first[n-1]
			name = q.where.value(last.Name)
			if end = "name > " + name; q.order != byName {
				start, _, _ := spanOf(last)
				end = "(start_at, name) > (" + q.where.value(start) + ", " + name + ")"
			}
		}
		s.reading++
		for _, m := range first {
			if !yield(m, nil) {
				s.reading--
				return
			}
		}
		s.reading--
		if end == "" {
			return
		}
		q.where.add(end)
		if most < math.MaxInt {
			most -= firstComponents
		}
		for m, err := range run(s.tx.Stream, q.where, most) {
			if !yield(m, err) || err != nil {
				return
			}
		}
	}
}

// collect reads a listing to its end.
func collect[T any](listing iter.Seq2[T, error]) (out []T, err error) {
	for v, err := range listing {
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

// The orders of components.
const (
	byName = " ORDER BY name"
	byTime = " ORDER BY start_at, name"
)

// componentQuery is a query for components, whose WHERE clause may get more arguments.
type componentQuery struct {
	columns string
	where   *where
	order   string

	whole bool // all is the whole result
	all   []*store.Component
}

// text returns the statement with a limit; math.MaxInt is none.
func (q *componentQuery) text(w *where, limit int) string {
	query := q.columns + w.text() + q.order
	if limit < math.MaxInt {
		// SQLite prepares a statement again whenever a limit that is a parameter is set.
		query += fmt.Sprintf(" LIMIT %d", limit)
	}
	return query
}

// componentQueries returns the queries that list the components which a filter selects,
// one after the other. Each is served by one index. The two of a time range without texts are
// one, in one round trip, if their results are small.
func (s *Session) componentQueries(ctx context.Context, c *store.Calendar, f store.ComponentFilter) ([]*componentQuery, error) {
	columns := componentColumns
	if f.WithText {
		columns += ", text"
	}
	columns = "SELECT " + columns + " FROM component"
	w := componentWhere(c, f)
	if f.From.IsZero() && f.To.IsZero() {
		return []*componentQuery{{columns: columns, where: w, order: byName}}, nil
	}
	short := &componentQuery{columns: columns, where: w.clone(), order: byTime}
	long := &componentQuery{columns: columns, where: w.clone(), order: byTime}
	short.where.addRange(f.From, f.To, false)
	long.where.addRange(f.From, f.To, true)
	queries := []*componentQuery{short, long}
	if f.WithText {
		return queries, nil
	}
	common := slices.Clone(w.terms)
	w.addRange(f.From, f.To, false)
	query := columns + w.text()
	w.terms = common
	w.addRange(f.From, f.To, true)
	query += " UNION ALL " + columns + w.text() + fmt.Sprintf(" LIMIT %d", firstComponents+1)
	all, err := queryAll(ctx, s, query, w.args, func(rows Rows) (*store.Component, error) { return scanComponent(rows, false) })
	if err != nil || len(all) > firstComponents {
		return queries, err
	}
	slices.SortFunc(all, inTime)
	at, _ := slices.BinarySearchFunc(all, true, func(m *store.Component, long bool) int { return compareFlags(isLong(m), long) })
	short.whole, short.all = true, all[:at]
	long.whole, long.all = true, all[at:]
	return queries, nil
}

// inTime compares components by the order of a time range: short ones come first, then the
// start counts, then the name.
func inTime(a, b *store.Component) int {
	start, _, long := spanOf(a)
	otherStart, _, otherLong := spanOf(b)
	return cmp.Or(compareFlags(long, otherLong), cmp.Compare(start, otherStart), cmp.Compare(a.Name, b.Name))
}

func compareFlags(a, b bool) int { return cmp.Compare(flag(a), flag(b)) }

func isLong(m *store.Component) bool {
	_, _, long := spanOf(m)
	return long
}

// byUID reports whether a filter selects components by their UIDs.
func byUID(f store.ComponentFilter) bool { return f.UID != "" || f.UIDs != nil }

func componentWhere(c *store.Calendar, f store.ComponentFilter) *where {
	w := &where{}
	w.add("account = " + w.value(c.Account))
	switch {
	case c.Number == 0:
		w.add("number = (SELECT c.number FROM collection c WHERE c.account = $1 AND c.name = " + w.value(c.Name) + " AND c.deleted = 0)")
	case byUID(f) && c.Kind != store.Inbox:
		w.add(ofNumber(w.value(c.Number)))
	default:
		w.add("number = " + w.value(c.Number))
	}
	if f.Names != nil {
		addIn(w, "name", padded(slices.DeleteFunc(slices.Clone(f.Names), func(name string) bool { return store.CheckName("resource", name) != nil })))
	}
	switch {
	case f.UID == "":
	case store.CheckText(f.UID) != nil:
		w.add(neverTrue)
	default:
		w.add("uid = " + w.value(f.UID))
	}
	if f.UIDs != nil {
		addIn(w, "uid", padded(slices.DeleteFunc(slices.Clone(f.UIDs), func(uid string) bool { return store.CheckText(uid) != nil })))
	}
	if byUID(f) && c.Kind != store.Inbox {
		w.add("method = ''") // so that the index is used
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

// ofNumber is the condition that a component has a number, for a query that finds it by its
// UID: the primary key must not seem to serve it as well, as it does to PostgreSQL in a table
// that was never analyzed.
func ofNumber(value string) string { return "number + 0 = " + value }

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
