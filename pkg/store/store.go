package store

import (
	"context"
	"iter"
	"time"
)

// Store is one back end. Its methods may be used by several goroutines.
type Store interface {
	// Backend is the id of the back end.
	Backend() string
	// View calls fn with a Reader on one state of the store. The Reader is good
	// until fn returns, for one goroutine.
	View(ctx context.Context, fn func(Reader) error) error
	// Update calls fn with a Writer and commits what it did if it returns nil;
	// otherwise nothing of it happened. It may call fn again when another
	// transaction was in the way: fn must not do anything outside of the store
	// that it cannot do twice.
	Update(ctx context.Context, fn func(Writer) error) error
	Close() error
}

// Reader reads one state of a store. A sequence ends after its first error;
// other calls that read may be made while one is read. Text that no store can hold
// (CheckText) is found nowhere. Entities that are returned belong
// to the caller.
type Reader interface {
	// Account returns an account, a deleted one too. ErrNotFound.
	Account(ctx context.Context, id string) (*Account, error)
	// AccountByAddress returns the active account with an address. ErrNotFound.
	AccountByAddress(ctx context.Context, address string) (*Account, error)
	// AccountByFoldedID returns an account whose id differs from id in letter case
	// at most, a deleted one too. An exact one goes first. ErrNotFound.
	AccountByFoldedID(ctx context.Context, id string) (*Account, error)
	// DeletedByAddress lists deleted accounts that had the address, the last
	// deleted first.
	DeletedByAddress(ctx context.Context, address string) ([]*Account, error)
	Accounts(ctx context.Context, f AccountFilter) iter.Seq2[*Account, error]
	// CountAccounts counts what a filter selects; its limit does not count.
	CountAccounts(ctx context.Context, f AccountFilter) (int64, error)
	// Usage says what accounts hold; those that hold nothing are left out.
	Usage(ctx context.Context, ids []string) (map[string]Usage, error)

	// Calendar returns a collection that is not deleted. ErrNotFound.
	Calendar(ctx context.Context, account, name string) (*Calendar, error)
	Calendars(ctx context.Context, account string, f CalendarFilter) iter.Seq2[*Calendar, error]
	CalendarUsage(ctx context.Context, account, name string) (CalendarUsage, error)

	// Component returns a resource with its text. ErrNotFound.
	Component(ctx context.Context, account, calendar, name string) (*Component, error)
	Components(ctx context.Context, account, calendar string, f ComponentFilter) iter.Seq2[*Component, error]
	// Deletions lists components of an account that can be brought back, the
	// last deleted first, then by name.
	Deletions(ctx context.Context, account string) iter.Seq2[*Deletion, error]
	// Changes lists what has changed since a token, each resource once, in the
	// order of the last change, and returns the token of now. The zero Token is
	// the beginning. ErrTokenOld.
	Changes(ctx context.Context, account, calendar string, since Token) ([]Change, Token, error)

	// Subscriptions lists what an account follows, by owner and name.
	Subscriptions(ctx context.Context, account string) ([]Subscription, error)
}

// Writer changes a store. An error leaves the transaction unusable, unless it
// wraps ErrNotFound, ErrExists, ErrConflict, ErrInvalid or ErrDeleted: those are found out
// before anything is written.
type Writer interface {
	Reader

	// CreateAccount makes an account with its collections. ErrInvalid; ErrExists
	// when there is one with the id, deleted or not, or when an address belongs to
	// another account.
	CreateAccount(ctx context.Context, a *NewAccount) error
	// UpdateAccount writes an account as it is given; its Version is the one that
	// it was read with, and is that of the new state afterwards. Kind, addresses
	// and all settings can change, id, back end and dates not. ErrNotFound,
	// ErrDeleted, ErrConflict, ErrExists, ErrInvalid.
	UpdateAccount(ctx context.Context, a *Account) error
	// DeleteAccount marks an account as deleted: its addresses are free, and
	// nothing that it holds is found any more except through the account itself.
	// ErrNotFound, ErrDeleted.
	DeleteAccount(ctx context.Context, id string) error
	// UndeleteAccount brings an account back with all that it held. ErrNotFound,
	// ErrExists when an address belongs to another account by now, ErrConflict
	// when it is not deleted.
	UndeleteAccount(ctx context.Context, id string) error

	// CreateCalendar makes a collection. ErrNotFound and ErrDeleted for the
	// account, ErrExists, ErrInvalid.
	CreateCalendar(ctx context.Context, c *Calendar) error
	// UpdateCalendar writes properties; Kind and Components cannot change. Its
	// Version is the one that it was read with. ErrNotFound, ErrConflict, ErrInvalid.
	UpdateCalendar(ctx context.Context, c *Calendar) error
	// DeleteCalendar marks a collection as deleted. ErrNotFound.
	DeleteCalendar(ctx context.Context, account, name string) error
	// UndeleteCalendar brings back the collection of that name that was deleted
	// last. ErrNotFound, ErrExists.
	UndeleteCalendar(ctx context.Context, account, name string) error

	// PutComponent makes or replaces a resource and sets what the store sets in c.
	// ErrNotFound for the calendar, ErrConflict for the condition, ErrExists for a
	// UID that another resource of the calendar has, ErrInvalid, as for a type that the
	// calendar does not take.
	PutComponent(ctx context.Context, account, calendar string, c *Component, cond Condition) error
	// DeleteComponent deletes a resource; it can be brought back until it is
	// purged. ErrNotFound, ErrConflict.
	DeleteComponent(ctx context.Context, account, calendar, name string, cond Condition) error
	// UndeleteComponent brings back the resource of that name that was deleted
	// last. ErrNotFound, ErrExists.
	UndeleteComponent(ctx context.Context, account, calendar, name string) error

	// Subscribe makes an account follow a calendar. ErrExists.
	Subscribe(ctx context.Context, s *Subscription) error
	// Unsubscribe ends that. ErrNotFound.
	Unsubscribe(ctx context.Context, account, owner, calendar string) error

	// Readdress writes the new address of a person wherever access rights,
	// delegates, owners and subscriptions of this store name the person by id, and
	// returns how many accounts and collections it changed.
	Readdress(ctx context.Context, p Person) (int, error)
	// Purge removes for good what was deleted before a time, at most limit
	// accounts and as many collections and components each, and returns what it
	// removed. Called until it returns nothing, it removes all of it.
	Purge(ctx context.Context, before time.Time, limit int) (Purged, error)
}

// Purged counts what was removed for good.
type Purged struct {
	Accounts   int64 `json:"accounts"`
	Calendars  int64 `json:"calendars"`
	Components int64 `json:"components"`
	Changes    int64 `json:"changes"` // of the change log
}

// Add adds up.
func (p *Purged) Add(q Purged) {
	p.Accounts += q.Accounts
	p.Calendars += q.Calendars
	p.Components += q.Components
	p.Changes += q.Changes
}

// None reports whether nothing was removed.
func (p Purged) None() bool { return p == Purged{} }

// Loader is a store that takes many accounts at once faster than one by one.
type Loader interface {
	// Load makes accounts in one transaction, all or none, as CreateAccount would
	// make each. An ExistsError leaves all undone: who loads looks first and goes
	// one by one where that happens.
	Load(ctx context.Context, accounts []*NewAccount) error
	// Taken looks many accounts up at once.
	Taken(ctx context.Context, accounts []*NewAccount) (Taken, error)
}

// Taken says what of accounts that are to be made is there.
type Taken struct {
	// IDs has the account, deleted or not, by the folded id.
	IDs map[string]*Account
	// Addresses has the owner's id of each folded address that an active account
	// has.
	Addresses map[string]string
}

// SchemaState is the version of a store's schema.
type SchemaState struct {
	Backend string `json:"backend"`
	Where   string `json:"where"`   // file, or server and database; never a password
	Engine  string `json:"engine"`  // "sqlite", "postgresql"
	Version int    `json:"version"` // 0 where there is no store
	Known   int    `json:"known"`   // that this program works with
}

// Err is ErrNoSchema, ErrSchemaOlder or ErrSchemaNewer where the versions differ.
func (s SchemaState) Err() error {
	switch {
	case s.Version == s.Known:
		return nil
	case s.Version == 0:
		return ErrNoSchema
	case s.Version < s.Known:
		return ErrSchemaOlder
	}
	return ErrSchemaNewer
}
