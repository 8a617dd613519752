package ldif

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// pieceSize is how much is read at a time: large against a system call, small
// against the cache of a core.
const pieceSize = 256 << 10

// oversizeHead is how much is kept of a record over the limit, for its DN.
const oversizeHead = 64 << 10

// piece is a part of the input that holds whole records only.
type piece struct {
	data   []byte
	offset int64

	// oversize marks a record over the limit: data is its beginning, size and
	// lines are those of all of it.
	oversize bool
	size     int64
	lines    int
}

// cutter cuts the input at blank lines, where no record can go on.
type cutter struct {
	r      io.Reader
	rest   []byte // read, and not yet handed out; in the array of the last piece
	offset int64  // of rest
	size   int    // of a usual piece
	limit  int    // of a record
	err    error  // of r; io.EOF too
}

// next returns the next piece, in the array of buf where that is large enough.
// buf may be the array of the last piece. The error is io.EOF when all has been
// handed out, else that of the reader. All that stands before the last blank
// line in front of an error has been handed out then.
func (c *cutter) next(buf []byte) (piece, error) {
	if len(c.rest) == 0 && c.err != nil {
		return piece{}, c.err
	}
	// How far to read does not depend on what buf has room for, so that the same
	// input is always cut at the same places.
	want := c.size
	for want <= len(c.rest) {
		want *= 2
	}
	if cap(buf) < want || cap(buf) > 8*want {
		buf = make([]byte, 0, want)
	}
	data := append(buf[:0], c.rest...)
	searched := 0
	for {
		if c.err == nil {
			n, err := fill(c.r, data[len(data):want])
			data, c.err = data[:len(data)+n], err
		}
		if errors.Is(c.err, io.EOF) {
			return c.hand(data, len(data)), nil
		}
		if cut := lastBlank(data, searched); cut > 0 {
			return c.hand(data, cut), nil
		}
		if c.err != nil {
			c.rest = nil
			return piece{}, c.err
		}
		// Two bytes more than the limit: data may begin with a line ending.
		if len(data) > c.limit+2 {
			return c.skip(data)
		}
		searched = len(data)
		want = min(2*want, c.limit+3)
		if cap(data) < want {
			data = append(make([]byte, 0, want), data...)
		}
	}
}

// hand makes a piece of data[:cut] and keeps the rest.
func (c *cutter) hand(data []byte, cut int) piece {
	p := piece{data: data[:cut], offset: c.offset}
	c.offset += int64(cut)
	c.rest = data[cut:]
	return p
}

// skip reads to the end of the record that fills data, which is over the limit,
// and keeps its beginning. A failing read is not a record: there is no telling
// what else would have been read.
func (c *cutter) skip(data []byte) (piece, error) {
	p := piece{data: bytes.Clone(data[:min(len(data), oversizeHead)]), offset: c.offset, oversize: true}
	var lines lineCounter
	size := len(data)
	for {
		cut := firstBlank(data)
		if cut == 0 && errors.Is(c.err, io.EOF) {
			cut = len(data)
		}
		if cut > 0 {
			lines.add(data[:cut])
			p.size += int64(cut)
			p.lines = lines.total()
			c.offset += p.size
			c.rest = data[cut:]
			return p, nil
		}
		if c.err != nil {
			c.rest = nil
			return piece{}, c.err
		}
		// The last byte stays: it may be the line ending before a blank line.
		last := len(data) - 1
		lines.add(data[:last])
		p.size += int64(last)
		data[0] = data[last]
		n, err := fill(c.r, data[1:size])
		data, c.err = data[:1+n], err
	}
}

// fill reads until b is full. An error that claims to be the end of the input
// without being io.EOF itself is turned into one that does not.
func fill(r io.Reader, b []byte) (int, error) {
	n := 0
	for idle := 0; n < len(b); {
		m, err := r.Read(b[n:])
		n += m
		switch {
		case err == io.EOF:
			return n, err
		case errors.Is(err, io.EOF):
			return n, fmt.Errorf("%w: %s", io.ErrUnexpectedEOF, err.Error())
		case err != nil:
			return n, err
		case m > 0:
			idle = 0
		default:
			if idle++; idle == 100 {
				return n, io.ErrNoProgress
			}
		}
	}
	return n, nil
}

// lastBlank returns the offset of the last blank line of b that is not the
// beginning of b, 0 without one. Only its bytes from offset from on are new.
func lastBlank(b []byte, from int) int {
	for i := len(b) - 1; i > 0 && i >= from; i-- {
		if b[i] <= '\r' && startsBlank(b[i-1], b[i]) {
			return i
		}
	}
	return 0
}

// firstBlank returns the offset of the first blank line of b that is not the
// beginning of b, 0 without one.
func firstBlank(b []byte) int {
	for i := 1; i < len(b); i++ {
		if b[i] <= '\r' && startsBlank(b[i-1], b[i]) {
			return i
		}
	}
	return 0
}

// startsBlank reports whether a ends a line and c, the byte behind it, is the
// ending of an empty one.
func startsBlank(a, c byte) bool {
	return c == '\n' && a == '\n' || c == '\r' && (a == '\n' || a == '\r')
}

// lineCounter counts the lines of a text that comes in parts.
type lineCounter struct {
	ended int  // lines with an ending
	cr    bool // the text so far ends with CR
	open  bool // it ends inside a line
}

func (l *lineCounter) add(b []byte) {
	if len(b) == 0 {
		return
	}
	l.ended += bytes.Count(b, []byte{'\n'})
	if l.cr && b[0] == '\n' {
		l.ended--
	}
	if bytes.IndexByte(b, '\r') >= 0 {
		l.ended += bytes.Count(b, []byte{'\r'}) - bytes.Count(b, []byte{'\r', '\n'})
	}
	last := b[len(b)-1]
	l.cr = last == '\r'
	l.open = !l.cr && last != '\n'
}

// total returns the number of lines, one without an ending included.
func (l *lineCounter) total() int {
	if l.open {
		return l.ended + 1
	}
	return l.ended
}
