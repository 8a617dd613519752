package account

import (
	"context"
	"errors"
	"slices"

	"github.com/davadmin/davadmin/pkg/store"
)

// assignStep gives the accounts of a share what is asked for: all release the addresses that
// another one gets, before any is assigned.
func (b *AddressBatch) assignStep(ctx context.Context, w store.Writer, item *Item, s *share) (Outcome, []string, error) {
	o := Outcome{Item: item, Result: Already, parts: make([][]Outcome, len(s.members))}
	now := make([]*store.Account, len(s.members)) // nil for one that was deleted meanwhile
	for i, m := range s.members {
		a, err := w.Account(ctx, m.after.ID)
		switch gone := errors.Is(err, store.ErrNotFound); {
		case gone, err == nil && !a.Active():
			o.parts[i] = m.outcomes(Failed, 0, &NoAccountError{})
			if !gone {
				o.parts[i] = m.outcomes(Failed, 0, &DeletedError{Request: a.ID, ByID: true, When: a.Deleted})
			}
			continue
		case err != nil:
			return o, nil, err
		case !m.expects(a):
			return o, nil, errMeanwhile(a.ID)
		}
		now[i] = a
	}
	undo, err := releaseHere(ctx, w, &o, s, now)
	if err != nil {
		return o, nil, err
	}
	more, err := assignHere(ctx, w, &o, s, now)
	undo = append(undo, more...)
	if err != nil {
		return o, nil, err
	}
	for i, m := range s.members {
		if now[i] == nil {
			continue
		}
		n := m.elsewhere
		if b.readdressed(m) {
			here, err := w.Readdress(ctx, m.person())
			if err != nil {
				return o, nil, err
			}
			n += here
		}
		result := Already
		if n > 0 || slices.ContainsFunc(m.parts, func(p part) bool { return p.changed }) {
			result, o.Result = Changed, Changed
		}
		o.parts[i] = m.outcomes(result, n, nil)
	}
	return o, undo, nil
}

// expects reports whether the account is as it was when it was compared, or as this run left
// it.
func (m *member) expects(a *store.Account) bool {
	return slices.Equal(a.Addresses, m.before.Addresses) || slices.Equal(a.Addresses, m.after.Addresses) ||
		slices.Equal(a.Addresses, m.without(m.releases))
}

// releaseHere removes the addresses that another account of the share gets. It returns how to
// undo all that is done for these accounts, as far as that has not been saved.
func releaseHere(ctx context.Context, w store.Writer, o *Outcome, s *share, now []*store.Account) (undo []string, err error) {
	for i, m := range s.members {
		moves := map[string]bool{}
		for _, other := range m.needed {
			if other.backend != m.backend {
				continue
			}
			for _, address := range other.gains() {
				moves[store.FoldAddress(address)] = true
			}
		}
		a := now[i]
		if a == nil || !slices.ContainsFunc(a.Addresses, func(address string) bool { return moves[store.FoldAddress(address)] && !has(m.after, address) }) {
			continue
		}
		a.Addresses = m.rest(a.Addresses, moves)
		if err := w.UpdateAccount(ctx, a); err != nil {
			return nil, partly(*o, err)
		}
		o.Result = Changed
		if !m.saved {
			undo = append(undo, m.undoLines()...)
		}
	}
	return undo, nil
}

// assignHere sets what is asked for on the accounts of a share. It returns how to undo it, as
// far as neither that nor a release here has been saved.
func assignHere(ctx context.Context, w store.Writer, o *Outcome, s *share, now []*store.Account) (undo []string, err error) {
	for i, m := range s.members {
		a := now[i]
		if a == nil {
			continue
		}
		next := a.Clone()
		next.Addresses = slices.Clone(m.before.Addresses)
		for _, p := range m.parts {
			if err := p.change.Apply(next); err != nil {
				return nil, partly(*o, err)
			}
		}
		if slices.Equal(a.Addresses, next.Addresses) && sameSettings(a, next) {
			continue
		}
		if err := w.UpdateAccount(ctx, next); err != nil {
			return nil, partly(*o, err)
		}
		o.Result = Changed
		if !m.saved && (slices.Equal(a.Addresses, m.before.Addresses) || slices.Equal(a.Addresses, m.after.Addresses)) {
			undo = append(undo, m.undoLines()...)
		}
	}
	return undo, nil
}

// sameSettings reports whether two accounts are equal but for their addresses.
func sameSettings(a, b *store.Account) bool {
	var names []string
	for _, p := range AccountProperties() {
		if p.Name != "set-ace" && p.Name != "addresses" {
			names = append(names, p.Name)
		}
	}
	return PropertiesOf(a, names).String() == PropertiesOf(b, names).String() && sameLists(a, b)
}

// outcomes returns the outcome of each item of a member. n is how many places that name the
// person were updated.
func (m *member) outcomes(result Result, n int, err error) []Outcome {
	out := make([]Outcome, len(m.parts))
	for i, p := range m.parts {
		out[i] = Outcome{Item: p.item, Result: result, Err: err}
		if result == Changed && !p.changed && (i > 0 || n == 0) {
			out[i].Result = Already
		}
		if result == Changed {
			out[i].Details = slices.Clone(p.details)
		}
	}
	if n > 0 && result == Changed {
		out[0].Details = append(out[0].Details, reference(n))
	}
	return out
}
