package relational

import (
	"slices"

	"github.com/davadmin/davadmin/pkg/store"
)

// RaceError means that another transaction changed or removed a row after this one read
// it. It wraps store.ErrConflict. Update returns it only if the transaction was run again
// too often: the next run reads what the other transaction committed.
type RaceError struct{}

// Error says what happened.
func (*RaceError) Error() string { return "another transaction changed it at the same time" }

// Unwrap returns store.ErrConflict.
func (*RaceError) Unwrap() error { return store.ErrConflict }

// Race returns a *RaceError if a change of the transaction lost a race, and nil otherwise.
// Such a transaction must be run again and never committed, even if its function ignored
// the error: the function decided on the basis of something that was no longer so.
//
// Only engines whose transactions see what others commit meanwhile (READ COMMITTED) have
// such races.
func (s *Session) Race() error {
	if s.race == nil { // not a nil *RaceError in an interface
		return nil
	}
	return s.race
}

// TakeBack gives the accounts and calendars of the caller their former versions, because the
// transaction was not committed: its function may be called again with the same values, and
// would be told that another one changed them.
func (s *Session) TakeBack() {
	for _, back := range slices.Backward(s.back) {
		back()
	}
	s.back = nil
}

// next increases the version of a value of the caller, see TakeBack.
func (s *Session) next(version *int64) {
	was := *version
	s.back = append(s.back, func() { *version = was })
	*version++
}

// Races is what the runs of one Update have in common. The zero value is ready to use.
type Races struct {
	// stale contains the outdated versions that a run was given, by what they are of.
	stale map[string]string
}

// Racing says that other transactions may commit while this one runs, and that it is one
// of the runs of an Update. It returns s.
func (s *Session) Racing(r *Races) *Session {
	s.races = r
	return s
}

// staleVersion returns the error for a caller that gave an outdated version. If it read
// that version in this transaction, another one was faster, and the next run reads the new
// version. A caller that gives the same version again read it before: ErrConflict.
func (s *Session) staleVersion(of, version string) error {
	if s.races == nil || s.races.stale[of] == version {
		return store.ErrConflict
	}
	if s.races.stale == nil {
		s.races.stale = map[string]string{}
	}
	s.races.stale[of] = version
	return s.lostRace()
}

// lostRace records that the transaction lost a race, and returns the error for it.
func (s *Session) lostRace() error {
	s.race = &RaceError{}
	return s.race
}
