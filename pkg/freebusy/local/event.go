package local

import (
	"math"
	"slices"
	"strings"

	"github.com/davadmin/davadmin/pkg/calobj"
	"github.com/davadmin/davadmin/pkg/freebusy"
	"github.com/davadmin/davadmin/pkg/ical"
	"github.com/davadmin/davadmin/pkg/recur"
	"github.com/davadmin/davadmin/pkg/store"
)

// timeValue is a time as it is written.
type timeValue struct {
	civil ical.Civil
	utc   bool
}

// event adds the instances of an event.
func (b *busy) event(m *store.Component, x *calobj.Object) {
	set := x.Set()
	if m.Floating {
		var components []*ical.Component
		for c := range x.Calendar.Children("VEVENT") {
			components = append(components, c)
		}
		if read, _, err := recur.NewSet(x.Calendar, components, recur.SetOptions{Zones: b.options.Zones, Floating: b.zone}); err == nil {
			set = read
		}
	}
	if set == nil {
		b.doubt(m)
		return
	}
	kinds := map[*ical.Component]freebusy.Kind{}
	for in, err := range set.Between(b.window.Start.Unix(), ceilUnix(b.window), recur.NewBudget(recur.DefaultBudget)) {
		if err != nil {
			b.doubt(m)
			return
		}
		kind, known := kinds[in.Component]
		if !known {
			kind = b.kindOf(in.Component)
			kinds[in.Component] = kind
		}
		if in.Start != math.MinInt64 && in.End != math.MaxInt64 {
			b.add(in.Start, in.End, kind)
		}
	}
}

// ceilUnix returns the end of a window in whole seconds, rounded up.
func ceilUnix(w freebusy.Window) int64 {
	end := w.End.Unix()
	if w.End.Nanosecond() > 0 {
		end++
	}
	return end
}

// kindOf returns how a component of an event takes the time of the account (RFC 4791, 7.10).
func (b *busy) kindOf(c *ical.Component) freebusy.Kind {
	status := upper(c.Value("STATUS"))
	if status == "CANCELLED" || upper(c.Value("TRANSP")) == "TRANSPARENT" {
		return freebusy.Free
	}
	kind := freebusy.Busy
	if status == "TENTATIVE" {
		kind = freebusy.Tentative
	}
	return min(kind, b.attendance(c))
}

// attendance returns how the account takes part in an event: Busy unless it is an attendee that
// declined or is not sure. Of several entries with addresses of the account, the one that takes
// more time counts.
func (b *busy) attendance(c *ical.Component) freebusy.Kind {
	if b.isAccount(c.Get("ORGANIZER")) {
		return freebusy.Busy
	}
	attends, kind := false, freebusy.Free
	for p := range c.All("ATTENDEE") {
		if !b.isAccount(p) {
			continue
		}
		attends = true
		switch upper(p.Param("PARTSTAT")) {
		case "DECLINED", "DELEGATED":
		case "TENTATIVE", "NEEDS-ACTION":
			kind = max(kind, freebusy.Tentative)
		default:
			kind = freebusy.Busy
		}
	}
	if !attends {
		return freebusy.Busy
	}
	return kind
}

// isAccount reports whether a property has an address of the account.
func (b *busy) isAccount(p *ical.Property) bool {
	if p == nil {
		return false
	}
	for _, text := range []string{store.CutMailto(strings.TrimSpace(p.Value())), p.Param("EMAIL"), p.Param("X-S1CS-EMAIL")} {
		if text != "" && slices.ContainsFunc(b.account.Addresses, func(a string) bool { return store.FoldAddress(a) == store.FoldAddress(text) }) {
			return true
		}
	}
	return false
}

func upper(s string) string { return strings.ToUpper(strings.TrimSpace(s)) }

// freeBusy adds the periods of a VFREEBUSY that is stored in a calendar.
func (b *busy) freeBusy(x *calobj.Object) {
	zones := b.options.Zones.Of(x.Calendar)
	for c := range x.Calendar.Children("VFREEBUSY") {
		for p := range c.All("FREEBUSY") {
			kind := freebusy.ParseFBType(p.Param("FBTYPE"))
			for value := range strings.SplitSeq(p.Value(), ",") {
				period, err := ical.ParsePeriod(strings.TrimSpace(value))
				if err != nil {
					continue // it names no time that could be doubtful
				}
				start := b.instant(zones, p.Param("TZID"), valueOf(period.Start))
				end := start + period.Duration.Days*ical.SecondsPerDay + period.Duration.Seconds
				if period.HasEnd {
					end = b.instant(zones, p.Param("TZID"), valueOf(period.End))
				}
				b.add(start, end, kind)
			}
		}
	}
}

func valueOf(t ical.Time) timeValue { return timeValue{t.Civil, t.Form == ical.UTC} }
