// Package icaltest writes calendars for tests and benchmarks: events in several languages with
// recurrences, overrides, time zones, attendees, alarms and attachments. The same options give
// the same bytes. It uses none of the code that it tests.
package icaltest

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"time"
	"unicode/utf8"
)

// Options say what is written. Percentages are shares of the events; zero means none.
type Options struct {
	Seed        uint64
	Events      int    // VEVENT components, overrides included
	Recurring   int    // percentage that have an RRULE
	Overrides   int    // percentage of the recurring events that are followed by one or two overrides
	AllDay      int    // percentage without a time
	Attendees   int    // percentage that have an organizer and up to five attendees
	Alarms      int    // percentage that have a VALARM
	Attachments int    // percentage that have an attachment of up to 2 KiB in the text
	Newline     string // the line ending; CRLF if it is empty
}

// Typical returns the options of a calendar as users have them: about 490 bytes for each
// event, 5 % of them recurring. 37,000 events are 18 MB.
func Typical(seed uint64, events int) Options {
	return Options{Seed: seed, Events: events, Recurring: 5, Overrides: 30, AllDay: 15, Attendees: 12, Alarms: 15, Attachments: 1}
}

// Counts says what was written.
type Counts struct {
	Events, UIDs, Recurring, Overrides, Alarms, Zones int
	Properties                                        int // of all components, without BEGIN and END
}

// Text returns a calendar.
func Text(o Options) (string, Counts) {
	var b strings.Builder
	counts, err := Write(&b, o)
	if err != nil {
		panic(err) // a Builder has no errors
	}
	return b.String(), counts
}

// Write writes one VCALENDAR, in constant memory.
func Write(w io.Writer, o Options) (Counts, error) {
	g := generator{o: o, w: bufio.NewWriterSize(w, 64<<10), r: rand.New(rand.NewPCG(o.Seed, 1))}
	if g.o.Newline == "" {
		g.o.Newline = "\r\n"
	}
	g.begin("VCALENDAR")
	g.line("VERSION:2.0")
	g.line("PRODID:-//Example//Generator//EN")
	g.line("CALSCALE:GREGORIAN")
	for _, z := range zones {
		g.zone(z)
	}
	for g.counts.Events < o.Events {
		g.series()
	}
	g.end("VCALENDAR")
	return g.counts, g.w.Flush()
}

type generator struct {
	o      Options
	w      *bufio.Writer
	r      *rand.Rand
	counts Counts
}

// zone is a time zone, with rules if it has summer time.
type zone struct {
	name                string
	winter, summer      string // offsets
	toSummer, toWinter  string // BYDAY and BYMONTH
	springHour, endHour int
}

var zones = [...]zone{
	{"Europe/Berlin", "+0100", "+0200", "BYMONTH=3;BYDAY=-1SU", "BYMONTH=10;BYDAY=-1SU", 2, 3},
	{"America/New_York", "-0500", "-0400", "BYMONTH=3;BYDAY=2SU", "BYMONTH=11;BYDAY=1SU", 2, 2},
	{"Asia/Tokyo", "+0900", "", "", "", 0, 0},
}

func (g *generator) zone(z zone) {
	g.counts.Zones++
	g.begin("VTIMEZONE")
	g.line("TZID:" + z.name)
	if z.summer == "" {
		g.observance("STANDARD", "19700101T000000", z.winter, z.winter, "")
	} else {
		g.observance("DAYLIGHT", fmt.Sprintf("20070101T%02d0000", z.springHour), z.winter, z.summer, z.toSummer)
		g.observance("STANDARD", fmt.Sprintf("20070101T%02d0000", z.endHour), z.summer, z.winter, z.toWinter)
	}
	g.end("VTIMEZONE")
}

func (g *generator) observance(name, start, from, to, rule string) {
	g.begin(name)
	if rule != "" {
		// The first of the rule, as RFC 5545 requires for DTSTART.
		start = map[string]string{
			"BYMONTH=3;BYDAY=-1SU": "20070325", "BYMONTH=10;BYDAY=-1SU": "20071028",
			"BYMONTH=3;BYDAY=2SU": "20070311", "BYMONTH=11;BYDAY=1SU": "20071104",
		}[rule] + start[8:]
	}
	g.line("DTSTART:" + start)
	g.line("TZOFFSETFROM:" + from)
	g.line("TZOFFSETTO:" + to)
	if rule != "" {
		g.line("RRULE:FREQ=YEARLY;" + rule)
	}
	g.end(name)
}

// series writes an event and its overrides.
func (g *generator) series() {
	number := g.counts.UIDs
	g.counts.UIDs++
	uid := fmt.Sprintf("%08d-%08x@calendar.example.com", number, g.r.Uint32())
	e := event{uid: uid, allDay: g.chance(g.o.AllDay), recurring: g.chance(g.o.Recurring)}
	e.start = time.Date(2016+g.r.IntN(12), time.Month(1+g.r.IntN(12)), 1+g.r.IntN(28), 7+g.r.IntN(12), 15*g.r.IntN(4), 0, 0, time.UTC)
	e.minutes = 15 * (1 + g.r.IntN(12))
	if !e.allDay {
		e.zone = zones[g.r.IntN(len(zones))].name
	}
	e.language = &languages[g.r.IntN(len(languages))]
	e.moved = e.recurring && g.chance(g.o.Overrides)
	g.event(e)
	if !e.moved {
		return
	}
	for week := 1; week <= 1+g.r.IntN(2) && g.counts.Events < g.o.Events; week++ {
		o := e
		o.recurring, o.id = false, e.start.AddDate(0, 0, 7*week)
		o.start = o.id.Add(time.Duration(g.r.IntN(5)) * time.Hour)
		if e.allDay {
			o.start = o.id.AddDate(0, 0, 1)
		}
		g.counts.Overrides++
		g.event(o)
	}
}

type event struct {
	uid, zone         string
	start, id         time.Time // id is that of an override
	minutes           int
	allDay, recurring bool
	moved             bool // overrides follow
	language          *language
}

func (g *generator) event(e event) {
	g.counts.Events++
	g.begin("VEVENT")
	stamp := e.start.AddDate(0, -1, 0).Format("20060102T150405Z")
	g.line("UID:" + e.uid)
	g.line("DTSTAMP:" + stamp)
	g.line("CREATED:" + stamp)
	g.line("LAST-MODIFIED:" + stamp)
	g.line(e.time("DTSTART", e.start))
	if e.allDay {
		g.line(e.time("DTEND", e.start.AddDate(0, 0, 1+g.r.IntN(3))))
	} else {
		g.line(e.time("DTEND", e.start.Add(time.Duration(e.minutes)*time.Minute)))
	}
	if !e.id.IsZero() {
		g.line(e.time("RECURRENCE-ID", e.id))
	}
	if e.recurring {
		g.counts.Recurring++
		g.line("RRULE:" + g.rule(e))
		if g.chance(20) {
			g.line(e.time("EXDATE", e.start.AddDate(0, 0, 21)))
		}
	}
	g.line("SUMMARY;LANGUAGE=" + e.language.tag + ":" + e.language.titles[g.r.IntN(len(e.language.titles))])
	if g.chance(60) {
		g.line("LOCATION:" + e.language.places[g.r.IntN(len(e.language.places))])
	}
	if g.chance(25) {
		g.line("DESCRIPTION:" + strings.Repeat(e.language.sentence, 1+g.r.IntN(4)))
	}
	g.line("SEQUENCE:" + string(rune('0'+g.r.IntN(4))))
	g.line("TRANSP:OPAQUE")
	g.line("STATUS:CONFIRMED")
	g.line("CLASS:PUBLIC")
	g.extras(e)
	g.end("VEVENT")
}

// time returns a property whose value is a time of the event.
func (e *event) time(name string, t time.Time) string {
	if e.allDay {
		return name + ";VALUE=DATE:" + t.Format("20060102")
	}
	return name + ";TZID=" + e.zone + ":" + t.Format("20060102T150405")
}

func (g *generator) rule(e event) string {
	end := [...]string{"", ";COUNT=20", ";UNTIL=" + e.start.AddDate(1, 0, 0).Format("20060102T150405Z")}[g.r.IntN(3)]
	if e.allDay && strings.HasPrefix(end, ";UNTIL") {
		end = end[:len(";UNTIL=20060102")]
	}
	rules := [...]string{
		// These contain the dates of the overrides: every seven days.
		"FREQ=WEEKLY", "FREQ=DAILY", "FREQ=WEEKLY;BYDAY=" + strings.ToUpper(e.start.Weekday().String()[:2]),
		"FREQ=WEEKLY;INTERVAL=2", "FREQ=MONTHLY", "FREQ=YEARLY", fmt.Sprintf("FREQ=MONTHLY;BYMONTHDAY=%d", e.start.Day()),
	}
	if e.moved {
		return rules[g.r.IntN(3)] + end
	}
	return rules[g.r.IntN(len(rules))] + end
}

// extras writes what some events have.
func (g *generator) extras(e event) {
	if g.chance(g.o.Attendees) {
		g.line("ORGANIZER;CN=\"" + e.language.people[0] + "\":mailto:organizer@example.com")
		for i := range 1 + g.r.IntN(5) {
			name := e.language.people[g.r.IntN(len(e.language.people))]
			g.line(fmt.Sprintf("ATTENDEE;CUTYPE=INDIVIDUAL;ROLE=REQ-PARTICIPANT;PARTSTAT=NEEDS-ACTION;RSVP=TRUE;CN=\"%s\":mailto:person%d@example.com", name, i))
		}
	}
	if g.chance(g.o.Attachments) {
		data := make([]byte, 1+g.r.IntN(2048))
		for i := range data {
			data[i] = byte(g.r.Uint32())
		}
		g.line("ATTACH;FMTTYPE=application/octet-stream;ENCODING=BASE64;VALUE=BINARY:" + base64.StdEncoding.EncodeToString(data))
	}
	if g.chance(g.o.Alarms) {
		g.counts.Alarms++
		g.begin("VALARM")
		g.line("ACTION:DISPLAY")
		g.line("TRIGGER:-PT15M")
		g.line("DESCRIPTION:" + e.language.titles[0])
		g.end("VALARM")
	}
}

func (g *generator) chance(percent int) bool { return g.r.IntN(100) < percent }

func (g *generator) begin(name string) { g.write("BEGIN:" + name) }
func (g *generator) end(name string)   { g.write("END:" + name) }

func (g *generator) line(text string) {
	g.counts.Properties++
	g.write(text)
}

// write writes a line, folded after at most 75 bytes and never inside a rune.
func (g *generator) write(text string) {
	room := 75
	for i, r := range text {
		if n := utf8.RuneLen(r); n > room {
			g.w.WriteString(g.o.Newline) //nolint:errcheck // Flush returns the error
			g.w.WriteByte(' ')           //nolint:errcheck // Flush returns the error
			room = 74 - n
		} else {
			room -= n
		}
		g.w.WriteString(text[i : i+utf8.RuneLen(r)]) //nolint:errcheck // Flush returns the error
	}
	g.w.WriteString(g.o.Newline) //nolint:errcheck // Flush returns the error
}
