package storetest

import (
	"context"
	"fmt"
	"slices"

	"pgregory.net/rapid"

	"github.com/davadmin/davadmin/pkg/store"
)

// drawPeople draws a list of different people.
func drawPeople(t *rapid.T, what string) []store.Person {
	ids := rapid.SliceOfNDistinct(rapid.SampledFrom(similar()), 0, 3, rapid.ID[string]).Draw(t, what)
	out := make([]store.Person, len(ids))
	for i, id := range ids {
		out[i] = store.Person{ID: id, Address: rapid.SampledFrom([]string{"old@example.com", "new@example.com", ""}).Draw(t, "address")}
	}
	return out
}

// drawACL draws an access list.
func drawACL(t *rapid.T, rights ...string) store.ACL {
	var out store.ACL
	for _, p := range drawPeople(t, "principals") {
		out = append(out, store.ACE{Principal: store.Principal{Person: p}, Rights: rapid.SampledFrom(rights).Draw(t, "rights")})
	}
	if rapid.Bool().Draw(t, "also a domain") {
		out = append(out, store.ACE{Principal: store.Principal{Domain: similarDomain}, Rights: rights[0]}, store.ACE{Principal: store.Principal{Everyone: true}, Rights: rights[0]})
	}
	return out
}

const similarDomain = "p_%'1"

func drawReaddress(t *rapid.T, _ draw) action {
	p := store.Person{ID: rapid.SampledFrom(similar()).Draw(t, "person"), Address: rapid.SampledFrom([]string{"old@example.com", "new@example.com"}).Draw(t, "to")}
	want := 0
	return action{
		what: fmt.Sprintf("readdress %s as %s", p.ID, p.Address),
		model: func(m *model) error {
			want = m.readdress(p)
			return nil
		},
		engine: func(ctx context.Context, w store.Writer) error {
			n, err := w.Readdress(ctx, p)
			if err == nil && n != want {
				return fmt.Errorf("%d accounts, collections and subscriptions were changed, want %d", n, want)
			}
			return err
		},
	}
}

// readdress replaces the address of a person, and returns how many accounts, collections
// and subscriptions name the person with another one.
func (m *model) readdress(p store.Person) (changed int) {
	other := func(q store.Person) bool { return q.ID == p.ID && q.Address != p.Address }
	acl := func(l store.ACL) (store.ACL, bool) {
		l = slices.Clone(l)
		i := slices.IndexFunc(l, func(e store.ACE) bool { return other(e.Principal.Person) })
		if i >= 0 {
			l[i].Principal.Address = p.Address
		}
		return l, i >= 0
	}
	people := func(l []store.Person) ([]store.Person, bool) {
		l = slices.Clone(l)
		i := slices.IndexFunc(l, other)
		if i >= 0 {
			l[i].Address = p.Address
		}
		return l, i >= 0
	}
	count := func(is ...bool) {
		if slices.Contains(is, true) {
			changed++
		}
	}
	for _, a := range m.accounts {
		var one, two, three bool
		a.SchedulingACL, one = acl(a.SchedulingACL)
		a.Delegates, two = people(a.Delegates)
		a.Owners, three = people(a.Owners)
		count(one, two, three)
		for _, c := range a.calendars {
			c.ACL, one = acl(c.ACL)
			count(one)
		}
		for key, x := range a.subscriptions {
			if other(x.Owner) {
				x.Owner.Address = p.Address
				a.subscriptions[key] = x
				count(true)
			}
		}
	}
	return changed
}

// compareSharing compares what is shared with people, and for whom they may act.
func (r *run) compareSharing(in store.Reader) error {
	for _, id := range append(similar(), "nobody") {
		var shared, represented []string
		for x, err := range in.SharedWith(r.ctx, id) {
			if err != nil {
				return err
			}
			shared = append(shared, fmt.Sprintf("%s %s %s %s %q", x.Owner.ID, x.Owner.Address, x.Calendar.Name, x.Rights, x.Calendar.ACL))
		}
		for x, err := range in.ActsFor(r.ctx, id) {
			if err != nil {
				return err
			}
			represented = append(represented, fmt.Sprintf("%s %s %q %q %q", x.Account.ID, reasons(x), x.Account.Delegates, x.Account.Owners, x.Account.SchedulingACL))
		}
		wantShared, wantRepresented := r.model.sharing(id)
		slices.Sort(shared)
		slices.Sort(represented)
		if err := diffError("shared with "+id, wantShared, shared); err != nil {
			return err
		}
		if err := diffError("for whom "+id+" may act", wantRepresented, represented); err != nil {
			return err
		}
	}
	return nil
}

// sharing returns what compareSharing reads, sorted.
func (m *model) sharing(id string) (shared, represented []string) {
	is := func(p store.Person) bool { return p.ID == id }
	for _, a := range m.accounts {
		if !a.Active() {
			continue
		}
		x := &store.Represented{AsDelegate: slices.ContainsFunc(a.Delegates, is), AsOwner: slices.ContainsFunc(a.Owners, is)}
		for _, e := range a.SchedulingACL {
			x.ByRights = x.ByRights || is(e.Principal.Person) && slices.Contains([]byte(e.Rights), 'm')
		}
		if why := reasons(x); why != "" {
			represented = append(represented, fmt.Sprintf("%s %s %q %q %q", a.ID, why, a.Delegates, a.Owners, a.SchedulingACL))
		}
		for _, c := range a.calendars {
			for _, e := range c.ACL {
				if c.Calendar.Deleted.IsZero() && is(e.Principal.Person) && e.Rights != "n" {
					shared = append(shared, fmt.Sprintf("%s %s %s %s %q", a.ID, a.Mail(), c.Name, e.Rights, c.ACL))
				}
			}
		}
	}
	slices.Sort(shared)
	slices.Sort(represented)
	return shared, represented
}
