package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/davadmin/davadmin/pkg/store"
)

// collision says that another transaction was in the way; the whole transaction
// can be tried again.
type collision struct {
	meaning error
	err     error
}

func (e *collision) Error() string   { return e.err.Error() }
func (e *collision) Unwrap() []error { return []error{e.meaning, e.err} }

// explain gives an error of the server its meaning (PostgreSQL 15 manual,
// appendix A).
func explain(err error) error {
	var e *pgconn.PgError
	var connect *pgconn.ConnectError
	var network net.Error
	switch {
	case err == nil, errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded) && !errors.As(err, &connect):
		return err
	case errors.As(err, &e):
		return explainCode(e, err)
	case errors.As(err, &connect), errors.As(err, &network), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed),
		strings.Contains(err.Error(), "conn closed"), strings.Contains(err.Error(), "closed pool"):
		return fmt.Errorf("%w (%s)", store.ErrUnavailable, oneLine(err))
	}
	return err
}

func explainCode(e *pgconn.PgError, err error) error {
	text := e.Message + " (" + e.Code + ")"
	meant := func(meaning error) error { return fmt.Errorf("%w: %s", meaning, text) }
	switch e.Code {
	case "40001", "40P01": // serialization_failure, deadlock_detected
		return &collision{store.ErrConflict, errors.New(text)}
	case "23505": // unique_violation: made by somebody else since this transaction looked
		return &collision{store.ErrExists, errors.New(text)}
	case "28P01", "28000", "42501": // invalid_password, invalid_authorization_specification, insufficient_privilege
		return meant(store.ErrDenied)
	case "3D000": // invalid_catalog_name
		return meant(store.ErrUnavailable)
	case "53100": // disk_full
		return meant(store.ErrFull)
	case "25006": // read_only_sql_transaction
		return meant(store.ErrReadOnly)
	case "55P03": // lock_not_available
		return meant(store.ErrLocked)
	case "XX001", "XX002": // data_corrupted, index_corrupted
		return meant(store.ErrDamaged)
	}
	if strings.HasPrefix(e.Code, "08") || strings.HasPrefix(e.Code, "57P") || strings.HasPrefix(e.Code, "53") {
		return meant(store.ErrUnavailable)
	}
	return err
}

// explainCommit is explain for a commit. Where the connection was lost, or the
// server was going down, it may have happened all the same.
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

// oneLine takes out the line ends that pgx puts between the hosts that it tried.
func oneLine(err error) string {
	return strings.Join(strings.Fields(strings.ReplaceAll(err.Error(), "\n", "; ")), " ")
}
