package coexistcmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/cli/planrun"
	"github.com/davadmin/davadmin/internal/fsx"
	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/coexist"
	"github.com/davadmin/davadmin/pkg/ldapchange"
	"github.com/davadmin/davadmin/pkg/ldapcheck"
)

// coexistPlan is the action 'coexist plan'.
type coexistPlan struct {
	coexistPeople
	users   []string
	expand  bool
	names   ldapcheck.Names
	domain  string // as given; its A-labels once it is checked
	dir     string
	size    int
	reject  string
	backend string
	runner  *planrun.Runner // for its records
	rejects []string        // lines for the file of --reject
}

func newCoexistPlan(f *cmdutil.Factory) *cobra.Command {
	o := &coexistPlan{coexistPeople: newPeople(f), runner: planrun.New(f, "coexist", "plan")}
	cmd := &cobra.Command{
		Use:   "plan {--users FILE [--expand-groups] | -d DOMAIN | -B DN | -R FILTER} -O DIR [--wave-size N] [--cs6-list FILE] [--ldif FILE | -H HOST ...]",
		Short: "plan a wave: the files that move users to the new server, and undo it",
		Long: `Writes a directory of files that move the users of a list: forward.ldif sets the mark of
the new server and locks the users out of the old one, in the form that works for each
entry's icsStatus; old-server.sh deletes their calendars on the old server; back.ldif
undoes forward.ldif; people.txt lists the users, for --cs7-list; checks.txt lists the
commands to run afterwards. Neither the directory nor a server is changed. The wave is
recorded in the home, for 'coexist waves'.

Without --users, the users and resources that are only on the old server are moved, as
'coexist list --side cs6' lists them: those in the mail domain of -d, below the base of
-B, or matching the filter of -R. With --wave-size, the users are split into several
waves, in the directories DIR-1, DIR-2 and so on.

The steps of a wave, in this order: migrate the calendars to the new server, run
'coexist apply', run old-server.sh on the old server, and run 'coexist verify'. Until
the old calendars are deleted, 'coexist rollback' undoes the wave without losing them.

Users are skipped and listed, and the exit code is 4, if they do not have exactly one
entry, have no unique id or address, are locked out, or have a user id that cannot be
used in a command. Groups are not moved, and skipped as well; with --expand-groups, their
members are moved, also those of groups in groups. Members without an entry, and groups
whose members only a search finds (memberURL), are skipped. --reject writes those who were
skipped to a file, which --users reads when the cause is removed.`,
		Example: `  davadmin coexist plan --users wave1.txt -O wave1 --cs6-list cscal-list.txt
  davadmin coexist plan -d example.com --wave-size 500 -O wave --cs6-list cscal-list.txt --reject rejected.txt
  davadmin coexist plan --users wave1.txt -O wave1 --ldif export.ldif --backend store1
  davadmin coexist plan --users groups.txt --expand-groups -O wave2 --cs6-list cscal-list.txt`,
		Args: cmdutil.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.Check(cmd); err != nil {
				return err
			}
			return o.run(cmd.Context())
		},
	}
	flags := cmd.Flags()
	o.add(cmd)
	flags.StringArrayVar(&o.users, "users", nil, "`FILE` with the users to move (repeatable)")
	flags.BoolVar(&o.expand, "expand-groups", false, "with --users: move the members of the groups in the list, and of the groups in these")
	flags.StringVarP(&o.domain, "domain", "d", "", "move the users of the old server in this mail `DOMAIN`")
	flags.StringVarP(&o.dir, "out", "O", "", "create the directory `DIR` for the wave, which is private to you")
	flags.IntVar(&o.size, "wave-size", 0, "plan waves of at most `N` users, in DIR-1, DIR-2 and so on (default: one wave)")
	flags.StringVar(&o.reject, "reject", "", "write the users who were skipped to `FILE`, with the reasons, for --users")
	flags.StringVar(&o.backend, "backend", "", "`NAME` of the back end to host the users (default: the only one)")
	flags.StringVar(&o.runner.Runs, "runs", "", "record the wave in `DIR` instead of history/ of the home")
	return cmd
}

func (o *coexistPlan) run(ctx context.Context) error {
	format, err := o.console.Format(ui.Plain, ui.Table, ui.JSON)
	if err != nil {
		return err
	}
	if err := o.checkOptions(); err != nil {
		return err
	}
	home, err := o.directories.LoadHomeConfig(ctx, &o.HomeOptions)
	if err != nil {
		return err
	}
	p, source, err := o.plan(ctx, home)
	if err != nil {
		return err
	}
	if err := o.writeRejects(ctx); err != nil {
		return err
	}
	if p.Users == 0 {
		if len(o.users) == 0 && p.Skipped == 0 {
			if p.Matched == 0 {
				return o.nobody(p)
			}
			return fmt.Errorf("no user is left to move, so no wave was written; '%s' counts the users", o.hints.Line("coexist", "status", o.sourceWords()...))
		}
		return fmt.Errorf("none of the users can be moved, so no wave was written")
	}
	written, err := o.writeAll(ctx, p, source, home)
	if err != nil {
		if len(written) > 0 {
			err = fmt.Errorf("%s of %d were written: %w", cmdutil.Plural(len(written), "wave"), p.Waves(), err)
		}
		return err
	}
	if err := o.print(format, written, p.Skipped); err != nil {
		return err
	}
	o.adviseApply(written)
	if p.Skipped > 0 {
		return &cmdutil.PartialError{Text: fmt.Sprintf("skipped, and listed above: %d", p.Skipped)}
	}
	return nil
}

// nobody returns the error of a plan without a list that matched no entry at all.
func (o *coexistPlan) nobody(p *coexist.WavePlan) error {
	if p.Total > 0 {
		return cmdutil.Usagef("-d: nobody has an address in %s, so no wave was written; '%s' lists the domains", o.domain, o.hints.Line("coexist", "status", o.sourceWords()...))
	}
	return errors.New("no user or resource was found, so no wave was written; check -B and -R")
}

// write creates the directory of the wave with its files.
func (o *coexistPlan) write(ctx context.Context, w *coexist.Wave, to, source string, total int) (*manifest, error) {
	if err := cmdutil.CheckNotDash("-O", o.dir); err != nil {
		return nil, err
	}
	dir, err := filepath.Abs(to)
	if err != nil {
		return nil, err
	}
	if err := fsx.MkdirOutput(ctx, dir, o.hook); err != nil {
		return nil, err
	}
	options := fsx.OutputOptions{Hook: o.hook}
	h := ldapchange.Header{Made: o.now(), By: strings.Join(o.journals.Command(), " "), Source: source, Entries: total}
	for name, d := range map[string]*ldapchange.Draft{waveForward: w.Forward, waveBack: w.Rollback} {
		if err := d.WriteFile(ctx, filepath.Join(dir, name), h, options); err != nil {
			return nil, err
		}
	}
	m := &manifest{
		Schema: waveSchema, Made: o.now().UTC().Truncate(time.Second), By: h.By, Source: source,
		People: len(w.Addresses), Changes: w.Forward.Changes(), Files: map[string]string{},
	}
	entries := &strings.Builder{}
	if err := coexist.WriteWavePeople(entries, w.People); err != nil {
		return nil, err
	}
	for name, text := range map[string]string{
		waveOldServer: oldServerScript(w), wavePeople: strings.Join(w.Addresses, "\n") + "\n", waveChecks: o.checks(to), waveEntries: entries.String(),
	} {
		err := fsx.WriteOutput(ctx, filepath.Join(dir, name), options, func(w io.Writer) error {
			_, err := io.WriteString(w, text)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	for _, name := range waveFiles() {
		sum, err := fileSum(filepath.Join(dir, name))
		if err != nil {
			return nil, err
		}
		m.Files[name] = sum
	}
	return m, m.save(ctx, dir, o.hook)
}

// oldServerScript returns a script that deletes the calendars of a wave on the old server. It
// continues after a failure.
func oldServerScript(w *coexist.Wave) string {
	var b strings.Builder
	b.WriteString("#!/bin/sh\n# Deletes the calendars of this wave's users on the old server. Run it there, after the\n# calendars were migrated and 'coexist apply' succeeded. CSCAL can name the program.\nfailed=0\n")
	for _, owner := range w.Owners {
		fmt.Fprintf(&b, "\"${CSCAL:-cscal}\" delete -o %s || failed=1\n", owner)
	}
	b.WriteString("exit $failed\n")
	return b.String()
}

// checks returns the commands to run after a wave was applied.
func (o *coexistPlan) checks(dir string) string {
	line := func(action string, words ...string) string {
		return o.hints.Line("coexist", action, append(words, o.Args()...)...) + "\n"
	}
	return "# After 'coexist apply', on the old server: run " + waveOldServer + ", then cscal list > cscal-list.txt.\n" +
		"# Copy cscal-list.txt and ics.conf from there, and run:\n" +
		line("verify", "--wave", dir, "--ics-conf", "ics.conf", "--cs6-list", "cscal-list.txt", "--probe") +
		line("status", "--cs6-list", "cscal-list.txt") +
		"# To undo the wave instead, before the old calendars are deleted:\n" +
		o.hints.Line("coexist", "rollback", append([]string{"--wave", dir}, o.ChangeArgs()...)...) + "\n"
}
