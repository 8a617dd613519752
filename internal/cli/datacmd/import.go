package datacmd

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/calfile"
	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/cli/storehome"
	"github.com/davadmin/davadmin/internal/fsx"
	"github.com/davadmin/davadmin/internal/listfile"
	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/account"
	"github.com/davadmin/davadmin/pkg/calio"
	"github.com/davadmin/davadmin/pkg/store"
)

// importFiles is the action 'calcomponent import'.
type importFiles struct {
	console *cmdutil.Console
	global  *cmdutil.Globals
	hints   *cmdutil.Hints
	input   *cmdutil.Input
	now     func() time.Time
	hook    fsx.Hook
	placeOptions
	lock       cmdutil.LockOptions
	paths      []string
	batch      string
	dir        string
	onConflict string
	create     bool
	report     string
	reject     string
	force      bool
	remark     string
	retryFor   time.Duration
	tmp        string
}

// importJob is the import of some files into one calendar.
type importJob struct {
	who      who
	calendar string
	paths    []string
	where    string // in the batch file; "" for none
}

func newImport(f *cmdutil.Factory) *cobra.Command {
	o := &importFiles{
		console: f.Console, global: f.Global, hints: f.Hints, input: f.Input, now: f.Now, hook: f.Hook,
		placeOptions: placeOptions{getenv: f.Getenv, homes: storehome.NewHomes(f)},
	}
	var conflicts []string
	for _, c := range calio.Conflicts() {
		conflicts = append(conflicts, string(c))
	}
	cmd := &cobra.Command{
		Use:   "import -a ADDRESS [-n NAME] -m FILE... | -f FILE | --dir DIR",
		Short: "import calendar files into calendars",
		Long: `Imports events, tasks and journals from files into a calendar: iCalendar files (RFC 5545),
jCal (RFC 7265), directories with such files, zip and gzip archives, and standard input. All
that has the same UID in a file, with its overrides and its time zones, becomes one resource.
The content of components is never changed. Nobody gets an invitation or any other message.

The command says of each item what became of it: created, replaced, unchanged, skipped or
rejected, with the reason and the line in the file. Unchanged items are only counted (-e lists
them). An item is unchanged if the calendar has the same components. If it has the UID with
another content, --on-conflict decides: skip keeps what the calendar has, replace takes what
the file has, newer does that if the file is newer (SEQUENCE, LAST-MODIFIED, DTSTAMP), and
fail rejects the item. So a second run changes nothing, and a run after an interruption
completes the first one.

A file that is cut off or damaged is not imported at all. A broken component in a file is
rejected, and the rest is imported. --reject writes the items that were rejected to a file,
as iCalendar, and --report writes a line of JSON for each item.

A batch file (-f) has a line 'address:calendar:file' for each file. --dir imports a directory
with one file for each account, named after its address, such as jdoe@example.com.ics, or .zip.

The exit code is 4 if an item, a file or an account failed and others did not.
'history undo' undoes the import.`,
		Example: `  davadmin calcomponent import -a jdoe@example.com -m calendar.ics
  davadmin calcomponent import -a jdoe@example.com -n work --create-calendar -m work.zip --dry-run
  davadmin calcomponent import -a jdoe@example.com -m calendar.ics --on-conflict newer --reject rejected.ics
  davadmin calcomponent import --dir exported/ --report report.jsonl`,
		Args: cmdutil.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			jobs, err := o.jobs(cmd.Context(), cmd)
			if err != nil {
				return err
			}
			return o.run(cmd.Context(), jobs)
		},
	}
	o.add(cmd)
	flags := cmd.Flags()
	flags.StringVarP(&o.calendar, "name", "n", store.DefaultCalendar, "`NAME` of the calendar")
	flags.StringArrayVarP(&o.paths, "path", "m", nil, "import this `FILE`: iCalendar, jCal, zip or gzip, a directory, or - for standard input (repeatable)")
	flags.StringVarP(&o.batch, "file", "f", "", "batch `FILE` with one line 'address:calendar:file' for each file (- for standard input)")
	flags.StringVar(&o.dir, "dir", "", "import the files of `DIR`, each into the account after whose address it is named")
	flags.StringVar(&o.onConflict, "on-conflict", string(calio.Skip), "`WHAT` to do with items that the calendar has with another content: "+strings.Join(conflicts, ", "))
	_ = cmd.RegisterFlagCompletionFunc("on-conflict", cobra.FixedCompletions(conflicts, cobra.ShellCompDirectiveNoFileComp))
	flags.BoolVar(&o.create, "create-calendar", false, "create the calendar if it does not exist")
	flags.StringVar(&o.report, "report", "", "write what became of each item to `FILE`, as JSON lines")
	flags.StringVar(&o.reject, "reject", "", "write the rejected items to `FILE`, as iCalendar")
	flags.BoolVar(&o.force, "force", false, "overwrite the files of --report and --reject")
	flags.DurationVar(&o.retryFor, "retry-for", time.Minute, "how long to retry when the database cannot be reached")
	flags.StringVar(&o.remark, "remark", "", "reason for the change (`TEXT`), kept in the history")
	flags.StringVar(&o.tmp, "tmp", "", "`DIR` for temporary files, which are private to you (default: TMPDIR, else /tmp)")
	o.lock.Add(flags)
	return cmd
}

// jobs checks the options, and returns what to import.
func (o *importFiles) jobs(ctx context.Context, cmd *cobra.Command) ([]importJob, error) {
	if !slices.Contains(calio.Conflicts(), calio.Conflict(o.onConflict)) {
		return nil, cmdutil.Usagef("--on-conflict: '%s' is not known; use skip, replace, newer or fail", o.onConflict)
	}
	if o.retryFor < 0 {
		return nil, cmdutil.Usagef("--retry-for: %s is negative", o.retryFor)
	}
	ways := 0
	for _, name := range []string{"path", "file", "dir"} {
		if cmd.Flags().Changed(name) {
			ways++
		}
	}
	switch {
	case ways == 0:
		return nil, cmdutil.Usagef("missing file: use -m FILE, -m - for standard input, -f FILE or --dir DIR")
	case ways > 1:
		return nil, cmdutil.Usagef("use only one of these: -m, -f or --dir")
	case cmd.Flags().Changed("file") && o.batch == "":
		return nil, cmdutil.Usagef("-f: the name of the file is empty")
	case cmd.Flags().Changed("dir") && o.dir == "":
		return nil, cmdutil.Usagef("--dir: the name of the directory is empty")
	case o.batch != "" && cmd.Flags().Changed("name"):
		return nil, cmdutil.Usagef("-f: each line names a calendar; leave out -n")
	case len(o.paths) == 0 && (o.address != "" || o.id != ""):
		return nil, cmdutil.Usagef("-f and --dir name the accounts; leave out -a and -g")
	}
	if err := store.CheckName("calendar", o.calendar); err != nil {
		return nil, cmdutil.Usagef("-n: %v", err)
	}
	if err := o.checkOutputs(); err != nil {
		return nil, err
	}
	switch {
	case o.batch != "":
		return o.batchJobs(ctx)
	case o.dir != "":
		return o.dirJobs()
	}
	if n := len(o.paths) - len(slices.DeleteFunc(slices.Clone(o.paths), func(p string) bool { return p == "-" })); n > 1 {
		return nil, cmdutil.Usagef("standard input (-) can be read only once, but -m - is given %d times", n)
	}
	if slices.Contains(o.paths, "") {
		return nil, cmdutil.Usagef("-m: the name of the file is empty")
	}
	w, err := o.account()
	if err == nil && w == (who{}) {
		err = cmdutil.Usagef("missing account: use -a ADDRESS")
	}
	return []importJob{{who: w, calendar: o.calendar, paths: o.paths}}, err
}

// checkOutputs returns an error if the files of --report and --reject cannot be written.
func (o *importFiles) checkOutputs() error {
	if err := cmdutil.CheckDistinct("--report", o.report, "--reject", o.reject); err != nil {
		return err
	}
	for _, out := range []struct{ option, path string }{{"--report", o.report}, {"--reject", o.reject}} {
		if out.path == "" {
			continue
		}
		if err := cmdutil.CheckOutput(out.path, o.output()); err != nil {
			return err
		}
		for _, in := range append(slices.Clone(o.paths), o.batch) {
			if err := cmdutil.CheckDistinct(out.option, out.path, "a file to import", cmp.Or(in, "-")); err != nil {
				return err
			}
		}
	}
	return nil
}

func (o *importFiles) output() fsx.OutputOptions {
	return fsx.OutputOptions{Overwrite: o.force, Hook: o.hook}
}

// batchJobs reads the batch file.
func (o *importFiles) batchJobs(ctx context.Context) ([]importJob, error) {
	var out []importJob
	form := cmdutil.BatchForm{Columns: []string{"account", "mail", "address"}, Line: func(f listfile.Fields) (string, error) {
		return cmp.Or(f.Get("account"), f.Get("mail"), f.Get("address")) + ":" + f.Get("calendar") + ":" + f.Get("file"), nil
	}}
	err := o.input.EachBatch(ctx, o.batch, form, func(b *cmdutil.BatchLine) error {
		line := cmdutil.TrimBatchLine(b.Text)
		if line == "" {
			return nil
		}
		address, rest, _ := strings.Cut(store.CutMailto(line), ":")
		calendar, file, ok := strings.Cut(rest, ":")
		w := who{address: strings.TrimSpace(address)}
		if id, isID := strings.CutPrefix(w.address, "id="); isID {
			w = who{id: id}
		}
		switch {
		case !ok || file == "":
			return cmdutil.Usagef("%s: the line does not have the form address:calendar:file; nothing was changed", b.Where)
		case file == "-":
			return cmdutil.Usagef("%s: '-' is not the name of a file; nothing was changed", b.Where)
		}
		calendar = cmp.Or(calendar, store.DefaultCalendar)
		if err := w.check(); err != nil {
			return cmdutil.Usagef("%s: %v; nothing was changed", b.Where, err)
		}
		if err := store.CheckName("calendar", calendar); err != nil {
			return cmdutil.Usagef("%s: %v; nothing was changed", b.Where, err)
		}
		out = append(out, importJob{who: w, calendar: calendar, paths: []string{file}, where: b.Where})
		return nil
	})
	if err == nil && len(out) == 0 {
		err = fmt.Errorf("%s names no files; nothing was changed", cmdutil.BatchName(o.batch))
	}
	return out, err
}

// dirJobs lists the directory of --dir.
func (o *importFiles) dirJobs() ([]importJob, error) {
	entries, err := os.ReadDir(o.dir)
	if err != nil {
		return nil, fmt.Errorf("--dir: %w", err)
	}
	var out []importJob
	for _, e := range entries {
		address, ok := cutExtension(e.Name())
		path := filepath.Join(o.dir, e.Name())
		w := who{address: address}
		if !ok || e.IsDir() || w.check() != nil || !strings.Contains(address, "@") {
			o.console.Warnf("%s: not imported, because its name is not an address with .ics, .json, .zip or .gz", ui.Sanitize(path))
			continue
		}
		out = append(out, importJob{who: w, calendar: o.calendar, paths: []string{path}, where: path})
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("--dir: %s has no file that is named after an address; nothing was changed", ui.Sanitize(o.dir))
	}
	return out, nil
}

// cutExtension returns the name of a calendar file without its extensions: that of a calendar,
// or of an archive, which may follow that of a calendar. What is before them belongs to the
// address, because .zip is a top-level domain as well.
func cutExtension(name string) (string, bool) {
	cut := func(name string, extensions []string) (string, bool) {
		ext := filepath.Ext(name)
		if !slices.Contains(extensions, strings.ToLower(ext)) {
			return name, false
		}
		return name[:len(name)-len(ext)], true
	}
	plain, archive := cut(name, []string{".zip", ".gz"})
	plain, calendar := cut(plain, calfile.Extensions())
	return plain, archive || calendar
}

// retry says how long the run waits for an unavailable database.
func (o *importFiles) retry() account.Retry {
	return account.Retry{For: o.retryFor, Notify: func(text string) { o.console.Notef("davadmin: note: %s", text) }}
}
