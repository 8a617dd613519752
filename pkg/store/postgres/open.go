package postgres

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/davadmin/davadmin/pkg/store"
	"github.com/davadmin/davadmin/pkg/store/relational"
)

//go:embed schema.sql
var freshSchema string

// schema is the newest one, and the way to it.
func schema() relational.Schema { return relational.Schema{Version: 1, Fresh: freshSchema} }

// namespace is the schema of the database that the tables are in.
const namespace = "davadmin"

// Options say which database, and how it is used.
type Options struct {
	// URL is postgres://USER@HOST,HOST/DATABASE?…, without a password.
	URL     string
	Backend string // id of the back end; a database of another one is refused
	// Password gives the password; nil, or an empty one, leaves it to PGPASSFILE
	// and the service file.
	Password func(context.Context) ([]byte, error)
	// Connections is the most that are open at once. Zero means 8.
	Connections int32
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

func (o Options) now() time.Time {
	if o.Now == nil {
		return time.Now()
	}
	return o.Now()
}

// Store is a back end in a database.
type Store struct {
	o    Options
	pool *pgxpool.Pool
}

var (
	_ store.Store  = (*Store)(nil)
	_ store.Loader = (*Store)(nil)
)

// ErrPassword is returned for a URL with a password in it.
var ErrPassword = errors.New("a password stands in the URL of the database, where others can read it; put it into the passfile or PGPASSFILE")

// Open opens a store that is there. ErrNoSchema when there is none, ErrSchemaOlder,
// ErrSchemaNewer, ErrOtherBackend; ErrUnavailable and ErrDenied when the database
// cannot be reached.
func Open(ctx context.Context, o Options) (*Store, error) {
	s, m, err := open(ctx, o)
	if err != nil {
		return nil, o.failed(err)
	}
	if err := schema().Check(m, o.Backend); err != nil {
		s.pool.Close()
		return nil, o.failed(err)
	}
	return s, nil
}

func (o Options) failed(err error) error { return fmt.Errorf("store %s: %w", o.Where(), err) }

// open opens whatever store is there, and says what it is.
func open(ctx context.Context, o Options) (*Store, relational.Metadata, error) {
	s, err := connect(ctx, o)
	if err != nil {
		return nil, relational.Metadata{}, err
	}
	m, err := s.identify(ctx)
	if err != nil {
		s.pool.Close()
		return nil, m, err
	}
	return s, m, nil
}

// connect prepares connections. It opens none yet.
func connect(ctx context.Context, o Options) (*Store, error) {
	if err := CheckURL(o.URL); err != nil {
		return nil, err
	}
	config, err := pgxpool.ParseConfig(o.URL)
	if err != nil {
		return nil, errors.New("its URL cannot be read") // pgx quotes it, and what was meant as a password may stand in it
	}
	if config.MaxConns = o.Connections; config.MaxConns <= 0 {
		config.MaxConns = 8
	}
	if config.ConnConfig.ConnectTimeout == 0 {
		config.ConnConfig.ConnectTimeout = 10 * time.Second
	}
	if parameters := config.ConnConfig.RuntimeParams; parameters["application_name"] == "" {
		parameters["application_name"] = "davadmin"
	}
	config.BeforeConnect = func(ctx context.Context, c *pgx.ConnConfig) error {
		if o.Password == nil {
			return nil
		}
		password, err := o.Password(ctx)
		if err == nil && len(password) > 0 {
			c.Password = string(password)
		}
		return err
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, explain(err)
	}
	return &Store{o: o, pool: pool}, nil
}

// CheckURL refuses what is no URL of a database, and one with a password.
func CheckURL(text string) error {
	rest, ok := strings.CutPrefix(text, "postgres://")
	if !ok {
		if rest, ok = strings.CutPrefix(text, "postgresql://"); !ok {
			return errors.New("its URL does not begin with postgres://")
		}
	}
	authority, query, _ := strings.Cut(rest, "?")
	authority, _, _ = strings.Cut(authority, "/")
	if user, _, found := cutLast(authority, "@"); found && strings.Contains(user, ":") {
		return ErrPassword
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return errors.New("what stands behind '?' in its URL cannot be read")
	}
	for name := range values {
		if strings.Contains(strings.ToLower(name), "password") {
			return ErrPassword
		}
	}
	return nil
}

func cutLast(s, sep string) (before, after string, found bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

// Where names the database for people: hosts and database, no settings.
func (o Options) Where() string {
	if CheckURL(o.URL) != nil {
		return "postgres://..."
	}
	place, _, _ := strings.Cut(o.URL, "?")
	return place
}

// identify says what the database is.
func (s *Store) identify(ctx context.Context) (m relational.Metadata, err error) {
	err = s.view(ctx, func(t *transaction) error {
		there, err := t.hasStore(ctx)
		if err != nil {
			return err
		}
		if !there {
			return store.ErrNoSchema
		}
		m, err = relational.ReadMetadata(ctx, t)
		return err
	})
	return m, err
}

// begin begins a transaction. What it needs is set for it alone: a pooler between
// us and the server may give the connection to somebody else behind it, and some
// refuse settings of a session.
func begin(mode string) pgx.TxOptions {
	return pgx.TxOptions{BeginQuery: "BEGIN ISOLATION LEVEL " + mode + "; SET LOCAL search_path = " + namespace + "; SET LOCAL timezone = 'UTC'; SET LOCAL work_mem = '32MB'"}
}

// hasStore says whether a store was made. A database that does not keep UTF-8
// would change what is put in.
func (t *transaction) hasStore(ctx context.Context) (bool, error) {
	var encoding string
	var table *string
	if err := t.tx.QueryRow(ctx, "SELECT current_setting('server_encoding'), to_regclass('"+namespace+".meta')::text").Scan(&encoding, &table); err != nil {
		return false, explain(err)
	}
	if encoding != "UTF8" {
		return false, fmt.Errorf("the encoding of the database is %s, not UTF8: it cannot hold every name; make one with 'createdb -E UTF8 -T template0'", encoding)
	}
	return table != nil, nil
}

// Backend implements store.Store.
func (s *Store) Backend() string { return s.o.Backend }

// Where names the store for people.
func (s *Store) Where() string { return s.o.Where() }

// Close closes all connections. Transactions must have ended.
func (s *Store) Close() error {
	s.pool.Close()
	return nil
}
