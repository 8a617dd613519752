package account

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/davadmin/davadmin/internal/spill"
	"github.com/davadmin/davadmin/pkg/store"
)

// bulkSize is how many accounts are looked up at once: a query for each would take most of
// the time of a run that has nothing else to do.
const bulkSize = store.MaxIDs

// ByIDs returns the accounts with unique IDs, active or deleted, by ID. More than one
// account has an ID only if several back ends do.
func (f *Finder) ByIDs(ctx context.Context, ids []string) (map[string][]Found, error) {
	found, err := f.collect(ctx, func(ctx context.Context, backend string) ([]*store.Account, error) {
		return f.onBackend(ctx, backend, ids)
	},
		func(found []Found) bool { return len(found) >= len(ids) })
	if err != nil {
		return nil, err
	}
	out := make(map[string][]Found, len(ids))
	for _, x := range found {
		out[x.Account.ID] = append(out[x.Account.ID], x)
	}
	return out, nil
}

// onBackend returns the accounts of one back end with unique IDs.
func (f *Finder) onBackend(ctx context.Context, backend string, ids []string) (found []*store.Account, err error) {
	err = f.Retry.Do(ctx, backend, func(bool) error {
		found = found[:0]
		return f.view(ctx, backend, func(ctx context.Context, r store.Reader) error {
			for rest := ids; len(rest) > 0; {
				part := rest[:min(len(rest), bulkSize)]
				rest = rest[len(part):]
				for a, err := range r.Accounts(ctx, store.AccountFilter{IDs: part, State: store.AnyState, Order: store.ByID, Alone: true}) {
					if err != nil {
						return err
					}
					found = append(found, a)
				}
			}
			return nil
		})
	})
	return found, err
}

// pairing is an item and the unique ID of its entry.
type pairing struct {
	item *Item
	id   string // "" if the item is refused
}

// inBulk calls fill for many items at once with the accounts of their entries, and yields
// the items for which it returns true, in order.
func (f *Finder) inBulk(ctx context.Context, items iter.Seq2[pairing, error], fill func(item *Item, found Found, err error) bool) iter.Seq2[*Item, error] {
	return func(yield func(*Item, error) bool) {
		held := make([]pairing, 0, bulkSize)
		flush := func() bool {
			var ids []string
			for _, h := range held {
				if h.id != "" {
					ids = append(ids, h.id)
				}
			}
			found, err := f.ByIDs(ctx, ids)
			if err != nil {
				yield(nil, err)
				return false
			}
			for _, h := range held {
				if h.id != "" {
					account, err := f.oneOf(h.id, found[h.id])
					if !fill(h.item, account, err) {
						continue
					}
				}
				if !yield(h.item, nil) {
					return false
				}
			}
			held = held[:0]
			return true
		}
		for p, err := range items {
			if err != nil {
				yield(p.item, err)
				return
			}
			if held = append(held, p); len(held) == bulkSize && !flush() {
				return
			}
		}
		flush()
	}
}

// ItemsForEntries yields an item for the account of each entry, which it finds by the
// unique ID. It counts the entries without an active account in without. If it is unknown
// whether an entry has an account, because a back end cannot be read, the item is refused.
func (f *Finder) ItemsForEntries(ctx context.Context, entries *Entries, p Properties, without *int) iter.Seq2[*Item, error] {
	pairs := func(yield func(pairing, error) bool) {
		for n, err := range entries.All() {
			if err != nil {
				yield(pairing{}, err)
				return
			}
			e := n.Entry
			if len(e.IDs) != 1 {
				*without++
				continue
			}
			if !yield(pairing{&Item{Where: e.DN, Name: e.Name(), Properties: p, Entry: e}, e.IDs[0]}, nil) {
				return
			}
		}
	}
	return f.inBulk(ctx, pairs, func(item *Item, found Found, err error) bool {
		var several *AmbiguousError
		switch {
		case errors.As(err, &several):
			item.Refused = several
		case notSeen(err) != nil:
			item.Refused = notSeen(err)
		case err != nil, !found.Account.Active():
			*without++
			return false
		default:
			item.ID, item.Backend, item.Line = found.Account.ID, found.Backend, RequestLine(found.Account.ID, p)
		}
		return true
	})
}

// ItemsForRequestedEntries yields an item for each request, in order, with the account
// of the one entry that was found for it.
func (f *Finder) ItemsForRequestedEntries(ctx context.Context, requests []Request, entries *Entries) iter.Seq2[*Item, error] {
	pairs := func(yield func(pairing, error) bool) {
		fill := func(item *Item, e *Entry) error {
			if item.Entry = e; len(e.IDs) != 1 {
				item.Refused = fmt.Errorf("%w %s: it does not have exactly one unique ID", ErrUnusableEntry, e.DN)
			}
			return nil
		}
		for item, err := range oneEach(requests, entries, fill) {
			p := pairing{item: item}
			if err == nil && item.Refused == nil {
				p.id = item.Entry.IDs[0]
			}
			if !yield(p, err) || err != nil {
				return
			}
		}
	}
	return f.inBulk(ctx, pairs, func(item *Item, found Found, err error) bool {
		if err == nil && !found.Account.Active() {
			err = &DeletedError{Request: found.Account.ID, ByID: true, When: found.Account.Deleted}
		}
		if item.Refused = err; err == nil {
			item.ID, item.Backend = found.Account.ID, found.Backend
		}
		return true
	})
}

// EntriesOf reads the entries of requests: those with the address or the unique ID that a
// request names or, if no entry has the address, the entry of the account that has it. So an
// account is found by its new address and by its old one.
func (f *Finder) EntriesOf(ctx context.Context, d *Directory, requests []Request) (*Entries, error) {
	entries, err := d.ByRequest(ctx, requests)
	if err != nil {
		return nil, err
	}
	has := make([]bool, len(requests))
	for pair, err := range spill.Sorted(entries.order) {
		if err != nil {
			return nil, errors.Join(err, entries.Close())
		}
		has[pair.Key] = true
	}
	var ids []string
	var at []int
	for i := range requests {
		if has[i] || requests[i].Address == "" {
			continue
		}
		found, err := f.ByAddress(ctx, requests[i].Address)
		var several *AmbiguousError
		switch {
		case errors.Is(err, store.ErrNotFound), errors.As(err, &several):
		case err != nil:
			return nil, errors.Join(err, entries.Close())
		default:
			ids, at = append(ids, found.Account.ID), append(at, i)
		}
	}
	if len(ids) == 0 {
		return entries, nil
	}
	more, err := d.ByID(ctx, ids)
	if err == nil {
		err = errors.Join(entries.addAll(more, at), more.Close())
	}
	if err != nil {
		return nil, errors.Join(err, entries.Close())
	}
	return entries, nil
}

// OutOfDate calls report for each account whose addresses are not those of its entry, with
// what CopyAddresses would change. It returns how many entries have an account. An error of
// report ends it, and so does an entry that several accounts match (*AmbiguousError).
func (f *Finder) OutOfDate(ctx context.Context, entries *Entries, report func(found Found, e *Entry, why string) error) (accounts int, err error) {
	var current Found
	var same error
	pairs := func(yield func(pairing, error) bool) {
		for n, err := range entries.All() {
			p := pairing{}
			if err == nil && len(n.Entry.IDs) == 1 {
				p = pairing{&Item{Entry: n.Entry}, n.Entry.IDs[0]}
			}
			if (err != nil || p.item != nil) && (!yield(p, err) || err != nil) {
				return
			}
		}
	}
	items := f.inBulk(ctx, pairs, func(_ *Item, found Found, err error) bool {
		current, same = found, err
		if errors.Is(err, store.ErrNotFound) {
			return false
		}
		return err != nil || found.Account.Active()
	})
	for item, err := range items {
		if err = joined(err, same); err != nil {
			return accounts, err
		}
		accounts++
		if want := item.Entry.addresses(); !slices.Equal(current.Account.Addresses, want) {
			why := fmt.Sprintf("addresses: %s -> %s", strings.Join(current.Account.Addresses, " "), strings.Join(want, " "))
			if len(want) == 0 {
				why = "its directory entry has no address"
			}
			if err := report(current, item.Entry, why); err != nil {
				return accounts, err
			}
		}
	}
	return accounts, nil
}
