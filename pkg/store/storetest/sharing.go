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
	}
}

func testSubscriptions(s *scene) {
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
	s.dated(s.home("a").Subscriptions[0].Created, "the date")
	s.same([]store.Subscription(nil), s.home("b").Subscriptions, "subscriptions of the owner")
	for what, c := range map[string]struct {
		class error
		x     *store.Subscription
	}{
		"the same again":              {store.ErrExists, follow("a", "b", "calendar")},
		"by nobody":                   {store.ErrNotFound, follow("nobody", "b", "calendar")},
		"by who is deleted":           {store.ErrDeleted, follow("gone", "b", "calendar")},
		"of no name":                  {store.ErrInvalid, follow("a", "b", "")},
		"of no owner":                 {store.ErrInvalid, follow("a", "", "calendar")},
		"of an owner without address": {store.ErrInvalid, &store.Subscription{Account: "a", Owner: store.Person{ID: "b"}, Calendar: "new"}},
	} {
		s.refuses(c.class, "following "+what, func(ctx context.Context, w store.Writer) error {
			x := *c.x
			return w.Subscribe(ctx, &x)
		})
	}
	again := follow("a", "b", "calendar")
	again.Owner.Address = "other@example.com" // the id decides
	s.refuses(store.ErrExists, "following the same with another address", func(ctx context.Context, w store.Writer) error { return w.Subscribe(ctx, again) })
	for _, x := range [][3]string{{"a", "b", "Z"}, {"a", "c", "z"}, {"b", "a", "calendar"}, {"nobody", "b", "z"}} {
		s.refuses(store.ErrNotFound, "ending what is not", func(ctx context.Context, w store.Writer) error { return w.Unsubscribe(ctx, x[0], x[1], x[2]) })
	}
	s.update(func(ctx context.Context, w store.Writer) error { return w.Unsubscribe(ctx, "a", "b", "z") })
	s.same([]store.Subscription{want[0], want[1], want[3]}, s.home("a").Subscriptions, "subscriptions after one has ended")
	s.update(func(ctx context.Context, w store.Writer) error { return w.Subscribe(ctx, follow("a", "b", "z")) })
}

// The new address of a person is written wherever the person is named, and
// nowhere else: not to those whose ids are like the person's.
func testReaddress(s *scene) {
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
	if n < 5 { // acl, its two calendars, delegate, owner; subscriptions may count as well
		s.t.Errorf("it changed %d accounts and collections", n)
	}
	s.update(func(ctx context.Context, w store.Writer) error { return w.UndeleteAccount(ctx, "owner") })
	moved := slices.Clone(everyone)
	moved[2].Address = "new@example.com"
	h := s.home("acl")
	s.same(listOf(moved, "s"), h.Account.SchedulingACL, "the scheduling list")
	s.same(listOf(moved, "r"), h.Calendars[0].ACL, "the list of a calendar")
	s.same(listOf(moved, "rw"), h.Calendars[1].ACL, "the list of another one")
	s.same(moved, s.home("delegate").Account.Delegates, "the delegates")
	s.same(moved, s.home("owner").Account.Owners, "the owners")
	var owners []store.Person
	for _, x := range s.home("follower").Subscriptions {
		owners = append(owners, x.Owner)
	}
	slices.SortFunc(moved, func(a, b store.Person) int { return strings.Compare(a.ID, b.ID) })
	s.same(moved, owners, "the owners of what is followed")
	s.same(untouched, s.home("none"), "who is not concerned")
	s.refuses(store.ErrConflict, "a change from before the new address", func(ctx context.Context, w store.Writer) error { return w.UpdateAccount(ctx, stale.Clone()) })
	s.refuses(store.ErrConflict, "a change of the calendar from before", func(ctx context.Context, w store.Writer) error { return w.UpdateCalendar(ctx, staleCalendar.Clone()) })
	s.update(readdress)
	if n != 0 {
		s.t.Errorf("the same address again changes %d", n)
	}
	s.refuses(store.ErrInvalid, "a new address that is none", func(ctx context.Context, w store.Writer) error {
		_, err := w.Readdress(ctx, store.Person{ID: id, Address: "no address"})
		return err
	})
}

// listOf gives people rights, and everyone none.
func listOf(people []store.Person, rights string) (out store.ACL) {
	for _, p := range people {
		out = append(out, store.ACE{Principal: store.Principal{Person: p}, Rights: rights})
	}
	return append(out, store.ACE{Principal: store.Principal{Everyone: true}, Rights: "n"})
}

// nameEverywhere makes accounts that name people in every place that there is:
// acl, delegate, owner (which is deleted) and follower; and the account none,
// which names others.
func (s *scene) nameEverywhere(people, others []store.Person) {
	s.t.Helper()
	acl, delegate, owner, none := withHome("acl"), withHome("delegate"), withHome("owner"), withHome("none")
	acl.Account.SchedulingACL, acl.Calendars[0].ACL, acl.Calendars[1].ACL = listOf(people, "s"), listOf(people, "r"), listOf(people, "rw")
	delegate.Account.Delegates, owner.Account.Owners = people, people
	none.Account.Delegates, none.Calendars[0].ACL = others, listOf(others, "r")
	s.create(acl, delegate, owner, none, withHome("follower"))
	s.update(func(ctx context.Context, w store.Writer) error {
		for _, p := range people {
			if err := w.Subscribe(ctx, &store.Subscription{Account: "follower", Owner: p, Calendar: "calendar"}); err != nil {
				return err
			}
		}
		return w.DeleteAccount(ctx, "owner") // it may come back, and must be right then
	})
}
