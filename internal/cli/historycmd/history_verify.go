package historycmd

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/journal"
)

// historyVerify is 'history verify'.
type historyVerify struct {
	console  *cmdutil.Console
	homes    *cmdutil.Homes
	journals *cmdutil.Journals
	cmdutil.HomeOptions
}

func newHistoryVerify(f *cmdutil.Factory) *cobra.Command {
	o := &historyVerify{console: f.Console, homes: f.Homes, journals: f.Journals}
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "check the journal and every kept version against their hashes",
		Long: `Reads the whole journal and every kept version. Exits 3 when a record or a
version does not match its hash, or a record is missing.

The hashes detect accidents and careless edits. They do not protect against anyone who
can write to the directory and computes them again.`,
		Args: cmdutil.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context()) },
	}
	o.HomeOptions.Add(cmd.Flags())
	return cmd
}

func (o *historyVerify) run(ctx context.Context) error {
	format, err := o.console.Format(ui.Table, ui.Plain, ui.JSON)
	if err != nil {
		return err
	}
	home, err := o.homes.Find(&o.HomeOptions)
	if err != nil {
		return err
	}
	j := o.journals.Open(home, 0)
	v, err := j.Verify(ctx)
	if errors.Is(err, journal.ErrNoJournal) {
		o.console.Notef("nothing is recorded in %s yet", j.Dir())
		v, err = &journal.Verification{}, nil
	}
	if err != nil {
		return err
	}
	o.console.KeepGoing()
	grave := 0
	for _, p := range v.Problems {
		if p.Grave {
			grave++
		}
	}
	if err := o.print(format, filepath.Join(j.Dir(), "journal.jsonl"), v, grave); err != nil {
		return err
	}
	if grave > 0 {
		o.console.Notef("the history of these changes cannot be trusted; compare it with a backup of %s", j.Dir())
		return cmdutil.ErrFindings
	}
	return nil
}

func (o *historyVerify) print(format ui.Format, path string, v *journal.Verification, grave int) error {
	if format == ui.JSON {
		type problem struct {
			Line   int    `json:"line,omitempty"`
			Change int64  `json:"change,omitempty"`
			Detail string `json:"detail"`
			Grave  bool   `json:"grave"`
		}
		problems := make([]problem, len(v.Problems))
		for i, p := range v.Problems {
			problems[i] = problem(p)
		}
		return ui.WriteJSON(o.console.Streams.Out, struct {
			Schema   string    `json:"schema"`
			Records  int       `json:"records"`
			Changes  int       `json:"changes"`
			Versions int       `json:"versions"`
			Pruned   int       `json:"pruned"`
			Intact   bool      `json:"intact"`
			Problems []problem `json:"problems"`
		}{"davadmin.history.verify.1", v.Records, v.Changes, v.Versions, v.Pruned, grave == 0, problems})
	}
	var b strings.Builder
	for _, p := range v.Problems {
		kind := "note"
		if p.Grave {
			kind = "error"
		}
		fmt.Fprintf(&b, "%s: %s:%d: %s\n", kind, ui.Sanitize(path), p.Line, ui.Sanitize(p.Detail))
	}
	verdict := "intact"
	if grave > 0 {
		verdict = cmdutil.Plural(grave, "error")
	}
	fmt.Fprintf(&b, "%d records of %d changes, %d versions kept, %d pruned: %s\n", v.Records, v.Changes, v.Versions, v.Pruned, verdict)
	_, err := fmt.Fprint(o.console.Streams.Out, b.String())
	return err
}

// historyPrune is 'history prune'.
type historyPrune struct {
	console  *cmdutil.Console
	global   *cmdutil.Globals
	homes    *cmdutil.Homes
	journals *cmdutil.Journals
	now      func() time.Time
	cmdutil.HomeOptions
	lock  cmdutil.LockOptions
	older string
}

func newHistoryPrune(f *cmdutil.Factory) *cobra.Command {
	o := &historyPrune{console: f.Console, global: f.Global, homes: f.Homes, journals: f.Journals, now: f.Now}
	cmd := &cobra.Command{
		Use:   "prune --older AGE",
		Short: "remove old versions; the journal stays",
		Long: `Removes the kept versions to which only changes older than AGE refer. The newest
version of each file and all records of the journal are kept. A revision whose version
was removed is still listed, but can no longer be compared or restored.

AGE is a number followed by d (days), w (weeks), h, m or s.`,
		Args: cmdutil.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context()) },
	}
	flags := cmd.Flags()
	flags.StringVar(&o.older, "older", "", "remove versions older than `AGE`, such as 365d")
	o.lock.Add(flags)
	o.HomeOptions.Add(flags)
	return cmd
}

func (o *historyPrune) run(ctx context.Context) error {
	format, err := o.console.Format(ui.Table, ui.Plain, ui.JSON)
	if err != nil {
		return err
	}
	age, err := cmdutil.ParseAge(o.older)
	if err != nil {
		return err
	}
	home, err := o.homes.Find(&o.HomeOptions)
	if err != nil {
		return err
	}
	j := o.journals.Open(home, o.lock.Timeout)
	before := o.now().Add(-age)
	plan, err := j.PlanPrune(ctx, before)
	if errors.Is(err, journal.ErrNoJournal) {
		o.console.Notef("nothing is recorded in %s yet", j.Dir())
		plan, err = &journal.PrunePlan{}, nil
	}
	if err != nil {
		return err
	}
	if len(plan.Versions) == 0 || o.global.DryRun {
		return o.print(format, plan, 0)
	}
	if err := o.console.Confirm(ctx, fmt.Sprintf("Permanently remove %s?", cmdutil.Plural(len(plan.Versions), "version"))); err != nil {
		return err
	}
	o.console.ChangeBegins()
	removed, err := o.prune(ctx, j, before)
	if err != nil {
		return fmt.Errorf("%d of %d versions removed: %w", removed, len(plan.Versions), err)
	}
	return o.print(format, plan, removed)
}

// prune plans again under the lock, because another run may have made changes while the
// question was open.
func (o *historyPrune) prune(ctx context.Context, j *journal.Journal, before time.Time) (removed int, err error) {
	s, err := j.Open(ctx)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	plan, err := j.PlanPrune(ctx, before)
	if err != nil {
		return 0, err
	}
	return s.Prune(ctx, plan, o.journals.Command())
}

func (o *historyPrune) print(format ui.Format, p *journal.PrunePlan, removed int) error {
	if format == ui.JSON {
		versions := p.Versions
		if versions == nil {
			versions = []string{}
		}
		return ui.WriteJSON(o.console.Streams.Out, struct {
			Schema   string   `json:"schema"`
			DryRun   bool     `json:"dry_run"`
			Versions []string `json:"versions"`
			Removed  int      `json:"removed"`
			Kept     int      `json:"kept"`
		}{"davadmin.history.prune.1", o.global.DryRun, versions, removed, p.Kept})
	}
	verb := "removed"
	n := removed
	if o.global.DryRun {
		verb, n = "would be removed", len(p.Versions)
	}
	_, err := fmt.Fprintf(o.console.Streams.Out, "versions %s: %d\nversions kept: %d\n", verb, n, p.Kept)
	return err
}
