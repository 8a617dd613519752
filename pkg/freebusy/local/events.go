package local

import (
	"context"
	"strings"

	"github.com/davadmin/davadmin/pkg/freebusy"
	"github.com/davadmin/davadmin/pkg/ical"
	"github.com/davadmin/davadmin/pkg/recur"
	"github.com/davadmin/davadmin/pkg/store"
)

// readCalendar adds the components of a calendar.
func (w *work) readCalendar(ctx context.Context, r store.Reader) error {
	filter := store.ComponentFilter{
		Types: []string{"VEVENT", "VFREEBUSY", availabilityType},
		From:  w.window.Start, To: w.window.End, WithText: true,
	}
	for c, err := range r.Components(ctx, w.account, w.calendar, filter) {
		if err != nil {
			return err
		}
		if c.Type == "VEVENT" && (c.Transparent || c.Status == "CANCELLED" && !c.Recurring) {
			continue // no instance takes time, whatever else the text says
		}
		w.component(c)
	}
	return nil
}

// component adds a component of a calendar by its text.
func (w *work) component(c *store.Component) {
	text := string(c.Text)
	calendar, problems, err := ical.Parse(text, ical.Options{Lenient: true})
	if err != nil {
		w.unknown(c, err)
		return
	}
	if err := doubt(text, problems); err != nil {
		w.unknown(c, err)
	}
	switch c.Type {
	case "VEVENT":
		w.events(c, calendar)
	case "VFREEBUSY":
		w.busyTimes(c, calendar)
	default:
		w.readAvailability(calendar, func(err error) { w.unknown(c, err) })
	}
}

// widest is the most by which two time zones can differ.
const widest = 28 * 3600

// events adds the instances of a VEVENT.
func (w *work) events(c *store.Component, calendar *ical.Component) {
	var components []*ical.Component
	for child := range calendar.Children("VEVENT") {
		components = append(components, child)
	}
	set, problems, err := recur.NewSet(calendar, components, recur.SetOptions{Zones: w.zones, Floating: w.floating})
	if err == nil {
		err = doubt("", problems)
	}
	if err != nil {
		w.unknown(c, err)
	}
	if set == nil {
		return
	}
	from, to := w.from, w.to
	if c.Floating && w.floating != w.zone {
		from, to = from-widest, to+widest
	}
	w.instances(c, set, from, to)
}

// instances adds the instances of a set in a range.
func (w *work) instances(c *store.Component, set *recur.Set, from, to int64) {
	budget := recur.NewBudget(min(recur.DefaultBudget, w.left))
	had := budget.Left()
	defer func() { w.left -= had - budget.Left() }()
	kindOf := make(map[*ical.Component]freebusy.Kind, 1)
	reached := from
	for in, err := range set.Between(from, to, budget) {
		if err != nil {
			w.add(reached, w.endOf(c), freebusy.Unknown)
			w.problem(c.Name, err)
			return
		}
		reached = max(reached, in.Start)
		kind, ok := kindOf[in.Component]
		if !ok {
			kind = w.kindOf(in.Component)
			kindOf[in.Component] = kind
		}
		if kind == freebusy.Free {
			continue
		}
		start, end := in.Start, in.End
		if in.AllDay { // a date is that of the account, not that of the calendar
			start, end = w.zone.Unix(in.Civil), w.zone.Unix(in.Zone.Civil(in.End))
		}
		w.add(start, end, kind)
	}
}

// endOf returns the end of the span of a component, or of the window.
func (w *work) endOf(c *store.Component) int64 {
	if c.End.IsZero() {
		return w.to
	}
	return c.End.Unix()
}

// kindOf returns how an event takes time (RFC 4791, 7.10), which is Free if it does not.
func (w *work) kindOf(c *ical.Component) freebusy.Kind {
	is := func(name, value string) bool { return strings.EqualFold(strings.TrimSpace(c.Value(name)), value) }
	if is("TRANSP", "TRANSPARENT") || is("STATUS", "CANCELLED") {
		return freebusy.Free
	}
	kind := w.attendance(c)
	if kind == freebusy.Busy && is("STATUS", "TENTATIVE") {
		return freebusy.Tentative
	}
	return kind
}

// attendance returns how an event takes the time of the account as an attendee. After a
// refusal, or when another person goes instead (RFC 5546, 3.2.2.3), it is free; without an
// answer, or with one that is not sure, tentative. If several of the account's addresses
// attend, the one that takes the most time counts. For all others, such as the organizer, it
// is busy.
func (w *work) attendance(c *ical.Component) freebusy.Kind {
	kind, attends := freebusy.Free, false
	for p := range c.All("ATTENDEE") {
		if !w.own.has(p) {
			continue
		}
		attends = true
		answer := freebusy.Busy
		switch strings.ToUpper(p.Param("PARTSTAT")) {
		case "DECLINED", "DELEGATED":
			answer = freebusy.Free
		case "TENTATIVE":
			answer = freebusy.Tentative
		case "NEEDS-ACTION", "":
			answer = freebusy.Tentative
			if organizer := c.Get("ORGANIZER"); organizer == nil || w.own.has(organizer) {
				answer = freebusy.Busy
			}
		}
		if answer > kind {
			kind = answer
		}
	}
	if !attends {
		return freebusy.Busy
	}
	return kind
}
