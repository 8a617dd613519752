package local

import (
	"cmp"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/davadmin/davadmin/pkg/freebusy"
	"github.com/davadmin/davadmin/pkg/ical"
	"github.com/davadmin/davadmin/pkg/recur"
	"github.com/davadmin/davadmin/pkg/store"
)

const availabilityType = "VAVAILABILITY"

// maxLayers limits the VAVAILABILITY components of an account, and maxAvailable the AVAILABLE
// components of each. People have one or two.
const (
	maxLayers    = 100
	maxAvailable = 1000
)

// layer is a VAVAILABILITY in the window (RFC 7953, 3.1): busy in its range, except where an
// AVAILABLE says otherwise.
type layer struct {
	rank  int // the lower the stronger
	whole freebusy.Period
	busy  []freebusy.Period
}

// errLayers is why an account with too many VAVAILABILITY components is not known.
var errLayers = fmt.Errorf("the account has more than %d VAVAILABILITY components, or one of them has more than %d AVAILABLE", maxLayers, maxAvailable)

// availability returns the busy times of all layers. A layer of a higher priority replaces
// those of lower ones in its range (RFC 7953, 4). Of the same priority, that which takes more
// time counts, so that the order in the store does not matter.
func (w *work) availability() (busy []freebusy.Period) {
	slices.SortStableFunc(w.layers, func(a, b layer) int { return cmp.Compare(b.rank, a.rank) })
	for i := 0; i < len(w.layers); {
		rank := w.layers[i].rank
		var whole, own []freebusy.Period
		for ; i < len(w.layers) && w.layers[i].rank == rank; i++ {
			whole, own = append(whole, w.layers[i].whole), append(own, w.layers[i].busy...)
		}
		busy = w.merge(append(without(busy, w.merge(whole)), own...))
	}
	return busy
}

// merge merges periods in the window.
func (w *work) merge(periods []freebusy.Period) []freebusy.Period {
	return freebusy.Merge(w.window, periods)
}

// readAvailability adds the VAVAILABILITY components of an object. failed is told why a part
// of them cannot be read.
func (w *work) readAvailability(calendar *ical.Component, failed func(error)) {
	zones := w.zones.Of(calendar)
	for c := range calendar.Children(availabilityType) {
		if len(w.layers) == maxLayers {
			failed(errLayers)
			return
		}
		l := layer{rank: priority(c), whole: freebusy.Period{Kind: freebusy.Unavailable}}
		if p := c.Get("BUSYTYPE"); p != nil {
			if l.whole.Kind = freebusy.ParseFBType(strings.TrimSpace(p.Value())); l.whole.Kind == freebusy.Free {
				l.whole.Kind = freebusy.Unavailable
			}
		}
		from, to, err := w.rangeOf(zones, c)
		if err != nil {
			failed(err)
			continue
		}
		l.whole.Start, l.whole.End = unix(max(from, w.from)), unix(min(to, w.to))
		free, err := w.available(calendar, c)
		if err != nil {
			failed(err)
		}
		l.busy = without(w.merge([]freebusy.Period{l.whole}), w.merge(free))
		w.layers = append(w.layers, l)
	}
}

// priority returns the rank of a component: 1 is the highest priority and 9 the lowest, and 0
// or none is below all of them (RFC 7953, 3.1).
func priority(c *ical.Component) int {
	n, err := strconv.Atoi(strings.TrimSpace(c.Value("PRIORITY")))
	if err != nil || n < 1 || n > 9 {
		return 10
	}
	return n
}

// rangeOf returns the range of a VAVAILABILITY. A side that is missing is open.
func (w *work) rangeOf(zones *recur.ObjectZones, c *ical.Component) (from, to int64, err error) {
	from, to = math.MinInt64, math.MaxInt64
	for _, name := range []string{"DTSTART", "DTEND"} {
		p := c.Get(name)
		if p == nil {
			continue
		}
		t, err := ical.ParseTime(p.Value())
		if err != nil {
			return 0, 0, fmt.Errorf("%s: %w", name, err)
		}
		zone := w.zone
		if found, _ := zones.Find(recur.TZID(p)); found != nil {
			zone = found
		}
		at := zone.Unix(t.Civil)
		if t.Form == ical.UTC {
			at = int64(t.Civil)
		}
		if name == "DTSTART" {
			from = at
		} else {
			to = at
		}
	}
	if p := c.Get("DURATION"); p != nil && c.Get("DTEND") == nil && from != math.MinInt64 {
		d, err := ical.ParseDuration(p.Value())
		if err != nil {
			return 0, 0, fmt.Errorf("DURATION: %w", err)
		}
		to = from + d.Days*ical.SecondsPerDay + d.Seconds
	}
	return from, to, nil
}

// available returns the instances of the AVAILABLE components (RFC 7953, 3.1), as
// periods of any kind other than Free. They recur like events, those of one UID together.
func (w *work) available(calendar, c *ical.Component) (free []freebusy.Period, err error) {
	byUID := make(map[string][]*ical.Component)
	var order []string
	n := 0
	for a := range c.Children("AVAILABLE") {
		if n++; n > maxAvailable {
			return nil, errLayers
		}
		uid := a.Value("UID")
		if byUID[uid] == nil {
			order = append(order, uid)
		}
		byUID[uid] = append(byUID[uid], &ical.Component{Name: "VEVENT", Properties: a.Properties, Line: a.Line})
	}
	for _, uid := range order {
		set, problems, err := recur.NewSet(calendar, byUID[uid], recur.SetOptions{Zones: w.zones, Floating: w.zone})
		if err == nil {
			err = doubt("", problems)
		}
		if err != nil {
			return free, err
		}
		if free, err = w.appendInstances(free, set); err != nil {
			return free, err
		}
	}
	return free, nil
}

// appendInstances appends the instances of a set in the window.
func (w *work) appendInstances(periods []freebusy.Period, set *recur.Set) ([]freebusy.Period, error) {
	budget := recur.NewBudget(min(recur.DefaultBudget, w.left))
	had := budget.Left()
	defer func() { w.left -= had - budget.Left() }()
	for in, err := range set.Between(w.from, w.to, budget) {
		if err != nil {
			return periods, err
		}
		periods = append(periods, freebusy.Period{Start: unix(in.Start), End: unix(in.End), Kind: freebusy.Busy})
	}
	return periods, nil
}

// availabilityNames are the properties of an inbox with availability: that of the standard
// (RFC 7953, 7.2.4), and that of older programs.
func availabilityNames() []store.PropertyName {
	return []store.PropertyName{
		{Namespace: "urn:ietf:params:xml:ns:caldav", Local: "calendar-availability"},
		{Namespace: "http://calendarserver.org/ns/", Local: "calendar-availability"},
	}
}

// readInboxAvailability adds the availability that a client has set on the inbox.
func (w *work) readInboxAvailability(ctx context.Context, r store.Reader) error {
	w.calendar = store.InboxName
	list, err := r.Properties(ctx, store.PropertyPlace{Account: w.account, Calendar: store.InboxName})
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	failed := func(err error) { w.unknown(&store.Component{}, err) }
	for _, name := range availabilityNames() {
		i := slices.IndexFunc(list, func(p store.Property) bool { return p.PropertyName == name })
		if i < 0 {
			continue
		}
		text, err := textOfXML(list[i].Value)
		if err != nil {
			failed(err)
			return nil
		}
		calendar, problems, err := ical.Parse(text, ical.Options{Lenient: true})
		if err == nil {
			err = doubt(text, problems)
		}
		if err != nil {
			failed(err)
			return nil
		}
		w.readAvailability(calendar, failed)
		return nil // the older name says the same
	}
	return nil
}

// textOfXML returns the text in XML, without that of blanks around it.
func textOfXML(value string) (string, error) {
	d := xml.NewDecoder(strings.NewReader(value))
	var text strings.Builder
	for {
		token, err := d.RawToken()
		switch {
		case errors.Is(err, io.EOF):
			return strings.TrimSpace(text.String()) + "\r\n", nil
		case err != nil:
			return "", fmt.Errorf("the property is not valid XML: %w", err)
		}
		if data, ok := token.(xml.CharData); ok {
			text.Write(data)
		}
	}
}
