package store

import (
	"errors"
	"fmt"
)

// Errors that callers tell apart. They are wrapped with what was being done.
var (
	// ErrNotFound is returned for an account, a calendar or a component that is
	// not there.
	ErrNotFound = errors.New("not there")
	// ErrExists is wrapped by ExistsError.
	ErrExists = errors.New("there already")
	// ErrConflict is returned when what is there is not what the caller took it
	// for: another version of an account, another ETag.
	ErrConflict = errors.New("changed by somebody else")
	// ErrInvalid is wrapped by InvalidError.
	ErrInvalid = errors.New("not allowed")
	// ErrDeleted is returned for a change of something that is deleted.
	ErrDeleted = errors.New("deleted")
	// ErrTokenOld is returned for a sync token from which the changes are not
	// known any more, or that is of another collection.
	ErrTokenOld = errors.New("the changes since then are not known any more")
	// ErrLocked is returned when another program holds the database for too long.
	ErrLocked = errors.New("locked by another program")
	// ErrUnavailable is returned when the database cannot be reached, or the
	// connection was lost. What was being done may have happened if it was a
	// commit, see CommitUnknown.
	ErrUnavailable = errors.New("the database cannot be reached")
	// ErrDenied is returned when the database refuses the user or the password.
	ErrDenied = errors.New("the database refuses the user or the password")
	// ErrFull is returned when there is no room left for what was to be written.
	ErrFull = errors.New("no space left on device")
	// ErrReadOnly is returned when the database cannot be written.
	ErrReadOnly = errors.New("the database is read-only")
	// ErrDamaged is returned for a database whose content cannot be right.
	ErrDamaged = errors.New("the database is damaged")
	// ErrNoSchema is returned for a database in which no store was made yet.
	ErrNoSchema = errors.New("no store was made there yet")
	// ErrSchemaOlder is returned for a store that an earlier version made, and
	// that has to be upgraded first.
	ErrSchemaOlder = errors.New("the store has an older schema than this version needs")
	// ErrSchemaNewer is returned for a store of a later version.
	ErrSchemaNewer = errors.New("the store has a newer schema than this version knows")
	// ErrOtherBackend is returned for a store that belongs to another back end.
	ErrOtherBackend = errors.New("the store belongs to another back end")
)

// CommitUnknown says that the connection was lost while a transaction was being
// committed: it may have happened, and it may not. It wraps ErrUnavailable.
type CommitUnknown struct{ Err error }

// Error says what ended the connection.
func (e *CommitUnknown) Error() string {
	return fmt.Sprintf("the connection was lost during the commit, whose outcome is not known: %v", e.Err)
}

// Unwrap gives both.
func (e *CommitUnknown) Unwrap() []error { return []error{ErrUnavailable, e.Err} }

// InvalidError says what is not allowed, and why. It wraps ErrInvalid.
type InvalidError struct {
	Field  string // as the command line calls it
	Value  string
	Reason string
}

// Error words it. The value is as it was given; who prints it sanitises it.
func (e *InvalidError) Error() string {
	if e.Value == "" {
		return fmt.Sprintf("%s: %s", e.Field, e.Reason)
	}
	return fmt.Sprintf("%s: '%s' %s", e.Field, clip(e.Value), e.Reason)
}

// Unwrap returns ErrInvalid.
func (e *InvalidError) Unwrap() error { return ErrInvalid }

// clip keeps a message readable.
func clip(s string) string {
	const most = 200
	if len(s) <= most {
		return s
	}
	return s[:most] + "…"
}

// ExistsError says what is there already, and whose it is. It wraps ErrExists.
type ExistsError struct {
	What  string // "account", "address", "calendar", "component", "uid"
	Value string
	Owner string // unique id of the account that has it; "" where it is not known
}

// Error words it.
func (e *ExistsError) Error() string {
	if e.Owner != "" && e.Owner != e.Value {
		return fmt.Sprintf("%s %s belongs to the account %s already", e.What, clip(e.Value), e.Owner)
	}
	return fmt.Sprintf("%s %s is there already", e.What, clip(e.Value))
}

// Unwrap returns ErrExists.
func (e *ExistsError) Unwrap() error { return ErrExists }
