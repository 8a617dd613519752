package journal

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/davadmin/davadmin/internal/fsx"
)

// openArea opens a session that waits for nobody, as a run of its own.
func (h *home) openArea(areas ...Area) *Session {
	h.t.Helper()
	s, err := h.journal(nil).Open(h.t.Context(), areas...)
	if err != nil {
		h.t.Fatal(err)
	}
	return s
}

func (h *home) beginPlain(s *Session, operation string) int64 {
	h.t.Helper()
	n, err := s.Begin(h.t.Context(), Intent{Operation: operation})
	if err != nil {
		h.t.Fatal(err)
	}
	return n
}

func (h *home) end(s *Session, change int64) {
	h.t.Helper()
	if err := s.End(h.t.Context(), change, Done, ""); err != nil {
		h.t.Fatal(err)
	}
}

// A change of the configuration does not wait for a directory run, and takes its result
// for nothing that a killed run left.
func TestAreasDoNotWaitForEachOther(t *testing.T) {
	h := newHome(t)
	h.write("a=1")
	slow := h.openArea(Directory)
	run := h.beginPlain(slow, "ldap apply")
	if n := h.change("a=1", "a=2"); n != run+1 {
		t.Errorf("the change has number %d", n)
	}
	accounts := h.openArea(Accounts)
	third := h.beginPlain(accounts, "account create")
	if n := h.change("a=2", "a=3"); n != third+1 {
		t.Errorf("the change has number %d", n)
	}
	if v := h.verify(); graveText(v) != "" || len(v.Problems) != 2 {
		t.Errorf("during the runs: %+v", v.Problems)
	}
	h.end(slow, run)
	h.close(slow)
	// The newest record is a result of change 1, yet the next number is not 2.
	if n := h.change("a=3", "a=4"); n != 5 {
		t.Errorf("the change has number %d", n)
	}
	h.end(accounts, third)
	h.close(accounts)
	if v := h.verify(); len(v.Problems) > 0 {
		t.Errorf("problems: %+v", v.Problems)
	}
	for _, e := range h.entries() {
		if e.Result != Done {
			t.Errorf("change %d is %s", e.Change, e.Result)
		}
	}
}

// The result of a run that was killed is added by the next run of its area, however many
// changes of other areas follow it.
func TestKilledRunIsSettledByItsArea(t *testing.T) {
	h := newHome(t)
	h.write("a=1")
	killed := h.openArea(Directory)
	run := h.beginPlain(killed, "ldap apply")
	if err := release(killed.locks); err != nil { // as the kernel does
		t.Fatal(err)
	}
	for range 3 {
		h.change("a=1", "a=2")
		h.change("a=2", "a=1")
	}
	if got := h.entries()[0].Result; got != Pending {
		t.Errorf("settled by another area: %s", got)
	}
	s := h.openArea(Directory)
	defer h.close(s)
	if e := h.entries()[0]; e.Change != run || e.Result != Unfinished || len(s.Notes) != 1 {
		t.Errorf("entry %+v, notes %+v", e, s.Notes)
	}
	if got := graveText(h.verify()); got != "" {
		t.Error(got)
	}
}

// A change whose result is lost is grave if it cannot be at work.
func TestVerifyFindsALostResult(t *testing.T) {
	h := newHome(t)
	s := h.openArea(Directory, Accounts)
	first := h.beginPlain(s, "one")
	second := h.beginPlain(s, "two")
	h.end(s, first)
	h.end(s, second)
	third := h.beginPlain(s, "three")
	h.end(s, third)
	h.close(s)
	lines := strings.SplitAfter(string(h.text()), "\n")
	lines = slices.Delete(lines, 2, 3) // the result of the first
	if err := os.WriteFile(h.file(), []byte(strings.Join(lines, "")), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := graveText(h.verify()); !strings.Contains(got, "change 1 has no result, although other changes follow it") {
		t.Error(got)
	}
}

// Runs that need several areas name them in any order, and never wait for each other for
// ever.
func TestOrderOfLocks(t *testing.T) {
	h := newHome(t)
	var all sync.WaitGroup
	orders := [][]Area{
		{Configuration, Accounts}, {Accounts, Configuration}, {Directory, Vault, Configuration},
		{Accounts, Directory, Vault, Configuration}, {Vault}, {Accounts},
	}
	for _, areas := range orders {
		all.Go(func() {
			j := New(filepath.Join(h.base, "history"), Options{Base: h.base, LockTimeout: time.Minute})
			for range 10 {
				s, err := j.Open(t.Context(), areas...)
				if err != nil {
					t.Error(err)
					return
				}
				n, err := s.Begin(t.Context(), Intent{Operation: "x"})
				if err == nil {
					err = s.End(t.Context(), n, Done, "")
				}
				if err := errors.Join(err, s.Close()); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	for i, e := range h.entries() {
		if e.Change != int64(i+1) || e.Result != Done {
			t.Fatalf("entry %d has number %d and is %s", i, e.Change, e.Result)
		}
	}
	if v := h.verify(); len(v.Problems) > 0 {
		t.Errorf("problems: %+v", v.Problems)
	}
	if _, err := h.j.Open(t.Context()); err == nil {
		t.Error("a session without an area")
	}
}

// The error of a session that is locked out names the command that holds the lock, and
// the locks that were taken before are released.
func TestLockedOutOfOneArea(t *testing.T) {
	h := newHome(t)
	holder := New(h.j.Dir(), Options{Base: h.base, Actor: Actor{User: "me"}, Command: []string{"davadmin", "ldap", "apply", "p.ldif"}})
	s, err := holder.Open(t.Context(), Directory)
	if err != nil {
		t.Fatal(err)
	}
	_, err = h.j.Open(t.Context(), Areas()...)
	if !errors.Is(err, fsx.ErrLocked) || !strings.Contains(err.Error(), "lock-directory: locked by another run ('davadmin ldap apply p.ldif', process ") || !strings.Contains(err.Error(), "user me") {
		t.Errorf("%v", err)
	}
	h.close(h.openArea(Configuration, Vault))
	h.close(s)
	h.close(h.openArea(Areas()...))
}
