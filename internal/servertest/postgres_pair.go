package servertest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"path/filepath"
	"testing"
	"time"
)

// PostgresPair is a primary PostgreSQL server and a standby server that follows it by
// streaming replication, both on loopback. It is for one goroutine.
type PostgresPair struct {
	Primary, Standby *PostgresServer
}

// PairOptions describe a pair of PostgreSQL servers. The zero value means a standby
// server that the primary does not wait for.
type PairOptions struct {
	// Synchronous makes each commit on the primary wait until the standby server has
	// written it to disk.
	Synchronous bool
	// Fsync makes both servers sync commits to disk.
	Fsync bool
}

// standbyName is the name of the standby server for the primary, and of its replication
// slot.
const standbyName = "standby"

// Pair starts a pair of PostgreSQL servers that runs until the test ends, like Slapd.
func Pair(t testing.TB, o PairOptions) *PostgresPair {
	t.Helper()
	return start(t, func(ctx context.Context) (*PostgresPair, error) { return StartPair(ctx, "", o) })
}

// StartPair starts a pair of PostgreSQL servers, each like StartPostgres. The standby
// server is a copy of the primary that pg_basebackup makes, with a replication slot, so
// that it can be stopped for any time. The caller stops the pair.
func StartPair(ctx context.Context, dir string, o PairOptions) (*PostgresPair, error) {
	primary, err := StartPostgres(ctx, dir, pairMember(o, nil))
	if err != nil {
		return nil, err
	}
	p := &PostgresPair{Primary: primary}
	p.Standby, err = startPostgres(ctx, dir, pairMember(o, map[string]string{
		"primary_conninfo":  primary.socketDSN("postgres") + " application_name=" + standbyName,
		"primary_slot_name": standbyName,
	}), primary.copyTo)
	if err == nil {
		err = p.follow(ctx, o.Synchronous)
	}
	if err != nil {
		return nil, errors.Join(err, p.Stop())
	}
	return p, nil
}

// pairMember returns the options of one server of a pair.
func pairMember(o PairOptions, settings map[string]string) PostgresOptions {
	m := PostgresOptions{TCP: true, Fsync: o.Fsync, Settings: map[string]string{
		"synchronous_commit":          "on", // also without Fsync: otherwise no commit waits for the standby server
		"wal_retrieve_retry_interval": "200ms",
	}}
	maps.Copy(m.Settings, settings)
	return m
}

// copyTo makes the data of a standby server.
func (s *PostgresServer) copyTo(standby *PostgresServer, ctx context.Context, _ PostgresOptions) error {
	if err := standby.giveAway(); err != nil {
		return err
	}
	return runAs(ctx, standby.as, standby.path("basebackup.log"), filepath.Join(s.programs, "pg_basebackup"),
		"-D", standby.path("data"), "-d", s.socketDSN("postgres"), "-R", "-X", "stream", "-c", "fast", "-C", "-S", standbyName, "--no-sync")
}

// socketDSN is DSN over the Unix socket.
func (s *PostgresServer) socketDSN(database string) string { return dsn(s.dir, s.Port, database) }

// follow waits until the standby server streams, and makes the primary wait for it if
// synchronous is set.
func (p *PostgresPair) follow(ctx context.Context, synchronous bool) error {
	want := "async"
	if synchronous {
		want = "sync"
		if err := p.Primary.Set(ctx, "synchronous_standby_names", standbyName); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		got, err := p.Primary.Psql(ctx, "postgres", "SELECT sync_state FROM pg_stat_replication WHERE state = 'streaming'")
		if err == nil && got == want {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the standby server does not follow: %w: state '%s': %w: %s", ctx.Err(), got, err, tail(p.Standby.path("postgres.log")))
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Stop stops both servers. It returns an error if one had ended by itself.
func (p *PostgresPair) Stop() error {
	var err error
	if p.Standby != nil {
		err = p.Standby.Close()
	}
	return errors.Join(err, p.Primary.Close())
}

// URL returns the URL of a database that names both servers, the primary first, and
// selects among them by attrs, a value of target_session_attrs (PostgreSQL 15 manual,
// 34.1.2): "read-write" finds the primary after a failover, too.
func (p *PostgresPair) URL(database, attrs string) string {
	u := url.URL{Scheme: "postgres", User: url.User(PostgresUser), Path: "/" + database}
	u.Host = address(p.Primary.Port) + "," + address(p.Standby.Port)
	u.RawQuery = url.Values{"target_session_attrs": {attrs}}.Encode()
	return u.String()
}

// CaughtUp waits until the standby server has replayed what the primary has committed.
func (p *PostgresPair) CaughtUp(ctx context.Context) error {
	at, err := p.Primary.Psql(ctx, "postgres", "SELECT pg_current_wal_lsn()")
	if err != nil {
		return err
	}
	for {
		got, err := p.Standby.Psql(ctx, "postgres", "SELECT pg_last_wal_replay_lsn() >= '"+at+"'::pg_lsn")
		if err != nil || got == "t" {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Set sets a parameter of the running server, which takes effect at once, and also after
// a restart. An empty value resets it.
func (s *PostgresServer) Set(ctx context.Context, parameter, value string) error {
	statement := "ALTER SYSTEM SET " + parameter + " = '" + value + "'"
	if value == "" {
		statement = "ALTER SYSTEM RESET " + parameter
	}
	for _, sql := range []string{statement, "SELECT pg_reload_conf()"} {
		if _, err := s.Psql(ctx, "postgres", sql); err != nil {
			return err
		}
	}
	return nil
}

// Promote makes a standby server a primary, which begins another timeline, and waits
// until it accepts changes.
func (s *PostgresServer) Promote(ctx context.Context) error {
	done, err := s.Psql(ctx, "postgres", "SELECT pg_promote(true, 60)")
	if err == nil && done != "t" {
		err = errors.New("the server was not promoted within 60 s: " + tail(s.path("postgres.log")))
	}
	return err
}

// Kill kills the server and all its processes at once, as the loss of a machine would.
// It can be started again. It returns an error if the server had ended before.
func (s *PostgresServer) Kill() error {
	p, err := s.release()
	if err != nil {
		return err
	}
	err = killTree(p.os)
	<-p.done
	removeSharedMemory(s.memory)
	return err
}
