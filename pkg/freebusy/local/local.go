package local

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/davadmin/davadmin/pkg/freebusy"
	"github.com/davadmin/davadmin/pkg/recur"
	"github.com/davadmin/davadmin/pkg/store"
)

// MaxWindow is the maximum length of a window.
const MaxWindow = 400 * 24 * time.Hour

// ErrWindow is returned for a window that is empty, too long, or outside of the years 1 to
// 9999.
var ErrWindow = fmt.Errorf("the time range is empty, longer than %d days, or outside of the years 1 to 9999", MaxWindow/(24*time.Hour))

// MayKnow reports whether the scheduling list of an account lets a person know when the account
// is busy. The account itself may, and so may its delegates and owners. groups means that the
// answer is no, but that the list names groups that may contain the person.
//
// Whoever answers another person asks MayKnow before calling Busy, so that the answer to a
// person without the right does not depend on the calendars.
func MayKnow(a *store.Account, person string, addresses []string) (may, groups bool) {
	is := func(p store.Person) bool { return person != "" && p.ID == person }
	if is(store.Person{ID: a.ID}) || slices.ContainsFunc(a.Delegates, is) || slices.ContainsFunc(a.Owners, is) {
		return true, false
	}
	may, others := a.SchedulingACL.ShowsFreeBusy(person, addresses)
	return may, others && !may
}

// Options say what the store does not.
type Options struct {
	// Zones find time zones. They should be those of the process; nil means new ones, which
	// is slow.
	Zones *recur.Zones
	// Zone is the zone of the account if its default calendar names none; nil means UTC.
	// Dates are in the zone of the account, and so are floating times in a calendar that
	// names no zone.
	Zone *recur.Zone
	// Problem, unless it is nil, is called for each object that is not known as a whole. It
	// is given names of objects, so it is only for those who may read the calendars.
	Problem func(Problem)
}

// Problem says why an object makes a part of the window Unknown.
type Problem struct {
	Calendar, Name string // of the collection and the resource; Name is "" for the availability of the inbox
	Err            error
}

// MaxCandidates limits the work for the recurrences of one account, see recur.Budget. One
// object has at most recur.DefaultBudget of them.
const MaxCandidates = 1_000_000

// Busy returns when an account is busy in a window (RFC 4791, 7.10), as freebusy.Merge returns
// periods. Only components whose spans overlap the window are read, each once; a text is
// dropped before the next one is read.
//
// The window is computed in whole seconds: the start is rounded down, the end up. The error is
// ErrWindow, or that of the store. r must not be used by others meanwhile.
func Busy(ctx context.Context, r store.Reader, a *store.Account, window freebusy.Window, o Options) ([]freebusy.Period, error) {
	window, ok := wholeSeconds(window)
	if !ok {
		return nil, ErrWindow
	}
	if o.Zones == nil {
		o.Zones = recur.NewZones()
	}
	w := &work{options: o, zones: o.Zones, account: a.ID, own: newAddresses(a.Addresses), window: window, left: MaxCandidates}
	w.from, w.to = window.Start.Unix(), window.End.Unix()
	if err := w.run(ctx, r); err != nil {
		return nil, fmt.Errorf("free/busy: %w", err)
	}
	return freebusy.Merge(window, append(w.periods, w.availability()...)), nil
}

// wholeSeconds returns a window in whole seconds of UTC, and whether it can be computed.
func wholeSeconds(w freebusy.Window) (freebusy.Window, bool) {
	from, to := w.Start.Unix(), w.End.Unix()
	if w.End.Nanosecond() > 0 {
		to++
	}
	out := freebusy.Window{Start: unix(from), End: unix(to)}
	return out, to > from && to-from <= int64(MaxWindow/time.Second) && out.Start.Year() >= 1 && out.End.Year() <= 9999
}

func unix(seconds int64) time.Time { return time.Unix(seconds, 0).UTC() }

// work is the computation for one account.
type work struct {
	options  Options
	zones    *recur.Zones
	account  string // unique id
	own      addresses
	window   freebusy.Window
	from, to int64       // of the window
	zone     *recur.Zone // of the account
	left     int         // of MaxCandidates

	calendar string      // name of the current collection
	floating *recur.Zone // of floating times in it

	periods []freebusy.Period
	most    int // length of periods at which they are merged
	layers  []layer
}

// run reads the calendars that count (store.Calendar.Transparent; RFC 6638, 9.1).
func (w *work) run(ctx context.Context, r store.Reader) error {
	var list []*store.Calendar
	for cal, err := range r.Calendars(ctx, w.account, store.CalendarFilter{OnlyPlain: true}) {
		if err != nil {
			return err
		}
		list = append(list, cal)
	}
	w.zone = w.accountZone(list)
	for _, cal := range list {
		if cal.Transparent {
			continue
		}
		w.calendar, w.floating = cal.Name, w.zone
		if zone, _ := w.zones.Named(cal.TimeZone); zone != nil {
			w.floating = zone
		}
		if err := w.readCalendar(ctx, r); err != nil {
			return err
		}
	}
	return w.readInboxAvailability(ctx, r)
}

// accountZone returns the zone of the account: that of its default calendar, else that of the
// options.
func (w *work) accountZone(list []*store.Calendar) *recur.Zone {
	for _, cal := range list {
		if zone, _ := w.zones.Named(cal.TimeZone); zone != nil && cal.Name == store.DefaultCalendar {
			return zone
		}
	}
	if w.options.Zone != nil {
		return w.options.Zone
	}
	return recur.UTC()
}

// add adds a period. Many periods are merged from time to time, so that a dense series does
// not need memory for each of its instances.
func (w *work) add(from, to int64, kind freebusy.Kind) {
	const least = 4096
	if from, to = max(from, w.from), min(to, w.to); from >= to || kind == freebusy.Free {
		return
	}
	w.periods = append(w.periods, freebusy.Period{Start: unix(from), End: unix(to), Kind: kind})
	if len(w.periods) >= max(w.most, least) {
		w.periods = freebusy.Merge(w.window, w.periods)
		w.most = 2 * len(w.periods)
	}
}

// unknown makes the span of a component Unknown, as far as other components do not say more.
func (w *work) unknown(c *store.Component, err error) {
	from, to := w.from, w.to
	if !c.Start.IsZero() {
		from = c.Start.Unix()
	}
	if !c.End.IsZero() {
		to = c.End.Unix()
	}
	w.add(from, to, freebusy.Unknown)
	w.problem(c.Name, err)
}

func (w *work) problem(name string, err error) {
	if w.options.Problem != nil {
		w.options.Problem(Problem{Calendar: w.calendar, Name: name, Err: err})
	}
}
