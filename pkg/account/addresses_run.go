package account

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"github.com/davadmin/davadmin/pkg/store"
)

// share is the part of a unit on one back end: what one transaction changes.
type share struct {
	unit    *unit
	members []*member
}

// shares returns the parts of units as the items of a Batch, with those that they stand for.
func shares(units []*unit, wanted func(*member) bool) ([]*Item, map[*Item]*share) {
	var items []*Item
	of := map[*Item]*share{}
	for _, u := range units {
		byBackend := map[string]*Item{}
		for _, m := range u.members {
			if !wanted(m) {
				continue
			}
			item := byBackend[m.backend]
			if item == nil {
				item = &Item{Name: m.after.Mail(), Backend: m.backend, ID: m.after.ID}
				byBackend[m.backend], of[item] = item, &share{unit: u}
				items = append(items, item)
			}
			of[item].members = append(of[item].members, m)
		}
	}
	return items, of
}

// execute changes the accounts of units, and reports their outcomes.
func (b *AddressBatch) execute(ctx context.Context, units []*unit) error {
	if err := b.release(ctx, units); err != nil {
		b.Stop(err)
	}
	items, of := shares(units, func(m *member) bool { return m.failed == nil })
	do := b.assigning(of)
	err := b.batch(ctx, items, do, func(o Outcome) error {
		s := of[o.Item]
		for i, m := range s.members {
			if err := b.reportMember(m, o, i); err != nil {
				return err
			}
		}
		return nil
	})
	for _, u := range units {
		for _, m := range u.members {
			if m.failed != nil {
				err = joined(err, b.reportFailed(m))
			}
		}
	}
	return joined(err, nil)
}

// batch runs a Batch for items. Its error is the one that stopped the work, if any.
func (b *AddressBatch) batch(ctx context.Context, items []*Item, do Group, report func(Outcome) error) error {
	run := &Batch{Stores: b.Stores, Do: do, Report: report, Retry: b.Retry, Lost: b.Lost}
	if b.stopped != nil {
		run.Stop(b.stopped)
	}
	for _, item := range items {
		if err := run.Add(ctx, item); err != nil {
			return err
		}
	}
	err := run.End(ctx)
	if err != nil {
		b.Stop(err)
	}
	return err
}

// reportMember reports the items of the member i of a share with the outcome o.
func (b *AddressBatch) reportMember(m *member, o Outcome, i int) error {
	outcomes := make([]Outcome, len(m.parts))
	for n, p := range m.parts {
		outcomes[n] = Outcome{Item: p.item, Result: o.Result, Err: o.Err}
		switch {
		case o.Result == Failed && m.touched, o.Result == NotDone && m.touched:
			outcomes[n].Part = true
		case i < len(o.parts) && (o.Result == Changed || o.Result == Already):
			outcomes[n] = o.parts[i][n]
		}
	}
	for _, o := range outcomes {
		if err := b.Report(o); err != nil {
			return err
		}
	}
	return nil
}

// release makes the members that have an address which an account on another back end gets
// release it.
func (b *AddressBatch) release(ctx context.Context, units []*unit) error {
	items, of := shares(units, func(m *member) bool { return len(m.releases) > 0 })
	if b.DryRun || len(items) == 0 {
		return nil
	}
	step := func(ctx context.Context, w store.Writer, item *Item, _ bool) (Outcome, []string, error) {
		return releaseStep(ctx, w, item, of[item])
	}
	err := b.batch(ctx, items, InTransaction(step, b.Save), func(o Outcome) error {
		s := of[o.Item]
		if done := o.Result == Changed || o.Result == Unknown; done {
			for _, m := range s.members {
				m.saved, m.touched = true, true
			}
		}
		if o.Result == Failed && s.unit.failed == nil {
			s.unit.failed = o.Err
		}
		return nil
	})
	for _, u := range units {
		if u.failed == nil {
			continue
		}
		for _, m := range u.members {
			m.failed = fmt.Errorf("an address that was to change hands could not be released: %w", u.failed)
		}
	}
	return err
}

// partlyError is an error after a part of a step was written, so that the transaction cannot
// be committed, although each item alone could have been.
type partlyError struct{ err error }

func (e *partlyError) Error() string { return e.err.Error() }

func (e *partlyError) Unwrap() error { return e.err }

// releaseStep removes from the accounts of a share the addresses that go to other back ends.
func releaseStep(ctx context.Context, w store.Writer, item *Item, s *share) (Outcome, []string, error) {
	o := Outcome{Item: item, Result: Already}
	var undo []string
	for _, m := range s.members {
		a, err := w.Account(ctx, m.after.ID)
		switch {
		case errors.Is(err, store.ErrNotFound), err == nil && !a.Active():
			continue // so that the address is free
		case err != nil:
			return o, nil, err
		case !slices.Equal(a.Addresses, m.before.Addresses):
			if !slices.Equal(a.Addresses, m.without(m.releases)) {
				return o, nil, partly(o, errMeanwhile(a.ID))
			}
			continue // an earlier attempt was committed
		}
		// Which address notifications went to as the primary one cannot be seen later.
		a.Addresses, a.NotifyTo = m.without(m.releases), slices.Clone(m.after.NotifyTo)
		if err := w.UpdateAccount(ctx, a); err != nil {
			return o, nil, partly(o, err)
		}
		o.Result = Changed
		undo = append(undo, m.undoLines()...)
	}
	return o, undo, nil
}

// errMeanwhile is returned for an account that another program changed during the run.
func errMeanwhile(id string) error {
	return fmt.Errorf("account %s was changed by another program meanwhile: %w", id, store.ErrConflict)
}

// partly returns the error of a step, of which a part was written if o says so. Errors that
// are not about an item end the transaction anyway.
func partly(o Outcome, err error) error {
	ofItem := slices.ContainsFunc(errorsOfItems(), func(of error) bool { return errors.Is(err, of) })
	if o.Result == Already || !ofItem {
		return err
	}
	return &partlyError{err}
}

// without returns the addresses that a member had before the run without some.
func (m *member) without(folded map[string]bool) []string { return m.rest(m.before.Addresses, folded) }

// rest returns addresses of a member without some. Without the primary one, the account gets
// one in a domain that cannot exist (RFC 2606), until its next one is assigned: it needs an
// address, and if another one of its own took that place, a repeated run might find that the
// primary address is right, and not update what names the person.
func (m *member) rest(addresses []string, without map[string]bool) []string {
	out := slices.DeleteFunc(slices.Clone(addresses), func(a string) bool { return without[store.FoldAddress(a)] })
	if len(out) == 0 || out[0] != addresses[0] {
		sum := sha256.Sum256([]byte(m.after.ID))
		out = slices.Insert(out, 0, "released-"+hex.EncodeToString(sum[:16])+"@davadmin.invalid")
	}
	return out
}

// assigning returns the Group that gives the members of shares their addresses.
func (b *AddressBatch) assigning(of map[*Item]*share) Group {
	step := func(ctx context.Context, w store.Writer, item *Item, _ bool) (Outcome, []string, error) {
		return b.assignStep(ctx, w, item, of[item])
	}
	own := InTransaction(step, b.Save)
	if b.DryRun {
		own = DryRun(step)
	}
	saved := &savedUndo{save: b.Save}
	return func(ctx context.Context, st store.Store, items []*Item, again bool) ([]Outcome, error) {
		if !again {
			saved = &savedUndo{save: b.Save}
		}
		var people []*member
		for _, item := range items {
			for _, m := range of[item].members {
				if b.readdressed(m) {
					people = append(people, m)
				}
			}
		}
		var outcomes []Outcome
		err := b.readdressElsewhere(ctx, st.Backend(), people, saved)
		if err == nil {
			outcomes, err = own(ctx, st, items, again)
		}
		var unknown *store.CommitUnknown
		if err != nil && !errors.As(err, &unknown) && !slices.ContainsFunc(people, func(m *member) bool { return m.touched }) {
			if saved.remove != nil {
				for _, m := range people {
					m.saved = m.touched
				}
			}
			err = joined(err, saved.forget())
		}
		return outcomes, err
	}
}

// readdressElsewhere updates what names people on the other back ends, after it saved how to
// undo the change of their accounts.
func (b *AddressBatch) readdressElsewhere(ctx context.Context, own string, people []*member, saved *savedUndo) error {
	var others []string
	for _, backend := range b.Backends {
		if backend != own && b.Lost[backend] == nil {
			others = append(others, backend)
		}
	}
	if len(others) == 0 || len(people) == 0 {
		return nil
	}
	if !b.DryRun {
		var lines []string
		for _, m := range people {
			if !m.saved {
				lines = append(lines, m.undoLines()...)
			}
		}
		if err := saved.write(lines); err != nil {
			return err
		}
		for _, m := range people {
			m.saved = true
		}
	}
	for _, backend := range others {
		if err := b.readdressOn(ctx, backend, people); err != nil {
			return &BackendError{Backend: backend, Err: err}
		}
	}
	return nil
}

// readdressOn updates what names people on a back end.
func (b *AddressBatch) readdressOn(ctx context.Context, backend string, people []*member) error {
	st, err := b.Stores.Open(ctx, backend)
	if err != nil {
		return err
	}
	counts := make([]int, len(people))
	err = st.Update(ctx, func(ctx context.Context, w store.Writer) (err error) {
		for i, m := range people {
			if counts[i], err = w.Readdress(ctx, m.person()); err != nil {
				return err
			}
		}
		if b.DryRun {
			return errDryRun
		}
		return nil
	})
	var unknown *store.CommitUnknown
	if err != nil && !errors.Is(err, errDryRun) && !errors.As(err, &unknown) {
		return explainDryRunIf(b.DryRun, err)
	}
	for i, m := range people {
		m.elsewhere += counts[i]
		m.touched = m.touched || counts[i] > 0 && !b.DryRun
	}
	if unknown != nil {
		return err
	}
	return nil
}

func explainDryRunIf(dry bool, err error) error {
	if dry {
		return explainDryRun(err)
	}
	return err
}
