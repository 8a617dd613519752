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
	"github.com/davadmin/davadmin/internal/fsx"
	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/config"
	"github.com/davadmin/davadmin/pkg/store"
	"github.com/davadmin/davadmin/pkg/store/backends"
)

// NewBackend returns the operation 'backend'. Without an action it lists.
func NewBackend(f *cmdutil.Factory) *cobra.Command {
	o := &backendList{console: f.Console, hints: f.Hints, now: f.Now, stores: storehome.NewHomes(f)}
	cmd := &cobra.Command{
		Use:     "backend [ACTION] [OPTIONS]",
		Short:   "list, create, purge and delete the back ends that hold accounts",
		GroupID: cmdutil.GroupWork,
		Long: `Manages the back ends of a home. Each is one SQLite file or one PostgreSQL database. An
account is stored on the back end that its directory entry names.

Without an action, 'backend' is 'backend list'.`,
		Example: `  davadmin backend list
  davadmin backend create -n store1
  davadmin backend create -n store2 --dburl 'postgres://davadmin@db1,db2/caldav?target_session_attrs=read-write'
  davadmin backend purge -n store1
  davadmin backend delete -n store1`,
		Args: cmdutil.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := cmdutil.RefuseMirrored(cmd); err != nil {
				return err
			}
			return o.run(cmd.Context())
		},
	}
	o.addOptions(cmd)
	list := &backendList{console: f.Console, hints: f.Hints, now: f.Now, stores: storehome.NewHomes(f)}
	action := &cobra.Command{
		Use:   "list [-n ID]",
		Short: "list the back ends with their location, schema and number of accounts",
		Long: `Lists the back ends of the home: id, engine, schema version, active and deleted accounts,
purge delay, location. If a back end cannot be reached, the reason is shown and the exit
code is 5. If a back end has no store, the exit code is 1.`,
		Example: `  davadmin backend list --output jsonl`,
		Args:    cmdutil.NoArguments,
		RunE:    func(cmd *cobra.Command, _ []string) error { return list.run(cmd.Context()) },
	}
	list.addOptions(action)
	cmd.AddCommand(action, newBackendCreate(f), newBackendDelete(f), newBackendPurge(f))
	return cmd
}

// backendList is 'backend list'.
type backendList struct {
	console *cmdutil.Console
	hints   *cmdutil.Hints
	now     func() time.Time
	stores  *storehome.Homes
	cmdutil.HomeOptions
	name string
}

func (o *backendList) addOptions(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVarP(&o.name, "name", "n", "", "only the back end `ID`")
	_ = cmd.RegisterFlagCompletionFunc("name", o.stores.CompleteBackends)
	o.HomeOptions.Add(f)
	o.AddVault(f)
}

// backendObject is a back end in JSON.
type backendObject struct {
	Kind       string `json:"kind"`
	Backend    string `json:"backend"`
	Engine     string `json:"engine"`
	Default    bool   `json:"default"`
	Where      string `json:"where"`
	Schema     int    `json:"schema"`
	Active     int64  `json:"active"`
	Deleted    int64  `json:"deleted"`
	PurgeDelay int64  `json:"purge_delay_seconds"`
	Error      string `json:"error,omitempty"`
}

func (o *backendList) run(ctx context.Context) (err error) {
	format, err := o.console.Format(cmdutil.ListFormats()...)
	if err != nil {
		return err
	}
	s, err := o.stores.Open(ctx, &o.HomeOptions, cmdutil.DefaultLockTimeout)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if o.name != "" {
		if _, err := s.Set.Location(o.name); err != nil {
			return cmdutil.Usagef("%v", err)
		}
	}
	var all []backendObject
	var lost []backends.Lost
	var failed error
	for _, at := range statesOf(ctx, s.Set, o.name, backends.Options{Now: o.now}) {
		l := at.Location
		b, err := o.describe(ctx, s, at)
		if err != nil {
			if ctx.Err() != nil {
				return err
			}
			b.Error = o.hints.ErrorText(err)
			failed = errors.Join(failed, fmt.Errorf("%s: %w", l.Backend, err)) // each has its own line
		} else if b.Schema == 0 {
			lost = append(lost, s.LostAt(ctx, l))
			b.Error = store.ErrNoSchema.Error()
		}
		all = append(all, b)
	}
	return backendListing().PrintUntil(o.console, format, all, errors.Join(failed, o.hints.LostError(lost)))
}

// describe opens a back end and counts its accounts. The schema of a back end without a store
// is 0.
func (o *backendList) describe(ctx context.Context, s *storehome.Home, l storeState) (backendObject, error) {
	b := backendObject{
		Kind: "backend", Backend: l.Backend, Engine: l.Engine(), Default: l.Backend == s.Set.Default(), Where: l.Where(), PurgeDelay: int64(l.PurgeDelay / time.Second),
		Schema: l.state.Version,
	}
	if l.err != nil || l.state.Version == 0 {
		return b, l.err
	}
	st, err := s.Set.Open(ctx, l.Backend)
	if err != nil {
		return b, err
	}
	return b, st.View(ctx, func(ctx context.Context, r store.Reader) error {
		if b.Active, err = r.CountAccounts(ctx, store.AccountFilter{}); err != nil {
			return err
		}
		b.Deleted, err = r.CountAccounts(ctx, store.AccountFilter{State: store.OnlyDeleted})
		return err
	})
}

// backendListing describes the listing of back ends.
func backendListing() cmdutil.List[backendObject] {
	columns := []ui.Column{
		{Title: "back end", Key: true}, {Title: "engine", Priority: 2}, {Title: "schema", Number: true, Priority: 3}, {Title: "active", Number: true, Priority: 4},
		{Title: "deleted", Number: true, Priority: 3}, {Title: "purge delay", Priority: 1}, {Title: "where", Priority: 4}, {Title: "problem", Priority: 5},
	}
	return cmdutil.List[backendObject]{
		Schema: "davadmin.backend.list.1", Member: "backends", Header: titles(columns), Columns: columns, Record: (backendObject).cells,
	}
}

// cells returns the values of the columns of backendListing.
func (b backendObject) cells() []string {
	schema := strconv.Itoa(b.Schema)
	if b.Schema == 0 {
		schema = "none"
	}
	return []string{
		b.Backend, b.Engine, schema, strconv.FormatInt(b.Active, 10), strconv.FormatInt(b.Deleted, 10),
		cmdutil.DurationText(time.Duration(b.PurgeDelay) * time.Second), b.Where, b.Error,
	}
}

// backendCreate is 'backend create'.
type backendCreate struct {
	console   *cmdutil.Console
	global    *cmdutil.Globals
	homeFiles *cmdutil.HomeFiles
	hints     *cmdutil.Hints
	journals  *cmdutil.Journals
	stores    *storehome.Homes
	cmdutil.HomeOptions
	lock cmdutil.LockOptions
	name string
	dir  string
	url  string
	jndi string
	host string
	port int
	// skipCheck writes the parameters without looking at the place of the store, and creates
	// none.
	skipCheck bool
	found     backends.Probed
}

func newBackendCreate(f *cmdutil.Factory) *cobra.Command {
	o := &backendCreate{console: f.Console, hints: f.Hints, global: f.Global, homeFiles: f.HomeFiles, journals: f.Journals, stores: storehome.NewHomes(f)}
	cmd := &cobra.Command{
		Use:   "create -n ID [-d DIR | --dburl URL]",
		Short: "set up a back end: its parameters, and an empty store",
		Long: `Writes the parameters of a new back end into the configuration, and creates its store:
an SQLite file, or the tables in the PostgreSQL database given by --dburl. From then on,
accounts whose directory entry names this id are stored there.

The URL must not contain a password: keep it with 'davadmin passfile create -n store.ID',
or in a file named by PGPASSFILE, as for PostgreSQL's own programs. To another host, the
connection uses TLS; use sslmode=verify-full, so that the server is verified. Otherwise, only
SCRAM and client certificates are accepted, unless the URL sets require_auth.

Before anything is written, the place of the store is checked: files can be created in the
directory, or the database can be reached, its encoding is UTF8, and its user may create the
tables. A store of this back end that is already there, such as
one that 'backend delete' left, is used. --skip-check writes only the parameters.

If the parameters already exist and only the store is missing, use 'davadmin db init'.`,
		Example: `  davadmin backend create -n store1
  davadmin backend create -n store2 --dburl 'postgres://davadmin@db1,db2/caldav?target_session_attrs=read-write'`,
		Args: cmdutil.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context()) },
	}
	flags := cmd.Flags()
	flags.StringVarP(&o.name, "name", "n", "", "`ID` of the back end: letters, digits, '.', '_' and '-'")
	flags.StringVarP(&o.dir, "dir", "d", "", "`DIR` of its files (default: data/db of the home)")
	flags.StringVar(&o.url, "dburl", "", "`URL` of its PostgreSQL database, without a password")
	flags.StringVarP(&o.jndi, "jndiname", "j", "", "JNDI `NAME` of its connection pool, for the original server")
	flags.StringVarP(&o.host, "attachstorehost", "a", "", "`HOST` of its remote document store, for the original server")
	flags.BoolVar(&o.skipCheck, "skip-check", false, "write the parameters without checking the place of the store, and create no store")
	flags.IntVarP(&o.port, "attachstoreport", "p", 0, "`PORT` of its remote document store, for the original server")
	o.lock.Add(flags)
	o.HomeOptions.Add(flags)
	o.AddVault(flags)
	return cmd
}

// requests returns the parameters to set.
func (o *backendCreate) requests() []config.Request {
	prefix := "store.dav." + o.name + "."
	out := []config.Request{{Name: prefix + "backendid", Value: o.name}}
	for _, p := range [][2]string{{"dbdir", o.dir}, {"dburl", o.url}, {"jndiname", o.jndi}, {"attachstorehost", o.host}} {
		if p[1] != "" {
			out = append(out, config.Request{Name: prefix + p[0], Value: p[1]})
		}
	}
	if o.port != 0 {
		out = append(out, config.Request{Name: prefix + "attachstoreport", Value: strconv.Itoa(o.port)})
	}
	return out
}

func (o *backendCreate) check() error {
	switch {
	case o.name == "":
		return cmdutil.Usagef("no back end given; use -n ID")
	case o.dir != "" && o.url != "":
		return cmdutil.Usagef("-d is for files and --dburl for a database; use only one of them")
	}
	if err := cmdutil.CheckBackendName(o.name); err != nil {
		return cmdutil.Usagef("-n '%s': %v", o.name, err)
	}
	if o.url != "" {
		if err := o.hints.CheckDatabaseURL("--dburl", o.url); err != nil {
			return err
		}
	}
	return nil
}

func (o *backendCreate) run(ctx context.Context) (err error) {
	format, err := o.console.Format(ui.Table, ui.Plain, ui.JSON)
	if err != nil {
		return err
	}
	if err := o.check(); err != nil {
		return err
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
	for _, known := range s.Set.Names() {
		if known == o.name {
			return cmdutil.Usagef("the back end '%s' already exists; '%s' creates its store if that is missing", o.name, o.hints.Line("db", "init", "-n", o.name))
		}
	}
	if !o.skipCheck {
		if err := o.probe(ctx, s); err != nil {
			return err
		}
	}
	requests := o.requests()
	if err := c.Registry.Validate(requests, config.ModifyOptions{}); err != nil {
		return o.hints.RefusedUsage(err)
	}
	var warnings []config.Warning // new parameters cause none
	edit := config.Edit{
		Operation: "backend create", Command: o.journals.Command(), Mask: c.Labels.Mask, Make: c.ModifyParameters(requests, config.ModifyOptions{}, &warnings),
	}
	outcome, err := o.homeFiles.Apply(ctx, c.File, edit)
	if err != nil {
		return o.hints.RefusedUsage(o.homeFiles.ExplainLoad(ctx, err, c.File))
	}
	if err := o.homeFiles.ReportError(c, outcome, o.homeFiles.ShowChange(format, "create", c, outcome)); err != nil || o.global.DryRun {
		return err
	}
	return o.makeStore(ctx)
}

// probe finds out whether the store can be created.
func (o *backendCreate) probe(ctx context.Context, s *storehome.Home) (err error) {
	l := o.stores.Stores.NewLocation(&o.HomeOptions, s.Dir, s.Config, o.name, o.dir, o.url)
	if o.found, err = l.Probe(ctx, backends.Options{Wait: max(o.lock.Timeout, time.Millisecond)}); err != nil {
		if errors.Is(err, store.ErrOtherBackend) && o.url != "" {
			return fmt.Errorf("nothing was changed: %s; each back end needs a database of its own: create one, and use its URL", err.Error())
		}
		err = fmt.Errorf("nothing was changed: %w", err)
		if store.IsUnusable(err) && !errors.Is(err, store.ErrDamaged) && !errors.Is(err, store.ErrOtherBackend) {
			err = fmt.Errorf("%w; to write only the parameters: --skip-check", err)
		}
		return err
	}
	text := "checked: " + l.Where()
	if o.found.Server != "" {
		text += ": PostgreSQL " + o.found.Server + ", encoding UTF8"
	}
	if o.found.Store {
		text += "; it has a store of this back end, which is used"
	} else {
		text += "; a store can be created there"
	}
	o.console.Notef("%s", text)
	return nil
}

// makeStore creates the store of the back end, which is now in the configuration.
func (o *backendCreate) makeStore(ctx context.Context) (err error) {
	s, err := o.stores.Open(ctx, &o.HomeOptions, o.lock.Timeout)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	l, err := s.Set.Location(o.name)
	switch {
	case err != nil:
		return err
	case o.skipCheck:
		o.console.Notef("no store was created; next: %s", o.hints.Line("db", "init", "-n", o.name))
		return nil
	case o.found.Store:
		return nil
	}
	if err := o.stores.CreateStore(ctx, s, l, o.lock.Timeout); err != nil {
		return fmt.Errorf("the parameters were set, but the store was not created: %w; to create it: %s", withoutState(err), o.hints.Line("db", "init", "-n", o.name))
	}
	o.console.Notef("created: %s", l.Where())
	return nil
}

// restated is an error with another text.
type restated struct {
	text string
	err  error
}

func (e *restated) Error() string { return e.text }

// Unwrap returns the error as it was.
func (e *restated) Unwrap() error { return e.err }

// withoutState returns an error without what it says about the disk: that nothing was changed
// is not true of a command that has changed something else.
func withoutState(err error) error {
	var failed *fsx.Error
	if !errors.As(err, &failed) || failed.Op != fsx.OpMkdir {
		return err
	}
	return &restated{fmt.Sprintf("cannot create the directory %s: %v", failed.Path, failed.Err), err}
}
