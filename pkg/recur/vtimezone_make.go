package recur

import (
	"fmt"
	"strings"
	"time"

	"github.com/davadmin/davadmin/pkg/ical"
)

// The limits of the VTIMEZONEs that are made.
const (
	// foresight is how far after the given time the changes are looked at. A rule that holds
	// until then is written without an end.
	foresight = 50 * 366 * ical.SecondsPerDay
	// lastLooked is a time after which every zone follows its rules.
	lastLooked = tableEnd + foresight
	// minRun is the minimum number of changes for which a rule is shorter than their dates, and
	// minEndless the one from which a rule is certain.
	minRun, minEndless = 3, 28
	// minAcross is the minimum number of changes for a rule that goes across the end of a month.
	// Fewer may be the end of one rule and the beginning of the next.
	minAcross = 10
)

// Component returns a VTIMEZONE (RFC 5545, 3.6.5) for the zone that [Zones.Named] finds for a
// name, which becomes its TZID; false if the name is unknown. It is exact from one instant up to
// another; where the rules of the zone have no end, also after it. It contains a rule where
// the changes follow one for three years or more, and otherwise dates.
func (z *Zones) Component(name string, from, to int64) (*ical.Component, bool) {
	zone, _ := z.Named(name)
	if zone == nil {
		return nil, false
	}
	from = max(minInstant, min(maxInstant, from))
	horizon := max(from, min(lastLooked, to)) + foresight
	c := ical.NewComponent("VTIMEZONE")
	c.Add("TZID", ical.EscapeText(name))
	for _, g := range zone.changeGroups(from, horizon) {
		g.addTo(c, to, horizon)
	}
	return c, true
}

// zoneChange is a change of the offset of a zone.
type zoneChange struct {
	at       int64
	civil    ical.Civil // in the offset before it
	from, to int32
	daylight bool
	name     string // the abbreviation, such as CEST
}

// changeGroup contains changes that differ only in their times.
type changeGroup []zoneChange

// changeGroups returns the last change that is not after an instant, or an invented one that
// changes nothing, and all changes up to another instant, in groups.
func (z *Zone) changeGroups(from, to int64) []changeGroup {
	var groups []changeGroup
	byKey := map[zoneChange]int{}
	add := func(c zoneChange) {
		key := zoneChange{from: c.from, to: c.to, daylight: c.daylight, name: c.name}
		i, ok := byKey[key]
		if !ok {
			i = len(groups)
			byKey[key] = i
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], c)
	}
	if z.location == nil {
		offset := int32(z.Offset(from))
		add(zoneChange{at: from, civil: beginning(from), from: offset, to: offset, name: z.name})
		return groups
	}
	s := iana{z.location}
	at, ok := s.previous(from)
	if !ok {
		abbreviation, _ := time.Unix(from, 0).In(z.location).Zone()
		offset := s.offset(from)
		add(zoneChange{at: from, civil: beginning(from), from: offset, to: offset, name: abbreviation})
		at = from
	} else {
		add(s.change(at))
	}
	for at = s.next(at); at <= to; at = s.next(at) {
		if s.offset(at-1) != s.offset(at) {
			add(s.change(at))
		}
	}
	return groups
}

// beginning returns a time from which an offset may hold that never changed before.
func beginning(unix int64) ical.Civil {
	return min(ical.DayOf(1970, 1, 1), ical.Civil(unix-ical.SecondsPerDay).Day())
}

// previous returns the last change of the offset that is not after an instant.
func (s iana) previous(unix int64) (int64, bool) {
	offset := s.offset(unix)
	for {
		start, _ := time.Unix(unix, 0).In(s.location).ZoneBounds()
		if start.IsZero() {
			return 0, false
		}
		if unix = start.Unix(); s.offset(unix-1) != offset {
			return unix, true
		}
		unix--
	}
}

// change describes the change of the offset at an instant.
func (s iana) change(at int64) zoneChange {
	before, after := time.Unix(at-1, 0).In(s.location), time.Unix(at, 0).In(s.location)
	_, from := before.Zone()
	name, to := after.Zone()
	c := zoneChange{
		at: at, civil: ical.Civil(at + int64(from)), from: int32(from), to: int32(to),
		daylight: after.IsDST(), name: name,
	}
	// In Ireland and Morocco, winter is what the database calls summer time, with an offset that
	// is lower. Calendars expect DAYLIGHT in summer.
	if before.IsDST() != after.IsDST() && after.IsDST() == (to < from) {
		c.daylight = !c.daylight
	}
	return c
}

// addTo adds the observances of a group to a VTIMEZONE: one for each rule, and one for all
// other changes up to an instant. Changes after the horizon are unknown.
func (g changeGroup) addTo(c *ical.Component, to, horizon int64) {
	var single []zoneChange
	for len(g) > 0 {
		n, rule := g.run()
		endless := n == len(g) && n >= minEndless && g[n-1].at > horizon-367*ical.SecondsPerDay
		switch {
		case n < minRun:
			single = append(single, g[0])
			n = 1
		case g[0].at <= to || len(c.Components) == 0:
			if !endless {
				rule += ";UNTIL=" + ical.Time{Civil: ical.Civil(g[n-1].at), Form: ical.UTC}.String()
			}
			g[0].observance(c).Add("RRULE", rule)
		}
		g = g[n:]
	}
	var o *ical.Component
	for _, change := range single {
		switch {
		case o == nil && (change.at <= to || len(c.Components) == 0):
			o = change.observance(c)
		case o != nil && change.at <= to:
			if o.Get("RDATE") == nil {
				// Some readers, ical.js among them, take only the RDATEs of an observance that has
				// any, and lose the change at its DTSTART.
				o.Add("RDATE", o.Value("DTSTART"))
			}
			o.Add("RDATE", change.civil.String())
		}
	}
}

// observance adds a STANDARD or DAYLIGHT for the change.
func (z zoneChange) observance(c *ical.Component) *ical.Component {
	kind := "STANDARD"
	if z.daylight {
		kind = "DAYLIGHT"
	}
	o := ical.NewComponent(kind)
	o.Add("DTSTART", z.civil.String())
	o.Add("TZOFFSETFROM", offsetValue(int(z.from)))
	o.Add("TZOFFSETTO", offsetValue(int(z.to)))
	if z.name != "" {
		o.Add("TZNAME", ical.EscapeText(z.name))
	}
	c.AddComponent(o)
	return o
}

// run returns how many of the first changes follow a rule, with one in each year, and the rule.
func (g changeGroup) run() (int, string) {
	first := g[0].civil
	_, month, date := first.Date()
	day := dayPosition(first)
	low, high := day, day
	onDate, inMonth, inYear := 1, 1, 1 // those on this day, and on this weekday
	for i := 1; i < len(g); i++ {
		c := g[i].civil
		if yearOf(c) != yearOf(g[i-1].civil)+1 || c-c.Day() != first-first.Day() {
			break
		}
		_, m, _ := c.Date()
		p := dayPosition(c)
		if onDate == i && p == day {
			onDate++
		}
		if l, h := min(low, p), max(high, p); inYear == i && c.Weekday() == first.Weekday() && h-l < 7 {
			low, high = l, h
			inYear++
			if inMonth == i && m == month {
				inMonth++
			}
		}
	}
	switch {
	case inYear > inMonth && inYear >= minAcross:
		if low < 0 {
			low = min(low, -7)
		}
		return inYear, fmt.Sprintf("FREQ=YEARLY;BYYEARDAY=%s;BYDAY=%s", numbersFrom(low), weekdayNames[first.Weekday()])
	case onDate > inMonth:
		return onDate, fmt.Sprintf("FREQ=YEARLY;BYMONTH=%d;BYMONTHDAY=%d", month, date)
	}
	return inMonth, g[:inMonth].weekdayRule()
}

func yearOf(c ical.Civil) int {
	year, _, _ := c.Date()
	return year
}

// dayPosition returns a number for a day that does not depend on leap years: for days from
// March on, minus how many days before the end of the year it is, as BYYEARDAY counts; for
// others, the day of the year.
func dayPosition(c ical.Civil) int {
	year, month, _ := c.Date()
	if month < time.March {
		return int((c.Day()-ical.DayOf(year, 1, 1))/ical.SecondsPerDay) + 1
	}
	return int((c.Day() - ical.DayOf(year+1, 1, 1)) / ical.SecondsPerDay)
}

// weekdayRule returns the rule for changes on the same weekday of a month, which are less than a
// week apart in it.
func (g changeGroup) weekdayRule() string {
	weekday := weekdayNames[g[0].civil.Weekday()]
	_, month, day := g[0].civil.Date()
	last, nth := true, true
	first, n := day, (day-1)/7+1
	for _, change := range g {
		year, _, day := change.civil.Date()
		last = last && day > daysOfMonth(year, month)-7
		nth = nth && (day-1)/7+1 == n
		first = min(first, day)
	}
	switch {
	case last:
		return fmt.Sprintf("FREQ=YEARLY;BYMONTH=%d;BYDAY=-1%s", month, weekday)
	case nth && n < 5:
		return fmt.Sprintf("FREQ=YEARLY;BYMONTH=%d;BYDAY=%d%s", month, n, weekday)
	}
	first = min(first, daysOfMonth(2000, month)-6)
	return fmt.Sprintf("FREQ=YEARLY;BYMONTH=%d;BYMONTHDAY=%s;BYDAY=%s", month, numbersFrom(first), weekday)
}

// daysOfMonth returns the number of days of a month.
func daysOfMonth(year int, month time.Month) int {
	return int((ical.DayOf(year, month+1, 1) - ical.DayOf(year, month, 1)) / ical.SecondsPerDay)
}

// numbersFrom lists seven numbers.
func numbersFrom(first int) string {
	list := make([]string, 7)
	for i := range list {
		list[i] = fmt.Sprint(first + i)
	}
	return strings.Join(list, ",")
}
