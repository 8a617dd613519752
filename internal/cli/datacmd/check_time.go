package datacmd

import (
	"fmt"
	"time"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/pkg/ical"
	"github.com/davadmin/davadmin/pkg/recur"
)

// setWindow sets the period of --expand.
func (o *check) setWindow() error {
	now := o.now()
	o.today = now.Unix()
	from := o.zone.Unix(o.zone.Civil(now.Unix()).Day())
	if o.from != "" {
		var err error
		if from, err = o.parse(o.from); err != nil {
			return cmdutil.Usagef("--from: %v", err)
		}
	}
	year, month, day := o.zone.Civil(from).Date()
	clock := o.zone.Civil(from) - o.zone.Civil(from).Day()
	to := o.zone.Unix(ical.DayOf(year+1, month, day) + clock)
	if o.to != "" {
		var err error
		if to, err = o.parse(o.to); err != nil {
			return cmdutil.Usagef("--to: %v", err)
		}
	}
	if to <= from {
		return cmdutil.Usagef("--to: '%s' is not later than --from", o.to)
	}
	o.window = [2]int64{from, to}
	return nil
}

// parse parses a time of an option. Without an offset it is one of --timezone.
func (o *check) parse(s string) (int64, error) {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04Z07:00", "20060102T150405Z"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.Unix(), nil
		}
	}
	for _, layout := range []string{time.DateOnly, "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02 15:04", "20060102", "20060102T150405"} {
		if t, err := time.Parse(layout, s); err == nil {
			return o.zone.Unix(ical.Civil(t.Unix())), nil
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
func (o *check) format(unix int64) string {
	offset := o.zone.Offset(unix)
	if o.floating || offset%60 != 0 { // RFC 3339 has no seconds in offsets
		return civil(ical.Civil(unix)) + "Z"
	}
	sign := '+'
	if offset < 0 {
		sign, offset = '-', -offset
	}
	return fmt.Sprintf("%s%c%02d:%02d", civil(o.zone.Civil(unix)), sign, offset/3600, offset/60%60)
}

// times returns the start and the end of an instance.
func (o *check) times(i recur.Instance) times {
	switch {
	case i.AllDay:
		return times{Start: date(i.Civil), End: date(o.zone.Civil(i.End)), AllDay: true}
	case i.Floating && o.floating:
		return times{Start: civil(i.Civil), End: civil(o.zone.Civil(i.End))}
	}
	return times{Start: o.format(i.Start), End: o.format(i.End)}
}

// recurrenceID returns which instance of a series one is, or "" if there is no series.
func (o *check) recurrenceID(i recur.Instance) string {
	switch {
	case !i.Recurring:
		return ""
	case i.AllDay:
		return date(o.zone.Civil(i.RecurrenceID))
	case i.Floating && o.floating:
		return civil(o.zone.Civil(i.RecurrenceID))
	}
	return o.format(i.RecurrenceID)
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
