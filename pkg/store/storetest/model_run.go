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

	"github.com/davadmin/davadmin/internal/seed"
	"github.com/davadmin/davadmin/pkg/store"
)

// testModel makes random changes in a store and in a model, and compares the classes of
// all errors and the complete content.
func testModel(t *testing.T, e Engine) {
	lowerDefault(t, "rapid.checks", "100", "12")
	seed.Rapid(t)
	rapid.Check(t, func(rt *rapid.T) {
		clock := newClock()
		opened, err := e.Open(t.Context(), e.New(t), Options{Backend: Backend, Now: clock.Now})
		if err != nil {
			rt.Fatal(err)
		}
		defer opened.Close() //nolint:errcheck // the other tests check it
		r := &run{rt: rt, ctx: t.Context(), store: opened, clock: clock, model: newModel(), tokens: map[int][]seenToken{}}
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

// lowerDefault sets a flag of rapid until the end of the test, if it still has its
// default value.
func lowerDefault(t *testing.T, name, standard, value string) {
	t.Helper()
	f := flag.Lookup(name)
	if f == nil || f.Value.String() != standard {
		return
	}
	if err := flag.Set(name, value); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = flag.Set(name, standard) })
}

// run is a sequence of transactions on a store and a model.
type run struct {
	rt     *rapid.T
	ctx    context.Context
	store  store.Store
	clock  *clock
	model  *model
	serial int
	tokens map[int][]seenToken // by serial of the calendar
}

// seenToken is a token that the store returned after a number of changes.
type seenToken struct {
	token store.Token
	seen  int // number of changes before it
}

// transaction makes several changes in one transaction, which is rolled back if undone
// is set. All changes of a transaction have the same time.
func (r *run) transaction(actions []action, undone bool) {
	r.clock.advance(time.Second)
	undo := errors.New("undone")
	var next *model
	err := r.store.Update(r.ctx, func(ctx context.Context, w store.Writer) error {
		next = r.model.clone()
		next.now = r.clock.stamp()
		for _, a := range actions {
			want := a.model(next)
			if err := a.engine(r.ctx, w); !isOnly(err, want) {
				return fmt.Errorf("%s: got error %w, want %w", a.what, orNoError(err), orNoError(want))
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

// errNone represents a nil error in a message.
var errNone = errors.New("no error")

// orNoError returns err, or errNone if err is nil.
func orNoError(err error) error {
	if err == nil {
		return errNone
	}
	return err
}

// compare compares the complete content of the store with the model.
func (r *run) compare() {
	err := r.store.View(r.ctx, func(ctx context.Context, in store.Reader) error {
		all, err := readAll(r.ctx, in)
		if err != nil {
			return err
		}
		if len(all) != len(r.model.accounts) {
			return fmt.Errorf("the store has %d accounts, want %d", len(all), len(r.model.accounts))
		}
		for id, want := range r.model.accounts {
			if err := r.compareHome(in, want, all[id]); err != nil {
				return fmt.Errorf("account %s: %w", id, err)
			}
		}
		return errors.Join(r.compareAddresses(in), r.compareSharing(in))
	})
	if err != nil {
		r.rt.Fatalf("%v", err)
	}
}

// diffError returns an error if the values differ, ignoring versions and revisions.
func diffError(what string, want, got any) error {
	counted := cmp.Options{
		cmpopts.EquateEmpty(),
		cmpopts.IgnoreFields(store.Account{}, "Version", "Changed"),
		cmpopts.IgnoreFields(store.Calendar{}, "Version", "Changed", "Revision", "Number", "Incarnation"),
		cmpopts.IgnoreFields(store.Component{}, "Revision"),
	}
	if diff := cmp.Diff(want, got, counted); diff != "" {
		return fmt.Errorf("%s (-want +got):\n%s", what, diff)
	}
	return nil
}

func (r *run) compareHome(in store.Reader, want *modelAccount, got home) error {
	if got.Account == nil {
		return store.ErrNotFound
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
	err := r.compareExtras(in, want, got.Extras)
	usage.Attachments, usage.AttachmentBytes = want.attached()
	err = errors.Join(err, diffError("the account", &want.Account, got.Account), diffError("its calendars", calendars, got.Calendars), diffError("its subscriptions", followed, got.Subscriptions))
	if err != nil || !want.Active() {
		return err
	}
	err = errors.Join(diffError("its deletions", want.deletions(), got.Deletions), diffError("its usage", usage, got.Usage))
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
	if err := diffError("components of "+c.Name, components, got.Components[c.Name]); err != nil {
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
			return fmt.Errorf("a token after %d changes is accepted, although %d changes are purged", m.seen, c.forgotten)
		}
	}
	r.tokens[c.serial] = append(r.tokens[c.serial], seenToken{now, len(c.log)})
	return nil
}

// changes compares the changes since a token.
func (r *run) changes(in store.Reader, c *modelCalendar, since store.Token, want []string) (store.Token, error) {
	changes, now, err := readChanges(r.ctx, in, c.Account, c.Name, since, 0)
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
	return now, diffError(fmt.Sprintf("changes of %s since %v", c.Name, since), want, got)
}

// compareAddresses compares the owners of some addresses.
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
