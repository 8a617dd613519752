package coexistcmd

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/fsx"
	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/coexist"
	"github.com/davadmin/davadmin/pkg/ldapchange"
)

// Names of the files of a wave.
const (
	waveManifest  = "wave.json"
	waveForward   = "forward.ldif"  // sets the mark and the lock-out of the users
	waveBack      = "back.ldif"     // undoes forward.ldif
	waveOldServer = "old-server.sh" // deletes their calendars on the old server, after forward.ldif was applied
	wavePeople    = "people.txt"    // the addresses of the users
	waveChecks    = "checks.txt"    // the commands to run after 'coexist apply'
)

// manifest describes a wave and its files.
type manifest struct {
	Schema  string            `json:"schema"`
	Made    time.Time         `json:"made"`
	By      string            `json:"by"`
	Source  string            `json:"source"`
	People  int               `json:"people"`
	Changes int               `json:"changes"`
	Files   map[string]string `json:"files"` // SHA-256 by name
}

const waveSchema = "davadmin.coexist.wave.1"

// coexistPlan is the action 'coexist plan'.
type coexistPlan struct {
	coexistPeople
	users   []string
	dir     string
	backend string
}

func newCoexistPlan(f *cmdutil.Factory) *cobra.Command {
	o := &coexistPlan{coexistPeople: newPeople(f)}
	cmd := &cobra.Command{
		Use:   "plan --users FILE -O DIR [--cs6-list FILE] [--ldif FILE | -H HOST ...]",
		Short: "plan a wave: the files that move users to the new server, and undo it",
		Long: `Writes a directory of files that move the users of a list: forward.ldif sets the mark of
the new server and locks the users out of the old one, in the form that works for each
entry's icsStatus; old-server.sh deletes their calendars on the old server; back.ldif
undoes forward.ldif; people.txt lists the users, for --cs7-list; checks.txt lists the
commands to run afterwards. Neither the directory nor a server is changed.

The steps of a wave, in this order: migrate the calendars to the new server, run
'coexist apply', run old-server.sh on the old server, and run 'coexist verify'. Until
the old calendars are deleted, 'coexist rollback' undoes the wave without losing them.

Users are skipped and listed, and the exit code is 4, if they do not have exactly one
entry, have no unique id or address, are locked out, or have a user id that cannot be
used in a command.`,
		Example: `  davadmin coexist plan --users wave1.txt -O wave1 --cs6-list cscal-list.txt
  davadmin coexist plan --users wave1.txt -O wave1 --ldif export.ldif --backend store1`,
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
	flags.StringVarP(&o.dir, "out", "O", "", "create the directory `DIR` for the wave, which is private to you")
	flags.StringVar(&o.backend, "backend", "", "`NAME` of the back end to host the users (default: the only one)")
	return cmd
}

func (o *coexistPlan) run(ctx context.Context) error {
	format, err := o.console.Format(ui.Plain, ui.Table, ui.JSON)
	if err != nil {
		return err
	}
	if len(o.users) == 0 || o.dir == "" {
		return cmdutil.Usagef("--users FILE (the users to move) and -O DIR (the directory to create for the wave) are required")
	}
	if _, err := os.Lstat(o.dir); !errors.Is(err, fs.ErrNotExist) {
		return cmdutil.Usagef("'%s' already exists; each wave needs a new directory", o.dir)
	}
	home, err := o.directories.LoadHomeConfig(ctx, &o.HomeOptions)
	if err != nil {
		return err
	}
	w, source, err := o.plan(ctx, home)
	if err != nil {
		return err
	}
	defer func() { _ = w.Close() }()
	if len(w.Addresses) == 0 {
		return fmt.Errorf("none of the listed users can be moved, so no wave was written")
	}
	m, err := o.write(ctx, w, source)
	if err != nil {
		return err
	}
	if format == ui.JSON {
		err = ui.WriteJSON(o.console.Streams.Out, m)
	} else {
		_, err = fmt.Fprintf(o.console.Streams.Out, "wave:      %s\npeople:    %d\nchanges:   %d\nskipped:   %d\n", ui.Sanitize(o.dir), m.People, m.Changes, w.Skipped)
	}
	if err != nil {
		return err
	}
	o.console.Notef("next: migrate the calendars, then: %s", o.hints.Line("coexist", "apply", append([]string{"--wave", o.dir}, o.Args()...)...))
	if w.Skipped > 0 {
		return &cmdutil.PartialError{Text: fmt.Sprintf("skipped, and listed above: %d", w.Skipped)}
	}
	return nil
}

// plan reads the directory and plans the changes. It also returns the name of the source.
func (o *coexistPlan) plan(ctx context.Context, home *cmdutil.HomeConfig) (*coexist.Wave, string, error) {
	lo, err := o.directoryOptions(ctx, home)
	if err != nil {
		return nil, "", err
	}
	people, err := o.stores.ReadUserList(ctx, "--users", o.users)
	if err != nil {
		return nil, "", err
	}
	d, err := o.directories.Open(ctx, &o.DirectoryOptions, home)
	if err != nil {
		return nil, "", err
	}
	defer func() { _ = d.Close() }()
	d.ApplyTo(&lo)
	w, err := coexist.PlanWave(ctx, d.Source, coexist.WaveOptions{Directory: lo, Users: people, Backend: o.backend, Skipped: func(dn string, reason error) {
		if dn != "" {
			dn = ui.Sanitize(dn) + ": "
		}
		why := reason.Error()
		var noID *coexist.NoUniqueIDError
		if errors.As(reason, &noID) {
			why += "; '" + o.hints.Line("ldap", "populate", "-O", "PLAN") + "' adds one"
		}
		o.console.Say("davadmin: " + dn + "skipped: " + ui.Sanitize(why))
	}})
	if errors.Is(err, coexist.ErrBackend) {
		return nil, "", cmdutil.Usagef("%v: use --backend NAME (%s)", err, strings.Join(lo.Backends, ", "))
	}
	if err != nil {
		return nil, "", fmt.Errorf("no wave was written: %w", err)
	}
	o.warnUnproven(w.Absence, d.Prove, lo.Names.LocalUserAttr(), lo.Names.Status, lo.Names.ServiceAccess, lo.Names.UserStatus)
	return w, d.Source.Name(), nil
}

// write creates the directory of the wave with its files.
func (o *coexistPlan) write(ctx context.Context, w *coexist.Wave, source string) (*manifest, error) {
	if err := cmdutil.CheckNotDash("-O", o.dir); err != nil {
		return nil, err
	}
	dir, err := filepath.Abs(o.dir)
	if err != nil {
		return nil, err
	}
	if err := fsx.MkdirOutput(ctx, dir, o.hook); err != nil {
		return nil, err
	}
	options := fsx.OutputOptions{Hook: o.hook}
	h := ldapchange.Header{Made: o.now(), By: strings.Join(o.journals.Command(), " "), Source: source, Entries: w.Total}
	for name, d := range map[string]*ldapchange.Draft{waveForward: w.Forward, waveBack: w.Rollback} {
		if err := d.WriteFile(ctx, filepath.Join(dir, name), h, options); err != nil {
			return nil, err
		}
	}
	m := &manifest{
		Schema: waveSchema, Made: o.now().UTC().Truncate(time.Second), By: h.By, Source: source,
		People: len(w.Addresses), Changes: w.Forward.Changes(), Files: map[string]string{},
	}
	for name, text := range map[string]string{
		waveOldServer: oldServerScript(w), wavePeople: strings.Join(w.Addresses, "\n") + "\n", waveChecks: o.checks(),
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

// waveFiles returns the names of the files whose digests the manifest records.
func waveFiles() []string {
	return []string{waveForward, waveBack, waveOldServer, wavePeople, waveChecks}
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
func (o *coexistPlan) checks() string {
	line := func(action string, words ...string) string {
		return o.hints.Line("coexist", action, append(words, o.Args()...)...) + "\n"
	}
	return "# After 'coexist apply', on the old server: run " + waveOldServer + ", then cscal list > cscal-list.txt.\n" +
		"# Copy cscal-list.txt and ics.conf from there, and run:\n" +
		line("verify", "--wave", o.dir, "--ics-conf", "ics.conf", "--cs6-list", "cscal-list.txt", "--probe") +
		line("status", "--cs6-list", "cscal-list.txt") +
		"# To undo the wave instead, before the old calendars are deleted:\n" +
		line("rollback", "--wave", o.dir)
}

// fileSum returns the SHA-256 digest of a file in hexadecimal.
func fileSum(path string) (string, error) {
	b, err := os.ReadFile(path)
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:]), err
}

// save writes the manifest into the directory of the wave.
func (m *manifest) save(ctx context.Context, dir string, hook fsx.Hook) error {
	b, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	return fsx.WriteOutput(ctx, filepath.Join(dir, waveManifest), fsx.OutputOptions{Hook: hook}, func(w io.Writer) error {
		_, err := w.Write(append(b, '\n'))
		return err
	})
}

// planLine returns the command that plans a wave.
func planLine(h *cmdutil.Hints) string {
	return h.Line("coexist", "plan", "--users", "FILE", "-O", "DIR")
}

// errNoWave returns the error for a missing --wave.
func errNoWave(h *cmdutil.Hints) error {
	return cmdutil.Usagef("the wave is missing; use --wave DIR ('%s' creates one)", planLine(h))
}

// loadWave reads the manifest and checks that no file of the wave was changed since.
func loadWave(h *cmdutil.Hints, dir string) (*manifest, error) {
	b, _, err := fsx.ReadLimited(filepath.Join(dir, waveManifest), 1<<20)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, cmdutil.Usagef("'%s' does not contain a wave: it has no %s; '%s' creates one", dir, waveManifest, planLine(h))
	}
	if err != nil {
		return nil, err
	}
	m := &manifest{}
	if err := json.Unmarshal(b, m); err != nil || m.Schema != waveSchema {
		return nil, cmdutil.Usagef("%s is not the manifest of a wave", filepath.Join(dir, waveManifest))
	}
	for _, name := range waveFiles() {
		sum, err := fileSum(filepath.Join(dir, name))
		if err != nil {
			return nil, err
		}
		if sum != m.Files[name] {
			return nil, cmdutil.Usagef("%s was changed since the wave was planned; plan the wave again in a new directory", filepath.Join(dir, name))
		}
	}
	return m, nil
}
