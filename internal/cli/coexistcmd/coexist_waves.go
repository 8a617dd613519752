package coexistcmd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/cli/planrun"
	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/coexist"
	"github.com/davadmin/davadmin/pkg/cs6"
)

// coexistWaves is the action 'coexist waves'.
type coexistWaves struct {
	console     *cmdutil.Console
	directories *cmdutil.Directories
	hints       *cmdutil.Hints
	stores      *cmdutil.Stores
	runner      *planrun.Runner
}

func newCoexistWaves(f *cmdutil.Factory) *cobra.Command {
	o := &coexistWaves{console: f.Console, directories: f.Directories, hints: f.Hints, stores: f.Stores, runner: planrun.New(f, "coexist", "waves")}
	cmd := &cobra.Command{
		Use:   "waves",
		Short: "list the waves and how far each of them got",
		Long: `Lists the waves that were planned or applied with this home, the oldest first. Neither
the directory nor the old server is contacted: the state comes from the recorded runs
and from 'coexist verify'. The states are

  planned             nothing was changed yet
  nothing to change   all its users were marked and locked out when it was planned
  applied             its users are on the new server
  partly applied      some entries were not changed; apply the wave again
  verified            applied, and the last 'coexist verify' found no error
  rolled back         its users are on the old server again
  partly rolled back  some entries were not restored; roll back again

'accounts' shows how many users of the wave have an account in the back ends of the home,
and 'files' whether the directory of the wave is as it was planned: unchanged, changed or
missing. If accounts cannot be read, they are left out, and the exit code is 1.`,
		Example: `  davadmin coexist waves
  davadmin coexist waves --output json`,
		Args: cmdutil.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context()) },
	}
	flags := cmd.Flags()
	flags.StringVar(&o.runner.Runs, "runs", "", "`DIR` with the records of the waves and runs (default: history/ of the home)")
	o.runner.HomeOptions.AddVault(flags)
	o.runner.HomeOptions.Add(flags)
	return cmd
}

// waveRow is a wave in JSON.
type waveRow struct {
	*coexist.WaveStatus
	Accounts *int   `json:"accounts,omitempty"` // left out if unknown
	Files    string `json:"files"`
}

func (o *coexistWaves) run(ctx context.Context) error {
	format, err := o.console.Format(cmdutil.ListFormats()...)
	if err != nil {
		return err
	}
	records, err := o.runner.Waves()
	if err != nil {
		return err
	}
	book, err := records.Load(nil)
	if err != nil {
		return err
	}
	accounts, unread := o.accounts(ctx)
	rows := make([]*waveRow, 0, len(book.Waves))
	for _, s := range book.Waves {
		row := &waveRow{WaveStatus: s, Files: o.files(s)}
		if accounts != nil && s.Traced {
			if row.Accounts, err = count(records, s.ID, accounts); err != nil {
				return err
			}
		}
		rows = append(rows, row)
	}
	if len(rows) == 0 {
		o.console.Notef("no wave is recorded here; '%s' plans one", planLine(o.hints))
	}
	return waveListing().PrintUntil(o.console, format, rows, unread)
}

// accounts returns the users with an account on the new server; nil if they are not kept in
// the home.
func (o *coexistWaves) accounts(ctx context.Context) (*cs6.UserSet, error) {
	home, err := o.directories.LoadHomeConfig(ctx, &o.runner.HomeOptions)
	if err != nil || home == nil {
		if o.runner.Runs != "" {
			return nil, nil
		}
		return nil, err
	}
	set, err := o.stores.Accounts(ctx, &o.runner.HomeOptions, home)
	if err != nil {
		return nil, fmt.Errorf("the accounts on the new server could not be read: %w", err)
	}
	return set, nil
}

// count returns how many users of a wave have an account.
func count(records coexist.Waves, id string, accounts *cs6.UserSet) (*int, error) {
	n := 0
	for p, err := range records.People(id) {
		if err != nil {
			return nil, err
		}
		if accounts.HasMail(p.Address) {
			n++
		}
	}
	return &n, nil
}

// files says whether the directory of a wave still contains the wave.
func (o *coexistWaves) files(s *coexist.WaveStatus) string {
	w, err := loadWave(o.hints, s.Dir)
	switch {
	case err == nil && w.record.ID == s.ID:
		return "unchanged"
	case err == nil || cmdutil.IsUsage(err):
		if _, err := os.Lstat(filepath.Join(s.Dir, waveManifest)); errors.Is(err, fs.ErrNotExist) {
			return "missing"
		}
		return "changed"
	}
	return "unreadable"
}

// waveListing describes the listing of waves.
func waveListing() cmdutil.List[*waveRow] {
	columns := []ui.Column{
		{Title: "wave", Key: true}, {Title: "state", Key: true}, {Title: "people", Number: true, Priority: 5}, {Title: "changed", Priority: 5},
		{Title: "accounts", Priority: 4}, {Title: "planned", Priority: 2}, {Title: "verified", Priority: 3}, {Title: "files", Priority: 1},
	}
	header := make([]string, len(columns))
	for i, c := range columns {
		header[i] = c.Title
	}
	return cmdutil.List[*waveRow]{Schema: "davadmin.coexist.waves.1", Member: "waves", Header: header, Columns: columns, Record: waveCells}
}

// waveCells returns the cells of the columns of waveListing.
func waveCells(r *waveRow) []string {
	state := string(r.State)
	switch {
	case r.State == coexist.WaveVerified && !r.Verified.Calendars:
		state += fmt.Sprintf(", but not its old calendars (applied by run %d)", r.Run)
	case r.State == coexist.WaveVerified:
		state += fmt.Sprintf(" (applied by run %d)", r.Run)
	case r.Run > 0:
		state += fmt.Sprintf(" by run %d", r.Run)
	}
	accounts := ""
	if r.Accounts != nil {
		accounts = fmt.Sprintf("%d of %d", *r.Accounts, r.People)
	}
	return []string{
		r.Dir, state, strconv.Itoa(r.People), fmt.Sprintf("%d of %d", r.Moved, r.Changes), accounts, r.Made.Format(time.RFC3339), verifiedCell(r.Verified), r.Files,
	}
}

// verifiedCell says what the last check of a wave found.
func verifiedCell(v *coexist.Verification) string {
	switch {
	case v == nil:
		return ""
	case v.Errors > 0:
		return cmdutil.Plural(v.Errors, "error") + " at " + v.Time.Format(time.RFC3339)
	case !v.Complete:
		return "incomplete at " + v.Time.Format(time.RFC3339)
	}
	return v.Time.Format(time.RFC3339)
}
