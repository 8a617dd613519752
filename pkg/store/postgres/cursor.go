package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/davadmin/davadmin/pkg/store/relational"
)

// Stream implements relational.Tx with a cursor: between two chunks of the result the
// connection is free for other statements. The first chunk arrives in one round trip.
func (t *transaction) Stream(ctx context.Context, query string, args ...any) (relational.Rows, error) {
	values, formats, err := encode(args)
	if err != nil {
		return nil, err
	}
	t.cursors++
	c := &cursor{ctx: ctx, t: t, name: fmt.Sprintf("stream%d", t.cursors), size: firstChunk, at: -1}
	p := c.pipeline()
	p.SendQueryParams("DECLARE "+c.name+" NO SCROLL CURSOR FOR "+query, values, nil, formats, nil)
	if err := c.fetch(p); err != nil {
		return nil, err
	}
	return c, nil
}

// encode returns arguments in the form in which they are sent, with the format of each: text
// (0), but bytes as they are (1).
func encode(args []any) (values [][]byte, formats []int16, err error) {
	for _, arg := range args {
		value, format := []byte(nil), int16(0)
		switch v := arg.(type) {
		case int64:
			value = strconv.AppendInt(nil, v, 10)
		case string:
			value = append(make([]byte, 0, len(v)), v...) // not nil, which would be NULL
		case []byte:
			value, format = append(make([]byte, 0, len(v)), v...), 1
		case nil:
		default:
			return nil, nil, fmt.Errorf("a statement has an argument of the type %T", v)
		}
		values, formats = append(values, value), append(formats, format)
	}
	return values, formats, nil
}

// The size of a chunk of a streamed result, in rows. The first one is small, so that the
// first row arrives quickly and large rows are noticed.
const (
	firstChunk = 24
	maxChunk   = 2000
	// chunkBytes is the size in bytes that a chunk should have, if all its rows are as
	// large as the largest one so far.
	chunkBytes = 1 << 20
)

// errLeftOpen is the error of a cursor that was being read when the transaction ended: what
// it returned is not complete.
var errLeftOpen = errors.New("the transaction ended while its result was being read")

// cursor implements relational.Rows. It reads the result in chunks.
type cursor struct {
	ctx  context.Context
	t    *transaction
	name string
	size int // of the next chunk, in rows
	// largest is the size of the largest row so far, in bytes.
	largest int

	fields []pgconn.FieldDescription
	got    [][][]byte // rows of the current chunk
	conn   *pgx.Conn
	at     int  // index of the current row in got
	last   bool // the current chunk is the last one
	closed bool
	err    error
}

// Next implements relational.Rows.
func (c *cursor) Next() bool {
	if c.err != nil || c.closed {
		return false
	}
	if c.at++; c.at < len(c.got) {
		return true
	}
	if c.last {
		return false
	}
	if c.t.tx.ended {
		c.err = errLeftOpen
		return false
	}
	if c.err = c.fetch(c.pipeline()); c.err != nil {
		return false
	}
	c.at = 0
	return len(c.got) > 0
}

// pipeline begins a list of statements that are sent together, with those that close the
// cursors which are no longer read.
func (c *cursor) pipeline() *pgconn.Pipeline {
	c.conn = c.t.tx.Conn()
	p := c.conn.PgConn().StartPipeline(c.ctx)
	for _, name := range c.t.unread {
		p.SendQueryParams("CLOSE "+name, nil, nil, nil, nil)
	}
	c.t.unread = nil
	return p
}

// fetch adds the statement that reads the next chunk, sends the list, and reads the chunk
// completely, so that the connection is free afterwards.
func (c *cursor) fetch(p *pgconn.Pipeline) error {
	c.got = c.got[:0]
	p.SendQueryParams(fmt.Sprintf("FETCH FORWARD %d FROM %s", c.size, c.name), nil, nil, nil, []int16{pgx.BinaryFormatCode})
	err := p.Sync()
	for err == nil {
		var result any
		if result, err = p.GetResults(); err != nil || result == nil {
			break
		}
		if r, ok := result.(*pgconn.ResultReader); ok {
			err = c.read(r)
		}
	}
	// Without the end of the list the connection could not be used again.
	if closing := p.Close(); err == nil {
		err = closing
	}
	if err != nil {
		return c.t.explain(err)
	}
	c.last = len(c.got) < c.size
	c.size = max(1, min(4*c.size, maxChunk, chunkBytes/max(c.largest, 1)))
	return nil
}

// read reads the rows of a result. They are copied, because the connection reuses their
// memory for the next statement.
func (c *cursor) read(r *pgconn.ResultReader) error {
	c.fields = slices.Clone(r.FieldDescriptions())
	for r.NextRow() {
		raw := r.Values()
		size := 0
		for _, v := range raw {
			size += len(v)
		}
		c.largest = max(c.largest, size)
		row, all := make([][]byte, len(raw)), make([]byte, 0, size)
		for i, v := range raw {
			if v == nil {
				continue
			}
			from := len(all)
			all = append(all, v...)
			row[i] = all[from:len(all):len(all)]
		}
		c.got = append(c.got, row)
	}
	_, err := r.Close()
	return err
}

// Scan implements relational.Rows.
func (c *cursor) Scan(dest ...any) error {
	return explain(pgx.ScanRow(c.conn.TypeMap(), c.fields, c.got[c.at], dest...))
}

// Err implements relational.Rows.
func (c *cursor) Err() error { return c.err }

// Close implements relational.Rows. The cursor is closed together with the next one that is
// read, or by the end of the transaction.
func (c *cursor) Close() {
	if !c.closed {
		c.closed, c.got = true, nil
		c.t.unread = append(c.t.unread, c.name)
	}
}
