package coexistcmd

import (
	"context"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/cli/planrun"
	"github.com/davadmin/davadmin/pkg/coexist"
	"github.com/davadmin/davadmin/pkg/finding"
)

func newCoexistVerify(f *cmdutil.Factory) *cobra.Command {
	o := newCheck(f)
	runner := planrun.New(f, "coexist", "verify")
	dir := ""
	cmd := &cobra.Command{
		Use:   "verify --wave DIR [--ics-conf FILE] [--cs6-list FILE] [--ldif FILE | -H HOST ...] [--probe]",
		Short: "check that all users of a wave are on the new server, and only there",
		Long: `Runs the rules of 'coexist check' about users who have moved: each user of the wave must
have the mark, be locked out of the old server effectively, and have no calendars there
according to a fresh --cs6-list. The rules about the configuration of both servers run,
too. With --probe, both servers are asked for free/busy. Neither the directory nor a
server is changed; the result is recorded in the home for 'coexist waves'. Output and
exit codes are those of 'coexist check'.`,
		Example: `  davadmin coexist verify --wave wave1 --ics-conf ics.conf --cs6-list cscal-list.txt
  davadmin coexist verify --wave wave1 --ics-conf ics.conf --cs6-list cscal-list.txt --probe --output jsonl`,
		Args: cmdutil.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if dir == "" {
				return errNoWave(o.hints)
			}
			if len(o.Cs7) > 0 {
				return cmdutil.Usagef("--cs7-list cannot be used here: the users of the wave are the list of the new server")
			}
			if err := o.Check(cmd); err != nil {
				return err
			}
			w, err := loadWave(o.hints, dir)
			if err != nil {
				return err
			}
			o.done = func(ctx context.Context, r *coexist.Report) {
				if f.Global.DryRun {
					return
				}
				runner.HomeOptions = o.HomeOptions
				if err := recordVerification(ctx, runner, w, r, f.Now()); err != nil {
					o.console.Warnf("the result could not be recorded for 'coexist waves': %v", err)
				}
			}
			o.Cs7, o.only = []string{filepath.Join(dir, wavePeople)}, verifyRules()
			return o.run(cmd.Context())
		},
	}
	o.addCheck(cmd)
	cmd.Flags().StringVar(&dir, "wave", "", "`DIR` of the wave, created by 'coexist plan'")
	cmd.Flags().StringVar(&runner.Runs, "runs", "", "`DIR` in which 'coexist apply' recorded the wave (default: history/ of the home)")
	return cmd
}

// recordVerification records the result of a check of a wave. It does nothing for a wave that
// no recorded run applied.
func recordVerification(ctx context.Context, runner *planrun.Runner, w *wave, r *coexist.Report, now time.Time) error {
	records, err := runner.Waves()
	if err != nil {
		if cmdutil.IsUsage(err) {
			return nil // there is no home
		}
		return err
	}
	book, err := records.Load(nil)
	if err != nil {
		return err
	}
	s := book.OfID(w.record.ID)
	if s == nil || s.LastApplied() == 0 {
		return nil
	}
	v := coexist.Verification{Time: now.UTC().Truncate(time.Second), Run: s.LastApplied(), Errors: r.Count(finding.Error), Complete: r.Complete}
	for _, out := range r.Outcomes {
		ran := out.Result != finding.NotRun
		switch out.Rule {
		case "davstore-missing", "lockout-missing", "listed-not-found":
			v.Complete = v.Complete && ran
		case "old-calendars-left":
			v.Calendars = ran
		}
	}
	return records.RecordVerification(ctx, w.record.ID, v)
}

// verifyRules returns the rules of the check that must pass after a wave.
func verifyRules() []string {
	return []string{
		"localuserattr-unset", "localuserattr-not-fetched", "subjectattributes-cut", "freebusy-closed-to-peer", "caldavcompatible-off", "redirect-wrong",
		"redirect-elsewhere", "autoprovision-on", "two-settings-on-a-line", "davstore-missing", "davstore-unknown-backend", "lockout-ineffective", "lockout-missing",
		"old-calendars-left", "listed-not-found", "probe-old-server", "probe-new-server", "probe-old-to-new", "probe-new-to-old",
	}
}
