package accountcmd

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/cli/storehome"
	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/store"
	"github.com/davadmin/davadmin/pkg/store/backends"
)

// dbOptions holds the options of every action of 'db'.
type dbOptions struct {
	console *cmdutil.Console
	global  *cmdutil.Globals
	hints   *cmdutil.Hints
	now     func() time.Time
	stores  *storehome.Homes
	cmdutil.HomeOptions
	lock cmdutil.LockOptions
	name string
}

func (o *dbOptions) add(cmd *cobra.Command, what string) {
	f := cmd.Flags()
	f.StringVarP(&o.name, "name", "n", "", what)
	_ = cmd.RegisterFlagCompletionFunc("name", o.stores.CompleteBackends)
	o.HomeOptions.Add(f)
	o.AddVault(f)
}

// NewDB returns the operation 'db'.
func NewDB(f *cmdutil.Factory) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "db ACTION [OPTIONS]",
		Short:   "create, upgrade and verify the databases of back ends",
		GroupID: cmdutil.GroupWork,
		Long: `Manages the databases of the back ends: creates them, shows the versions of their
schemas, upgrades them, and verifies what they contain. The parameters of a back end (store.dav.ID.dbdir,
store.dav.ID.dburl) set the location of its database.`,
		Example: `  davadmin db schema_version
  davadmin db init -n store1
  davadmin db schema_fullupgrade
  davadmin db verify --spans --dry-run`,
		Args: cmdutil.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := cmdutil.RefuseMirrored(cmd); err != nil {
				return err
			}
			return cmdutil.Usagef("no action given; 'db' has the actions %s", "init, schema_version, schema_fullupgrade, verify")
		},
	}
	cmd.AddCommand(newDBInit(f), newDBVersion(f), newDBUpgrade(f), newDBVerify(f))
	return cmd
}

// dbInit is 'db init'.
type dbInit struct {
	dbOptions
	overwrite bool
}

func newDBInit(f *cmdutil.Factory) *cobra.Command {
	o := &dbInit{dbOptions: dbOptions{console: f.Console, global: f.Global, hints: f.Hints, now: f.Now, stores: storehome.NewHomes(f)}}
	cmd := &cobra.Command{
		Use:   "init [-n ID] [--overwrite]",
		Short: "create the empty store of a back end",
		Long: `Creates the store of a back end that has none. With --overwrite, an empty store replaces
the existing one, after confirmation. The old store is kept: an SQLite file as a copy next to
it, PostgreSQL tables in a schema with another name.`,
		Example: `  davadmin db init
  davadmin db init -n store1 --overwrite`,
		Args: cmdutil.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context()) },
	}
	o.add(cmd, "`ID` of the back end (default: the back end of accounts whose entry names none)")
	cmd.Flags().BoolVarP(&o.overwrite, "overwrite", "O", false, "replace the existing store with an empty one")
	o.lock.Add(cmd.Flags())
	return cmd
}

func (o *dbInit) run(ctx context.Context) (err error) {
	format, err := o.console.Format(ui.Plain, ui.Table, ui.JSON)
	if err != nil {
		return err
	}
	s, err := o.stores.Open(ctx, &o.HomeOptions, o.lock.Timeout)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if o.name == "" {
		o.name = s.Set.Default()
	}
	l, err := s.Set.Location(o.name)
	if err != nil {
		return cmdutil.Usagef("%v", err)
	}
	state, err := l.State(ctx, backends.Options{Now: o.now})
	if err != nil && !(o.overwrite && errors.Is(err, store.ErrSchemaOlder)) {
		return err
	}
	// A file without a store, perhaps a damaged one, is kept as a store is.
	exists := state.Version > 0 || l.HasFile()
	switch {
	case exists && !o.overwrite && state.Version > 0:
		return fmt.Errorf("%s: the store already exists (schema %d); --overwrite replaces it with an empty one and keeps the old one", l.Where(), state.Version)
	case exists && !o.overwrite:
		return fmt.Errorf("%s: the file exists, but contains no store; restore it, or use --overwrite to replace it with an empty store and keep the old file", l.Where())
	}
	kept := ""
	if !o.global.DryRun {
		if kept, err = o.make(ctx, s, l, exists); err != nil {
			return err
		}
	}
	if o.global.DryRun && exists {
		o.console.Notef("the existing store would be kept")
	}
	return o.report(format, l, kept)
}

func (o *dbInit) make(ctx context.Context, s *storehome.Home, l backends.Location, replace bool) (kept string, err error) {
	if !replace {
		return "", o.stores.CreateStore(ctx, s, l, o.lock.Timeout)
	}
	if err := o.console.Confirm(ctx, fmt.Sprintf("Replace %s with an empty store?", ui.Sanitize(l.Where()))); err != nil {
		return "", err
	}
	err = o.stores.Recorded(ctx, s, o.lock.Timeout, "db init", "store of "+l.Backend, func() (string, error) {
		kept, err = l.Replace(ctx, backends.Options{Now: o.now, Wait: o.lock.Timeout})
		if err != nil {
			return "", err
		}
		return keptStore + kept, o.stores.Stores.HandOverCopy(s.Dir, l, kept)
	})
	return kept, err
}

func (o *dbInit) report(format ui.Format, l backends.Location, kept string) error {
	if format == ui.JSON {
		return ui.WriteJSON(o.console.Streams.Out, struct {
			Schema  string `json:"schema"`
			DryRun  bool   `json:"dry_run"`
			Backend string `json:"backend"`
			Where   string `json:"where"`
			Kept    string `json:"kept,omitempty"`
		}{"davadmin.db.init.1", o.global.DryRun, l.Backend, l.Where(), kept})
	}
	verb := "created"
	if o.global.DryRun {
		verb = "would be created"
	}
	if _, err := fmt.Fprintf(o.console.Streams.Out, "%s: %s\n", verb, ui.Sanitize(l.Where())); err != nil {
		return err
	}
	if kept != "" {
		_, err := fmt.Fprintf(o.console.Streams.Out, "kept: %s\n", ui.Sanitize(kept))
		return err
	}
	if o.global.DryRun {
		o.console.Notef("dry run: nothing was changed")
	}
	return nil
}

// keptStore begins the detail of a recorded 'db init' that replaced a store.
const keptStore = "the old store is kept: "

// dbVersion is 'db schema_version'.
type dbVersion struct{ dbOptions }

func newDBVersion(f *cmdutil.Factory) *cobra.Command {
	o := &dbVersion{dbOptions: dbOptions{console: f.Console, global: f.Global, hints: f.Hints, now: f.Now, stores: storehome.NewHomes(f)}}
	cmd := &cobra.Command{
		Use:   "schema_version [-n ID]",
		Short: "show the versions of the schemas",
		Long: `Shows for each back end the version of its schema, the version that this program uses,
and where the database is. Version 0 means that there is no store; the exit code is 1 then.
The exit code is 3 if a schema has to be upgraded.`,
		Example: `  davadmin db schema_version --output json`,
		Args:    cmdutil.NoArguments,
		RunE:    func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context()) },
	}
	o.add(cmd, "only the back end `ID`")
	return cmd
}

// states returns the schema state of the selected back ends. The error incomplete means that
// some have no store, or that their state is missing because it could not be read.
func (o *dbOptions) states(ctx context.Context) (out []store.SchemaState, s *storehome.Home, incomplete, err error) {
	if s, err = o.stores.Open(ctx, &o.HomeOptions, o.lock.Timeout); err != nil {
		return nil, nil, nil, err
	}
	if o.name != "" {
		if _, err := s.Set.Location(o.name); err != nil {
			return nil, nil, nil, errors.Join(cmdutil.Usagef("%v", err), s.Close())
		}
	}
	var lost []backends.Lost
	for _, l := range statesOf(ctx, s.Set, o.name, backends.Options{Now: o.now}) {
		st, err := l.state, l.err
		if err == nil && st.Version == st.Known {
			// The state does not say whose store it is.
			if _, oerr := s.Set.Open(ctx, l.Backend); errors.Is(oerr, store.ErrOtherBackend) {
				err = oerr
			}
		}
		if err != nil {
			if ctx.Err() != nil {
				return nil, nil, nil, errors.Join(err, s.Close())
			}
			if incomplete != nil {
				o.console.Say("davadmin: db: " + ui.Sanitize(l.Backend) + ": " + o.hints.ErrorText(incomplete))
			}
			incomplete = err
			continue
		}
		if st.Version == 0 {
			lost = append(lost, s.LostAt(ctx, l.Location))
		}
		out = append(out, st)
	}
	if incomplete == nil {
		incomplete = o.hints.LostError(lost)
	}
	return out, s, incomplete, nil
}

func (o *dbVersion) run(ctx context.Context) error {
	format, err := o.console.Format(cmdutil.ListFormats()...)
	if err != nil {
		return err
	}
	states, s, incomplete, err := o.states(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	o.console.KeepGoing()
	if err := schemaListing().PrintUntil(o.console, format, states, incomplete); err != nil {
		return err
	}
	for _, st := range states {
		if st.Version == st.Known {
			o.warnSpans(ctx, s, st.Backend)
		}
	}
	for _, st := range states {
		if st.Version > 0 && st.Version < st.Known {
			o.console.Notef("next: %s", o.hints.Line("db", "schema_fullupgrade"))
			return cmdutil.Findingsf("%s has schema %d, and this program needs %d", st.Where, st.Version, st.Known)
		}
		if st.Version > st.Known {
			return newerSchema(st)
		}
	}
	return nil
}

// newerSchema returns the error for a store with a newer schema.
func newerSchema(st store.SchemaState) error {
	return fmt.Errorf("%s: %w (%d, known %d)", st.Where, store.ErrSchemaNewer, st.Version, st.Known)
}

// schemaListing describes the listing of the versions of schemas.
func schemaListing() cmdutil.List[store.SchemaState] {
	columns := []ui.Column{
		{Title: "back end", Key: true}, {Title: "schema", Number: true, Priority: 3}, {Title: "known", Number: true, Priority: 2},
		{Title: "engine", Priority: 1}, {Title: "where", Priority: 1},
	}
	return cmdutil.List[store.SchemaState]{
		Schema: "davadmin.db.schema_version.1", Member: "stores", Header: titles(columns), Columns: columns,
		Record: func(st store.SchemaState) []string {
			return []string{st.Backend, strconv.Itoa(st.Version), strconv.Itoa(st.Known), st.Engine, st.Where}
		},
	}
}

// dbUpgrade is 'db schema_fullupgrade'.
type dbUpgrade struct{ dbOptions }

func newDBUpgrade(f *cmdutil.Factory) *cobra.Command {
	o := &dbUpgrade{dbOptions: dbOptions{console: f.Console, global: f.Global, hints: f.Hints, now: f.Now, stores: storehome.NewHomes(f)}}
	cmd := &cobra.Command{
		Use:   "schema_fullupgrade [-n ID]",
		Short: "upgrade the stores of an earlier version to the current schema",
		Long: `Upgrades the schema of stores that an earlier version created, each completely or not at
all, after confirmation. An SQLite file is copied first, next to the original. Afterwards,
every program that uses the store must have this version. A store with a newer schema is
refused.`,
		Example: `  davadmin db schema_fullupgrade --dry-run
  davadmin db schema_fullupgrade -n defaultbackend --yes`,
		Args: cmdutil.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context()) },
	}
	o.add(cmd, "only the back end `ID`")
	o.lock.Add(cmd.Flags())
	return cmd
}

func (o *dbUpgrade) run(ctx context.Context) error {
	if _, err := o.console.Format(ui.Plain, ui.Table); err != nil {
		return err
	}
	states, s, incomplete, err := o.states(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	done, failed := 0, incomplete
	for _, st := range states {
		var err error
		switch {
		case st.Version > st.Known:
			err = newerSchema(st)
		case st.Version == 0, st.Version == st.Known:
			continue
		default:
			done++
			err = o.upgrade(ctx, s, st)
		}
		failed = errors.Join(failed, err)
		if err != nil && (ctx.Err() != nil || !store.IsUnusable(err)) {
			return failed
		}
	}
	if done == 0 && failed == nil {
		o.console.Notef("nothing to do: every store has the newest schema")
	}
	return failed
}

func (o *dbUpgrade) upgrade(ctx context.Context, s *storehome.Home, st store.SchemaState) error {
	if o.global.DryRun {
		_, err := fmt.Fprintf(o.console.Streams.Out, "would be upgraded: %s from schema %d to %d\n", ui.Sanitize(st.Where), st.Version, st.Known)
		return err
	}
	if err := o.console.Confirm(ctx, fmt.Sprintf("Upgrade %s from schema %d to %d?", ui.Sanitize(st.Where), st.Version, st.Known)); err != nil {
		return err
	}
	l, err := s.Set.Location(st.Backend)
	if err != nil {
		return err
	}
	backup := ""
	err = o.stores.Recorded(ctx, s, o.lock.Timeout, "db schema_fullupgrade", "schema of "+st.Backend, func() (string, error) {
		var err error
		_, backup, err = l.Upgrade(ctx, backends.Options{Now: o.now, Wait: o.lock.Timeout})
		if err != nil {
			return "", err
		}
		detail := fmt.Sprintf("from %d to %d", st.Version, st.Known)
		if backup != "" {
			detail += "; old version kept as: " + backup
		}
		return detail, o.stores.Stores.HandOverCopy(s.Dir, l, backup)
	})
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(o.console.Streams.Out, "upgraded: %s from schema %d to %d\n", ui.Sanitize(st.Where), st.Version, st.Known)
	if err == nil && backup != "" {
		_, err = fmt.Fprintf(o.console.Streams.Out, "old version kept as: %s\n", ui.Sanitize(backup))
	}
	return err
}
