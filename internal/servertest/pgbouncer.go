package servertest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// PgBouncerServer is a connection pooler in front of a PostgreSQL server. After each
// transaction it may give a connection of the server to another client.
type PgBouncerServer struct {
	dir     string
	process *process
}

// PgBouncer starts a pooler in transaction mode with a number of connections for each
// database of the server. It runs until the test ends, like Slapd.
func PgBouncer(t testing.TB, server *PostgresServer, connections int) *PgBouncerServer {
	t.Helper()
	return start(t, func(ctx context.Context) (*PgBouncerServer, error) { return StartPgBouncer(ctx, server, connections) })
}

// StartPgBouncer starts a pooler, see PgBouncer. Its files are in the directory of the
// server. The caller stops it before the server.
func StartPgBouncer(ctx context.Context, server *PostgresServer, connections int) (*PgBouncerServer, error) {
	program, err := lookPath("pgbouncer", "pgbouncer")
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(server.dir, "pool")
	if err != nil {
		return nil, fmt.Errorf("cannot create a directory for PgBouncer: %w", err)
	}
	if server.as != nil {
		if err := os.Chown(dir, server.as.uid, server.as.gid); err != nil {
			return nil, err
		}
	}
	// Each database has connections of its own, which would soon be more than the server accepts.
	settings := fmt.Sprintf(`[databases]
* = host=%s port=%d user=%s
[pgbouncer]
listen_addr =
unix_socket_dir = %s
unix_socket_mode = 0777
auth_type = any
pool_mode = transaction
default_pool_size = %d
max_client_conn = 500
server_idle_timeout = 2
`, server.Host, server.Port, PostgresUser, dir, connections)
	file := filepath.Join(dir, "pgbouncer.ini")
	if err := server.writeFile(file, settings); err != nil {
		return nil, err
	}
	p, err := startProcessAs(server.as, 10*time.Second, filepath.Join(dir, "pgbouncer.log"), program, file)
	if err != nil {
		return nil, err
	}
	s := &PgBouncerServer{dir: dir, process: p}
	if err := s.ready(ctx); err != nil {
		p.stop()
		return nil, fmt.Errorf("cannot start PgBouncer: %w", err)
	}
	return s, nil
}

// pgBouncerPort is part of the name of its socket.
const pgBouncerPort = 6432

// ready waits until the pooler accepts connections.
func (s *PgBouncerServer) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		var d net.Dialer
		conn, err := d.DialContext(ctx, "unix", filepath.Join(s.dir, fmt.Sprintf(".s.PGSQL.%d", pgBouncerPort)))
		if err == nil {
			return conn.Close()
		}
		select {
		case <-s.process.done:
			return s.process.end()
		case <-ctx.Done():
			return fmt.Errorf("it does not answer: %w: %s", ctx.Err(), tail(s.process.log))
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// URL returns the URL of a database of the server, through the pooler.
func (s *PgBouncerServer) URL(database string) string {
	u := url.URL{Scheme: "postgres", User: url.User(PostgresUser), Path: "/" + database, RawQuery: url.Values{
		"host": {s.dir}, "port": {fmt.Sprint(pgBouncerPort)},
	}.Encode()}
	return u.String()
}

// Stop ends the pooler. It returns an error if it had ended before.
func (s *PgBouncerServer) Stop() error {
	select {
	case <-s.process.done:
		return errors.Join(errors.New("PgBouncer ended by itself"), s.process.end())
	default:
	}
	s.process.stop()
	return nil
}
