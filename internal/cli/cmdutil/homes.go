package cmdutil

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// DefaultHome is the server home of Oracle's installer.
const DefaultHome = "/opt/sun/comms/davserver"

// HomeOptions are the options of every command that works on a server home.
type HomeOptions struct {
	clifile  string
	VaultKey string // of commands that need a password, see AddVault
}

// Named returns the server home that the user named, first found: --home, DAVADMIN_HOME,
// the clifile. It may not exist. Without one, it is empty.
func (hs *Homes) Named(o *HomeOptions) (string, error) {
	n, err := hs.name(o)
	return n.home, err
}

// homeName is the home that the user named, and where.
type homeName struct {
	home    string
	from    string   // in words
	clifile *clifile // nil if the user named none
}

func (hs *Homes) name(o *HomeOptions) (n homeName, err error) {
	if n.clifile, err = hs.namedClifile(o); err != nil {
		return n, err
	}
	n.home, n.from = hs.global.Home, "from --home"
	if n.home == "" {
		n.home, n.from = hs.getenv("DAVADMIN_HOME"), "from DAVADMIN_HOME"
	}
	if n.home == "" && n.clifile != nil {
		n.home, n.from = n.clifile.home(), "from the clifile "+n.clifile.path
	}
	return n, nil
}

// Find returns the server home: the one that the user named, else DefaultHome if it
// exists.
func (hs *Homes) Find(o *HomeOptions) (string, error) {
	n, err := hs.name(o)
	if err != nil {
		return "", err
	}
	home, from := n.home, n.from
	if home == "" {
		if fi, err := os.Stat(DefaultHome); err == nil && fi.IsDir() {
			home, from = DefaultHome, "the default"
		}
	}
	if home == "" {
		return "", Usagef("no server home: use --home DIR, set DAVADMIN_HOME, or use -F with a clifile that has a 'home'")
	}
	fi, err := os.Stat(home)
	if errors.Is(err, fs.ErrNotExist) {
		return "", Usagef("the directory '%s' (%s) does not exist; 'davadmin init --home %s' creates a new home", home, from, Quote(home))
	}
	if err != nil {
		return "", fmt.Errorf("server home: %w", explainClosed(err, home))
	}
	if !fi.IsDir() {
		return "", Usagef("'%s' (%s) is not a directory", home, from)
	}
	if hs.shown != home { // a run may look for its home more than once
		hs.console.Detailf("home: %s (%s)", home, from)
		hs.shown = home
	}
	return home, nil
}

// namedClifile reads the clifile named with -F or DAVADMIN_CLIFILE, and returns nil without
// one.
func (hs *Homes) namedClifile(o *HomeOptions) (*clifile, error) {
	path, from := o.clifile, "named with -F"
	if path == "" {
		path, from = hs.getenv("DAVADMIN_CLIFILE"), "named by DAVADMIN_CLIFILE"
	}
	if path == "" {
		return nil, nil
	}
	if o.clifile != "" {
		hs.hints.clifile = o.clifile
	}
	c, err := hs.readClifile(path, from, false, "")
	if err != nil {
		return nil, fmt.Errorf("%w (%s)", err, from)
	}
	return c, nil
}

// Homes finds the server home of a run.
type Homes struct {
	global  *Globals
	console *Console
	hints   *Hints
	getenv  func(string) string
	shown   string // the home that a detail line named

	clifiles map[string]*clifile // those that were read, by path
	applied  []appliedDefault
	tree     *cobra.Command

	// Commands returns a new tree of all commands, with which the keys of a clifile are
	// checked.
	Commands func() *cobra.Command
}

// isNamed reports whether the user named the home.
func (hs *Homes) isNamed(o *HomeOptions) bool {
	return hs.global.Home != "" || o.clifile != "" || hs.getenv("DAVADMIN_HOME") != "" || hs.getenv("DAVADMIN_CLIFILE") != ""
}

// Add adds the option -F.
func (o *HomeOptions) Add(f *pflag.FlagSet) {
	f.StringVarP(&o.clifile, "clifile", "F", "", "read defaults of options from `FILE`, the clifile (default: DAVADMIN_CLIFILE); 'davadmin config clifile --help' explains it")
}

// AddVault adds the option that opens the vault, to commands that need a password.
func (o *HomeOptions) AddVault(f *pflag.FlagSet) {
	f.StringVar(&o.VaultKey, "vault-key", "", "`FILE` with the key of the vault (default: "+envVaultKey+", then "+VaultKeyFile+
		" of the home; the passphrase of a vault with one comes from "+EnvPassphrase+" or a prompt)")
}

// commandTree returns a tree of all commands, whose options may be set to check values.
func (hs *Homes) commandTree() *cobra.Command {
	if hs.tree == nil {
		hs.tree = hs.Commands()
	}
	return hs.tree
}
