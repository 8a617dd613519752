package store

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"
)

// Component is a resource of a calendar: an event or a task with all its
// exceptions, as iCalendar text.
type Component struct {
	Name string // resource name in the collection
	UID  string
	Type string // VEVENT, VTODO, VJOURNAL, VFREEBUSY
	// Method is the property METHOD of an iTIP message (RFC 5546), in upper case. Each
	// object in an inbox has one, and none in a calendar (RFC 4791, 4.1).
	Method      string
	State       ItemState // of a message in an inbox
	ScheduleTag string    // RFC 6638, 3.2.10; "" for none
	// Start and End are the time span that contains all instances; End is exclusive.
	// A zero Start or End means that the span is open on that side.
	//
	// Times without a zone (RFC 5545, 3.3.5, form 1) and dates are those of the reader's
	// zone. Whoever makes the Component widens the span of such a component so that it
	// contains the instances in every zone, from UTC+14 to UTC-12: Start is 14 hours
	// earlier than it would be in UTC, and End 12 hours later.
	Start, End time.Time
	// Floating means that the span was widened, so that the text tells the exact times.
	Floating  bool
	Recurring bool
	// Status is the property STATUS in upper case; "" for none.
	Status string
	// Transparent means that the component takes no time in free/busy (RFC 5545,
	// 3.8.2.7). A recurring one may have instances for which this is not so.
	Transparent bool
	// Text is the iCalendar object as it was received. A listing omits it unless the
	// filter has WithText set.
	Text []byte

	// The following fields are set by the store.
	ETag     string
	Size     int64 // length of Text in bytes
	Created  time.Time
	Changed  time.Time
	Revision int64 // revision of the collection at the last write
}

// ETagOf returns the ETag of a text. It depends only on the bytes of the text.
func ETagOf(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:16])
}

// Condition is a precondition of a change. The zero value imposes none.
type Condition struct {
	// IfETag requires that the component exists with this ETag. It cannot be combined
	// with IfAbsent.
	IfETag string
	// IfAbsent requires that the component does not exist.
	IfAbsent bool
}

// ShortSpan is the length up to which a span is short. Most are, and a time range finds
// them by their start alone.
const ShortSpan = 31 * 24 * time.Hour

// ComponentFilter selects components of a calendar. They are listed in the order of
// their names; with From or To, first those with short spans and then the others, each in
// the order of their starts and then of their names. The zero value selects all; several
// conditions must all be met.
type ComponentFilter struct {
	Names    []string  // only these resources, at most MaxNames; nil means any
	UID      string    // "" means any
	UIDs     []string  // only components with one of these UIDs, at most MaxNames; nil means any
	Types    []string  // component types; empty means any
	From, To time.Time // the span overlaps this one; zero means open on that side
	// EndedBefore selects only components whose span ends at or before this time. A
	// span with an open end never does.
	EndedBefore time.Time
	WithText    bool
	Limit       int // 0 means no limit
}

// MaxNames is the maximum number of names, and of UIDs, in a ComponentFilter.
const MaxNames = 1000

// Change is a resource of a collection that has changed since a token.
type Change struct {
	Name     string
	Deleted  bool   // or moved away
	ETag     string // "" if Deleted is set
	Revision int64
}

// Place is the place of a component in a store.
type Place struct {
	Account  string // the id
	Calendar string // the name of the collection
	Name     string // of the resource
}

// Deletion is a component that was deleted and has not been purged yet.
type Deletion struct {
	Calendar string
	Name     string
	UID      string
	Deleted  time.Time
}

// Accepts returns an *InvalidError if a collection of a kind, which accepts some component
// types, does not accept a component: a calendar takes objects of its types without a method
// (RFC 4791, 4.1), and an inbox messages of all types with one (RFC 6638, 4.1).
func Accepts(kind CollectionKind, types []string, c *Component) error {
	switch {
	case kind == Inbox && c.Method == "":
		return &InvalidError{Field: "method", Reason: "is missing, but an inbox takes only messages"}
	case kind == Inbox:
		return c.checkItem()
	case c.Method != "":
		return &InvalidError{Field: "method", Value: c.Method, Reason: "is that of a message, which belongs into an inbox"}
	case c.State != Unread:
		return &InvalidError{Field: "state", Value: c.State.String(), Reason: "is that of a message, which belongs into an inbox"}
	case !slices.Contains(types, c.Type):
		return &InvalidError{Field: "type", Value: c.Type, Reason: "is not a component type that this calendar accepts (" + strings.Join(types, ", ") + ")"}
	}
	return nil
}
