package configcmd

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/fsx"
	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/config"
	"github.com/davadmin/davadmin/pkg/store/backends"
)

// newServerFile is what a new home starts with.
//
//go:embed davserver.properties
var newServerFile []byte

// initHome is 'init'.
type initHome struct {
	console  *cmdutil.Console
	getenv   func(string) string
	global   *cmdutil.Globals
	hook     fsx.Hook
	journals *cmdutil.Journals
	stores   *cmdutil.Stores
	cmdutil.HomeOptions
	lock cmdutil.LockOptions
}

func NewInit(f *cmdutil.Factory) *cobra.Command {
	o := &initHome{console: f.Console, getenv: f.Getenv, global: f.Global, hook: f.Hook, journals: f.Journals, stores: f.Stores}
	cmd := &cobra.Command{
		Use:     "init [--home DIR]",
		Short:   "make a new server home",
		GroupID: cmdutil.GroupWork,
		Long: `Makes a server home: config/ with a commented davserver.properties, data/ with an empty
store for accounts, and history/. Everything is at its default. The directory must be
empty, or not be there yet.`,
		Example: `  davadmin init --home /opt/davadmin`,
		Args:    cmdutil.NoArguments,
		RunE:    func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context()) },
	}
	o.HomeOptions.Add(cmd.Flags())
	o.lock.Add(cmd.Flags())
	return cmd
}

func (o *initHome) run(ctx context.Context) error {
	format, err := o.console.Format(ui.Plain, ui.JSON)
	if err != nil {
		return err
	}
	home := o.global.Home
	if home == "" {
		home = o.getenv("DAVADMIN_HOME")
	}
	if home == "" {
		return cmdutil.Usagef("where? Give --home DIR, or set DAVADMIN_HOME")
	}
	if home, err = filepath.Abs(home); err != nil {
		return fmt.Errorf("home: %w", err)
	}
	if err := emptyOrAbsent(home); err != nil {
		return err
	}
	if !o.global.DryRun {
		if err := o.make(ctx, home); err != nil {
			return fmt.Errorf("make home %s: %w", home, err)
		}
	}
	if err := o.print(format, home); err != nil {
		return err
	}
	if o.global.DryRun {
		o.console.Notef("dry run: nothing was made")
		return nil
	}
	o.console.Notef("next: davadmin config list -A --home %s", cmdutil.Quote(home))
	return nil
}

// emptyOrAbsent refuses a directory that holds anything: it may be a home.
func emptyOrAbsent(home string) error {
	names, err := os.ReadDir(home)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case errors.Is(err, syscall.ENOTDIR):
		return cmdutil.Usagef("'%s' is not a directory; nothing was changed", home)
	case err != nil:
		return fmt.Errorf("look into the new home: %w", err)
	case len(names) > 0:
		return fmt.Errorf("%s is not empty (it has %s); nothing was changed", home, names[0].Name())
	}
	return nil
}

// make builds the home. What it made before a failure it takes away again, so
// that the command can be repeated.
func (o *initHome) make(ctx context.Context, home string) (err error) {
	_, statErr := os.Stat(home)
	existed := statErr == nil
	if err := os.MkdirAll(home, 0o755); err != nil {
		return err
	}
	defer func() {
		if err == nil {
			return
		}
		for _, name := range []string{"config", "data", "history"} {
			err = errors.Join(err, os.RemoveAll(filepath.Join(home, name)))
		}
		if !existed {
			err = errors.Join(err, os.Remove(home))
		}
	}()
	for _, dir := range []struct {
		name string
		mode fs.FileMode
	}{{"config", 0o750}, {"data", 0o700}} {
		path := filepath.Join(home, dir.name)
		if err := os.Mkdir(path, dir.mode); err != nil {
			return err
		}
		// The umask must not make the directory closed to its group.
		if err := os.Chmod(path, dir.mode); err != nil {
			return err
		}
	}
	if err := o.makeStore(ctx, home); err != nil {
		return err
	}
	file := config.NewFile(o.journals.Open(home, o.lock.Timeout), config.FileOptions{
		Home: home, Name: config.ServerFile, MayCreate: true, Hook: o.hook,
	})
	_, err = file.Apply(ctx, config.Edit{
		Operation: "init", Command: o.journals.Command(),
		Make: func([]byte) ([]byte, []config.Change, error) { return newServerFile, nil, nil },
	})
	return err
}

// makeStore makes the store of the back end that every home has.
func (o *initHome) makeStore(ctx context.Context, home string) error {
	return o.stores.CreateStoreFile(ctx, home, backends.Location{Backend: cmdutil.BuiltinBackend, File: initialStore(home)})
}

// initialStore is where that is.
func initialStore(home string) string {
	return filepath.Join(home, "data", "db", cmdutil.BuiltinBackend+cmdutil.StoreSuffix)
}

func (o *initHome) print(format ui.Format, home string) error {
	paths := []string{
		filepath.Join(home, filepath.FromSlash(config.ServerFile)), filepath.Join(home, "data"), initialStore(home), filepath.Join(home, "history"),
	}
	if format == ui.JSON {
		return ui.WriteJSON(o.console.Streams.Out, struct {
			Schema string   `json:"schema"`
			DryRun bool     `json:"dry_run"`
			Home   string   `json:"home"`
			Made   []string `json:"made"`
		}{"davadmin.init.1", o.global.DryRun, home, paths})
	}
	if o.global.Quiet {
		return nil
	}
	for _, p := range paths {
		if _, err := fmt.Fprintf(o.console.Streams.Out, "made: %s\n", ui.Sanitize(p)); err != nil {
			return err
		}
	}
	return nil
}
