package storetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/davadmin/davadmin/internal/seed"
	"github.com/davadmin/davadmin/internal/tier"
	"github.com/davadmin/davadmin/pkg/store"
)

func mirrorTests() []test { return []test{{"Mirrors", testMirrors}} }

// mirror is a client that keeps a copy of a collection.
type mirror struct {
	account, calendar string
	token             store.Token
	etags             map[string]string // by name
	begun             int               // how often it had to begin again
	home              int64             // the last revision of the home
}

// step reads the next changes, at most limit, in a View or in an Update. It reports whether
// the copy was complete then.
func (m *mirror) step(ctx context.Context, s store.Store, limit int, inUpdate bool) (complete bool, err error) {
	var changes []store.Change
	var now store.Token
	var home int64
	read := func(ctx context.Context, r store.Reader) (err error) {
		if home, err = r.HomeRevision(ctx, m.account); err != nil {
			return err
		}
		changes, now, err = readChanges(ctx, r, m.account, m.calendar, m.token, limit)
		return err
	}
	if inUpdate {
		err = s.Update(ctx, func(ctx context.Context, w store.Writer) error { return read(ctx, w) })
	} else {
		err = s.View(ctx, read)
	}
	switch {
	case errors.Is(err, store.ErrTokenOld), errors.Is(err, store.ErrNotFound):
		m.token, m.etags = store.Token{}, map[string]string{}
		m.begun++
		return errors.Is(err, store.ErrNotFound), nil
	case err != nil:
		return false, err
	case home < m.home:
		return false, fmt.Errorf("the revision of the home of %s was %d and is %d", m.account, m.home, home)
	}
	m.home = home
	for _, x := range changes {
		if x.Deleted {
			delete(m.etags, x.Name)
		} else {
			m.etags[x.Name] = x.ETag
		}
	}
	if len(changes) < limit {
		m.token = now
		return true, nil
	}
	m.token = now.At(changes[len(changes)-1].Revision)
	return false, nil
}

// disturb makes a random change of the accounts a and b.
func disturb(ctx context.Context, w store.Writer, r *rand.Rand, before time.Time) error {
	ids, calendars := []string{"a", "b"}, []string{store.DefaultCalendar, "work"}
	account, calendar, name := ids[r.IntN(2)], calendars[r.IntN(2)], fmt.Sprint(r.IntN(12))
	at := store.Place{Account: account, Calendar: calendar, Name: name}
	switch n := r.IntN(40); {
	case n < 16:
		m := event(name)
		m.Text = fmt.Append(m.Text, r.Int64())
		return w.PutComponent(ctx, account, calendar, m, store.Condition{})
	case n < 24:
		return w.DeleteComponent(ctx, account, calendar, name, store.Condition{})
	case n < 27:
		return w.UndeleteComponent(ctx, account, calendar, name)
	case n < 34:
		to := store.Place{Account: ids[r.IntN(2)], Calendar: calendars[r.IntN(2)], Name: fmt.Sprint(r.IntN(12))}
		return w.MoveComponent(ctx, at, to, r.IntN(2) == 0, store.Condition{})
	case n < 36:
		_, err := w.Purge(ctx, before, 1+r.IntN(5))
		return err
	case n < 37:
		return w.MoveCalendar(ctx, account, "work", ids[r.IntN(2)], "work")
	case n < 38:
		return errors.Join(w.RenameCalendar(ctx, account, "work", "other"), w.RenameCalendar(ctx, account, "other", "work"))
	case n < 39:
		return w.DeleteCalendar(ctx, account, "work")
	}
	return w.UndeleteCalendar(ctx, account, "work")
}

// Clients that synchronise in parts while others write, move and purge have the same as the
// store in the end, or were told to begin again. The revision of a home never decreases.
func testMirrors(s *env) {
	writers, times := 4, tier.Rounds(s.t, 60, 300)
	s.withWork()
	handles := []store.Store{s.Store, s.open()}
	ctx := s.t.Context()
	r := seed.New(s.t)
	seeds := make([]uint64, 32)
	for i := range seeds {
		seeds[i] = r.Uint64()
	}
	var ended atomic.Bool
	var wg sync.WaitGroup
	var mirrors []*mirror
	for i := range 8 {
		m := &mirror{account: []string{"a", "b"}[i%2], calendar: []string{store.DefaultCalendar, "work"}[i/2%2], etags: map[string]string{}}
		mirrors = append(mirrors, m)
		random := rand.New(rand.NewPCG(seeds[i], 1))
		wg.Go(func() {
			for last := false; ; {
				complete, err := m.step(ctx, handles[i%2], 1+random.IntN(5), random.IntN(3) == 0)
				if err != nil {
					s.t.Errorf("a client of %s of %s: %v", m.calendar, m.account, err)
					return
				}
				if complete && last {
					return
				}
				last = last || ended.Load()
			}
		})
	}
	errs := concurrently(writers, func(i int) error {
		random := rand.New(rand.NewPCG(seeds[8+i], 2))
		for range times {
			s.clock.advance(time.Millisecond)
			err := handles[i%2].Update(ctx, func(ctx context.Context, w store.Writer) error { return disturb(ctx, w, random, s.clock.Now()) })
			for _, expected := range []error{store.ErrNotFound, store.ErrExists, store.ErrConflict, store.ErrInvalid} {
				if errors.Is(err, expected) {
					err = nil
				}
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	ended.Store(true)
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		s.t.Fatal(err)
	}
	for _, m := range mirrors {
		want := map[string]string{}
		for _, c := range s.home(m.account).Components[m.calendar] {
			want[c.Name] = c.ETag
		}
		s.same(want, m.etags, fmt.Sprintf("the copy of %s of %s, which was begun %d times again", m.calendar, m.account, m.begun))
	}
	s.wantConsistent()
}
