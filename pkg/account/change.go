package account

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/davadmin/davadmin/pkg/store"
)

// Modify returns a Step that sets the properties of an item on its account. A changed
// primary address is also updated wherever one of the back ends names the person.
func Modify(people PeopleLookup, all AllBackends) Step {
	return func(ctx context.Context, w store.Writer, item *Item, _ bool) (Outcome, []string, error) {
		o := Outcome{Item: item, Result: Already}
		a, err := w.Account(ctx, item.ID)
		if err != nil {
			return o, nil, err
		}
		who, err := item.people(ctx, store.SchedulingACL, people)
		if err != nil {
			return o, nil, err
		}
		names := item.Properties.Names()
		before, undo, was := PropertiesOf(a, names), undoPropertiesOf(a, names), a.Clone()
		if err := item.Properties.Apply(a, who); err != nil {
			return o, nil, err
		}
		after := PropertiesOf(a, names)
		if before.String() == after.String() && sameLists(a, was) {
			return o, nil, nil
		}
		if a.Mail() != was.Mail() {
			if err := all.seen(); err != nil {
				return o, nil, err
			}
		}
		if err := w.UpdateAccount(ctx, a); err != nil {
			return o, nil, err
		}
		if a.Mail() != was.Mail() {
			person := store.Person{ID: a.ID, Address: a.Mail()}
			if _, err := w.Readdress(ctx, person); err != nil {
				return o, nil, err
			}
			if _, err := all.readdress(ctx, item.Backend, person); err != nil {
				return o, nil, err
			}
		}
		o.Result = Changed
		o.Details = differences(before, after)
		return o, []string{RequestLine(a.ID, undo)}, nil
	}
}

// sameLists reports whether the lists of people are equal by unique ID; by address
// they may look equal although they are not.
func sameLists(a, b *store.Account) bool {
	return a.SchedulingACL.Encode() == b.SchedulingACL.Encode() && store.EncodePeople(a.Delegates) == store.EncodePeople(b.Delegates) &&
		store.EncodePeople(a.Owners) == store.EncodePeople(b.Owners)
}

// differences describes what changed, as 'name: old -> new'.
func differences(before, after Properties) []Detail {
	var out []Detail
	for i, p := range before {
		if p.Value != after[i].Value {
			out = append(out, Detail{Text: fmt.Sprintf("%s: %s -> %s", p.Name, shown(InWords(p.Name, p.Value)), shown(InWords(p.Name, after[i].Value)))})
		}
	}
	return out
}

func shown(value string) string {
	if value == "" {
		return "(empty)"
	}
	return value
}

// Delete is a Step that deletes the account of an item; it can be restored until it is
// purged.
func Delete(ctx context.Context, w store.Writer, item *Item, again bool) (Outcome, []string, error) {
	o := Outcome{Item: item, Result: Deleted}
	a, err := w.Account(ctx, item.ID)
	if err != nil {
		return o, nil, err
	}
	if !a.Active() {
		if !again {
			o.Result = Already
		}
		return o, nil, nil
	}
	// By its ID, because another account may get its address.
	return o, []string{RequestLine(a.ID, nil)}, w.DeleteAccount(ctx, item.ID)
}

// IDPrefix marks the account of a batch line as a unique ID.
const IDPrefix = "id="

// Undelete is a Step that restores the deleted account of an item.
func Undelete(ctx context.Context, w store.Writer, item *Item, again bool) (Outcome, []string, error) {
	o := Outcome{Item: item, Result: Restored}
	a, err := w.Account(ctx, item.ID)
	if err != nil {
		return o, nil, err
	}
	if a.Active() {
		if !again {
			o.Result = Already
		}
		return o, nil, nil
	}
	return o, []string{RequestLine(a.ID, nil)}, w.UndeleteAccount(ctx, item.ID)
}

// Upgrade returns a Step that adds to an account what this version expects: the
// collections that a new account has.
func Upgrade(defaults Defaults) Step {
	return func(ctx context.Context, w store.Writer, item *Item, _ bool) (Outcome, []string, error) {
		o := Outcome{Item: item, Result: Already}
		a, err := w.Account(ctx, item.ID)
		if err != nil {
			return o, nil, err
		}
		components, acl := defaults.UserComponents, defaults.UserACL
		if a.Kind == store.Resource || a.Kind == store.Location {
			components, acl = defaults.ResourceComponents, defaults.ResourceACL
		}
		var undo []string
		for _, c := range Collections(a.DisplayName, components, acl) {
			_, err := w.Calendar(ctx, a.ID, c.Name)
			if err == nil {
				continue
			}
			if !errors.Is(err, store.ErrNotFound) {
				return o, nil, err
			}
			c.Account = a.ID
			if err := w.CreateCalendar(ctx, &c); err != nil {
				return o, nil, err
			}
			o.Result = Changed
			o.Details = append(o.Details, Detail{Text: "created " + c.Name})
			undo = append(undo, CalendarLine(a.ID, c.Name, nil))
		}
		return o, undo, nil
	}
}

// UndoUpgrade returns a Step that undoes Upgrade for an item: it deletes a collection
// that a new account has, if it is empty.
func UndoUpgrade(name CalendarOf) Step {
	return func(ctx context.Context, w store.Writer, item *Item, _ bool) (Outcome, []string, error) {
		o := Outcome{Item: item, Result: Already}
		c, err := w.Calendar(ctx, item.ID, name(item))
		switch {
		case errors.Is(err, store.ErrNotFound):
			return o, nil, nil
		case err != nil:
			return o, nil, err
		case c.Kind == store.PlainCalendar && c.Name != store.DefaultCalendar:
			return o, nil, &store.InvalidError{Field: "calendar", Value: c.Name, Reason: "is not a calendar that an upgrade creates"}
		}
		u, err := w.CalendarUsage(ctx, item.ID, c.Name)
		if err != nil {
			return o, nil, err
		}
		if u.Components > 0 {
			return o, nil, &store.InvalidError{Field: "calendar", Value: c.Name, Reason: "is no longer empty, so it is not deleted"}
		}
		o.Result, o.Details = Changed, details("removed "+c.Name)
		return o, []string{RequestLine(item.ID, nil)}, w.DeleteCalendar(ctx, item.ID, c.Name)
	}
}

// AllBackends are the back ends in which access lists and subscriptions may name a
// person.
type AllBackends struct {
	Stores   Stores
	Backends []string
	// Lost are the back ends whose stores cannot be used: no address can be changed
	// everywhere.
	Lost Lost
	// DryRun rolls back what was written; it is only counted.
	DryRun bool
}

// UpdateAddresses returns a Step that copies the addresses of the item's entry to its
// account, and to every place in the back ends that names the person.
func UpdateAddresses(all AllBackends) Step {
	return func(ctx context.Context, w store.Writer, item *Item, _ bool) (Outcome, []string, error) {
		o := Outcome{Item: item, Result: Already}
		a, err := w.Account(ctx, item.ID)
		if err != nil {
			return o, nil, err
		}
		if err := all.seen(); err != nil {
			return o, nil, err
		}
		want := item.Entry.addresses()
		var undo []string
		if !slices.Equal(a.Addresses, want) {
			before, notify := a.Addresses, a.NotifyTo
			a.Addresses, a.NotifyTo = want, replaced(a.NotifyTo, before, want)
			if err := w.UpdateAccount(ctx, a); err != nil {
				return o, nil, err
			}
			o.Result = Changed
			o.Details = append(o.Details, Detail{Text: fmt.Sprintf("addresses: %s -> %s", strings.Join(before, " "), strings.Join(want, " "))})
			undo = append(undo, RequestLine(a.ID, Properties{{"addresses", strings.Join(before, " ")}, {"notifrecipients", strings.Join(notify, " ")}}))
		}
		n, err := w.Readdress(ctx, store.Person{ID: a.ID, Address: a.Mail()})
		if err != nil {
			return o, nil, err
		}
		more, err := all.readdress(ctx, item.Backend, store.Person{ID: a.ID, Address: a.Mail()})
		if n += more; err == nil && n > 0 {
			o.Result = Changed
			o.Details = append(o.Details, Detail{Text: fmt.Sprintf("access lists and subscriptions that name the person: %d", n)})
		}
		return o, undo, err
	}
}

// seen returns an *UnseenError if a back end is lost.
func (x AllBackends) seen() error {
	for _, backend := range slices.Sorted(maps.Keys(x.Lost)) {
		return &UnseenError{Backend: backend, Reason: x.Lost[backend].Error()}
	}
	return nil
}

// readdress updates the address of a person in all back ends but one, and returns the
// number of places that changed.
func (x AllBackends) readdress(ctx context.Context, but string, p store.Person) (int, error) {
	sum := 0
	for _, backend := range x.Backends {
		if backend == but {
			continue
		}
		st, err := x.Stores.Open(ctx, backend)
		if err != nil {
			return sum, ofBackend(backend, err)
		}
		n := 0
		err = st.Update(ctx, func(ctx context.Context, w store.Writer) (err error) {
			if n, err = w.Readdress(ctx, p); err == nil && x.DryRun {
				err = errDryRun
			}
			return err
		})
		if err != nil && !errors.Is(err, errDryRun) {
			return sum, ofBackend(backend, err)
		}
		sum += n
	}
	return sum, nil
}

// replaced returns list with the old primary address replaced by the new one.
func replaced(list, before, after []string) []string {
	out := slices.Clone(list)
	for i, address := range out {
		if len(before) > 0 && len(after) > 0 && store.FoldAddress(address) == store.FoldAddress(before[0]) {
			out[i] = after[0]
		}
	}
	return out
}

// UpdateOwners returns a Step that sets the owners of an account to those that the
// item's entry names by DN. resolve finds the person of a DN.
func UpdateOwners(resolve func(dn string) (store.Person, error)) Step {
	return func(ctx context.Context, w store.Writer, item *Item, _ bool) (Outcome, []string, error) {
		o := Outcome{Item: item, Result: Already}
		a, err := w.Account(ctx, item.ID)
		if err != nil {
			return o, nil, err
		}
		var owners []store.Person
		for _, dn := range item.Entry.Owners {
			person, err := resolve(dn)
			if err != nil {
				return o, nil, err
			}
			if !slices.Contains(owners, person) {
				owners = append(owners, person)
			}
		}
		if slices.Equal(owners, a.Owners) {
			return o, nil, nil
		}
		o.Result = Changed
		o.Details = details(fmt.Sprintf("owners: %s -> %s", shown(addressesOf(a.Owners)), shown(addressesOf(owners))))
		undo := []string{RequestLine(a.ID, Properties{{"owners", personRefs(a.Owners)}})}
		a.Owners = owners
		return o, undo, w.UpdateAccount(ctx, a)
	}
}

// DeleteComponents returns a Step that deletes the components of an account whose last
// instance ended before a time.
func DeleteComponents(before time.Time) Step {
	return func(ctx context.Context, w store.Writer, item *Item, _ bool) (Outcome, []string, error) {
		o := Outcome{Item: item, Result: Already}
		if _, err := w.Account(ctx, item.ID); err != nil {
			return o, nil, err
		}
		calendars, err := collect(w.Calendars(ctx, item.ID, store.CalendarFilter{OnlyPlain: true}))
		if err != nil {
			return o, nil, err
		}
		for _, c := range calendars {
			old, err := collect(w.Components(ctx, item.ID, c.Name, store.ComponentFilter{EndedBefore: before}))
			if err != nil {
				return o, nil, err
			}
			for _, m := range old {
				if err := w.DeleteComponent(ctx, item.ID, c.Name, m.Name, store.Condition{IfETag: m.ETag}); err != nil {
					return o, nil, err
				}
			}
			if len(old) > 0 {
				o.Result = Deleted
				o.Details = append(o.Details, Detail{Text: c.Name + ": " + componentCount(len(old))})
			}
		}
		if o.Result == Already {
			return o, nil, nil
		}
		return o, []string{RequestLine(item.ID, nil)}, nil
	}
}

func componentCount(n int) string {
	if n == 1 {
		return "1 component"
	}
	return fmt.Sprintf("%d components", n)
}

// UndeleteComponents returns a Step that restores the components of an account that
// were deleted at a time or later.
func UndeleteComponents(since time.Time) Step {
	return func(ctx context.Context, w store.Writer, item *Item, _ bool) (Outcome, []string, error) {
		o := Outcome{Item: item, Result: Already}
		if _, err := w.Account(ctx, item.ID); err != nil {
			return o, nil, err
		}
		deletions, err := collect(w.Deletions(ctx, item.ID))
		if err != nil {
			return o, nil, err
		}
		n := 0
		seen := map[[2]string]bool{}
		for _, d := range deletions {
			key := [2]string{d.Calendar, d.Name}
			if d.Deleted.Before(since) || seen[key] {
				continue
			}
			seen[key] = true // the last deletion of a name is the one that is undone
			err := w.UndeleteComponent(ctx, item.ID, d.Calendar, d.Name)
			if errors.Is(err, store.ErrExists) {
				o.Details = append(o.Details, Detail{Text: fmt.Sprintf("%s/%s already exists again", d.Calendar, d.Name)})
				continue
			}
			if err != nil {
				return o, nil, err
			}
			n++
		}
		if n == 0 {
			return o, nil, nil
		}
		o.Result = Restored
		o.Details = append(o.Details, Detail{Text: componentCount(n)})
		return o, []string{RequestLine(item.ID, nil)}, nil
	}
}

// collect returns the elements of a small sequence.
func collect[T any](seq func(yield func(T, error) bool)) ([]T, error) {
	var out []T
	for v, err := range seq {
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}
