package store

import (
	"context"
	"iter"
	"time"
)

// Store is the store of one back end. Its methods may be called by several
// goroutines at once.
type Store interface {
	// Backend returns the id of the back end.
	Backend() string
	// View calls fn with a Reader of one state of the store. The Reader is valid
	// until fn returns and must not be used by several goroutines. The context of fn
	// belongs to the transaction: View and Update of the same store return ErrNested for
	// it, because transactions inside others could wait for each other without end. What
	// fn has kept of the Reader returns errors afterwards.
	View(ctx context.Context, fn func(context.Context, Reader) error) error
	// Update calls fn with a Writer and commits the changes if fn returns nil;
	// otherwise nothing is changed. Update may call fn again, such as after a conflict
	// with another transaction, so anything that fn does outside the store must be safe
	// to repeat. If nothing was changed, the accounts and calendars that fn gave to
	// UpdateAccount and UpdateCalendar have their former versions again.
	Update(ctx context.Context, fn func(context.Context, Writer) error) error
	// Close closes the store. All transactions must have ended.
	Close() error
}

// Reader reads one state of a store. A sequence ends after its first error; other
// read methods may be called while a sequence is being read. A lookup by text that
// fails CheckText finds nothing. Returned values belong to the caller. The comment
// of each method lists the errors that callers can test for.
type Reader interface {
	PropertyReader
	AttachmentReader
	OutgoingReader
	IndexReader

	// Account returns an account, whether deleted or not. ErrNotFound.
	Account(ctx context.Context, id string) (*Account, error)
	// AccountByAddress returns the active account that has the address. ErrNotFound.
	AccountByAddress(ctx context.Context, address string) (*Account, error)
	// AccountByFoldedID returns the account with the id in any letter case, whether
	// deleted or not. ErrNotFound.
	AccountByFoldedID(ctx context.Context, id string) (*Account, error)
	// DeletedByAddress returns the deleted accounts that had the address, the most
	// recently deleted first.
	DeletedByAddress(ctx context.Context, address string) ([]*Account, error)
	// Accounts lists the accounts that a filter selects. ErrInvalid for more than
	// MaxIDs ids.
	Accounts(ctx context.Context, f AccountFilter) iter.Seq2[*Account, error]
	// CountAccounts counts the accounts that a filter selects, ignoring its Limit.
	// ErrInvalid for more than MaxIDs ids.
	CountAccounts(ctx context.Context, f AccountFilter) (int64, error)
	// Usage returns what the accounts contain, by id; empty accounts are omitted.
	Usage(ctx context.Context, ids []string) (map[string]Usage, error)

	// Calendar returns a collection that is not deleted. ErrNotFound.
	Calendar(ctx context.Context, account, name string) (*Calendar, error)
	// Calendars lists the collections of an account that a filter selects.
	Calendars(ctx context.Context, account string, f CalendarFilter) iter.Seq2[*Calendar, error]
	// CalendarUsage returns what a collection contains. ErrNotFound.
	CalendarUsage(ctx context.Context, account, name string) (CalendarUsage, error)

	// Component returns a component with its text. ErrNotFound.
	Component(ctx context.Context, account, calendar, name string) (*Component, error)
	// Components lists the components of a calendar that a filter selects.
	// ErrNotFound for the calendar; ErrInvalid for more than MaxNames names or UIDs.
	Components(ctx context.Context, account, calendar string, f ComponentFilter) iter.Seq2[*Component, error]
	// Deletions lists the components of an account that can be restored, the most
	// recently deleted first, then by name.
	Deletions(ctx context.Context, account string) iter.Seq2[*Deletion, error]
	// Token returns the current sync token of a collection that this Reader returned.
	Token(ctx context.Context, c *Calendar) (Token, error)
	// HomeRevision returns a number that increases with each change of an account, of the
	// properties and the content of its collections, and of its subscriptions. A new account
	// does not begin with a number of a purged one. ErrNotFound.
	HomeRevision(ctx context.Context, account string) (int64, error)
	// Changes lists what has changed since a token, each resource once, in the order of
	// its last change, and returns the token of the end of the list. The zero Token means
	// the beginning. limit is the maximum length of the list; 0 means no limit. After a
	// list of that length, the token of its last Change is At(Change.Revision) of the
	// returned one, and the list since that token contains the rest. ErrNotFound for the
	// calendar, ErrTokenOld.
	Changes(ctx context.Context, account, calendar string, since Token, limit int) (iter.Seq2[Change, error], Token, error)

	// Subscriptions returns the calendars that an account subscribes to, by owner
	// and name.
	Subscriptions(ctx context.Context, account string) ([]Subscription, error)

	// SharedWith lists the calendars that are shared with a person, by the address of the
	// owner: those of active accounts whose lists name the unique id of the person, which
	// may have no account here, and grant a right. What a list grants to a mail domain or
	// to everyone is left out: that may be the calendars of everybody.
	SharedWith(ctx context.Context, person string) iter.Seq2[*Share, error]
	// ActsFor lists the active accounts on whose behalf a person may act, by address, each
	// once: as a delegate, as an owner, or because the scheduling list names the unique id
	// of the person with the right m.
	ActsFor(ctx context.Context, person string) iter.Seq2[*Represented, error]

	// Purgeable counts what Purge with the same time would remove in all.
	Purgeable(ctx context.Context, before time.Time) (Purged, error)
	// ToPurge lists the accounts that Purge with the same time would remove, by address,
	// then the calendars that it would remove from other accounts.
	ToPurge(ctx context.Context, before time.Time) iter.Seq2[*ToPurge, error]
}

// Writer changes a store. Nothing can be changed while a sequence is being read
// (ErrListing). After an error the transaction cannot be used any more, unless the error
// wraps ErrNotFound, ErrExists, ErrConflict, ErrInvalid, ErrDeleted, ErrMoving, ErrListing or
// ErrNested: the method that returned it has changed nothing. ErrExists and ErrConflict can
// also come from another transaction; then Update does not commit this one, but calls its
// function again. Every change of an account that is being moved to another back end fails
// with ErrMoving.
type Writer interface {
	Reader
	InboxWriter
	PropertyWriter
	AttachmentWriter
	OutgoingWriter
	IndexWriter

	// CreateAccount creates an account with its collections. ErrInvalid; ErrExists
	// when the id is in use in any letter case, even by a deleted account, or when an
	// address belongs to another account.
	CreateAccount(ctx context.Context, a *NewAccount) error
	// UpdateAccount writes all settings of an account. Its Version must be the one
	// it was read with, and is set to the new one. ID, Backend and the timestamps
	// are read-only. ErrNotFound, ErrDeleted, ErrConflict, ErrExists, ErrInvalid.
	UpdateAccount(ctx context.Context, a *Account) error
	// DeleteAccount marks an account as deleted: its addresses become available,
	// and its content can be found only through the account itself. ErrNotFound,
	// ErrDeleted.
	DeleteAccount(ctx context.Context, id string) error
	// UndeleteAccount restores an account with all its content. ErrNotFound;
	// ErrExists when an address now belongs to another account; ErrConflict when
	// the account is not deleted.
	UndeleteAccount(ctx context.Context, id string) error

	// CreateCalendar creates a collection. ErrNotFound and ErrDeleted for the
	// account, ErrExists, ErrInvalid.
	CreateCalendar(ctx context.Context, c *Calendar) error
	// UpdateCalendar writes the properties of a collection. Its Version must be the
	// one it was read with, and is set to the new one. Kind and Components cannot
	// be changed. ErrNotFound, ErrDeleted for the account, ErrConflict, ErrInvalid.
	UpdateCalendar(ctx context.Context, c *Calendar) error
	// DeleteCalendar marks a collection as deleted. ErrNotFound, ErrDeleted for the
	// account.
	DeleteCalendar(ctx context.Context, account, name string) error
	// UndeleteCalendar restores the most recently deleted collection of that name.
	// ErrNotFound, ErrDeleted for the account, ErrExists.
	UndeleteCalendar(ctx context.Context, account, name string) error

	// RenameCalendar gives a calendar another name. It keeps its content and its sync
	// tokens, and the subscriptions in this store follow it. ErrNotFound; ErrDeleted for
	// the account; ErrExists; ErrMoving, also for a subscriber; ErrInvalid, also for an
	// inbox, an outbox or a dropbox.
	RenameCalendar(ctx context.Context, account, name, to string) error
	// MoveCalendar moves a calendar with its content, deleted components included, to
	// another account of this store, under a name that may be another one. Its sync
	// tokens expire; the subscriptions in this store follow it, except for one of the new
	// owner. ErrNotFound and ErrDeleted for either account, ErrExists, ErrMoving and
	// ErrInvalid as for RenameCalendar.
	MoveCalendar(ctx context.Context, account, name, toAccount, to string) error

	// PutComponent creates or replaces a component and sets the fields of c that
	// the store sets. ErrNotFound for the calendar; ErrDeleted for the account;
	// ErrConflict when cond is not met; *ExistsError when another resource of the
	// calendar has the UID, or when the resource has another UID (RFC 4791, 5.3.2.1);
	// ErrInvalid, also for a type that the calendar does not accept, and for a message in
	// a calendar or an object without a method in an inbox.
	PutComponent(ctx context.Context, account, calendar string, c *Component, cond Condition) error
	// DeleteComponent deletes a component; it can be restored until it is purged.
	// ErrNotFound, ErrDeleted for the account, ErrConflict.
	DeleteComponent(ctx context.Context, account, calendar, name string, cond Condition) error
	// MoveComponent moves a component to another collection or another name, in the same
	// account or another one of this store. It remains the same component; sync tokens of
	// both collections list it. With replace, a component of that name is deleted first,
	// and can be restored. ErrNotFound and ErrDeleted for either place, ErrConflict when
	// cond is not met, *ExistsError for the name or the UID, ErrInvalid as for
	// PutComponent.
	MoveComponent(ctx context.Context, from, to Place, replace bool, cond Condition) error
	// UndeleteComponent restores the most recently deleted component of that name.
	// ErrNotFound, ErrDeleted for the account, ErrExists.
	UndeleteComponent(ctx context.Context, account, calendar, name string) error

	// Subscribe subscribes an account to a calendar. ErrNotFound and ErrDeleted for
	// the account, ErrExists, ErrInvalid.
	Subscribe(ctx context.Context, s *Subscription) error
	// Unsubscribe removes a subscription. ErrNotFound, ErrDeleted for the account.
	Unsubscribe(ctx context.Context, account, owner, calendar string) error

	// Readdress replaces the address of the person p, identified by id, in all
	// access lists, delegates, owners and subscriptions of this store, and returns
	// how many accounts, collections and subscriptions it changed. ErrInvalid for
	// the address.
	Readdress(ctx context.Context, p Person) (int, error)
	// Purge permanently removes what was deleted before a time: at most limit
	// accounts, and as many collections, components and attachments each. It returns what it
	// removed. Calling it until it returns nothing removes everything. ErrInvalid for a
	// limit less than 1.
	Purge(ctx context.Context, before time.Time, limit int) (Purged, error)
}

// ToPurge is an account that a purge removes, or a calendar that it removes from an account
// that remains.
type ToPurge struct {
	Account  string // the id
	Address  string // the primary address
	Calendar string // the name; "" for the whole account
	Deleted  time.Time
}

// Purged counts what was permanently removed, or what would be.
type Purged struct {
	Accounts   int64 `json:"accounts"`
	Calendars  int64 `json:"calendars"`
	Components int64 `json:"components"`
	// Traces of components that were moved to another collection, for clients that
	// synchronise.
	Traces int64 `json:"traces"`
	// Attachments are counted, not the contents, which several may share.
	Attachments int64 `json:"attachments"`
	Messages    int64 `json:"messages"` // that were not sent, of accounts
}

// Add adds the counts of q to p.
func (p *Purged) Add(q Purged) {
	p.Accounts += q.Accounts
	p.Calendars += q.Calendars
	p.Components += q.Components
	p.Traces += q.Traces
	p.Attachments += q.Attachments
	p.Messages += q.Messages
}

// None reports whether nothing was removed.
func (p Purged) None() bool { return p == Purged{} }

// Loader is implemented by stores that can create many accounts faster at once
// than one by one.
type Loader interface {
	// Load creates accounts in one transaction, as CreateAccount would create each.
	// After an error, such as an ExistsError, none is created. Callers exclude the
	// accounts that Taken reports, and create the accounts one by one if Load still
	// returns ErrExists, or ErrConflict because of another transaction.
	Load(ctx context.Context, accounts []*NewAccount) error
	// Taken looks up the ids and addresses of many accounts at once.
	Taken(ctx context.Context, accounts []*NewAccount) (Taken, error)
}

// ComponentLoader is implemented by stores that can create many components faster at once
// than one by one.
type ComponentLoader interface {
	// LoadComponents creates components of a calendar in one transaction, as PutComponent
	// with IfAbsent would create each. After an error none is created. ErrExists does not
	// say which of them exists already: callers put them one by one then.
	LoadComponents(ctx context.Context, account, calendar string, components []*Component) error
}

// Checker is implemented by stores that can find out whether all parts of them can be read.
type Checker interface {
	// Check reads from every part of the store, as much as the engine needs. ErrDamaged,
	// ErrDenied. It may take long for a large store, and ends with ctx.
	Check(ctx context.Context) error
}

// Taken lists the ids and addresses of planned accounts that are already in use.
type Taken struct {
	// IDs contains the existing accounts, deleted or not, by folded id.
	IDs map[string]*Account
	// Addresses contains the id of the active account that has an address, by
	// folded address.
	Addresses map[string]string
}

// SchemaState describes the schema version of a store.
type SchemaState struct {
	Backend string `json:"backend"`
	Where   string `json:"where"`   // file, or server and database; never a password
	Engine  string `json:"engine"`  // "sqlite", "postgresql"
	Version int    `json:"version"` // 0 if there is no store
	Known   int    `json:"known"`   // the version that this program works with
}

// Err returns ErrNoSchema, ErrSchemaOlder or ErrSchemaNewer if Version is not
// Known, and nil otherwise.
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
