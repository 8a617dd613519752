package storetest

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/davadmin/davadmin/pkg/store"
)

// testModel makes random changes in a store and in a model, and compares the
// classes of all errors and everything that can be read.
func testModel(t *testing.T, e Engine) {
	fewer(t, "rapid.checks", "100", "12")
	rapid.Check(t, func(rt *rapid.T) {
		clock := newClock()
		opened, err := e.Open(t.Context(), e.New(t), Options{Backend: Backend, Now: clock.Now})
		if err != nil {
			rt.Fatal(err)
		}
		defer opened.Close() //nolint:errcheck // the scenes look at it
		r := &run{rt: rt, ctx: t.Context(), store: opened, clock: clock, model: newModel(), tokens: map[int][]mark{}}
		r.transaction(firstActions(), false)
		for range rapid.IntRange(10, 25).Draw(rt, "transactions") {
			var actions []action
			for range rapid.IntRange(1, 8).Draw(rt, "actions") {
				r.serial++
				actions = append(actions, drawAction(rt, r.serial))
			}
			r.transaction(actions, rapid.IntRange(0, 5).Draw(rt, "undone") == 0)
			r.compare()
		}
	})
}

// fewer sets a number of rapid that nobody has set, until the test ends.
func fewer(t *testing.T, name, usual, number string) {
	t.Helper()
	f := flag.Lookup(name)
	if f == nil || f.Value.String() != usual {
		return
	}
	if err := flag.Set(name, number); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = flag.Set(name, usual) })
}

// run is one walk of store and model.
type run struct {
	rt     *rapid.T
	ctx    context.Context
	store  store.Store
	clock  *clock
	model  *model
	serial int
	tokens map[int][]mark // of calendars by their serial
}

// mark is a token that was handed out after so many changes.
type mark struct {
	token store.Token
	seen  int
}

// transaction makes some changes at once, which may be undone in the end. All of
// one transaction have one date.
func (r *run) transaction(actions []action, undone bool) {
	r.clock.advance(time.Second)
	undo := errors.New("undone")
	var next *model
	err := r.store.Update(r.ctx, func(w store.Writer) error {
		next = r.model.clone()
		next.now = r.clock.stamp()
		for _, a := range actions {
			want := a.model(next)
			if err := a.engine(r.ctx, w); !isOnly(err, want) {
				return fmt.Errorf("%s gives %w, want %w", a.what, orNil(err), orNil(want))
			}
		}
		if undone {
			return undo
		}
		return nil
	})
	switch {
	case undone && errors.Is(err, undo):
	case err != nil:
		r.rt.Fatalf("%v", err)
	default:
		r.model = next
	}
	for _, a := range actions {
		r.rt.Logf("%s (undone: %v)", a.what, undone)
	}
}

// errNone stands for no error in a message.
var errNone = errors.New("no error")

func orNil(err error) error {
	if err == nil {
		return errNone
	}
	return err
}

// compare reads everything.
func (r *run) compare() {
	err := r.store.View(r.ctx, func(in store.Reader) error {
		all, err := readAll(r.ctx, in)
		if err != nil {
			return err
		}
		if len(all) != len(r.model.accounts) {
			return fmt.Errorf("there are %d accounts, want %d", len(all), len(r.model.accounts))
		}
		for id, want := range r.model.accounts {
			if err := r.compareHome(in, want, all[id]); err != nil {
				return fmt.Errorf("account %s: %w", id, err)
			}
		}
		return r.compareAddresses(in)
	})
	if err != nil {
		r.rt.Fatalf("%v", err)
	}
}

// differ compares, but for what the store counts.
func differ(what string, want, got any) error {
	counted := cmp.Options{
		cmpopts.EquateEmpty(),
		cmpopts.IgnoreFields(store.Account{}, "Version", "Changed"),
		cmpopts.IgnoreFields(store.Calendar{}, "Version", "Changed", "Revision", "Number"),
		cmpopts.IgnoreFields(store.Component{}, "Revision"),
	}
	if diff := cmp.Diff(want, got, counted); diff != "" {
		return fmt.Errorf("%s (-want +got):\n%s", what, diff)
	}
	return nil
}

func (r *run) compareHome(in store.Reader, want *modelAccount, got home) error {
	if got.Account == nil {
		return errors.New("it is not there")
	}
	var calendars []*store.Calendar
	usage := store.Usage{Subscriptions: len(want.subscriptions)}
	sorted := slices.Clone(want.calendars)
	slices.SortStableFunc(sorted, func(a, b *modelCalendar) int { return cmpStrings(a.Name, b.Name) })
	for _, c := range sorted {
		calendars = append(calendars, &c.Calendar)
		if !c.Calendar.Deleted.IsZero() {
			continue
		}
		usage.Calendars++
		usage.Components += len(c.components)
		for _, x := range c.components {
			usage.Bytes += int64(len(x.Text))
		}
	}
	var followed []store.Subscription
	for _, x := range want.subscriptions {
		followed = append(followed, x)
	}
	slices.SortFunc(followed, func(a, b store.Subscription) int {
		return cmpStrings(a.Owner.ID+"\x00"+a.Calendar, b.Owner.ID+"\x00"+b.Calendar)
	})
	err := errors.Join(differ("the account", &want.Account, got.Account), differ("its calendars", calendars, got.Calendars), differ("its subscriptions", followed, got.Subscriptions))
	if err != nil || !want.Active() {
		return err
	}
	err = errors.Join(differ("its deletions", want.deletions(), got.Deletions), differ("what it holds", usage, got.Usage))
	for _, c := range sorted {
		if err == nil && c.Calendar.Deleted.IsZero() {
			err = r.compareCalendar(in, c, got)
		}
	}
	return err
}

func cmpStrings(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func (r *run) compareCalendar(in store.Reader, c *modelCalendar, got home) error {
	var components []*store.Component
	for _, x := range c.components {
		x.ETag, x.Size = store.ETagOf(x.Text), int64(len(x.Text))
		components = append(components, &x)
	}
	slices.SortFunc(components, func(a, b *store.Component) int { return cmpStrings(a.Name, b.Name) })
	if err := differ("components of "+c.Name, components, got.Components[c.Name]); err != nil {
		return err
	}
	var present []string
	for _, x := range c.since(0) {
		if x[0] != '-' {
			present = append(present, x)
		}
	}
	now, err := r.changes(in, c, store.Token{}, present)
	if err != nil {
		return err
	}
	for _, m := range r.tokens[c.serial] {
		_, err := r.changes(in, c, m.token, c.since(m.seen))
		if errors.Is(err, store.ErrTokenOld) && m.seen < c.forgotten {
			continue
		}
		if err != nil {
			return fmt.Errorf("a token after %d of %d changes, %d of them purged: %w", m.seen, len(c.log), c.forgotten, err)
		}
		if m.seen < c.forgotten {
			return fmt.Errorf("a token after %d changes is good, though %d are purged", m.seen, c.forgotten)
		}
	}
	r.tokens[c.serial] = append(r.tokens[c.serial], mark{now, len(c.log)})
	return nil
}

// changes compares those since a token.
func (r *run) changes(in store.Reader, c *modelCalendar, since store.Token, want []string) (store.Token, error) {
	changes, now, err := in.Changes(r.ctx, c.Account, c.Name, since)
	if err != nil {
		return now, err
	}
	var got []string
	for _, x := range changes {
		if x.Deleted {
			x.Name = "-" + x.Name
		}
		got = append(got, x.Name)
	}
	return now, differ(fmt.Sprintf("changes of %s since %v", c.Name, since), want, got)
}

// compareAddresses looks addresses up.
func (r *run) compareAddresses(in store.Reader) error {
	for _, address := range []string{"a@example.com", "B@example.com", "c@Example.com", "d@example.com"} {
		var want, got string
		for id, a := range r.model.accounts {
			if a.Active() && slices.ContainsFunc(a.Addresses, func(x string) bool { return store.FoldAddress(x) == store.FoldAddress(address) }) {
				want = id
			}
		}
		switch a, err := in.AccountByAddress(r.ctx, address); {
		case err == nil:
			got = a.ID
		case !isOnly(err, store.ErrNotFound):
			return err
		}
		if got != want {
			return fmt.Errorf("%s belongs to '%s', want '%s'", address, got, want)
		}
	}
	return nil
}
