package ical

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// readAll returns the components and problems of a text, and the error unless it is io.EOF.
func readAll(t *testing.T, r io.Reader, o Options) ([]*Component, []Problem, error) {
	t.Helper()
	reader := NewReader(r, o)
	var all []*Component
	for {
		c, err := reader.Next()
		if err != nil {
			if _, again := reader.Next(); !errors.Is(again, err) {
				t.Errorf("after %v, Next returned %v", err, again)
			}
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return all, reader.TakeProblems(), err
		}
		all = append(all, c)
	}
}

func TestReader(t *testing.T) {
	for name, wrap := range map[string]func(io.Reader) io.Reader{
		"all at once":  func(r io.Reader) io.Reader { return r },
		"byte by byte": iotest.OneByteReader,
		"with EOF":     iotest.DataErrReader,
	} {
		r := NewReader(wrap(strings.NewReader(simple+"\r\n"+simple)), Options{})
		for range 2 {
			c, err := r.Next()
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			begin, end := strings.Index(simple, "BEGIN:VEVENT"), strings.Index(simple, "END:VCALENDAR")
			if got := c.String(); got != simple[begin:end] {
				t.Errorf("%s: got %q", name, got)
			}
			if calendar := r.Calendar(); calendar.Value("VERSION") != "2.0" || calendar.Components != nil {
				t.Errorf("%s: calendar %q", name, calendar)
			}
		}
		if _, err := r.Next(); err != io.EOF { //nolint:errorlint // io.EOF is never wrapped
			t.Errorf("%s: %v", name, err)
		}
	}
}
