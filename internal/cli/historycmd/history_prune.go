package historycmd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/fsx"
	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/journal"
)

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
		Short: "remove old versions and undo files; the journal stays",
		Long: `Removes versions of files that only changes older than AGE refer to, and the undo files
of account changes older than AGE. The newest version of each file and all records of
the journal are kept. A revision whose version was removed is still listed, but can no
longer be compared or restored, and an account change whose undo file was removed can no
longer be undone. Pruning itself cannot be undone.

Also removes what killed runs left behind in config/, data/ and history/ of the home:
unfinished new versions of files (*.davadmin-new) that are at least an hour old.

AGE is a number followed by d (days), w (weeks), h, m or s.`,
		Args: cmdutil.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context()) },
	}
	flags := cmd.Flags()
	flags.StringVar(&o.older, "older", "", "remove versions and undo files older than `AGE`, such as 365d")
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
	plan, err := o.plan(ctx, j, home, before)
	if errors.Is(err, journal.ErrNoJournal) {
		o.console.Notef("nothing is recorded in %s yet", j.Dir())
		plan, err = &prunePlan{}, nil
	}
	if err != nil {
		return err
	}
	if plan.empty() || o.global.DryRun {
		return o.print(format, plan, &prunePlan{})
	}
	if q := plan.question(); q != "" {
		if err := o.console.Confirm(ctx, q); err != nil {
			return err
		}
	}
	o.console.ChangeBegins()
	done, err := o.prune(ctx, j, home, before)
	if err != nil {
		return fmt.Errorf("%d of %d versions and %d of %d other files removed: %w",
			len(done.versions), len(plan.versions), len(done.undo)+len(done.leftovers), len(plan.undo)+len(plan.leftovers), err)
	}
	return o.print(format, plan, done)
}

// prunePlan is what a prune would remove, or removed.
type prunePlan struct {
	versions  []string // hashes
	kept      int
	undo      []string // paths of undo files of account changes
	leftovers []string // paths of what killed runs left
}

func (p *prunePlan) empty() bool { return len(p.versions)+len(p.undo)+len(p.leftovers) == 0 }

// question returns the question about what cannot be restored; "" if nothing needs one.
func (p *prunePlan) question() string {
	var parts []string
	if n := len(p.versions); n > 0 {
		parts = append(parts, cmdutil.Plural(n, "version"))
	}
	if n := len(p.undo); n > 0 {
		parts = append(parts, cmdutil.Plural(n, "undo file"))
	}
	if len(parts) == 0 {
		return ""
	}
	return "Permanently remove " + strings.Join(parts, " and ") + "?"
}

// leftoverAge is how old a temporary file of a killed run must be. No run writes to one
// for so long without changing its time.
const leftoverAge = time.Hour

// plan finds what can be removed.
func (o *historyPrune) plan(ctx context.Context, j *journal.Journal, home string, before time.Time) (*prunePlan, error) {
	v, err := j.PlanPrune(ctx, before)
	if err != nil {
		return nil, err
	}
	p := &prunePlan{versions: v.Versions, kept: v.Kept}
	if p.undo, err = oldUndoFiles(ctx, j, before); err != nil {
		return nil, err
	}
	dirs := []string{filepath.Join(home, "config"), filepath.Join(home, "data"), filepath.Join(home, "data", "db"), j.Dir()}
	for _, name := range []string{"versions", "accounts", "ldap", filepath.Join("ldap", "*")} {
		found, err := filepath.Glob(filepath.Join(escapeGlob(j.Dir()), name))
		if err != nil {
			return nil, err
		}
		dirs = append(dirs, found...)
	}
	for _, dir := range dirs {
		found, err := fsx.Leftovers(dir, o.now().Add(-leftoverAge))
		if err != nil {
			return nil, err
		}
		p.leftovers = append(p.leftovers, found...)
	}
	return p, nil
}

// escapeGlob returns a path as a pattern that matches only it.
func escapeGlob(path string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(path)
}

// oldUndoFiles returns the undo files of account changes before a time. That of a change
// whose record is lost is as old as the file.
func oldUndoFiles(ctx context.Context, j *journal.Journal, before time.Time) ([]string, error) {
	dir := filepath.Join(j.Dir(), "accounts")
	list, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) || len(list) == 0 && err == nil {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	entries, err := j.Entries(ctx, "")
	if err != nil {
		return nil, err
	}
	made := make(map[int64]time.Time, len(entries))
	for i := range entries {
		if e := &entries[i]; e.Result == journal.Pending {
			made[e.Change] = before // in progress or killed: it is kept
		} else {
			made[e.Change] = e.Time
		}
	}
	var out []string
	for _, e := range list {
		name, ok := strings.CutSuffix(e.Name(), ".undo")
		change, err := strconv.ParseInt(name, 10, 64)
		if !ok || err != nil || !e.Type().IsRegular() {
			continue
		}
		at, known := made[change]
		if !known {
			fi, err := e.Info()
			if err != nil {
				return nil, err
			}
			at = fi.ModTime()
		}
		if at.Before(before) {
			out = append(out, filepath.Join(dir, e.Name()))
		}
	}
	return out, nil
}

// prune plans again under the lock, because another run may have made changes while the
// question was open. It returns what was removed.
func (o *historyPrune) prune(ctx context.Context, j *journal.Journal, home string, before time.Time) (done *prunePlan, err error) {
	done = &prunePlan{}
	s, err := j.Open(ctx, journal.Areas()...) // it removes what changes of any area may need
	if err != nil {
		return done, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	plan, err := o.plan(ctx, j, home, before)
	if err != nil {
		return done, err
	}
	done.kept = plan.kept
	files := slices.Concat(plan.undo, plan.leftovers)
	versions, removed, err := s.Prune(ctx, &journal.PrunePlan{Versions: plan.versions, Kept: plan.kept, Files: files}, o.journals.Command())
	done.versions, done.undo = plan.versions[:versions], plan.undo[:min(removed, len(plan.undo))]
	done.leftovers = plan.leftovers[:removed-len(done.undo)]
	return done, err
}

// print prints what was removed, or what would be.
func (o *historyPrune) print(format ui.Format, plan, done *prunePlan) error {
	if format == ui.JSON {
		list := func(of []string) []string { return append([]string{}, of...) }
		return ui.WriteJSON(o.console.Streams.Out, struct {
			Schema       string   `json:"schema"`
			DryRun       bool     `json:"dry_run"`
			Versions     []string `json:"versions"`
			Removed      int      `json:"removed"`
			Kept         int      `json:"kept"`
			UndoFiles    []string `json:"undo_files"`
			Leftovers    []string `json:"leftovers"`
			FilesRemoved int      `json:"files_removed"`
		}{
			"davadmin.history.prune.1", o.global.DryRun, list(plan.versions), len(done.versions), plan.kept,
			list(plan.undo), list(plan.leftovers), len(done.undo) + len(done.leftovers),
		})
	}
	verb, of := "removed", done
	if o.global.DryRun {
		verb, of = "would be removed", plan
	}
	_, err := fmt.Fprintf(o.console.Streams.Out, "versions %s: %d\nversions kept: %d\nundo files %s: %d\nleftovers of killed runs %s: %d\n",
		verb, len(of.versions), plan.kept, verb, len(of.undo), verb, len(of.leftovers))
	return err
}
