package coexistcmd

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/cli/planrun"
	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/coexist"
	"github.com/davadmin/davadmin/pkg/finding"
	"github.com/davadmin/davadmin/pkg/ldapchange"
)

// waveApply is 'coexist apply' and 'coexist rollback'.
type waveApply struct {
	console     *cmdutil.Console
	directories *cmdutil.Directories
	global      *cmdutil.Globals
	hints       *cmdutil.Hints
	check       *coexistCheck // of the configuration, before people are moved
	runner      *planrun.Runner

	dir     string
	icsConf string
	back    bool
}

func newWaveApply(f *cmdutil.Factory, action string) *waveApply {
	return &waveApply{
		console: f.Console, directories: f.Directories, global: f.Global, hints: f.Hints,
		check: newCheck(f), runner: planrun.New(f, "coexist", action),
	}
}

func newCoexistApply(f *cmdutil.Factory) *cobra.Command {
	o := newWaveApply(f, "apply")
	cmd := &cobra.Command{
		Use:   "apply --wave DIR [--ics-conf FILE] [-H HOST ...] [--dry-run]",
		Short: "move the people of a wave to the new server",
		Long: `Checks that the configuration of both servers is in order, as far as it is given, and changes
the directory by forward.ldif of the wave: as 'ldap apply' does, with every entry
compared first and the way back on disk. Then says what is left to do on the old
server, and how to verify.

A wave that was stopped is taken up again by the same command. Exit codes are those of
'ldap apply'; 3 when the configuration is not in order.`,
		Example: `  davadmin coexist apply --wave wave1 --dry-run
  davadmin coexist apply --wave wave1 --ics-conf ics.conf`,
		Args: cmdutil.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.runner.Check(); err != nil {
				return err
			}
			return o.run(cmd.Context())
		},
	}
	cmd.Flags().StringVar(&o.icsConf, "ics-conf", "", "`FILE` with the configuration of the old server")
	o.addWave(cmd)
	return cmd
}

func newCoexistRollback(f *cmdutil.Factory) *cobra.Command {
	o := newWaveApply(f, "rollback")
	o.back = true
	cmd := &cobra.Command{
		Use:   "rollback --wave DIR [-H HOST ...] [--dry-run]",
		Short: "take a wave back: its people are those of the old server again",
		Long: `Changes the directory by back.ldif of the wave: each value that the wave changed is given
back, by its bytes. An entry that was changed since is a conflict, and nothing is
changed, unless --continue leaves it out. Calendars that were deleted on the old server
are not brought back.`,
		Example: `  davadmin coexist rollback --wave wave1 --dry-run
  davadmin coexist rollback --wave wave1 --yes`,
		Args: cmdutil.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.runner.Check(); err != nil {
				return err
			}
			return o.run(cmd.Context())
		},
	}
	o.addWave(cmd)
	return cmd
}

func (o *waveApply) addWave(cmd *cobra.Command) {
	cmd.Flags().StringVar(&o.dir, "wave", "", "`DIR` of the wave, made by 'coexist plan'")
	o.runner.Add(cmd)
}

func (o *waveApply) run(ctx context.Context) error {
	if err := o.runner.Start(); err != nil {
		return err
	}
	if o.dir == "" {
		return cmdutil.Usagef("which wave? Give --wave DIR; 'davadmin coexist plan' makes one")
	}
	m, err := loadWave(o.dir)
	if err != nil {
		return err
	}
	name := waveForward
	if o.back {
		name = waveBack
	} else if err := o.precheck(ctx); err != nil {
		return err
	}
	if m.Changes == 0 {
		o.console.Notef("nothing to do: the wave changes no entry; everybody was marked and locked when it was planned")
		return o.advise(m)
	}
	plan, err := ldapchange.OpenPlan(filepath.Join(o.dir, name))
	if err != nil {
		return planrun.UsageError(err)
	}
	defer func() { _ = plan.Close() }()
	if !o.back {
		// The wave itself says what it changes: nobody is asked about each record.
		o.global.Yes = true
	}
	if err := o.runner.Apply(ctx, plan, false); err != nil {
		return err
	}
	return o.advise(m)
}

// precheck looks at the configuration of both servers: people are not moved to one
// that does not find them.
func (o *waveApply) precheck(ctx context.Context) error {
	check := o.check
	check.Scope, check.icsConf, check.noDirectory = "sub", o.icsConf, true
	check.HomeOptions = o.runner.HomeOptions
	var err error
	if check.home, err = o.directories.LoadHomeConfig(ctx, &o.runner.HomeOptions); err != nil && o.runner.Runs == "" {
		return err
	}
	if check.home == nil && o.icsConf == "" {
		o.console.Warnf("the configuration of neither server was looked at: --home DIR and --ics-conf FILE say where it is")
		return nil
	}
	co, err := check.checkOptions(ctx)
	if err != nil {
		return err
	}
	c, err := coexist.New(co)
	if err != nil {
		return err
	}
	r, err := c.Run(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }()
	n := 0
	for f, err := range r.Findings(0) {
		if err != nil {
			return err
		}
		if f.Severity == finding.Error {
			n++
			o.console.Say(fmt.Sprintf("davadmin: %s: %s: %s", f.Rule, ui.Sanitize(cmdutil.Location(f)), ui.Sanitize(f.Detail)))
		}
	}
	if n > 0 {
		o.console.Say(fmt.Sprintf("davadmin: coexist: %s in the configuration, and nothing was changed; 'davadmin coexist check' says what mends them", cmdutil.Plural(n, "error")))
		return cmdutil.ErrFindings
	}
	return nil
}

// advise says what comes next.
func (o *waveApply) advise(m *manifest) error {
	if o.global.DryRun {
		return nil
	}
	if o.back {
		o.console.Notef("next: %s   (the people of the wave are those of the old server again)", o.hints.Line("coexist", "check", "--cs6-list", "FILE"))
		return nil
	}
	o.console.Notef("next: on the old server, sh %s (%s); then %s",
		cmdutil.Quote(filepath.Join(o.dir, waveOldServer)), people(m.People),
		o.hints.Line("coexist", "verify", append([]string{"--wave", o.dir, "--ics-conf", "FILE", "--cs6-list", "FILE", "--probe"}, o.runner.Args()...)...))
	return nil
}

func newCoexistVerify(f *cmdutil.Factory) *cobra.Command {
	o := newCheck(f)
	dir := ""
	cmd := &cobra.Command{
		Use:   "verify --wave DIR [--ics-conf FILE] [--cs6-list FILE] [--ldif FILE | -H HOST ...] [--probe]",
		Short: "whether everybody of a wave is on the new server, and there alone",
		Long: `Runs those rules of 'coexist check' that are about people who have moved: each person of the wave is
marked, shut out of the old server effectively, and has no calendar there by a fresh
--cs6-list; and those about the configuration of both servers. With --probe both are asked.
Output and exit codes are those of 'coexist check'.`,
		Example: `  davadmin coexist verify --wave wave1 --ics-conf ics.conf --cs6-list cscal-list.txt
  davadmin coexist verify --wave wave1 --ics-conf ics.conf --cs6-list cscal-list.txt --probe --output jsonl`,
		Args: cmdutil.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if dir == "" {
				return cmdutil.Usagef("which wave? Give --wave DIR; 'davadmin coexist plan' makes one")
			}
			if len(o.Cs7) > 0 {
				return cmdutil.Usagef("the people of the wave are the list of the new server; leave --cs7-list out")
			}
			if err := o.Check(cmd); err != nil {
				return err
			}
			if _, err := loadWave(dir); err != nil {
				return err
			}
			o.Cs7, o.only = []string{filepath.Join(dir, wavePeople)}, verifyRules()
			return o.run(cmd.Context())
		},
	}
	o.addCheck(cmd)
	cmd.Flags().StringVar(&dir, "wave", "", "`DIR` of the wave, made by 'coexist plan'")
	return cmd
}

func people(n int) string {
	if n == 1 {
		return "1 person"
	}
	return fmt.Sprintf("%d people", n)
}

// verifyRules are those of the check that must hold once a wave is through.
func verifyRules() []string {
	return []string{
		"localuserattr-unset", "localuserattr-not-fetched", "subjectattributes-cut", "freebusy-closed-to-peer", "caldavcompatible-off", "redirect-wrong",
		"redirect-elsewhere", "autoprovision-on", "two-settings-on-a-line", "davstore-missing", "davstore-unknown-backend", "lockout-ineffective", "lockout-missing",
		"old-calendars-left", "listed-not-found", "probe-old-server", "probe-new-server", "probe-old-to-new", "probe-new-to-old",
	}
}
