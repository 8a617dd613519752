package calio

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/davadmin/davadmin/internal/spill"
	"github.com/davadmin/davadmin/pkg/ical"
)

// productID names us as the author of a file with many objects.
const productID = "-//davadmin//calio//EN"

// maxCalendars bounds the calendars of one file, each of which has time zones in memory.
const maxCalendars = 100

// A CalendarWriter writes many objects as one file (RFC 5545, 3.4): one calendar with each time
// zone once, sorted by their names, and then the components with the bytes that they have, in
// the order in which they were added. The other properties around an object, such as PRODID,
// are left out.
//
// Objects that define a time zone of the same name in different ways cannot be in one
// calendar: then the file has several, which every reader of RFC 5545 takes. The same is so if
// an object defines a zone that another one only mentions: the definition would change the
// times of the other, whose zone is the one that everybody knows by this name.
//
// Components are kept in a temporary file until Close. It must not be used by several
// goroutines.
type CalendarWriter struct {
	dir       string
	calendars []*fileCalendar
}

// fileCalendar is a calendar of the file.
type fileCalendar struct {
	zones map[string]string // texts by TZID; "" for one that objects mention and nobody may define
	// Components are collected in a block, and full blocks kept in the log.
	block  []byte
	log    *spill.Log
	blocks []int64 // their offsets in log
}

// blockSize is the size from which a block is full. It is large enough that reading and
// writing blocks costs little, and small enough for maxCalendars of them.
const blockSize = 128 << 10

// flush moves the block to the log.
func (c *fileCalendar) flush() error {
	if len(c.block) == 0 {
		return nil
	}
	at, err := c.log.Append(c.block)
	c.blocks = append(c.blocks, at)
	if c.block = c.block[:0]; cap(c.block) > 4*blockSize {
		c.block = nil
	}
	return err
}

// NewCalendarWriter returns a CalendarWriter. dir is the directory of temporary files; ""
// means that of the system.
func NewCalendarWriter(dir string) *CalendarWriter { return &CalendarWriter{dir: dir} }

// Add adds an object. The error is an *ObjectError if its text cannot be read, so that it was
// left out.
func (w *CalendarWriter) Add(text []byte) error {
	p, err := partsOf(text)
	if err != nil {
		return &ObjectError{err}
	}
	zones := p.allZones()
	c := w.calendarFor(zones)
	if c == nil {
		return fmt.Errorf("the objects define time zones of the same name in more than %d ways; export them into a directory", maxCalendars)
	}
	for _, z := range zones {
		c.zones[z.id] = z.text
	}
	for _, text := range p.components {
		c.block = append(c.block, text...)
	}
	if len(c.block) < blockSize {
		return nil
	}
	return c.flush()
}

// ObjectError says that one object cannot be exported.
type ObjectError struct{ Err error }

// Error returns the reason.
func (e *ObjectError) Error() string { return "its text cannot be read: " + e.Err.Error() }

// Unwrap returns the reason.
func (e *ObjectError) Unwrap() error { return e.Err }

// calendarFor returns the first calendar whose time zones do not differ; nil if there are too
// many.
func (w *CalendarWriter) calendarFor(zones []zone) *fileCalendar {
	for _, c := range w.calendars {
		if !slices.ContainsFunc(zones, func(z zone) bool { had, ok := c.zones[z.id]; return ok && had != z.text }) {
			return c
		}
	}
	if len(w.calendars) == maxCalendars {
		return nil
	}
	c := &fileCalendar{zones: map[string]string{}, log: spill.NewLog(w.dir)}
	w.calendars = append(w.calendars, c)
	return c
}

// Close writes the file to out, and removes the temporary files. Without objects, the file has
// a calendar without components.
func (w *CalendarWriter) Close(ctx context.Context, out io.Writer) error {
	b := bufio.NewWriterSize(out, 256<<10)
	if len(w.calendars) == 0 {
		w.calendars = []*fileCalendar{{log: spill.NewLog(w.dir)}}
	}
	err := w.write(ctx, b)
	if err == nil {
		err = b.Flush()
	}
	if cerr := w.Abort(); err == nil {
		err = cerr
	}
	return err
}

// Abort removes the temporary files.
func (w *CalendarWriter) Abort() (err error) {
	for _, c := range w.calendars {
		if cerr := c.log.Close(); err == nil {
			err = cerr
		}
	}
	w.calendars = nil
	return err
}

func (w *CalendarWriter) write(ctx context.Context, b *bufio.Writer) error {
	var text []byte
	for _, c := range w.calendars {
		_, _ = b.WriteString("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:" + productID + "\r\n") // Flush returns the error
		for _, id := range slices.Sorted(maps.Keys(c.zones)) {
			_, _ = b.WriteString(c.zones[id])
		}
		if err := c.flush(); err != nil {
			return err
		}
		for _, at := range c.blocks {
			if err := ctx.Err(); err != nil {
				return err
			}
			var err error
			if text, err = c.log.Read(text[:0], at); err != nil {
				return err
			}
			if _, err := b.Write(text); err != nil {
				return err
			}
		}
		_, _ = b.WriteString("END:VCALENDAR\r\n")
	}
	return nil
}

// A JCalWriter writes objects as a list of jCal objects (RFC 7265, 3.2). It must not be used by
// several goroutines.
type JCalWriter struct {
	out   *bufio.Writer
	count int
}

// NewJCalWriter returns a JCalWriter.
func NewJCalWriter(out io.Writer) *JCalWriter {
	return &JCalWriter{out: bufio.NewWriterSize(out, 256<<10)}
}

// Add writes an object. The error is an *ObjectError if its text cannot be read or has
// something that JSON cannot express, so that it was left out.
func (w *JCalWriter) Add(text []byte) error {
	calendar, err := readWhole(text, "cr-lines", "control-character") // JSON has no other broken lines
	if err == nil && !slices.ContainsFunc(calendar.Components, func(c *ical.Component) bool { return c.Name != "VTIMEZONE" }) {
		err = errNoComponent
	}
	if err != nil {
		return &ObjectError{err}
	}
	b, err := ical.AppendJSON(nil, calendar)
	if err != nil {
		return &ObjectError{err}
	}
	separator := ",\n"
	if w.count == 0 {
		separator = "[\n"
	}
	w.count++
	_, _ = w.out.WriteString(separator) // the next write returns the error again
	_, err = w.out.Write(b)
	return err
}

// Close ends the list.
func (w *JCalWriter) Close() error {
	if w.count == 0 {
		_, _ = w.out.WriteString("[") // Flush returns the error
	}
	_, _ = w.out.WriteString("\n]\n")
	return w.out.Flush()
}
