package storetest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/davadmin/davadmin/pkg/store"
)

func loaderTests() []test {
	return []test{
		{"Load", testLoad},
		{"LoadRejected", testLoadRejected},
		{"LoadTaken", testTaken},
	}
}

// loader returns the store as a Loader. If it is not a Loader, the test is skipped.
func (s *env) loader() store.Loader {
	s.t.Helper()
	l, ok := s.Store.(store.Loader)
	if !ok {
		s.t.Skipf("%s does not implement store.Loader", s.e.Name)
	}
	return l
}

// sampleAccounts returns n different accounts.
func sampleAccounts(n int) []*store.NewAccount {
	var out []*store.NewAccount
	for i := range n {
		id := fmt.Sprintf("loaded %04d", i)
		switch i % 3 {
		case 0:
			out = append(out, withHome(id))
		case 1:
			out = append(out, person(id))
		default:
			a := withHome(id)
			a.Account = fullAccount(id, fmt.Sprintf("full%d@example.com", i))
			a.Account.DisplayName = hostileTexts()[i%(len(hostileTexts())-2)]
			a.Calendars = append(a.Calendars, fullCalendar("", "work"))
			out = append(out, a)
		}
	}
	return out
}

// takeIncarnations removes the incarnations of calendars, and expects that no two are equal.
func (s *env) takeIncarnations(stores ...map[string]home) {
	s.t.Helper()
	seen := map[int64]bool{}
	for _, homes := range stores {
		for _, h := range homes {
			for _, c := range h.Calendars {
				if seen[c.Incarnation] || c.Incarnation == 0 {
					s.t.Errorf("calendar %s of %s has the incarnation %d of another one", c.Name, c.Account, c.Incarnation)
				}
				seen[c.Incarnation] = true
				c.Incarnation = 0
			}
		}
	}
}

// Load creates the same accounts as CreateAccount.
func testLoad(s *env) {
	l := s.loader()
	const many = 210
	load := func(accounts []*store.NewAccount) error { return l.Load(s.t.Context(), accounts) }
	var copied []*store.NewAccount
	for _, a := range sampleAccounts(many) {
		copied = append(copied, clone(a))
	}
	if err := errors.Join(load(copied[:1]), load(nil), load(copied[1:])); err != nil {
		s.t.Fatal(err)
	}
	loaded := s.everything()
	other := newEnv(s.t, s.e)
	other.clock.at = s.clock.at.Add(-time.Second) // create advances the clock
	other.create(sampleAccounts(many)...)
	created := other.everything()
	s.takeIncarnations(created, loaded)
	s.same(created, loaded, "loaded accounts compared with created ones")
	// Loaded accounts can be changed.
	s.update(func(ctx context.Context, w store.Writer) error {
		a, err := w.AccountByAddress(ctx, "loaded-0003@example.com")
		if err != nil {
			return err
		}
		c := calendar(a.ID, "new")
		return errors.Join(w.UpdateAccount(ctx, a), w.CreateCalendar(ctx, &c), w.PutComponent(ctx, a.ID, "new", event("1.ics"), store.Condition{}))
	})
}

// A Load that fails creates none of the accounts.
func testLoadRejected(s *env) {
	l := s.loader()
	s.create(person("there", "There@example.com"), person("gone"))
	s.update(func(ctx context.Context, w store.Writer) error { return w.DeleteAccount(ctx, "gone") })
	before := s.everything()
	for what, c := range map[string]struct {
		class error
		last  *store.NewAccount
	}{
		"an existing account":    {store.ErrExists, withHome("there", "new@example.com")},
		"a deleted account":      {store.ErrExists, withHome("gone", "new@example.com")},
		"an existing address":    {store.ErrExists, withHome("new", "new@example.com", "THERE@example.com")},
		"the same account twice": {store.ErrExists, withHome("loaded 0000", "new@example.com")},
		"the same address twice": {store.ErrExists, withHome("new", "Loaded-0000@example.com")},
		"an invalid account":     {store.ErrInvalid, person("new", "no address")},
	} {
		s.clock.advance(time.Second)
		err := l.Load(s.t.Context(), append(sampleAccounts(40), c.last))
		s.wantClass(err, c.class, "loading "+what)
		s.same(before, s.everything(), "after loading "+what)
	}
	ctx, cancel := context.WithCancel(s.t.Context())
	cancel()
	if err := l.Load(ctx, sampleAccounts(10)); !errors.Is(err, context.Canceled) {
		s.t.Errorf("loading with a cancelled context: got error %v", err)
	}
	s.same(before, s.everything(), "after loading with a cancelled context")
	if err := l.Load(s.t.Context(), sampleAccounts(40)); err != nil {
		s.t.Errorf("loading after the failures: %v", err)
	}
}

// Taken finds ids in any letter case, deleted or not, and addresses of active accounts.
func testTaken(s *env) {
	l := s.loader()
	s.create(person("There", "There@example.com", "alias@example.com"), person("gone", "gone@example.com"), person("other", "was@example.com"))
	s.update(func(ctx context.Context, w store.Writer) error { return w.DeleteAccount(ctx, "gone") })
	asked := []*store.NewAccount{
		person("THERE", "new@example.com"), person("gone", "GONE@example.com"), person("new", "Alias@Example.com", "more@example.com", "WAS@example.com"), person("\x00", "\xff@example.com"),
	}
	for i := range 3000 {
		asked = append(asked, person(fmt.Sprintf("nobody %d", i)))
	}
	got, err := l.Taken(s.t.Context(), asked)
	if err != nil {
		s.t.Fatal(err)
	}
	s.same([]string{"gone", "there"}, slices.Sorted(maps.Keys(got.IDs)), "ids in use")
	s.same(map[string]string{"alias@example.com": "There", "was@example.com": "other"}, got.Addresses, "addresses in use")
	for id, folded := range map[string]string{"There": "there", "gone": "gone"} {
		s.same(s.home(id).Account, got.IDs[folded], "the account "+id)
	}
	if got, err := l.Taken(s.t.Context(), nil); err != nil || len(got.IDs)+len(got.Addresses) != 0 {
		s.t.Errorf("Taken without accounts returns %+v, error %v", got, err)
	}
}
