package store

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Kind is what an account is of. The numbers are stored.
type Kind uint8

// The kinds of accounts.
const (
	User     Kind = 1
	Group    Kind = 2
	Resource Kind = 3
	Location Kind = 4
)

// Kinds lists all kinds.
func Kinds() []Kind { return []Kind{User, Group, Resource, Location} }

// String returns the word of the command line and of every output.
func (k Kind) String() string {
	switch k {
	case User:
		return "user"
	case Group:
		return "group"
	case Resource:
		return "resource"
	case Location:
		return "location"
	}
	return fmt.Sprintf("kind(%d)", uint8(k))
}

// ParseKind reads what String writes.
func ParseKind(s string) (Kind, error) {
	for _, k := range Kinds() {
		if strings.EqualFold(s, k.String()) {
			return k, nil
		}
	}
	return 0, &InvalidError{Field: "kind", Value: s, Reason: "is none of user, group, resource, location"}
}

// Attendance says what the server does with an invitation by itself: a sum of
// the flags (davadmin.md 2.1, attendanceflag).
type Attendance uint8

// The flags.
const (
	AcceptAutomatically Attendance = 1
	RefuseOnConflict    Attendance = 2
	RefuseRecurring     Attendance = 4
	maxAttendance       Attendance = 7
)

// Person is somebody by unique id, which decides, with the address that the
// person had when it was last written, which is for people to read.
type Person struct {
	ID      string `json:"id"`
	Address string `json:"address"`
}

// Account is one account. Its key is the unique id, compared byte by byte.
type Account struct {
	ID   string // unique id; 1 to 512 bytes of UTF-8
	Kind Kind
	// Addresses are mail addresses, the primary one first; no other account that
	// is not deleted has one of them, in any letter case.
	Addresses     []string
	DisplayName   string
	SchedulingACL ACL
	Attendance    Attendance
	// Notify turns on mails to NotifyTo about changes.
	Notify           bool
	NotifyTo         []string
	DelegateNotifyTo []string // told of what delegates do
	Delegates        []Person // may act for the account
	// Owners are those who a resource or a group belongs to; empty for a user,
	// whose account is the user's own.
	Owners []Person

	// What follows is set by the store.
	Backend string    // on which the account is
	Created time.Time // UTC, in microseconds
	Changed time.Time
	Deleted time.Time // zero while it is active
	// Version grows with each change. A change names the version that it was made
	// from.
	Version int64
}

// Mail is the primary address.
func (a *Account) Mail() string {
	if len(a.Addresses) == 0 {
		return ""
	}
	return a.Addresses[0]
}

// Active reports whether the account is not deleted.
func (a *Account) Active() bool { return a.Deleted.IsZero() }

// Clone returns a copy that shares nothing.
func (a *Account) Clone() *Account {
	c := *a
	c.Addresses = slices.Clone(a.Addresses)
	c.SchedulingACL = slices.Clone(a.SchedulingACL)
	c.NotifyTo = slices.Clone(a.NotifyTo)
	c.DelegateNotifyTo = slices.Clone(a.DelegateNotifyTo)
	c.Delegates = slices.Clone(a.Delegates)
	c.Owners = slices.Clone(a.Owners)
	return &c
}

// NewAccount is an account with the collections that it begins with.
type NewAccount struct {
	Account   Account
	Calendars []Calendar
}

// AccountOrder is how a listing is sorted. Ties are in the order of the ids.
type AccountOrder uint8

// The orders. Text is compared byte by byte.
const (
	ByMail AccountOrder = iota
	ByID
	ByName
	ByCreated
	ByChanged
)

// AccountFilter says which accounts are listed. The zero value lists all that
// are not deleted.
type AccountFilter struct {
	IDs     []string // only these, at most MaxIDs
	Kinds   []Kind
	State   StateFilter
	Domain  string    // of the primary address, in any letter case
	Match   string    // the primary address or the display name holds this text, in any letter case of a to z
	Before  time.Time // created before
	Order   AccountOrder
	Reverse bool // ties, too
	Limit   int  // 0 is no limit
	// Brief gives id, kind, primary address, back end and date of deletion alone.
	Brief bool
	// Alone promises that nothing else is asked of the Reader while the listing is
	// read, which then costs less.
	Alone bool
}

// MaxIDs is how many ids a filter can name.
const MaxIDs = 1000

// StateFilter says whether deleted ones are meant.
type StateFilter uint8

// The states.
const (
	OnlyActive StateFilter = iota
	OnlyDeleted
	AnyState
)

// Usage is what an account holds, deleted collections left out.
type Usage struct {
	Calendars     int   `json:"calendars"`
	Components    int   `json:"components"`
	Bytes         int64 `json:"bytes"` // of iCalendar text
	Subscriptions int   `json:"subscriptions"`
}

// FoldAddress returns the form in which addresses are compared: letters of ASCII
// in lower case. The local part is case-sensitive by RFC 5321, and is nowhere
// treated so.
func FoldAddress(address string) string { return lowerASCII(address) }

// FoldID returns the form in which a directory compares unique ids.
func FoldID(id string) string { return lowerASCII(id) }

// lowerASCII is what lower() does to text in both engines.
func lowerASCII(s string) string {
	for i := 0; i < len(s); i++ {
		if c := s[i]; 'A' <= c && c <= 'Z' {
			b := []byte(s)
			for ; i < len(b); i++ {
				if c := b[i]; 'A' <= c && c <= 'Z' {
					b[i] = c + 'a' - 'A'
				}
			}
			return string(b)
		}
	}
	return s
}
