package servertest

import (
	"context"
	"errors"
	"testing"
)

// Slapd starts an OpenLDAP server that runs until the test ends. If slapd is not
// installed, the test fails, or is skipped with -short.
func Slapd(t testing.TB, o SlapdOptions) *Server {
	t.Helper()
	return start(t, func(ctx context.Context) (*Server, error) { return StartSlapd(ctx, "", o) })
}

// DS starts a 389 Directory Server that runs until the test ends, like Slapd.
func DS(t testing.TB, o DSOptions) *Server {
	t.Helper()
	return start(t, func(ctx context.Context) (*Server, error) { return Start389(ctx, "", o) })
}

// Postgres starts a PostgreSQL server that runs until the test ends, like Slapd.
func Postgres(t testing.TB, o PostgresOptions) *PostgresServer {
	t.Helper()
	return start(t, func(ctx context.Context) (closing, error) {
		s, err := StartPostgres(ctx, "", o)
		return closing{s}, err
	}).PostgresServer
}

// closing is a PostgresServer whose Stop is Close.
type closing struct{ *PostgresServer }

func (c closing) Stop() error { return c.Close() }

func start[S interface{ Stop() error }](t testing.TB, start func(context.Context) (S, error)) S {
	t.Helper()
	s, err := start(t.Context())
	var missing *NotInstalledError
	switch {
	case errors.As(err, &missing) && testing.Short():
		t.Skip(err)
	case err != nil:
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	return s
}
