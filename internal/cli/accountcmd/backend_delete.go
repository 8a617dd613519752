package accountcmd

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/cli/storehome"
	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/config"
	"github.com/davadmin/davadmin/pkg/store"
	"github.com/davadmin/davadmin/pkg/store/backends"
)

// backendDelete is 'backend delete'.
type backendDelete struct {
	console   *cmdutil.Console
	global    *cmdutil.Globals
	homeFiles *cmdutil.HomeFiles
	hints     *cmdutil.Hints
	journals  *cmdutil.Journals
	stores    *storehome.Homes
	cmdutil.HomeOptions
	lock      cmdutil.LockOptions
	name      string
	skipCheck bool
	force     bool
	warned    bool // that the store cannot be read
}

func newBackendDelete(f *cmdutil.Factory) *cobra.Command {
	o := &backendDelete{console: f.Console, hints: f.Hints, global: f.Global, homeFiles: f.HomeFiles, journals: f.Journals, stores: storehome.NewHomes(f)}
	cmd := &cobra.Command{
		Use:   "delete -n ID",
		Short: "remove an empty back end from the configuration; its database is kept",
		Long: `Removes, after confirmation, the parameters of a back end that has no accounts. Its
database is kept: the message says where it is. 'backend create' with the same options uses
it again, and 'history undo' undoes the deletion.

A back end with accounts is refused, also if they are all deleted: move or delete them, and
remove deleted ones with 'backend purge'. The default back end is refused too, because
accounts whose directory entry names no back end are created there; the message says how to
make another one the default.

A back end whose store cannot be read is refused, because it may have accounts. With
--skip-check it is deleted nevertheless: accounts on it, if there are any, are no longer
found, until the deletion is undone.

Directory entries that name the back end are not changed: 'ldap audit' lists them
(davstore-unknown-backend). A password in the vault is kept: 'passfile delete -n store.ID'.`,
		Example: `  davadmin backend delete -n store1 --dry-run
  davadmin backend delete -n store1`,
		Args: cmdutil.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context()) },
	}
	flags := cmd.Flags()
	flags.StringVarP(&o.name, "name", "n", "", "`ID` of the back end")
	flags.BoolVar(&o.skipCheck, "skip-check", false, "delete the back end even if its store cannot be read; accounts on it are no longer found")
	flags.BoolVarP(&o.force, "force", "r", false, "do not ask; the same as --yes")
	o.lock.Add(flags)
	o.HomeOptions.Add(flags)
	o.AddVault(flags)
	_ = cmd.RegisterFlagCompletionFunc("name", o.stores.CompleteBackends)
	return cmd
}

func (o *backendDelete) run(ctx context.Context) (err error) {
	format, err := o.console.Format(ui.Table, ui.Plain, ui.JSON)
	if err != nil {
		return err
	}
	if o.name == "" {
		return cmdutil.Usagef("no back end given; use -n ID")
	}
	c, err := o.homeFiles.OpenConfig(&o.HomeOptions, o.lock)
	if err != nil {
		return err
	}
	s, err := o.stores.Open(ctx, &o.HomeOptions, o.lock.Timeout)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	l, err := s.Set.Location(o.name)
	if err != nil {
		return cmdutil.Usagef("%v", err)
	}
	if o.name == s.Set.Default() {
		return o.isDefaultError()
	}
	if err := o.requireEmpty(ctx, s, l); err != nil {
		return err
	}
	if !o.global.DryRun {
		o.global.Yes = o.global.Yes || o.force
		if err := o.console.Confirm(ctx, fmt.Sprintf("Remove the back end %s from the configuration? Its database is kept.", o.name)); err != nil {
			return err
		}
	}
	edit := config.Edit{Operation: "backend delete", Command: o.journals.Command(), Mask: c.Labels.Mask, Make: func(current []byte) ([]byte, []config.Change, error) {
		// Accounts may have been created while the question was asked.
		if err := o.requireEmpty(ctx, s, l); err != nil {
			return nil, nil, err
		}
		return o.removeParameters(c, current)
	}}
	outcome, err := o.homeFiles.Apply(ctx, c.File, edit)
	if err != nil {
		return o.hints.RefusedUsage(o.homeFiles.ExplainLoad(ctx, err, c.File))
	}
	if err := o.homeFiles.ReportError(c, outcome, o.homeFiles.ShowChange(format, "delete", c, outcome)); err != nil || o.global.DryRun {
		return err
	}
	if l.URL != "" || l.HasFile() {
		o.console.Notef("the database is kept: %s", l.Where())
	}
	return nil
}

// isDefaultError says how another back end takes the place of the default one, which is not
// configured any more then.
func (o *backendDelete) isDefaultError() error {
	parameter := "store.dav." + cmdutil.BuiltinBackend + "."
	return fmt.Errorf("nothing was changed: %s is the default back end: accounts whose directory entry names no back end are created there; "+
		"to make another one the default in its place, move its accounts there, then: '%s' (and set %sdburl and %sdbdir to those of the other one, if it has them)",
		o.name, o.hints.Line("config", "modify", "-o", parameter+"backendid", "-v", "ID"), parameter, parameter)
}

// removeParameters removes all parameters of the back end from the text of the configuration.
func (o *backendDelete) removeParameters(c *cmdutil.HomeFile, current []byte) ([]byte, []config.Change, error) {
	doc, err := config.Parse(current)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", c.File.Path(), err)
	}
	var requests []config.Request
	for _, b := range config.Backends(c.Registry, doc) {
		for name := range doc.All() {
			if b.ID == o.name && strings.HasPrefix(name, b.Parameter("")) {
				requests = append(requests, config.Request{Name: name, Action: config.ActionUnset})
			}
		}
	}
	var warnings []config.Warning // none for parameters that are removed
	return c.ModifyParameters(requests, config.ModifyOptions{}, &warnings)(current)
}

// requireEmpty returns an error if a back end has accounts, deleted ones included, or if that
// cannot be found out.
func (o *backendDelete) requireEmpty(ctx context.Context, s *storehome.Home, l backends.Location) error {
	var active, all int64
	st, err := s.Set.Open(ctx, l.Backend)
	if err == nil {
		err = st.View(ctx, func(ctx context.Context, r store.Reader) error {
			if active, err = r.CountAccounts(ctx, store.AccountFilter{}); err != nil {
				return err
			}
			all, err = r.CountAccounts(ctx, store.AccountFilter{State: store.AnyState})
			return err
		})
	}
	unusable := err != nil && ctx.Err() == nil && store.IsUnusable(err)
	switch {
	case unusable && o.skipCheck:
		if o.warned {
			return nil
		}
		o.warned = true
		o.console.Warnf("back end %s: its store cannot be read, so it may have accounts: %v", l.Backend, err)
		return nil
	case unusable:
		return o.hints.NotEmptyError(backends.Lost{Location: l, Err: err})
	case err != nil:
		return err
	case all == 0:
		return nil
	}
	what := fmt.Sprintf("%s, %d deleted", cmdutil.Plural(int(all), "account"), all-active)
	advice := fmt.Sprintf("'%s' removes deleted ones when the purge delay has passed", o.hints.Line("backend", "purge", "-n", l.Backend))
	if active > 0 {
		advice = fmt.Sprintf("move the active ones to another back end with '%s', or delete them; then %s ('%s' lists them)",
			o.hints.Line("account", "move", "-n", l.Backend, "--to", "ID", "-f", "FILE"), advice, o.hints.Line("account", "list", "-n", l.Backend))
	}
	return fmt.Errorf("nothing was changed: the back end %s is not empty (%s): %s", l.Backend, what, advice)
}
