package account

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/davadmin/davadmin/pkg/directory"
	"github.com/davadmin/davadmin/pkg/route"
	"github.com/davadmin/davadmin/pkg/store"
)

// Defaults are the initial properties of new accounts (davcore.autocreate.*, davcore.acl.*).
type Defaults struct {
	UserComponents, ResourceComponents []string
	UserACL, ResourceACL               store.ACL // of the default calendar
	UserScheduling, ResourceScheduling store.ACL
	UserFlags, ResourceFlags           store.Attendance
	Notify                             bool
}

// OldServerError is returned for a person who is on the old server, or external.
type OldServerError struct {
	Address string
	Side    route.Side
	Why     string // the attribute and the value that decided it
}

// Error says why; it is to follow the address.
func (e *OldServerError) Error() string {
	if e.Side == route.OldServer {
		return "on the old server: " + e.Why
	}
	return fmt.Sprintf("not hosted here (%s): %s", e.Side, e.Why)
}

// Errors about entries from which no account can be created.
var (
	ErrNoEntry       = errors.New("no directory entry has the address")
	ErrNoEntryWithID = errors.New("no directory entry has the unique ID")
	ErrAmbiguous     = errors.New("several entries have the address")
	ErrUnusableEntry = errors.New("no account can be created from the entry")
	// ErrNoUniqueID is wrapped together with ErrUnusableEntry.
	ErrNoUniqueID = errors.New("it has no unique ID")
)

// Builder builds new accounts from directory entries.
type Builder struct {
	Route      *route.Config
	Attributes Attributes
	Defaults   Defaults
	Stores     Stores
	// Owners finds the owner that an entry names by DN; if it is nil, owners are not set.
	Owners func(dn string) (store.Person, error)
}

// Build returns the account to be created for an entry, and its back end. The error
// is an *OldServerError, or wraps ErrUnusableEntry or store.ErrInvalid; the back end of a
// local person is returned also with an error.
func (m *Builder) Build(e *Entry, p Properties, who PeopleByAddress) (*store.NewAccount, string, error) {
	// The side is decided first: what an entry of the old server lacks does not matter.
	attrs := map[string][]string{strings.ToLower(m.Attributes.Store): e.Stores}
	if m.Attributes.Local != "" {
		attrs[strings.ToLower(m.Attributes.Local)] = e.Local
	}
	address := ""
	if len(e.Mails) > 0 {
		address = e.Mails[0]
	}
	d := m.Route.DecideEntry(address, directory.Found{DN: e.DN, Attrs: attrs})
	if d.Side != route.Local {
		return nil, "", &OldServerError{Address: address, Side: d.Side, Why: sideReason(d)}
	}
	if err := m.checkEntry(e); err != nil {
		return nil, d.Backend, err
	}
	a := m.account(e)
	if err := m.owners(a, e); err != nil {
		return nil, d.Backend, err
	}
	if err := p.Apply(&a.Account, who); err != nil {
		return nil, d.Backend, err
	}
	if err := a.Account.Check(); err != nil {
		return nil, d.Backend, err
	}
	return a, d.Backend, nil
}

// checkEntry returns an error if an account cannot be created from the entry of a local
// person.
func (m *Builder) checkEntry(e *Entry) error {
	refuse := func(format string, args ...any) error {
		return fmt.Errorf("%w %s: %s", ErrUnusableEntry, e.DN, fmt.Sprintf(format, args...))
	}
	switch {
	case len(e.Mails) == 0:
		return refuse("it has no %s", m.Attributes.Mail)
	case len(e.IDs) == 0:
		return fmt.Errorf("%w %s: %w (%s)", ErrUnusableEntry, e.DN, ErrNoUniqueID, m.Attributes.UniqueID)
	case len(e.IDs) > 1:
		return refuse("it has %d values of %s, but an account has one ID", len(e.IDs), m.Attributes.UniqueID)
	case len(e.Stores) > 1:
		return refuse("%s has %d values, but an account is on one back end", m.Attributes.Store, len(e.Stores))
	}
	return nil
}

// sideReason describes the step that decided the side; "" if absent.
func sideReason(d *route.Decision) string {
	s, ok := d.SideStep()
	if !ok {
		return ""
	}
	if s.Value == route.Absent {
		return fmt.Sprintf("%s is missing (%s)", s.What, s.Source)
	}
	return fmt.Sprintf("%s: %s (%s)", s.What, s.Value, s.Source)
}

// account returns the account of an entry with its collections, by the defaults.
func (m *Builder) account(e *Entry) *store.NewAccount {
	d := &m.Defaults
	kind, components, acl, scheduling, flags := store.User, d.UserComponents, d.UserACL, d.UserScheduling, d.UserFlags
	switch e.Kind {
	case directory.Resource:
		kind, components, acl, scheduling, flags = store.Resource, d.ResourceComponents, d.ResourceACL, d.ResourceScheduling, d.ResourceFlags
	case directory.Group:
		kind = store.Group
	}
	name := ""
	if len(e.Names) > 0 {
		name = e.Names[0]
	}
	a := &store.NewAccount{Account: store.Account{
		ID: e.IDs[0], Kind: kind, Addresses: e.addresses(), DisplayName: name, SchedulingACL: scheduling, Attendance: flags, Notify: d.Notify,
	}}
	if len(e.Notify) > 0 {
		a.Account.NotifyTo = e.Notify[:1]
	}
	a.Calendars = Collections(name, components, acl)
	return a
}

// owners sets the owners that an entry names. An owner who cannot be found is skipped,
// so that a room can be booked nevertheless; UpdateOwners reports the error later.
func (m *Builder) owners(a *store.NewAccount, e *Entry) error {
	if m.Owners == nil || a.Account.Kind == store.User {
		return nil
	}
	for _, dn := range e.Owners {
		p, err := m.Owners(dn)
		if errors.Is(err, store.ErrInvalid) {
			continue
		}
		if err != nil {
			return err
		}
		a.Account.Owners = append(a.Account.Owners, p)
	}
	return nil
}

// Collections returns the collections of a new account.
func Collections(displayName string, components []string, acl store.ACL) []store.Calendar {
	return []store.Calendar{
		{Name: store.DefaultCalendar, Kind: store.PlainCalendar, DisplayName: displayName, Components: components, ACL: acl},
		{Name: store.InboxName, Kind: store.Inbox, Components: components},
		{Name: store.OutboxName, Kind: store.Outbox, Components: components},
		{Name: store.DropboxName, Kind: store.Dropbox},
	}
}

// Create returns a Group that creates the accounts of items, and restores those that
// were deleted. How to undo it is saved before the commit; save may be nil.
func Create(save SaveUndo) Group {
	one := InTransaction(CreateOne, save)
	return func(ctx context.Context, st store.Store, items []*Item, again bool) ([]Outcome, error) {
		loader, ok := st.(store.Loader)
		if !ok || len(items) == 1 {
			return one(ctx, st, items, again)
		}
		return createMany(ctx, st, loader, items, save, one, again)
	}
}

// createMany checks what already exists, and loads the rest at once.
func createMany(ctx context.Context, st store.Store, loader store.Loader, items []*Item, save SaveUndo, one Group, again bool) ([]Outcome, error) {
	accounts := make([]*store.NewAccount, len(items))
	for i, item := range items {
		accounts[i] = item.New
	}
	taken, err := loader.Taken(ctx, accounts)
	if err != nil {
		return nil, err
	}
	// Items that conflict with an account, or with one another, are created one by one.
	var load, alone []*Item
	ids, addresses := map[string]bool{}, map[string]bool{}
	for _, item := range items {
		a := &item.New.Account
		meets := taken.IDs[store.FoldID(a.ID)] != nil || ids[store.FoldID(a.ID)]
		ids[store.FoldID(a.ID)] = true
		for _, address := range a.Addresses {
			f := store.FoldAddress(address)
			meets = meets || taken.Addresses[f] != "" || addresses[f]
			addresses[f] = true
		}
		if meets {
			alone = append(alone, item)
		} else {
			load = append(load, item)
		}
	}
	settled := make(map[*Item]Outcome, len(items))
	err = loadAll(ctx, st, loader, load, save, one, again, settled)
	if err == nil && len(alone) > 0 {
		var outcomes []Outcome
		outcomes, err = one(ctx, st, alone, again)
		for _, o := range outcomes {
			settled[o.Item] = o
		}
	}
	var out []Outcome
	for _, item := range items {
		if o, ok := settled[item]; ok {
			out = append(out, o)
		}
	}
	return out, err
}

// loadAll creates the accounts of items at once, and adds the outcomes to settled.
func loadAll(ctx context.Context, st store.Store, loader store.Loader, items []*Item, save SaveUndo, one Group, again bool, settled map[*Item]Outcome) error {
	if len(items) == 0 {
		return nil
	}
	// In the order of their keys, two runs wait for each other in one direction only.
	items = slices.SortedStableFunc(slices.Values(items), func(a, b *Item) int { return strings.Compare(a.New.Account.ID, b.New.Account.ID) })
	accounts, undo := make([]*store.NewAccount, len(items)), make([]string, len(items))
	for i, item := range items {
		accounts[i], undo[i] = item.New, RequestLine(item.New.Account.ID, nil)
	}
	saved := savedUndo{save: save}
	if err := saved.write(undo); err != nil {
		return err
	}
	err := loader.Load(ctx, accounts)
	var unknown *store.CommitUnknown
	if err != nil && !errors.As(err, &unknown) {
		// Otherwise undoing this run would undo what other runs created.
		err = joined(err, saved.forget())
	}
	// Another run created one of them meanwhile, or the database rejects one.
	if errors.Is(err, store.ErrExists) || errors.Is(err, store.ErrConflict) || errors.Is(err, store.ErrInvalid) {
		outcomes, err := one(ctx, st, items, again)
		for _, o := range outcomes {
			settled[o.Item] = o
		}
		return err
	}
	if err != nil && unknown == nil {
		return err
	}
	for _, item := range items {
		if settled[item] = (Outcome{Item: item, Result: Created}); unknown != nil {
			settled[item] = Outcome{Item: item, Result: Unknown, Err: unknown}
		}
	}
	return err
}

// propertiesKept says that an existing account keeps its properties.
func (i *Item) propertiesKept() []Detail {
	if len(i.Properties) == 0 {
		return nil
	}
	return []Detail{{Text: "its properties are not changed", Hint: HintModify}}
}

// CreateOne is a Step that creates one account, or restores a deleted one. An account
// that exists is left as it is, and is not a failure.
func CreateOne(ctx context.Context, w store.Writer, item *Item, again bool) (Outcome, []string, error) {
	a := &item.New.Account
	o := Outcome{Item: item, Result: Created}
	was, err := w.AccountByFoldedID(ctx, a.ID)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return o, []string{RequestLine(a.ID, nil)}, w.CreateAccount(ctx, item.New)
	case err != nil:
		return o, nil, err
	case was.ID != a.ID:
		return o, nil, &ConflictError{fmt.Sprintf("the account with the ID %s already exists, which differs from %s in letter case only: "+
			"the entry was probably re-created; set its ID to that of the account", was.ID, a.ID)}
	case was.Active():
		// An earlier attempt whose commit was not acknowledged may have created it.
		if !again || a.Created.IsZero() || !was.Created.Equal(a.Created) {
			o.Result = Already
		}
		if !slices.Equal(was.Addresses, a.Addresses) {
			text := fmt.Sprintf("it has the addresses %s, but the entry has %s", strings.Join(was.Addresses, " "), strings.Join(a.Addresses, " "))
			o.Details = append(o.Details, Detail{Text: text, Hint: HintUpdateAddresses})
		}
		o.Details = append(o.Details, item.propertiesKept()...)
		return o, nil, nil
	}
	o.Result, o.Details = Restored, item.propertiesKept()
	return o, []string{RequestLine(a.ID, nil)}, w.UndeleteAccount(ctx, a.ID)
}
