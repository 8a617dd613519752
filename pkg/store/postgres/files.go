package postgres

import (
	"io/fs"
	"net/url"
	"os"
	"strings"
	"syscall"

	"github.com/jackc/pgservicefile"
	"github.com/jackc/pgx/v5/pgconn"
)

// Client holds the settings for PostgreSQL's own programs in the environment of the process
// and the home directory of the user, as far as they name files with secrets. pgx uses them
// (PostgreSQL 15 manual, 34.15 to 34.17).
type Client struct {
	Password    bool   // PGPASSWORD is set
	PassFile    string // PGPASSFILE, or ~/.pgpass
	Service     string // PGSERVICE
	ServiceFile string // PGSERVICEFILE, or ~/.pg_service.conf
	Key         string // PGSSLKEY, or ~/.postgresql/postgresql.key
}

// settings are the settings of a connection that name files with secrets, where pgx takes
// them from.
type settings struct {
	url     url.Values
	service map[string]string // nil without a service
	file    string            // the service file
	client  Client
}

// settings returns the settings of a connection. A service file that cannot be read gave
// pgx no settings.
func (o Options) settings() settings {
	s := settings{client: o.Client}
	if _, query, ok := strings.Cut(o.URL, "?"); ok {
		s.url, _ = url.ParseQuery(query)
	}
	s.file = s.value("servicefile", o.Client.ServiceFile)
	name := s.value("service", o.Client.Service)
	if name == "" || s.file == "" {
		return s
	}
	if file, err := pgservicefile.ReadServicefile(s.file); err == nil {
		if service, err := file.GetService(name); err == nil {
			s.service = service.Settings
		}
	}
	return s
}

// value returns a setting of the URL, else of the service, else from the environment.
func (s settings) value(name, environment string) string {
	if s.url.Has(name) {
		return s.url.Get(name)
	}
	if v, ok := s.service[name]; ok {
		return v
	}
	return environment
}

// checkPassword returns a *PassFileError if the file from which pgx takes the password is
// accessible to other users.
func (s settings) checkPassword() error {
	switch {
	case s.service["password"] != "":
		return checkMode(s.file, ServiceFile)
	case s.client.Password:
		return nil
	}
	return checkMode(s.value("passfile", s.client.PassFile), PassFile)
}

// checkKey returns a *PassFileError if the private key of a connection that uses a client
// certificate is accessible to other users.
func (s settings) checkKey(c *pgconn.Config) error {
	used := c.TLSConfig != nil && len(c.TLSConfig.Certificates) > 0
	for _, f := range c.Fallbacks {
		used = used || f.TLSConfig != nil && len(f.TLSConfig.Certificates) > 0
	}
	if !used {
		return nil
	}
	return checkMode(s.value("sslkey", s.client.Key), KeyFile)
}

// checkMode returns a *PassFileError if a file is accessible to other users. The group may
// read a key that belongs to root, as for PostgreSQL's own programs (manual, 34.19.2).
func checkMode(path string, kind FileKind) error {
	if path == "" {
		return nil
	}
	fi, err := os.Stat(path)
	if err != nil {
		return nil //nolint:nilerr // a file that cannot be read gave no secret
	}
	refused := fs.FileMode(0o077)
	if owner, ok := fi.Sys().(*syscall.Stat_t); ok && kind == KeyFile && owner.Uid == 0 {
		refused = 0o037
	}
	if mode := fi.Mode().Perm(); mode&refused != 0 {
		return &PassFileError{Path: path, Mode: mode, Kind: kind}
	}
	return nil
}
