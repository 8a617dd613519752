package ical

import "strings"

// These checks join properties of a component.

func (c *checker) calendarRules(calendar *Component) {
	if len(calendar.Components) == 0 {
		c.reportf(Warning, "calendar-empty", nil, "the calendar contains no component")
	}
	seen := make(map[string]bool, len(c.zones))
	for zone := range calendar.Children("VTIMEZONE") {
		id := zone.Get("TZID")
		if id == nil {
			continue
		}
		key := zoneKey(id.Text())
		if seen[key] {
			c.report(Problem{Level: Warning, Code: "vtimezone-repeated", Line: zone.Line, Property: "TZID",
				Text: "another VTIMEZONE has the same TZID; the first one is used"})
		}
		seen[key] = true
	}
}

func (c *checker) eventRules(event *Component) {
	if c.whole && !c.method && event.Get("DTSTART") == nil {
		c.absent("DTSTART")
	}
	c.recurring(event)
	c.recurrenceID(event)
	c.span(event, "DTEND")
}

func (c *checker) todoRules(todo *Component) {
	c.recurring(todo)
	c.recurrenceID(todo)
	c.span(todo, "DUE")
}

func (c *checker) ends(component *Component) { c.span(component, "DTEND") }

// recurring checks that a component with a rule has a start (RFC 5545, 3.8.2.4).
func (c *checker) recurring(component *Component) {
	if p := component.Get("RRULE"); p != nil && component.Get("DTSTART") == nil && component.Name != "VEVENT" {
		// Task lists write repeated tasks that have only a DUE.
		c.reportf(Warning, "rrule-without-dtstart", p, "%s has an RRULE but no DTSTART; the rule is ignored", component.Name)
	}
}

// span checks the start, end and duration of a component. end is DTEND or DUE.
func (c *checker) span(component *Component, end string) {
	start, until, duration := component.Get("DTSTART"), component.Get(end), component.Get("DURATION")
	var from Time
	started := false
	if start != nil {
		t, err := ParseTime(start.Value())
		from, started = t, err == nil
	}
	if duration != nil {
		c.duration(component, duration, started && from.Form == Date)
		switch {
		case until != nil:
			c.reportf(Error, strings.ToLower(end)+"-and-duration", duration, "%s has both %s and DURATION; %s is used", component.Name, end, end)
		case start == nil && component.Name != "VEVENT":
			c.reportf(Warning, "duration-without-dtstart", duration, "%s has a DURATION but no DTSTART; the duration is ignored", component.Name)
		}
	}
	switch {
	case !started:
	case until != nil:
		if to, err := ParseTime(until.Value()); err == nil {
			c.order(start, from, until, to)
		}
	case duration == nil && from.Form == Date && c.sun && component.Name == "VEVENT":
		c.quirk("sun-no-dtend", start, "an all-day event has no DTEND, as calendar servers of Sun write it; it lasts one day")
	}
}

// duration checks the DURATION of a component.
func (c *checker) duration(component *Component, p *Property, allDay bool) {
	d, err := ParseDuration(p.Value())
	switch {
	case err != nil:
	case d.Days < 0 || d.Seconds < 0:
		c.reportf(Error, "duration-negative", p, "the DURATION of %s is negative; it is ignored", component.Name)
	case !d.IsPositive():
		c.reportf(Warning, "duration-not-positive", p, "the DURATION of %s is zero, but must be longer; it is ignored", component.Name)
	case allDay && d.Seconds != 0:
		c.reportf(Warning, "duration-of-date", p, "DTSTART is a date, so DURATION must be in days or weeks")
	}
}

// order checks an end against a start (RFC 5545, 3.8.2.2 and 3.8.2.3).
func (c *checker) order(start *Property, from Time, end *Property, to Time) {
	code := strings.ToLower(end.Name)
	fromZone, toZone := zoneOf(start, from), zoneOf(end, to)
	switch {
	case (from.Form == Date) != (to.Form == Date):
		// Task lists write tasks that start on a day and are due at a time of it.
		level := Error
		if end.Name == "DUE" {
			level = Warning
		}
		c.reportf(level, code+"-type", end, "%s is %s, but DTSTART is %s", end.Name, formName(to), formName(from))
		return
	case (fromZone == zoneFloating) != (toZone == zoneFloating):
		c.reportf(Warning, code+"-floating", end, "only one of DTSTART and %s has a time zone", end.Name)
		return
	}
	// Offsets are at most 14 hours east and 12 hours west.
	const widest = 26 * 3600
	switch {
	case fromZone == toZone && to.Civil < from.Civil, to.Civil < from.Civil-widest:
		if end.Name == "DUE" {
			c.reportf(Warning, "due-before-dtstart", end, "DUE is before DTSTART")
		} else {
			c.reportf(Error, code+"-before-dtstart", end, "%s is before DTSTART; it is ignored", end.Name)
		}
	case fromZone != toZone || to.Civil != from.Civil:
	case to.Form == Date && end.Name == "DTEND":
		c.reportf(Warning, code+"-not-after-dtstart", end, "DTEND is the day of DTSTART, but must be a later one; the event is read as one of one day")
	default:
		c.reportf(Warning, code+"-not-after-dtstart", end, "%s is the same time as DTSTART, but must be later", end.Name)
	}
}

// The zones of times that are not in one.
const (
	zoneFloating = ""
	zoneDate     = "\x00date"
	zoneUTC      = "\x00utc"
)

// zoneOf returns the zone that a time is in: a TZID, or one of the constants.
func zoneOf(p *Property, t Time) string {
	switch t.Form {
	case Date:
		return zoneDate
	case UTC:
		return zoneUTC
	}
	if !p.hasParams() {
		return zoneFloating
	}
	return zoneKey(p.Param("TZID"))
}

func formName(t Time) string {
	if t.Form == Date {
		return "a date"
	}
	return "a date and time"
}

// recurrenceID compares the form of a RECURRENCE-ID with that of the DTSTART of its series, if
// the calendar contains it (RFC 5545, 3.8.4.4).
func (c *checker) recurrenceID(component *Component) {
	id := component.Get("RECURRENCE-ID")
	if id == nil || c.masters == nil {
		return
	}
	master := c.masters[component.Value("UID")]
	if master == nil {
		return
	}
	start := master.Get("DTSTART")
	if start == nil {
		return
	}
	from, err1 := ParseTime(start.Value())
	at, err2 := ParseTime(id.Value())
	if err1 != nil || err2 != nil {
		return
	}
	fromZone, atZone := zoneOf(start, from), zoneOf(id, at)
	switch {
	case fromZone == atZone:
	case (from.Form == Date) != (at.Form == Date):
		if c.sun && from.Form == Date {
			c.quirk("sun-recurrence-id-type", id, "RECURRENCE-ID is a date and time, as calendar servers of Sun write it, but the series is of dates; it is read as the date")
			return
		}
		c.reportf(Warning, "recurrence-id-type", id, "RECURRENCE-ID is %s, but DTSTART of the series is %s", formName(at), formName(from))
	case (fromZone == zoneFloating) != (atZone == zoneFloating):
		c.reportf(Warning, "recurrence-id-floating", id, "only one of RECURRENCE-ID and the DTSTART of the series has a time zone")
	case atZone == zoneUTC:
		c.reportf(Note, "recurrence-id-utc", id, "RECURRENCE-ID is in UTC, and DTSTART of the series in a time zone; the instance is found by its instant")
	}
}

func (c *checker) freeBusyRules(component *Component) {
	for _, name := range [...]string{"DTSTART", "DTEND"} {
		if p := component.Get(name); p != nil {
			if t, err := ParseTime(p.Value()); err == nil && t.Form != UTC {
				c.reportf(Warning, "not-utc", p, "%s of VFREEBUSY must be in UTC", name)
			}
		}
	}
	c.ends(component)
}

func (c *checker) zoneRules(zone *Component) {
	for _, child := range zone.Components {
		if child.Name == "STANDARD" || child.Name == "DAYLIGHT" {
			return
		}
	}
	c.reportf(Warning, "vtimezone-empty", nil, "VTIMEZONE contains neither STANDARD nor DAYLIGHT, so it defines nothing; the time zone is looked up by its name")
}

func (c *checker) observanceRules(component *Component) {
	p := component.Get("DTSTART")
	if p == nil {
		return
	}
	if t, err := ParseTime(p.Value()); err == nil && t.Form != Local {
		c.reportf(Warning, "observance-dtstart", p, "DTSTART of %s must be a local time without a time zone; it is read as one", component.Name)
	}
}

// alarmRules checks an alarm (RFC 5545, 3.6.6, and RFC 9074).
func (c *checker) alarmRules(alarm *Component) {
	switch action := strings.ToUpper(alarm.Value("ACTION")); action {
	case "DISPLAY":
		c.needs(alarm, action, "DESCRIPTION")
	case "EMAIL":
		c.needs(alarm, action, "DESCRIPTION", "SUMMARY", "ATTENDEE")
	case "AUDIO":
		n := 0
		for p := range alarm.All("ATTACH") {
			if n++; n == 2 {
				c.reportf(Warning, "property-repeated", p, "an alarm with ACTION:AUDIO has at most one ATTACH; the first one is used")
			}
		}
	case "PROCEDURE":
		c.reportf(Note, "alarm-procedure", alarm.Get("ACTION"), "ACTION:PROCEDURE was removed from iCalendar; the alarm is ignored")
	}
	repeat, pause := alarm.Get("REPEAT"), alarm.Get("DURATION")
	switch {
	case repeat != nil && pause == nil && repeat.Value() != "0":
		c.reportf(Warning, "alarm-repeat", repeat, "an alarm with REPEAT must have a DURATION; it is not repeated")
	case repeat == nil && pause != nil:
		c.reportf(Warning, "alarm-repeat", pause, "an alarm with DURATION must have a REPEAT; it is not repeated")
	}
	if pause != nil {
		if d, err := ParseDuration(pause.Value()); err == nil && !d.IsPositive() {
			c.reportf(Warning, "duration-not-positive", pause, "the DURATION of an alarm must be longer than zero; it is not repeated")
		}
	}
	c.trigger(alarm)
}

// needs reports properties that an action needs and the alarm does not have.
func (c *checker) needs(alarm *Component, action string, names ...string) {
	for _, name := range names {
		if alarm.Get(name) == nil {
			c.report(Problem{Level: Warning, Code: "property-missing", Line: alarm.Line, Property: name,
				Text: "an alarm with ACTION:" + action + " must have the property " + name})
		}
	}
}

// trigger checks the TRIGGER of an alarm (RFC 5545, 3.8.6.3).
func (c *checker) trigger(alarm *Component) {
	p := alarm.Get("TRIGGER")
	if p == nil {
		return
	}
	if t, err := ParseTime(p.Value()); err == nil {
		if t.Form != UTC {
			c.reportf(Warning, "not-utc", p, "a TRIGGER with a time must be in UTC")
		}
		if p.hasParams() && p.HasParam("RELATED") {
			c.reportf(Warning, "trigger-related", p, "RELATED has no meaning for a TRIGGER with a time")
		}
		return
	}
	if !p.hasParams() || !equalName(p.Param("RELATED"), "END") || c.parent == nil {
		return
	}
	end := "DTEND"
	if c.parent.Name == "VTODO" {
		end = "DUE"
	}
	if c.parent.Get(end) == nil && c.parent.Get("DURATION") == nil {
		c.reportf(Warning, "trigger-related", p, "TRIGGER is relative to the end, but %s has no %s or DURATION", c.parent.Name, end)
	}
}
