package account

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/davadmin/davadmin/pkg/store"
)

// HeldReason says why an account cannot get an address.
type HeldReason uint8

// The reasons.
const (
	HeldOutside HeldReason = iota // the account that has it is not part of the run
	HeldKept                      // it is, and keeps the address
	HeldRefused                   // it is, but its own change is refused
	HeldWanted                    // another account of the run gets it
)

// AddressHeldError is returned for an address that an account cannot get because of another
// account. It wraps store.ErrExists.
type AddressHeldError struct {
	Address string
	Reason  HeldReason
	// The other account, its primary address and its back end.
	ID, Mail, Backend string
}

// Error names the other account.
func (e *AddressHeldError) Error() string {
	who := fmt.Sprintf("%s (%s, back end %s)", e.Mail, e.ID, e.Backend)
	switch e.Reason {
	case HeldKept:
		return fmt.Sprintf("address %s belongs to %s, which keeps it", e.Address, who)
	case HeldRefused:
		return fmt.Sprintf("address %s belongs to %s, whose own change was refused", e.Address, who)
	case HeldWanted:
		return fmt.Sprintf("address %s is also meant for %s", e.Address, who)
	}
	return fmt.Sprintf("address %s belongs to %s, which is not changed by this run", e.Address, who)
}

// Unwrap returns store.ErrExists.
func (e *AddressHeldError) Unwrap() error { return store.ErrExists }

// held returns the error that m cannot get an address because of another account.
func held(address string, reason HeldReason, backend string, a *store.Account) error {
	return &AddressHeldError{Address: address, Reason: reason, ID: a.ID, Mail: a.Mail(), Backend: backend}
}

// gains returns the addresses that a member gets, as they are written.
func (m *member) gains() []string {
	return slices.DeleteFunc(slices.Clone(m.after.Addresses), func(address string) bool { return has(m.before, address) })
}

// has reports whether an account has an address, in any letter case.
func has(a *store.Account, address string) bool {
	folded := store.FoldAddress(address)
	return slices.ContainsFunc(a.Addresses, func(have string) bool { return store.FoldAddress(have) == folded })
}

// plan decides which members are refused, and which have to be changed together.
func (b *AddressBatch) plan(ctx context.Context) error {
	wanted := map[string][]*member{} // by folded address
	for _, m := range b.order {
		for _, address := range m.gains() {
			f := store.FoldAddress(address)
			wanted[f] = append(wanted[f], m)
		}
	}
	for _, backend := range b.Backends {
		if b.Lost[backend] != nil {
			continue
		}
		taken, err := b.holders(ctx, backend)
		if err == nil {
			err = b.planOn(ctx, backend, taken)
		}
		if err = ofBackend(backend, err); err != nil {
			if b.lose(ctx, backend, err); b.stopped != nil {
				return err
			}
		}
	}
	var refused []*member
	for _, m := range b.order {
		if m.refused == nil && !slices.Equal(m.before.Addresses, m.after.Addresses) {
			m.refused = b.unseen()
		}
		for _, address := range m.gains() {
			for _, other := range wanted[store.FoldAddress(address)] {
				if other != m && m.refused == nil {
					m.refused = held(address, HeldWanted, other.backend, other.before)
				}
			}
		}
		if m.refused != nil {
			refused = append(refused, m)
		}
	}
	refuseDependent(refused)
	for _, m := range b.order {
		if m.refused == nil {
			m.together()
		}
	}
	return nil
}

// unseen returns an *UnseenError if a back end cannot be used.
func (b *AddressBatch) unseen() error {
	for _, lost := range []Lost{b.Unseen, b.Lost} {
		for _, backend := range slices.Sorted(maps.Keys(lost)) {
			return &UnseenError{Backend: backend, Reason: lost[backend].Error()}
		}
	}
	return nil
}

// refuseDependent refuses the members that need an address of one that is refused.
func refuseDependent(refused []*member) {
	for len(refused) > 0 {
		m := refused[0]
		refused = refused[1:]
		for _, other := range m.needed {
			if other.refused != nil {
				continue
			}
			for _, address := range other.gains() {
				if has(m.before, address) {
					other.refused = held(address, HeldRefused, m.backend, m.before)
				}
			}
			refused = append(refused, other)
		}
	}
}

// holders returns which of the addresses that members get are in use on a back end, and by
// whom.
func (b *AddressBatch) holders(ctx context.Context, backend string) (map[string]string, error) {
	st, err := b.Retry.Open(ctx, b.Stores, backend)
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	for rest := b.order; len(rest) > 0; {
		part := rest[:min(len(rest), bulkSize)]
		rest = rest[len(part):]
		var asked []*store.NewAccount
		for _, m := range part {
			if gains := m.gains(); len(gains) > 0 {
				asked = append(asked, &store.NewAccount{Account: store.Account{Addresses: gains}})
			}
		}
		if len(asked) == 0 {
			continue
		}
		err := b.Retry.Do(ctx, backend, func(bool) error {
			taken, err := takenOn(ctx, st, asked)
			for address, id := range taken.Addresses {
				out[address] = id
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// planOn notes for the members that get an address of another account on a back end whether
// that account releases it.
func (b *AddressBatch) planOn(ctx context.Context, backend string, taken map[string]string) error {
	outside := map[string]*store.Account{} // holders that are not members
	var ids []string
	for _, id := range taken {
		if m := b.members[id]; m == nil || m.backend != backend {
			ids = append(ids, id)
		}
	}
	found, err := (&Finder{Stores: b.Stores, Retry: b.Retry}).onBackend(ctx, backend, ids)
	if err != nil {
		return err
	}
	for _, a := range found {
		outside[a.ID] = a
	}
	for _, m := range b.order {
		for _, address := range m.gains() {
			folded := store.FoldAddress(address)
			id, inUse := taken[folded]
			other := b.members[id]
			switch {
			case !inUse || m.refused != nil:
			case outside[id] != nil && b.same[id]:
				m.refused = held(address, HeldKept, backend, outside[id])
			case outside[id] != nil:
				m.refused = held(address, HeldOutside, backend, outside[id])
			case other == nil || other == m: // it was deleted or changed meanwhile
			case has(other.after, address):
				m.refused = held(address, HeldKept, backend, other.before)
			default:
				m.needs, other.needed = append(m.needs, other), append(other.needed, m)
				if other.backend != m.backend {
					if other.releases == nil {
						other.releases = map[string]bool{}
					}
					other.releases[folded] = true
				}
			}
		}
	}
	return nil
}

// unit is a set of members that are changed together, because each needs an address of
// another one.
type unit struct {
	members []*member
	failed  error // why addresses could not be released
	listed  bool
}

// together joins the units of a member and of those whose addresses it gets, the smaller one
// to the larger one.
func (m *member) together() {
	if m.unit == nil {
		m.unit = &unit{members: []*member{m}}
	}
	for _, other := range m.needs {
		if other.unit == nil {
			other.unit = &unit{members: []*member{other}}
		}
		from, to := other.unit, m.unit
		if from == to {
			continue
		}
		if len(from.members) > len(to.members) {
			from, to = to, from
		}
		for _, each := range from.members {
			each.unit = to
		}
		to.members = append(to.members, from.members...)
	}
}

// addUnit appends the unit of a member, once.
func addUnit(units []*unit, m *member) []*unit {
	if m.unit == nil || m.unit.listed {
		return units
	}
	m.unit.listed = true
	return append(units, m.unit)
}
