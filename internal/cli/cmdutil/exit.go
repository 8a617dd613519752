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

// IsUsage reports whether an error is one of usage.
func IsUsage(err error) bool {
	var usage *UsageError
	return AsError(err, &usage)
}

// Exit codes. exitCodes is the table that help prints.
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

type exitCode struct {
	Code    int
	Meaning string
}

func ExitCodes() []exitCode {
	return []exitCode{
		{exitDone, "done; nothing found"},
		{exitFailed, "the command failed, or read only a part of what it had to read; nothing was changed unless the message says what"},
		{exitUsage, "wrong usage: unknown option or name, value outside its type or range"},
		{exitFindings, "findings (audit, check, verify, diff) at or above --fail-on (default error; for diff, any difference)"},
		{exitPartly, "partly done: some items of a batch failed, each named with its line"},
		{exitConnect, "cannot connect or authenticate (directory, database, peer, vault)"},
		{exitConflict, "conflict: locked by another run, or the plan no longer fits what is there"},
		{ExitHungUp, "stopped by SIGHUP: what was done is complete and journalled, what was not is named"},
		{ExitInterrupted, "stopped by SIGINT, likewise"},
		{ExitTerminated, "stopped by SIGTERM, likewise"},
	}
}

// UsageError is a mistake in what was typed.
type UsageError struct{ Text string }

func (e *UsageError) Error() string { return e.Text }

func Usagef(format string, args ...any) error { return &UsageError{Text: fmt.Sprintf(format, args...)} }

// PeersError ends a command that other calendar servers did not answer.
type PeersError struct{ Text string }

func (e *PeersError) Error() string { return e.Text }

// ConflictError ends a command that met what somebody else does at the same time.
type ConflictError struct{ Text string }

func (e *ConflictError) Error() string { return e.Text }

// PartlyError ends a command that did a part of a batch, and named the rest.
type PartlyError struct{ Text string }

func (e *PartlyError) Error() string { return e.Text }

// ErrFindings ends a command that did its work and found something.
var ErrFindings = errors.New("findings")

// ErrAnswered ends a command early whose question was answered.
var ErrAnswered = errors.New("answered")

// StopError is the cause of a context that a signal ended.
type StopError struct {
	Name string
	Code int
}

func (e *StopError) Error() string { return "stopped by " + e.Name }

// ExitOf gives the exit code for the error of a run, and the text to show; an
// empty text when all was said already.
func (h *Hints) ExitOf(ctx context.Context, err error) (code int, text string) {
	var usage *UsageError
	var stop *StopError
	var connect *directory.ConnectError
	var short *directory.IncompleteError
	var peers *PeersError
	var partly *PartlyError
	var conflict *ConflictError
	var unknown *backends.UnknownError
	switch {
	case err == nil, errors.Is(err, ErrAnswered):
		return exitDone, ""
	case errors.Is(err, ErrFindings):
		return exitFindings, ""
	case errors.As(context.Cause(ctx), &stop) && errors.Is(err, context.Canceled):
		return stop.Code, strings.ReplaceAll(err.Error(), context.Canceled.Error(), stop.Error())
	case errors.As(err, &connect) && connect.Op == directory.OpPassword:
		// Nothing was sent to the server: what was wrong came before.
		return h.ExitOf(ctx, connect.Err)
	case errors.As(err, &usage):
		return exitUsage, err.Error()
	case errors.Is(err, directory.ErrPlaintext):
		return exitUsage, err.Error() + "; use --starttls or --ldaps, or --plaintext if it must be"
	case errors.As(err, &short): // whatever ended it
		return exitFailed, strings.ReplaceAll(err.Error(), "\n", "; ")
	case errors.As(err, &connect):
		return exitConnect, strings.ReplaceAll(err.Error(), "\n", "; ") + connectHint(err)
	case errors.As(err, &peers), errors.Is(err, secret.ErrWrongKey):
		return exitConnect, err.Error()
	case errors.As(err, &partly):
		return exitPartly, err.Error()
	case errors.Is(err, ldapchange.ErrConflict), errors.As(err, &conflict):
		return exitConflict, err.Error()
	case errors.Is(err, ldapchange.ErrRefused):
		return exitFailed, err.Error() + "; bind as somebody who may (-D), if that is why"
	case ldapchange.IsUnavailable(err):
		return exitConnect, err.Error()
	case errors.Is(err, store.ErrUnavailable), errors.Is(err, store.ErrDenied):
		return exitConnect, err.Error() + h.StoreHint(err)
	case errors.Is(err, store.ErrLocked), errors.Is(err, store.ErrConflict):
		return exitConflict, err.Error()
	case errors.Is(err, store.ErrInvalid), errors.As(err, &unknown):
		return exitUsage, err.Error()
	case errors.Is(err, fsx.ErrLocked):
		return exitConflict, err.Error() + "; wait for it, or give a longer --lock-timeout"
	case errors.Is(err, config.ErrConflict):
		return exitConflict, err.Error() + "; look at it with the action 'diff' and run the command again"
	}
	return exitFailed, err.Error() + h.StoreHint(err)
}

// StoreHint says what may help against an error of a store or of account work.
func (h *Hints) StoreHint(err error) string {
	var unreadable *account.UnreadableError
	var ambiguous *account.AmbiguousError
	switch {
	case errors.As(err, &unreadable):
		return "; '" + h.Line("ldap", "audit") + "' lists them"
	case errors.As(err, &ambiguous):
		return "; select one with -g and -n"
	case errors.Is(err, account.ErrNoUniqueID):
		return "; '" + h.Line("ldap", "populate", "-O", "PLAN") + "' adds one"
	case errors.Is(err, account.ErrNoEntries):
		return "; set the search base with -B"
	case errors.Is(err, store.ErrNoSchema):
		return "; '" + h.Line("db", "init") + "' makes one"
	case errors.Is(err, store.ErrSchemaOlder):
		return "; '" + h.Line("db", "schema_fullupgrade") + "' brings it up to date"
	case errors.Is(err, store.ErrSchemaNewer):
		return "; use the version of davadmin that made it"
	case errors.Is(err, store.ErrDenied):
		return "; check the user in store.dav.ID.dburl, and its password: '" + h.Line("passfile", "list") + "'"
	case errors.Is(err, postgres.ErrPassword):
		return "; keep the password in the passfile (see 'davadmin passfile --help') or in PGPASSFILE"
	case errors.Is(err, account.ErrNoEntry):
		return "; '" + h.Line("ldap", "audit") + "' looks for what is wrong with entries"
	}
	return ""
}

// AsError is errors.As for a pointer to a concrete error type.
func AsError[T error](err error, target *T) bool { return errors.As(err, target) }

// ErrorText is an error as the end of a run would show it, for an item of a batch.
func (h *Hints) ErrorText(err error) string {
	_, text := h.ExitOf(context.Background(), err)
	return text
}
