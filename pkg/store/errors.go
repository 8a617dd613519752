package store

import (
	"errors"
	"fmt"
)

// Errors that callers can test for with errors.Is. They are wrapped with the
// operation that failed.
var (
	// ErrNotFound is returned for an account, a calendar or a component that does
	// not exist.
	ErrNotFound = errors.New("not found")
	// ErrExists is wrapped by ExistsError.
	ErrExists = errors.New("already exists")
	// ErrConflict is returned when the state in the store is not the one that the
	// caller expected, such as another version of an account or another ETag.
	ErrConflict = errors.New("conflict with another change")
	// ErrInvalid is wrapped by InvalidError.
	ErrInvalid = errors.New("invalid value")
	// ErrDeleted is returned for a change of something that is deleted.
	ErrDeleted = errors.New("deleted")
	// ErrTokenOld is returned for a sync token whose changes have been purged, that
	// belongs to another collection, or from before the store was restored. The client
	// must read the whole collection again.
	ErrTokenOld = errors.New("the sync token has expired")
	// ErrListing is returned for a change while a listing is being read in the same
	// transaction.
	ErrListing = errors.New("nothing can be changed while a listing is being read")
	// ErrNested is returned for a transaction inside another one of the same store.
	ErrNested = errors.New("a transaction cannot contain another one of the same store")
	// ErrLocked is returned when another program locks the database for too long.
	ErrLocked = errors.New("locked by another program")
	// ErrTimeLimit is returned when a statement takes longer than the limit of the store.
	ErrTimeLimit = errors.New("a statement took longer than it may")
	// ErrUnavailable is returned when the database cannot be reached or the
	// connection was lost. If the connection was lost during a commit, the error is
	// a CommitUnknown.
	ErrUnavailable = errors.New("the database cannot be reached")
	// ErrDenied is returned when the database rejects the user or the password, or
	// when the user lacks a privilege.
	ErrDenied = errors.New("the database denied access")
	// ErrFull is returned when the disk is full.
	ErrFull = errors.New("no space left on device")
	// ErrReadOnly is returned when the database cannot be written.
	ErrReadOnly = errors.New("the database is read-only")
	// ErrDamaged is returned for a database with invalid content, or for something
	// that is not a store.
	ErrDamaged = errors.New("the database is damaged")
	// ErrNoSchema is returned where there is no store: it was never created, or it was
	// lost.
	ErrNoSchema = errors.New("no store found")
	// ErrSchemaOlder is returned for a store that was created by an earlier version
	// and must be upgraded first.
	ErrSchemaOlder = errors.New("the store has an older schema than this version requires")
	// ErrSchemaNewer is returned for a store that was created or upgraded by a later
	// version.
	ErrSchemaNewer = errors.New("the store has a newer schema than this version supports")
	// ErrOtherBackend is returned for a store that belongs to another back end.
	ErrOtherBackend = errors.New("the store belongs to another back end")
)

// IsUnusable reports whether err is about a whole store, not about an item or a conflict: it
// cannot be reached, opened, read or written.
func IsUnusable(err error) bool {
	for _, of := range []error{
		ErrNoSchema, ErrUnavailable, ErrDenied, ErrLocked, ErrFull, ErrReadOnly, ErrDamaged, ErrSchemaOlder, ErrSchemaNewer, ErrOtherBackend,
	} {
		if errors.Is(err, of) {
			return true
		}
	}
	return false
}

// CommitUnknown means that whether a transaction happened is unknown, because the
// connection was lost during its commit, or that a committed one may still be lost. It
// wraps ErrUnavailable.
type CommitUnknown struct {
	// Unreplicated means that the changes were saved on the server, which should have
	// waited for a standby server and did not: if the server is lost now, so are they.
	Unreplicated bool
	Err          error
}

// Error includes the reason why the connection ended.
func (e *CommitUnknown) Error() string {
	if e.Unreplicated {
		return fmt.Sprintf("the changes were saved, but the database gave up waiting for its standby server, so they may be lost if it fails now: %v", e.Err)
	}
	return fmt.Sprintf("the connection was lost during the commit, so the changes may or may not have been saved: %v", e.Err)
}

// Unwrap returns ErrUnavailable and the cause.
func (e *CommitUnknown) Unwrap() []error { return []error{ErrUnavailable, e.Err} }

// PlaceError is an error of the database of a store: unlike most errors, it is not about
// what the caller asked for.
type PlaceError struct {
	Where string // the path of the file, or the URL of the database without settings
	Err   error
}

// Error returns the error with the place of the store.
func (e *PlaceError) Error() string { return fmt.Sprintf("store %s: %v", e.Where, e.Err) }

// Unwrap returns the error.
func (e *PlaceError) Unwrap() error { return e.Err }

// InvalidError reports an invalid value and the reason. It wraps ErrInvalid.
type InvalidError struct {
	Field  string // name of the property, such as "mail" or "acl"
	Value  string // as it was given; "" if the value is empty or too long to show
	Reason string // a predicate that follows the value, such as "is listed twice"
}

// Error returns the field, the value and the reason. The value is not sanitised;
// the caller must do so before printing it.
func (e *InvalidError) Error() string {
	if e.Value == "" {
		return fmt.Sprintf("%s: %s", e.Field, e.Reason)
	}
	return fmt.Sprintf("%s: '%s' %s", e.Field, clip(e.Value), e.Reason)
}

// Unwrap returns ErrInvalid.
func (e *InvalidError) Unwrap() error { return ErrInvalid }

// clip shortens s for use in a message.
func clip(s string) string {
	const most = 200
	if len(s) <= most {
		return s
	}
	return s[:most] + "…"
}

// ExistsError reports something that already exists, and its owner. It wraps
// ErrExists.
type ExistsError struct {
	// What is "account", "address", "calendar", "component", "store", "subscription",
	// "uid", or "uid of resource" for a resource whose UID would change.
	What  string
	Value string
	// Owner is the unique id of the account that has it, if known.
	Owner string
	// Resource and Type are the resource name and the component type of the
	// component that has the UID. They are set only for "uid" and "uid of resource".
	Resource, Type string
}

// Error returns the message, without sanitising the values.
func (e *ExistsError) Error() string {
	value := clip(e.Value)
	switch {
	case e.What == "uid":
		return fmt.Sprintf("another %s in this calendar already has the UID %s (resource %s)", componentNoun(e.Type), value, e.Resource)
	case e.What == "uid of resource":
		return fmt.Sprintf("resource %s has the UID %s, which cannot be changed", e.Resource, value)
	case e.Owner != "" && e.Owner != e.Value:
		return fmt.Sprintf("%s %s already belongs to account %s", e.What, value, e.Owner)
	case e.What == "address":
		return fmt.Sprintf("address %s already belongs to another account", value)
	}
	return fmt.Sprintf("%s %s already exists", e.What, value)
}

// componentNoun returns the word for a component type.
func componentNoun(typ string) string {
	switch typ {
	case "VEVENT":
		return "event"
	case "VTODO":
		return "task"
	case "VJOURNAL":
		return "journal entry"
	}
	return "component"
}

// Unwrap returns ErrExists.
func (e *ExistsError) Unwrap() error { return ErrExists }
