package cmdutil

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/davadmin/davadmin/internal/fsx"
	"github.com/davadmin/davadmin/internal/secret"
	"github.com/davadmin/davadmin/pkg/config"
	"github.com/davadmin/davadmin/pkg/directory"
	"github.com/davadmin/davadmin/pkg/ldapchange"
	"github.com/davadmin/davadmin/pkg/store"
	"github.com/davadmin/davadmin/pkg/store/postgres"
)

// Programs rely on the published codes: codes can be added, but never changed.
func TestExitCodeTable(t *testing.T) {
	var codes []int
	for _, c := range ExitCodes() {
		codes = append(codes, c.Code)
		if strings.TrimSpace(c.Meaning) == "" {
			t.Errorf("code %d has no meaning", c.Code)
		}
	}
	if want := []int{0, 1, 2, 3, 4, 5, 6, 129, 130, 143}; !slices.Equal(codes, want) {
		t.Errorf("codes %v, want %v", codes, want)
	}
}

func TestExitOf(t *testing.T) {
	stopped := func(name string, code int) context.Context {
		ctx, cancel := context.WithCancelCause(context.Background())
		cancel(&StopError{Name: name, Code: code})
		return ctx
	}
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	for _, c := range []struct {
		name string
		ctx  context.Context
		err  error
		code int
		text string // in the message; "-" for none at all
	}{
		{"done", t.Context(), nil, 0, "-"},
		{"help shown", t.Context(), ErrAnswered, 0, "-"},
		{"findings", t.Context(), ErrFindings, 3, "-"},
		{"usage", t.Context(), Usagef("no such thing"), 2, "no such thing"},
		{"usage inside", t.Context(), fmt.Errorf("line 3: %w", Usagef("no such thing")), 2, "line 3: no such thing"},
		{"failure", t.Context(), io.ErrUnexpectedEOF, 1, "unexpected EOF"},
		{"not reachable", t.Context(), &directory.ConnectError{URL: "ldap://a", Op: "connect", Err: io.EOF}, 5, "ldap://a: connect: EOF; check the host name and the port (-H, -p)"},
		{"no StartTLS", t.Context(), &directory.ConnectError{URL: "ldap://a", Op: "StartTLS", Err: &directory.ResultError{Code: 2}}, 5, "; the server does not offer StartTLS"},
		{"not allowed to search", t.Context(), &directory.IncompleteError{What: "x", Code: 50, Err: &directory.ResultError{Code: 50, Message: "no.\n"}}, 1, ": no.; bind as a user who may read everything (-D)"},
		{"size limit", t.Context(), &directory.IncompleteError{What: "x", Code: 4, Err: &directory.ResultError{Code: 4}}, 1, "; the server limits searches of this bind DN"},
		{"several not reachable", t.Context(), errors.Join(&directory.ConnectError{URL: "ldap://a", Op: "TLS", Err: io.EOF}, &directory.ConnectError{URL: "ldap://b", Op: "bind", Err: io.EOF}), 5, "ldap://a: TLS: EOF; ldap://b: bind: EOF; if this is the port without TLS (usually 389), use ldap:// and --starttls; an old directory may require --tls-min 1.0"},
		{"connection lost", t.Context(), &directory.IncompleteError{What: "x", Err: &directory.ConnectError{URL: "ldap://a", Op: "connect", Err: io.EOF}}, 1, "incomplete after 0 entries"},
		{"no password", t.Context(), &directory.ConnectError{URL: "ldap://a", Op: directory.OpPassword, Err: Usagef("none given")}, 2, "none given"},
		{"unreadable password", t.Context(), &directory.ConnectError{URL: "ldap://a", Op: directory.OpPassword, Err: io.EOF}, 1, "EOF"},
		{"peers", t.Context(), &PeersError{Text: "2 of 3"}, 5, "2 of 3"},
		{"without encryption", t.Context(), &directory.ConnectError{URL: "ldap://a", Op: "bind", Err: directory.ErrPlaintext}, 2, "--plaintext"},
		{"wrong key", t.Context(), fmt.Errorf("vault: %w", secret.ErrWrongKey), 5, "vault: "},
		{"part of a batch", t.Context(), &PartialError{Text: "1 of 3 failed"}, 4, "1 of 3 failed"},
		{"concurrent change", t.Context(), &ConflictError{Text: "changed"}, 6, "changed"},
		{"plan does not match", t.Context(), fmt.Errorf("x: %w", ldapchange.ErrConflict), 6, "x: "},
		{"change refused", t.Context(), fmt.Errorf("x: %w", ldapchange.ErrRefused), 1, "x: "},
		{"no domains", t.Context(), fmt.Errorf("o=isp: %w", directory.ErrNoDomains), 1, "which Schema 1 requires; give the base DN with -B"},
		{"no schema", t.Context(), fmt.Errorf("x: %w", store.ErrNoSchema), 1, "; restore it, or if it never had one, create it with 'davadmin db init -n ID'"},
		{"damaged store", t.Context(), fmt.Errorf("x: %w", store.ErrDamaged), 1, "; restore the store from a backup"},
		{"store of another back end", t.Context(), fmt.Errorf("x: %w", store.ErrOtherBackend), 1, "; restore the right store, or correct store.dav.ID.dbdir"},
		{"old schema", t.Context(), fmt.Errorf("x: %w", store.ErrSchemaOlder), 1, "'davadmin db schema_fullupgrade' brings it up to date"},
		{"new schema", t.Context(), fmt.Errorf("x: %w", store.ErrSchemaNewer), 1, "; use the version of davadmin that created it"},
		{"store not reachable", t.Context(), fmt.Errorf("x: %w", store.ErrUnavailable), 5, "x: "},
		{"store refuses the user", t.Context(), fmt.Errorf("x: %w", store.ErrDenied), 5, "'davadmin passfile list'"},
		{"rights in the store", t.Context(), fmt.Errorf("x: %w", &postgres.RightsError{}), 5, "; give the user in store.dav.ID.dburl all rights on the schema davadmin"},
		{
			"right on a table", t.Context(), fmt.Errorf("x: %w", &postgres.RightsError{Role: "cal", Database: "db", Kind: "table", Object: "account"}), 5,
			"; to give the role 'cal' this right, its owner or a superuser runs in the database db: GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA davadmin TO cal;",
		},
		{"store too slow", t.Context(), fmt.Errorf("x: %w (5m0s)", store.ErrTimeLimit), 1, "took longer than it may (5m0s); find out what keeps the database busy or waiting, then run the command again"},
		{"commit without a standby", t.Context(), fmt.Errorf("x: %w", &store.CommitUnknown{Unreplicated: true, Err: io.EOF}), 5, "so they may be lost if it fails now: EOF; check that the standby server runs"},
		{"only standby servers", t.Context(), fmt.Errorf("x: %w", &postgres.NoPrimaryError{Text: "a: b"}), 5, "x: the database cannot be reached (a: b); wait for the failover to end, or promote the standby server"},
		{"standby server", t.Context(), &store.PlaceError{Where: "postgres://db1/x", Err: store.ErrReadOnly}, 1, "is read-only; if this is a standby server, let store.dav.ID.dburl name the primary, too, with target_session_attrs=read-write"},
		{"store locked", t.Context(), fmt.Errorf("x: %w", store.ErrLocked), 6, "x: "},
		{"database asks for the password", t.Context(), fmt.Errorf("x: %w", &postgres.AuthenticationError{Asked: "md5", Allowed: "scram-sha-256"}), 5, "asked for md5 authentication, but only scram-sha-256 is allowed; verify the certificate of the server with sslmode=verify-full"},
		{"database without TLS", t.Context(), fmt.Errorf("x: %w: %w", store.ErrDenied, postgres.ErrNoTLS), 5, "; enable TLS on the server, or add sslmode=disable"},
		{"open password file", t.Context(), fmt.Errorf("x: %w", &postgres.PassFileError{Path: "/h/my pass", Mode: 0o644}), 5, "other users can access the password file /h/my pass (mode 0644); run: chmod 600 '/h/my pass'"},
		{"open service file", t.Context(), &postgres.PassFileError{Path: "/h/s", Mode: 0o644, Kind: postgres.ServiceFile}, 5, "other users can access the service file /h/s, which contains a password (mode 0644); run: chmod 600 /h/s"},
		{"open key file", t.Context(), &postgres.PassFileError{Path: "/h/k", Mode: 0o640, Kind: postgres.KeyFile}, 5, "other users can access the key file /h/k (mode 0640); run: chmod 600 /h/k"},
		{"invalid for the store", t.Context(), fmt.Errorf("x: %w", store.ErrInvalid), 2, "x: "},
		{"locked", t.Context(), fmt.Errorf("cannot lock x: %w", fsx.ErrLocked), 6, "--lock-timeout"},
		{"conflict", t.Context(), fmt.Errorf("x: %w", config.ErrConflict), 6, "run the command again"},
		{"SIGINT", stopped("SIGINT", 130), fmt.Errorf("cannot lock x: %w", context.Canceled), 130, "cannot lock x: stopped by SIGINT"},
		{"SIGHUP", stopped("SIGHUP", 129), context.Canceled, 129, "stopped by SIGHUP"},
		{"SIGTERM", stopped("SIGTERM", 143), context.Canceled, 143, "stopped by SIGTERM"},
		// A run that completed before the signal succeeds, and one that failed for another
		// reason reports that reason.
		{"signal after the end", stopped("SIGINT", 130), nil, 0, "-"},
		{"other reason", stopped("SIGINT", 130), io.ErrUnexpectedEOF, 1, "unexpected EOF"},
		{"cancelled without a signal", ended, context.Canceled, 1, "canceled"},
	} {
		code, text := NewFactory(&Environment{}).Hints.ExitOf(c.ctx, c.err)
		if code != c.code || c.text == "-" && text != "" || c.text != "-" && !strings.Contains(text, c.text) {
			t.Errorf("%s: %d %q, want %d with %q", c.name, code, text, c.code, c.text)
		}
	}
}
