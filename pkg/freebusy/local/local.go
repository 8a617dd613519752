// Package local computes when an account is busy, from the calendars in its store.
//
// It says when, and never what: titles and other properties do not leave it. Whoever answers
// another person asks MayKnow first. What cannot be read is Unknown time, never free time.
//
// The package knows neither directories nor other servers.
package local

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/davadmin/davadmin/pkg/calobj"
	"github.com/davadmin/davadmin/pkg/freebusy"
	"github.com/davadmin/davadmin/pkg/recur"
	"github.com/davadmin/davadmin/pkg/store"
)

// Options say what the store does not.
type Options struct {
	// Zones are as in calobj.Options; nil means new ones, which is slow.
	Zones *recur.Zones
	// Zone is the zone of all-day events and floating times in calendars that name none, if
	// the default calendar of the account names none either; nil means UTC.
	Zone *recur.Zone
}

// MaxWindow is the maximum length of a window.
const MaxWindow = 400 * 24 * time.Hour

// MayKnow reports whether the scheduling list of an account lets a person know when the account
// is busy. The account itself may, and so may its delegates and owners. groups means that the
// answer is no, but that the list names groups that may contain the person.
func MayKnow(a *store.Account, person string, addresses []string) (may, groups bool) {
	known := func(p store.Person) bool { return p.ID != "" && p.ID == person }
	if person == a.ID || slices.ContainsFunc(a.Delegates, known) || slices.ContainsFunc(a.Owners, known) {
		return true, false
	}
	may, others := a.SchedulingACL.ShowsFreeBusy(person, addresses)
	return may, others && !may
}

// Busy returns when an account is busy in a window (RFC 4791, 7.10), merged and clipped; see
// docs/decisions/0015-free-busy.md for the rules. Only components whose spans overlap the
// window are read, each once, in bounded memory. Time about which an unreadable component
// leaves doubts is freebusy.Unknown.
//
// The error is about the window, or that of the store. r must not be used by others meanwhile.
func Busy(ctx context.Context, r store.Reader, a *store.Account, w freebusy.Window, o Options) ([]freebusy.Period, error) {
	if !w.End.After(w.Start) || w.End.Sub(w.Start) > MaxWindow {
		return nil, fmt.Errorf("the period from %s to %s is empty or longer than %d days", w.Start.Format(time.RFC3339), w.End.Format(time.RFC3339), int(MaxWindow.Hours()/24))
	}
	if o.Zones == nil {
		o.Zones = recur.NewZones()
	}
	if o.Zone == nil {
		o.Zone = recur.UTC()
	}
	var calendars []*store.Calendar
	for c, err := range r.Calendars(ctx, a.ID, store.CalendarFilter{}) {
		if err != nil {
			return nil, err
		}
		if zone, _ := o.Zones.Named(c.TimeZone); c.Name == store.DefaultCalendar && zone != nil && c.TimeZone != "" {
			o.Zone = zone
		}
		if c.Kind == store.PlainCalendar && !c.Transparent {
			calendars = append(calendars, c)
		}
	}
	b := &busy{account: a, window: w, options: o}
	for _, c := range calendars {
		if err := b.calendar(ctx, r, c); err != nil {
			return nil, err
		}
	}
	return freebusy.Merge(w, append(b.periods, b.unavailable()...)), nil
}

// busy collects the busy times of an account.
type busy struct {
	account *store.Account
	window  freebusy.Window
	options Options
	zone    *recur.Zone // of floating times in the current calendar

	periods        []freebusy.Period
	availabilities []availability
	budget         *recur.Budget // of all AVAILABLE components together
}

// compactAt bounds the periods in memory: whenever there are so many, they are merged.
const compactAt = 50_000

// calendar adds the busy times of a calendar.
func (b *busy) calendar(ctx context.Context, r store.Reader, c *store.Calendar) error {
	b.zone = b.options.Zone
	if zone, _ := b.options.Zones.Named(c.TimeZone); zone != nil && c.TimeZone != "" {
		b.zone = zone
	}
	f := store.ComponentFilter{From: b.window.Start, To: b.window.End, Types: []string{"VEVENT", "VFREEBUSY", "VAVAILABILITY"}, WithText: true}
	for m, err := range r.Components(ctx, b.account.ID, c.Name, f) {
		if err != nil {
			return err
		}
		if m.Transparent || m.Type == "VEVENT" && m.Status == "CANCELLED" && !m.Recurring {
			continue
		}
		b.component(m)
		if len(b.periods) > compactAt {
			b.periods = freebusy.Merge(b.window, b.periods)
		}
	}
	return nil
}

// component adds the busy times of a component.
func (b *busy) component(m *store.Component) {
	x, err := calobj.Parse(m.Text, calobj.Options{Zones: b.options.Zones, Unchecked: true})
	switch {
	case err != nil:
		b.doubt(m)
	case m.Type == "VEVENT":
		b.event(m, x)
	case m.Type == "VFREEBUSY":
		b.freeBusy(x)
	default:
		b.availability(x)
	}
}

// doubt makes the time of a component that cannot be read Unknown.
func (b *busy) doubt(m *store.Component) {
	p := freebusy.Period{Start: m.Start, End: m.End, Kind: freebusy.Unknown}
	if m.Start.IsZero() {
		p.Start = b.window.Start
	}
	if m.End.IsZero() {
		p.End = b.window.End
	}
	b.periods = append(b.periods, p)
}

// add adds a period in Unix seconds.
func (b *busy) add(start, end int64, kind freebusy.Kind) {
	if kind != freebusy.Free && end > start {
		b.periods = append(b.periods, freebusy.Period{Start: time.Unix(start, 0).UTC(), End: time.Unix(end, 0).UTC(), Kind: kind})
	}
}

// instant returns a time as it is written, in Unix seconds.
func (b *busy) instant(zones *recur.ObjectZones, tzid string, t timeValue) int64 {
	zone := b.zone
	switch {
	case t.utc:
		zone = recur.UTC()
	case tzid != "":
		if z, _ := zones.Find(tzid); z != nil {
			zone = z
		}
	}
	return zone.Unix(t.civil)
}
