package sqlite

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/davadmin/davadmin/pkg/store"
)

// put writes a resource of the only calendar, and returns the sync token after it.
func put(t *testing.T, s *Store, name string) (token store.Token) {
	t.Helper()
	ctx := t.Context()
	err := s.Update(ctx, func(ctx context.Context, w store.Writer) error {
		m := &store.Component{Name: name, UID: name, Type: "VEVENT", Text: []byte(name)}
		if err := w.PutComponent(ctx, "1", store.DefaultCalendar, m, store.Condition{}); err != nil {
			return err
		}
		c, err := w.Calendar(ctx, "1", store.DefaultCalendar)
		if err != nil {
			return err
		}
		token, err = w.Token(ctx, c)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func withCalendar(t *testing.T, s *Store) {
	t.Helper()
	err := s.Update(t.Context(), func(ctx context.Context, w store.Writer) error {
		return w.CreateAccount(t.Context(), &store.NewAccount{
			Account:   store.Account{ID: "1", Kind: store.User, Addresses: []string{"1@example.com"}},
			Calendars: []store.Calendar{{Name: store.DefaultCalendar, Kind: store.PlainCalendar, Components: []string{"VEVENT"}}},
		})
	})
	if err != nil {
		t.Fatal(err)
	}
}

func wantToken(t *testing.T, s *Store, token store.Token, want error) {
	t.Helper()
	err := s.View(t.Context(), func(ctx context.Context, r store.Reader) error {
		_, _, err := r.Changes(t.Context(), "1", store.DefaultCalendar, token, 0)
		return err
	})
	if !errors.Is(err, want) {
		t.Errorf("the token %s: got error %v, want %v", token, err, want)
	}
}

// A client that synchronised before a restore has resources that the restored store does
// not know, so it must read the calendar again.
func TestTokensAfterARestore(t *testing.T) {
	o := Options{Path: filepath.Join(t.TempDir(), "b.sqlite"), Backend: "b"}
	s := newStore(t, o)
	withCalendar(t, s)
	early := put(t, s, "a")
	backup := filepath.Join(t.TempDir(), "backup")
	if err := s.Backup(t.Context(), backup); err != nil {
		t.Fatal(err)
	}
	late := put(t, s, "b")
	wantToken(t, s, early, nil)
	wantToken(t, s, late, nil)
	if err := errors.Join(s.Close(), os.Rename(backup, o.Path)); err != nil {
		t.Fatal(err)
	}
	restored, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer restored.Close()
	put(t, restored, "c")
	wantToken(t, restored, early, store.ErrTokenOld)
	wantToken(t, restored, late, store.ErrTokenOld)
	// A store that is made again is another one, whatever it contains.
	if _, err := Replace(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	withCalendar(t, restored)
	put(t, restored, "a")
	wantToken(t, restored, early, store.ErrTokenOld)
}
