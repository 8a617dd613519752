// Package cli is the command line of davadmin: what a user types, sees and may
// rely on. It reads options, calls the libraries under pkg/, prints what they
// answer and turns errors into words and exit codes. It holds no knowledge of
// calendars, directories or file formats.
//
// Every command is an options struct with a constructor and a run method, so
// that a test can call it with buffers for streams.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/fsx"
	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/config"
	"github.com/davadmin/davadmin/pkg/journal"
)

// Environment is what a run of davadmin needs from its surroundings.
type Environment struct {
	Streams *ui.Streams
	Args    []string            // the words behind the program's name
	Getenv  func(string) string // the environment
	Now     func() time.Time
	Build   Build
	Hook    fsx.Hook // sees every write; nil in production
	// VaultWork is the work that the passphrase of a vault costs; 0 in production,
	// see secret.Passphrase.
	VaultWork int
}

// Build says what this binary was made from.
type Build struct {
	Version string
	Commit  string
	Date    string
}

// Globals are the options that mean the same everywhere.
type Globals struct {
	home    string
	output  string
	quiet   bool
	detail  bool
	noColor bool
	yes     bool
	dryRun  bool
}

// defaultHome is where Oracle's installer puts the server.
const defaultHome = "/opt/sun/comms/davserver"

// homeOptions are the options of every command that works on a server home.
type homeOptions struct {
	clifile  string
	vaultKey string // of commands that need a password, see addVault
}

// home finds the server home: the option, the environment, the clifile, the
// place of the original.
func (hs *Homes) Find(o *homeOptions) (string, error) {
	clifile, clifrom, err := hs.clifile(o)
	if err != nil {
		return "", err
	}
	home, from := hs.global.home, "from --home"
	if home != "" {
		hs.hints.home = "--home " + Quote(home)
	}
	if home == "" {
		home, from = hs.getenv("DAVADMIN_HOME"), "from DAVADMIN_HOME"
	}
	if home == "" && clifile != nil {
		home, from = clifile.String("home", ""), "from the clifile "+clifrom
		if o.clifile != "" {
			hs.hints.home = "-F " + Quote(o.clifile)
		}
	}
	if home == "" {
		if fi, err := os.Stat(defaultHome); err == nil && fi.IsDir() {
			home, from = defaultHome, "the default"
		}
	}
	if home == "" {
		return "", usagef("no server home: give --home DIR, set DAVADMIN_HOME, or name a clifile that has a 'home' with -F")
	}
	fi, err := os.Stat(home)
	if errors.Is(err, fs.ErrNotExist) {
		return "", usagef("there is no directory '%s' (%s); 'davadmin init --home %s' makes a new home", home, from, Quote(home))
	}
	if err != nil {
		return "", fmt.Errorf("server home: %w", err)
	}
	if !fi.IsDir() {
		return "", usagef("'%s' (%s) is not a directory", home, from)
	}
	if clifile == nil {
		if clifile, clifrom, err = readClifile(filepath.Join(home, config.ClientFile), true); err != nil {
			return "", err
		}
	}
	if clifile != nil && !hs.global.detail {
		if hs.global.detail, err = clifile.Bool("detail", false); err != nil {
			return "", fmt.Errorf("clifile %s: %w", clifrom, err)
		}
	}
	hs.console.Detailf("home: %s (%s)", home, from)
	return home, nil
}

// clifile reads the clifile that was named; nil when none was.
func (hs *Homes) clifile(o *homeOptions) (s *config.Settings, path string, err error) {
	path, from := o.clifile, "named with -F"
	if path == "" {
		path, from = hs.getenv("DAVADMIN_CLIFILE"), "named by DAVADMIN_CLIFILE"
	}
	if path == "" {
		return nil, "", nil
	}
	s, path, err = readClifile(path, false)
	if err != nil {
		return nil, path, fmt.Errorf("%w (%s)", err, from)
	}
	return s, path, nil
}

func readClifile(path string, optional bool) (*config.Settings, string, error) {
	b, _, err := fsx.ReadLimited(path, 1<<20)
	if optional && errors.Is(err, fs.ErrNotExist) {
		return nil, path, nil
	}
	if err != nil {
		return nil, path, fmt.Errorf("clifile: %w", err)
	}
	s, err := config.ReadSettings(b)
	if err != nil {
		return nil, path, fmt.Errorf("clifile %s: %w", path, err)
	}
	return s, path, nil
}

// actor is who the journal says made a change.
func (j *Journals) actor() journal.Actor {
	actor := journal.Actor{UID: os.Getuid(), SudoUser: j.getenv("SUDO_USER")}
	if u, err := user.LookupId(fmt.Sprint(actor.UID)); err == nil {
		actor.User = u.Username
	}
	if h, err := os.Hostname(); err == nil {
		actor.Host = h
	}
	return actor
}

func (j *Journals) Open(home string, lockTimeout time.Duration) *journal.Journal {
	return journal.New(filepath.Join(home, "history"), journal.Options{
		Base: home, Actor: j.actor(), Now: j.now, LockTimeout: lockTimeout, Hook: j.hook,
	})
}

func (hf *HomeFiles) ServerFile(home string, lockTimeout time.Duration) *config.File {
	return config.NewFile(hf.journals.Open(home, lockTimeout), config.FileOptions{Home: home, Name: config.ServerFile, Hook: hf.hook})
}

// notef tells the user something that is no result.
func (c *Console) Notef(format string, args ...any) {
	if !c.global.quiet {
		c.Say(fmt.Sprintf(format, args...))
	}
}

// say writes a line to the error stream, behind the data so far.
func (c *Console) Say(line string) {
	if c.Streams.Flush != nil {
		_ = c.Streams.Flush() // met again at the end of the run
	}
	write := func() { fmt.Fprintln(c.Streams.Err, ui.Sanitize(line)) }
	if c.status != nil {
		c.status.Around(write)
		return
	}
	write()
}

// startStatus tells of long work until the function that it returns is called.
func (c *Console) StartStatus(text func() string) (stop func()) {
	if c.global.quiet {
		return func() {}
	}
	c.status = c.Streams.StartStatus(text)
	return func() {
		c.status.Stop()
		c.status = nil
	}
}

func (c *Console) Warnf(format string, args ...any) {
	c.Notef("davadmin: warning: "+format, args...)
}

// detailf says more, with -e.
func (c *Console) Detailf(format string, args ...any) {
	if c.global.detail {
		c.Notef(format, args...)
	}
}

// quote makes a word safe to paste into a shell; a word that cannot be made
// safe appears as a placeholder that no shell takes for something else.
func Quote(word string) string {
	q, err := ui.ShellQuote(word)
	if err != nil {
		return "'...'"
	}
	return q
}

// withHome puts --home into the davadmin commands of a suggestion when this run
// was told its home that way, so that the suggestion works as it stands.
func (h *Hints) WithHome(suggestion string) string {
	if h.home == "" {
		return suggestion
	}
	for _, op := range []string{
		"davadmin config modify", "davadmin config revert", "davadmin config diff",
		"davadmin domainmap create", "davadmin domainmap modify", "davadmin domainmap delete", "davadmin domainmap revert", "davadmin domainmap list",
		"davadmin ldap apply", "davadmin ldap undo",
		"davadmin passfile create", "davadmin passfile modify", "davadmin passfile delete", "davadmin passfile list", "davadmin passfile history", "davadmin passfile revert",
		"davadmin ldappool create", "davadmin ldappool modify", "davadmin ldappool delete", "davadmin ldappool list",
		"davadmin account delete", "davadmin account modify", "davadmin account subscribe", "davadmin account unsubscribe", "davadmin account delcomponent", "davadmin account repair",
		"davadmin calendar delete", "davadmin calendar modify", "davadmin db init", "davadmin db schema_fullupgrade",
		"davadmin coexist apply", "davadmin coexist verify", "davadmin coexist status", "davadmin coexist rollback", "davadmin coexist check",
	} {
		suggestion = strings.ReplaceAll(suggestion, op, op+" "+h.home)
	}
	return suggestion
}

// format chooses the output format among those that the command can give.
func (c *Console) Format(can ...ui.Format) (ui.Format, error) {
	f, err := ui.ChooseFormat(c.global.output, c.Streams.OutTTY, can...)
	if err != nil {
		return "", usagef("--output: %v", err)
	}
	return f, nil
}

// Tree returns the command tree, for the page generator.
func Tree(env *Environment) *cobra.Command { return newRoot(env.Args, NewFactory(env)) }

// Main runs davadmin and returns its exit code.
func Main(ctx context.Context, env *Environment) int {
	f := NewFactory(env)
	root := newRoot(env.Args, f)
	root.SetArgs(env.Args)
	root.SetOut(env.Streams.Out)
	root.SetErr(env.Streams.Err)
	cmd, err := root.ExecuteContextC(ctx)
	if env.Streams.Flush != nil && (err == nil || errors.Is(err, errFindings) || errors.Is(err, errAnswered)) {
		if ferr := env.Streams.Flush(); ferr != nil {
			err = fmt.Errorf("the output could not be written: %w", ferr)
		}
	}
	code, text := exitOf(ctx, err)
	reportError(f.Console, operationOf(cmd), text)
	return code
}
