package account

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/davadmin/davadmin/internal/seed"
	"github.com/davadmin/davadmin/pkg/store"
	"github.com/davadmin/davadmin/pkg/store/backends"
)

var errKilled = errors.New("killed")

// mortal are two back ends whose process is killed before a commit.
type mortal struct {
	*backends.Set
	t       *testing.T
	commits int
	killAt  int // the number of the commit, from 1, that does not happen any more; 0 for none
}

// mortalStore is one of them.
type mortalStore struct {
	store.Store
	of *mortal
}

func newMortal(t *testing.T) *mortal {
	t.Helper()
	var all []backends.Location
	for _, name := range []string{"one", "two"} {
		l := backends.Location{Backend: name, File: filepath.Join(t.TempDir(), name+".sqlite")}
		if err := l.Create(t.Context(), backends.Options{}); err != nil {
			t.Fatal(err)
		}
		all = append(all, l)
	}
	m := &mortal{Set: backends.New(all, "one", backends.Options{Wait: time.Second}), t: t}
	t.Cleanup(func() { _ = m.Close() })
	return m
}

// Open implements Stores.
func (m *mortal) Open(ctx context.Context, backend string) (store.Store, error) {
	st, err := m.Set.Open(ctx, backend)
	return &mortalStore{st, m}, err
}

// Update implements store.Store. After each commit, no address belongs to two accounts.
func (s *mortalStore) Update(ctx context.Context, fn func(context.Context, store.Writer) error) error {
	m := s.of
	if m.commits++; m.killAt > 0 && m.commits >= m.killAt {
		return errKilled
	}
	if err := s.Store.Update(ctx, fn); err != nil {
		return err
	}
	owner := map[string]string{}
	for backend, accounts := range m.accounts() {
		for _, a := range accounts {
			for _, address := range a.Addresses {
				f := store.FoldAddress(address)
				if other := owner[f]; other != "" {
					m.t.Errorf("after commit %d, %s belongs to %s and to %s on %s", m.commits, address, other, a.ID, backend)
				}
				owner[f] = a.ID
			}
		}
	}
	return nil
}

// accounts yields the back ends with their active accounts.
func (m *mortal) accounts() iter.Seq2[string, []*store.Account] {
	return func(yield func(string, []*store.Account) bool) {
		for _, backend := range []string{"one", "two"} {
			st, err := m.Set.Open(m.t.Context(), backend)
			if err != nil {
				m.t.Fatal(err)
			}
			var all []*store.Account
			err = st.View(m.t.Context(), func(ctx context.Context, r store.Reader) (err error) {
				all, err = collect(r.Accounts(ctx, store.AccountFilter{Order: store.ByID}))
				return err
			})
			if err != nil {
				m.t.Fatal(err)
			}
			if !yield(backend, all) {
				return
			}
		}
	}
}

// state describes all that a run may change.
func (m *mortal) state() string {
	var b strings.Builder
	for backend, accounts := range m.accounts() {
		for _, a := range accounts {
			fmt.Fprintf(&b, "%s %s %q notify %q delegates %v\n", backend, a.ID, a.Addresses, a.NotifyTo, a.Delegates)
		}
	}
	return b.String()
}

// crowd are accounts on two back ends that name each other.
func crowd(t *testing.T, m *mortal, r *rand.Rand, n int) (pool []string) {
	t.Helper()
	for i := range n {
		for j := range 1 + r.IntN(3) {
			pool = append(pool, fmt.Sprintf("p%d-%d@example.com", i, j))
		}
	}
	var items []*Item
	for i := range n {
		prefix := fmt.Sprintf("p%d-", i)
		item := newItem([]string{"one", "two"}[r.IntN(2)], i)
		a := &item.New.Account
		a.Addresses = slices.DeleteFunc(slices.Clone(pool), func(s string) bool { return !strings.HasPrefix(s, prefix) })
		a.NotifyTo = []string{a.Mail()}
		for range 2 {
			other := r.IntN(n)
			p := store.Person{ID: fmt.Sprintf("ID-%d", other), Address: fmt.Sprintf("p%d-0@example.com", other)}
			if !slices.Contains(a.Delegates, p) {
				a.Delegates = append(a.Delegates, p)
			}
		}
		items = append(items, item)
	}
	if _, err := work(t, m, Create(nil), items...); err != nil {
		t.Fatal(err)
	}
	return pool
}

// dealt distributes the addresses again, some of them in other letters, among the entries of
// a directory.
func dealt(r *rand.Rand, pool []string, n int) (entries [][]string, want map[string][]string) {
	pool = slices.Clone(pool)
	r.Shuffle(len(pool), func(i, j int) { pool[i], pool[j] = pool[j], pool[i] })
	want = map[string][]string{}
	for i, address := range pool {
		if r.IntN(6) == 0 {
			address = strings.ToUpper(address)
		}
		id := fmt.Sprintf("ID-%d", i%n)
		want[id] = append(want[id], address)
	}
	for i := range n {
		id := fmt.Sprintf("ID-%d", i)
		words := []string{"davUniqueId", id}
		for j, address := range want[id] {
			name := "mailAlternateAddress"
			if j == 0 {
				name = "mail"
			}
			words = append(words, name, address)
		}
		entries = append(entries, words)
	}
	return entries, want
}

// runAddresses runs a batch, and returns the results that are not as they should be.
func runAddresses(t *testing.T, b *AddressBatch, items iter.Seq2[*Item, error]) (bad []string, err error) {
	t.Helper()
	b.Report = func(o Outcome) error {
		if o.Result != Changed && o.Result != Already {
			bad = append(bad, fmt.Sprintf("%s: %s: %v", o.Item.ID, o.Result, o.Err))
		}
		return nil
	}
	for item, err := range items {
		if err == nil {
			err = b.Add(t.Context(), item)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return bad, b.End(t.Context())
}

// repair runs the repair of all entries.
func repair(t *testing.T, m *mortal, d *Directory, w *undoLog) (bad []string, err error) {
	t.Helper()
	entries, err := d.Select(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer entries.Close()
	both := []string{"one", "two"}
	finder := &Finder{Stores: m, Backends: both}
	b := &AddressBatch{Stores: m, Backends: both, Prepare: CopyAddresses, Save: w.keep}
	return runAddresses(t, b, finder.ItemsForEntries(t.Context(), entries, nil, new(int)))
}

// undoAll runs an undo log from its end.
func undoAll(t *testing.T, m *mortal, w *undoLog) {
	t.Helper()
	var requests []Request
	for _, line := range slices.Backward(w.lines) {
		r, err := ParseRequest(line, AccountProperties(), Recorded)
		if err != nil {
			t.Fatal(err)
		}
		requests = append(requests, r)
	}
	nobody := func(context.Context, []string) (PeopleByAddress, error) { return nil, nil }
	both := []string{"one", "two"}
	finder := &Finder{Stores: m, Backends: both}
	b := &AddressBatch{Stores: m, Backends: both, Prepare: SetProperties(nobody), Assert: true}
	bad, err := runAddresses(t, b, finder.ItemsForRequests(t.Context(), requests, false))
	if err != nil || len(bad) > 0 {
		t.Errorf("undo: %v, %q", err, bad)
	}
}

// Whatever addresses people exchange, one run gives all accounts those of the directory,
// another one undoes it, and a run that is killed at any time can be repeated.
func TestExchangedAddresses(t *testing.T) {
	r := seed.New(t)
	for range 3 {
		m, n := newMortal(t), 3+r.IntN(6)
		pool := crowd(t, m, r, n)
		before := m.state()
		entries, want := dealt(r, pool, n)
		_, d, _ := both(t, "(mail=%s)", entries...)

		check := func(when string) {
			t.Helper()
			for _, accounts := range m.accounts() {
				for _, a := range accounts {
					if !slices.Equal(a.Addresses, want[a.ID]) {
						t.Errorf("%s: %s has %q, not %q", when, a.ID, a.Addresses, want[a.ID])
					}
					for _, p := range a.Delegates {
						if p.Address != want[p.ID][0] {
							t.Errorf("%s: %s names %s as %s, not %s", when, a.ID, p.ID, p.Address, want[p.ID][0])
						}
					}
				}
			}
		}
		var w undoLog
		m.commits = 0
		if bad, err := repair(t, m, d, &w); err != nil || len(bad) > 0 {
			t.Fatalf("%v, %q", err, bad)
		}
		check("after the repair")
		commits, after := m.commits, m.state()
		undoAll(t, m, &w)
		if now := m.state(); now != before {
			t.Errorf("after the undo:\n%s\nbefore:\n%s", now, before)
		}
		for kill := 1; kill <= commits && !t.Failed(); kill++ {
			var first, second undoLog
			m.commits, m.killAt = 0, kill
			if _, err := repair(t, m, d, &first); !errors.Is(err, errKilled) {
				t.Errorf("killed at %d: %v", kill, err)
			}
			m.killAt = 0
			if bad, err := repair(t, m, d, &second); err != nil || len(bad) > 0 {
				t.Fatalf("repeated after %d: %v, %q", kill, err, bad)
			}
			check(fmt.Sprintf("repeated after %d", kill))
			if now := m.state(); now != after {
				t.Errorf("repeated after %d:\n%s\nnot:\n%s", kill, now, after)
			}
			undoAll(t, m, &second)
			undoAll(t, m, &first)
			if now := m.state(); now != before {
				t.Errorf("killed at %d, after the undo:\n%s\nbefore:\n%s", kill, now, before)
			}
		}
	}
}
