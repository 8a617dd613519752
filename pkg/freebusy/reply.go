package freebusy

import (
	"fmt"
	"strings"
	"time"

	"github.com/davadmin/davadmin/pkg/ical"
)

// Reply is what is known about one person, for a VFREEBUSY (RFC 5545, section 3.6.4).
type Reply struct {
	UID     string // of the component
	Address string // mail address of the person
	Window  Window
	Periods []Period
}

// Calendar returns a VCALENDAR with a VFREEBUSY for each reply. Periods are merged. Times
// are written in whole seconds of UTC: a start is rounded down and an end up, so that a
// person never looks free for a part of a second in which the person is not. Unknown times
// have the type X-UNKNOWN, which readers must treat as BUSY.
func Calendar(prodID string, stamp time.Time, replies []Reply) *ical.Component {
	calendar := ical.NewComponent("VCALENDAR")
	calendar.Add("VERSION", "2.0")
	calendar.Add("PRODID", ical.EscapeText(prodID))
	calendar.Add("METHOD", "PUBLISH")
	for i := range replies {
		calendar.AddComponent(replies[i].component(stamp))
	}
	return calendar
}

// component returns the VFREEBUSY of a reply.
func (r *Reply) component(stamp time.Time) *ical.Component {
	c := ical.NewComponent("VFREEBUSY")
	c.Add("UID", ical.EscapeText(r.UID))
	c.Add("DTSTAMP", utc(stamp))
	c.Add("ORGANIZER", mailto(r.Address))
	c.Add("DTSTART", utc(r.Window.Start))
	c.Add("DTEND", utc(ceil(r.Window.End)))
	whole := make([]Period, len(r.Periods)) // rounded before they are merged, so that they do not overlap
	for i, p := range r.Periods {
		whole[i] = Period{Start: p.Start.Truncate(time.Second), End: ceil(p.End), Kind: p.Kind}
	}
	for _, p := range Merge(Window{r.Window.Start.Truncate(time.Second), ceil(r.Window.End)}, whole) {
		c.Add("FREEBUSY", utc(p.Start)+"/"+utc(p.End), ical.Param{Name: "FBTYPE", Values: []string{p.Kind.FBType()}})
	}
	return c
}

// utc returns a time as a DATE-TIME in UTC, rounded down to a second.
func utc(t time.Time) string { return t.UTC().Format("20060102T150405Z") }

// ceil rounds a time up to a second.
func ceil(t time.Time) time.Time {
	if whole := t.Truncate(time.Second); whole.Before(t) {
		return whole.Add(time.Second)
	}
	return t
}

// mailto returns the URI of a mail address (RFC 6068, section 2). Everything that could end
// the value, or begin another part of the URI, is encoded.
func mailto(address string) string {
	var b strings.Builder
	b.WriteString("mailto:")
	for i := range len(address) {
		switch c := address[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("-._~+@", c) >= 0:
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}
