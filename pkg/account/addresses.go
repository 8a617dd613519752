package account

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/davadmin/davadmin/pkg/store"
)

// AddressChange is what an item asks for on its account.
type AddressChange struct {
	// Apply sets it on the account, with the addresses that the account had before the run. It
	// may be called several times, inside transactions.
	Apply func(a *store.Account) error
	// Names are the properties that it sets, and Shown those that are reported.
	Names, Shown []string
}

// CopyAddresses returns the change that copies the addresses of the item's entry to its
// account. Notifications that went to the old primary address go to the new one.
func CopyAddresses(_ context.Context, item *Item) (AddressChange, error) {
	want := item.Entry.addresses()
	c := AddressChange{Names: []string{"addresses", "notifrecipients"}, Shown: []string{"addresses"}}
	if len(want) == 0 {
		return c, &store.InvalidError{Field: "mail", Reason: "the directory entry has no address"}
	}
	c.Apply = func(a *store.Account) error {
		a.Addresses, a.NotifyTo = slices.Clone(want), replaced(a.NotifyTo, a.Addresses, want)
		return nil
	}
	return c, nil
}

// SetProperties returns the change that sets the properties of the item.
func SetProperties(people PeopleLookup) func(ctx context.Context, item *Item) (AddressChange, error) {
	return func(ctx context.Context, item *Item) (AddressChange, error) {
		who, err := item.people(ctx, store.SchedulingACL, people)
		names := item.Properties.Names()
		return AddressChange{Names: names, Shown: names, Apply: func(a *store.Account) error { return item.Properties.Apply(a, who) }}, err
	}
}

// AddressBatch changes the addresses of accounts on any number of back ends. It reads all
// items first, so that accounts can exchange addresses, in any order and number: those of one
// back end in one transaction, in which all release their addresses before any is assigned.
// If back ends take part in one exchange, those addresses are released first, in transactions
// of their own, so that at no moment two accounts have one; a run that is killed in between
// is completed by the same run again, because the accounts still differ from what is asked for.
//
// Access lists and subscriptions that name a person whose primary address changes are updated
// too: those of the other back ends before the account, because the account is what shows that
// there is something left to do. How to undo it is saved before all of that.
//
// It is for one goroutine.
type AddressBatch struct {
	Stores Stores
	// Backends are all that have a store: there an address may be in use, and a person named.
	Backends []string
	// Prepare returns the change of an item. An error that wraps store.ErrInvalid is a failure
	// of the item.
	Prepare func(ctx context.Context, item *Item) (AddressChange, error)
	Save    SaveUndo // may be nil
	DryRun  bool     // rolls back all changes
	// Assert updates what names a person also if the account has its addresses: a run that is
	// undone may have been killed after it changed that, and before the account.
	Assert bool
	Report func(Outcome) error // called with the outcome of each item, once
	Retry  Retry
	Lost   Lost // see Batch
	// Unseen are the back ends whose stores cannot be used. While there are any, no address is
	// changed: an account there may have it, and access lists there may name the person.
	Unseen Lost

	waiting []*Item // whose accounts have not been read
	members map[string]*member
	order   []*member
	same    map[string]bool // ids of the accounts that are as they should be
	stopped error
}

// member is an account whose addresses change.
type member struct {
	backend       string
	before, after *store.Account // after all changes
	parts         []part

	needs  []*member // that have an address that this one gets
	needed []*member // the other way round
	unit   *unit
	// releases has the folded addresses that an account on another back end gets.
	releases map[string]bool
	refused  error
	// saved is set once undo lines are on disk, touched once something was written.
	saved, touched bool
	elsewhere      int   // places on other back ends that name the person and were updated
	failed         error // why nothing more can be done for it
}

// part is one item of a member. Several items may name one account.
type part struct {
	item    *Item
	change  AddressChange
	details []Detail
	changed bool
	undo    string
}

// Add adds an item. It returns only errors of Report.
func (b *AddressBatch) Add(ctx context.Context, item *Item) error {
	switch {
	case item.Refused != nil:
		return b.Report(Outcome{Item: item, Result: Failed, Err: item.Refused})
	case b.stopped != nil:
		return b.Report(Outcome{Item: item, Result: NotDone})
	}
	if b.waiting = append(b.waiting, item); len(b.waiting) < bulkSize {
		return nil
	}
	return b.read(ctx)
}

// Stop stops the work: nothing is changed any more.
func (b *AddressBatch) Stop(err error) {
	if b.stopped == nil {
		b.stopped = err
	}
}

// End changes the accounts. It returns the error that stopped the work, if any; the items
// that were not done were reported as NotDone.
func (b *AddressBatch) End(ctx context.Context) error {
	if err := b.read(ctx); err != nil {
		return err
	}
	if b.stopped == nil && len(b.order) > 0 {
		b.Stop(b.plan(ctx))
	}
	var units []*unit
	for _, m := range b.order {
		switch {
		case b.stopped != nil:
			m.failed = errNotReached
		case m.refused != nil:
			m.failed = m.refused
		default:
			if units = addUnit(units, m); m.unit != nil {
				continue
			}
		}
		if err := b.reportFailed(m); err != nil {
			return err
		}
	}
	if b.stopped == nil && len(units) > 0 {
		return b.execute(ctx, units)
	}
	return b.stopped
}

// errNotReached is the failure of a member that a stopped run did not reach.
var errNotReached = errors.New("the run stopped before")

// reportFailed reports that nothing more is done for the items of a member.
func (b *AddressBatch) reportFailed(m *member) error {
	for _, p := range m.parts {
		o := Outcome{Item: p.item, Result: Failed, Err: m.failed, Part: m.touched}
		if errors.Is(m.failed, errNotReached) {
			o.Result, o.Err = NotDone, nil
		}
		if err := b.Report(o); err != nil {
			return err
		}
	}
	return nil
}

// read reads the accounts of the items that wait, and keeps those that differ from what is
// asked for.
func (b *AddressBatch) read(ctx context.Context) error {
	items := b.waiting
	b.waiting = nil
	ids := map[string][]string{}
	for _, item := range items {
		ids[item.Backend] = append(ids[item.Backend], item.ID)
	}
	finder := &Finder{Stores: b.Stores, Retry: b.Retry}
	found := map[string]map[string]*store.Account{}
	for backend := range ids {
		if b.stopped != nil || b.Lost[backend] != nil {
			continue
		}
		accounts, err := finder.onBackend(ctx, backend, ids[backend])
		if err = ofBackend(backend, err); err != nil {
			b.lose(ctx, backend, err)
			continue
		}
		found[backend] = make(map[string]*store.Account, len(accounts))
		for _, a := range accounts {
			found[backend][a.ID] = a
		}
	}
	for _, item := range items {
		o, err := b.compare(ctx, item, found[item.Backend])
		if err != nil {
			b.Stop(err)
			o = &Outcome{Item: item, Result: NotDone}
		}
		if o != nil {
			if err := b.Report(*o); err != nil {
				return err
			}
		}
	}
	return nil
}

// lose continues without a back end if that is allowed, and stops the work otherwise.
func (b *AddressBatch) lose(ctx context.Context, backend string, err error) {
	var about *BackendError
	if b.Lost == nil || ctx.Err() != nil || !errors.As(err, &about) {
		b.Stop(err)
		return
	}
	b.Lost[backend] = about.Err
}

// compare compares an item with its account. It returns the outcome if nothing has to be done
// or can be done, and otherwise nil.
func (b *AddressBatch) compare(ctx context.Context, item *Item, accounts map[string]*store.Account) (*Outcome, error) {
	o := &Outcome{Item: item, Result: Failed}
	if b.stopped != nil {
		o.Result = NotDone
		return o, nil //nolint:nilerr // b.stopped is why nothing is done for the item, and End returns it
	}
	if o.Err = b.unusable(item, accounts[item.ID]); o.Err != nil {
		return o, nil //nolint:nilerr // it is a failure of the item, not of the run
	}
	m := b.members[item.ID]
	if m == nil {
		m = &member{backend: item.Backend, before: accounts[item.ID], after: accounts[item.ID]}
	}
	p, after, err := b.newPart(ctx, m, item)
	switch {
	case errors.Is(err, store.ErrInvalid):
		o.Err = err
		return o, nil
	case err != nil:
		return nil, err
	}
	if b.members == nil {
		b.members, b.same = map[string]*member{}, map[string]bool{}
	}
	if !p.changed && len(m.parts) == 0 && !b.Assert {
		b.same[item.ID] = true
		o.Result = Already
		return o, nil
	}
	if len(m.parts) == 0 {
		b.members[item.ID], b.order = m, append(b.order, m)
	}
	m.parts, m.after = append(m.parts, p), after
	return nil, nil
}

// unusable returns why nothing can be done for an item with an account, which is nil if
// absent; nil otherwise.
func (b *AddressBatch) unusable(item *Item, a *store.Account) error {
	switch lost := b.Lost[item.Backend]; {
	case lost != nil:
		return &BackendError{Backend: item.Backend, Err: lost}
	case a == nil:
		return &NoAccountError{}
	case !a.Active():
		return &DeletedError{Request: item.ID, ByID: true, When: a.Deleted}
	}
	return nil
}

// newPart returns what an item changes on a member, and the account afterwards.
func (b *AddressBatch) newPart(ctx context.Context, m *member, item *Item) (part, *store.Account, error) {
	p := part{item: item}
	var err error
	if p.change, err = b.Prepare(ctx, item); err != nil {
		return p, nil, err
	}
	after := m.after.Clone()
	if err := p.change.Apply(after); err != nil {
		return p, nil, err
	}
	if err := after.Check(); err != nil {
		return p, nil, err
	}
	p.changed = PropertiesOf(m.after, p.change.Names).String() != PropertiesOf(after, p.change.Names).String() || !sameLists(m.after, after)
	p.details = differences(PropertiesOf(m.after, p.change.Shown), PropertiesOf(after, p.change.Shown))
	p.undo = RequestLine(item.ID, undoPropertiesOf(m.after, p.change.Names))
	if item.Entry != nil {
		item.Entry = &Entry{DN: item.Entry.DN} // the rest is not needed any more
	}
	return p, after, nil
}

// undoLines returns how to undo what is done for a member.
func (m *member) undoLines() []string {
	var out []string
	for _, p := range m.parts {
		if p.changed {
			out = append(out, p.undo)
		}
	}
	return out
}

// readdressed reports whether what names the person is updated.
func (b *AddressBatch) readdressed(m *member) bool {
	return b.Assert || m.before.Mail() != m.after.Mail()
}

// person returns the person of a member with the new address.
func (m *member) person() store.Person { return store.Person{ID: m.after.ID, Address: m.after.Mail()} }

// reference describes how many places that name the person were updated.
func reference(n int) Detail {
	return Detail{Text: fmt.Sprintf("access lists and subscriptions that name the person: %d", n)}
}
