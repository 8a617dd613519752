package account

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"strings"

	"github.com/davadmin/davadmin/pkg/store"
)

// Found is an account and where it is.
type Found struct {
	Backend string
	Account *store.Account
}

// Finder finds accounts on all back ends that have a store.
type Finder struct {
	Stores Stores
	// Backends are those that are looked at, in order.
	Backends []string
	// Patience is had with a database that is gone.
	Patience Patience
}

// SeveralError is returned where one of several accounts could be meant.
type SeveralError struct {
	What  string
	Found []Found
}

// Error names the back ends.
func (e *SeveralError) Error() string {
	places := make([]string, len(e.Found))
	for i, f := range e.Found {
		places[i] = f.Account.ID + " on " + f.Backend
	}
	return fmt.Sprintf("%s: several accounts: %s; name one with -g and -n", e.What, strings.Join(places, ", "))
}

// each asks every back end, and gathers what it finds.
func (f *Finder) each(ctx context.Context, ask func(store.Reader) ([]*store.Account, error)) ([]Found, error) {
	var out []Found
	for _, backend := range f.Backends {
		var found []*store.Account
		err := f.Patience.try(ctx, backend, func(bool) error {
			st, err := f.Stores.Open(ctx, backend)
			if err != nil {
				return err
			}
			return st.View(ctx, func(r store.Reader) (err error) {
				found, err = ask(r)
				return err
			})
		})
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		for _, a := range found {
			out = append(out, Found{backend, a})
		}
	}
	return out, nil
}

// errNoAccount goes behind the name of who has none.
var errNoAccount error = noAccount{}

type noAccount struct{}

func (noAccount) Error() string { return "there is no such account" }
func (noAccount) Unwrap() error { return store.ErrNotFound }

func oneOf(what string, found []Found) (Found, error) {
	switch len(found) {
	case 0:
		return Found{}, errNoAccount
	case 1:
		return found[0], nil
	}
	return Found{}, &SeveralError{What: what, Found: found}
}

// ByAddress finds the active account with an address. ErrNotFound, *SeveralError.
func (f *Finder) ByAddress(ctx context.Context, address string) (Found, error) {
	found, err := f.each(ctx, func(r store.Reader) ([]*store.Account, error) {
		a, err := r.AccountByAddress(ctx, address)
		return []*store.Account{a}, err
	})
	if err != nil {
		return Found{}, err
	}
	return oneOf(address, found)
}

// DeletedByAddress finds the account with an address that was deleted last, where
// no other was deleted at the same time. ErrNotFound, *SeveralError.
func (f *Finder) DeletedByAddress(ctx context.Context, address string) (Found, error) {
	found, err := f.each(ctx, func(r store.Reader) ([]*store.Account, error) { return r.DeletedByAddress(ctx, address) })
	if err != nil {
		return Found{}, err
	}
	sort.SliceStable(found, func(i, j int) bool { return found[i].Account.Deleted.After(found[j].Account.Deleted) })
	if len(found) > 1 && !found[1].Account.Deleted.Equal(found[0].Account.Deleted) {
		found = found[:1]
	}
	return oneOf(address, found)
}

// ByID finds the account with a unique id, a deleted one too. ErrNotFound,
// *SeveralError.
func (f *Finder) ByID(ctx context.Context, id string) (Found, error) {
	found, err := f.each(ctx, func(r store.Reader) ([]*store.Account, error) {
		a, err := r.Account(ctx, id)
		return []*store.Account{a}, err
	})
	if err != nil {
		return Found{}, err
	}
	return oneOf(id, found)
}

// People finds persons by their addresses: in the stores, and where there is no
// account, in the directory, which may be nil. Who is not found is left out.
func (f *Finder) People(ctx context.Context, d *Directory, addresses []string) (Persons, error) {
	out := Persons{}
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
		if len(n.Entry.IDs) == 1 {
			out[store.FoldAddress(rest[n.Request])] = store.Person{ID: n.Entry.IDs[0], Address: rest[n.Request]}
		}
	}
	return out, nil
}

// ambiguous makes an error about one address that is several people's one of the
// item that names it; the others can go on.
func ambiguous(address string, err error) error {
	var several *SeveralError
	if errors.As(err, &several) || errors.Is(err, ErrAmbiguous) {
		return &store.InvalidError{Field: "address", Value: address, Reason: "is that of several people"}
	}
	return err
}

// Beforehand asks once for everybody whom properties name, and returns a People
// that answers from that: no transaction waits for a directory then, and a file is
// read once. What is not known to it, or was ambiguous, it asks for when it must.
func Beforehand(ctx context.Context, people People, use store.ACLUse, all ...Properties) (People, error) {
	asked := map[string]bool{}
	var addresses []string
	for _, p := range all {
		words, err := p.Addresses(use)
		if err != nil {
			continue // the item that has it is refused
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
	if errors.Is(err, store.ErrInvalid) {
		return people, nil
	}
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, addresses []string) (Persons, error) {
		for _, a := range addresses {
			if !asked[store.FoldAddress(a)] {
				return people(ctx, addresses)
			}
		}
		return known, nil
	}, nil
}

// Resolve gives the people in a list their unique ids. The error is an
// *store.InvalidError for somebody who is not known.
func Resolve(ctx context.Context, l store.ACL, people People) (store.ACL, error) {
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
