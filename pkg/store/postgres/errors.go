package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/davadmin/davadmin/pkg/store"
)

// conflictError is a conflict with another transaction. The whole transaction can be
// retried.
type conflictError struct {
	meaning error
	err     error
}

func (e *conflictError) Error() string   { return e.err.Error() }
func (e *conflictError) Unwrap() []error { return []error{e.meaning, e.err} }

// explain wraps an error of pgx or of the server in the matching error of pkg/store
// (PostgreSQL 15 manual, appendix A).
func explain(err error) error {
	var e *pgconn.PgError
	var connect *pgconn.ConnectError
	var network net.Error
	switch {
	case err == nil, errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded) && !errors.As(err, &connect):
		return err
	case errors.As(err, &e):
		return explainCode(e, err)
	case errors.As(err, &connect) && explainRefusal(connect) != nil:
		return explainRefusal(connect)
	case errors.As(err, &connect):
		return explainConnect(connect)
	case errors.As(err, &network), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed),
		strings.Contains(err.Error(), "conn closed"), strings.Contains(err.Error(), "closed pool"):
		return fmt.Errorf("%w (%s)", store.ErrUnavailable, oneLine(err))
	}
	return err
}

// NoPrimaryError is returned when target_session_attrs in the URL requires a server that
// accepts changes, and of those that answer none does: a failover has not ended yet, or
// nothing has promoted the standby server. It wraps store.ErrUnavailable.
type NoPrimaryError struct {
	// Text says for each server why it was not used.
	Text string
}

// Error returns the text in that of store.ErrUnavailable.
func (e *NoPrimaryError) Error() string { return store.ErrUnavailable.Error() + " (" + e.Text + ")" }

// Unwrap returns store.ErrUnavailable.
func (e *NoPrimaryError) Unwrap() error { return store.ErrUnavailable }

// explainConnect is explain for a connection that failed with no answer from the server
// about the reason, or to which the server does not match the URL.
func explainConnect(connect *pgconn.ConnectError) error {
	text := oneLine(errors.Join(decisive(connect)...))
	if errors.Is(connect, pgconn.ErrReadOnlyConnection) || errors.Is(connect, pgconn.ErrStandbyConnection) {
		return &NoPrimaryError{Text: text}
	}
	return fmt.Errorf("%w (%s)", store.ErrUnavailable, text)
}

// explainCode is explain for an error of the server.
func explainCode(e *pgconn.PgError, err error) error {
	text := e.Message + " (" + e.Code + ")"
	wrap := func(meaning error) error { return fmt.Errorf("%w: %s", meaning, text) }
	switch e.Code {
	case "40001", "40P01": // serialization_failure, deadlock_detected
		return &conflictError{store.ErrConflict, errors.New(text)}
	case "23505": // unique_violation: another transaction inserted the row since this one looked for it
		return &conflictError{store.ErrExists, errors.New(text)}
	case "23503": // foreign_key_violation: another transaction removed the row that this one refers to
		return &conflictError{store.ErrConflict, errors.New(text)}
	case "23502", "23514": // not_null_violation, check_violation
		return wrap(store.ErrInvalid)
	case "28P01", "28000": // invalid_password, invalid_authorization_specification
		return wrap(store.ErrDenied)
	case "42501": // insufficient_privilege
		return newRightsError(e)
	case "3D000": // invalid_catalog_name
		return wrap(store.ErrUnavailable)
	case "53100": // disk_full
		return wrap(store.ErrFull)
	case "25006": // read_only_sql_transaction, as on a standby server
		return wrap(store.ErrReadOnly)
	case "57014": // query_canceled: statement_timeout, or an administrator
		return wrap(store.ErrTimeLimit)
	case "55P03": // lock_not_available
		return wrap(store.ErrLocked)
	case "XX001", "XX002": // data_corrupted, index_corrupted
		return wrap(store.ErrDamaged)
	}
	if strings.HasPrefix(e.Code, "08") || strings.HasPrefix(e.Code, "57P") || strings.HasPrefix(e.Code, "53") {
		return wrap(store.ErrUnavailable)
	}
	return err
}

// explainCommit is explain for a commit. If the connection was lost or the server was
// shutting down, the commit may have happened nevertheless, and the error is a
// CommitUnknown.
func explainCommit(err error) error {
	var e *pgconn.PgError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, pgx.ErrTxCommitRollback):
		return fmt.Errorf("commit: %w", err)
	case errors.As(err, &e) && !strings.HasPrefix(e.Code, "57P") && !strings.HasPrefix(e.Code, "08"):
		return explain(err)
	}
	return &store.CommitUnknown{Err: errors.New(oneLine(err))}
}

// oneLine returns the text of an error of pgx in one line. pgx writes a line for each address
// that it tried, twice with sslmode=prefer, and in each the address and the step twice.
func oneLine(err error) string {
	var parts []string
	for line := range strings.Lines(err.Error()) {
		line = strings.Join(strings.Fields(line), " ")
		if strings.HasPrefix(line, "failed to connect to `") {
			_, line, _ = strings.Cut(line, "`:")
			line = strings.TrimSpace(line)
		}
		line = notSelected.Replace(withoutAddress(plainDial(line)))
		if line != "" && !slices.Contains(parts, line) {
			parts = append(parts, line)
		}
	}
	return strings.Join(parts, "; ")
}

// notSelected replaces the text of pgx for a server that target_session_attrs excludes.
var notSelected = strings.NewReplacer(
	"ValidateConnect failed: read only connection", "not selected by target_session_attrs: the server is read-only",
	"ValidateConnect failed: connection is not read only", "not selected by target_session_attrs: the server is not read-only",
	"ValidateConnect failed: server is in standby mode", "not selected by target_session_attrs: the server is a standby server",
	"ValidateConnect failed: server is not in hot standby mode", "not selected by target_session_attrs: the server is not a standby server",
)

// withoutAddress removes the address in brackets from a line such as "127.0.0.1:5432
// (127.0.0.1): connection refused", where it is that of the host before it, or the
// directory of the Unix socket before it.
func withoutAddress(line string) string {
	host, rest, found := strings.Cut(line, " (")
	if name, _, err := net.SplitHostPort(host); found && err == nil && strings.HasPrefix(rest, name+"): ") {
		return host + strings.TrimPrefix(rest, name+")")
	}
	// A directory may contain brackets itself.
	if dir, after, ok := strings.Cut(line, "/.s.PGSQL."); ok {
		port, rest, _ := strings.Cut(after, " (")
		if again, ok := strings.CutPrefix(rest, dir); ok {
			if text, ok := strings.CutPrefix(strings.TrimLeft(again, "/"), "): "); ok {
				return dir + "/.s.PGSQL." + port + ": " + text
			}
		}
	}
	return line
}

// plainDial removes from a line the step and the address that the text of package net
// repeats: "dial error: dial tcp 127.0.0.1:5432: connect: ".
func plainDial(line string) string {
	before, after, found := strings.Cut(line, "dial error: dial ")
	if found {
		if _, rest, ok := strings.Cut(after, ": "); ok {
			return before + strings.TrimPrefix(rest, "connect: ")
		}
	}
	before, after, found = strings.Cut(line, "hostname resolving error: ")
	if !found {
		before, after = "", line
	}
	if lookup, ok := strings.CutPrefix(after, "lookup "); ok {
		host, _, _ := strings.Cut(lookup, " ") // "lookup db1 on 192.0.2.53:53: no such host", or without "on"
		return before + "the host name " + strings.TrimSuffix(host, ":") + " cannot be resolved: " + lookup[strings.LastIndex(lookup, ": ")+len(": "):]
	}
	return line
}
