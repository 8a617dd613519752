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
)

// waveApply is the action 'coexist apply' or 'coexist rollback'.
type waveApply struct {
	console     *cmdutil.Console
	directories *cmdutil.Directories
	global      *cmdutil.Globals
	hints       *cmdutil.Hints
	check       *coexistCheck // of the configuration, before users are moved
	runner      *planrun.Runner

	dir      string
	icsConf  string
	rollback bool
}

// newWaveApply returns the action of the given name without options.
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
		Short: "move the users of a wave to the new server",
		Long: `Checks the configuration of both servers, as far as it is given, and then applies
forward.ldif of the wave to the directory, which sets the mark of the new server and
locks the users out of the old one. As in 'ldap apply', every entry is compared first
and the undo file is written to disk. Then shows what is left to do on the old server,
and how to verify the wave.

Asks before values such as icsStatus are removed, unless --yes is given.

Migrate the calendars before this step, and delete them on the old server, with
old-server.sh of the wave, after it. To resume a wave that was stopped, run the same
command again. Exit codes are those of 'ldap apply', and 3 if the check of the
configuration finds errors.`,
		Example: `  davadmin coexist apply --wave wave1 --dry-run
  davadmin coexist apply --wave wave1 --ics-conf ics.conf --yes`,
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
	o.rollback = true
	cmd := &cobra.Command{
		Use:   "rollback --wave DIR [-H HOST ...] [--dry-run]",
		Short: "undo a wave: its users are on the old server again",
		Long: `Applies back.ldif of the wave to the directory: each value that the wave changed is
restored byte for byte. An entry that was changed since is a conflict, and nothing is
changed; with --continue, such entries are skipped. Calendars that were deleted on the
old server are not restored. Users who still have an account on the new server are
listed in a file, with the command that deletes these accounts.

A wave that was never applied from this home is refused (exit code 2), and so is one
with users whom another wave moved that is still applied (6). 'coexist waves' lists the
waves. 'ldap undo' and 'history undo' of a wave follow the same rule.`,
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

// addWave adds the options that apply and rollback share.
func (o *waveApply) addWave(cmd *cobra.Command) {
	cmd.Flags().StringVar(&o.dir, "wave", "", "`DIR` of the wave, created by 'coexist plan'")
	o.runner.Add(cmd)
}

func (o *waveApply) run(ctx context.Context) error {
	if err := o.runner.Start(); err != nil {
		return err
	}
	if o.dir == "" {
		return errNoWave(o.hints)
	}
	w, err := loadWave(o.hints, o.dir)
	if err != nil {
		return err
	}
	name := waveForward
	if o.rollback {
		name = waveBack
	} else if err := o.precheck(ctx); err != nil {
		return err
	}
	if w.Changes == 0 {
		o.console.Notef("nothing to do: the wave changes no entry, because all users were already marked and locked out when it was planned")
		if o.rollback {
			return nil // they stay where they are
		}
		return o.advise(&w.manifest)
	}
	if o.rollback {
		if err := o.runner.CheckApplied(&w.record, o.dir, filepath.Join(o.dir, waveBack)); err != nil {
			return err
		}
	}
	if err := o.runner.OfWave(ctx, w.record, w.people); err != nil {
		return err
	}
	plan, err := planrun.OpenPlan(ctx, filepath.Join(o.dir, name))
	if err != nil {
		return err
	}
	defer func() { _ = plan.Close() }()
	if err := o.runner.Apply(ctx, plan); err != nil {
		return err
	}
	return o.advise(&w.manifest)
}

// precheck checks the configuration of both servers, so that users are not moved to a server
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
		o.console.Warnf("the configuration of the servers was not checked; use --home DIR (new server) and --ics-conf FILE (old server)")
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
		o.console.Say(fmt.Sprintf("davadmin: coexist: %s in the configuration, so nothing was changed; '%s' shows the fixes", cmdutil.Plural(n, "error"), o.checkLine()))
		return cmdutil.ErrFindings
	}
	return nil
}

// checkLine returns the command that shows the findings of precheck with their fixes.
func (o *waveApply) checkLine() string {
	words := []string{"--no-directory"}
	if o.icsConf != "" {
		words = append(words, "--ics-conf", o.icsConf)
	}
	return o.hints.Line("coexist", "check", words...)
}

// advise prints the next step.
func (o *waveApply) advise(m *manifest) error {
	if o.global.DryRun {
		return nil
	}
	if o.rollback {
		o.console.Notef("next: %s   (the users of the wave are on the old server again)", o.hints.Line("coexist", "check", append([]string{"--cs6-list", "FILE"}, o.runner.Args()...)...))
		return nil
	}
	step := "next"
	if n := m.People - m.Changes; n > 0 {
		// Their calendars on the old server are in use if their wave was rolled back since.
		o.console.Notef("next: %s   (%s already on the new server when the wave was planned; that was not checked again: do not continue if davstore-missing fails)",
			o.hints.Line("coexist", "verify", append([]string{"--wave", o.dir}, o.runner.Args()...)...), map[bool]string{true: "1 user was", false: fmt.Sprintf("%d users were", n)}[n == 1])
		step = "then"
	}
	o.console.Notef("%s: on the old server, run sh %s (deletes the calendars of %s); then %s", step,
		cmdutil.Quote(filepath.Join(o.dir, waveOldServer)), cmdutil.Plural(m.People, "user"),
		o.hints.Line("coexist", "verify", append([]string{"--wave", o.dir, "--ics-conf", "FILE", "--cs6-list", "FILE", "--probe"}, o.runner.Args()...)...))
	return nil
}
