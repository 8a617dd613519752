package ical

import (
	"errors"
	"io"
	"strings"
	"sync"
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

// A file that is cut at any byte is never taken for a whole one, and what was complete before the
// cut is returned.
func TestCutAnywhere(t *testing.T) {
	text := simple + "\r\n" + simple + "\r\n"
	for cut := range len(text) {
		head := text[:cut]
		whole := strings.TrimRight(head, "\r\n")
		ended := strings.HasSuffix(whole, "END:VCALENDAR")
		complete := strings.Count(head+"\n", "END:VEVENT\r") + strings.Count(head[max(0, cut-11):]+"$", "\nEND:VEVENT$")
		for _, lenient := range []bool{true, false} {
			all, problems, err := readAll(t, strings.NewReader(head), Options{Lenient: lenient})
			if (err == nil) != ended || len(all) != complete {
				t.Fatalf("lenient %v, cut to %q: %d components, not %d, %v", lenient, head, len(all), complete, err)
			}
			if err != nil && len(only(problems, Error)) == 0 {
				t.Fatalf("lenient %v, cut to %q: no problem of level error", lenient, head)
			}
		}
		if cut > len(simple) {
			continue
		}
		c, problems, err := Parse(head, Options{Lenient: true})
		if ended != (err == nil && len(only(problems, Error)) == 0) {
			t.Fatalf("cut to %q: %v %v", head, problems, err)
		}
		if err == nil && (c.String() != head || len(c.Components) != complete) {
			t.Fatalf("cut to %q: %q", head, c)
		}
		if _, _, err := Parse(head, Options{}); ended != (err == nil) {
			t.Fatalf("cut to %q: %v", head, err)
		}
	}
}

// Components can be read by several goroutines at a time, which the race detector judges.
func TestConcurrentReading(t *testing.T) {
	c := mustParse(t, simple, Options{})
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 100 {
				event := c.Components[0]
				if c.String() != simple || event.Get("SUMMARY").Param("LANGUAGE") != "en" {
					t.Error("read differently")
				}
			}
		})
	}
	all.Wait()
}
