package store

import (
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
	Version  int64     // increases with each change of its properties
}

// Clone returns a deep copy.
func (c *Calendar) Clone() *Calendar {
	d := *c
	d.Components, d.ACL = slices.Clone(c.Components), slices.Clone(c.ACL)
	return &d
}

// Token returns the current sync token of the collection (RFC 6578, 3.2).
func (c *Calendar) Token() Token { return Token{Number: c.Number, Revision: c.Revision} }

// Token is a sync token: a position in the change history of a collection.
type Token struct{ Number, Revision int64 }

// String returns the text form of the token.
func (t Token) String() string { return fmt.Sprintf("%d-%d", t.Number, t.Revision) }

// ParseToken parses the text form of a token. The error is an *InvalidError.
func ParseToken(s string) (Token, error) {
	number, revision, ok := strings.Cut(s, "-")
	n, err1 := strconv.ParseInt(number, 10, 64)
	r, err2 := strconv.ParseInt(revision, 10, 64)
	t := Token{n, r}
	if !ok || err1 != nil || err2 != nil || n < 0 || r < 0 || t.String() != s {
		return Token{}, &InvalidError{Field: "sync token", Value: s, Reason: "is not a valid sync token"}
	}
	return t, nil
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
}

// Subscription is an account's subscription to another person's calendar.
type Subscription struct {
	Account  string // unique id of the subscriber
	Owner    Person // owner of the calendar
	Calendar string // name of the calendar in the owner's account
	Created  time.Time
}
