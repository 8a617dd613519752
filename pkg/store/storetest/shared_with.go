package storetest

import (
	"context"
	"fmt"
	"time"

	"github.com/davadmin/davadmin/pkg/store"
)

// similar returns ids that only a comparison byte by byte tells apart.
func similar() []string { return []string{"P_%'1", "p_%'1", "p_%'12", "px%'1"} }

// shared returns the calendars that are shared with a person, as 'owner/name:rights'.
func (s *env) shared(person string) []string {
	s.t.Helper()
	var out []string
	s.view(func(ctx context.Context, r store.Reader) error {
		for x, err := range r.SharedWith(ctx, person) {
			if err != nil {
				return err
			}
			out = append(out, x.Owner.Address+"/"+x.Calendar.Name+":"+x.Rights)
			c, err := r.Calendar(ctx, x.Owner.ID, x.Calendar.Name) // while the sequence is being read
			if err != nil {
				return err
			}
			s.same(c, x.Calendar, "a calendar that is shared with "+person)
		}
		return nil
	})
	return out
}

// represented returns the accounts for which a person may act, as 'id' and the letters
// d, o and m for the reasons.
func (s *env) represented(person string) []string {
	s.t.Helper()
	var out []string
	s.view(func(ctx context.Context, r store.Reader) error {
		for x, err := range r.ActsFor(ctx, person) {
			if err != nil {
				return err
			}
			out = append(out, x.Account.ID+":"+reasons(x))
			a, err := r.Account(ctx, x.Account.ID)
			if err != nil {
				return err
			}
			s.same(a, x.Account, "an account for which "+person+" may act")
		}
		return nil
	})
	return out
}

// reasons returns a letter for each reason why a person may act.
func reasons(x *store.Represented) string {
	out := ""
	for _, reason := range []struct {
		letter string
		given  bool
	}{{"d", x.AsDelegate}, {"o", x.AsOwner}, {"m", x.ByRights}} {
		if reason.given {
			out += reason.letter
		}
	}
	return out
}

// A calendar is shared with the people whom its list names by id, unless it is deleted or
// the list grants nothing.
func testSharedWith(s *env) {
	who := similar()[1]
	names := func(id, rights string) store.ACL {
		return store.ACL{{Principal: store.Principal{Person: store.Person{ID: id, Address: "b@example.com"}}, Rights: rights}}
	}
	b, a, c := withHome("1", "b@example.com"), withHome("2", "a@example.com"), withHome("3", "c@example.com")
	b.Calendars[0].ACL = append(names("other", "w"), names(who, "r")...)
	b.Calendars[1].ACL = names(who, "n")
	b.Account.SchedulingACL = names(who, "fsm") // is no calendar
	a.Calendars[0].ACL, a.Calendars[1].ACL = names(who, "rw"), append(names(who, "a"), store.ACE{Principal: store.Principal{Everyone: true}, Rights: "r"})
	c.Calendars[0].ACL = names(who, "d")
	for i, id := range []string{similar()[0], similar()[2], similar()[3]} {
		c.Calendars[i+1].ACL = names(id, "r")
	}
	everyone, inDomain := calendar("1", "everyone"), calendar("1", "domain")
	everyone.ACL = store.ACL{{Principal: store.Principal{Everyone: true}, Rights: "rw"}}
	inDomain.ACL = store.ACL{{Principal: store.Principal{Domain: who}, Rights: "rw"}} // as text, it is equal to the id
	s.create(a, b, c)
	s.update(func(ctx context.Context, w store.Writer) error {
		return firstError(w.CreateCalendar(ctx, everyone.Clone()), w.CreateCalendar(ctx, inDomain.Clone()))
	})
	all := []string{"a@example.com/calendar:rw", "a@example.com/" + store.InboxName + ":a", "b@example.com/calendar:r", "c@example.com/calendar:d"}
	s.same(all, s.shared(who), "shared calendars")
	s.same([]string{"c@example.com/" + store.InboxName + ":r"}, s.shared(similar()[0]), "calendars shared with a similar id")
	for _, id := range []string{"", "nobody", "example.com", "b@example.com", "%", "p_%'_", "\x00", "\xff"} {
		s.same([]string(nil), s.shared(id), fmt.Sprintf("calendars shared with %q", id))
	}
	s.same([]string{"b@example.com/calendar:w"}, s.shared("other"), "calendars shared with another person")
	s.afterDeletions(all, func() []string { return s.shared(who) })
	s.update(func(ctx context.Context, w store.Writer) error {
		x, err := w.Calendar(ctx, "2", store.DefaultCalendar)
		if err != nil {
			return err
		}
		x.ACL = names(who, "n")
		return w.UpdateCalendar(ctx, x)
	})
	s.same(all[1:3], s.shared(who), "shared calendars after one was withdrawn")
}

// afterDeletions checks a listing of something of the accounts 2, 2, 1 and 3, the first
// in the default calendar of 2, while some of it is deleted. The account 3 is purged.
func (s *env) afterDeletions(all []string, listed func() []string) {
	s.t.Helper()
	s.update(func(ctx context.Context, w store.Writer) error {
		return firstError(w.DeleteAccount(ctx, "1"), w.DeleteAccount(ctx, "3"), w.DeleteCalendar(ctx, "2", store.DefaultCalendar))
	})
	s.same(all[1:2], listed(), "without what is deleted")
	replaced := calendar("2", store.DefaultCalendar)
	s.update(func(ctx context.Context, w store.Writer) error {
		return firstError(w.UndeleteAccount(ctx, "1"), w.CreateCalendar(ctx, replaced.Clone()))
	})
	s.same(all[1:3], listed(), "with an account that was restored, and a calendar of the name of a deleted one")
	s.update(func(ctx context.Context, w store.Writer) error {
		return firstError(w.DeleteCalendar(ctx, "2", store.DefaultCalendar), w.UndeleteAccount(ctx, "3"))
	})
	s.clock.advance(time.Second)
	s.update(func(ctx context.Context, w store.Writer) error { return w.DeleteAccount(ctx, "3") })
	s.clock.advance(time.Hour)
	if got := s.purgeBefore(s.clock.stamp(), 50); got.Accounts != 1 || got.Calendars < 2 {
		s.t.Errorf("purged %+v", got)
	}
	s.same(all[1:3], listed(), "after a purge")
	again := withHome("3", "c@example.com")
	again.Calendars[0].ACL = nil
	s.create(again)
	s.same(all[1:3], listed(), "with an account of the id of a purged one")
	fresh := calendar("2", store.DefaultCalendar)
	fresh.ACL = store.ACL{{Principal: store.Principal{Person: store.Person{ID: similar()[1], Address: "b@example.com"}}, Rights: "rw"}}
	s.update(func(ctx context.Context, w store.Writer) error { return w.CreateCalendar(ctx, fresh.Clone()) })
	s.same(all[:3], listed(), "with a calendar of the name of a purged one")
}

// firstError returns the first error that is not nil.
func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// A person may act for the accounts of which they are a delegate or an owner, and those
// whose scheduling list says so.
func testActsFor(s *env) {
	who := store.Person{ID: similar()[1], Address: "who@example.com"}
	list := func(p store.Person, rights string) store.ACL {
		return store.ACL{{Principal: store.Principal{Person: p}, Rights: rights}}
	}
	one, two, three, four, five := withHome("1", "e@example.com"), withHome("2", "d@example.com"), withHome("3", "c@example.com"), withHome("4", "b@example.com"), withHome("5", "a@example.com")
	one.Account.Delegates = []store.Person{{ID: "x", Address: "x@example.com"}, who, who}
	two.Account.Owners = []store.Person{who}
	three.Account.SchedulingACL = list(who, "fsm")
	four.Account.SchedulingACL, four.Account.Owners, four.Account.Delegates = list(who, "m"), []store.Person{who}, []store.Person{who}
	five.Account.SchedulingACL, five.Calendars[0].ACL = list(who, "fs"), list(who, "a")
	for _, id := range []string{similar()[0], similar()[2], similar()[3]} {
		like := store.Person{ID: id, Address: who.Address}
		five.Account.Delegates, five.Account.Owners = append(five.Account.Delegates, like), append(five.Account.Owners, like)
	}
	s.create(one, two, three, four, five)
	s.same([]string{"4:dom", "3:m", "2:o", "1:d"}, s.represented(who.ID), "accounts for which a person may act")
	s.same([]string{"5:do"}, s.represented(similar()[2]), "accounts for which a person with a similar id may act")
	for _, id := range []string{"", "nobody", "example.com", who.Address, "%", "p_%'_", "\x00", "\xff"} {
		s.same([]string(nil), s.represented(id), fmt.Sprintf("accounts for which %q may act", id))
	}
	s.update(func(ctx context.Context, w store.Writer) error {
		return firstError(w.DeleteAccount(ctx, "1"), w.DeleteAccount(ctx, "4"))
	})
	s.same([]string{"3:m", "2:o"}, s.represented(who.ID), "without deleted accounts")
	s.update(func(ctx context.Context, w store.Writer) error { return w.UndeleteAccount(ctx, "1") })
	s.clock.advance(time.Hour)
	if got := s.purgeBefore(s.clock.stamp(), 50); got.Accounts != 1 {
		s.t.Errorf("purged %+v", got)
	}
	s.same([]string{"3:m", "2:o", "1:d"}, s.represented(who.ID), "after an account was restored and another one purged")
	s.create(withHome("4", "b@example.com"))
	s.update(func(ctx context.Context, w store.Writer) error {
		a, err := w.Account(ctx, "1")
		if err != nil {
			return err
		}
		a.Delegates, a.Owners = a.Delegates[:1], []store.Person{who}
		return w.UpdateAccount(ctx, a)
	})
	s.same([]string{"3:m", "2:o", "1:o"}, s.represented(who.ID), "after a change")
	s.same([]string{"1:d"}, s.represented("x"), "accounts for which another delegate may act")
}
