package postgres

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"math"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/davadmin/davadmin/internal/crash"
	"github.com/davadmin/davadmin/pkg/store"
	"github.com/davadmin/davadmin/pkg/store/relational"
)

//go:embed schema.sql
var freshSchema string

// schema returns the newest schema and the upgrades to it.
func schema() relational.Schema { return relational.Schema{Version: 1, Fresh: freshSchema} }

// namespace is the database schema that contains the tables.
const namespace = "davadmin"

// Options selects the database and its settings.
type Options struct {
	// URL is postgres://USER@HOST,HOST/DATABASE?…, without a password.
	URL     string
	Backend string // id of the back end; a database of another back end is rejected
	// Password returns the password. If it is nil or returns an empty password,
	// PGPASSFILE or the service file is used.
	Password func(context.Context) ([]byte, error)
	// Client are further sources of the password and of the key of a client certificate.
	// A file among them that is used is rejected if other users can access it.
	Client Client
	// Connections is the maximum number of open connections. Zero means 8.
	Connections int32
	// Wait is the maximum time to wait for a lock of another transaction. Zero means
	// 30 s.
	Wait time.Duration
	// Limit is the maximum time of a statement. Zero means 5 minutes.
	Limit time.Duration
	// Now is the clock; nil means time.Now.
	Now func() time.Time

	// lookup resolves host names; nil in production.
	lookup pgconn.LookupFunc
}

func (o Options) now() time.Time {
	if o.Now == nil {
		return time.Now()
	}
	return o.Now()
}

// lockTimeout returns Wait in milliseconds, as the server accepts it: 0 would mean no
// limit.
func (o Options) lockTimeout() int64 {
	if o.Wait == 0 {
		return milliseconds(30 * time.Second)
	}
	return max(milliseconds(o.Wait), 1)
}

// milliseconds returns a limit of time as the server accepts it.
func milliseconds(d time.Duration) int64 { return min(d.Milliseconds(), math.MaxInt32) }

func (o Options) limit() time.Duration {
	if o.Limit == 0 {
		return 5 * time.Minute
	}
	return max(o.Limit, time.Millisecond)
}

// Store is the store of a back end in a database.
type Store struct {
	o    Options
	pool *pgxpool.Pool
	// The number of rows that were loaded since the statistics of their tables were updated.
	loadedAccounts, loadedComponents atomic.Int64
}

var (
	_ store.Store           = (*Store)(nil)
	_ store.Loader          = (*Store)(nil)
	_ store.ComponentLoader = (*Store)(nil)
)

// ErrPassword is returned for a URL that contains a password.
var ErrPassword = errors.New("the database URL contains a password, which other users can read")

// Open opens an existing store. ErrNoSchema if absent, ErrSchemaOlder,
// ErrSchemaNewer, ErrOtherBackend; ErrUnavailable or ErrDenied if the connection
// fails; *URLError, and ErrPassword for a URL that contains a password.
//
// A connection to another host uses TLS unless the URL sets sslmode=disable. Where it
// does not verify the certificate of the server (sslmode verify-full, or verify-ca with
// sslrootcert), a password is only used with SCRAM, unless the URL sets require_auth.
func Open(ctx context.Context, o Options) (*Store, error) {
	s, m, err := open(ctx, o)
	if err != nil {
		return nil, o.failed(err)
	}
	if err := schema().Check(m, o.Backend); err != nil {
		_ = s.Close()
		return nil, o.failed(err)
	}
	return s, nil
}

// failed adds the name of the store to an error, unless the error already contains it.
func (o Options) failed(err error) error {
	o.addRole(err)
	var exists *store.ExistsError
	var at *store.PlaceError
	if errors.As(err, &exists) || errors.As(err, &at) {
		return err
	}
	return &store.PlaceError{Where: o.Where(), Err: err}
}

// open opens a store of any schema version and back end, and returns its metadata.
func open(ctx context.Context, o Options) (*Store, relational.Metadata, error) {
	s, err := connect(ctx, o)
	if err != nil {
		return nil, relational.Metadata{}, err
	}
	m, err := s.identify(ctx)
	if err != nil {
		_ = s.Close()
		return nil, m, err
	}
	return s, m, nil
}

// mostStatements is the maximum number of prepared statements of a connection: those of
// a filter differ with the number of values in it.
const mostStatements = 100

// connect returns a Store whose connections are opened when they are needed.
func connect(ctx context.Context, o Options) (*Store, error) {
	if err := checkText(o.URL); err != nil {
		return nil, err
	}
	config, err := parse(o.URL)
	if err != nil {
		return nil, err
	}
	files := o.settings()
	if err := files.checkKey(&config.ConnConfig.Config); err != nil {
		return nil, err
	}
	secure(&config.ConnConfig.Config)
	if config.MaxConns = o.Connections; config.MaxConns <= 0 {
		config.MaxConns = 8
	}
	if config.ConnConfig.ConnectTimeout == 0 {
		config.ConnConfig.ConnectTimeout = 10 * time.Second
	}
	if o.lookup != nil {
		config.ConnConfig.LookupFunc = o.lookup
	}
	if parameters := config.ConnConfig.RuntimeParams; parameters["application_name"] == "" {
		parameters["application_name"] = "davadmin"
	}
	config.ConnConfig.StatementCacheCapacity = mostStatements
	config.ConnConfig.OnNotice = noteWarning
	config.AfterConnect = findPooler
	config.BeforeConnect = func(ctx context.Context, c *pgx.ConnConfig) error { return o.setPassword(ctx, c, files) }
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, explain(err)
	}
	return &Store{o: o, pool: pool}, nil
}

// setPassword sets the password of a connection. Without one from o.Password, the
// connection has the one that pgx found.
func (o Options) setPassword(ctx context.Context, c *pgx.ConnConfig, files settings) error {
	if o.Password != nil {
		password, err := o.Password(ctx)
		if err != nil {
			return err
		}
		if len(password) > 0 {
			c.Password = string(password)
			return nil
		}
	}
	if c.Password == "" {
		return nil
	}
	return files.checkPassword()
}

// URLError is returned for text that is not a valid URL of a database.
type URLError struct{ Reason string }

// Error returns the reason, which does not contain the URL.
func (e *URLError) Error() string { return "the database URL is invalid: " + e.Reason }

// parse returns the configuration that a URL describes. *URLError.
func parse(text string) (*pgxpool.Config, error) {
	if scheme, rest, ok := strings.Cut(text, "://"); ok {
		text = strings.ToLower(scheme) + "://" + rest // pgx accepts no other
	}
	config, err := pgxpool.ParseConfig(text)
	if err == nil {
		return config, nil
	}
	// The message of pgx begins with the URL, which is not repeated.
	reason := oneLine(err)
	if _, after, ok := cutLast(reason, "`: "); ok {
		reason = after
	}
	return nil, &URLError{Reason: reason}
}

// CheckURL returns a *URLError for text that is not the URL of a database, or that has
// invalid settings, and ErrPassword for a URL that contains a password. It reads the
// files that the URL names, such as that of sslrootcert.
func CheckURL(text string) error {
	if err := checkText(text); err != nil {
		return err
	}
	_, err := parse(text)
	return err
}

// checkText returns an error for text that does not have the form of a URL of a
// database, and ErrPassword for a URL that contains a password.
func checkText(text string) error {
	scheme, rest, ok := strings.Cut(text, "://")
	if scheme = strings.ToLower(scheme); !ok || scheme != "postgres" && scheme != "postgresql" {
		return &URLError{Reason: "it does not begin with postgres://"}
	}
	authority, query, _ := strings.Cut(rest, "?")
	authority, _, _ = strings.Cut(authority, "/")
	if user, _, found := cutLast(authority, "@"); found && strings.Contains(user, ":") {
		return ErrPassword
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return &URLError{Reason: "the part after '?' is malformed"}
	}
	for name := range values {
		if strings.Contains(strings.ToLower(name), "password") {
			return ErrPassword
		}
	}
	return nil
}

// cutLast is like strings.Cut, but cuts around the last sep.
func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

// Where returns the URL without settings, for messages.
func (o Options) Where() string {
	if checkText(o.URL) != nil {
		return "postgres://..."
	}
	place, _, _ := strings.Cut(o.URL, "?")
	return place
}

// identify returns the metadata of the database. ErrNoSchema if there is no store.
func (s *Store) identify(ctx context.Context) (m relational.Metadata, err error) {
	t, err := s.begin(ctx, reading, s.o.limit())
	if err != nil {
		return m, err
	}
	defer t.rollback(ctx)
	exists, err := t.hasStore(ctx)
	if err != nil {
		return m, err
	}
	if !exists {
		return m, fmt.Errorf("%w (the database has no schema %s with tables)", store.ErrNoSchema, namespace)
	}
	return relational.ReadMetadata(ctx, t)
}

// hasStore reports whether the database contains a store. It rejects a database whose
// encoding is not UTF-8, which would change the stored text.
func (t *transaction) hasStore(ctx context.Context) (bool, error) {
	var encoding string
	var table *string
	if err := t.tx.QueryRow(ctx, "SELECT current_setting('server_encoding'), to_regclass('"+namespace+".meta')::text", t.mode).Scan(&encoding, &table); err != nil {
		return false, explain(err)
	}
	if encoding != "UTF8" {
		return false, fmt.Errorf("the encoding of the database is %s, but a store requires UTF8; create a database with ENCODING 'UTF8' TEMPLATE template0", encoding)
	}
	return table != nil, nil
}

// Backend implements store.Store.
func (s *Store) Backend() string { return s.o.Backend }

// Where returns the URL of the database without settings, for messages.
func (s *Store) Where() string { return s.o.Where() }

// closeLimit is the maximum time that Close waits for connections whose server does not
// answer. pgx goes on closing them.
const closeLimit = 250 * time.Millisecond

// Close closes all connections. All transactions must have ended.
func (s *Store) Close() error {
	closed := make(chan error, 1)
	crash.Go(func() error { s.pool.Close(); return nil }, func(err error) { closed <- err })
	select {
	case err := <-closed:
		return err
	case <-time.After(closeLimit):
		return nil
	}
}
