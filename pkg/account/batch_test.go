package account

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/davadmin/davadmin/pkg/store"
	"github.com/davadmin/davadmin/pkg/store/backends"
)

// faulty is a store whose next updates end as planned.
type faulty struct {
	store.Store
	plan  []fault
	calls int
}

// fault is the way in which an update ends.
type fault uint8

const (
	well    fault = iota
	gone          // nothing happened
	lost          // it was committed, and the answer was lost
	notSent       // it was not committed, and the caller does not know
	twice         // it conflicted with another transaction, and the store tries again
	damaged       // nothing happened, and trying again does not help
	alone         // it was committed, and the standby server did not confirm it
)

var errOther = errors.New("disk on fire")

func (f *faulty) next() fault {
	f.calls++
	if len(f.plan) == 0 {
		return well
	}
	next := f.plan[0]
	f.plan = f.plan[1:]
	return next
}

func (f *faulty) end(next fault, do func(commit bool) error) error {
	unknown := &store.CommitUnknown{Err: errors.New("connection reset")}
	switch next {
	case gone:
		return fmt.Errorf("%w (refused)", store.ErrUnavailable)
	case lost:
		if err := do(true); err != nil {
			return err
		}
		return unknown
	case alone:
		if err := do(true); err != nil {
			return err
		}
		return &store.CommitUnknown{Unreplicated: true, Err: errors.New("cancelled")}
	case notSent:
		if err := do(false); err != nil {
			return err
		}
		return unknown
	case twice:
		if err := do(false); err != nil {
			return err
		}
	case damaged:
		if err := do(false); err != nil {
			return err
		}
		return errOther
	}
	return do(true)
}

var errBack = errors.New("rolled back")

// Update implements store.Store.
func (f *faulty) Update(ctx context.Context, fn func(context.Context, store.Writer) error) error {
	return f.end(f.next(), func(commit bool) error {
		err := f.Store.Update(ctx, func(ctx context.Context, w store.Writer) error {
			if err := fn(ctx, w); err != nil || commit {
				return err
			}
			return errBack
		})
		if errors.Is(err, errBack) {
			return nil
		}
		return err
	})
}

// Load implements store.Loader.
func (f *faulty) Load(ctx context.Context, accounts []*store.NewAccount) error {
	return f.end(f.next(), func(commit bool) error {
		if !commit {
			return nil
		}
		return f.Store.(store.Loader).Load(ctx, accounts)
	})
}

// Taken implements store.Loader.
func (f *faulty) Taken(ctx context.Context, accounts []*store.NewAccount) (store.Taken, error) {
	return f.Store.(store.Loader).Taken(ctx, accounts)
}

// faultyStores are two back ends, one of them faulty.
type faultyStores struct {
	*backends.Set
	faulty *faulty
}

// Open implements Stores.
func (s *faultyStores) Open(ctx context.Context, backend string) (store.Store, error) {
	st, err := s.Set.Open(ctx, backend)
	if err != nil || backend != "one" {
		return st, err
	}
	if s.faulty.Store == nil {
		s.faulty.Store = st
	}
	return s.faulty, nil
}

func newStores(t *testing.T, plan ...fault) *faultyStores {
	t.Helper()
	dir := t.TempDir()
	var all []backends.Location
	for _, name := range []string{"one", "two"} {
		l := backends.Location{Backend: name, File: filepath.Join(dir, name+".sqlite")}
		if err := l.Create(t.Context(), backends.Options{}); err != nil {
			t.Fatal(err)
		}
		all = append(all, l)
	}
	s := &faultyStores{Set: backends.New(all, "one", backends.Options{Wait: time.Second}), faulty: &faulty{plan: plan}}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func newItem(backend string, i int) *Item {
	address := fmt.Sprintf("%d@example.com", i)
	id := fmt.Sprintf("ID-%d", i)
	return &Item{Line: address, Name: address, Backend: backend, ID: id, New: &store.NewAccount{
		Account:   store.Account{ID: id, Kind: store.User, Addresses: []string{address}},
		Calendars: Collections("", []string{"VEVENT"}, nil),
	}}
}

// undoLog keeps undo lines, like a file.
type undoLog struct{ lines []string }

func (w *undoLog) keep(lines []string) (func() error, error) {
	had := len(w.lines)
	w.lines = append(w.lines, lines...)
	return func() error { w.lines = w.lines[:had]; return nil }, nil
}

// work runs a batch, and returns the results in the order of the items.
func work(t *testing.T, s Stores, do Group, items ...*Item) ([]Result, error) {
	t.Helper()
	got := map[*Item]Result{}
	b := &Batch{Stores: s, Do: do, Size: 3, Retry: Retry{For: 5 * time.Second}, Report: func(o Outcome) error {
		if _, again := got[o.Item]; again {
			t.Errorf("%s was reported twice", o.Item.Name)
		}
		got[o.Item] = o.Result
		return nil
	}}
	for _, item := range items {
		if err := b.Add(t.Context(), item); err != nil {
			t.Fatal(err)
		}
	}
	err := b.End(t.Context())
	out := make([]Result, len(items))
	for i, item := range items {
		out[i] = got[item]
	}
	return out, err
}

func count(t *testing.T, s Stores, backend string) (n int64) {
	t.Helper()
	st, err := s.Open(t.Context(), backend)
	if err != nil {
		t.Fatal(err)
	}
	err = st.View(t.Context(), func(ctx context.Context, r store.Reader) (err error) {
		n, err = r.CountAccounts(t.Context(), store.AccountFilter{})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// Whatever happens to the connection, each account is created once and reported as
// created, and the undo log contains it at least once and nothing else.
func TestBatchCreatesThroughFaults(t *testing.T) {
	for _, plan := range [][]fault{{}, {gone, gone}, {lost}, {notSent}, {lost, lost}, {gone, lost, well, notSent}, {twice}, {notSent, twice, lost}} {
		for _, size := range []int{1, 7} {
			s := newStores(t, slices.Clone(plan)...)
			var items []*Item
			var want []string
			for i := range size {
				items = append(items, newItem("one", i))
				want = append(want, RequestLine(items[i].ID, nil))
			}
			var w undoLog
			results, err := work(t, s, Create(w.keep), items...)
			if err != nil {
				t.Fatalf("%v, %d: %v", plan, size, err)
			}
			for i, r := range results {
				if r != Created {
					t.Errorf("%v, %d: item %d ended as %s", plan, size, i, r)
				}
			}
			slices.Sort(want)
			slices.Sort(w.lines)
			if lines := slices.Compact(w.lines); count(t, s, "one") != int64(size) || !slices.Equal(lines, want) {
				t.Errorf("%v, %d: %d accounts, undo log %q", plan, size, count(t, s, "one"), lines)
			}
		}
	}
}

// A permanent failure leaves no line in the undo log: undoing would otherwise undo what
// other runs did.
func TestBatchForgetsUndoOfAFailedGroup(t *testing.T) {
	for _, size := range []int{1, 2} {
		s := newStores(t, damaged)
		var w undoLog
		items := []*Item{newItem("one", 1), newItem("one", 2), newItem("two", 3)}[:size]
		results, err := work(t, s, Create(w.keep), items...)
		if !errors.Is(err, errOther) || results[0] != NotDone || len(w.lines) != 0 || count(t, s, "one") != 0 {
			t.Errorf("%v, %v, undo log %q", results, err, w.lines)
		}
	}
}

// Of two concurrent runs, the second creates nothing, and has nothing to undo.
func TestLoadConflictsWithAnotherRun(t *testing.T) {
	s := newStores(t)
	st, err := s.Set.Open(t.Context(), "one")
	if err != nil {
		t.Fatal(err)
	}
	other := newItem("one", 1).New
	quick := &quickLoader{faulty{Store: st}, func() {
		if err := st.(store.Loader).Load(t.Context(), []*store.NewAccount{other}); err != nil {
			t.Error(err)
		}
	}}
	var w undoLog
	items := []*Item{newItem("one", 1), newItem("one", 2)}
	outcomes, err := Create(w.keep)(t.Context(), quick, items, false)
	if err != nil || outcomes[0].Result != Already || outcomes[1].Result != Created || !slices.Equal(w.lines, []string{"id=ID-2"}) {
		t.Errorf("%+v, %v, undo log %q", outcomes, err, w.lines)
	}
}

// quickLoader lets another run load between the check and the load of this one.
type quickLoader struct {
	faulty
	other func()
}

// Load implements store.Loader.
func (q *quickLoader) Load(ctx context.Context, accounts []*store.NewAccount) error {
	q.other()
	return q.faulty.Load(ctx, accounts)
}

// Changes whose answer was lost are reported as changes, with one undo line that
// restores the state before.
func TestBatchChangesThroughFaults(t *testing.T) {
	nobody := func(context.Context, []string) (PeopleByAddress, error) { return nil, nil }
	for _, plan := range [][]fault{{}, {gone}, {lost}, {notSent}, {lost, gone}, {twice}} {
		s := newStores(t)
		items := []*Item{newItem("one", 1), newItem("one", 2)}
		if _, err := work(t, s, Create(nil), items...); err != nil {
			t.Fatal(err)
		}
		s.faulty.plan = plan
		for _, item := range items {
			item.Properties = Properties{{"displayname", "new"}}
		}
		var w undoLog
		results, err := work(t, s, InTransaction(Modify(nobody), w.keep), items...)
		if err != nil || !slices.Equal(results, []Result{Changed, Changed}) {
			t.Errorf("%v: %v, %v", plan, results, err)
		}
		slices.Sort(w.lines)
		if lines := slices.Compact(w.lines); !slices.Equal(lines, []string{"id=ID-1:displayname=", "id=ID-2:displayname="}) {
			t.Errorf("%v: undo log %q", plan, lines)
		}
		s.faulty.plan = slices.Clone(plan)
		if results, err = work(t, s, InTransaction(Delete, nil), items...); err != nil || !slices.Equal(results, []Result{Deleted, Deleted}) {
			t.Errorf("%v: %v, %v", plan, results, err)
		}
	}
}

// contended is a store in which another transaction is in the way of each transaction:
// it is run again twice before it commits.
type contended struct {
	store.Store
	commits int
	// failAt is the number of the commit that fails instead; 0 for none.
	failAt int
}

var errRolledBack = errors.New("rolled back")

func (c *contended) Update(ctx context.Context, fn func(context.Context, store.Writer) error) error {
	for range maxAttempts {
		err := c.Store.Update(ctx, func(ctx context.Context, w store.Writer) error {
			if err := fn(ctx, w); err != nil {
				return err
			}
			return errRolledBack
		})
		if !errors.Is(err, errRolledBack) {
			return err
		}
	}
	return c.Store.Update(ctx, func(ctx context.Context, w store.Writer) error {
		if err := fn(ctx, w); err != nil {
			return err
		}
		if c.commits++; c.commits == c.failAt {
			return store.ErrFull
		}
		return nil
	})
}

// Two runs that change the same accounts in different orders stop each other for ever
// if each insists on all of them in one transaction.
func TestContendedItemsAreDivided(t *testing.T) {
	s := newStores(t)
	st, err := s.Open(t.Context(), "one")
	if err != nil {
		t.Fatal(err)
	}
	items := make([]*Item, 7)
	for i := range items {
		items[i] = newItem("one", i)
	}
	c := &contended{Store: st, failAt: 5}
	var w undoLog
	create := InTransaction(CreateOne, w.keep)
	outcomes, err := create(t.Context(), c, items, false)
	if !errors.Is(err, store.ErrFull) || len(outcomes) != 4 || len(w.lines) != 4 || count(t, s, "one") != 4 {
		t.Fatalf("%d outcomes, %d undo lines, %d accounts, %v; want 4 of each and ErrFull", len(outcomes), len(w.lines), count(t, s, "one"), err)
	}
	for i, o := range complete(items, outcomes, Outcome{Result: NotDone}) {
		if want := map[bool]Result{true: Created, false: NotDone}[i < 4]; o.Item != items[i] || o.Result != want {
			t.Errorf("item %d: %s, want %s", i, o.Result, want)
		}
	}
	c.failAt = 0
	outcomes, err = create(t.Context(), c, items, true)
	if err != nil || len(outcomes) != len(items) || len(w.lines) != len(items) {
		t.Fatalf("again: %d outcomes, %d undo lines, %v", len(outcomes), len(w.lines), err)
	}
	for i, o := range outcomes {
		if o.Item != items[i] || o.Result != Created {
			t.Errorf("again: item %d is %s", i, o.Result)
		}
	}
}

// A dry run reports what would be done, and does nothing.
func TestDryRun(t *testing.T) {
	s := newStores(t)
	if _, err := work(t, s, Create(nil), newItem("one", 1)); err != nil {
		t.Fatal(err)
	}
	thief := newItem("one", 3)
	thief.New.Account.Addresses = []string{"1@EXAMPLE.com"}
	results, err := work(t, s, DryRun(CreateOne), newItem("one", 1), newItem("one", 2), thief)
	if err != nil || !slices.Equal(results, []Result{Already, Created, Failed}) || count(t, s, "one") != 1 {
		t.Errorf("%v, %v", results, err)
	}
}

// An account is not created on a second back end.
func TestRefuseDuplicates(t *testing.T) {
	s := newStores(t)
	do := RefuseDuplicates(s, []string{"one", "two"}, nil, Create(nil))
	if _, err := work(t, s, do, newItem("one", 1), newItem("two", 2)); err != nil {
		t.Fatal(err)
	}
	thief := newItem("two", 3)
	thief.New.Account.Addresses = append(thief.New.Account.Addresses, "1@example.com")
	results, err := work(t, s, do, newItem("two", 1), newItem("one", 2), newItem("one", 4), thief, newItem("two", 5))
	if err != nil || !slices.Equal(results, []Result{Failed, Failed, Created, Failed, Created}) {
		t.Errorf("%v, %v", results, err)
	}
	// Once it is deleted there, it can be created here.
	if _, err := work(t, s, InTransaction(Delete, nil), newItem("one", 1)); err != nil {
		t.Fatal(err)
	}
	if results, err := work(t, s, do, newItem("two", 1)); err != nil || results[0] != Created {
		t.Errorf("%v, %v", results, err)
	}
}

// An error caused by a conflicting transaction looks like an error of the item. No more
// statements are accepted then, and the store must start again.
func TestApplyNoticesADeadTransaction(t *testing.T) {
	s := newStores(t)
	st, err := s.Open(t.Context(), "one")
	if err != nil {
		t.Fatal(err)
	}
	dead := false
	step := func(_ context.Context, _ store.Writer, item *Item, _ bool) (Outcome, []string, error) {
		dead = true
		return Outcome{Item: item}, nil, fmt.Errorf("conflicting transaction: %w", store.ErrConflict)
	}
	err = st.Update(t.Context(), func(ctx context.Context, w store.Writer) error {
		_, _, err := apply(t.Context(), &deadWriter{w, &dead}, step, []*Item{newItem("one", 1)}, false)
		return err
	})
	if !errors.Is(err, store.ErrConflict) {
		t.Errorf("%v", err)
	}
}

// deadWriter accepts nothing once it is dead, like PostgreSQL in a failed transaction.
type deadWriter struct {
	store.Writer
	dead *bool
}

// AccountByFoldedID implements store.Reader.
func (w *deadWriter) AccountByFoldedID(ctx context.Context, id string) (*store.Account, error) {
	if *w.dead {
		return nil, errors.New("current transaction is aborted")
	}
	return w.Writer.AccountByFoldedID(ctx, id)
}

// An address that is unknown or ambiguous is the failure of one item only.
func TestPrefetchPeopleAsksOnce(t *testing.T) {
	asked := 0
	people := func(_ context.Context, addresses []string) (PeopleByAddress, error) {
		asked++
		out := PeopleByAddress{}
		for _, a := range addresses {
			if a == "twin@example.com" {
				return nil, ambiguous(a, ErrAmbiguous)
			}
			out[a] = store.Person{ID: "ID-" + a, Address: a}
		}
		return out, nil
	}
	known, err := PrefetchPeople(t.Context(), people, store.SchedulingACL, Properties{{"acl", "a@example.com:m"}}, Properties{{"delegates", "b@example.com A@example.com"}}, Properties{{"acl", "broken"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range []string{"a@example.com", "B@example.com"} {
		if _, err := known(t.Context(), []string{a}); err != nil {
			t.Error(err)
		}
	}
	if asked != 1 {
		t.Errorf("asked %d times", asked)
	}
	if who, err := known(t.Context(), []string{"c@example.com"}); err != nil || len(who) != 1 || asked != 2 {
		t.Errorf("%v, %v", who, err)
	}
	known, err = PrefetchPeople(t.Context(), people, store.SchedulingACL, Properties{{"delegates", "twin@example.com a@example.com"}})
	if err != nil {
		t.Fatal(err)
	}
	if who, err := known(t.Context(), []string{"a@example.com"}); err != nil || len(who) != 1 {
		t.Errorf("%v, %v", who, err)
	}
	if _, err := known(t.Context(), []string{"twin@example.com"}); !errors.Is(err, store.ErrInvalid) {
		t.Errorf("%v", err)
	}
}
