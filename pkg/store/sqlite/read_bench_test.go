package sqlite

import (
	"context"
	"fmt"
	"testing"

	"github.com/davadmin/davadmin/pkg/store"
)

// BenchmarkReads measures reads of a calendar of 20,000 components, each in a transaction of
// its own, and bulk load.
func BenchmarkReads(b *testing.B) {
	const events = 20_000
	s := benchStore(b)
	var components []*store.Component
	for n := range int64(events) {
		components = append(components, benchEvent(n*120))
	}
	if err := s.LoadComponents(b.Context(), benchAccount(0), store.DefaultCalendar, components); err != nil {
		b.Fatal(err)
	}
	var names []string
	for i := range 100 {
		names = append(names, components[i*events/100].Name)
	}
	from := components[events/2].Start
	for name, f := range map[string]store.ComponentFilter{
		"week":  {From: from, To: from.AddDate(0, 0, 7)},
		"names": {Names: names, WithText: true},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				n := 0
				err := s.View(b.Context(), func(ctx context.Context, r store.Reader) error {
					for _, err := range r.Components(ctx, benchAccount(0), store.DefaultCalendar, f) {
						if err != nil {
							return err
						}
						n++
					}
					return nil
				})
				if err != nil || n < 84 {
					b.Fatalf("%d components, error %v", n, err)
				}
			}
		})
	}
	b.Run("changes", func(b *testing.B) {
		for b.Loop() {
			err := s.View(b.Context(), func(ctx context.Context, r store.Reader) error {
				c, err := r.Calendar(ctx, benchAccount(0), store.DefaultCalendar)
				if err != nil {
					return err
				}
				now, err := r.Token(ctx, c)
				if err != nil {
					return err
				}
				changes, _, err := r.Changes(ctx, benchAccount(0), store.DefaultCalendar, now.At(now.Revision-10), 0)
				if err != nil {
					return err
				}
				n := 0
				for _, err := range changes {
					if err != nil {
						return err
					}
					n++
				}
				if n != 10 {
					b.Errorf("%d changes", n)
				}
				return nil
			})
			if err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("load", func(b *testing.B) {
		account, loads := 1, 0
		for b.Loop() {
			loads++
			var group []*store.Component
			for i := range 1000 {
				m := benchEvent(int64(i))
				m.Name = fmt.Sprintf("load-%06d-%04d.ics", loads, i)
				m.UID = m.Name
				group = append(group, m)
			}
			if err := s.LoadComponents(b.Context(), benchAccount(account), store.DefaultCalendar, group); err != nil {
				b.Fatal(err)
			}
		}
	})
}
