package store

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Kind is the kind of an account. The numbers are stored.
type Kind uint8

// Kinds of accounts.
const (
	User     Kind = 1
	Group    Kind = 2
	Resource Kind = 3
	Location Kind = 4
)

// Kinds returns all kinds of accounts.
func Kinds() []Kind { return []Kind{User, Group, Resource, Location} }

// String returns the name of the kind, as used in all input and output.
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

// ParseKind parses the name of a kind, in any letter case.
func ParseKind(s string) (Kind, error) {
	for _, k := range Kinds() {
		if strings.EqualFold(s, k.String()) {
			return k, nil
		}
	}
	return 0, &InvalidError{Field: "kind", Value: s, Reason: "is not a valid kind (" + kindNames() + ")"}
}

// kindNames returns the names of all kinds, for messages.
func kindNames() string {
	var names []string
	for _, k := range Kinds() {
		names = append(names, k.String())
	}
	return strings.Join(names, ", ")
}

// Attendance determines how the server answers invitations automatically: the sum
// of the flags below (the account property attendanceflag).
type Attendance uint8

// Flags of Attendance.
const (
	AcceptAutomatically Attendance = 1
	RefuseOnConflict    Attendance = 2
	RefuseRecurring     Attendance = 4
	maxAttendance       Attendance = 7
)

// Person is a reference to a user, a group or a resource, with or without an account
// in this store. ID, the unique id in the directory, identifies the person. Address
// is the mail address at the time when the reference was last written; it is only
// for display. An access list, which can also name everyone or a mail domain, uses
// a Principal.
type Person struct {
	ID      string `json:"id"`
	Address string `json:"address"`
}

// Account is one account. Its key is the unique id, which is compared byte by byte.
type Account struct {
	ID   string // unique id; 1 to 512 bytes of UTF-8
	Kind Kind
	// Addresses contains the mail addresses, the primary one first. Active accounts
	// never share an address, in any letter case.
	Addresses     []string
	DisplayName   string
	SchedulingACL ACL
	Attendance    Attendance
	// Notify turns on mail notifications of changes to NotifyTo.
	Notify           bool
	NotifyTo         []string
	DelegateNotifyTo []string // notified of what delegates do
	Delegates        []Person // may act on behalf of the account
	// Owners are the owners of a resource or a group. It is empty for a user account,
	// which belongs to the user.
	Owners []Person

	// The following fields are set by the store.
	Backend string    // id of the back end that the account is on
	Created time.Time // UTC, in microseconds, as are all times
	Changed time.Time
	Deleted time.Time // zero if the account is active
	// Leaving is the id of the back end to which the account is being moved, or "". The
	// account cannot be changed then (ErrMoving), and it may already be active there: see
	// package moving.
	Leaving string
	// Version increases with each change. A change must name the version that it is
	// based on.
	Version int64
}

// Mail returns the primary address, or "" if absent.
func (a *Account) Mail() string {
	if len(a.Addresses) == 0 {
		return ""
	}
	return a.Addresses[0]
}

// Active reports whether the account is not deleted.
func (a *Account) Active() bool { return a.Deleted.IsZero() }

// Clone returns a deep copy.
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

// Represented is an account on whose behalf a person may act.
type Represented struct {
	Account *Account
	// Why the person may act; at least one is set.
	AsDelegate bool
	AsOwner    bool
	ByRights   bool // right m of the scheduling list
}

// NewAccount is an account to create, with its initial collections.
type NewAccount struct {
	Account   Account
	Calendars []Calendar
}

// AccountOrder is the sort order of a listing of accounts. Accounts with equal keys
// are sorted by id.
type AccountOrder uint8

// Sort orders. Text is compared byte by byte.
const (
	ByMail AccountOrder = iota
	ByID
	ByName
	ByCreated
	ByChanged
)

// AccountFilter selects and sorts the accounts of a listing. The zero value selects
// all active accounts. Several conditions must all be met.
type AccountFilter struct {
	IDs     []string // only these ids, at most MaxIDs; nil means any
	Kinds   []Kind   // only these kinds; empty means any
	State   StateFilter
	Domain  string    // domain of the primary address, in any letter case
	Match   string    // text that the primary address or the display name contains, in any letter case
	Before  time.Time // only accounts created before this time
	Order   AccountOrder
	Reverse bool // descending order, of the ids of equal keys, too
	Limit   int  // 0 means no limit
	// Brief returns only ID, Kind, Backend, Deleted and the primary address.
	Brief bool
	// WithoutRights leaves out SchedulingACL, Delegates and Owners, which makes the listing
	// faster.
	WithoutRights bool
	// Alone makes the listing faster. The caller must not call other methods of the
	// Reader until the end of the listing.
	Alone bool
}

// MaxIDs is the maximum number of ids in an AccountFilter.
const MaxIDs = 1000

// StateFilter selects by whether something is deleted.
type StateFilter uint8

// States to select.
const (
	OnlyActive StateFilter = iota
	OnlyDeleted
	AnyState
)

// Usage is the amount of content in an account, without deleted collections.
type Usage struct {
	Calendars     int   `json:"calendars"`
	Components    int   `json:"components"`
	Bytes         int64 `json:"bytes"` // of iCalendar text
	Subscriptions int   `json:"subscriptions"`
	Attachments   int   `json:"attachments"`
	// AttachmentBytes is the size of the attachments. Content that several share counts
	// for each of them.
	AttachmentBytes int64 `json:"attachment_bytes"`
}

// FoldAddress returns the form in which addresses are compared, with ASCII letters
// in lower case. According to RFC 5321 the local part is case-sensitive, but in
// practice it is never treated that way.
func FoldAddress(address string) string { return lowerASCII(address) }

// FoldID returns the form in which a directory compares unique ids, with ASCII
// letters in lower case.
func FoldID(id string) string { return lowerASCII(id) }

// lowerASCII does the same as the SQL function lower() of both engines.
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
