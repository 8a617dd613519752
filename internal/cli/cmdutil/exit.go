package cmdutil

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/davadmin/davadmin/internal/fsx"
	"github.com/davadmin/davadmin/internal/secret"
	"github.com/davadmin/davadmin/pkg/account"
	"github.com/davadmin/davadmin/pkg/config"
	"github.com/davadmin/davadmin/pkg/directory"
	"github.com/davadmin/davadmin/pkg/ldapchange"
	"github.com/davadmin/davadmin/pkg/store"
	"github.com/davadmin/davadmin/pkg/store/backends"
	"github.com/davadmin/davadmin/pkg/store/postgres"
)

// IsUsage reports whether an error is a usage error.
func IsUsage(err error) bool {
	var usage *UsageError
	return AsError(err, &usage)
}

// Exit codes. ExitCodes returns the table that help prints.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitFindings    = 3
	exitPartly      = 4
	exitConnect     = 5
	exitConflict    = 6
	ExitHungUp      = 129
	ExitInterrupted = 130
	ExitTerminated  = 143
)

// ExitCode is an exit code and its meaning.
type ExitCode struct {
	Code    int    `json:"code"`
	Meaning string `json:"meaning"`
}

// ExitCodes returns all exit codes, for help.
func ExitCodes() []ExitCode {
	return []ExitCode{
		{exitDone, "done; nothing found"},
		{exitFailed, "the command failed, or could read only a part of its input; nothing was changed unless the message says so"},
		{exitUsage, "wrong usage: unknown option or name, value outside its type or range (with 'fatal error:' or 'panic:' on stderr, a crash of the Go runtime)"},
		{exitFindings, "findings (audit, check, verify, diff) at or above --fail-on (default error; for diff, any difference)"},
		{exitPartly, "partly done: some items of a batch failed; each is listed with its line number"},
		{exitConnect, "cannot connect or authenticate (directory, database, peer, vault)"},
		{exitConflict, "conflict: locked by another run, or the plan no longer matches the current data"},
		{ExitHungUp, "stopped by SIGHUP: what was done is complete and in the journal; what was not done is listed"},
		{ExitInterrupted, "stopped by SIGINT, likewise"},
		{ExitTerminated, "stopped by SIGTERM, likewise"},
	}
}

// UsageError is a mistake in the command line or a batch file.
type UsageError struct {
	Text string
	More []string // lines that follow the message
}

func (e *UsageError) Error() string { return e.Text }

// Usagef returns a UsageError.
func Usagef(format string, args ...any) error { return &UsageError{Text: fmt.Sprintf(format, args...)} }

// PeersError ends a command to which other calendar servers did not reply.
type PeersError struct{ Text string }

func (e *PeersError) Error() string { return e.Text }

// ConflictError ends a command that conflicts with a concurrent change.
type ConflictError struct{ Text string }

func (e *ConflictError) Error() string { return e.Text }

// PartialError ends a command that completed a part of a batch and named the rest.
type PartialError struct{ Text string }

func (e *PartialError) Error() string { return e.Text }

// IncompleteError ends a command that could not read all that it had to read.
type IncompleteError struct {
	Text string
	More []string // lines that follow the message
	Err  error    // decides on the exit code and the hint; nil for the ordinary ones
}

func (e *IncompleteError) Error() string { return e.Text }

// Unwrap returns the cause.
func (e *IncompleteError) Unwrap() error { return e.Err }

// ErrFindings ends a check that completed with findings, or a diff that found differences.
var ErrFindings = errors.New("findings")

// FindingsError is ErrFindings with the number of findings. Its text is said on stderr, even
// with --quiet, so that cron sends a mail.
type FindingsError struct{ Text string }

func (e *FindingsError) Error() string { return e.Text }

// Is makes the error an ErrFindings for errors.Is.
func (e *FindingsError) Is(target error) bool { return target == ErrFindings }

// Findingsf returns a FindingsError.
func Findingsf(format string, args ...any) error {
	return &FindingsError{Text: fmt.Sprintf(format, args...)}
}

// ErrAnswered ends a command early without a failure, after help or the version was
// printed or when there is nothing to do.
var ErrAnswered = errors.New("answered")

// StopError is the cause of a context that was cancelled by a signal.
type StopError struct {
	Name string
	Code int
}

func (e *StopError) Error() string { return "stopped by " + e.Name }

// ExitOf returns the exit code for the error of a run and the message to show, which is
// empty if everything was already said. Joined errors are on one line.
func (h *Hints) ExitOf(ctx context.Context, err error) (code int, text string) {
	code, text = h.exitOf(ctx, err)
	return code, onOneLine(text, err)
}

func (h *Hints) exitOf(ctx context.Context, err error) (code int, text string) {
	var usage *UsageError
	var stop *StopError
	var connect *directory.ConnectError
	var short *directory.IncompleteError
	var peers *PeersError
	var partly *PartialError
	var conflict *ConflictError
	var unknown *backends.UnknownError
	switch {
	case err == nil, errors.Is(err, ErrAnswered):
		return exitDone, ""
	case errors.Is(err, ErrFindings):
		var found *FindingsError
		if errors.As(err, &found) {
			text = found.Text
		}
		return exitFindings, text
	case errors.As(context.Cause(ctx), &stop) && errors.Is(err, context.Canceled):
		text := strings.ReplaceAll(err.Error(), context.Canceled.Error(), stop.Error())
		return stop.Code, strings.ReplaceAll(text, stop.Error()+": "+stop.Error(), stop.Error())
	case errors.As(err, &connect) && connect.Op == directory.OpPassword:
		// The password could not be obtained, so nothing was sent to the server.
		return h.exitOf(ctx, connect.Err)
	case errors.As(err, &usage):
		return exitUsage, err.Error()
	case errors.Is(err, directory.ErrPlaintext):
		return exitUsage, err.Error() + "; use --starttls or --ldaps (or --plaintext to send it anyway)"
	case errors.As(err, &short): // whatever the cause
		return exitFailed, err.Error() + LimitHint(err)
	case errors.As(err, &connect):
		return exitConnect, err.Error() + connectHint(err)
	case errors.As(err, &peers), errors.Is(err, secret.ErrWrongKey):
		return exitConnect, err.Error()
	case errors.As(err, &partly):
		return exitPartly, err.Error()
	case errors.Is(err, ldapchange.ErrConflict), errors.As(err, &conflict):
		return exitConflict, err.Error()
	case errors.Is(err, ldapchange.ErrRefused):
		return exitFailed, err.Error()
	case ldapchange.IsUnavailable(err):
		return exitConnect, err.Error()
	case errors.Is(err, store.ErrUnavailable), errors.Is(err, store.ErrDenied):
		return exitConnect, err.Error() + h.StoreHint(err)
	case errors.Is(err, store.ErrLocked):
		return exitConflict, err.Error() + "; run the command again when the other program has finished"
	case errors.Is(err, store.ErrConflict):
		return exitConflict, err.Error()
	case errors.Is(err, store.ErrInvalid), errors.As(err, &unknown):
		return exitUsage, err.Error()
	case errors.Is(err, fsx.ErrLocked):
		return exitConflict, err.Error() + "; wait for it to end, or use a longer --lock-timeout"
	case errors.Is(err, config.ErrConflict):
		return exitConflict, err.Error() + "; inspect it with the action 'diff', then run the command again"
	}
	return exitFailed, err.Error() + h.StoreHint(err)
}

// StoreHint returns what to do about an error of a store or of account work, or an
// empty string.
func (h *Hints) StoreHint(err error) string {
	var unreadable *account.UnreadableError
	var ambiguous *account.AmbiguousError
	var deleted *account.DeletedError
	var unproven *directory.UnprovenError
	var passFile *postgres.PassFileError
	var method *postgres.AuthenticationError
	var rights *postgres.RightsError
	var problem *directory.Problem
	switch {
	case h.accountHint(err) != "":
		return h.accountHint(err)
	case errors.As(err, &unproven):
		return "; to prove it, use --prove-as DN"
	case errors.As(err, &problem) && problem.Addition, errors.As(err, &unreadable) && errors.As(unreadable.First, &problem) && problem.Addition:
		return "; to read such records as entries: '" + h.Again("--ldif-adds") + "'"
	case errors.As(err, &deleted):
		option := "-a"
		if deleted.ByID {
			option = "-g"
		}
		return "; '" + h.Line("account", "modify", "--undelete", option, deleted.Request) + "' restores it, '" + h.Line("account", "list", option, deleted.Request, "--state", "any") + "' shows it"
	case errors.As(err, &unreadable):
		return "; '" + h.Line("ldap", "audit") + "' lists them"
	case errors.As(err, &ambiguous):
		return "; select one with -g and -n"
	case errors.Is(err, account.ErrNoUniqueID):
		return "; '" + h.Line("ldap", "populate", "-O", "PLAN") + "' adds one"
	case errors.Is(err, account.ErrNoEntries):
		return "; set the search base with -B"
	case errors.Is(err, store.ErrNoSchema):
		return "; restore it, or if it never had one, create it with '" + h.Line("db", "init", "-n", "ID") + "'"
	case errors.Is(err, store.ErrDamaged):
		return "; restore the store from a backup"
	case errors.Is(err, store.ErrOtherBackend):
		return "; restore the right store, or correct store.dav.ID.dbdir or store.dav.ID.dburl"
	case errors.Is(err, store.ErrSchemaOlder):
		return "; '" + h.Line("db", "schema_fullupgrade") + "' brings it up to date"
	case errors.Is(err, store.ErrSchemaNewer):
		return "; use the version of davadmin that created it"
	case errors.As(err, &passFile):
		return "; run: chmod 600 " + Quote(passFile.Path)
	case errors.As(err, &method):
		return "; verify the certificate of the server with sslmode=verify-full in store.dav.ID.dburl (and sslrootcert=FILE), or allow the method with require_auth there"
	case errors.Is(err, postgres.ErrNoTLS):
		return "; enable TLS on the server, or add sslmode=disable to store.dav.ID.dburl"
	case errors.As(err, &rights) && rights.Statements() != "":
		return fmt.Sprintf("; to give the role '%s' this right, its owner or a superuser runs in the database %s: %s", rights.Role, rights.Database, rights.Statements())
	case errors.As(err, &rights):
		return "; give the user in store.dav.ID.dburl all rights on the schema davadmin and its tables, best by making it their owner"
	case errors.Is(err, store.ErrDenied):
		return "; check the user in store.dav.ID.dburl, and its password: '" + h.Line("passfile", "list") + "'"
	case errors.Is(err, postgres.ErrPassword):
		return "; store the password with '" + h.Line("passfile", "create", "-n", "store.ID") + "', or in PGPASSFILE"
	case errors.Is(err, directory.ErrNoDomains):
		return "; give the base DN with -B"
	case LimitHint(err)+databaseHint(err) != "":
		return LimitHint(err) + databaseHint(err)
	case writeHint(err) != "":
		return writeHint(err)
	case errors.Is(err, account.ErrNoEntry), errors.Is(err, account.ErrNoEntryWithID):
		return "; '" + h.Line("ldap", "audit") + "' checks the entries"
	}
	return ""
}

// databaseHint returns what to do about a database that was too slow or accepts no changes, or
// whose standby server did not confirm a change.
func databaseHint(err error) string {
	var commit *store.CommitUnknown
	var place *store.PlaceError
	var none *postgres.NoPrimaryError
	switch {
	case errors.As(err, &none):
		return "; wait for the failover to end, or promote the standby server"
	case errors.Is(err, store.ErrReadOnly) && errors.As(err, &place) && strings.HasPrefix(place.Where, "postgres"):
		return "; if this is a standby server, let store.dav.ID.dburl name the primary, too, with target_session_attrs=read-write"
	case errors.As(err, &commit) && commit.Unreplicated:
		return "; check that the standby server runs and follows the other one before you go on"
	case errors.Is(err, store.ErrTimeLimit):
		return "; find out what keeps the database busy or waiting, then run the command again"
	}
	return ""
}

// AsError is errors.As for a pointer to a concrete error type.
func AsError[T error](err error, target *T) bool { return errors.As(err, target) }

// ErrorText returns the message for an error as the end of a run would show it, for an
// item of a batch.
func (h *Hints) ErrorText(err error) string {
	_, text := h.ExitOf(context.Background(), err)
	return text
}

// Unreachable reports whether an error, as the end of a run, would mean that something could
// not be reached or did not accept the credentials. It is false for nil.
func (h *Hints) Unreachable(err error) bool {
	code, _ := h.ExitOf(context.Background(), err)
	return code == exitConnect
}

// accountHint returns what to do about an account whose address or entry is in the way.
func (h *Hints) accountHint(err error) string {
	var held *account.AddressHeldError
	var placed *account.PlacedElsewhereError
	switch {
	case errors.As(err, &held):
		return heldHint(held)
	case errors.As(err, &placed) && len(placed.Values) == 0:
		return "; '" + h.Line("ldap", "populate", "--attribute", placed.Attribute, "--value", placed.Backend, "--users", "FILE", "-O", "PLAN") + "' adds it"
	}
	return ""
}

// heldHint says what to do about an address that another account has.
func heldHint(held *account.AddressHeldError) string {
	switch held.Reason {
	case account.HeldOutside:
		return "; if that account gets another address too, change both in one run (a further -a or -g, or a batch with -f)"
	case account.HeldKept, account.HeldWanted:
		return "; only one account can have an address, so correct what gives it to both"
	}
	return ""
}
