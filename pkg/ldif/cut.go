package ldif

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// pieceSize is the number of bytes read at a time: large compared to the cost of a
// system call, small compared to the cache of a core.
const pieceSize = 256 << 10

// oversizeHead is the number of bytes kept of a record over the limit, for its DN.
const oversizeHead = 64 << 10

// piece is a part of the input that contains only complete records.
type piece struct {
	data   []byte
	offset int64

	// oversize marks a record over the limit: data is its beginning, size and
	// lines are those of the whole record.
	oversize bool
	size     int64
	lines    int

	// last marks the piece with which the input ends, and open that the input ends
	// there without a line ending.
	last, open bool
}

// cutter splits the input at blank lines, where every record ends.
type cutter struct {
	r      io.Reader
	rest   []byte // read but not yet returned; in the array of the last piece
	offset int64  // of rest
	size   int    // of a normal piece
	limit  int    // of a record
	err    error  // of r, including io.EOF
	final  byte   // the last byte read
}

// next returns the next piece, in the array of buf if that is large enough. buf may
// be the array of the last piece. The error is io.EOF when everything has been
// returned, else that of the reader. Before it returns an error, next has returned
// everything up to the last blank line before the error.
func (c *cutter) next(buf []byte) (piece, error) {
	if len(c.rest) == 0 && c.err != nil {
		return piece{}, c.err
	}
	// The amount to read does not depend on the capacity of buf, so that the same
	// input is always split at the same places.
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
			n := c.fill(data[len(data):want])
			data = data[:len(data)+n]
		}
		if errors.Is(c.err, io.EOF) {
			return c.end(c.split(data, len(data))), nil
		}
		if cut := lastBlank(data, searched); cut > 0 {
			return c.split(data, cut), nil
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

// fill reads until b is full, and returns the number of bytes read.
func (c *cutter) fill(b []byte) int {
	n, err := fill(c.r, b)
	if c.err = err; n > 0 {
		c.final = b[n-1]
	}
	return n
}

// end marks the piece with which the input ends.
func (c *cutter) end(p piece) piece {
	p.last = true
	p.open = c.offset > 0 && c.final != '\n' && c.final != '\r'
	return p
}

// split returns data[:cut] as a piece and keeps the rest.
func (c *cutter) split(data []byte, cut int) piece {
	p := piece{data: data[:cut], offset: c.offset}
	c.offset += int64(cut)
	c.rest = data[cut:]
	return p
}

// skip reads to the end of the record that fills data, which is over the limit, and
// returns its beginning. When a read fails it returns no piece, because the rest of
// the record is unknown.
func (c *cutter) skip(data []byte) (piece, error) {
	p := piece{data: bytes.Clone(data[:min(len(data), oversizeHead)]), offset: c.offset, oversize: true}
	var lines lineCounter
	size := len(data)
	for {
		cut := firstBlank(data)
		ended := cut == 0 && errors.Is(c.err, io.EOF)
		if ended {
			cut = len(data)
		}
		if cut > 0 {
			lines.add(data[:cut])
			p.size += int64(cut)
			p.lines = lines.total()
			c.offset += p.size
			c.rest = data[cut:]
			if ended {
				p = c.end(p)
			}
			return p, nil
		}
		if c.err != nil {
			c.rest = nil
			return piece{}, c.err
		}
		// Keep the last byte: it may be the line ending before a blank line.
		last := len(data) - 1
		lines.add(data[:last])
		p.size += int64(last)
		data[0] = data[last]
		data = data[:1+c.fill(data[1:size])]
	}
}

// fill reads until b is full. It turns an error that wraps io.EOF without being
// io.EOF itself into one that wraps io.ErrUnexpectedEOF.
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

// lastBlank returns the offset of the last blank line of b that is not at the
// beginning of b, or 0 if absent. Only the bytes from offset from on are new.
func lastBlank(b []byte, from int) int {
	for i := len(b) - 1; i > 0 && i >= from; i-- {
		if b[i] <= '\r' && startsBlank(b[i-1], b[i]) {
			return i
		}
	}
	return 0
}

// firstBlank returns the offset of the first blank line of b that is not at the
// beginning of b, or 0 if absent.
func firstBlank(b []byte) int {
	for i := 1; i < len(b); i++ {
		if b[i] <= '\r' && startsBlank(b[i-1], b[i]) {
			return i
		}
	}
	return 0
}

// startsBlank reports whether a ends a line and c, the byte after it, ends an empty
// line.
func startsBlank(a, c byte) bool {
	return c == '\n' && a == '\n' || c == '\r' && (a == '\n' || a == '\r')
}

// lineCounter counts the lines of a text that arrives in parts.
type lineCounter struct {
	ended int  // lines with an ending
	cr    bool // the text so far ends with CR
	open  bool // the text so far ends inside a line
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

// total returns the number of lines, including a last one without a line ending.
func (l *lineCounter) total() int {
	if l.open {
		return l.ended + 1
	}
	return l.ended
}
