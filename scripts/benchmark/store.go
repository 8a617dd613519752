package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/davadmin/davadmin/internal/servertest"
	"github.com/davadmin/davadmin/pkg/calobj"
	"github.com/davadmin/davadmin/pkg/recur"
	"github.com/davadmin/davadmin/pkg/store"
	"github.com/davadmin/davadmin/pkg/store/postgres"
	"github.com/davadmin/davadmin/pkg/store/sqlite"
)

const (
	storeAccount   = "1"
	storeEvents    = 50_000
	storeRecurring = 1_000
	storeRuns      = 300
	storeWriters   = 16
	writerTime     = 5 * time.Second
)

// storeEngine is an engine of the store, with its rival.
type storeEngine struct {
	name   string
	create func(name string) (where string, err error)
	open   func(where string) (store.Store, error)
	bare   func(where string) (bare, error)
}

// storeBench measures one engine.
type storeBench struct {
	storeEngine
	ctx   context.Context
	where string
	s     store.Store
	rival bare
	out   *strings.Builder
}

// store measures the work of a calendar server on both engines.
func (b *bench) store() (text string, err error) {
	ctx := context.Background()
	pg, err := servertest.StartPostgres(ctx, "", servertest.PostgresOptions{Fsync: true})
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, pg.Close()) }()
	var out strings.Builder
	fmt.Fprintf(&out, "## The store: in process, one calendar of %d events, %d of them recurring\n\n"+
		"The rivals execute the same statements, written by hand and prepared, on a connection of their own to the same database, with nothing around them. Both engines sync each commit to disk.\n\n"+
		"| work | engine | davadmin | rival | davadmin ÷ rival | bound |\n|---|---|---|---|---|---|\n", storeEvents, storeRecurring)
	for _, e := range b.storeEngines(ctx, pg) {
		if err := e.measure(ctx, &out); err != nil {
			return "", fmt.Errorf("%s: %w", e.name, err)
		}
	}
	return out.String(), nil
}

func (b *bench) storeEngines(ctx context.Context, pg *servertest.PostgresServer) []storeEngine {
	return []storeEngine{
		{
			name: "SQLite",
			create: func(name string) (string, error) {
				path := filepath.Join(b.work, name+".sqlite")
				return path, sqlite.Create(ctx, sqlite.Options{Path: path, Backend: loadBackend})
			},
			open: func(where string) (store.Store, error) {
				return sqlite.Open(ctx, sqlite.Options{Path: where, Backend: loadBackend})
			},
			bare: openBareSQLite,
		},
		{
			name: "PostgreSQL",
			create: func(name string) (string, error) {
				if err := pg.CreateDatabase(ctx, name); err != nil {
					return "", err
				}
				return pg.URL(name), postgres.Create(ctx, postgres.Options{URL: pg.URL(name), Backend: loadBackend})
			},
			open: func(where string) (store.Store, error) {
				return postgres.Open(ctx, postgres.Options{URL: where, Backend: loadBackend, Connections: storeWriters})
			},
			bare: func(where string) (bare, error) { return openBarePostgres(ctx, where) },
		},
	}
}

// measure measures everything on one engine.
func (e storeEngine) measure(ctx context.Context, out *strings.Builder) (err error) {
	b := &storeBench{storeEngine: e, ctx: ctx, out: out}
	if b.where, err = e.create("calendars"); err != nil {
		return err
	}
	if b.s, err = e.open(b.where); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.s.Close()) }()
	if b.rival, err = e.bare(b.where); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.rival.close()) }()
	if err := b.fill(); err != nil {
		return err
	}
	for _, step := range []func() error{b.weeks, b.names, b.changes, b.puts, b.memory, b.writers, b.loads, b.sharing} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// fill creates the account, with a large calendar, one of a tenth of its size, and one for
// each writer.
func (b *storeBench) fill() error {
	a := &store.NewAccount{Account: store.Account{ID: storeAccount, Kind: store.User, Addresses: []string{"1@example.com"}}}
	names := []string{"large", "small", "puts", "bare puts", "load", "bare load", "texts"}
	for i := range storeWriters {
		names = append(names, writerCalendar(i))
	}
	for _, name := range names {
		a.Calendars = append(a.Calendars, store.Calendar{Name: name, Kind: store.PlainCalendar, Components: []string{"VEVENT"}})
	}
	if err := b.s.Update(b.ctx, func(ctx context.Context, w store.Writer) error { return w.CreateAccount(ctx, a) }); err != nil {
		return err
	}
	for name, n := range map[string]int{"large": storeEvents, "small": storeEvents / 10} {
		if err := b.load(name, benchEvents(n, n*storeRecurring/storeEvents)); err != nil {
			return err
		}
	}
	return nil
}

func writerCalendar(i int) string { return fmt.Sprintf("writer %d", i) }

// load loads objects into a calendar with the bulk load of the store.
func (b *storeBench) load(calendar string, objects []calobj.Named) error {
	loader, ok := b.s.(store.ComponentLoader)
	if !ok {
		return errors.New("the store does not load components")
	}
	_, err := calobj.Load(b.ctx, loader, storeAccount, calendar, objects)
	return err
}

// firstEvent is when the first of the events begins.
func firstEvent() time.Time { return time.Date(2024, 1, 1, 8, 0, 0, 0, time.UTC) }

// benchEvents returns n events of 1 KB, 12 a day, of which the last ones recur for up to a
// year. A calendar that is ten times larger spans ten times the time, so that a week
// contains as many events.
func benchEvents(n, recurring int) []calobj.Named {
	zones := recur.NewZones()
	out := make([]calobj.Named, n)
	for i := range out {
		start, rule := firstEvent().Add(time.Duration(i)*2*time.Hour), ""
		if i >= n-recurring {
			start = firstEvent().Add(time.Duration((i-n+recurring)*(n/recurring)) * 2 * time.Hour)
			rule = fmt.Sprintf("RRULE:FREQ=DAILY;COUNT=%d\r\n", 40+i%300)
		}
		out[i] = benchObject(zones, fmt.Sprintf("event-%07d", i), start, rule, strings.Repeat("x", 900))
	}
	return out
}

// benchEvent returns an event of 1 KB that lasts an hour.
func benchEvent(name string, start time.Time) calobj.Named {
	return benchObject(recur.NewZones(), name, start, "", strings.Repeat("x", 900))
}

// benchObject returns an event with a description.
func benchObject(zones *recur.Zones, name string, start time.Time, rule, description string) calobj.Named {
	const form = "20060102T150405Z"
	text := "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//davadmin//bench//EN\r\nBEGIN:VEVENT\r\nUID:" + name + "\r\nDTSTAMP:20240101T000000Z\r\nDTSTART:" +
		start.UTC().Format(form) + "\r\nDTEND:" + start.UTC().Add(time.Hour).Format(form) + "\r\n" + rule + "DESCRIPTION:" + description + "\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
	object, err := calobj.Parse([]byte(text), calobj.Options{Zones: zones})
	if err != nil {
		panic(err) // the text is our own
	}
	return calobj.Named{Name: name + ".ics", Object: object}
}

// component returns an object as a rival writes it.
func component(o calobj.Named) *store.Component { return o.Object.Component(o.Name) }

// turns runs the contenders in turn and returns the sorted times of each.
func turns(runs int, contenders ...func() error) ([][]time.Duration, error) {
	all := make([][]time.Duration, len(contenders))
	for i := range runs + runs/10 {
		for k, run := range contenders {
			start := time.Now()
			if err := run(); err != nil {
				return nil, err
			}
			if i >= runs/10 { // the first ones fill the caches
				all[k] = append(all[k], time.Since(start))
			}
		}
	}
	for _, times := range all {
		slices.Sort(times)
	}
	return all, nil
}

func median(sorted []time.Duration) time.Duration { return sorted[len(sorted)/2] }

// us formats a short time.
func us(d time.Duration) string { return fmt.Sprintf("%.2f ms", float64(d)/float64(time.Millisecond)) }

// row writes a row of the table.
func (b *storeBench) row(work, ours, rival, times, bounds string) {
	fmt.Fprintf(b.out, "| %s | %s | %s | %s | %s | %s |\n", work, b.name, ours, rival, times, bounds)
}

// calendar returns a collection of the account.
func (b *storeBench) calendar(name string) (c *store.Calendar, err error) {
	err = b.s.View(b.ctx, func(ctx context.Context, r store.Reader) error {
		c, err = r.Calendar(ctx, storeAccount, name)
		return err
	})
	return c, err
}

// list returns a function that lists components, and fails if there are none.
func (b *storeBench) list(calendar string, f store.ComponentFilter) func() error {
	return func() error {
		n := 0
		err := b.s.View(b.ctx, func(ctx context.Context, r store.Reader) error {
			for _, err := range r.Components(ctx, storeAccount, calendar, f) {
				if err != nil {
					return err
				}
				n++
			}
			return nil
		})
		return wantSome(n, err)
	}
}

// wantSome returns an error if nothing was found, so that nobody wins by doing nothing.
func wantSome(n int, err error) error {
	if err == nil && n == 0 {
		return errors.New("nothing was found")
	}
	return err
}

// weeks measures the time range of a week.
func (b *storeBench) weeks() error {
	large, err := b.calendar("large")
	if err != nil {
		return err
	}
	from := firstEvent().AddDate(0, 1, 0)
	to := from.AddDate(0, 0, 7)
	f := store.ComponentFilter{From: from, To: to}
	times, err := turns(storeRuns, b.list("large", f), func() error { return wantSome(b.rival.week(large.Number, from, to)) }, b.list("small", f))
	if err != nil {
		return err
	}
	ours, rival, small := median(times[0]), median(times[1]), median(times[2])
	b.row("one week", us(ours), us(rival), ratio(ours, rival), "at most 1 ms: "+met(ours <= time.Millisecond)+"; at most 1.5: "+met(ours*2 <= rival*3))
	b.row(fmt.Sprintf("one week of %d events", storeEvents/10), us(small), "", "", fmt.Sprintf("10 × the events take %s × the time, at most 1.5: %s", ratio(ours, small), met(ours*2 <= small*3)))
	return nil
}

// names measures reading 100 resources by name.
func (b *storeBench) names() error {
	large, err := b.calendar("large")
	if err != nil {
		return err
	}
	var names []string
	for i := range 100 {
		names = append(names, fmt.Sprintf("event-%07d.ics", i*317))
	}
	times, err := turns(storeRuns, b.list("large", store.ComponentFilter{Names: names, WithText: true}), func() error { return wantSome(b.rival.named(large.Number, names)) })
	if err != nil {
		return err
	}
	ours, rival := median(times[0]), median(times[1])
	b.row("100 resources by name", us(ours), us(rival), ratio(ours, rival), "at most 2: "+met(ours <= 2*rival))
	return nil
}

// changes measures the changes since a recent token.
func (b *storeBench) changes() error {
	var token store.Token
	err := b.s.View(b.ctx, func(ctx context.Context, r store.Reader) error {
		c, err := r.Calendar(ctx, storeAccount, "large")
		if err == nil {
			token, err = r.Token(ctx, c)
		}
		return err
	})
	if err != nil {
		return err
	}
	since := func(back int64) func() error {
		return func() error {
			n := 0
			err := b.s.View(b.ctx, func(ctx context.Context, r store.Reader) error {
				changes, _, err := r.Changes(ctx, storeAccount, "large", token.At(token.Revision-back), 0)
				if err != nil {
					return err
				}
				for _, err := range changes {
					if err != nil {
						return err
					}
					n++
				}
				return nil
			})
			if err == nil && int64(n) != back {
				err = fmt.Errorf("%d changes were found, not %d", n, back)
			}
			return err
		}
	}
	times, err := turns(storeRuns, since(0), since(10))
	if err != nil {
		return err
	}
	now, ten := median(times[0]), median(times[1])
	b.row("changes since now", us(now), "", "", "at most 1 ms: "+met(now <= time.Millisecond))
	b.row("changes since 10 changes ago", us(ten), "", "", "at most 1 ms: "+met(ten <= time.Millisecond))
	return nil
}
