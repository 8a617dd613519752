package recur

import (
	"slices"
	"strings"

	"github.com/davadmin/davadmin/pkg/ical"
)

// addRecurrence adds the rules, dates and exceptions of the master.
func (b *builder) addRecurrence(c *ical.Component) error {
	s := b.set
	n := 0
	for p := range c.All("RRULE") {
		if n++; n == 2 {
			b.report(ical.Warning, "several-rrules", c, p, "the component has more than one RRULE; all of them apply")
		}
		if r, ok := b.rule(c, p); ok && n <= MaxRules {
			s.rules = append(s.rules, r)
		}
	}
	rules := n
	for p := range c.All("EXRULE") {
		n++
		b.report(ical.Warning, "exrule", c, p, "EXRULE is obsolete, and many programs ignore it; it applies")
		if r, ok := b.rule(c, p); ok && n <= MaxRules {
			r.withoutStart = !r.gives(s.master.start.civil, s.master.allDay)
			s.except = append(s.except, r)
		}
	}
	if n > MaxRules {
		return errManyRules
	}
	s.rules = slices.DeleteFunc(s.rules, s.removed)
	if rules > 0 && s.master.zone != UTC() && !s.master.floating && b.startForm(c) == ical.UTC {
		b.report(ical.Note, "utc-with-zone", c, c.Get("DTSTART"), "the start is in UTC, with a time zone alongside; the recurrence follows the clock of that zone")
	}
	for p := range c.All("RDATE") {
		b.addDates(c, p)
	}
	for p := range c.All("EXDATE") {
		b.addExceptions(c, p)
	}
	return nil
}

// removed reports whether an EXRULE is the same as a rule, so that nothing is left of it. To
// compute that would use up any budget if the rule is a frequent one.
func (s *Set) removed(r rule) bool {
	text := ""
	for i := range s.except {
		if text == "" {
			text = r.String()
		}
		if s.except[i].String() == text {
			return true
		}
	}
	return false
}

func (b *builder) startForm(c *ical.Component) ical.TimeForm {
	t, err := ical.ParseTime(c.Value("DTSTART"))
	if err != nil {
		return ical.Local
	}
	return t.Form
}

// rule reads an RRULE or EXRULE.
func (b *builder) rule(c *ical.Component, p *ical.Property) (rule, bool) {
	r, problems, err := ParseRule(p.Value())
	for _, problem := range problems {
		problem.Line, problem.Component, problem.Property, problem.UID = p.Line, c.Name, p.Name, c.Value("UID")
		b.add(problem)
	}
	if err != nil {
		return rule{}, false
	}
	return rule{Rule: r, until: b.until(c, p, r)}, true
}

// until returns the end of a rule. RFC 5545, 3.3.10, asks for a date if DTSTART is one, for a
// time without a zone if DTSTART is one, and otherwise for UTC. All other combinations exist.
func (b *builder) until(c *ical.Component, p *ical.Property, r *Rule) until {
	if !r.HasUntil {
		return until{}
	}
	f := &b.set.master.frame
	t := r.Until
	switch {
	case f.allDay:
		if t.Form != ical.Date {
			b.report(ical.Warning, "until-time", c, p, "UNTIL is a time, but DTSTART is a date; the date of UNTIL applies")
		}
		return until{set: true, civil: f.point(stamp{Time: t}).civil}
	case t.Form == ical.Date:
		b.report(ical.Warning, "until-date", c, p, "UNTIL is a date, but DTSTART is a time; the rule ends at the end of that day")
		return until{set: true, civil: t.Civil + ical.SecondsPerDay - 1}
	case t.Form == ical.UTC && !f.floating:
		return until{set: true, exact: true, unix: int64(t.Civil)}
	case t.Form == ical.UTC:
		b.report(ical.Warning, "until-utc", c, p, "UNTIL is in UTC, but DTSTART has no time zone; the time of UNTIL is compared as it is written")
	case !f.floating:
		b.report(ical.Warning, "until-not-utc", c, p, "UNTIL is not in UTC; it is read in the time zone of DTSTART")
	}
	return until{set: true, civil: t.Civil}
}

// gives reports whether the rule itself gives its start. Iterators give it always.
func (r *Rule) gives(start ical.Civil, allDay bool) bool {
	it := r.Iterator(start, allDay, NewBudget(1000))
	it.atStart, it.from = false, it.start
	first, ok := it.advance()
	return ok && first == it.start
}

// addDates adds the dates of an RDATE.
func (b *builder) addDates(c *ical.Component, p *ical.Property) {
	s := b.set
	f := &s.master.frame
	var other bool
	for value := range ical.SplitValues(p.Value()) {
		if strings.IndexByte(value, '/') >= 0 {
			period, err := ical.ParsePeriod(value)
			if err != nil {
				b.report(ical.Error, "value-invalid", c, p, "RDATE contains a value that is not a period; it is ignored")
				continue
			}
			t := b.at(c, p, period.Start)
			d := date{point: f.point(t)}
			if d.length, d.own = b.periodLength(f, d.point, period, t.zone); !d.own {
				b.report(ical.Error, "period-order", c, p, "RDATE contains a period that does not end after its start; it has the length of the others")
			}
			s.dates = append(s.dates, d)
			continue
		}
		t, err := ical.ParseTime(value)
		if err != nil {
			b.report(invalidLevel(p), "value-invalid", c, p, "RDATE contains a value that is not a date or time; it is ignored")
			continue
		}
		other = other || (t.Form == ical.Date) != f.allDay
		m := f.point(b.at(c, p, t))
		if t.Form == ical.Date && !f.allDay {
			m = s.master.sameClock(m.civil)
		}
		s.dates = append(s.dates, date{point: m})
	}
	if other {
		b.report(ical.Warning, "rdate-type", c, p, "of DTSTART and RDATE, one is a date and the other a time; RDATE is read like DTSTART, a date with the time of day of DTSTART")
	}
}

// invalidLevel is the level of a value that cannot be read, in a list. A list without any value
// is a warning, as in ical.Check: programs leave it when the last value is removed.
func invalidLevel(p *ical.Property) ical.Level {
	if strings.Trim(p.Value(), " \t,") == "" {
		return ical.Warning
	}
	return ical.Error
}

// sameClock returns the point of a day at the time of day of the start.
func (s *shape) sameClock(day ical.Civil) point {
	return s.of(day + s.start.civil - s.start.civil.Day())
}

// addExceptions adds the dates of an EXDATE. A date removes all that starts on that day.
func (b *builder) addExceptions(c *ical.Component, p *ical.Property) {
	s := b.set
	f := &s.master.frame
	var other, utc bool
	for value := range ical.SplitValues(p.Value()) {
		value, _, _ = strings.Cut(value, "/") // the start of a period
		t, err := ical.ParseTime(value)
		if err != nil {
			b.report(invalidLevel(p), "value-invalid", c, p, "EXDATE contains a value that is not a date or time; it is ignored")
			continue
		}
		other = other || (t.Form == ical.Date) != f.allDay
		utc = utc || t.Form == ical.UTC && f.floating
		if t.Form == ical.Date && !f.allDay {
			s.exdays = append(s.exdays, t.Civil)
			continue
		}
		s.exdates = append(s.exdates, f.point(b.at(c, p, t)).unix)
	}
	switch {
	case other && f.allDay:
		b.report(ical.Warning, "exdate-type", c, p, "EXDATE is a time, but DTSTART is a date; the date of EXDATE applies")
	case other:
		b.report(ical.Warning, "exdate-type", c, p, "EXDATE is a date, but DTSTART is a time; it removes all instances that start on that day")
	case utc:
		b.report(ical.Warning, "exdate-utc", c, p, "EXDATE is in UTC, but DTSTART has no time zone; EXDATE is compared as it is written")
	}
}
