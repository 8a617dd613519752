package storetest

import (
	"context"
	"strings"
	"time"

	"github.com/davadmin/davadmin/pkg/store"
)

func accountTests() []test {
	return []test{
		{"Account", testAccount},
		{"AccountIDs", testAccountIDs},
		{"AccountExists", testAccountExists},
		{"AccountAddresses", testAccountAddresses},
		{"AccountUpdate", testAccountUpdate},
		{"AccountUpdateRejected", testAccountUpdateRejected},
		{"AccountDelete", testAccountDelete},
		{"AccountUndelete", testAccountUndelete},
		{"AccountUndeleteAddressTaken", testAccountUndeleteTaken},
		{"AccountDeletedByAddress", testDeletedByAddress},
	}
}

// An account is returned as it was created, with the fields that the store sets.
func testAccount(s *env) {
	if got := s.Backend(); got != Backend {
		s.t.Errorf("the back end is %q, want %q", got, Backend)
	}
	full := &store.NewAccount{Account: fullAccount("full", "full@example.com"), Calendars: []store.Calendar{fullCalendar("", "z"), calendar("", "a")}}
	bare := person("bare")
	s.create(full, bare)
	for _, made := range []*store.NewAccount{full, bare} {
		want := made.Account.Clone()
		want.Backend, want.Created, want.Changed = Backend, s.clock.stamp(), s.clock.stamp()
		got := s.home(made.Account.ID)
		want.Version = got.Account.Version
		s.same(want, got.Account, "the account")
		s.dated(got.Account.Created, "the date")
		var calendars []*store.Calendar
		for _, i := range []int{1, 0} { // in the order of the names
			if i < len(made.Calendars) {
				c := made.Calendars[i].Clone()
				c.Account, c.Created, c.Changed = made.Account.ID, want.Created, want.Created
				calendars = append(calendars, c)
			}
		}
		for i, c := range got.Calendars {
			if i < len(calendars) {
				calendars[i].Number, calendars[i].Version, calendars[i].Revision, calendars[i].Incarnation = c.Number, c.Version, c.Revision, c.Incarnation
			}
		}
		s.same(calendars, got.Calendars, "its calendars")
	}
	s.view(func(ctx context.Context, r store.Reader) error {
		_, err := r.Account(ctx, "nobody")
		s.wantClass(err, store.ErrNotFound, "an account that does not exist")
		_, err = r.AccountByAddress(ctx, "nobody@example.com")
		s.wantClass(err, store.ErrNotFound, "an address that does not exist")
		one, err := r.Account(ctx, "full")
		if err != nil {
			return err
		}
		one.Addresses[0], one.Delegates[0].ID, one.SchedulingACL[0].Rights = "mine", "mine", "mine"
		two, err := r.Account(ctx, "full")
		if err == nil && (two.Mail() != "full@example.com" || two.Delegates[0].ID == "mine" || two.SchedulingACL[0].Rights == "mine") {
			s.t.Error("the returned account is shared with the store")
		}
		return err
	})
}

// Ids are compared byte by byte, and in any letter case by AccountByFoldedID.
func testAccountIDs(s *env) {
	ids := []string{
		"abc", " abc", "abc ", "ab", "\u00e9", "e\u0301", "\u00c9", "a%", "a_", "ab\\", "'; DROP TABLE account; --", "\u202Eabc", "𝔘𝔫𝔦",
		"$1", "?", "NULL", strings.Repeat("x", store.MaxID), strings.Repeat("x", store.MaxID-1) + "Y", strings.Repeat("é", store.MaxID/2),
	}
	for i, id := range ids {
		s.create(person(id, "u"+strings.Repeat("u", i)+"@example.com"))
	}
	s.view(func(ctx context.Context, r store.Reader) error {
		for i, id := range ids {
			got, err := r.Account(ctx, id)
			if err != nil || got.ID != id || got.Mail() != "u"+strings.Repeat("u", i)+"@example.com" {
				s.t.Errorf("account %q is %+v, error %v", id, got, err)
			}
			if got, err = r.AccountByFoldedID(ctx, id); err != nil || got.ID != id {
				s.t.Errorf("AccountByFoldedID(%q) returns %+v, error %v", id, got, err)
			}
		}
		for id, want := range map[string]string{"AB": "ab", "AbC": "abc", "A%": "a%", "'; drop TABLE account; --": "'; DROP TABLE account; --", "null": "NULL"} {
			if got, err := r.AccountByFoldedID(ctx, id); err != nil || got.ID != want {
				s.t.Errorf("AccountByFoldedID(%q) returns %+v, error %v", id, got, err)
			}
			_, err := r.Account(ctx, id)
			s.wantClass(err, store.ErrNotFound, "account "+id)
		}
		for _, id := range []string{"a", "xbc", "a\u0308b", "", "a\x00b", "\xff", strings.Repeat("x", store.MaxID+1)} {
			_, err := r.Account(ctx, id)
			s.wantClass(err, store.ErrNotFound, "account "+id)
			_, err = r.AccountByFoldedID(ctx, id)
			s.wantClass(err, store.ErrNotFound, "AccountByFoldedID of "+id)
		}
		return nil
	})
}

// An id belongs to one account, in any letter case and whether deleted or not.
func testAccountExists(s *env) {
	s.create(withHome("there"), person("gone"))
	s.update(func(ctx context.Context, w store.Writer) error { return w.DeleteAccount(ctx, "gone") })
	for _, id := range []string{"there", "gone"} {
		s.rejects(store.ErrExists, "creating another account "+id, func(ctx context.Context, w store.Writer) error {
			err := w.CreateAccount(ctx, withHome(id, "other@example.com"))
			s.wantExists(err, "account", id)
			return err
		})
		s.rejects(store.ErrExists, "creating an account whose id differs only in letter case from "+id, func(ctx context.Context, w store.Writer) error {
			err := w.CreateAccount(ctx, withHome(strings.ToUpper(id), "other@example.com"))
			s.wantExists(err, "account", id)
			return err
		})
	}
}

// An address belongs to one active account, regardless of the case of ASCII letters.
func testAccountAddresses(s *env) {
	s.create(person("one", "One@Example.com", "alias@example.com"), person("accent", "\u00e9@example.com"))
	s.create(person("capital accent", "\u00c9@example.com")) // not an ASCII letter
	for _, address := range []string{"One@Example.com", "one@example.com", "ONE@EXAMPLE.COM", "ALIAS@example.com"} {
		s.rejects(store.ErrExists, "creating an account with the address "+address, func(ctx context.Context, w store.Writer) error {
			a := withHome("two", "two@example.com", "too@example.com")
			a.Account.Addresses = append(a.Account.Addresses, address)
			err := w.CreateAccount(ctx, a)
			s.wantExists(err, "address", "one")
			return err
		})
	}
	s.create(person("two", "two@example.com"))
	s.view(func(ctx context.Context, r store.Reader) error {
		for address, want := range map[string]string{
			"one@EXAMPLE.com": "one", "One@Example.com": "one", "Alias@example.com": "one", "TWO@example.com": "two",
			"\u00e9@example.com": "accent", "\u00c9@EXAMPLE.com": "capital accent",
		} {
			if got, err := r.AccountByAddress(ctx, address); err != nil || got.ID != want {
				s.t.Errorf("%s belongs to %+v, error %v", address, got, err)
			}
		}
		for _, address := range []string{"too@example.com", "ne@example.com", "%@example.com", "one_example.com", "one@example.com\n", "o\x00e@example.com", "\xff@example.com", ""} {
			_, err := r.AccountByAddress(ctx, address)
			s.wantClass(err, store.ErrNotFound, "the address "+address)
		}
		return nil
	})
}

// UpdateAccount writes everything except id, back end and timestamps.
func testAccountUpdate(s *env) {
	s.create(person("a", "a@example.com", "Alias@example.com"), person("b"))
	made := s.clock.stamp()
	want := fullAccount("a", "A@example.com") // also changes the letter case of the address
	want.Addresses = append(want.Addresses, "alias@EXAMPLE.com")
	s.update(func(ctx context.Context, w store.Writer) error {
		a, err := w.Account(ctx, "a")
		if err != nil {
			return err
		}
		want.Version = a.Version
		changed := want.Clone()
		changed.Backend, changed.Created, changed.Changed = "other", time.Unix(1, 0), time.Unix(2, 0)
		if err := w.UpdateAccount(ctx, changed); err != nil {
			return err
		}
		if changed.Version <= want.Version {
			s.t.Errorf("version %d follows %d", changed.Version, want.Version)
		}
		want.Version = changed.Version
		inside, err := w.Account(ctx, "a")
		s.same(changed.Version, inside.Version, "the version in the transaction")
		return err
	})
	want.Backend, want.Created, want.Changed = Backend, made, s.clock.stamp()
	s.same(&want, s.home("a").Account, "the changed account")
	s.same("b@example.com", s.home("b").Account.Mail(), "the other account")
	// Removed addresses become available; the others do not.
	s.update(func(ctx context.Context, w store.Writer) error {
		a, err := w.Account(ctx, "a")
		if err != nil {
			return err
		}
		a.Addresses = []string{"new@example.com", "alias@example.com"}
		return w.UpdateAccount(ctx, a)
	})
	s.create(person("c", "a@example.com"))
	s.rejects(store.ErrExists, "creating an account with a kept address", func(ctx context.Context, w store.Writer) error {
		return w.CreateAccount(ctx, person("d", "ALIAS@example.com"))
	})
	s.same(Backend, s.home("c").Account.Backend, "the back end")
}

func testAccountUpdateRejected(s *env) {
	s.create(person("a"), person("b"), person("gone"))
	stale := s.home("a").Account
	gone := s.home("gone").Account
	s.update(func(ctx context.Context, w store.Writer) error {
		if err := w.DeleteAccount(ctx, "gone"); err != nil {
			return err
		}
		return w.UpdateAccount(ctx, stale.Clone())
	})
	now := s.home("a").Account
	for what, c := range map[string]struct {
		class  error
		from   *store.Account
		change func(*store.Account)
	}{
		"an old version":                 {store.ErrConflict, stale, func(a *store.Account) { a.DisplayName = "lost update" }},
		"a future version":               {store.ErrConflict, now, func(a *store.Account) { a.Version++ }},
		"no version":                     {store.ErrConflict, now, func(a *store.Account) { a.Version = 0 }},
		"the address of another account": {store.ErrExists, now, func(a *store.Account) { a.Addresses = append(a.Addresses, "new@example.com", "B@EXAMPLE.com") }},
		"no address":                     {store.ErrInvalid, now, func(a *store.Account) { a.Addresses = nil }},
		"the same address twice":         {store.ErrInvalid, now, func(a *store.Account) { a.Addresses = append(a.Addresses, "A@example.com") }},
		"an invalid address":             {store.ErrInvalid, now, func(a *store.Account) { a.Addresses = append(a.Addresses, "a b@example.com") }},
		"no kind":                        {store.ErrInvalid, now, func(a *store.Account) { a.Kind = 0 }},
		"an unknown flag":                {store.ErrInvalid, now, func(a *store.Account) { a.Attendance = 8 }},
		"a letter of another list": {store.ErrInvalid, now, func(a *store.Account) {
			a.SchedulingACL = store.ACL{{Principal: store.Principal{Everyone: true}, Rights: "w"}}
		}},
		"a delegate without an id": {store.ErrInvalid, now, func(a *store.Account) { a.Delegates = []store.Person{{Address: "x@example.com"}} }},
		"an access list without an id": {store.ErrInvalid, now, func(a *store.Account) {
			a.SchedulingACL = store.ACL{{Principal: store.Principal{Person: store.Person{Address: "x@example.com"}}, Rights: "s"}}
		}},
		"an unknown id":     {store.ErrNotFound, now, func(a *store.Account) { a.ID = "A" }},
		"a deleted account": {store.ErrDeleted, gone, func(*store.Account) {}},
	} {
		a := c.from.Clone()
		c.change(a)
		s.rejects(c.class, "an update with "+what, func(ctx context.Context, w store.Writer) error { return w.UpdateAccount(ctx, a.Clone()) })
	}
}
