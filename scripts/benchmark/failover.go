package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/davadmin/davadmin/internal/servertest"
	"github.com/davadmin/davadmin/pkg/store"
	"github.com/davadmin/davadmin/pkg/store/postgres"
)

const (
	failoverRuns    = 5
	failoverWriters = 8
	failoverLoad    = 2 * time.Second // before the primary is killed
	singleCommits   = 300
)

// failover measures what a commit costs with a standby server, and for how long no commit
// succeeds when the primary is killed and the standby server is promoted at once.
func (b *bench) failover() (string, error) {
	var out strings.Builder
	out.WriteString("## A pair of PostgreSQL servers\n\nBoth run on this machine, with fsync. The primary is killed under the load of " +
		fmt.Sprint(failoverWriters) + " writers, and the standby server is promoted at once:\nin production, the time until something notices the loss comes on top. The bare writer uses pgx alone and inserts one row a transaction.\n\n")
	out.WriteString("| synchronous replication | promotion | no commit of the bare writer for | no commit of the store for | acknowledged | lost |\n|---|---|---|---|---|---|\n")
	for _, synchronous := range []bool{true, false} {
		var promoted, bare, ours []time.Duration
		acknowledged, lost := 0, 0
		for range failoverRuns {
			r, err := failOnce(synchronous)
			if err != nil {
				return "", err
			}
			promoted, bare, ours = append(promoted, r.promotion), append(bare, r.bare), append(ours, r.store)
			acknowledged, lost = acknowledged+r.acknowledged, lost+r.lost
		}
		fmt.Fprintf(&out, "| %s | %s | %s | %s | %d | %d |\n", onOff(synchronous), ms(middle(promoted)), ms(middle(bare)), ms(middle(ours)), acknowledged, lost)
	}
	fmt.Fprintf(&out, "\nMedians of %d failovers. Acknowledged and lost commits are the sums.\n\n", failoverRuns)
	fmt.Fprintf(&out, "| one writer, one component a transaction, median of %d | time |\n|---|---|\n", singleCommits)
	for _, synchronous := range []bool{false, true} {
		d, err := commitTime(synchronous)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&out, "| synchronous replication %s | %s |\n", onOff(synchronous), ms(d))
	}
	return out.String(), nil
}

func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}

// middle returns the median.
func middle(all []time.Duration) time.Duration {
	all = slices.Sorted(slices.Values(all))
	return all[len(all)/2]
}

// pairedStore starts a pair of servers with an empty store.
func pairedStore(ctx context.Context, synchronous bool) (*servertest.PostgresPair, *postgres.Store, error) {
	p, err := servertest.StartPair(ctx, "", servertest.PairOptions{Synchronous: synchronous, Fsync: true})
	if err != nil {
		return nil, nil, err
	}
	o := postgres.Options{URL: p.URL("postgres", "read-write"), Backend: loadBackend, Connections: failoverWriters}
	err = postgres.Create(ctx, o)
	if err == nil {
		_, err = p.Primary.Psql(ctx, "postgres", "CREATE TABLE bare (n bigint PRIMARY KEY)")
	}
	var s *postgres.Store
	if err == nil {
		s, err = postgres.Open(ctx, o)
	}
	if err != nil {
		return nil, nil, errors.Join(err, p.Stop())
	}
	return p, s, nil
}

// putOne creates an account with one component.
func putOne(ctx context.Context, s store.Store, id string) error {
	return s.Update(ctx, func(ctx context.Context, w store.Writer) error {
		err := w.CreateAccount(ctx, &store.NewAccount{
			Account:   store.Account{ID: id, Kind: store.User, Addresses: []string{id + "@example.com"}},
			Calendars: []store.Calendar{{Name: store.DefaultCalendar, Kind: store.PlainCalendar, Components: []string{"VEVENT"}}},
		})
		if err != nil {
			return err
		}
		return putObject(ctx, w, id, store.DefaultCalendar, benchEvent(id, firstEvent()))
	})
}

// commitTime returns the median time of a transaction that puts one component.
func commitTime(synchronous bool) (d time.Duration, err error) {
	ctx := context.Background()
	p, s, err := pairedStore(ctx, synchronous)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, s.Close(), p.Stop()) }()
	if err := putOne(ctx, s, "a"); err != nil {
		return 0, err
	}
	var all []time.Duration
	for i := range singleCommits {
		event := benchEvent(fmt.Sprint(i), firstEvent())
		start := time.Now()
		err := s.Update(ctx, func(ctx context.Context, w store.Writer) error {
			return putObject(ctx, w, "a", store.DefaultCalendar, event)
		})
		if err != nil {
			return 0, err
		}
		all = append(all, time.Since(start))
	}
	return middle(all), nil
}

// failed is what one failover did.
type failed struct {
	promotion, bare, store time.Duration
	acknowledged, lost     int
}

// commitLog collects the times of commits, and what was committed.
type commitLog struct {
	mu    sync.Mutex
	times []time.Time
	names []string
}

func (l *commitLog) add(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.times, l.names = append(l.times, time.Now()), append(l.names, name)
}

// longest returns the longest time between two commits.
func (l *commitLog) longest() (d time.Duration) {
	slices.SortFunc(l.times, time.Time.Compare)
	for i := 1; i < len(l.times); i++ {
		d = max(d, l.times[i].Sub(l.times[i-1]))
	}
	return d
}

// repeatUntil calls put with a rising number until stop is closed, and waits a little after
// each failure.
func repeatUntil(stop <-chan struct{}, put func(n int) error) {
	for n := 0; ; n++ {
		select {
		case <-stop:
			return
		default:
		}
		if put(n) != nil {
			time.Sleep(20 * time.Millisecond)
		}
	}
}

// bareWriter inserts rows with pgx alone.
type bareWriter struct {
	url  string
	conn *pgx.Conn
	done commitLog
}

func (w *bareWriter) put(ctx context.Context, n int) (err error) {
	if w.conn == nil {
		if w.conn, err = pgx.Connect(ctx, w.url); err != nil {
			return err
		}
	}
	if _, err = w.conn.Exec(ctx, "INSERT INTO bare VALUES ($1)", n); err != nil {
		w.close(ctx)
		return err
	}
	w.done.add(fmt.Sprint(n))
	return nil
}

func (w *bareWriter) close(ctx context.Context) {
	if w.conn != nil {
		_ = w.conn.Close(ctx)
		w.conn = nil
	}
}

// failOnce kills a primary under load.
func failOnce(synchronous bool) (r failed, err error) {
	ctx := context.Background()
	p, s, err := pairedStore(ctx, synchronous)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, s.Close(), p.Stop()) }()
	var ours commitLog
	bare := &bareWriter{url: p.URL("postgres", "read-write")}
	defer bare.close(ctx)
	var all sync.WaitGroup
	stop := make(chan struct{})
	for w := range failoverWriters {
		all.Go(func() {
			repeatUntil(stop, func(n int) error {
				id := fmt.Sprintf("w%d-%d", w, n)
				err := putOne(ctx, s, id)
				if err == nil {
					ours.add(id)
				}
				return err
			})
		})
	}
	all.Go(func() { repeatUntil(stop, func(n int) error { return bare.put(ctx, n) }) })
	time.Sleep(failoverLoad)
	start := time.Now()
	if err = errors.Join(p.Primary.Kill(), p.Standby.Promote(ctx)); err == nil {
		r.promotion = time.Since(start)
		time.Sleep(failoverLoad)
	}
	close(stop)
	all.Wait()
	if err != nil {
		return r, err
	}
	r.bare, r.store, r.acknowledged = bare.done.longest(), ours.longest(), len(ours.names)
	r.lost, err = missing(ctx, p.Standby, ours.names)
	return r, err
}

// missing returns how many of the accounts have no component on a server.
func missing(ctx context.Context, server *servertest.PostgresServer, accounts []string) (n int, err error) {
	there, err := server.Psql(ctx, "postgres", "SELECT account FROM davadmin.component")
	if err != nil {
		return 0, err
	}
	known := map[string]bool{}
	for id := range strings.Lines(there + "\n") {
		known[strings.TrimSpace(id)] = true
	}
	for _, id := range accounts {
		if !known[id] {
			n++
		}
	}
	return n, nil
}
