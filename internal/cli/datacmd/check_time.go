package datacmd

import (
	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/pkg/ical"
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
