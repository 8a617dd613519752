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

// newServerFile is the configuration of a new home.
//
//go:embed davserver.properties
var newServerFile []byte

// initHome is 'init'.
type initHome struct {
	console  *cmdutil.Console
	hints    *cmdutil.Hints
	homes    *cmdutil.Homes
	global   *cmdutil.Globals
	hook     fsx.Hook
	journals *cmdutil.Journals
	stores   *cmdutil.Stores
	cmdutil.HomeOptions
	lock cmdutil.LockOptions
}

// NewInit returns the operation 'init'.
func NewInit(f *cmdutil.Factory) *cobra.Command {
	o := &initHome{console: f.Console, hints: f.Hints, homes: f.Homes, global: f.Global, hook: f.Hook, journals: f.Journals, stores: f.Stores}
	cmd := &cobra.Command{
		Use:     "init [--home DIR]",
		Short:   "create a new server home",
		GroupID: cmdutil.GroupWork,
		Long: `Creates a server home: config/ with a commented davserver.properties, data/
with an empty store for accounts, and history/. All parameters have their
defaults. The directory must be empty or not exist yet.`,
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
	home, err := o.homes.Named(&o.HomeOptions)
	if err != nil {
		return err
	}
	if home == "" {
		return cmdutil.Usagef("missing directory: use --home DIR, set DAVADMIN_HOME, or use -F with a clifile that has a 'home'")
	}
	if home, err = filepath.Abs(home); err != nil {
		return fmt.Errorf("home: %w", err)
	}
	if err := emptyOrAbsent(home); err != nil {
		return err
	}
	if !o.global.DryRun {
		if err := o.create(ctx, home); err != nil {
			return fmt.Errorf("create home %s: %w", home, err)
		}
	}
	if err := o.print(format, home); err != nil {
		return err
	}
	if o.global.DryRun {
		o.console.Notef("dry run: nothing was created")
		return nil
	}
	o.console.Notef("next: %s", o.hints.Line("config", "list", "-A"))
	return nil
}

// emptyOrAbsent returns an error for a directory that is not empty: it may be a home.
func emptyOrAbsent(home string) error {
	names, err := os.ReadDir(home)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case errors.Is(err, syscall.ENOTDIR):
		return cmdutil.Usagef("'%s' is not a directory; nothing was changed", home)
	case err != nil:
		return fmt.Errorf("read the new home: %w", err)
	case len(names) > 0:
		return fmt.Errorf("%s is not empty (it contains %s); nothing was changed", home, names[0].Name())
	}
	return nil
}

// create creates the home. If that fails, it removes what it created, so that the command
// can be repeated.
func (o *initHome) create(ctx context.Context, home string) (err error) {
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
		// The umask must not remove the permissions of the group.
		if err := os.Chmod(path, dir.mode); err != nil {
			return err
		}
	}
	if err := o.createStore(ctx, home); err != nil {
		return err
	}
	o.console.ChangeBegins()
	file := config.NewFile(o.journals.Open(home, o.lock.Timeout), config.FileOptions{
		Home: home, Name: config.ServerFile, MayCreate: true, Hook: o.hook,
	})
	_, err = file.Apply(ctx, config.Edit{
		Operation: "init", Command: o.journals.Command(),
		Make: func([]byte) ([]byte, []config.Change, error) { return newServerFile, nil, nil },
	})
	return err
}

// createStore creates the store of the back end that every home has.
func (o *initHome) createStore(ctx context.Context, home string) error {
	return o.stores.CreateStoreFile(ctx, home, backends.Location{Backend: cmdutil.BuiltinBackend, File: initialStore(home)})
}

// initialStore returns the file of that store.
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
		if _, err := fmt.Fprintf(o.console.Streams.Out, "created: %s\n", ui.Sanitize(p)); err != nil {
			return err
		}
	}
	return nil
}
