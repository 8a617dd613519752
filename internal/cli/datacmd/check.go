package datacmd

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/calfile"
	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/finding"
)

// check is the action 'calcomponent check'.
type check struct {
	console *cmdutil.Console
	input   *cmdutil.Input
	now     func() time.Time
	cmdutil.FindingOptions
	home     cmdutil.HomeOptions // a clifile may set options
	paths    []string
	timezone string
	expand   bool
	from, to string
	limit    int
	limited  bool // --limit is given
	tmp      string

	clock
	today   int64
	window  [2]int64     // of --expand, in Unix seconds
	checked atomic.Int64 // items so far
}

const defaultInstances = 1000

func newCheck(f *cmdutil.Factory) *cobra.Command {
	o := &check{console: f.Console, input: f.Input, now: f.Now}
	cmd := &cobra.Command{
		Use:   "check -m FILE... [--timezone ZONE] [--expand [--from TIME] [--to TIME]]",
		Short: "find what is wrong with calendar files, and show when their events take place",
		Long: `Checks calendar data that a user sends in: iCalendar files (RFC 5545), jCal (RFC 7265),
directories with such files, zip and gzip archives, and standard input. The content
decides, not only the name. In directories, files named *.ics, *.ical, *.ifb and *.json are
checked.

Each item is reported: an event, a task or a journal with its overrides, that is, everything with
the same UID in a file. The report says whether it is valid, and when its first and its
next instance start. Each finding has a rule, a severity and the line in the file: an
error if the data has no certain meaning, a warning if a standard forbids something whose
meaning is clear, else an info. A file that is cut off is an error. The reading is lenient:
a broken component does not hide the others.

Times are shown in UTC, or in the zone of --timezone. Floating times have no zone: they are
shown without an offset, or read in the zone of --timezone. All-day events are shown as
dates; their end is the day after the last one, as in the file.

Limits: a file of iCalendar can have any size, an item and a jCal file 64 MiB, and an
archive 100,000 files, which unpack to 16 GiB and 250 times its size; archives inside
archives are not read. What exceeds a limit is an error. The search for instances ends after
a bounded number of steps; a recurrence rule that needs more is a finding.

The exit code is 3 if there is a finding at or above --fail-on. It is 1 if nothing could be
read, and 4 if a part could not; the rest is checked all the same. No home and no store is
used, and nothing is changed.`,
		Example: `  davadmin calcomponent check -m meeting.ics
  davadmin calcomponent check -m export.zip -m calendars/ --fail-on warning
  davadmin calcomponent check -m meeting.ics --expand --from 2026-03-01 --to 2026-04-01 --timezone Europe/Berlin
  davadmin calcomponent check -m - --output jsonl < meeting.ics`,
		Args: cmdutil.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			format, failOn, err := o.Begin(o.console)
			if err != nil {
				return err
			}
			if err := o.checkOptions(cmd); err != nil {
				return err
			}
			return o.run(cmd.Context(), format, failOn)
		},
	}
	flags := cmd.Flags()
	flags.StringArrayVarP(&o.paths, "path", "m", nil, "check this `FILE`: iCalendar, jCal, zip or gzip, a directory, or - for standard input (repeatable)")
	flags.StringVar(&o.timezone, "timezone", "", "show times in this `ZONE`, such as Europe/Berlin, and read floating times in it (default: UTC)")
	flags.BoolVar(&o.expand, "expand", false, "list the instances of each item from --from to --to")
	flags.StringVar(&o.from, "from", "", "with --expand: first `TIME`, such as 2026-03-01 or 2026-03-01T08:00 (default: today)")
	flags.StringVar(&o.to, "to", "", "with --expand: `TIME` that ends the list, which does not contain it (default: a year after --from)")
	flags.IntVar(&o.limit, "limit", defaultInstances, "with --expand: list at most this `NUMBER` of instances of an item (0 means all); more are an error only if it is not given")
	flags.StringVar(&o.tmp, "tmp", "", "`DIR` for temporary files, which are private to you (default: TMPDIR, else /tmp)")
	o.FindingOptions.Add(cmd)
	o.home.Add(flags)
	_ = cmd.RegisterFlagCompletionFunc("path", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return []string{"ics", "ical", "ifb", "json", "zip", "gz"}, cobra.ShellCompDirectiveFilterFileExt
	})
	return cmd
}

// checkOptions reads the options.
func (o *check) checkOptions(cmd *cobra.Command) error {
	if len(o.paths) == 0 {
		return cmdutil.Usagef("missing file: use -m FILE, or -m - for standard input")
	}
	stdin := 0
	for _, path := range o.paths {
		switch path {
		case "":
			return cmdutil.Usagef("option --path requires a value; '%s --help' lists the options", cmd.CommandPath())
		case "-":
			stdin++
		}
	}
	if stdin > 1 { // before anything is reported
		return cmdutil.Usagef("standard input (-) can be read only once, but -m - is given %d times", stdin)
	}
	var err error
	if o.clock, err = newClock(o.timezone); err != nil {
		return err
	}
	for _, name := range []string{"from", "to", "limit"} {
		if cmd.Flags().Changed(name) && !o.expand {
			return cmdutil.Usagef("--%s applies only with --expand", name)
		}
	}
	o.limited = cmd.Flags().Changed("limit")
	if o.limit < 0 {
		return cmdutil.Usagef("--limit: %d is negative (use 0 for all)", o.limit)
	}
	return o.setWindow()
}

func (o *check) run(ctx context.Context, format ui.Format, failOn finding.Severity) error {
	o.console.KeepGoing()
	began := o.now()
	if !o.console.Streams.OutTTY { // where the report is written
		stop := o.console.StartStatus(func() string {
			return cmdutil.Plural(int(o.checked.Load()), "item") + " checked"
		})
		defer stop()
	}
	t := &tally{rules: map[string]*finding.Outcome{}}
	err := o.print(format, t, func(emit func(record) error) error {
		r := &run{check: o, ctx: ctx, tally: t, emit: emit}
		s := &calfile.Source{Open: o.input.Open, Tmp: o.tmp, Text: r.text, Fault: r.fault}
		for _, path := range o.paths {
			if err := s.Each(ctx, path, cmdutil.BatchName(path)); err != nil {
				return err
			}
		}
		return nil
	}, func(err error) {
		t.Complete, t.Seconds = err == nil && t.Unread == 0, o.now().Sub(began).Seconds()
	})
	if err != nil {
		if ctx.Err() != nil {
			return o.incomplete(ctx.Err())
		}
		return err
	}
	return t.verdict(failOn)
}

func (o *check) incomplete(err error) error {
	_ = o.console.Streams.Flush() // the error is returned again at the end of the run
	return fmt.Errorf("the check is incomplete; the report covers only what was read: %w", err)
}

// verdict returns how the command ends.
func (t *tally) verdict(failOn finding.Severity) error {
	found := len(t.rules) > 0 && t.worst >= failOn
	totals := cmdutil.Plural(t.Errors, "error") + ", " + cmdutil.Plural(t.Warnings, "warning")
	if t.Errors+t.Warnings == 0 {
		totals = cmdutil.Plural(t.Infos, "info")
	}
	switch {
	case t.Unread > 0:
		text := cmdutil.Plural(t.Unread, "file") + " could not be read completely; see the messages above"
		if t.Files == 0 {
			return errors.New(text)
		}
		if found {
			text += "; " + totals + " in all"
		}
		return &cmdutil.PartialError{Text: text}
	case found:
		return cmdutil.Findingsf("%s", totals)
	}
	return nil
}
