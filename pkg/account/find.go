package account

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/davadmin/davadmin/pkg/store"
)

// Found is an account and its back end.
type Found struct {
	Backend string
	Account *store.Account
}

// Finder finds accounts on all back ends that have a store.
type Finder struct {
	Stores Stores
	// Backends are the back ends to search, in order.
	Backends []string
	// Only is the back end to which the search is limited; "" if it is not.
	Only string
	// Unseen are the back ends on which an account may be as well, but which cannot be read.
	Unseen []string
	// Reopen, if not nil, is called once, when something was not found and there are unseen
	// back ends: it may wait for them, and returns those that can be read now.
	Reopen func(context.Context) (back []string, err error)
	// Lost, if not nil, gets the back ends that turn out to be unusable. They become unseen,
	// and the search continues with the others; otherwise it ends.
	Lost  Lost
	Retry Retry

	inside string       // the back end that a transaction is open on; "" for none
	reader store.Reader // of the transaction
}

// within returns a Finder that reads one back end through a transaction that is open on it:
// a transaction cannot contain another one of the same store.
func (f *Finder) within(backend string, r store.Reader) *Finder {
	inner := *f
	// While the transaction is open, nothing may wait for another database.
	inner.Retry, inner.Reopen = Retry{}, nil
	inner.inside, inner.reader = backend, r
	return &inner
}

// view calls fn with a Reader of a back end.
func (f *Finder) view(ctx context.Context, backend string, fn func(context.Context, store.Reader) error) error {
	if backend == f.inside {
		return fn(ctx, f.reader)
	}
	st, err := f.Stores.Open(ctx, backend)
	if err != nil {
		return err
	}
	return st.View(ctx, fn)
}

// AmbiguousError is returned when several accounts match.
type AmbiguousError struct {
	What  string
	Found []Found
}

// Error lists the accounts with their back ends.
func (e *AmbiguousError) Error() string {
	places := make([]string, len(e.Found))
	for i, f := range e.Found {
		places[i] = f.Account.ID + " on " + f.Backend
	}
	return fmt.Sprintf("%s: several accounts match: %s", e.What, strings.Join(places, ", "))
}

// Unwrap returns ErrAmbiguous.
func (e *AmbiguousError) Unwrap() error { return ErrAmbiguous }

// once queries every back end, and collects the accounts. If there are none, and an unseen
// back end can be read again, it queries that one as well.
func (f *Finder) once(ctx context.Context, read func(ctx context.Context, backend string) ([]*store.Account, error), enough func([]Found) bool) ([]Found, error) {
	out, err := f.query(ctx, f.Backends, read)
	if err != nil || enough(out) || len(f.Unseen) == 0 || f.Reopen == nil {
		return out, err
	}
	back, err := f.Reopen(ctx)
	if err != nil {
		return nil, err
	}
	f.Reopen = nil
	f.Backends = slices.Concat(f.Backends, back)
	f.Unseen = without(f.Unseen, back...)
	more, err := f.query(ctx, back, read)
	return append(out, more...), err
}

// without returns list without some of its elements, as a new slice.
func without(list []string, some ...string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return slices.Contains(some, s) })
}

// query queries back ends, and collects the accounts.
func (f *Finder) query(ctx context.Context, backends []string, read func(ctx context.Context, backend string) ([]*store.Account, error)) ([]Found, error) {
	var out []Found
	for _, backend := range backends {
		found, err := read(ctx, backend)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil && f.Lost != nil && ctx.Err() == nil && store.IsUnusable(err) {
			f.Lost[backend] = err
			f.Backends, f.Unseen = without(f.Backends, backend), append(slices.Clone(f.Unseen), backend)
			continue
		}
		if err != nil {
			return nil, ofBackend(backend, err)
		}
		for _, a := range found {
			out = append(out, Found{backend, a})
		}
	}
	return out, nil
}

// NoAccountError means that an account was not found. It wraps store.ErrNotFound.
type NoAccountError struct {
	// Unseen are the back ends that could not be read: it may be there.
	Unseen []string
	// Only is the back end to which the search was limited: it may be on another one. "" if it
	// was not.
	Only string
}

// Error does not say more than was seen. It is to follow the name of the account.
func (e *NoAccountError) Error() string {
	switch {
	case len(e.Unseen) == 0 && e.Only != "":
		return "no such account on the back end " + e.Only
	case len(e.Unseen) == 0:
		return "no such account"
	}
	return "not found, but it may be on a back end that cannot be read: " + strings.Join(e.Unseen, ", ")
}

// Unwrap returns store.ErrNotFound.
func (*NoAccountError) Unwrap() error { return store.ErrNotFound }

// notSeen returns the *NoAccountError of a back end that could not be read, or nil.
func notSeen(err error) *NoAccountError {
	var none *NoAccountError
	if errors.As(err, &none) && len(none.Unseen) > 0 {
		return none
	}
	return nil
}

// RequireSeen returns a *store.InvalidError for an address that nobody in found has, if there
// are unseen back ends: the person may have an account there.
func (f *Finder) RequireSeen(found PeopleByAddress, addresses []string) error {
	if len(f.Unseen) == 0 {
		return nil
	}
	for _, address := range addresses {
		if _, ok := found[store.FoldAddress(address)]; !ok {
			return &store.InvalidError{Field: "address", Value: address, Reason: "was " + (&NoAccountError{Unseen: f.Unseen}).Error()}
		}
	}
	return nil
}

// DeletedError is returned for an account that was deleted, and is not purged yet. It
// wraps store.ErrNotFound.
type DeletedError struct {
	Request string // how the account was named
	ByID    bool   // Request is a unique ID, not an address
	When    time.Time
}

// Error says when the account was deleted; it follows the name of the account.
func (e *DeletedError) Error() string {
	return "the account was deleted on " + e.When.UTC().Format(time.RFC3339)
}

// Unwrap returns store.ErrNotFound.
func (e *DeletedError) Unwrap() error { return store.ErrNotFound }

func (f *Finder) oneOf(what string, found []Found) (Found, error) {
	switch len(found) {
	case 0:
		return Found{}, &NoAccountError{Unseen: f.Unseen, Only: f.Only}
	case 1:
		return found[0], nil
	}
	return Found{}, &AmbiguousError{What: what, Found: found}
}

// ByAddress returns the active account with an address. The error wraps
// store.ErrNotFound or is an *AmbiguousError.
func (f *Finder) ByAddress(ctx context.Context, address string) (Found, error) {
	found, err := f.each(ctx, func(r store.Reader) ([]*store.Account, error) {
		a, err := r.AccountByAddress(ctx, address)
		return []*store.Account{a}, err
	})
	if err != nil {
		return Found{}, err
	}
	return f.oneOf(address, found)
}

// DeletedByAddress returns the account with an address that was deleted last. The
// error wraps store.ErrNotFound, or is an *AmbiguousError if several were deleted at
// the same time.
func (f *Finder) DeletedByAddress(ctx context.Context, address string) (Found, error) {
	found, err := f.each(ctx, func(r store.Reader) ([]*store.Account, error) { return r.DeletedByAddress(ctx, address) })
	if err != nil {
		return Found{}, err
	}
	sort.SliceStable(found, func(i, j int) bool { return found[i].Account.Deleted.After(found[j].Account.Deleted) })
	if len(found) > 1 && !found[1].Account.Deleted.Equal(found[0].Account.Deleted) {
		found = found[:1]
	}
	return f.oneOf(address, found)
}

// ByID returns the account with a unique ID, active or deleted. The error wraps
// store.ErrNotFound or is an *AmbiguousError.
func (f *Finder) ByID(ctx context.Context, id string) (Found, error) {
	found, err := f.each(ctx, func(r store.Reader) ([]*store.Account, error) {
		a, err := r.Account(ctx, id)
		return []*store.Account{a}, err
	})
	if err != nil {
		return Found{}, err
	}
	return f.oneOf(id, found)
}

// FindPeople returns the people with the given addresses: from the stores and, for
// addresses without an account, from the directory, which may be nil. Addresses that
// nobody has are not in the result; the person of an entry that has not exactly one unique ID
// has none.
func (f *Finder) FindPeople(ctx context.Context, d *Directory, addresses []string) (PeopleByAddress, error) {
	out := PeopleByAddress{}
	var rest []string
	for _, address := range addresses {
		key := store.FoldAddress(address)
		if _, have := out[key]; have {
			continue
		}
		found, err := f.ByAddress(ctx, address)
		switch {
		case errors.Is(err, store.ErrNotFound):
			rest = append(rest, address)
		case err != nil:
			return nil, ambiguous(address, err)
		default:
			out[key] = store.Person{ID: found.Account.ID, Address: address}
		}
	}
	if d == nil || len(rest) == 0 {
		return out, nil
	}
	entries, err := d.ByAddress(ctx, rest)
	if err != nil {
		return nil, err
	}
	defer func() { _ = entries.Close() }()
	several := map[int]int{}
	for n, err := range entries.All() {
		if err != nil {
			return nil, err
		}
		if several[n.Request]++; several[n.Request] > 1 {
			return nil, ambiguous(rest[n.Request], ErrAmbiguous)
		}
		person := store.Person{Address: rest[n.Request]}
		if len(n.Entry.IDs) == 1 {
			person.ID = n.Entry.IDs[0]
		}
		out[store.FoldAddress(person.Address)] = person
	}
	return out, nil
}

// ambiguous turns the error that an address belongs to several people into a failure
// of the item that names it, so that the others can continue.
func ambiguous(address string, err error) error {
	var several *AmbiguousError
	if errors.As(err, &several) || errors.Is(err, ErrAmbiguous) {
		return &store.InvalidError{Field: "address", Value: address, Reason: "belongs to several people"}
	}
	return err
}

// PrefetchPeople looks up at once everyone whom the properties name, and returns a
// PeopleLookup that answers from the result: then no transaction waits for a
// directory or another store, and a file is read once. An address that cannot be looked up
// has its error there, for the item that names it. Addresses that are not in it are looked
// up when they are needed.
func PrefetchPeople(ctx context.Context, people PeopleLookup, use store.ACLUse, all ...Properties) (PeopleLookup, error) {
	asked := map[string]bool{}
	var addresses []string
	for _, p := range all {
		words, err := p.Addresses(use)
		if err != nil {
			continue // the item with these properties is refused later
		}
		for _, word := range words {
			if key := store.FoldAddress(word); !asked[key] {
				asked[key] = true
				addresses = append(addresses, word)
			}
		}
	}
	if len(addresses) == 0 {
		return people, nil
	}
	known, err := people(ctx, addresses)
	refused := map[string]error{}
	if errors.Is(err, store.ErrInvalid) {
		known, err = PeopleByAddress{}, nil
		for _, address := range addresses {
			one, rerr := people(ctx, []string{address})
			if rerr != nil && !errors.Is(rerr, store.ErrInvalid) {
				return nil, rerr
			}
			if rerr != nil {
				refused[store.FoldAddress(address)] = rerr
			}
			maps.Copy(known, one)
		}
	}
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, addresses []string) (PeopleByAddress, error) {
		for _, a := range addresses {
			if !asked[store.FoldAddress(a)] {
				return people(ctx, addresses)
			}
		}
		for _, a := range addresses {
			if err := refused[store.FoldAddress(a)]; err != nil {
				return nil, err
			}
		}
		return known, nil
	}, nil
}

// ResolveACL sets the unique IDs of the people in a list. The error is a
// *store.InvalidError for an unknown person.
func ResolveACL(ctx context.Context, l store.ACL, people PeopleLookup) (store.ACL, error) {
	var addresses []string
	for _, ace := range l {
		if !ace.Principal.Resolved() {
			addresses = append(addresses, ace.Principal.Address)
		}
	}
	if len(addresses) == 0 {
		return l, nil
	}
	who, err := people(ctx, addresses)
	if err != nil {
		return nil, err
	}
	return l, who.resolve(Property{Name: "acl"}, l)
}
