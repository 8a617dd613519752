package local

import (
	"fmt"
	"strings"

	"github.com/davadmin/davadmin/pkg/freebusy"
	"github.com/davadmin/davadmin/pkg/ical"
	"github.com/davadmin/davadmin/pkg/store"
)

// busyTimes adds the periods of a stored VFREEBUSY (RFC 4791, 7.10). If one of them cannot be
// read, the rest of the component is Unknown.
func (w *work) busyTimes(c *store.Component, calendar *ical.Component) {
	for child := range calendar.Children("VFREEBUSY") {
		for p := range child.All("FREEBUSY") {
			kind := freebusy.ParseFBType(p.Param("FBTYPE"))
			for text := range strings.SplitSeq(p.Value(), ",") {
				from, to, err := period(text)
				if err != nil {
					w.unknown(c, err)
					continue
				}
				w.add(from, to, kind)
			}
		}
	}
}

// period returns the times of a period, which must be in UTC (RFC 5545, 3.8.2.6).
func period(text string) (from, to int64, err error) {
	const longest = 64
	p, err := ical.ParsePeriod(strings.TrimSpace(text))
	if err != nil || p.Start.Form != ical.UTC || p.HasEnd && p.End.Form != ical.UTC {
		return 0, 0, fmt.Errorf("%.*q is not a period in UTC", longest, text)
	}
	from, to = int64(p.Start.Civil), int64(p.End.Civil)
	if !p.HasEnd {
		to = from + p.Duration.Days*ical.SecondsPerDay + p.Duration.Seconds
	}
	if to < from {
		return 0, 0, fmt.Errorf("the period %.*q ends before it starts", longest, text)
	}
	return from, to, nil
}
