package store

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// CollectionKind is the kind of a collection. The numbers are stored.
type CollectionKind uint8

// Kinds of collections.
const (
	PlainCalendar CollectionKind = 1
	Inbox         CollectionKind = 2
	Outbox        CollectionKind = 3
	Dropbox       CollectionKind = 4
)

// String returns the name of the kind, as used in all output.
func (k CollectionKind) String() string {
	switch k {
	case PlainCalendar:
		return "calendar"
	case Inbox:
		return "inbox"
	case Outbox:
		return "outbox"
	case Dropbox:
		return "dropbox"
	}
	return fmt.Sprintf("kind(%d)", uint8(k))
}

// Names of the collections that a new account has.
const (
	DefaultCalendar = "calendar"
	InboxName       = "calendar_inbox"
	OutboxName      = "calendar_outbox"
	DropboxName     = "dropbox"
)

// Calendar is a collection of an account: a calendar, an inbox, an outbox or a
// dropbox.
type Calendar struct {
	Account     string // unique id of the account
	Name        string // unique in the account; 1 to 255 bytes, no slash, no control characters
	Kind        CollectionKind
	DisplayName string
	Description string
	Components  []string // accepted component types; cannot be changed later
	ACL         ACL
	Colour      string // "#RRGGBB" or "#RRGGBBAA"; "" for none
	Order       int64
	TimeZone    string // name in the IANA database; "" for none
	Transparent bool   // ignored for free/busy

	// The following fields are set by the store.
	Created  time.Time
	Changed  time.Time
	Deleted  time.Time // zero if the collection is not deleted
	Revision int64     // revision of the last change of its content
	Number   int64     // unique in the account, deleted collections included
	// Incarnation is a random number that no other collection has, not even one of the
	// same name and number in a store that was restored or made again.
	Incarnation int64
	Version     int64 // increases with each change of its properties
}

// Clone returns a deep copy.
func (c *Calendar) Clone() *Calendar {
	d := *c
	d.Components, d.ACL = slices.Clone(c.Components), slices.Clone(c.ACL)
	return &d
}

// Token is a sync token (RFC 6578, 3.2): a position in the change history of a collection.
// The zero value means the beginning.
//
// It names all that must be the same for the position to mean anything: the collection, by
// its incarnation; the history of the store, by its epoch; and on PostgreSQL the timeline of
// the server, which is another one after a standby server took over: that may have lost the
// last commits.
type Token struct {
	Epoch       string // letters and digits
	Timeline    string // letters and digits; "" if absent
	Incarnation int64
	Revision    int64
	// Began is greater than Revision while a client reads the whole collection in several
	// lists: it is the revision at which it began. What was forgotten before then does not
	// matter to it.
	Began int64
}

// At returns the token of the same collection at another revision, such as that of the last
// change that a client was told about.
func (t Token) At(revision int64) Token {
	t.Revision = revision
	if revision >= t.Began {
		t.Began = 0
	}
	return t
}

// String returns the text form of the token, which contains only letters, digits and '-'.
func (t Token) String() string {
	text := fmt.Sprintf("%s-%s-%x-%d", t.Epoch, t.Timeline, uint64(t.Incarnation), t.Revision)
	if t.Began > t.Revision {
		text += fmt.Sprintf("-%d", t.Began)
	}
	return text
}

// ParseToken parses the text form of a token. The error is an *InvalidError.
func ParseToken(s string) (Token, error) {
	parts := strings.Split(s, "-")
	if len(parts) == 4 || len(parts) == 5 {
		incarnation, err1 := strconv.ParseUint(parts[2], 16, 64)
		revision, err2 := strconv.ParseInt(parts[3], 10, 64)
		t := Token{Epoch: parts[0], Timeline: parts[1], Incarnation: int64(incarnation), Revision: revision}
		var err3 error
		if len(parts) == 5 {
			t.Began, err3 = strconv.ParseInt(parts[4], 10, 64)
		}
		if errors.Join(err1, err2, err3) == nil && revision >= 0 && alphanumeric(t.Epoch) && alphanumeric(t.Timeline) && t.String() == s {
			return t, nil
		}
	}
	return Token{}, &InvalidError{Field: "sync token", Value: s, Reason: "is not a valid sync token"}
}

// alphanumeric reports whether text is short and contains only letters and digits.
func alphanumeric(text string) bool {
	const longest = 64
	return len(text) <= longest && strings.Trim(text, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
}

// CalendarFilter selects collections of an account. They are listed in the order of
// their names.
type CalendarFilter struct {
	State     StateFilter
	OnlyPlain bool // omit inbox, outbox and dropbox
}

// CalendarUsage is the amount of content in a collection.
type CalendarUsage struct {
	Components int   `json:"components"`
	Bytes      int64 `json:"bytes"`
	// Oldest and Newest are the first and the last start of a span. A series counts with its
	// first instance, and floating times as if they were in UTC. They are zero if no span has
	// a start.
	Oldest time.Time `json:"oldest,omitzero"`
	Newest time.Time `json:"newest,omitzero"`
}

// Share is a calendar that is shared with a person.
type Share struct {
	Owner    Person // the account of the calendar, with its primary address
	Calendar *Calendar
	Rights   string // of the person: letters of CalendarACL
}

// Subscription is an account's subscription to another person's calendar.
type Subscription struct {
	Account  string // unique id of the subscriber
	Owner    Person // owner of the calendar
	Calendar string // name of the calendar in the owner's account
	Created  time.Time
}
