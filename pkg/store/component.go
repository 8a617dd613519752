package store

import (
	"crypto/sha256"
	"encoding/hex"
	"time"
)

// Component is a resource of a calendar: an event, a task with all its
// exceptions, as iCalendar text.
type Component struct {
	Name        string // of the resource in its collection
	UID         string
	Type        string // VEVENT, VTODO, VJOURNAL, VFREEBUSY
	ScheduleTag string // RFC 6638, 3.2.10; "" where there is none
	// Start and End are the span within which an instance can lie; the end is
	// outside of it. A zero Start or End leaves that side open.
	Start, End time.Time
	Recurring  bool
	// Text is the iCalendar object as it was received. A listing leaves it out
	// unless it was asked for.
	Text []byte

	// What follows is set by the store.
	ETag     string
	Size     int64 // bytes of Text
	Created  time.Time
	Changed  time.Time
	Revision int64 // of the collection when it was written
}

// ETagOf returns the ETag of a text: the same for the same bytes.
func ETagOf(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:16])
}

// Condition guards a change of a component. The zero value does not look.
type Condition struct {
	// IfETag is the ETag that must be there. It excludes IfAbsent.
	IfETag string
	// IfAbsent says that nothing may be there.
	IfAbsent bool
}

// ComponentFilter says which components of a calendar are listed, in the order
// of their names.
type ComponentFilter struct {
	UID      string
	Types    []string
	From, To time.Time // the span touches this one; zero leaves that side open
	// EndedBefore takes those whose span is over by then, and no others: one whose
	// end is open is not over.
	EndedBefore time.Time
	WithText    bool
	Limit       int
}

// Change is one resource of a collection that has changed since a token.
type Change struct {
	Name     string
	Deleted  bool
	Revision int64
	Time     time.Time
}

// Deletion names components that were deleted and are not purged yet.
type Deletion struct {
	Calendar string
	Name     string
	UID      string
	Deleted  time.Time
}
