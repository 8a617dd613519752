package coexistcmd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/fsx"
	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/coexist"
	"github.com/davadmin/davadmin/pkg/config"
)

// planReject begins the file of --reject of 'coexist plan'.
const planReject = "# reject file: davadmin coexist plan\n"

// maxWaves is the maximum number of waves of one plan.
const maxWaves = 10_000

func (o *coexistPlan) rejectOutput() fsx.OutputOptions {
	return fsx.OutputOptions{Hook: o.hook, Ours: func(head []byte) bool { return bytes.HasPrefix(head, []byte(planReject)) }}
}

// checkOptions checks what the command was given before anything is read.
func (o *coexistPlan) checkOptions() error {
	switch {
	case o.dir == "":
		return cmdutil.Usagef("-O DIR (the directory to create for the wave) is required")
	case o.size < 0:
		return cmdutil.Usagef("--wave-size: %d is negative", o.size)
	case o.expand && len(o.users) == 0:
		return cmdutil.Usagef("--expand-groups expands the groups of a list; use --users FILE")
	case o.expand && !cmdutil.ReadableAgain(o.Files):
		return cmdutil.Usagef("--expand-groups reads the LDIF more than once, which is impossible for a pipe; use a file")
	case len(o.users) > 0 && o.domain != "":
		return cmdutil.Usagef("-d and --users both say who is to be moved; use only one of them")
	case len(o.users) == 0 && o.domain == "" && o.Filter == "" && len(o.Bases) == 0 && o.size == 0:
		return cmdutil.Usagef("the users to move are missing: use --users FILE, -d DOMAIN, -B DN or -R FILTER, or --wave-size N to plan waves of all users of the old server")
	}
	if o.domain != "" {
		d, err := config.ParseDomain(o.domain)
		if err != nil {
			return cmdutil.Usagef("-d: %v", err)
		}
		o.domain = d.Name
	}
	for _, users := range o.users {
		if err := cmdutil.CheckDistinct("--reject", o.reject, "--users", users); err != nil {
			return err
		}
	}
	if err := cmdutil.CheckReject(o.reject, o.rejectOutput()); err != nil {
		return err
	}
	return checkNewDirectory(o.waveDir(0, 1))
}

// checkNewDirectory returns an error if anything exists at a path.
func checkNewDirectory(dir string) error {
	if _, err := os.Lstat(dir); !errors.Is(err, fs.ErrNotExist) {
		return cmdutil.Usagef("'%s' already exists; each wave needs a new directory", dir)
	}
	return nil
}

// waveDir returns the directory of the wave with an index, of n waves. Its number has
// leading zeros, so that the names sort.
func (o *coexistPlan) waveDir(i, n int) string {
	if o.size == 0 {
		return o.dir
	}
	return fmt.Sprintf("%s-%0*d", strings.TrimRight(o.dir, "/"), len(strconv.Itoa(n)), i+1)
}

// plan reads the directory and plans the changes. It also returns the name of the source.
func (o *coexistPlan) plan(ctx context.Context, home *cmdutil.HomeConfig) (*coexist.WavePlan, string, error) {
	lo, err := o.directoryOptions(ctx, home)
	if err == nil {
		err = o.lists.Unread7 // users who have an account must not be moved again
	}
	if err != nil {
		return nil, "", err
	}
	o.names = lo.Names
	people, err := o.stores.ReadUserList(ctx, "--users", o.users)
	if err != nil {
		return nil, "", err
	}
	if people == nil && lo.CS6 == nil {
		o.console.Notef("davadmin: note: without --cs6-list, every user without the mark is taken for a user of the old server")
	}
	d, err := o.directories.Open(ctx, &o.DirectoryOptions, home)
	if err != nil {
		return nil, "", err
	}
	defer func() { _ = d.Close() }()
	d.ApplyTo(&lo)
	p, err := coexist.PlanWaves(ctx, d.Source, coexist.WaveOptions{Directory: lo, Users: people, Domain: o.domain, Size: o.size, Backend: o.backend, Skipped: o.skipped, ExpandGroups: o.expand, Group: o.group})
	if errors.Is(err, coexist.ErrGroupMembers) {
		return nil, "", fmt.Errorf("no wave was written: %w; list smaller groups", err)
	}
	if errors.Is(err, coexist.ErrBackend) {
		return nil, "", cmdutil.Usagef("%v: use --backend NAME (%s)", err, strings.Join(lo.Backends, ", "))
	}
	if err != nil {
		return nil, "", fmt.Errorf("no wave was written: %w", err)
	}
	o.warnUnproven(p.Absence, d.Prove, lo.Names.LocalUserAttr(), lo.Names.Status, lo.Names.ServiceAccess, lo.Names.UserStatus)
	return p, d.Source.Name(), nil
}

// writeRejects writes the file of --reject. Without any skipped user, it removes the file
// that an earlier run wrote.
func (o *coexistPlan) writeRejects(ctx context.Context) error {
	if o.reject == "" {
		return nil
	}
	if len(o.rejects) == 0 {
		return fsx.RemoveOutput(ctx, o.reject, o.rejectOutput())
	}
	err := fsx.WriteOutput(ctx, o.reject, o.rejectOutput(), func(w io.Writer) error {
		_, err := io.WriteString(w, planReject+strings.Join(o.rejects, "\n")+"\n")
		return err
	})
	if err != nil {
		return fmt.Errorf("--reject: %w", err)
	}
	o.console.Notef("davadmin: note: the users who were skipped are in %s", ui.Sanitize(o.reject))
	return nil
}

// writtenWave is a wave that was written.
type writtenWave struct {
	*manifest
	Dir       string `json:"dir"`
	resources int
}

// writeAll writes and records all waves, and returns those that were written.
func (o *coexistPlan) writeAll(ctx context.Context, p *coexist.WavePlan, source string, home *cmdutil.HomeConfig) (written []writtenWave, err error) {
	n := p.Waves()
	if n > maxWaves {
		return nil, cmdutil.Usagef("--wave-size %d would make %d waves of %d users, and at most %d are planned at once", o.size, n, p.Users, maxWaves)
	}
	for i := range n {
		if err := checkNewDirectory(o.waveDir(i, n)); err != nil {
			return nil, err
		}
	}
	for i := range n {
		w, err := p.Wave(i)
		if err != nil {
			return written, err
		}
		dir := o.waveDir(i, n)
		m, err := o.write(ctx, w, dir, source, p.Total)
		if err = errors.Join(err, w.Close()); err != nil {
			return written, err
		}
		written = append(written, writtenWave{m, dir, w.Resources})
		if err := o.record(ctx, dir, home); err != nil {
			return written, err
		}
	}
	if home == nil && o.runner.Runs == "" {
		o.console.Notef("without a home, '%s' lists a wave only after 'coexist apply'", o.hints.Line("coexist", "waves"))
	}
	return written, nil
}

// record records the wave in the home. The wave can be applied without that, so a home that
// this user may not change is only a warning.
func (o *coexistPlan) record(ctx context.Context, dir string, home *cmdutil.HomeConfig) error {
	if home == nil && o.runner.Runs == "" {
		return nil
	}
	w, err := loadWave(o.hints, dir)
	if err != nil {
		return err
	}
	o.runner.HomeOptions = o.HomeOptions
	records, err := o.runner.Waves()
	if err != nil {
		return err
	}
	if err := records.Record(ctx, w.record, w.people); err != nil {
		if ctx.Err() != nil {
			return err
		}
		o.console.Warnf("the wave was written, but could not be recorded, so that '%s' lists it only after 'coexist apply': %v", o.hints.Line("coexist", "waves"), err)
	}
	return nil
}

// print prints the waves that were written.
func (o *coexistPlan) print(format ui.Format, written []writtenWave, skipped int) error {
	out := o.console.Streams.Out
	switch {
	case format == ui.JSON && o.size == 0:
		return ui.WriteJSON(out, written[0].manifest)
	case format == ui.JSON:
		return ui.WriteJSON(out, struct {
			Schema  string        `json:"schema"`
			Waves   []writtenWave `json:"waves"`
			Skipped int           `json:"skipped"`
		}{"davadmin.coexist.plan.1", written, skipped})
	}
	var b strings.Builder
	for _, w := range written {
		fmt.Fprintf(&b, "wave:      %s\npeople:    %d\nchanges:   %d\n", ui.Sanitize(w.Dir), w.People, w.Changes)
	}
	fmt.Fprintf(&b, "skipped:   %d\n", skipped)
	_, err := io.WriteString(out, b.String())
	return err
}

// adviseApply prints the next step.
func (o *coexistPlan) adviseApply(written []writtenWave) {
	resources, changes := 0, 0
	for _, w := range written {
		resources, changes = resources+w.resources, changes+w.Changes
	}
	if changes == 0 {
		o.console.Notef("nothing to apply: these users already have the mark, and are locked out of the old server")
		return
	}
	if resources > 0 {
		is := map[bool]string{true: "is a room or another resource", false: "are rooms or other resources"}[resources == 1]
		o.console.Notef("%d of them %s: a resource does not log in, so it is not locked out, but the old server must not create its calendar again at an invitation: '%s' checks that",
			resources, is, o.hints.Line("coexist", "check", append([]string{"--rules", "autoprovision-on", "--ics-conf", "FILE"}, o.sourceWords()...)...))
	}
	o.console.Notef("next: migrate the calendars, then: %s", o.hints.Line("coexist", "apply", slices.Concat([]string{"--wave", written[0].Dir}, o.ChangeArgs())...))
	if len(written) > 1 {
		o.console.Notef("'%s' shows how far each wave got", o.hints.Line("coexist", "waves"))
	}
}
