package store

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// CollectionKind tells the collections of a home apart. The numbers are stored.
type CollectionKind uint8

// The kinds of collections.
const (
	PlainCalendar CollectionKind = 1
	Inbox         CollectionKind = 2
	Outbox        CollectionKind = 3
	Dropbox       CollectionKind = 4
)

// String returns the word of every output.
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

// Names of the collections that a home begins with (davadmin.md 2.2).
const (
	DefaultCalendar = "calendar"
	InboxName       = "calendar_inbox"
	OutboxName      = "calendar_outbox"
	DropboxName     = "dropbox"
)

// Calendar is a collection of an account's home.
type Calendar struct {
	Account     string // unique id
	Name        string // in the home: 1 to 255 bytes, no slash, no control characters
	Kind        CollectionKind
	DisplayName string
	Description string
	Components  []string // component types that it takes; fixed when it is made
	ACL         ACL
	Colour      string // "#RRGGBB" or "#RRGGBBAA"; "" for none
	Order       int64
	TimeZone    string // name in the IANA data base; "" for none
	Transparent bool   // does not count for free/busy

	// What follows is set by the store.
	Created  time.Time
	Changed  time.Time
	Deleted  time.Time // zero while it is there
	Revision int64     // of the last change of its content
	Number   int64     // tells collections of one account apart, deleted ones included
	Version  int64     // grows with each change of its properties
}

// Clone returns a copy that shares nothing.
func (c *Calendar) Clone() *Calendar {
	d := *c
	d.Components, d.ACL = slices.Clone(c.Components), slices.Clone(c.ACL)
	return &d
}

// Token is the sync token of the collection as it is now (RFC 6578, 3.2).
func (c *Calendar) Token() Token { return Token{Number: c.Number, Revision: c.Revision} }

// Token is a place in the history of a collection.
type Token struct{ Number, Revision int64 }

// String writes the token.
func (t Token) String() string { return fmt.Sprintf("%d-%d", t.Number, t.Revision) }

// ParseToken reads what String writes.
func ParseToken(s string) (Token, error) {
	number, revision, ok := strings.Cut(s, "-")
	n, err1 := strconv.ParseInt(number, 10, 64)
	r, err2 := strconv.ParseInt(revision, 10, 64)
	t := Token{n, r}
	if !ok || err1 != nil || err2 != nil || n < 0 || r < 0 || t.String() != s {
		return Token{}, &InvalidError{Field: "sync token", Value: s, Reason: "is none"}
	}
	return t, nil
}

// CalendarFilter says which collections of an account are listed, in the order
// of their names.
type CalendarFilter struct {
	State     StateFilter
	OnlyPlain bool // no inbox, outbox or dropbox
}

// CalendarUsage is what a collection holds.
type CalendarUsage struct {
	Components int   `json:"components"`
	Bytes      int64 `json:"bytes"`
}

// Subscription is one calendar of somebody that an account follows.
type Subscription struct {
	Account  string // who follows
	Owner    Person // whose calendar it is
	Calendar string // its name in the owner's home
	Created  time.Time
}
