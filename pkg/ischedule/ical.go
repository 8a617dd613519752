package ischedule

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"iter"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// foldAt is the maximum length of an iCalendar line in octets, without its line
// ending: RFC 5545, section 3.1.
const foldAt = 75

// writeLine writes a content line, folded at character boundaries.
func writeLine(b *bytes.Buffer, line string) {
	room := foldAt
	for len(line) > room {
		end := room
		for end > room-utf8.UTFMax && !utf8.RuneStart(line[end]) {
			end--
		}
		b.WriteString(line[:end])
		b.WriteString("\r\n ")
		line = line[end:]
		room = foldAt - 1
	}
	b.WriteString(line)
	b.WriteString("\r\n")
}

// unfold yields the content lines of an object. Lines end with CRLF or LF, and a
// line that begins with a space or tab continues the previous one. Empty lines
// are skipped.
func unfold(text []byte) iter.Seq[string] {
	return func(yield func(string) bool) {
		var line []byte
		for part := range bytes.Lines(text) {
			part = bytes.TrimRight(part, "\r\n")
			if len(part) > 0 && (part[0] == ' ' || part[0] == '\t') {
				line = append(line, part[1:]...)
				continue
			}
			if len(line) > 0 && !yield(string(line)) {
				return
			}
			line = append(line[:0], part...)
		}
		if len(line) > 0 {
			yield(string(line))
		}
	}
}

// property is a parsed content line. Names are in upper case.
type property struct {
	name       string
	parameters []parameter
	value      string
}

type parameter struct{ name, value string }

// maxParameters is how many parameters a property may have.
const maxParameters = 100

// parameter returns the value of a parameter, "" if it is missing.
func (p *property) parameter(name string) string {
	for _, q := range p.parameters {
		if q.name == name {
			return q.value
		}
	}
	return ""
}

// parseLine parses a content line. Several values of one parameter are kept as
// one value with commas. ok is false for a line without a name or a value, or
// with too many parameters.
func parseLine(line string) (p property, ok bool) {
	end := strings.IndexAny(line, ";:")
	if end <= 0 {
		return p, false
	}
	p.name = strings.ToUpper(strings.TrimSpace(line[:end]))
	rest := line[end:]
	for rest != "" && rest[0] == ';' {
		name, value, found := strings.Cut(rest[1:], "=")
		if !found || strings.ContainsAny(name, ";:\"") {
			return p, false
		}
		length := parameterLength(value)
		if length < 0 || len(p.parameters) == maxParameters {
			return p, false
		}
		p.parameters = append(p.parameters, parameter{strings.ToUpper(name), strings.ReplaceAll(value[:length], `"`, "")})
		rest = value[length:]
	}
	if rest == "" {
		return p, false
	}
	p.value = rest[1:]
	return p, true
}

// parameterLength returns where the values of a parameter end, at a semicolon or
// colon outside quotes; -1 if they do not end.
func parameterLength(s string) int {
	quoted := false
	for i := range len(s) {
		switch {
		case s[i] == '"':
			quoted = !quoted
		case !quoted && (s[i] == ';' || s[i] == ':'):
			return i
		}
	}
	return -1
}

// timeForm is a date with time in UTC: form #2 of RFC 5545, section 3.3.5.
const timeForm = "20060102T150405Z"

func formatTime(t time.Time) string { return t.UTC().Format(timeForm) }

// parseTime parses a time in UTC. A leap second (60) is read as second 59.
func parseTime(s string) (time.Time, error) {
	t, err := time.Parse(timeForm, strings.ToUpper(s))
	if err != nil && len(s) == len(timeForm) && s[13:15] == "60" {
		t, err = time.Parse(timeForm, strings.ToUpper(s[:13]+"59"+s[15:]))
	}
	if err != nil {
		return time.Time{}, fmt.Errorf("%q is not a time in UTC", clip(s))
	}
	return t, nil
}

// durationForm matches a non-negative duration: RFC 5545, section 3.3.6.
var durationForm = regexp.MustCompile(`^\+?P(?:([0-9]{1,9})W)?(?:([0-9]{1,9})D)?(?:T(?:([0-9]{1,9})H)?(?:([0-9]{1,9})M)?(?:([0-9]{1,9})S)?)?$`)

// maxDuration is the longest duration that is accepted: a hundred years.
const maxDuration = 100 * 366 * 24 * time.Hour

// parseDuration parses a non-negative duration, the only kind that a period may
// have.
func parseDuration(s string) (time.Duration, error) {
	upper := strings.ToUpper(s)
	numbers := durationForm.FindStringSubmatch(upper)
	if numbers == nil || strings.HasSuffix(upper, "P") || strings.HasSuffix(upper, "T") {
		return 0, fmt.Errorf("%q is not a duration", clip(s))
	}
	seconds := int64(0)
	for i, unit := range []int64{7 * 86400, 86400, 3600, 60, 1} {
		n, _ := strconv.ParseInt(numbers[i+1], 10, 64) // "" is 0
		seconds += n * unit
	}
	if seconds > int64(maxDuration/time.Second) {
		return 0, fmt.Errorf("%q is longer than a hundred years", clip(s))
	}
	return time.Duration(seconds) * time.Second, nil
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
	for line := range unfold(text) {
		p, ok := parseLine(line)
		what := strings.ToUpper(strings.TrimSpace(p.value))
		switch {
		case !begun:
			if p.name != "BEGIN" || what != "VCALENDAR" {
				return nil, errNoCalendar
			}
			begun = true
		case p.name == "BEGIN" && what == "VCALENDAR":
			complete = false // another object
		case p.name == "END" && what == "VCALENDAR":
			complete = true
		case p.name == "BEGIN" && what == "VFREEBUSY":
			if len(all) == maxComponents {
				return all, errTooMany
			}
			all = append(all, freeBusy{})
			current = &all[len(all)-1]
		case p.name == "END" && what == "VFREEBUSY":
			current = nil
		case current == nil:
		case !ok:
			current.addProblem("not an iCalendar line: %q", clip(line))
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
func (f *freeBusy) take(p property) {
	switch p.name {
	case "ATTENDEE":
		f.attendees = appendSome(f.attendees, clip(mailAddress(p.value)))
	case "REQUEST-STATUS":
		f.status = clip(p.value)
	case "FREEBUSY":
		kind := parseBusyType(p.parameter("FBTYPE"))
		for text := range strings.SplitSeq(p.value, ",") {
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
