package account

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/davadmin/davadmin/pkg/store"
	"github.com/davadmin/davadmin/pkg/store/backends"
)

// failing is a set of back ends of which one fails when it is used.
type failing struct {
	*faultyStores
	backend string
}

func (s *failing) Open(ctx context.Context, backend string) (store.Store, error) {
	if backend == s.backend {
		return nil, &store.PlaceError{Where: "two.example.com", Err: store.ErrUnavailable}
	}
	return s.faultyStores.Open(ctx, backend)
}

// A Finder waits for back ends that cannot be read only if it has not found what it looks
// for, and once.
func TestFinderWaitsOnlyForWhatIsMissing(t *testing.T) {
	s := newStores(t)
	for i, backend := range []string{"one", "two"} {
		if _, err := work(t, s, Create(nil), newItem(backend, i)); err != nil {
			t.Fatal(err)
		}
	}
	waits := 0
	f := &Finder{Stores: s, Backends: []string{"one"}, Unseen: []string{"two"}}
	back := []string{}
	f.Reopen = func(context.Context) ([]string, error) { waits++; return back, nil }
	if _, err := f.ByAddress(t.Context(), "0@example.com"); err != nil || waits != 0 {
		t.Errorf("found: waited %d times, error %v", waits, err)
	}
	for range 3 {
		var none *NoAccountError
		if _, err := f.ByAddress(t.Context(), "1@example.com"); !errors.As(err, &none) || !slices.Equal(none.Unseen, []string{"two"}) || waits != 1 {
			t.Errorf("still unseen: waited %d times, error %v", waits, err)
		}
	}
	back, f.Reopen = []string{"two"}, func(context.Context) ([]string, error) { return back, nil }
	if found, err := f.ByAddress(t.Context(), "1@example.com"); err != nil || found.Backend != "two" || len(f.Unseen) != 0 {
		t.Errorf("back again: %v, error %v", found, err)
	}
	if _, err := f.ByAddress(t.Context(), "9@example.com"); err == nil || err.Error() != "no such account" {
		t.Errorf("got error %v", err)
	}
}

// A back end that fails during a search is unseen from then on if the run may continue
// without it; otherwise the error names it, and not the back end of the item.
func TestFinderLosesABackend(t *testing.T) {
	s := &failing{newStores(t), "two"}
	if _, err := work(t, s, Create(nil), newItem("one", 0)); err != nil {
		t.Fatal(err)
	}
	f := &Finder{Stores: s, Backends: []string{"one", "two"}, Lost: Lost{}}
	if found, err := f.ByAddress(t.Context(), "0@example.com"); err != nil || found.Backend != "one" || f.Lost["two"] == nil {
		t.Errorf("got %v, error %v, lost %v", found, err, f.Lost)
	}
	if _, err := f.ByID(t.Context(), "ID-9"); err == nil || !strings.HasSuffix(err.Error(), "cannot be read: two") {
		t.Errorf("got error %v", err)
	}
	f = &Finder{Stores: s, Backends: []string{"one", "two"}}
	var about *BackendError
	if _, err := f.ByAddress(t.Context(), "0@example.com"); !errors.As(err, &about) || about.Backend != "two" {
		t.Errorf("got error %v", err)
	}
	// A search for another back end inside a transaction blames that one.
	subscribe := Subscribe(f, func(*Item) []CollectionURI { return []CollectionURI{{"9@example.com", "calendar"}} }, true)
	if _, err := work(t, s, InTransaction(subscribe, nil), newItem("one", 0)); !errors.As(err, &about) || about.Backend != "two" {
		t.Errorf("got error %v", err)
	}
}

// The address of an account is changed everywhere or not at all.
func TestAddressIsNotChangedWithALostBackend(t *testing.T) {
	s := newStores(t)
	item := newItem("one", 0)
	if _, err := work(t, s, Create(nil), item); err != nil {
		t.Fatal(err)
	}
	change := newItem("one", 0)
	change.Properties = Properties{{"addresses", "new@example.com"}}
	var results []Result
	b := &AddressBatch{Stores: s, Backends: []string{"one"}, Prepare: SetProperties(nil), Unseen: Lost{"two": store.ErrUnavailable}, Report: func(o Outcome) error {
		results = append(results, o.Result)
		if !errors.Is(o.Err, ErrUnseen) {
			t.Errorf("got error %v", o.Err)
		}
		return nil
	}}
	if err := errors.Join(b.Add(t.Context(), change), b.End(t.Context())); err != nil || !slices.Equal(results, []Result{Failed}) {
		t.Errorf("got %v, error %v", results, err)
	}
	f := &Finder{Stores: s, Backends: []string{"one"}}
	if _, err := f.ByAddress(t.Context(), "0@example.com"); err != nil {
		t.Error(err)
	}
}

// An address that cannot be looked up fails the items that name it, from what was looked up in
// advance: a lookup in the transaction of an item would be inside of it.
func TestPrefetchKeepsErrors(t *testing.T) {
	calls := 0
	people := func(_ context.Context, addresses []string) (PeopleByAddress, error) {
		calls++
		found := PeopleByAddress{}
		for _, a := range addresses {
			if a == "bad@example.com" {
				return nil, &store.InvalidError{Field: "address", Value: a, Reason: "belongs to several people"}
			}
			found[a] = store.Person{ID: "ID-" + a, Address: a}
		}
		return found, nil
	}
	acl := func(address string) Properties { return Properties{{"acl", address + ":m"}} }
	prefetched, err := PrefetchPeople(t.Context(), people, store.SchedulingACL, acl("good@example.com"), acl("bad@example.com"))
	if err != nil {
		t.Fatal(err)
	}
	before := calls
	if found, err := prefetched(t.Context(), []string{"good@example.com"}); err != nil || found["good@example.com"].ID == "" {
		t.Errorf("got %v, error %v", found, err)
	}
	if _, err := prefetched(t.Context(), []string{"good@example.com", "bad@example.com"}); !errors.Is(err, store.ErrInvalid) {
		t.Errorf("got error %v", err)
	}
	if calls != before {
		t.Errorf("%d lookups while the items were worked on", calls-before)
	}
}

// An entry whose account may be on an unseen back end is not one without an account.
func TestEntryOfAnUnseenBackend(t *testing.T) {
	s := newStores(t)
	entries := newEntries(t.TempDir())
	defer entries.Close()
	if err := entries.add(0, &Entry{DN: "uid=x", IDs: []string{"ID-x"}}); err != nil {
		t.Fatal(err)
	}
	for _, unseen := range [][]string{nil, {"two"}} {
		f := &Finder{Stores: s, Backends: []string{"one"}, Unseen: unseen}
		skipped, refused := 0, 0
		for item, err := range f.ItemsForEntries(t.Context(), entries, nil, &skipped) {
			if err != nil {
				t.Fatal(err)
			}
			if item.Refused != nil {
				refused++
			}
		}
		if skipped != 1-len(unseen) || refused != len(unseen) {
			t.Errorf("unseen %v: skipped %d, refused %d", unseen, skipped, refused)
		}
	}
}

// All back ends are opened at once, so that those that are silent are waited for together.
func TestExistingOpensAllAtOnce(t *testing.T) {
	var all []backends.Location
	for _, name := range []string{"a", "b", "c"} {
		all = append(all, backends.Location{Backend: name, File: filepath.Join(t.TempDir(), name)})
	}
	set := backends.New(all, "a", backends.Options{})
	defer set.Close()
	together := make(chan struct{}, len(all))
	names, lost, err := set.Existing(t.Context(), func(ctx context.Context, backend string) (store.Store, error) {
		for together <- struct{}{}; len(together) < len(all); {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
		}
		if backend == "b" {
			return nil, store.ErrUnavailable
		}
		return nil, nil //nolint:nilnil // nobody uses it
	})
	if err != nil || !slices.Equal(names, []string{"a", "c"}) || len(lost) != 1 || lost[0].Backend != "b" {
		t.Errorf("got %v, %v, error %v", names, lost, err)
	}
}
