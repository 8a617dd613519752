package sqlite

import (
	"errors"
	"fmt"

	"zombiezen.com/go/sqlite"

	"github.com/davadmin/davadmin/pkg/store"
)

// engineError is an error of SQLite.
type engineError struct {
	meaning error // the matching error of pkg/store, or nil
	code    sqlite.ResultCode
	err     error
}

// Error returns the meaning and SQLite's message, as in "the database is read-only
// (attempt to write a readonly database)".
func (e *engineError) Error() string {
	if e.meaning == nil {
		return e.text()
	}
	return fmt.Sprintf("%v (%s)", e.meaning, e.text())
}

// text returns SQLite's message and its extended result code.
func (e *engineError) text() string {
	err := e.err
	for inner := errors.Unwrap(err); inner != nil; inner = errors.Unwrap(err) {
		err = inner // without what the library was doing
	}
	return fmt.Sprintf("%v (%d)", err, int32(e.code))
}

// Unwrap returns the meaning and the error of the library.
func (e *engineError) Unwrap() []error {
	if e.meaning == nil {
		return []error{e.err}
	}
	return []error{e.meaning, e.err}
}

// explain wraps an error of the library in the matching error of pkg/store. An
// interrupted statement returns why it was interrupted.
func (c *connection) explain(err error) error {
	if err == nil {
		return nil
	}
	code := sqlite.ErrCode(err)
	if code.ToPrimary() == sqlite.ResultInterrupt {
		if cause := c.guard.interrupted(); cause != nil {
			return cause
		}
	}
	return &engineError{meaning: meaning(code), code: code, err: err}
}

// meaning returns the error of pkg/store for an extended result code, or nil. The errors
// of PostgreSQL are explained alike.
func meaning(code sqlite.ResultCode) error {
	switch code {
	case sqlite.ResultIOErrSHMSize: // the shared-memory file could not grow
		return store.ErrFull
	case sqlite.ResultConstraintUnique, sqlite.ResultConstraintPrimaryKey, sqlite.ResultConstraintRowID:
		return store.ErrExists
	case sqlite.ResultConstraintForeignKey:
		return store.ErrConflict
	}
	switch code.ToPrimary() {
	case sqlite.ResultBusy, sqlite.ResultLocked:
		return store.ErrLocked
	case sqlite.ResultReadOnly:
		return store.ErrReadOnly
	case sqlite.ResultFull:
		return store.ErrFull
	case sqlite.ResultCorrupt, sqlite.ResultNotADB:
		return store.ErrDamaged
	case sqlite.ResultConstraint: // NOT NULL, CHECK, or the type of a column
		return store.ErrInvalid
	}
	return nil
}

// named adds the name of the store to an error of the engine, unless it has one: there
// may be several back ends. Errors about a value name what is invalid.
func (s *Store) named(err error) error {
	var e *engineError
	var at *store.PlaceError
	engine := errors.As(err, &e) || errors.Is(err, store.ErrLocked) || errors.Is(err, store.ErrTimeLimit)
	if !engine || errors.As(err, &at) || errors.Is(err, store.ErrExists) || errors.Is(err, store.ErrConflict) || errors.Is(err, store.ErrInvalid) {
		return err
	}
	return &store.PlaceError{Where: s.o.Path, Err: err}
}
