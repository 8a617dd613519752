package cmdutil

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/pflag"

	"github.com/davadmin/davadmin/internal/fsx"
	"github.com/davadmin/davadmin/pkg/config"
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
	from    string           // in words
	clifile *config.Settings // nil if the user named none
	path    string           // of the clifile
}

func (hs *Homes) name(o *HomeOptions) (n homeName, err error) {
	if n.clifile, n.path, err = hs.clifile(o); err != nil {
		return n, err
	}
	n.home, n.from = hs.global.Home, "from --home"
	if n.home == "" {
		n.home, n.from = hs.getenv("DAVADMIN_HOME"), "from DAVADMIN_HOME"
	}
	if n.home == "" && n.clifile != nil {
		n.home, n.from = n.clifile.String("home", ""), "from the clifile "+n.path
		if o.clifile != "" {
			hs.hints.clifile = o.clifile
		}
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
	home, from, clifile, clifrom := n.home, n.from, n.clifile, n.path
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
	if clifile == nil {
		if clifile, clifrom, err = readClifile(filepath.Join(home, config.ClientFile), true); err != nil {
			return "", err
		}
	}
	if clifile != nil && !hs.global.Detail {
		if hs.global.Detail, err = clifile.Bool("detail", false); err != nil {
			return "", fmt.Errorf("clifile %s: %w", clifrom, err)
		}
	}
	if hs.shown != home { // a run may look for its home more than once
		hs.console.Detailf("home: %s (%s)", home, from)
		hs.shown = home
	}
	return home, nil
}

// clifile reads the clifile named with -F or DAVADMIN_CLIFILE, and returns nil without one.
func (hs *Homes) clifile(o *HomeOptions) (s *config.Settings, path string, err error) {
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
		return nil, path, fmt.Errorf("clifile: %w", explainClosed(err, path))
	}
	if b, err = PlainText(path, b); err != nil {
		return nil, path, fmt.Errorf("clifile: %w", err)
	}
	s, err := config.ReadSettings(b)
	if err != nil {
		return nil, path, fmt.Errorf("clifile %s: %w", path, err)
	}
	return s, path, nil
}

// Homes finds the server home of a run.
type Homes struct {
	global  *Globals
	console *Console
	hints   *Hints
	getenv  func(string) string
	shown   string // the home that a detail line named
}

// isNamed reports whether the user named the home.
func (hs *Homes) isNamed(o *HomeOptions) bool {
	return hs.global.Home != "" || o.clifile != "" || hs.getenv("DAVADMIN_HOME") != "" || hs.getenv("DAVADMIN_CLIFILE") != ""
}

// Add adds the option -F.
func (o *HomeOptions) Add(f *pflag.FlagSet) {
	f.StringVarP(&o.clifile, "clifile", "F", "", "read defaults for --home and --detail from `FILE`, the clifile (default: DAVADMIN_CLIFILE, then config/davadmin.properties of the home)")
}

// AddVault adds the option that opens the vault, to commands that need a password.
func (o *HomeOptions) AddVault(f *pflag.FlagSet) {
	f.StringVar(&o.VaultKey, "vault-key", "", "`FILE` with the key of the vault (default: "+envVaultKey+", then "+VaultKeyFile+
		" of the home; the passphrase of a vault with one comes from "+EnvPassphrase+" or a prompt)")
}
