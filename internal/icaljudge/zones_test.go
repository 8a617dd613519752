package icaljudge

import (
	"archive/zip"
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/davadmin/davadmin/internal/seed"
	"github.com/davadmin/davadmin/pkg/ical"
	"github.com/davadmin/davadmin/pkg/recur"
	"github.com/davadmin/davadmin/pkg/tz"
)

// A question is about the offset of a zone at an instant.
type question struct {
	zone    string
	instant int64
	want    int
	quiet   bool // there is a change before it, and none in the three hours around it
}

func unix(year int) int64 { return time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC).Unix() }

// database returns a function that reads a zone of the tz database that pkg/recur contains.
func database(t *testing.T) func(name string) *time.Location {
	t.Helper()
	archive, err := zip.OpenReader("../../pkg/recur/zoneinfo.zip")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { archive.Close() })
	return func(name string) *time.Location {
		f, err := archive.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		data, err := io.ReadAll(f)
		if err != nil {
			t.Fatal(err)
		}
		location, err := time.LoadLocationFromTZData(name, data)
		if err != nil {
			t.Fatal(err)
		}
		return location
	}
}

// madeZones returns a calendar with a VTIMEZONE of each name of the tz database for the time from
// one year to another, and questions about each: before, at and after its changes, and at random.
// The answers are those of the time package of Go, with the same edition of the tz database.
func madeZones(t *testing.T, random *rand.Rand, from, to int) (string, []question) {
	t.Helper()
	zones, location := recur.NewZones(), database(t)
	calendar := ical.NewComponent("VCALENDAR")
	calendar.Add("VERSION", "2.0")
	calendar.Add("PRODID", "-//Example//Judge//EN")
	var questions []question
	for name := range tz.Names() {
		c, ok := zones.Component(name, unix(from), unix(to))
		if !ok {
			t.Fatalf("%s: no VTIMEZONE", name)
		}
		in := location(name)
		calendar.AddComponent(c)
		ask := func(at int64) {
			if at >= unix(from) && at < unix(to) {
				now := time.Unix(at, 0).In(in)
				_, offset := now.Zone()
				start, end := now.ZoneBounds()
				quiet := !start.IsZero() && now.Sub(start) >= 3*time.Hour && (end.IsZero() || end.Sub(now) > 3*time.Hour)
				questions = append(questions, question{name, at, offset, quiet})
			}
		}
		for at := time.Unix(unix(from), 0); at.Unix() < unix(to); {
			_, end := at.In(in).ZoneBounds()
			if end.IsZero() {
				break
			}
			if !end.After(at) {
				// The time package ends the last day of a leap year where it begins.
				at = at.Add(time.Hour)
				continue
			}
			at = end
			ask(at.Unix() - 1)
			ask(at.Unix())
			ask(at.Unix() + 3*3600)
		}
		for range 50 {
			ask(unix(from) + random.Int64N(unix(to)-unix(from)))
		}
	}
	return calendar.String(), questions
}

// answered compares the answers, one on a line, with what is wanted.
func answered(t *testing.T, questions []question, out string) {
	t.Helper()
	lines := strings.Fields(out)
	if len(lines) != len(questions) {
		t.Fatalf("%d answers to %d questions", len(lines), len(questions))
	}
	wrong := map[string]int{}
	for i, q := range questions {
		if lines[i] == strconv.Itoa(q.want) {
			continue
		}
		if wrong[q.zone]++; wrong[q.zone] == 1 && len(wrong) <= 40 {
			t.Errorf("%s at %s: %s, not %d", q.zone, time.Unix(q.instant, 0).UTC().Format(time.RFC3339), lines[i], q.want)
		}
	}
	t.Logf("%d questions about %d bytes; wrong: %v", len(questions), len(out), wrong)
}

func TestLibicalReadsZones(t *testing.T) {
	j := libical(t)
	text, questions := madeZones(t, seed.New(t), 1970, 2037)
	var b strings.Builder
	for _, q := range questions {
		fmt.Fprintf(&b, "%s\t%d\n", q.zone, q.instant)
	}
	answered(t, questions, j.ask(t, text, b.String(), nil, "zones"))
}

func TestICALJSReadsZones(t *testing.T) {
	j := icaljs(t)
	text, all := madeZones(t, seed.New(t), 1970, 2037)
	var b strings.Builder
	var questions []question
	for _, q := range all {
		// A civil time has one meaning only where no change is near, and ical.js takes 0 for the
		// offset before the first change that it knows. It drops the seconds of offsets.
		if !q.quiet || q.want%60 != 0 {
			continue
		}
		questions = append(questions, q)
		fmt.Fprintf(&b, "%s\t%s\n", q.zone, time.Unix(q.instant+int64(q.want), 0).UTC().Format("2006-01-02T15:04:05"))
	}
	answered(t, questions, j.ask(t, text, b.String(), []string{"zones"}))
}
