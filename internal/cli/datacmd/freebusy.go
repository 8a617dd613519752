package datacmd

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/cli/storehome"
	"github.com/davadmin/davadmin/internal/listfile"
	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/freebusy"
	"github.com/davadmin/davadmin/pkg/freebusy/local"
	"github.com/davadmin/davadmin/pkg/store"
)

// freeBusy is the action 'freebusy show'.
type freeBusy struct {
	console     *cmdutil.Console
	hints       *cmdutil.Hints
	input       *cmdutil.Input
	getenv      func(string) string
	now         func() time.Time
	directories *cmdutil.Directories
	homes       *storehome.Homes
	cmdutil.DirectoryOptions
	people   []string
	batch    string
	from, to string
	timezone string
	slots    time.Duration
	work     string
	explain  bool

	clock    clock
	window   freebusy.Window
	location *time.Location
	hours    freebusy.Hours
	doubts   map[string]*freeBusyDoubts // of people of this server, by address
}

// NewFreebusy returns the operation 'freebusy'. Without an action, it shows free/busy.
func NewFreebusy(f *cmdutil.Factory) *cobra.Command {
	o := newFreeBusy(f)
	cmd := &cobra.Command{
		Use:     "freebusy [ACTION] [OPTIONS]",
		Short:   "show when people are free and busy, whichever server they are on",
		GroupID: cmdutil.GroupWork,
		Long: `Shows when people are free and busy: those on this server, from its database, and those on
the old server, by asking it.

Without an action, 'freebusy' is 'freebusy show'.`,
		Example: `  davadmin freebusy show -a jdoe@example.com -a boss@example.com
  davadmin freebusy show -f team.txt --from 2026-03-02 --to 2026-03-07 --zone Europe/Berlin`,
		Args: cmdutil.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := cmdutil.RefuseMirrored(cmd); err != nil {
				return err
			}
			return o.start(cmd)
		},
	}
	o.addTo(cmd)
	cmd.AddCommand(newFreeBusyShow(f))
	return cmd
}

func newFreeBusy(f *cmdutil.Factory) *freeBusy {
	return &freeBusy{
		console: f.Console, hints: f.Hints, input: f.Input, getenv: f.Getenv, now: f.Now, directories: f.Directories, homes: storehome.NewHomes(f),
		doubts: map[string]*freeBusyDoubts{},
	}
}

func newFreeBusyShow(f *cmdutil.Factory) *cobra.Command {
	o := newFreeBusy(f)
	cmd := &cobra.Command{
		Use:   "show -a ADDRESS... | -f FILE [--from TIME] [--to TIME] [--zone ZONE] [--explain]",
		Short: "show when people are free and busy",
		Long: `Shows when people are free and busy, as one bar for each person and day, and the times at
which everybody is free in working hours.

Each person is looked up in the directory and routed as the calendar server does it, which
'coexist explain' explains: people of this server are read from its database, and people on
the old server are asked for by iSchedule, several at a time. Without a directory, people are
looked up in the accounts alone. Only times are shown, never titles.

Somebody who could not be asked, or whose answer cannot be read, is shown as unknown (?), and
never as free: then the exit code is 4, or 1 if nothing is known about anybody. --explain says
for each person which server was asked, by which route, what it answered and how long it took.

--output table draws the bars, plain and csv have one line for each busy period, html is a
page with a picture that needs no other file, ics has a VFREEBUSY for each person (RFC 5545),
in which unknown times have FBTYPE=X-UNKNOWN, and json has all of it.`,
		Example: `  davadmin freebusy show -a jdoe@example.com -a boss@example.com --zone Europe/Berlin
  davadmin freebusy show -f team.txt --from 2026-03-02 --to 2026-03-07 --slots 1h --explain
  davadmin freebusy show -f team.txt --output html > team.html`,
		Args: cmdutil.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.start(cmd) },
	}
	o.addTo(cmd)
	return cmd
}

func (o *freeBusy) addTo(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringArrayVarP(&o.people, "account", "a", nil, "mail `ADDRESS` of a person (repeatable; default: DAVADMIN_ACCOUNT)")
	f.StringVarP(&o.batch, "file", "f", "", "`FILE` with one address per line (- for standard input)")
	f.StringVar(&o.from, "from", "", "first `TIME`, such as 2026-03-02 or 2026-03-02T08:00 (default: today)")
	f.StringVar(&o.to, "to", "", "`TIME` that ends the period, which does not contain it (default: a day after --from)")
	f.StringVar(&o.timezone, "zone", "", "`ZONE` of all times, such as Europe/Berlin (default: UTC)")
	f.DurationVar(&o.slots, "slots", 30*time.Minute, "shortest common free time")
	f.StringVar(&o.work, "work", "09:00-17:00", "working `HOURS`, from Monday to Friday")
	f.BoolVar(&o.explain, "explain", false, "say for each person which server was asked, and what it answered")
	o.DirectoryOptions.Add(cmd)
}

// start checks the options.
func (o *freeBusy) start(cmd *cobra.Command) error {
	if err := o.DirectoryOptions.Check(cmd); err != nil {
		return err
	}
	if err := o.parse(); err != nil {
		return err
	}
	format, err := o.console.Format(ui.Table, ui.Plain, ui.JSON, ui.CSV, ui.ICS, ui.HTML)
	if err != nil {
		return err
	}
	people, err := o.addresses(cmd.Context())
	if err != nil {
		return err
	}
	return o.run(cmd.Context(), people, format)
}

// parse reads the times.
func (o *freeBusy) parse() (err error) {
	if o.clock, err = newClock(o.timezone); err != nil {
		return cmdutil.Usagef("%s", strings.Replace(err.Error(), "--timezone", "--zone", 1))
	}
	o.location = o.clock.zone.Location()
	if o.location == nil {
		return cmdutil.Usagef("--zone: '%s' is not a zone of the IANA database", o.timezone)
	}
	if o.slots <= 0 || o.slots > 24*time.Hour {
		return cmdutil.Usagef("--slots: %s is not between a second and a day", o.slots)
	}
	now := o.now().In(o.location)
	o.window.Start = time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, o.location)
	if o.from != "" {
		unix, err := o.clock.parse(o.from)
		if err != nil {
			return cmdutil.Usagef("--from: %v", err)
		}
		o.window.Start = time.Unix(unix, 0).In(o.location)
	}
	o.window.End = o.window.Start.AddDate(0, 0, 1)
	if o.to != "" {
		unix, err := o.clock.parse(o.to)
		if err != nil {
			return cmdutil.Usagef("--to: %v", err)
		}
		o.window.End = time.Unix(unix, 0).In(o.location)
	}
	switch {
	case !o.window.End.After(o.window.Start):
		return cmdutil.Usagef("--to: '%s' is not later than --from", o.to)
	case o.window.End.Sub(o.window.Start) > local.MaxWindow:
		return cmdutil.Usagef("--to: the period is longer than %d days", int(local.MaxWindow.Hours()/24))
	}
	return o.parseWork()
}

// parseWork reads --work.
func (o *freeBusy) parseWork() error {
	from, to, ok := strings.Cut(o.work, "-")
	start, err := time.Parse("15:04", from)
	end, err2 := time.Parse("15:04", to)
	if !ok || err != nil || err2 != nil || !end.After(start) {
		return cmdutil.Usagef("--work: '%s' does not have the form 09:00-17:00", o.work)
	}
	since := func(t time.Time) time.Duration {
		return time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute
	}
	o.hours = freebusy.Hours{From: since(start), To: since(end), Zone: o.location}
	for day := time.Monday; day <= time.Friday; day++ {
		o.hours.Days[day] = true
	}
	return nil
}

// maxPeople bounds the people of one run.
const maxPeople = 1000

// addresses returns the people, each once.
func (o *freeBusy) addresses(ctx context.Context) ([]string, error) {
	out := slices.Clone(o.people)
	if len(out) == 0 && o.batch == "" {
		if a := o.getenv("DAVADMIN_ACCOUNT"); a != "" {
			out = []string{a}
		}
	}
	if o.batch != "" {
		form := cmdutil.BatchForm{Columns: []string{"account", "mail", "email", "address"}, Single: true, Line: func(f listfile.Fields) (string, error) {
			for _, name := range []string{"account", "mail", "email", "address"} {
				if v := f.Get(name); v != "" {
					return v, nil
				}
			}
			return "", nil
		}}
		err := o.input.EachBatch(ctx, o.batch, form, func(b *cmdutil.BatchLine) error {
			if line := cmdutil.TrimBatchLine(b.Text); line != "" {
				out = append(out, line)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	seen := map[string]bool{}
	out = slices.DeleteFunc(out, func(a string) bool {
		key := store.FoldAddress(store.CutMailto(strings.TrimSpace(a)))
		had := seen[key]
		seen[key] = true
		return had
	})
	switch {
	case len(out) == 0:
		return nil, cmdutil.Usagef("missing person: use -a ADDRESS or -f FILE")
	case len(out) > maxPeople:
		return nil, cmdutil.Usagef("more than %d people; ask about fewer at a time", maxPeople)
	}
	for i, a := range out {
		out[i] = store.CutMailto(strings.TrimSpace(a))
		if err := store.CheckAddress(out[i]); err != nil {
			return nil, cmdutil.Usagef("'%s' %v", ui.Sanitize(out[i]), err)
		}
	}
	return out, nil
}

// cell returns how long a character of a bar is: it divides an hour.
func (o *freeBusy) cell() time.Duration {
	for _, c := range []time.Duration{30 * time.Minute, 15 * time.Minute} {
		if o.slots >= c {
			return c
		}
	}
	return 10 * time.Minute
}

// words returns the period for messages.
func (o *freeBusy) words() string {
	return fmt.Sprintf("%s to %s", o.window.Start.Format(time.RFC3339), o.window.End.Format(time.RFC3339))
}
