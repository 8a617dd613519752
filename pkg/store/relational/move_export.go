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

// Limits of the rows that are in memory together.
const (
	moveRows  = 50
	moveBytes = 1 << 20
)

// Export implements store.MoveReader.
func (s *Session) Export(ctx context.Context, account string) iter.Seq2[store.Row, error] {
	return func(yield func(store.Row, error) bool) {
		if _, err := s.Account(ctx, account); err != nil {
			yield(store.Row{}, fmt.Errorf("account %s: %w", account, err))
			return
		}
		for _, t := range MoveTables() {
			var found, given int64
			if err := s.queryOne(ctx, "SELECT count(*) FROM "+t.Name+" WHERE "+t.Account+" = $1", []any{account}, &found); err != nil {
				yield(store.Row{}, fmt.Errorf("count the rows of %s: %w", t.Name, err))
				return
			}
			for values, err := range s.exportTable(ctx, t, account) {
				if err != nil {
					yield(store.Row{}, fmt.Errorf("read %s: %w", t.Name, err))
					return
				}
				if !yield(store.Row{Table: t.Name, Values: values}, nil) {
					return
				}
				given++
			}
			if found != given {
				yield(store.Row{}, fmt.Errorf("%w: %s has %d rows of account %s, of which %d can be read", store.ErrDamaged, t.Name, found, account, given))
				return
			}
		}
	}
}

// exportTable yields the rows of an account in a table, in the order of the key.
func (s *Session) exportTable(ctx context.Context, t MoveTable, account string) iter.Seq2[[]any, error] {
	query := "SELECT " + strings.Join(t.columns(), ", ") + " FROM " + t.Name + " WHERE " + t.Account + " = $1"
	order := ""
	if len(t.Key) > 0 {
		order = " ORDER BY " + strings.Join(t.Key, ", ")
	}
	if len(t.Bytes) == 0 {
		return streamRows(ctx, s, query+order, []any{account}, t.scan)
	}
	return func(yield func([]any, error) bool) {
		for span, err := range s.spans(ctx, t, account) {
			if err != nil {
				yield(nil, err)
				return
			}
			w := &where{args: []any{account}}
			key := "(" + strings.Join(t.Key, ", ") + ")"
			query := query + " AND " + key + " >= " + w.row(span[0]) + " AND " + key + " <= " + w.row(span[1]) + order
			rows, err := queryAll(ctx, s, query, w.args, t.scan)
			if err != nil {
				yield(nil, err)
				return
			}
			for _, values := range rows {
				if !yield(values, nil) {
					return
				}
			}
		}
	}
}

// row adds the parameters of a row value.
func (w *where) row(values []any) string {
	places := make([]string, len(values))
	for i, v := range values {
		places[i] = w.value(v)
	}
	return "(" + strings.Join(places, ", ") + ")"
}

// spans yields the first and the last key of groups of rows that are in memory together.
// It reads the keys and sizes only, so a table of any size can be read in bounded memory.
func (s *Session) spans(ctx context.Context, t MoveTable, account string) iter.Seq2[[2][]any, error] {
	size := make([]string, len(t.Bytes))
	for i, column := range t.Bytes {
		size[i] = "length(" + column + ")"
	}
	keys := MoveTable{Text: intersect(t.Key, t.Text), Numbers: intersect(t.Key, t.Numbers)}
	columns := keys.columns()
	// The size is a number after those of the key.
	query := "SELECT " + strings.Join(append(slices.Clone(columns), "CAST("+strings.Join(size, " + ")+" AS bigint)"), ", ") + " FROM " + t.Name +
		" WHERE " + t.Account + " = $1 ORDER BY " + strings.Join(t.Key, ", ")
	keys.Numbers = append(keys.Numbers, "size of the row")
	return func(yield func([2][]any, error) bool) {
		var first, last []any
		rows, bytes := 0, int64(0)
		for values, err := range streamRows(ctx, s, query, []any{account}, keys.scan) {
			if err != nil {
				yield([2][]any{}, err)
				return
			}
			n := values[len(columns)].(int64)
			if rows > 0 && (rows == moveRows || bytes+n > moveBytes) {
				if !yield([2][]any{first, last}, nil) {
					return
				}
				rows, bytes = 0, 0
			}
			last = last[:0:0]
			for _, column := range t.Key {
				last = append(last, values[slices.Index(columns, column)])
			}
			if rows == 0 {
				first = last
			}
			rows, bytes = rows+1, bytes+n
		}
		if rows > 0 {
			yield([2][]any{first, last}, nil)
		}
	}
}

// intersect returns the words of a that are in b.
func intersect(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(w string) bool { return !slices.Contains(b, w) })
}

// importer writes the rows of one account.
type importer struct {
	s       *Session
	account string
	tables  []MoveTable // that of the current row first
	rows    [][]any     // of the current table, not yet written
	bytes   int
	seen    int64
}

// add adds a row. ErrInvalid.
func (m *importer) add(ctx context.Context, r store.Row) error {
	for len(m.tables) > 0 && m.tables[0].Name != r.Table {
		if err := m.flush(ctx); err != nil {
			return err
		}
		m.tables = m.tables[1:]
	}
	if len(m.tables) == 0 {
		return &store.InvalidError{Field: "table", Value: r.Table, Reason: "is unknown, or its rows come too late"}
	}
	t := m.tables[0]
	if (m.seen == 0) != (t.Name == "account") {
		return &store.InvalidError{Field: "table", Value: r.Table, Reason: "is in the wrong place: the first row, and no other, is that of the account"}
	}
	columns := t.columns()
	if len(r.Values) != len(columns) {
		return &store.InvalidError{Field: r.Table, Reason: fmt.Sprintf("has %d columns, not %d", len(columns), len(r.Values))}
	}
	for i, v := range r.Values {
		if _, fits := t.empty(i, v); !fits {
			return &store.InvalidError{Field: r.Table + "." + columns[i], Reason: fmt.Sprintf("cannot be a %T", v)}
		}
	}
	values := slices.Clone(r.Values)
	if values[t.index(t.Account)] != m.account {
		return &store.InvalidError{Field: r.Table, Reason: "has a row of another account"}
	}
	if i := t.index("incarnation"); i >= 0 && slices.Contains(t.Renewed, "incarnation") {
		values[i] = newIncarnation()
	}
	if r.Table == "account" {
		if err := m.checkAccount(ctx, t, values); err != nil {
			return err
		}
	}
	m.rows, m.bytes, m.seen = append(m.rows, values), m.bytes+r.Bytes(), m.seen+1
	if len(m.rows) == moveRows || m.bytes >= moveBytes {
		return m.flush(ctx)
	}
	return nil
}

// checkAccount expects that the addresses of an account are free.
func (m *importer) checkAccount(ctx context.Context, t MoveTable, values []any) error {
	return m.s.checkAddressesFree(ctx, m.account, splitLines(values[t.index("addresses")].(string)))
}

// flush writes the rows: a full group with one statement, which is prepared once for each
// table, and the others one by one.
func (m *importer) flush(ctx context.Context) error {
	if len(m.rows) == 0 {
		return nil
	}
	t := m.tables[0]
	groups := [][][]any{m.rows}
	if len(m.rows) < moveRows {
		groups = slices.Collect(slices.Chunk(m.rows, 1))
	}
	for _, g := range groups {
		if _, err := m.s.exec(ctx, t.insert(len(g)), slices.Concat(g...)...); err != nil {
			if errors.Is(err, store.ErrExists) {
				err = &store.ExistsError{What: t.Name, Value: "of account " + m.account}
			}
			return fmt.Errorf("write the rows of %s: %w", t.Name, err)
		}
	}
	m.rows, m.bytes = m.rows[:0], 0
	return nil
}
