package datacmd

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/cli/storehome"
	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/account"
	"github.com/davadmin/davadmin/pkg/calio"
	"github.com/davadmin/davadmin/pkg/ical"
	"github.com/davadmin/davadmin/pkg/recur"
	"github.com/davadmin/davadmin/pkg/store"
)

// list is the action 'calcomponent list'.
type list struct {
	console *cmdutil.Console
	hints   *cmdutil.Hints
	placeOptions
	filterOptions
	expand bool
	limit  int

	unread int // components that cannot be read
	listed int
}

func newListing(f *cmdutil.Factory) *list {
	return &list{console: f.Console, hints: f.Hints, placeOptions: placeOptions{getenv: f.Getenv, homes: storehome.NewHomes(f)}}
}

func newList(f *cmdutil.Factory) *cobra.Command {
	o := newListing(f)
	cmd := &cobra.Command{
		Use:   "list -a ADDRESS [-n NAME] [-i UID] [--from TIME] [--to TIME] [--text TEXT] [--expand]",
		Short: "list events, tasks and journals of calendars",
		Long: `Lists the components of one calendar of an account or, without -n, of all its calendars:
when the first instance starts and ends, the type, the summary, the calendar, the UID and the
URI in the calendar.

--from and --to select what takes place in a period, whatever its first instance. With
--expand, each instance in that period is listed, with its start, end and recurrence id.
Times are shown in UTC, or in the zone of --timezone, with their offset. Floating times have
no zone: they are shown without an offset. All-day events are shown as dates; their end is
the day after the last one.

A component whose text cannot be read is named, and so is a UID or URI that is not found. The
exit code is 4 then, or 1 if none is found. Data on availability has no instances; a period selects it by its first and last time.`,
		Example: `  davadmin calcomponent list -a jdoe@example.com
  davadmin calcomponent list -a jdoe@example.com -n work --from 2026-03-01 --to 2026-04-01 --expand --timezone Europe/Berlin
  davadmin calcomponent list -a jdoe@example.com --text dentist --output jsonl`,
		Args: cmdutil.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context()) },
	}
	o.addTo(cmd)
	return cmd
}

func (o *list) addTo(cmd *cobra.Command) {
	o.placeOptions.add(cmd)
	f := cmd.Flags()
	f.StringVarP(&o.filterOptions.calendar, "name", "n", "", "`NAME` of the calendar (default: all calendars of the account)")
	o.filterOptions.add(cmd, "list")
	f.BoolVar(&o.expand, "expand", false, "list the instances from --from to --to")
	f.IntVar(&o.limit, "limit", 0, "list at most this `NUMBER` of components or instances (0 means all)")
}

func (o *list) run(ctx context.Context) (err error) {
	switch {
	case o.limit < 0:
		return cmdutil.Usagef("--limit: %d is negative (use 0 for all)", o.limit)
	case o.expand && (o.from == "" || o.to == ""):
		return cmdutil.Usagef("--expand: use --from and --to, because a series may have no end")
	}
	if err := o.parse(); err != nil {
		return err
	}
	format, err := o.console.Format(cmdutil.ListFormats()...)
	if err != nil {
		return err
	}
	t, err := o.target(ctx, cmdutil.DefaultLockTimeout, account.Retry{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.home.Close()) }()
	err = cmdutil.PrintProduced(o.listing(), o.console, format, func(emit func(*componentRecord) error) error {
		err := t.store.View(ctx, func(ctx context.Context, r store.Reader) error { return o.all(ctx, r, t.found, emit) })
		if err != nil {
			return err
		}
		return o.incomplete()
	})
	if errors.Is(err, errNoCalendar) {
		return t.noCalendar(o.hints, o.filterOptions.calendar)
	}
	return err
}

// incomplete returns the error for what was not listed, or nil. A listing that the limit has cut
// short did not look for everything.
func (o *list) incomplete() error {
	var missing error
	if o.limit == 0 || o.listed < o.limit {
		missing = o.missingError(o.console)
	}
	switch {
	case missing != nil:
		return missing
	case o.unread > 0:
		return &cmdutil.PartialError{Text: cmdutil.Plural(o.unread, "component") + " could not be read completely; see the messages above"}
	}
	return nil
}

// errEnough ends a listing at --limit.
var errEnough = errors.New("the limit was reached")

// all emits what the options select.
func (o *list) all(ctx context.Context, r store.Reader, found account.Found, emit func(*componentRecord) error) error {
	calendars, err := o.calendars(ctx, r, found.Account.ID)
	if err != nil {
		return err
	}
	o.unread, o.listed, o.found = 0, 0, nil
	for _, c := range calendars {
		f, none, err := o.resolve(ctx, r, found.Account.ID, c.Name)
		if err != nil {
			return err
		}
		if none {
			continue
		}
		s := calio.NewSelector(f, o.clock.zones)
		for x, err := range s.Components(ctx, r, found.Account.ID, c.Name) {
			if err == nil {
				err = o.one(s, found.Account.Mail(), c.Name, x, emit)
			}
			if errors.Is(err, errEnough) {
				return nil
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// one emits a component, or its instances.
func (o *list) one(s *calio.Selector, address, calendar string, x *calio.Selected, emit func(*componentRecord) error) error {
	if x.Err != nil {
		o.unreadable(calendar, x.Name, x.Err)
		if x.Object == nil {
			return nil
		}
	}
	if !o.expand {
		return o.emit(o.component(address, calendar, x), emit)
	}
	for in, err := range s.Instances(x) {
		if err != nil {
			if x.Err == nil {
				o.unreadable(calendar, x.Name, fmt.Errorf("not all instances are listed: %w", err))
			}
			return nil
		}
		if undated(in) {
			continue
		}
		if err := o.emit(o.instance(address, calendar, x, in), emit); err != nil {
			return err
		}
	}
	return nil
}

func (o *list) emit(r *componentRecord, emit func(*componentRecord) error) error {
	if o.limit > 0 && o.listed == o.limit {
		return errEnough
	}
	o.listed++
	return emit(r)
}

func (o *list) unreadable(calendar, name string, err error) {
	o.unread++
	o.console.Say("davadmin: calcomponent: " + ui.Sanitize(calendar) + "/" + ui.Sanitize(name) + ": " + ui.Sanitize(err.Error()))
}

// component returns the record of a component.
func (o *list) component(address, calendar string, x *calio.Selected) *componentRecord {
	out := &componentRecord{
		Kind: "component", Account: address, Calendar: calendar, URI: x.Name, UID: x.UID, Type: x.Type, Status: x.Status, Recurring: x.Recurring,
		Transparent: x.Transparent, Size: x.Size, ETag: x.ETag, Created: cmdutil.TimeText(x.Created), Changed: cmdutil.TimeText(x.Changed),
	}
	if main := mainOf(x); main != nil {
		out.Summary = ical.UnescapeText(main.Value("SUMMARY"))
		out.Organizer = store.CutMailto(main.Value("ORGANIZER"))
	}
	if first := firstStart(x); first != nil {
		out.times, out.Timezone = o.clock.times(*first), zoneName(*first)
	}
	return out
}

// mainOf returns the component of an object that is not an override, or the first one.
func mainOf(x *calio.Selected) *ical.Component {
	return (&item{components: componentsOf(x.Object)}).main()
}

// instance returns the record of an instance.
func (o *list) instance(address, calendar string, x *calio.Selected, in recur.Instance) *componentRecord {
	out := &componentRecord{
		Kind: "instance", Account: address, Calendar: calendar, URI: x.Name, UID: x.UID, Type: x.Type, Recurring: in.Recurring,
		times: o.clock.times(in), Timezone: zoneName(in), RecurrenceID: o.clock.recurrenceID(in),
	}
	if in.Component != nil {
		out.Summary, out.Status = ical.UnescapeText(in.Component.Value("SUMMARY")), in.Component.Value("STATUS")
		out.Organizer = store.CutMailto(in.Component.Value("ORGANIZER"))
	}
	return out
}

// componentRecord is a component or an instance in JSON.
type componentRecord struct {
	Kind     string `json:"kind"` // component or instance
	Account  string `json:"account"`
	Calendar string `json:"calendar"`
	URI      string `json:"uri"`
	UID      string `json:"uid"`
	Type     string `json:"type"`
	times
	Timezone     string `json:"timezone,omitempty"`
	RecurrenceID string `json:"recurrence_id,omitempty"`
	Recurring    bool   `json:"recurring"`
	Summary      string `json:"summary,omitempty"`
	Organizer    string `json:"organizer,omitempty"`
	Status       string `json:"status,omitempty"`
	Transparent  bool   `json:"transparent,omitempty"`
	Size         int64  `json:"size,omitempty"`
	ETag         string `json:"etag,omitempty"`
	Created      string `json:"created,omitempty"`
	Changed      string `json:"changed,omitempty"`
}

// listing says how components are printed.
func (o *list) listing() cmdutil.List[*componentRecord] {
	return cmdutil.List[*componentRecord]{
		Schema: "davadmin.calcomponent.list.1", Member: "components",
		Header: []string{"start", "end", "timezone", "type", "summary", "calendar", "uid", "uri", "recurrence-id", "recurring", "status", "organizer", "size"},
		Record: func(r *componentRecord) []string {
			size := ""
			if r.Kind == "component" {
				size = strconv.FormatInt(r.Size, 10)
			}
			return []string{r.Start, r.End, r.Timezone, r.Type, r.Summary, r.Calendar, r.UID, r.URI, r.RecurrenceID, strconv.FormatBool(r.Recurring), r.Status, r.Organizer, size}
		},
		Columns: []ui.Column{
			{Title: "start", Essential: true}, {Title: "end", Optional: true, Priority: 2}, {Title: "type", Optional: true, Priority: 3}, {Title: "summary", Essential: true},
			{Title: "calendar", Priority: 4}, {Title: "uid", Key: true},
		},
		Row: func(r *componentRecord) []string {
			return []string{r.Start, r.End, r.Type, ui.Clip(r.Summary, maxSummary), r.Calendar, r.UID}
		},
		None: "no components",
	}
}
