package sqlite

import (
	"container/list"
	"fmt"
	"strconv"
	"strings"

	"zombiezen.com/go/sqlite"

	"github.com/davadmin/davadmin/pkg/store"
)

// statement is a prepared statement.
type statement struct {
	*sqlite.Stmt
	// argument contains the index of the argument of each parameter. SQLite numbers
	// parameters such as $2 in the order in which they first occur.
	argument []int
}

func newStatement(s *sqlite.Stmt) *statement {
	out := &statement{s, make([]int, s.BindParamCount())}
	for i := range out.argument {
		out.argument[i] = i
		if number, ok := strings.CutPrefix(s.BindParamName(i+1), "$"); ok {
			if n, err := strconv.Atoi(number); err == nil {
				out.argument[i] = n - 1
			}
		}
	}
	return out
}

// bind sets the parameters.
func (s *statement) bind(args []any) error {
	for i, from := range s.argument {
		if from < 0 || from >= len(args) {
			return fmt.Errorf("a statement has no argument for its parameter $%d", from+1)
		}
		switch v := args[from].(type) {
		case nil:
			s.BindNull(i + 1)
		case int64:
			s.BindInt64(i+1, v)
		case string:
			s.BindText(i+1, v)
		case []byte:
			s.BindBytes(i+1, v)
		default:
			return fmt.Errorf("a statement has an argument of the type %T", v)
		}
	}
	return nil
}

// scan copies the columns of the current row. The error wraps store.ErrDamaged.
func (s *statement) scan(dest []any) error {
	if len(dest) != s.ColumnCount() {
		return fmt.Errorf("a row has %d columns, not %d", s.ColumnCount(), len(dest))
	}
	for i, d := range dest {
		kind := s.ColumnType(i)
		var ok bool
		switch d := d.(type) {
		case *int64:
			*d, ok = s.ColumnInt64(i), kind == sqlite.TypeInteger
		case **int64:
			*d = nil
			if ok = kind == sqlite.TypeInteger || kind == sqlite.TypeNull; kind == sqlite.TypeInteger {
				v := s.ColumnInt64(i)
				*d = &v
			}
		case *string:
			*d, ok = s.ColumnText(i), kind == sqlite.TypeText
		case *[]byte:
			ok = kind == sqlite.TypeBlob
			*d = make([]byte, s.ColumnLen(i))
			s.ColumnBytes(i, *d)
		default:
			return fmt.Errorf("a column cannot be scanned into %T", d)
		}
		if !ok {
			return fmt.Errorf("%w: a column has the type %s", store.ErrDamaged, kind)
		}
	}
	return nil
}

// mostStatements is the maximum number of prepared statements of a connection: those of
// a filter differ with the number of values in it.
const mostStatements = 100

// cache contains the statements that were used last, by their text.
type cache struct {
	byQuery map[string]*list.Element
	recent  list.List // of cached, the one that was used last first
}

type cached struct {
	query string
	s     *statement
}

// get returns the statement of a query, or nil.
func (c *cache) get(query string) *statement {
	e := c.byQuery[query]
	if e == nil {
		return nil
	}
	c.recent.MoveToFront(e)
	return e.Value.(cached).s
}

// take is get, and removes the statement.
func (c *cache) take(query string) *statement {
	e := c.byQuery[query]
	if e == nil {
		return nil
	}
	delete(c.byQuery, query)
	return c.recent.Remove(e).(cached).s
}

// put adds a statement, and finalizes the one that was not used for the longest time, or the
// statement itself if there is one of the same query.
func (c *cache) put(query string, s *statement) {
	if c.byQuery[query] != nil {
		_ = s.Finalize()
		return
	}
	if c.byQuery == nil {
		c.byQuery = map[string]*list.Element{}
	}
	c.byQuery[query] = c.recent.PushFront(cached{query, s})
	if c.recent.Len() <= mostStatements {
		return
	}
	last := c.recent.Remove(c.recent.Back()).(cached)
	delete(c.byQuery, last.query)
	_ = last.s.Finalize()
}

// clear finalizes all statements.
func (c *cache) clear() {
	for e := c.recent.Front(); e != nil; e = e.Next() {
		_ = e.Value.(cached).s.Finalize()
	}
	c.byQuery, c.recent = nil, list.List{}
}
