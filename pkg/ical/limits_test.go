package ical

import (
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/davadmin/davadmin/internal/icaltest"
	"github.com/davadmin/davadmin/internal/tier"
)

// In each text, the first event exceeds a limit by one, and the second one is just within it.
func TestLimits(t *testing.T) {
	event := func(content string) string {
		return "BEGIN:VEVENT\r\n" + content + "END:VEVENT\r\n"
	}
	alarms := func(n int) string {
		return strings.Repeat("BEGIN:VALARM\r\n", n) + strings.Repeat("END:VALARM\r\n", n)
	}
	for _, test := range []struct {
		limits      Limits
		over, under string
		want        string
	}{
		{
			Limits{Line: 40}, "X:" + strings.Repeat("a", 39) + "\r\n", "X:" + strings.Repeat("a", 38) + "\r\n",
			"line 3: the line is longer than 40 bytes",
		},
		{
			Limits{Line: 40}, "A:1\r\nX:" + strings.Repeat("a\r\n ", 39) + "\r\n", "X:" + strings.Repeat("a\r\n ", 38) + "\r\n",
			"line 4: the line is longer than 40 bytes",
		},
		{
			Limits{Properties: 3}, "X:1\r\nX:2\r\nX:3\r\nX:4\r\n", "X:1\r\nX:2\r\nX:3\r\n",
			"line 6: the object has more than 3 properties",
		},
		{Limits{Depth: 4}, alarms(3), alarms(2), "line 5: components are nested more than 4 deep"},
		{Limits{Size: 500}, strings.Repeat("X:12345\r\n", 53), strings.Repeat("X:12345\r\n", 52), "line 56: the component is larger than 500 bytes"},
	} {
		text := "BEGIN:VCALENDAR\r\n" + event(test.over) + event(test.under) + "END:VCALENDAR\r\n"
		for _, lenient := range []bool{true, false} {
			o := Options{Limits: test.limits, Lenient: lenient}
			_, problems, err := Parse(text, o)
			if test.limits.Size > 0 { // Parse has all of the text
				if err == nil || err.Error() != "the object is larger than 500 bytes" {
					t.Errorf("Parse: %v", err)
				}
			} else if err == nil || err.Error() != test.want || !strings.HasPrefix(problems[0].Code, "limit-") {
				t.Errorf("Parse: %v, not %s", err, test.want)
			}
			all, problems, err := readAll(t, strings.NewReader(text), o)
			if len(problems) != 1 || problems[0].Error() != test.want {
				t.Errorf("Reader: %v, not %s", problems, test.want)
			}
			if lenient && (err != nil || len(all) != 1 || all[0].String() != event(test.under)) || !lenient && (err == nil || err.Error() != test.want) {
				t.Errorf("Reader: %v %v", all, err)
			}
		}
		within := "BEGIN:VCALENDAR\r\n" + event(test.under) + "END:VCALENDAR\r\n"
		if test.limits.Size > 0 {
			continue
		}
		if c, _, err := Parse(within, Options{Limits: test.limits}); err != nil || c.String() != within {
			t.Errorf("%s: within the limit: %v", test.want, err)
		}
	}
	text := "BEGIN:VCALENDAR\r\n" + strings.Repeat("BEGIN:VEVENT\r\nEND:VEVENT\r\n", 4) + "END:VCALENDAR\r\n"
	if _, _, err := Parse(text, Options{Limits: Limits{Components: 4}}); err == nil || err.Error() != "line 8: the object has more than 4 components" {
		t.Error(err)
	}
	if _, _, err := Parse(text, Options{Limits: Limits{Components: 5}}); err != nil {
		t.Error(err)
	}
}

// Lines that continue a QUOTED-PRINTABLE value count for its length, whether they are long or many.
func TestLimitQuotedPrintable(t *testing.T) {
	for _, more := range []string{strings.Repeat("a=\r\n", 1000), strings.Repeat("a", 200_000) + "\r\n"} {
		text := "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nX;ENCODING=QUOTED-PRINTABLE:=\r\n" + more +
			"\r\nEND:VEVENT\r\nBEGIN:VEVENT\r\nUID:2\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
		o := Options{Lenient: true, Limits: Limits{Line: 500}}
		const want = "line 3: the line is longer than 500 bytes"
		if _, _, err := Parse(text, o); err == nil || err.Error() != want {
			t.Error(err)
		}
		all, problems, err := readAll(t, strings.NewReader(text), o)
		if errors := only(problems, Error); err != nil || describe(all) != "VEVENT 2 [UID]" || len(errors) != 1 || errors[0].Error() != want {
			t.Error(describe(all), problems, err)
		}
	}
}

// The time for a text grows with its length, whatever it contains.
func TestHostileTexts(t *testing.T) {
	const n = 150_000
	for name, inside := range map[string]string{
		"warnings":        strings.Repeat("X;A:1\r\n", n),
		"broken lines":    strings.Repeat("broken\r\n", n),
		"blank lines":     strings.Repeat("\r\n", n),
		"events":          strings.Repeat("BEGIN:VEVENT\r\n", n),
		"ends":            strings.Repeat("END:VALARM\r\n", n),
		"mixed":           strings.Repeat("BEGIN:VALARM\r\nEND:VALARM\r\nX:1\r\n", n/4),
		"folds":           "X:" + strings.Repeat("\r\n ", n),
		"blank folds":     strings.Repeat("\r\n ", n),
		"quotes":          "X;A=" + strings.Repeat("\"", n) + ":1\r\n",
		"parameters":      "X" + strings.Repeat(";A=\"", n+1) + ":1\r\n",
		"soft breaks":     "X;ENCODING=QUOTED-PRINTABLE:" + strings.Repeat("a=\r\n", n) + "\r\n",
		"broken breaks":   strings.Repeat("X;ENCODING=QUOTED-PRINTABLE:=\r\nEND:VALARM\r\n", n/2),
		"control":         "X:" + strings.Repeat("\x00", n) + "\r\n",
		"carriage return": "X:" + strings.Repeat("\r", n) + "\r\n",
		"not UTF-8":       "X:" + strings.Repeat("\xff", n) + "\r\n",
		"odd names":       strings.Repeat("X:1\r\n X-NSCP-A:b\r\n", n/2),
	} {
		text := "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n" + inside + "END:VEVENT\r\nEND:VCALENDAR\r\n"
		begun := time.Now()
		c, _, err := Parse(text, Options{Lenient: true})
		if err == nil {
			if c.String() != text {
				t.Errorf("%s: the text differs", name)
			}
			c.DecodeQuotedPrintable()
			for _, event := range c.Components {
				for i := range event.Properties {
					event.Properties[i].Param("B")
					if i < 10 {
						event.Properties[i].SetParam("B", "c")
					}
				}
				event.Set("X", "y")
				event.Remove("X")
			}
		}
		if _, _, failed := readAll(t, strings.NewReader(text), Options{Lenient: true}); failed != nil {
			t.Errorf("%s: %v", name, failed)
		}
		// The slowest takes some 50 ms; what is quadratic, minutes.
		if used := time.Since(begun); used > 5*time.Second {
			t.Errorf("%s: %v", name, used)
		} else {
			t.Logf("%s: %v (%v)", name, used, err)
		}
	}
}

func TestManyProblems(t *testing.T) {
	text := "BEGIN:VCALENDAR\r\n" + strings.Repeat("X;A:1\r\n", 1500) + strings.Repeat("nothing\r\n", 7) + "END:VCALENDAR\r\n"
	_, problems, err := Parse(text, Options{Lenient: true})
	if err != nil || len(problems) != 1001 {
		t.Fatal(len(problems), err)
	}
	if last := problems[1000]; last.Level != Error || last.Code != "more-problems" || last.Text != "507 more problems are not listed" {
		t.Errorf("%+v", last)
	}
}

// endless yields a pattern again and again.
type endless struct {
	pattern string
	at      int
	left    int64
	tail    string
	look    func() // called by each Read
}

func (e *endless) Read(b []byte) (int, error) {
	e.look()
	n := 0
	for n < len(b) && e.left > 0 {
		k := copy(b[n:min(len(b), n+int(min(e.left, int64(len(b)))))], e.pattern[e.at:])
		n, e.at, e.left = n+k, (e.at+k)%len(e.pattern), e.left-int64(k)
	}
	if e.left == 0 {
		k := copy(b[n:], e.tail)
		n, e.tail = n+k, e.tail[k:]
	}
	if n == 0 && len(b) > 0 {
		return 0, io.EOF
	}
	return n, nil
}

// peakHeap runs f, which calls look while it works, and returns how many bytes were in use at most.
func peakHeap(f func(look func())) uint64 {
	runtime.GC()
	var before, now runtime.MemStats
	runtime.ReadMemStats(&before)
	peak, calls := uint64(0), 0
	f(func() {
		if calls++; calls%8 == 0 {
			runtime.ReadMemStats(&now)
			peak = max(peak, now.HeapInuse)
		}
	})
	return peak - min(peak, before.HeapInuse)
}

// A gigabyte is read in 32 MiB, whether it is a calendar, or not even that.
func TestConstantMemory(t *testing.T) {
	whole := int64(tier.Rounds(t, 64, 1024)) << 20
	text, counts := icaltest.Text(icaltest.Typical(1, 2000))
	events := text[strings.Index(text, "BEGIN:VEVENT"):strings.LastIndex(text, "END:VCALENDAR")]
	const begin = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\n"
	for name, test := range map[string]struct {
		head, pattern string
		components    int
		err           string
	}{
		"events":             {begin, events, counts.Events * int(whole/int64(len(events))), ""},
		"one line":           {begin + "BEGIN:VEVENT\r\nX:", "a", 0, ""},
		"one folded line":    {begin + "BEGIN:VEVENT\r\nX:", "a\r\n ", 0, ""},
		"no end":             {begin + "BEGIN:VEVENT\r\nX:", "a\r\nX:", 0, ""},
		"begins":             {begin, "BEGIN:VALARM\r\n", 0, ""},
		"broken events":      {begin, "BEGIN:VEVENT\r\nUID:1\r\n", 1, ""},
		"not a calendar":     {"", "a\r\n", 0, "the text contains no VCALENDAR"},
		"not a line":         {"", "a", 0, "the text contains no VCALENDAR"},
		"blank lines":        {begin, "\r\n", 0, "the component is larger than 1048576 bytes"},
		"broken lines":       {begin, "a\r\n", 0, "the component is larger than 1048576 bytes"},
		"calendar's own":     {begin, "X:abcdefghijklmnopqrstuvwxyz\r\n", 0, "more than 10000 properties"},
		"calendar's own too": {begin, "X:1\r\nBEGIN:VEVENT\r\nEND:VEVENT\r\n", 9999, "more than 10000 properties"},
	} {
		size := whole
		if name != "events" {
			size /= 8
		}
		size -= size % int64(len(test.pattern))
		tail := "\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
		o := Options{Lenient: true, Limits: Limits{Line: 1 << 20, Size: 1 << 20, Properties: 10_000}}
		source := &endless{pattern: test.pattern, left: size, tail: tail}
		r := NewReader(io.MultiReader(strings.NewReader(test.head), source), o)
		n := 0
		var err error
		var last *Component
		peak := peakHeap(func(look func()) {
			source.look = look
			for err == nil {
				last, err = r.Next()
				n++
			}
		})
		if _ = last; peak > 32<<20 {
			t.Errorf("%s: %d MiB", name, peak>>20)
		}
		n--
		if errors.Is(err, io.EOF) {
			err = nil
		}
		if n != test.components || test.err == "" && err != nil || test.err != "" && (err == nil || !strings.Contains(err.Error(), test.err)) {
			t.Errorf("%s: %d components, %v", name, n, err)
		}
		t.Logf("%s: %d MiB at most, %d problems", name, peak>>20, len(r.TakeProblems()))
	}
}

func TestSourceFails(t *testing.T) {
	failure := errors.New("disk")
	text := simple[:strings.Index(simple, "END:VCALENDAR")] + "BEGIN:VEVENT\r\n"
	for _, o := range []Options{{}, {Lenient: true}} {
		all, problems, err := readAll(t, io.MultiReader(strings.NewReader(text), failing{failure}), o)
		if len(all) != 1 || !errors.Is(err, failure) || len(only(problems, Error)) != 0 {
			t.Errorf("%v %v %v", all, problems, err)
		}
		if _, _, err := readAll(t, failing{nil}, o); !errors.Is(err, io.ErrNoProgress) {
			t.Error(err)
		}
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func ExampleLimits() {
	_, _, err := Parse("BEGIN:VCALENDAR\r\nX-A:123456789\r\nEND:VCALENDAR\r\n", Options{Limits: Limits{Line: 10}})
	fmt.Println(err)
	// Output: line 2: the line is longer than 10 bytes
}
