package sqlite

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/davadmin/davadmin/pkg/store"
)

const benchWriters = 16

func benchEvent(n int64) *store.Component {
	name := fmt.Sprintf("event-%d.ics", n)
	start := time.Date(2026, 4, 1, 10, 0, 0, 0, time.UTC).Add(time.Duration(n) * time.Minute)
	return &store.Component{Name: name, UID: "uid-" + name, Type: "VEVENT", Start: start, End: start.Add(time.Hour), Text: make([]byte, 1000)}
}

// BenchmarkPuts measures PUTs from 16 goroutines, on one calendar or on one each: through
// Update, in transactions of 16 PUTs from one goroutine, in a transaction of its own each,
// and as bare statements from 16 connections. An iteration is a PUT.
func BenchmarkPuts(b *testing.B) {
	for _, calendars := range []int{1, benchWriters} {
		b.Run(fmt.Sprintf("calendars=%d", calendars), func(b *testing.B) {
			b.Run("shared", func(b *testing.B) {
				s := benchStore(b)
				benchWrite(b, benchWriters, 1, func(ctx context.Context, i int, n int64) error {
					return s.Update(ctx, func(ctx context.Context, w store.Writer) error {
						return w.PutComponent(ctx, benchAccount(i%calendars), store.DefaultCalendar, benchEvent(n), store.Condition{})
					})
				})
			})
			b.Run("batches", func(b *testing.B) {
				s := benchStore(b)
				benchWrite(b, 1, benchWriters, func(ctx context.Context, _ int, n int64) error {
					return s.Update(ctx, func(ctx context.Context, w store.Writer) error {
						for i := range benchWriters {
							if err := w.PutComponent(ctx, benchAccount(i%calendars), store.DefaultCalendar, benchEvent(n+int64(i)), store.Condition{}); err != nil {
								return err
							}
						}
						return nil
					})
				})
			})
			b.Run("bare", func(b *testing.B) {
				s := benchStore(b)
				var own [benchWriters]*connection
				for i := range own {
					o := s.o
					o.Wait = time.Minute
					c, err := connect(o, readWrite, writerCache)
					if err != nil {
						b.Fatal(err)
					}
					defer c.close()
					own[i] = c
				}
				benchWrite(b, benchWriters, 1, func(ctx context.Context, i int, n int64) error {
					return barePut(ctx, own[i], benchAccount(i%calendars), benchEvent(n))
				})
			})
		})
	}
}

func benchAccount(i int) string { return fmt.Sprintf("account%d", i) }

// benchStore creates a store with 16 accounts with a calendar.
func benchStore(b *testing.B) *Store {
	o := Options{Path: filepath.Join(b.TempDir(), "b.sqlite"), Backend: "b"}
	if err := Create(b.Context(), o); err != nil {
		b.Fatal(err)
	}
	s, err := Open(b.Context(), o)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close() })
	err = s.Update(b.Context(), func(ctx context.Context, w store.Writer) error {
		for i := range benchWriters {
			err := w.CreateAccount(ctx, &store.NewAccount{
				Account:   store.Account{ID: benchAccount(i), Kind: store.User, Addresses: []string{benchAccount(i) + "@example.com"}},
				Calendars: []store.Calendar{{Name: store.DefaultCalendar, Kind: store.PlainCalendar, Components: []string{"VEVENT"}}},
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	return s
}

// benchWrite calls put from goroutines, each time for size PUTs, and reports how long the
// calls take.
func benchWrite(b *testing.B, goroutines int, size int64, put func(ctx context.Context, i int, n int64) error) {
	ctx := b.Context()
	var next atomic.Int64
	took := make([][]time.Duration, goroutines)
	var wg sync.WaitGroup
	b.ResetTimer()
	for i := range goroutines {
		wg.Go(func() {
			for {
				n := next.Add(size) - size
				if n >= int64(b.N) {
					return
				}
				began := time.Now()
				if err := put(ctx, i, n); err != nil {
					b.Error(err)
					return
				}
				took[i] = append(took[i], time.Since(began))
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	all := slices.Sorted(slices.Values(slices.Concat(took...)))
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "PUT/s")
	for _, percent := range []int{50, 99} {
		b.ReportMetric(all[len(all)*percent/100].Seconds()*1000, fmt.Sprintf("p%d-ms", percent))
	}
}

// barePut writes a component with as few statements as possible.
func barePut(ctx context.Context, c *connection, account string, m *store.Component) error {
	if _, err := c.Exec(ctx, "BEGIN IMMEDIATE"); err != nil {
		return err
	}
	rows, err := c.Query(ctx, "UPDATE collection SET revision = revision + 1 WHERE account = $1 AND name = $2 AND deleted = 0 RETURNING number, revision", account, store.DefaultCalendar)
	if err != nil {
		return err
	}
	var number, revision int64
	if rows.Next() {
		err = rows.Scan(&number, &revision)
	}
	rows.Close()
	if err != nil {
		return err
	}
	_, err = c.Exec(ctx, `INSERT INTO component (account, number, name, uid, type, method, state, schedule_tag, status, transparent, start_at, end_at, long, floating, recurring, etag, size,
		created, changed, revision, text) VALUES ($1, $2, $3, $4, $5, '', 0, '', '', 0, $6, $7, 0, 0, 0, $8, $9, $6, $6, $10, $11)`,
		account, number, m.Name, m.UID, m.Type, m.Start.UnixMicro(), m.End.UnixMicro(), store.ETagOf(m.Text), int64(len(m.Text)), revision, m.Text)
	if err != nil {
		return err
	}
	_, err = c.Exec(ctx, "COMMIT")
	return err
}
