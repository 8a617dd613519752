package datacmd

import (
	"fmt"
	"time"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/pkg/ical"
	"github.com/davadmin/davadmin/pkg/recur"
)

// clock reads and prints times in the zone of --timezone.
type clock struct {
	zones    *recur.Zones
	zone     *recur.Zone // of --timezone; UTC without it
	floating bool        // floating times have no zone, because --timezone is not given
}

// newClock returns the clock for a value of --timezone.
func newClock(timezone string) (clock, error) {
	c := clock{zones: recur.NewZones(), zone: recur.UTC(), floating: timezone == ""}
	if c.floating {
		return c, nil
	}
	if c.zone, _ = c.zones.Named(timezone); c.zone == nil {
		return c, cmdutil.Usagef("--timezone: '%s' is not a known time zone (use a name of the IANA database, such as Europe/Berlin)", timezone)
	}
	return c, nil
}

// parse parses a time of an option. Without an offset it is one of --timezone.
func (c *clock) parse(s string) (int64, error) {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04Z07:00", "20060102T150405Z"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.Unix(), nil
		}
	}
	for _, layout := range []string{time.DateOnly, "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02 15:04", "20060102", "20060102T150405"} {
		if t, err := time.Parse(layout, s); err == nil {
			return c.zone.Unix(ical.Civil(t.Unix())), nil
		}
	}
	return 0, fmt.Errorf("'%s' is not a valid time (such as 2026-03-01, 2026-03-01T08:00 or 2026-03-01T08:00Z)", s)
}

// civil formats a civil time as RFC 3339 does, without an offset.
func civil(c ical.Civil) string {
	hour, minute, second := c.Clock()
	return fmt.Sprintf("%sT%02d:%02d:%02d", date(c), hour, minute, second)
}

func date(c ical.Civil) string {
	year, month, day := c.Date()
	return fmt.Sprintf("%04d-%02d-%02d", year, int(month), day)
}

// format formats an instant as RFC 3339 does, in the zone of --timezone.
func (c *clock) format(unix int64) string {
	offset := c.zone.Offset(unix)
	if c.floating || offset%60 != 0 { // RFC 3339 has no seconds in offsets
		return civil(ical.Civil(unix)) + "Z"
	}
	sign := '+'
	if offset < 0 {
		sign, offset = '-', -offset
	}
	return fmt.Sprintf("%s%c%02d:%02d", civil(c.zone.Civil(unix)), sign, offset/3600, offset/60%60)
}

// times returns the start and the end of an instance.
func (c *clock) times(i recur.Instance) times {
	switch {
	case i.AllDay:
		return times{Start: date(i.Civil), End: date(c.zone.Civil(i.End)), AllDay: true}
	case i.Floating && c.floating:
		return times{Start: civil(i.Civil), End: civil(c.zone.Civil(i.End))}
	}
	return times{Start: c.format(i.Start), End: c.format(i.End)}
}

// recurrenceID returns which instance of a series one is, or "" if there is no series.
func (c *clock) recurrenceID(i recur.Instance) string {
	switch {
	case !i.Recurring:
		return ""
	case i.AllDay:
		return date(c.zone.Civil(i.RecurrenceID))
	case i.Floating && c.floating:
		return civil(c.zone.Civil(i.RecurrenceID))
	}
	return c.format(i.RecurrenceID)
}

// zoneName returns the name of the zone of an instance, for people.
func zoneName(i recur.Instance) string {
	switch {
	case i.AllDay:
		return ""
	case i.Floating:
		return "floating"
	case i.Zone == nil:
		return ""
	}
	return i.Zone.Name()
}
