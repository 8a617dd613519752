package ischedule

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/davadmin/davadmin/pkg/ical"
)

func formatTime(t time.Time) string {
	return ical.Time{Civil: ical.Civil(t.Unix()), Form: ical.UTC}.String()
}

// parseTime parses a time in UTC. A leap second (60) is read as second 59.
func parseTime(s string) (time.Time, error) {
	t, err := ical.ParseTime(s)
	if err != nil || t.Form != ical.UTC {
		return time.Time{}, fmt.Errorf("%q is not a time in UTC", clip(s))
	}
	return time.Unix(int64(t.Civil), 0).UTC(), nil
}

// maxDuration is the longest duration that is accepted: a hundred years.
const maxDuration = 100 * 366 * 24 * time.Hour

// parseDuration parses a non-negative duration, the only kind that a period may
// have.
func parseDuration(s string) (time.Duration, error) {
	shape, longest := shapeOf(s)
	d, err := ical.ParseDuration(shape)
	const maxDigits = 9
	if err != nil || d.Days < 0 || d.Seconds < 0 || strings.HasSuffix(strings.ToUpper(s), "T") || longest > maxDigits {
		return 0, fmt.Errorf("%q is not a duration", clip(s))
	}
	// What has the form of a duration fails only if it is longer than ten thousand years.
	d, err = ical.ParseDuration(s)
	seconds := d.Days*ical.SecondsPerDay + d.Seconds
	if err != nil || seconds > int64(maxDuration/time.Second) {
		return 0, fmt.Errorf("%q is longer than a hundred years", clip(s))
	}
	return time.Duration(seconds) * time.Second, nil
}

// shapeOf returns s with 1 in place of each number, and the digits of the longest number.
func shapeOf(s string) (shape string, longest int) {
	b := make([]byte, 0, len(s))
	n := 0
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			b, n = append(b, s[i]), 0
			continue
		}
		if n++; n == 1 {
			b = append(b, '1')
		}
		longest = max(longest, n)
	}
	return string(b), longest
}

// Period is a time in which a person is busy, from Start up to but not including
// End, in UTC.
type Period struct {
	Start, End time.Time
	Type       BusyType
}

// BusyType is the FBTYPE of a period: RFC 5545, section 3.2.9.
type BusyType string

// The types of periods. Any other type is treated as Busy, as the RFC requires.
// Periods of the type FREE are omitted from answers.
const (
	Busy        BusyType = "BUSY"
	Unavailable BusyType = "BUSY-UNAVAILABLE"
	Tentative   BusyType = "BUSY-TENTATIVE"
)

const free BusyType = "FREE"

func parseBusyType(s string) BusyType {
	switch t := BusyType(strings.ToUpper(s)); t {
	case Unavailable, Tentative, free:
		return t
	}
	return Busy
}

// parsePeriod parses a start, a slash, and an end or a duration.
func parsePeriod(s string) (p Period, err error) {
	start, end, ok := strings.Cut(strings.TrimSpace(s), "/")
	if !ok {
		return p, fmt.Errorf("%q is not a period", clip(s))
	}
	if p.Start, err = parseTime(start); err != nil {
		return p, err
	}
	if strings.HasPrefix(end, "P") || strings.HasPrefix(end, "p") || strings.HasPrefix(end, "+") {
		length, err := parseDuration(end)
		p.End = p.Start.Add(length)
		return p, err
	}
	if p.End, err = parseTime(end); err != nil {
		return p, err
	}
	if p.End.Before(p.Start) {
		return p, fmt.Errorf("the period %q ends before it begins", clip(s))
	}
	return p, nil
}

// freeBusy is a parsed VFREEBUSY component.
type freeBusy struct {
	attendees []string // addresses
	status    string   // REQUEST-STATUS
	busy      []Period
	problem   string // the first part of it that cannot be parsed
}

var (
	errNoCalendar = errors.New("it is not an iCalendar object")
	errCutShort   = errors.New("the iCalendar object is truncated")
	errTooMany    = fmt.Errorf("it has more than %d VFREEBUSY components", maxComponents)
)

// readFreeBusy parses the VFREEBUSY components of an object. It returns the
// components read so far with errCutShort if the object is truncated, and with
// errTooMany if it has too many of them.
func readFreeBusy(text []byte) ([]freeBusy, error) {
	var all []freeBusy
	var current *freeBusy // the component that is open
	begun, complete := false, false
	for p := range ical.ContentLines(string(text)) {
		what := ""
		if p.Name == "BEGIN" || p.Name == "END" {
			what = strings.ToUpper(strings.TrimSpace(p.Value()))
		}
		switch {
		case !begun:
			if p.Name != "BEGIN" || what != "VCALENDAR" {
				return nil, errNoCalendar
			}
			begun = true
		case p.Name == "BEGIN" && what == "VCALENDAR":
			complete = false // another object
		case p.Name == "END" && what == "VCALENDAR":
			complete = true
		case p.Name == "BEGIN" && what == "VFREEBUSY":
			if len(all) == maxComponents {
				return all, errTooMany
			}
			all = append(all, freeBusy{})
			current = &all[len(all)-1]
		case p.Name == "END" && what == "VFREEBUSY":
			current = nil
		case current == nil:
		case p.Name == "":
			current.addProblem("not an iCalendar line: %q", clip(p.Content()))
		default:
			current.take(p)
		}
	}
	switch {
	case !begun:
		return nil, errNoCalendar
	case !complete || current != nil:
		return all, errCutShort
	}
	return all, nil
}

// maxComponents is how many VFREEBUSY components an object may have.
const maxComponents = 10_000

// take adds what a property says.
func (f *freeBusy) take(p *ical.Property) {
	switch p.Name {
	case "ATTENDEE":
		f.attendees = appendSome(f.attendees, clip(mailAddress(p.Value())))
	case "REQUEST-STATUS":
		f.status = clip(p.Value())
	case "FREEBUSY":
		kind := parseBusyType(p.Param("FBTYPE"))
		for text := range strings.SplitSeq(p.Value(), ",") {
			period, err := parsePeriod(text)
			switch {
			case err != nil:
				f.addProblem("%v", err)
			case kind != free:
				period.Type = kind
				f.busy = append(f.busy, period)
			}
		}
	}
}

// addProblem keeps the first problem; the others are usually of the same kind.
func (f *freeBusy) addProblem(format string, args ...any) {
	if f.problem == "" {
		f.problem = fmt.Sprintf(format, args...)
	}
}

// sortPeriods sorts periods by start, then by end.
func sortPeriods(list []Period) {
	slices.SortStableFunc(list, func(a, b Period) int {
		return cmp.Or(a.Start.Compare(b.Start), a.End.Compare(b.End))
	})
}
