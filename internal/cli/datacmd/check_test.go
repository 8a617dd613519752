package datacmd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/seed"
	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/ical"
	"github.com/davadmin/davadmin/pkg/recur"
)

// checked runs 'calcomponent check' on standard input, and returns its output as plain text.
func checked(t *testing.T, in io.Reader, args ...string) (string, error) {
	t.Helper()
	var out, notes bytes.Buffer
	f := cmdutil.NewFactory(&cmdutil.Environment{
		Streams: &ui.Streams{In: in, Out: &out, Err: &notes}, Getenv: func(string) string { return "" },
		Now: func() time.Time { return time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC) },
	})
	cmd := NewCalcomponent(f)
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	cmd.SetArgs(append([]string{"check", "-m", "-"}, args...))
	err := cmd.ExecuteContext(context.Background())
	return out.String(), err
}

func lines(text string) string { return strings.ReplaceAll(text, "\n", "\r\n") }

const twoEvents = `BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//Example Corp.//Test//EN
BEGIN:VEVENT
UID:a@example.com
DTSTAMP:20261001T080000Z
DTSTART:20261105T090000Z
RRULE:FREQ=DAILY;COUNT=3
SUMMARY:First
END:VEVENT
BEGIN:VEVENT
UID:b@example.com
DTSTAMP:20261001T080000Z
DTSTART:20261106T090000Z
SUMMARY:Second
END:VEVENT
END:VCALENDAR
`

// Wherever a file is cut off, the check fails. Only the events before the cut are reported, as they
// are in the whole file: a cut event is not reported with half of its properties.
func TestCutAnywhere(t *testing.T) {
	text := lines(twoEvents)
	whole, err := checked(t, strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	items := func(out string) (items []string) {
		for line := range strings.Lines(out) {
			if strings.HasPrefix(line, "item\t") {
				items = append(items, line)
			}
		}
		return items
	}
	all := items(whole)
	complete := len(strings.TrimRight(text, "\r\n"))
	for n := range len(text) {
		out, err := checked(t, strings.NewReader(text[:n]))
		if n >= complete {
			if err != nil || out != whole {
				t.Fatalf("cut at %d of %d: %v\n%s", n, len(text), err, out)
			}
			continue
		}
		ended := strings.Count(text[:n], "END:VEVENT")
		if got := items(out); !errors.Is(err, cmdutil.ErrFindings) || !slices.Equal(got, all[:ended]) {
			t.Fatalf("cut at %d of %d: %v\n%s", n, len(text), err, out)
		}
	}
}

// A read error is not the end of the file, and the command says so.
func TestReadError(t *testing.T) {
	text := lines(twoEvents)
	at := strings.Index(text, "DTSTART:20261106")
	in := io.MultiReader(strings.NewReader(text[:at]), iotest.ErrReader(errors.New("the disk is broken")))
	out, err := checked(t, in)
	var partly *cmdutil.PartialError
	if !errors.As(err, &partly) || !strings.Contains(out, "item\tvalid\tstandard input:4\t") ||
		!strings.Contains(out, "finding\terror\tfile-unreadable\tstandard input\t\tthe disk is broken\n") || !strings.Contains(out, "INCOMPLETE") || strings.Contains(out, "file-cut-off") {
		t.Errorf("%v\n%s", err, out)
	}
}

// Small reads find the same as large ones.
func TestSmallReads(t *testing.T) {
	text := lines(twoEvents)
	want, err := checked(t, strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := checked(t, iotest.OneByteReader(strings.NewReader(text))); err != nil || got != want {
		t.Errorf("%v\n%s", err, got)
	}
}

// Damaged files are reported, and nothing else: every run ends with a verdict.
func TestDamagedText(t *testing.T) {
	random := seed.New(t)
	text := []byte(lines(twoEvents))
	words := []string{"BEGIN:VEVENT\r\n", "END:VEVENT\r\n", "END:VCALENDAR\r\n", "BEGIN:VCALENDAR\r\n", "RRULE:FREQ=SECONDLY\r\n", "\x00", "\r", "\n ", ":", "EXRULE:FREQ=DAILY\r\n", "DTSTART:99999999T999999Z\r\n", "RDATE;VALUE=PERIOD:1/2\r\n"}
	for range 400 {
		b := slices.Clone(text)
		for range 1 + random.IntN(4) {
			at := random.IntN(len(b))
			switch random.IntN(3) {
			case 0:
				b[at] = byte(random.IntN(256))
			case 1:
				b = slices.Insert(b, at, []byte(words[random.IntN(len(words))])...)
			case 2:
				b = slices.Delete(b, at, min(len(b), at+random.IntN(40)))
			}
		}
		out, err := checked(t, bytes.NewReader(b), "--expand")
		if err != nil && !errors.Is(err, cmdutil.ErrFindings) {
			t.Fatalf("%v\n%q\n%s", err, b, out)
		}
		if err == nil && !strings.Contains(out, "item\t") {
			t.Fatalf("nothing was found, and nothing is wrong:\n%q\n%s", b, out)
		}
	}
}

// Several calendars in one file, and an invitation
func TestSeveralCalendars(t *testing.T) {
	second := strings.NewReplacer("a@example.com", "c@example.com", "b@example.com", "d@example.com", "VERSION:2.0\n", "VERSION:2.0\nMETHOD:REQUEST\n").Replace(twoEvents)
	out, err := checked(t, strings.NewReader(lines(twoEvents+second)))
	for _, place := range []string{":4\tVEVENT\ta@", ":11\tVEVENT\tb@", ":22\tVEVENT\tc@", ":29\tVEVENT\td@"} {
		if err != nil || !strings.Contains(out, "item\tvalid\tstandard input"+place) {
			t.Errorf("%s: %v\n%s", place, err, out)
		}
	}
}

// A finding about a jCal text has a line only if it is one of the JSON.
func TestJCal(t *testing.T) {
	event := func(uid, start string) string {
		return fmt.Sprintf(`["vcalendar",[["version",{},"text","2.0"],["prodid",{},"text","-//Example Corp.//Test//EN"]],
[["vevent",[["uid",{},"text","%s"],["dtstamp",{},"date-time","2026-10-01T08:00:00Z"],["dtstart",{},"date-time","2026-11-05T09:00:00Z"],["dtend",{},"date-time","%s"]],[]]]]`, uid, start)
	}
	out, err := checked(t, strings.NewReader("["+event("a@example.com", "2026-11-05T10:00:00Z")+","+event("b@example.com", "2026-11-04T10:00:00Z")+"]"))
	if !errors.Is(err, cmdutil.ErrFindings) || !strings.Contains(out, "item\tvalid\tstandard input\tVEVENT\ta@example.com\t2026-11-05T09:00:00Z\t") ||
		!strings.Contains(out, "finding\terror\tdtend-before-dtstart\tstandard input\tb@example.com\t") {
		t.Errorf("%v\n%s", err, out)
	}
	whole := event("a@example.com", "2026-11-05T10:00:00Z")
	for n := 1; n < len(whole); n += 7 {
		if out, err := checked(t, strings.NewReader(whole[:n])); !errors.Is(err, cmdutil.ErrFindings) {
			t.Fatalf("cut at %d: %v\n%s", n, err, out)
		}
	}
}

// Times of options are read in the zone of --timezone, unless they have an offset.
func TestTimesOfOptions(t *testing.T) {
	zones := recur.NewZones()
	berlin, _ := zones.Named("Europe/Berlin")
	o := &clock{zone: berlin}
	for text, want := range map[string]string{
		"2026-07-01": "2026-06-30T22:00:00Z", "20260701": "2026-06-30T22:00:00Z", "2026-01-01T08:30": "2026-01-01T07:30:00Z", "2026-01-01T08:30:10": "2026-01-01T07:30:10Z",
		"20260101T083010": "2026-01-01T07:30:10Z", "2026-01-01 08:30": "2026-01-01T07:30:00Z", "20260101T083000Z": "2026-01-01T08:30:00Z",
		"2026-01-01T08:30Z": "2026-01-01T08:30:00Z", "2026-01-01T08:30:00-05:00": "2026-01-01T13:30:00Z", "2026-01-01T08:30+01:00": "2026-01-01T07:30:00Z",
		"2026-03-29T02:30": "2026-03-29T01:30:00Z", // skipped: the offset before the gap
	} {
		got, err := o.parse(text)
		if err != nil || time.Unix(got, 0).UTC().Format(time.RFC3339) != want {
			t.Errorf("%s: %s, %v", text, time.Unix(got, 0).UTC().Format(time.RFC3339), err)
		}
	}
	for _, text := range []string{"", "today", "2026-02-30", "2026-01-01T25:00", "1", "2026-13-01", "99999-01-01"} {
		if got, err := o.parse(text); err == nil {
			t.Errorf("%s: %d", text, got)
		}
	}
	for unix, want := range map[int64]string{0: "1970-01-01T01:00:00+01:00", 1782856800: "2026-07-01T00:00:00+02:00", -62167219200: "0000-01-01T00:00:00Z"} {
		if got := o.format(unix); got != want && unix >= 0 {
			t.Errorf("%d: %s, want %s", unix, got, want)
		}
	}
}

// What two packages find about the same line is said once.
func TestDistinct(t *testing.T) {
	p := func(code, property string, line int) ical.Problem {
		return ical.Problem{Level: ical.Error, Code: code, Property: property, Line: line}
	}
	got := distinct([]ical.Problem{
		p("dtend-before-dtstart", "DTEND", 8), p("value-invalid", "RDATE", 9), p("end-before-start", "DTEND", 8), p("end-before-start", "DTEND", 20),
		p("time-invalid", "RDATE", 9), p("until-date", "RRULE", 7), p("until-date", "RRULE", 7), p("count-and-until", "RRULE", 7), p("unknown", "", 0), p("unknown", "", 0),
	})
	var codes []string
	for _, g := range got {
		codes = append(codes, fmt.Sprint(g.Code, g.Line))
	}
	if want := []string{"dtend-before-dtstart8", "value-invalid9", "end-before-start20", "until-date7", "count-and-until7", "unknown0", "unknown0"}; !slices.Equal(codes, want) {
		t.Errorf("%q", codes)
	}
}
