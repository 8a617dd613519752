package datacmd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/ui"
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
	found  map[string][]string // what resolve found: the names of resources by UID or URI
}

func (o *filterOptions) add(cmd *cobra.Command, verb string) {
	f := cmd.Flags()
	f.StringArrayVarP(&o.ids, "uid", "i", nil, verb+" only the component with this `UID`, or with this URI in the calendar (repeatable)")
	f.StringArrayVar(&o.types, "type", nil, verb+" only components of this `TYPE`, such as VEVENT or VTODO (repeatable)")
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
	if o.organizer != "" && o.filter.Organizer == "" {
		return cmdutil.Usagef("--organizer: '%s' is not an address", o.organizer)
	}
	if !o.clock.floating {
		o.filter.Zone = o.clock.zone
	}
	for _, t := range strings.FieldsFunc(strings.Join(o.types, ","), func(r rune) bool { return r == ',' }) {
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
	slices.Sort(o.ids)
	if o.ids = slices.Compact(o.ids); len(o.ids) > maxIDs {
		return cmdutil.Usagef("-i can be given at most %d times", maxIDs)
	}
	return nil
}

// maxIDs bounds the values of -i. Each can be the UID of one component and the URI of another.
const maxIDs = store.MaxNames / 2

// resolve finds out which of -i are UIDs, and which are URIs, in one calendar, and adds them to
// found. None is true if the calendar has none of them.
func (o *filterOptions) resolve(ctx context.Context, r store.Reader, account, calendar string) (f calio.Filter, none bool, err error) {
	f = o.filter
	if len(o.ids) == 0 {
		return f, false, nil
	}
	if o.found == nil {
		o.found = map[string][]string{}
	}
	for _, by := range []store.ComponentFilter{{UIDs: o.ids}, {Names: o.ids}} {
		for c, err := range r.Components(ctx, account, calendar, by) {
			if err != nil {
				return f, false, err
			}
			id := c.UID
			if by.UIDs == nil {
				id = c.Name
			}
			o.found[id] = append(o.found[id], c.Name)
			f.Names = append(f.Names, c.Name)
		}
	}
	slices.Sort(f.Names)
	f.Names = slices.Compact(f.Names)
	return f, len(f.Names) == 0, nil
}

// missing returns the values of -i that resolve has not found.
func (o *filterOptions) missing() []string {
	return slices.DeleteFunc(slices.Clone(o.ids), func(id string) bool { return o.found[id] != nil })
}

// errNothing is returned if nothing of -i was found.
var errNothing = errors.New("nothing was found")

// missingError names the values of -i that were not found, and returns the error about them; nil
// if all were found.
func (o *filterOptions) missingError(c *cmdutil.Console) error {
	missing := o.missing()
	for _, id := range missing {
		c.Say("davadmin: calcomponent: " + ui.Sanitize(id) + ": no component has this UID or URI")
	}
	switch len(missing) {
	case 0:
		return nil
	case len(o.ids):
		return errNothing
	}
	return &cmdutil.PartialError{Text: fmt.Sprintf("not found: %d of %d", len(missing), len(o.ids))}
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
	if x.Set() == nil {
		return nil
	}
	first, _ := firstOf(x.Set(), firstInstant, recur.NewBudget(recur.DefaultBudget))
	return first
}
