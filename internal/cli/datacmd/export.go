package datacmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/cli/storehome"
	"github.com/davadmin/davadmin/internal/fsx"
	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/account"
	"github.com/davadmin/davadmin/pkg/calio"
	"github.com/davadmin/davadmin/pkg/store"
)

// The values of --format.
const (
	formatICS       = "ics"
	formatJCal      = "jcal"
	formatDirectory = "directory"
)

func exportFormats() []string { return []string{formatICS, formatJCal, formatDirectory} }

// export is the action 'calcomponent export'.
type export struct {
	console *cmdutil.Console
	hints   *cmdutil.Hints
	now     func() time.Time
	hook    fsx.Hook
	placeOptions
	filterOptions
	path        string
	format      string
	attachments string
	force       bool
	tmp         string

	done   atomic.Int64
	unread int
	files  int // of --extract-attachments
}

func newExport(f *cmdutil.Factory) *cobra.Command {
	o := &export{console: f.Console, hints: f.Hints, now: f.Now, hook: f.Hook, placeOptions: placeOptions{getenv: f.Getenv, homes: storehome.NewHomes(f)}}
	cmd := &cobra.Command{
		Use:   "export -a ADDRESS [-n NAME] -m FILE [--format FORMAT] [--from TIME] [--to TIME]",
		Short: "export calendars to files",
		Long: `Exports the components of one calendar of an account or, without -n, of all its calendars:
those that the filters select, which are those of 'calcomponent list'. The content of
components is never changed.

--format says how:
  ics        one iCalendar file with all components; each time zone is in it once, sorted by
             name, unless components define it in different ways. What surrounds an object
             in the store, such as PRODID, is left out.
  jcal       one file with a list of jCal objects (RFC 7265)
  directory  a directory with a file for each component, byte for byte as the store has it,
             named after its URI; without -n, a directory in it for each calendar

The order is that of the URIs, or that of the first instances with --from or --to, so that
two exports of the same data are equal. --extract-attachments writes the inline attachments
into a directory as well; the components keep theirs.

A component that cannot be read, or that would not be complete in the format, is named and
left out, the others are exported, and the exit code is 4. A directory has what is in the
store, whether it can be read or not.`,
		Example: `  davadmin calcomponent export -a jdoe@example.com -m jdoe.ics
  davadmin calcomponent export -a jdoe@example.com -n work -m work/ --format directory
  davadmin calcomponent export -a jdoe@example.com -m - --from 2026-01-01 | gzip > jdoe.ics.gz`,
		Args: cmdutil.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context()) },
	}
	o.placeOptions.add(cmd)
	flags := cmd.Flags()
	flags.StringVarP(&o.filterOptions.calendar, "name", "n", "", "`NAME` of the calendar (default: all calendars of the account)")
	flags.StringVarP(&o.path, "path", "m", "", "write to this `FILE`, or to this directory; - for standard output")
	flags.StringVar(&o.format, "format", formatICS, "`FORMAT` of the export: "+strings.Join(exportFormats(), ", "))
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(exportFormats(), cobra.ShellCompDirectiveNoFileComp))
	o.filterOptions.add(cmd, "export")
	flags.StringVar(&o.attachments, "extract-attachments", "", "also write the inline attachments into the new `DIR`")
	flags.BoolVar(&o.force, "force", false, "overwrite the file")
	flags.StringVar(&o.tmp, "tmp", "", "`DIR` for temporary files, which are private to you (default: TMPDIR, else /tmp)")
	return cmd
}

func (o *export) check() error {
	if err := o.parse(); err != nil {
		return err
	}
	switch {
	case o.path == "":
		return cmdutil.Usagef("missing file: use -m FILE, or -m - for standard output")
	case o.format != formatICS && o.format != formatJCal && o.format != formatDirectory:
		return cmdutil.Usagef("--format: '%s' is not known; use %s", o.format, strings.Join(exportFormats(), ", "))
	case o.format == formatDirectory && o.path == "-":
		return cmdutil.Usagef("a directory cannot be written to standard output; name one with -m DIR")
	case o.format != formatDirectory && strings.HasSuffix(o.path, "/"):
		return cmdutil.Usagef("-m: '%s' is a directory; add --format directory", o.path)
	case o.format != formatDirectory && o.path != "-":
		return cmdutil.CheckOutput(o.path, fsx.OutputOptions{Overwrite: o.force, Hook: o.hook})
	}
	return nil
}

func (o *export) run(ctx context.Context) (err error) {
	if err := o.check(); err != nil {
		return err
	}
	t, err := o.target(ctx, cmdutil.DefaultLockTimeout, account.Retry{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.home.Close()) }()
	began := o.now()
	stop := o.console.StartStatus(func() string {
		n := o.done.Load()
		return fmt.Sprintf("%d components, %.0f per second", n, float64(n)/max(o.now().Sub(began).Seconds(), 0.001))
	})
	err = o.write(ctx, t.store, t.found)
	stop()
	switch {
	case errors.Is(err, errNoCalendar):
		return t.noCalendar(o.hints, o.filterOptions.calendar)
	case errors.Is(err, errNothing): // without the name of the file that was not written
		return errNothing
	case err != nil:
		return err
	}
	o.console.Notef("exported %s", cmdutil.Plural(int(o.done.Load()), "component"))
	if o.attachments != "" {
		o.console.Notef("extracted %s", cmdutil.Plural(o.files, "attachment"))
	}
	if err := o.missingError(o.console); err != nil {
		return err
	}
	if o.unread > 0 {
		return &cmdutil.PartialError{Text: cmdutil.Plural(o.unread, "component") + " could not be exported completely; see the messages above"}
	}
	return nil
}

// write writes the export in its format.
func (o *export) write(ctx context.Context, st store.Store, found account.Found) error {
	var attachments *newDirectory
	if o.attachments != "" {
		var err error
		if attachments, err = makeDirectory(ctx, o.attachments, o.hook); err != nil {
			return fmt.Errorf("--extract-attachments: %w", err)
		}
	}
	err := o.writeObjects(ctx, st, found, attachments)
	if attachments != nil {
		err = attachments.end(ctx, err)
	}
	return err
}

func (o *export) writeObjects(ctx context.Context, st store.Store, found account.Found, attachments *newDirectory) error {
	each := func(add func(calendar string, x *calio.Selected) error) error {
		return st.View(ctx, func(ctx context.Context, r store.Reader) error { return o.each(ctx, r, found, attachments, add) })
	}
	if o.format == formatDirectory {
		return o.writeDirectory(ctx, each)
	}
	uids := calio.NewUIDs(o.tmp)
	err := o.writeFile(ctx, func(out io.Writer) error {
		add, end := o.objectWriter(ctx, out)
		return end(each(func(_ string, x *calio.Selected) error {
			if err := add(x.Text); err != nil {
				return err
			}
			return uids.Add(x.UID)
		}))
	})
	return errors.Join(err, o.repeated(uids))
}

// objectWriter returns the functions that write an object to a file, and that end the file
// unless there was an error.
func (o *export) objectWriter(ctx context.Context, out io.Writer) (add func(text []byte) error, end func(error) error) {
	if o.format == formatJCal {
		w := calio.NewJCalWriter(out)
		return w.Add, func(err error) error {
			if err != nil {
				return err
			}
			return w.Close()
		}
	}
	w := calio.NewCalendarWriter(o.tmp)
	return w.Add, func(err error) error {
		if err != nil {
			return errors.Join(err, w.Abort())
		}
		return w.Close(ctx, out)
	}
}

// repeated warns of objects that the readers of one file take for others.
func (o *export) repeated(uids *calio.UIDs) error {
	n, err := uids.Repeated()
	if err == nil && n > 0 {
		o.console.Warnf("UIDs that are in several calendars: %d; programs that read the file take the components of such a UID for one; to keep them apart, export one calendar with -n, or use --format directory", n)
	}
	return errors.Join(err, uids.Close())
}

// writeFile writes the file of -m, or standard output.
func (o *export) writeFile(ctx context.Context, write func(out io.Writer) error) error {
	if o.path == "-" {
		o.console.EndWithReader()
		return write(o.console.Streams.Out)
	}
	return fsx.WriteOutput(ctx, o.path, fsx.OutputOptions{Overwrite: o.force, Hook: o.hook}, write)
}

// each calls add for each component that the options select. One that cannot be read is
// reported and left out.
func (o *export) each(ctx context.Context, r store.Reader, found account.Found, attachments *newDirectory, add func(calendar string, x *calio.Selected) error) error {
	calendars, err := o.calendars(ctx, r, found.Account.ID)
	if err != nil {
		return err
	}
	for _, c := range calendars {
		f, none, err := o.resolve(ctx, r, found.Account.ID, c.Name)
		if err != nil {
			return err
		}
		if none {
			continue
		}
		selector := calio.NewSelector(f, o.clock.zones)
		components := selector.Texts
		if attachments != nil {
			components = selector.Components
		}
		for x, err := range components(ctx, r, found.Account.ID, c.Name) {
			if err == nil {
				err = o.one(c.Name, x, attachments, add)
			}
			if err != nil {
				return err
			}
		}
	}
	if len(o.ids) > 0 && len(o.missing()) == len(o.ids) {
		return o.missingError(o.console) // and no file is left that looks like an export
	}
	return nil
}

// one exports a component.
func (o *export) one(calendar string, x *calio.Selected, attachments *newDirectory, add func(calendar string, x *calio.Selected) error) error {
	if x.Err != nil && (o.format != formatDirectory || o.given()) {
		o.unreadable(calendar, x.Name, x.Err)
		if x.Object == nil {
			return nil
		}
	}
	err := add(calendar, x)
	var broken *calio.ObjectError
	switch {
	case errors.As(err, &broken):
		o.unreadable(calendar, x.Name, err)
		return nil
	case err != nil:
		return err
	}
	o.done.Add(1)
	if attachments == nil {
		return nil
	}
	return o.extract(calendar, x, attachments)
}

// extract writes the inline attachments of a component.
func (o *export) extract(calendar string, x *calio.Selected, attachments *newDirectory) error {
	if x.Object == nil {
		o.unreadable(calendar, x.Name, fmt.Errorf("its attachments cannot be read: %w", x.Err))
		return nil
	}
	base := ""
	for a, err := range calio.InlineAttachments(x.Object) {
		if err != nil {
			o.unreadable(calendar, x.Name, err)
			continue
		}
		if base == "" {
			base = strings.TrimSuffix(attachments.names.Of(x.Name, ".ics"), ".ics")
		}
		if err := attachments.write(fmt.Sprintf("%s-%d%s", base, a.Number, a.Extension), a.Content); err != nil {
			return err
		}
		o.files++
	}
	return nil
}

func (o *export) unreadable(calendar, name string, err error) {
	o.unread++
	o.console.Say("davadmin: calcomponent: " + ui.Sanitize(calendar) + "/" + ui.Sanitize(name) + ": " + ui.Sanitize(err.Error()))
}

// writeDirectory writes a file for each component.
func (o *export) writeDirectory(ctx context.Context, each func(add func(calendar string, x *calio.Selected) error) error) error {
	dir, err := makeDirectory(ctx, o.path, o.hook)
	if err != nil {
		return fmt.Errorf("-m: %w", err)
	}
	parts := map[string]*newDirectory{}
	err = each(func(calendar string, x *calio.Selected) error {
		at := dir
		if o.filterOptions.calendar == "" {
			if at = parts[calendar]; at == nil {
				var err error
				if at, err = dir.make(calendar); err != nil {
					return err
				}
				parts[calendar] = at
			}
		}
		return at.write(at.names.Of(x.Name, ".ics"), x.Text)
	})
	return dir.end(ctx, err)
}
