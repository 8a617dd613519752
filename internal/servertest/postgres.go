package servertest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// PostgresUser is the superuser of each PostgreSQL server.
const PostgresUser = "postgres"

// PostgresServer is a PostgreSQL server with a cluster of its own. It may be stopped
// and started again, by one goroutine at a time.
type PostgresServer struct {
	// Host and Port are its address: Host is the directory of its Unix socket, or the
	// loopback address.
	Host string
	Port int

	process  *process // nil after Stop
	programs string   // the directory of the PostgreSQL programs
	as       *identity
	dir      string
	memory   int // the ID of its shared memory, which survives a crash
	close    func() error
}

// PostgresOptions describe a PostgreSQL server. The zero value means a server on a Unix
// socket only, which asks for no password.
type PostgresOptions struct {
	// TCP makes the server listen on loopback, which DSN and URL then name.
	TCP bool
	// Password is the password of PostgresUser over TCP, which it enables. Over
	// the Unix socket no password is needed.
	Password string
	// Method is the method by which the password is verified, as pg_hba.conf names it;
	// "" means scram-sha-256.
	Method string
	// TLS enables TLS over TCP, with a certificate for 127.0.0.1 and localhost.
	TLS bool
	// Fsync makes the server sync commits to disk. Without it, commits survive a crash
	// of the server, but not of the machine.
	Fsync bool
	// Settings are further parameters of postgresql.conf. They override the defaults of
	// this package.
	Settings map[string]string
}

// StopMode is how a PostgreSQL server is stopped.
type StopMode int

// The modes. A fast stop ends the sessions and is clean; an immediate stop is like a
// crash, from which the next start recovers.
const (
	Fast StopMode = iota
	Immediate
)

// StartPostgres starts a PostgreSQL server whose files are in a new directory below
// dir; "" means the default directory for temporary files. The encoding is UTF-8, and
// text is sorted by its bytes. ctx can cancel the start, and does not affect the
// running server. The caller closes it.
//
// Started by root, it runs as the user postgres, who must be able to reach the
// directory. That of testing.T.TempDir is not accessible to other users.
func StartPostgres(ctx context.Context, dir string, o PostgresOptions) (*PostgresServer, error) {
	return startPostgres(ctx, dir, o, (*PostgresServer).makeCluster)
}

// startPostgres starts a server whose data the function makeData makes.
func startPostgres(ctx context.Context, dir string, o PostgresOptions, makeData func(*PostgresServer, context.Context, PostgresOptions) error) (*PostgresServer, error) {
	programs, err := postgresPrograms()
	if err != nil {
		return nil, err
	}
	own, err := os.MkdirTemp(dir, "postgres")
	if err != nil {
		return nil, fmt.Errorf("cannot create a directory for PostgreSQL: %w", err)
	}
	if absolute, err := filepath.Abs(own); err == nil { // the server goes to its data
		own = absolute
	}
	s := &PostgresServer{programs: programs, dir: own}
	s.close = sync.OnceValue(s.end)
	err = makeData(s, ctx, o)
	if err == nil {
		err = s.begin(ctx, o)
	}
	if err != nil {
		_ = s.Close()
		return nil, fmt.Errorf("cannot start PostgreSQL: %w", err)
	}
	return s, nil
}

// Dir returns the directory that holds all files of the server.
func (s *PostgresServer) Dir() string { return s.dir }

// CAFile returns the file with the certificate of the authority that issued the
// server's certificate.
func (s *PostgresServer) CAFile() string { return s.path("ca.pem") }

// Pid returns the process ID of the server, 0 while it is stopped.
func (s *PostgresServer) Pid() int {
	if s.process == nil {
		return 0
	}
	return s.process.os.Pid
}

// Start starts the server again after Stop, at the same address. It may have to recover
// from a crash first.
func (s *PostgresServer) Start(ctx context.Context) error {
	if s.process != nil {
		return errors.New("the server was not stopped")
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		err := s.launch(ctx)
		if err == nil || !strings.Contains(err.Error(), memoryInUse) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// memoryInUse is what a server says that does not start because processes of one that was
// killed have not ended yet, as they do by themselves.
const memoryInUse = "is still in use"

// Stop ends the server and keeps its data. It returns an error if the server had ended
// before.
func (s *PostgresServer) Stop(mode StopMode) error {
	p, err := s.release()
	if err != nil {
		return err
	}
	if mode == Immediate {
		p.ending = syscall.SIGQUIT
	}
	p.stop()
	return nil
}

// release returns the running process, which the caller ends.
func (s *PostgresServer) release() (*process, error) {
	if s.process == nil {
		return nil, errors.New("the server is already stopped")
	}
	p := s.process
	s.process = nil
	select {
	case <-p.done:
		return nil, p.end()
	default:
		return p, nil
	}
}

// Restart stops the server fast and starts it again.
func (s *PostgresServer) Restart(ctx context.Context) error {
	if err := s.Stop(Fast); err != nil {
		return err
	}
	return s.Start(ctx)
}

// Close ends the server, waits until it has ended, and removes its files. It returns an
// error if the server had ended by itself before. Further calls do nothing and return
// the same.
func (s *PostgresServer) Close() error { return s.close() }

// end is the first call of Close.
func (s *PostgresServer) end() error {
	var early error
	if s.process != nil {
		if early = s.Stop(Fast); early != nil {
			removeSharedMemory(s.memory)
		}
	}
	if err := os.RemoveAll(s.dir); err != nil {
		return errors.Join(early, fmt.Errorf("cannot remove the files of the server: %w", err))
	}
	return early
}

func (s *PostgresServer) path(name string) string { return filepath.Join(s.dir, name) }

// begin configures and starts the server, on another port if another program took the
// first one.
func (s *PostgresServer) begin(ctx context.Context, o PostgresOptions) error {
	const most = 5
	for attempt := 1; ; attempt++ {
		if err := s.configure(o); err != nil {
			return err
		}
		err := s.launch(ctx)
		if err == nil || s.Host != loopback || attempt == most || ctx.Err() != nil || isFree(s.Port) {
			return err
		}
	}
}

// launch starts the program of the server and waits until it answers.
func (s *PostgresServer) launch(ctx context.Context) error {
	p, err := startProcessAs(s.as, 30*time.Second, s.path("postgres.log"), filepath.Join(s.programs, "postgres"), "-D", s.path("data"))
	if err != nil {
		return err
	}
	p.ending = syscall.SIGINT // SIGTERM waits for the clients
	if err := s.ready(ctx, p); err != nil {
		p.stop()
		return err
	}
	s.process = p
	return nil
}

// ready waits until the server has written to its status file that it accepts
// connections.
func (s *PostgresServer) ready(ctx context.Context, p *process) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		if state := s.readState(); state.pid == p.os.Pid && state.ready {
			s.memory = state.memory
			return nil
		}
		select {
		case <-p.done:
			return p.end()
		case <-ctx.Done():
			return fmt.Errorf("the server does not answer: %w: %s", ctx.Err(), tail(p.log))
		case <-tick.C:
		}
	}
}

// postgresState is the content of the server's status file.
type postgresState struct {
	pid    int
	memory int // ID of the shared memory
	ready  bool
}

// readState reads postmaster.pid: the process ID is in the first line, key and ID of
// the shared memory in the seventh, and the state in the eighth. A file that is being
// written gives a state that is not ready.
func (s *PostgresServer) readState() postgresState {
	text, err := os.ReadFile(s.path("data/postmaster.pid"))
	if err != nil {
		return postgresState{}
	}
	lines := strings.Split(string(text), "\n")
	const memory, state = 6, 7
	if len(lines) <= state {
		return postgresState{}
	}
	var p postgresState
	var key int
	_, err1 := fmt.Sscan(lines[0], &p.pid)
	_, err2 := fmt.Sscan(lines[memory], &key, &p.memory)
	p.ready = err1 == nil && err2 == nil && strings.TrimSpace(lines[state]) == "ready"
	return p
}

// DSN returns the connection string of a database, as keywords and values without a
// password.
func (s *PostgresServer) DSN(database string) string { return dsn(s.Host, s.Port, database) }

func dsn(host string, port int, database string) string {
	quote := strings.NewReplacer(`\`, `\\`, `'`, `\'`)
	return fmt.Sprintf("host='%s' port=%d user=%s dbname='%s'", quote.Replace(host), port, PostgresUser, quote.Replace(database))
}

// URL returns the connection URL of a database, without a password.
func (s *PostgresServer) URL(database string) string {
	u := url.URL{Scheme: "postgres", User: url.User(PostgresUser), Path: "/" + database}
	if s.Host == loopback {
		u.Host = address(s.Port)
	} else {
		u.RawQuery = url.Values{"host": {s.Host}, "port": {fmt.Sprint(s.Port)}}.Encode()
	}
	return u.String()
}
