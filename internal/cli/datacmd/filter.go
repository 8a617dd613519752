package datacmd

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/pkg/calio"
	"github.com/davadmin/davadmin/pkg/recur"
	"github.com/davadmin/davadmin/pkg/store"
)

// filterOptions select components of calendars.
type filterOptions struct {
	calendar  string
	ids       []string
	types     []string
	text      string
	organizer string
	from, to  string
	timezone  string

	clock  clock
	filter calio.Filter
}

func (o *filterOptions) add(cmd *cobra.Command, verb string) {
	f := cmd.Flags()
	f.StringArrayVarP(&o.ids, "uid", "i", nil, verb+" only the component with this `UID`, or with this URI in the calendar (repeatable)")
	f.StringSliceVar(&o.types, "type", nil, verb+" only components of this `TYPE`, such as VEVENT or VTODO (repeatable)")
	_ = cmd.RegisterFlagCompletionFunc("type", cobra.FixedCompletions(store.ComponentTypes(), cobra.ShellCompDirectiveNoFileComp))
	f.StringVar(&o.text, "text", "", verb+" only components that have this `TEXT` in their summary, description, location or another property for people, in any letter case")
	f.StringVar(&o.organizer, "organizer", "", verb+" only components with the organizer `ADDRESS`")
	f.StringVar(&o.from, "from", "", verb+" only what takes place from this `TIME` on, such as 2026-03-01 or 2026-03-01T08:00")
	f.StringVar(&o.to, "to", "", verb+" only what takes place before this `TIME`")
	f.StringVar(&o.timezone, "timezone", "", "read times without an offset, and floating ones, in this `ZONE`, such as Europe/Berlin (default: UTC)")
}

// given reports whether an option restricts what is selected in a calendar.
func (o *filterOptions) given() bool {
	return len(o.ids)+len(o.types) > 0 || o.text != "" || o.organizer != "" || o.from != "" || o.to != ""
}

// parse checks the options.
func (o *filterOptions) parse() (err error) {
	if o.clock, err = newClock(o.timezone); err != nil {
		return err
	}
	o.filter = calio.Filter{Text: o.text, Organizer: store.CutMailto(strings.TrimSpace(o.organizer))}
	if !o.clock.floating {
		o.filter.Zone = o.clock.zone
	}
	for _, t := range o.types {
		t = strings.ToUpper(strings.TrimSpace(t))
		if !slices.Contains(store.ComponentTypes(), t) {
			return cmdutil.Usagef("--type: '%s' is not known; use %s", t, strings.Join(store.ComponentTypes(), ", "))
		}
		o.filter.Types = append(o.filter.Types, t)
	}
	for _, limit := range []struct {
		option, value string
		to            *time.Time
	}{{"--from", o.from, &o.filter.From}, {"--to", o.to, &o.filter.To}} {
		if limit.value == "" {
			continue
		}
		unix, err := o.clock.parse(limit.value)
		if err != nil {
			return cmdutil.Usagef("%s: %v", limit.option, err)
		}
		*limit.to = time.Unix(unix, 0).UTC()
	}
	if !o.filter.From.IsZero() && !o.filter.To.IsZero() && !o.filter.From.Before(o.filter.To) {
		return cmdutil.Usagef("--to: '%s' is not later than --from", o.to)
	}
	if slices.Contains(o.ids, "") {
		return cmdutil.Usagef("-i: the UID is empty")
	}
	if len(o.ids) > store.MaxNames {
		return cmdutil.Usagef("-i can be given at most %d times", store.MaxNames)
	}
	return nil
}

// resolve finds out which of -i are UIDs, and which are URIs, in one calendar. None is true if
// the calendar has none of them.
func (o *filterOptions) resolve(ctx context.Context, r store.Reader, account, calendar string) (f calio.Filter, none bool, err error) {
	f = o.filter
	if len(o.ids) == 0 {
		return f, false, nil
	}
	names := map[string]bool{}
	for _, by := range []store.ComponentFilter{{UIDs: o.ids}, {Names: o.ids}} {
		for c, err := range r.Components(ctx, account, calendar, by) {
			if err != nil {
				return f, false, err
			}
			names[c.Name] = true
		}
	}
	for name := range names {
		f.Names = append(f.Names, name)
	}
	slices.Sort(f.Names)
	return f, len(names) == 0, nil
}

// calendars returns the calendars of an account that the options select: one, or all that hold
// components of their own.
func (o *filterOptions) calendars(ctx context.Context, r store.Reader, account string) (out []*store.Calendar, err error) {
	if o.calendar != "" {
		c, err := r.Calendar(ctx, account, o.calendar)
		if errors.Is(err, store.ErrNotFound) {
			return nil, errNoCalendar
		}
		return []*store.Calendar{c}, err
	}
	for c, err := range r.Calendars(ctx, account, store.CalendarFilter{}) {
		if err != nil {
			return nil, err
		}
		if c.Kind == store.PlainCalendar {
			out = append(out, c)
		}
	}
	return out, nil
}

// errNoCalendar is returned if the calendar of -n does not exist.
var errNoCalendar = errors.New("the calendar does not exist")

// firstStart returns the first instance of a component; nil if it has none, or if that takes
// too long to find.
func firstStart(x *calio.Selected) *recur.Instance {
	if x.Object == nil || x.Object.Set() == nil {
		return nil
	}
	first, _ := firstOf(x.Object.Set(), firstInstant, recur.NewBudget(recur.DefaultBudget))
	return first
}
