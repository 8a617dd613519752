package storetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/davadmin/davadmin/internal/seed"
	"github.com/davadmin/davadmin/internal/tier"
	"github.com/davadmin/davadmin/pkg/store"
)

func stormTests() []test { return []test{{"Storm", testStorm}} }

// The accounts of a storm. Each address is one that several of them want.
const (
	stormAccounts  = 3
	stormAddresses = 4
)

func stormID(random *rand.Rand) string { return fmt.Sprintf("storm %d", random.IntN(stormAccounts)) }

func stormAddress(random *rand.Rand) string {
	return fmt.Sprintf("storm%d@example.com", random.IntN(stormAddresses))
}

func stormCalendar(random *rand.Rand) string { return fmt.Sprintf("calendar %d", random.IntN(2)) }

// Writers that do anything at the same time to a few accounts leave a store in which
// everything fits together, and get no errors but those that a writer alone can get.
func testStorm(s *env) {
	const writers = 6
	rounds := tier.Soak(s.t, "DAVADMIN_SOAK_STORM", 40, 400)
	handles := []store.Store{s.Store, s.open()}
	ctx, random := s.t.Context(), seed.New(s.t)
	seeds := make([]uint64, writers)
	for i := range seeds {
		seeds[i] = random.Uint64()
	}
	errs := concurrently(writers, func(i int) error {
		own := rand.New(rand.NewPCG(seeds[i], 0))
		for range rounds {
			s.clock.advance(time.Second)
			plan := own.Uint64() // a transaction that is run again does the same
			err := handles[i%2].Update(ctx, func(ctx context.Context, w store.Writer) error {
				random := rand.New(rand.NewPCG(plan, 0))
				for range 1 + random.IntN(3) {
					if err := s.stormChange(ctx, w, random); !isExpected(err) {
						return err
					}
				}
				return nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err := errors.Join(errs...); err != nil {
		s.t.Fatal(err)
	}
	s.wantConsistent()
	for i := range stormAccounts {
		s.wantGone(fmt.Sprintf("storm %d", i))
	}
}

// isExpected reports whether a change that is made alone can end so.
func isExpected(err error) bool {
	for _, class := range []error{nil, store.ErrNotFound, store.ErrExists, store.ErrConflict, store.ErrDeleted, store.ErrInvalid} {
		if isOnly(err, class) {
			return true
		}
	}
	return false
}

// stormChange makes a random change.
func (s *env) stormChange(ctx context.Context, w store.Writer, random *rand.Rand) error {
	id, name := stormID(random), stormCalendar(random)
	resource := fmt.Sprintf("%d.ics", random.IntN(3))
	friend := store.Person{ID: fmt.Sprintf("friend %d", random.IntN(2)), Address: fmt.Sprintf("friend%d@example.org", random.IntN(100))}
	switch random.IntN(17) {
	case 0:
		return w.CreateAccount(ctx, stormHome(id, stormAddress(random), friend))
	case 1:
		return w.DeleteAccount(ctx, id)
	case 2, 3:
		return w.UndeleteAccount(ctx, id)
	case 4:
		return stormUpdate(ctx, w, id, stormAddress(random))
	case 5:
		c := calendar(id, name)
		return w.CreateCalendar(ctx, &c)
	case 6:
		return w.DeleteCalendar(ctx, id, name)
	case 7:
		return w.UndeleteCalendar(ctx, id, name)
	case 8, 9:
		return w.PutComponent(ctx, id, name, event(resource), store.Condition{})
	case 10:
		return w.DeleteComponent(ctx, id, name, resource, store.Condition{})
	case 11:
		return w.UndeleteComponent(ctx, id, name, resource)
	case 12:
		return w.RenameCalendar(ctx, id, name, stormCalendar(random))
	case 13:
		return w.MoveCalendar(ctx, id, name, stormID(random), stormCalendar(random))
	case 14:
		from := store.Place{Account: id, Calendar: name, Name: resource}
		to := store.Place{Account: stormID(random), Calendar: stormCalendar(random), Name: resource}
		return w.MoveComponent(ctx, from, to, random.IntN(2) == 0, store.Condition{})
	case 15:
		_, err := w.Readdress(ctx, friend)
		return err
	}
	_, err := w.Purge(ctx, s.clock.Now().Add(-10*time.Second), 2)
	return err
}

// stormHome returns an account with both calendars.
func stormHome(id, address string, friend store.Person) *store.NewAccount {
	a := person(id, address)
	a.Account.Delegates = []store.Person{friend}
	for i := range 2 {
		a.Calendars = append(a.Calendars, calendar("", fmt.Sprintf("calendar %d", i)))
	}
	return a
}

// stormUpdate gives an account another address.
func stormUpdate(ctx context.Context, w store.Writer, id, address string) error {
	a, err := w.Account(ctx, id)
	if err != nil {
		return err
	}
	a.Addresses = []string{address}
	return w.UpdateAccount(ctx, a)
}

// wantConsistent expects that what the store contains fits together.
func (s *env) wantConsistent() {
	s.t.Helper()
	for id, h := range s.everything() {
		active, numbers := map[string]bool{}, map[int64]bool{}
		for _, c := range h.Calendars {
			if c.Deleted.IsZero() && active[c.Name] || numbers[c.Number] {
				s.t.Errorf("account '%s' has two calendars '%s' or %d", id, c.Name, c.Number)
			}
			active[c.Name], numbers[c.Number] = active[c.Name] || c.Deleted.IsZero(), true
		}
		for name, components := range h.Components {
			s.wantConsistentCalendar(id, name, components, h.Changes[name])
		}
		s.view(func(ctx context.Context, r store.Reader) error {
			for _, address := range h.Account.Addresses {
				owner, err := r.AccountByAddress(ctx, address)
				switch {
				case errors.Is(err, store.ErrNotFound) && !h.Account.Active():
				case err != nil:
					s.t.Errorf("address %s of account '%s': %v", address, id, err)
				case (owner.ID == id) != h.Account.Active():
					s.t.Errorf("address %s of account '%s', active: %t, belongs to '%s'", address, id, h.Account.Active(), owner.ID)
				}
			}
			return nil
		})
	}
}

// wantConsistentCalendar expects that each resource of a calendar has its own UID, and a
// revision of its own that is not greater than that of the calendar.
func (s *env) wantConsistentCalendar(id, name string, components []*store.Component, changes []store.Change) {
	s.t.Helper()
	uids, revisions := map[string]bool{}, map[int64]bool{}
	for _, m := range components {
		if uids[m.UID] || revisions[m.Revision] {
			s.t.Errorf("calendar '%s' of '%s' has UID %s or revision %d twice", name, id, m.UID, m.Revision)
		}
		uids[m.UID], revisions[m.Revision] = true, true
	}
	for _, c := range changes {
		if !c.Deleted && !revisions[c.Revision] {
			s.t.Errorf("calendar '%s' of '%s' has a change of %s at revision %d, but no such component", name, id, c.Name, c.Revision)
		}
	}
}

// wantGone expects that nothing is left of an account that was purged.
func (s *env) wantGone(id string) {
	s.t.Helper()
	s.view(func(ctx context.Context, r store.Reader) error {
		if _, err := r.Account(ctx, id); !errors.Is(err, store.ErrNotFound) {
			return err
		}
		calendars, err := collect(r.Calendars(ctx, id, store.CalendarFilter{State: store.AnyState}))
		if err != nil {
			return err
		}
		deletions, err := collect(r.Deletions(ctx, id))
		if err != nil {
			return err
		}
		subscriptions, err := r.Subscriptions(ctx, id)
		if len(calendars)+len(deletions)+len(subscriptions) > 0 {
			s.t.Errorf("the purged account '%s' has calendars %s, %d deletions and %d subscriptions", id, names(calendars), len(deletions), len(subscriptions))
		}
		return err
	})
}

func names(calendars []*store.Calendar) string {
	var out []string
	for _, c := range calendars {
		out = append(out, c.Name)
	}
	return strings.Join(out, ", ")
}
