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

// App is what a run of davadmin needs from its surroundings.
type App struct {
	Streams *ui.Streams
	Args    []string            // the words behind the program's name
	Getenv  func(string) string // the environment
	Now     func() time.Time
	Build   Build
	Hook    fsx.Hook // sees every write; nil in production
	// VaultWork is the work that the passphrase of a vault costs; 0 in production,
	// see secret.Passphrase.
	VaultWork int

	opts globals
	// homeWords are the words of this run that named its home, if any did.
	homeWords string
	// status tells of long work while it lasts.
	status *ui.Status
	vaults vaults
}

// Build says what this binary was made from.
type Build struct {
	Version string
	Commit  string
	Date    string
}

// globals are the options that mean the same everywhere.
type globals struct {
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
func (a *App) home(o *homeOptions) (string, error) {
	clifile, clifrom, err := a.clifile(o)
	if err != nil {
		return "", err
	}
	home, from := a.opts.home, "from --home"
	if home != "" {
		a.homeWords = "--home " + a.quote(home)
	}
	if home == "" {
		home, from = a.Getenv("DAVADMIN_HOME"), "from DAVADMIN_HOME"
	}
	if home == "" && clifile != nil {
		home, from = clifile.String("home", ""), "from the clifile "+clifrom
		if o.clifile != "" {
			a.homeWords = "-F " + a.quote(o.clifile)
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
		return "", usagef("there is no directory '%s' (%s); 'davadmin init --home %s' makes a new home", home, from, a.quote(home))
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
	if clifile != nil && !a.opts.detail {
		if a.opts.detail, err = clifile.Bool("detail", false); err != nil {
			return "", fmt.Errorf("clifile %s: %w", clifrom, err)
		}
	}
	a.detailf("home: %s (%s)", home, from)
	return home, nil
}

// clifile reads the clifile that was named; nil when none was.
func (a *App) clifile(o *homeOptions) (s *config.Settings, path string, err error) {
	path, from := o.clifile, "named with -F"
	if path == "" {
		path, from = a.Getenv("DAVADMIN_CLIFILE"), "named by DAVADMIN_CLIFILE"
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
func (a *App) actor() journal.Actor {
	actor := journal.Actor{UID: os.Getuid(), SudoUser: a.Getenv("SUDO_USER")}
	if u, err := user.LookupId(fmt.Sprint(actor.UID)); err == nil {
		actor.User = u.Username
	}
	if h, err := os.Hostname(); err == nil {
		actor.Host = h
	}
	return actor
}

func (a *App) journal(home string, lockTimeout time.Duration) *journal.Journal {
	return journal.New(filepath.Join(home, "history"), journal.Options{
		Base: home, Actor: a.actor(), Now: a.Now, LockTimeout: lockTimeout, Hook: a.Hook,
	})
}

func (a *App) serverFile(home string, lockTimeout time.Duration) *config.File {
	return config.NewFile(a.journal(home, lockTimeout), config.FileOptions{Home: home, Name: config.ServerFile, Hook: a.Hook})
}

// notef tells the user something that is no result.
func (a *App) notef(format string, args ...any) {
	if !a.opts.quiet {
		a.say(fmt.Sprintf(format, args...))
	}
}

// say writes a line to the error stream, behind the data so far.
func (a *App) say(line string) {
	if a.Streams.Flush != nil {
		_ = a.Streams.Flush() // met again at the end of the run
	}
	write := func() { fmt.Fprintln(a.Streams.Err, ui.Sanitize(line)) }
	if a.status != nil {
		a.status.Interrupt(write)
		return
	}
	write()
}

// startStatus tells of long work until the function that it returns is called.
func (a *App) startStatus(text func() string) (stop func()) {
	if a.opts.quiet {
		return func() {}
	}
	a.status = a.Streams.StartStatus(text)
	return func() {
		a.status.Stop()
		a.status = nil
	}
}

func (a *App) warnf(format string, args ...any) {
	a.notef("davadmin: warning: "+format, args...)
}

// detailf says more, with -e.
func (a *App) detailf(format string, args ...any) {
	if a.opts.detail {
		a.notef(format, args...)
	}
}

// quote makes a word safe to paste into a shell; a word that cannot be made
// safe appears as a placeholder that no shell takes for something else.
func (a *App) quote(word string) string {
	q, err := ui.ShellQuote(word)
	if err != nil {
		return "'...'"
	}
	return q
}

// withHome puts --home into the davadmin commands of a suggestion when this run
// was told its home that way, so that the suggestion works as it stands.
func (a *App) withHome(suggestion string) string {
	if a.homeWords == "" {
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
		suggestion = strings.ReplaceAll(suggestion, op, op+" "+a.homeWords)
	}
	return suggestion
}

// format chooses the output format among those that the command can give.
func (a *App) format(can ...ui.Format) (ui.Format, error) {
	f, err := ui.ChooseFormat(a.opts.output, a.Streams.OutTTY, can...)
	if err != nil {
		return "", usagef("--output: %v", err)
	}
	return f, nil
}

// Tree returns the command tree, for the page generator.
func (a *App) Tree() *cobra.Command { return a.root() }

// Main runs davadmin and returns its exit code.
func Main(ctx context.Context, a *App) int {
	if a.Now == nil {
		a.Now = time.Now
	}
	root := a.root()
	root.SetArgs(a.Args)
	root.SetOut(a.Streams.Out)
	root.SetErr(a.Streams.Err)
	cmd, err := root.ExecuteContextC(ctx)
	if a.Streams.Flush != nil && (err == nil || errors.Is(err, errFindings) || errors.Is(err, errAnswered)) {
		if ferr := a.Streams.Flush(); ferr != nil {
			err = fmt.Errorf("the output could not be written: %w", ferr)
		}
	}
	code, text := exitOf(ctx, err)
	a.report(operationOf(cmd), text)
	return code
}
