package ical

import (
	"errors"
	"fmt"
	"io"
)

// Reader reads the components of a stream one at a time, in constant memory: it holds the
// component that it is reading, and nothing of those that it returned. The stream may contain
// several VCALENDARs. A Reader is for one goroutine.
//
// The limits of Options hold for each component directly in a VCALENDAR.
type Reader struct {
	b      *builder
	source io.Reader
	buffer []byte
	eof    bool
	begun  bool
}

// NewReader returns a Reader that reads from r.
func NewReader(r io.Reader, o Options) *Reader {
	reader := &Reader{b: newBuilder(o), source: r}
	reader.b.lines.fill = reader.fill
	return reader
}

// Next returns the next component directly within a VCALENDAR, such as a VEVENT or VTIMEZONE.
//
// At the end it returns io.EOF, but only if the stream contained a VCALENDAR and the last one
// ended. The error is a *Problem if the stream is truncated, contains no VCALENDAR or exceeds a
// limit, and unless Lenient also if it is broken in another way. With Lenient, what is broken is
// reported and skipped ([Reader.TakeProblems]). Errors of the source are wrapped. After an error,
// Next returns the same error.
func (r *Reader) Next() (*Component, error) {
	b := r.b
	if !r.begun {
		r.begun = true
		r.fill()
		if b.err == nil {
			b.start()
		}
	}
	for b.err == nil {
		switch b.advance() {
		case atComponent:
			return b.handOver(), nil
		case atEnd:
			b.endStream()
		}
	}
	return nil, b.err
}

// Calendar returns the VCALENDAR of the component that Next returned last, with the properties
// that were read so far and no components; after the end, the last VCALENDAR. It is nil if there
// was none. The next call of Next may add properties to it.
func (r *Reader) Calendar() *Component { return r.b.calendar }

// TakeProblems returns the problems that were found since the last call. If there are more than
// a thousand, the last one says how many are not listed.
func (r *Reader) TakeProblems() []Problem { return r.b.problems.take() }

const (
	window     = 64 << 10
	keptBuffer = 1 << 20
	emptyReads = 100 // in a row, after which a source is broken
)

// fill reads more text: at least as much as there is, so that the work for a long line is in
// proportion to its length.
func (r *Reader) fill() bool {
	l := &r.b.lines
	if r.eof || r.b.err != nil {
		return false
	}
	if l.from-l.start > r.b.limits.Size {
		r.b.limit("size", "the component is larger than %d bytes", r.b.limits.Size)
		if r.b.err != nil {
			return false
		}
		l.start = l.from
	}
	if l.unfolded+len(l.text)-l.to > r.b.limits.Line+len("\r\n") || len(l.text)-l.from > r.b.limits.Size {
		l.cut()
	}
	rest := l.text[l.start:]
	want := len(rest) + max(len(rest), window)
	if cap(r.buffer) < want || cap(r.buffer) > max(want, keptBuffer) {
		r.buffer = make([]byte, 0, want)
	}
	buffer := append(r.buffer[:0], rest...)
	for empty := 0; len(buffer) < want && !r.eof; {
		n, err := r.source.Read(buffer[len(buffer):want])
		buffer = buffer[:len(buffer)+n]
		if empty++; n > 0 {
			empty = 0
		}
		if err == nil && empty == emptyReads {
			err = io.ErrNoProgress
		}
		if err != nil {
			r.eof = true
			if !errors.Is(err, io.EOF) {
				r.b.failed = fmt.Errorf("read iCalendar text: %w", err)
			}
		}
	}
	if len(buffer) == len(rest) {
		return false
	}
	l.text = string(buffer)
	l.from, l.to, l.start = l.from-l.start, l.to-l.start, 0
	return true
}
