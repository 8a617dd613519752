package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/davadmin/davadmin/pkg/calobj"
	"github.com/davadmin/davadmin/pkg/store"
	"github.com/davadmin/davadmin/pkg/store/relational"
)

// put writes one object in a transaction of its own.
func (b *storeBench) put(calendar string, m calobj.Named) error {
	return b.s.Update(b.ctx, func(ctx context.Context, w store.Writer) error { return putObject(ctx, w, storeAccount, calendar, m) })
}

// putObject writes an object.
func putObject(ctx context.Context, w store.Writer, account, calendar string, m calobj.Named) error {
	_, err := calobj.Put(ctx, w, store.Place{Account: account, Calendar: calendar, Name: m.Name}, m.Object, calobj.PutOptions{})
	return err
}

// puts measures a PUT of one writer.
func (b *storeBench) puts() error {
	events := benchEvents(2*(storeRuns+storeRuns/10), 0) // made before the time is taken
	event := func() calobj.Named {
		first := events[0]
		events = events[1:]
		return first
	}
	times, err := turns(storeRuns,
		func() error { return b.put("puts", event()) },
		func() error { return b.rival.put("bare puts", []*store.Component{component(event())}) })
	if err != nil {
		return err
	}
	ours, rival := median(times[0]), median(times[1])
	b.row("PUT, durable", us(ours), us(rival), ratio(ours, rival), "at most 1.5: "+met(ours*2 <= rival*3))
	return nil
}

// stress is the result of several writers.
type stress struct {
	rate  float64 // PUTs a second
	times []time.Duration
}

// compete lets the writers put until the time is over. write puts the object of writer i
// and returns how many it has put.
func compete(serial *atomic.Int64, write func(i int, m calobj.Named) (int, error)) (stress, error) {
	until := time.Now().Add(writerTime)
	all, counts, errs := make([][]time.Duration, storeWriters), make([]int, storeWriters), make([]error, storeWriters)
	var wg sync.WaitGroup
	start := time.Now()
	for i := range storeWriters {
		wg.Go(func() {
			for time.Now().Before(until) {
				event := benchEvent(fmt.Sprintf("w-%09d", serial.Add(1)), firstEvent())
				begin := time.Now()
				n, err := write(i, event)
				if err != nil {
					errs[i] = err
					return
				}
				all[i], counts[i] = append(all[i], time.Since(begin)), counts[i]+n
			}
		})
	}
	wg.Wait()
	took := time.Since(start).Seconds()
	var out stress
	for i := range all {
		out.times = append(out.times, all[i]...)
		out.rate += float64(counts[i]) / took
	}
	slices.Sort(out.times)
	return out, errors.Join(errs...)
}

// writers measures 16 writers on one calendar and on 16, and on SQLite one writer with 16
// PUTs in each transaction.
func (b *storeBench) writers() error {
	var connections []bare
	defer func() {
		for _, c := range connections {
			_ = c.close()
		}
	}()
	for range storeWriters {
		c, err := b.bare(b.where)
		if err != nil {
			return err
		}
		connections = append(connections, c)
	}
	var serial atomic.Int64
	for _, part := range []struct {
		work     string
		calendar func(i int) string
	}{
		{fmt.Sprintf("%d writers on one calendar", storeWriters), func(int) string { return writerCalendar(0) }},
		{fmt.Sprintf("%d writers on %d calendars", storeWriters, storeWriters), writerCalendar},
	} {
		ours, err := compete(&serial, func(i int, m calobj.Named) (int, error) { return 1, b.put(part.calendar(i), m) })
		if err != nil {
			return err
		}
		rival, err := compete(&serial, func(i int, m calobj.Named) (int, error) {
			return 1, connections[i].put(part.calendar(i), []*store.Component{component(m)})
		})
		if err != nil {
			return err
		}
		p50, p99 := median(ours.times), ours.times[len(ours.times)*99/100]
		b.row(part.work, fmt.Sprintf("%.0f/s, p50 %s, p99 %s", ours.rate, us(p50), us(p99)), fmt.Sprintf("%.0f/s, p99 %s", rival.rate, us(rival.times[len(rival.times)*99/100])),
			fmt.Sprintf("%.2f", ours.rate/rival.rate), "rate at least 0.7: "+met(ours.rate >= 0.7*rival.rate)+"; p99 at most 4 × p50: "+met(p99 <= 4*p50))
		if b.name != "SQLite" {
			continue
		}
		if err := b.grouped(&serial, part.work, ours.rate); err != nil {
			return err
		}
	}
	return nil
}

// grouped compares the rate of many writers with that of one that puts 16 components in each
// transaction.
func (b *storeBench) grouped(serial *atomic.Int64, work string, rate float64) error {
	grouped, err := compete(serial, func(i int, m calobj.Named) (int, error) {
		if i > 0 {
			time.Sleep(writerTime)
			return 0, nil
		}
		group := []calobj.Named{m}
		for len(group) < storeWriters {
			group = append(group, benchEvent(fmt.Sprintf("w-%09d", serial.Add(1)), firstEvent()))
		}
		return len(group), b.s.Update(b.ctx, func(ctx context.Context, w store.Writer) error {
			for _, m := range group {
				if err := putObject(ctx, w, storeAccount, writerCalendar(0), m); err != nil {
					return err
				}
			}
			return nil
		})
	})
	if err != nil {
		return err
	}
	b.row(work+", against transactions of 16", fmt.Sprintf("%.0f/s", rate), fmt.Sprintf("%.0f/s", grouped.rate), fmt.Sprintf("%.2f", rate/grouped.rate),
		"at least 0.6: "+met(rate >= 0.6*grouped.rate))
	return nil
}

// loads measures the bulk load of components. The rival gets rows in the order of their
// keys.
func (b *storeBench) loads() error {
	const n, group = 100_000, 10_000
	target, err := b.calendar("bare load")
	if err != nil {
		return err
	}
	components, copies := benchEvents(n, 0), benchEvents(n, 0)
	var ours, rival time.Duration
	for from := 0; from < n; from += group {
		start := time.Now()
		if err := b.load("load", components[from:from+group]); err != nil {
			return err
		}
		ours += time.Since(start)
		rows := make([][]any, 0, group)
		for i, o := range copies[from : from+group] {
			m := component(o)
			m.ETag, m.Size, m.Revision = store.ETagOf(m.Text), int64(len(m.Text)), int64(from+i+1)
			rows = append(rows, relational.ComponentRow(storeAccount, target.Number, m))
		}
		start = time.Now()
		if err := b.rival.insert(rows); err != nil {
			return err
		}
		rival += time.Since(start)
	}
	times := rival.Seconds() / ours.Seconds()
	b.row(fmt.Sprintf("bulk load of %d components of 1 KB", n), fmt.Sprintf("%.0f/s", n/ours.Seconds()), fmt.Sprintf("%.0f/s", n/rival.Seconds()), fmt.Sprintf("rate %.2f", times),
		"at least 0.8: "+met(times >= 0.8))
	return nil
}
