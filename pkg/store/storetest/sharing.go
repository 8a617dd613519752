package storetest

import (
	"context"
	"slices"
	"strings"

	"github.com/davadmin/davadmin/pkg/store"
)

func sharingTests() []test {
	return []test{
		{"Subscriptions", testSubscriptions},
		{"Readdress", testReaddress},
		{"SharedWith", testSharedWith},
		{"ActsFor", testActsFor},
	}
}

// Subscriptions are listed by owner and name, and identified by the id of the owner.
func testSubscriptions(s *env) {
	s.create(withHome("a"), withHome("b"), person("gone"))
	s.update(func(ctx context.Context, w store.Writer) error { return w.DeleteAccount(ctx, "gone") })
	follow := func(account, owner, name string) *store.Subscription {
		return &store.Subscription{Account: account, Owner: store.Person{ID: owner, Address: owner + "@example.com"}, Calendar: name}
	}
	var want []store.Subscription
	for _, x := range []*store.Subscription{follow("a", "b", "z"), follow("a", "B", "z"), follow("a", "b", "calendar"), follow("a", "elsewhere", "calendar")} {
		s.update(func(ctx context.Context, w store.Writer) error { return w.Subscribe(ctx, x) })
		x.Created = s.clock.stamp()
		want = append(want, *x)
	}
	want[0], want[1], want[2] = want[1], want[2], want[0] // by owner and name
	s.same(want, s.home("a").Subscriptions, "subscriptions")
	s.dated(s.home("a").Subscriptions[0].Created, "the time of creation")
	s.same([]store.Subscription(nil), s.home("b").Subscriptions, "subscriptions of the owner")
	for what, c := range map[string]struct {
		class error
		x     *store.Subscription
	}{
		"to the same calendar again":                   {store.ErrExists, follow("a", "b", "calendar")},
		"of an unknown account":                        {store.ErrNotFound, follow("nobody", "b", "calendar")},
		"of a deleted account":                         {store.ErrDeleted, follow("gone", "b", "calendar")},
		"to a calendar without a name":                 {store.ErrInvalid, follow("a", "b", "")},
		"to a calendar without an owner":               {store.ErrInvalid, follow("a", "", "calendar")},
		"to a calendar of an owner without an address": {store.ErrInvalid, &store.Subscription{Account: "a", Owner: store.Person{ID: "b"}, Calendar: "new"}},
	} {
		s.rejects(c.class, "a subscription "+what, func(ctx context.Context, w store.Writer) error {
			x := *c.x
			return w.Subscribe(ctx, &x)
		})
	}
	again := follow("a", "b", "calendar")
	again.Owner.Address = "other@example.com" // the id identifies the owner
	s.rejects(store.ErrExists, "a subscription to the same calendar with another address", func(ctx context.Context, w store.Writer) error { return w.Subscribe(ctx, again) })
	for _, x := range [][3]string{{"a", "b", "Z"}, {"a", "c", "z"}, {"b", "a", "calendar"}, {"nobody", "b", "z"}} {
		s.rejects(store.ErrNotFound, "removing an unknown subscription", func(ctx context.Context, w store.Writer) error { return w.Unsubscribe(ctx, x[0], x[1], x[2]) })
	}
	s.update(func(ctx context.Context, w store.Writer) error { return w.Unsubscribe(ctx, "a", "b", "z") })
	s.same([]store.Subscription{want[0], want[1], want[3]}, s.home("a").Subscriptions, "subscriptions after one was removed")
	s.update(func(ctx context.Context, w store.Writer) error { return w.Subscribe(ctx, follow("a", "b", "z")) })
}

// Readdress updates the address of a person everywhere, and no address of a person with
// a similar id.
func testReaddress(s *env) {
	const id = "p_%'1"
	who := store.Person{ID: id, Address: "old@example.com"}
	like := []store.Person{{ID: "P_%'1", Address: "old@example.com"}, {ID: "p_%'12", Address: "old@example.com"}, {ID: "px%'1", Address: "old@example.com"}}
	everyone := []store.Person{like[0], like[1], who, like[2]}
	s.nameEverywhere(everyone, like)
	stale, staleCalendar, untouched := s.home("delegate").Account, s.home("acl").Calendars[0], s.home("none")
	n := 0
	readdress := func(ctx context.Context, w store.Writer) (err error) {
		n, err = w.Readdress(ctx, store.Person{ID: id, Address: "new@example.com"})
		return err
	}
	s.update(readdress)
	if n != 6 { // acl, its two calendars, delegate, owner, and a subscription
		s.t.Errorf("Readdress changed %d accounts, collections and subscriptions, want 6", n)
	}
	s.update(func(ctx context.Context, w store.Writer) error { return w.UndeleteAccount(ctx, "owner") })
	moved := slices.Clone(everyone)
	moved[2].Address = "new@example.com"
	h := s.home("acl")
	s.same(aclOf(moved, "s"), h.Account.SchedulingACL, "the scheduling ACL")
	s.same(aclOf(moved, "r"), h.Calendars[0].ACL, "the ACL of a calendar")
	s.same(aclOf(moved, "rw"), h.Calendars[1].ACL, "the ACL of another calendar")
	s.same(moved, s.home("delegate").Account.Delegates, "the delegates")
	s.same(moved, s.home("owner").Account.Owners, "the owners")
	var owners []store.Person
	for _, x := range s.home("follower").Subscriptions {
		owners = append(owners, x.Owner)
	}
	slices.SortFunc(moved, func(a, b store.Person) int { return strings.Compare(a.ID, b.ID) })
	s.same(moved, owners, "the owners of the subscribed calendars")
	s.same(untouched, s.home("none"), "the account that does not name the person")
	s.rejects(store.ErrConflict, "an account update with the version before Readdress", func(ctx context.Context, w store.Writer) error { return w.UpdateAccount(ctx, stale.Clone()) })
	s.rejects(store.ErrConflict, "a calendar update with the version before Readdress", func(ctx context.Context, w store.Writer) error { return w.UpdateCalendar(ctx, staleCalendar.Clone()) })
	s.update(readdress)
	if n != 0 {
		s.t.Errorf("Readdress with the same address changed %d", n)
	}
	s.rejects(store.ErrInvalid, "an invalid new address", func(ctx context.Context, w store.Writer) error {
		_, err := w.Readdress(ctx, store.Person{ID: id, Address: "no address"})
		return err
	})
}

// aclOf returns an access list that grants rights to people, and none to everyone.
func aclOf(people []store.Person, rights string) (out store.ACL) {
	for _, p := range people {
		out = append(out, store.ACE{Principal: store.Principal{Person: p}, Rights: rights})
	}
	return append(out, store.ACE{Principal: store.Principal{Everyone: true}, Rights: "n"})
}

// nameEverywhere creates accounts that name people in every possible place: acl,
// delegate, owner (which it deletes) and follower. The account none names others.
func (s *env) nameEverywhere(people, others []store.Person) {
	s.t.Helper()
	acl, delegate, owner, none := withHome("acl"), withHome("delegate"), withHome("owner"), withHome("none")
	acl.Account.SchedulingACL, acl.Calendars[0].ACL, acl.Calendars[1].ACL = aclOf(people, "s"), aclOf(people, "r"), aclOf(people, "rw")
	delegate.Account.Delegates, owner.Account.Owners = people, people
	none.Account.Delegates, none.Calendars[0].ACL = others, aclOf(others, "r")
	s.create(acl, delegate, owner, none, withHome("follower"))
	s.update(func(ctx context.Context, w store.Writer) error {
		for _, p := range people {
			if err := w.Subscribe(ctx, &store.Subscription{Account: "follower", Owner: p, Calendar: "calendar"}); err != nil {
				return err
			}
		}
		return w.DeleteAccount(ctx, "owner") // it may be restored, and must be correct then
	})
}
