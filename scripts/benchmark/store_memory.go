package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"github.com/davadmin/davadmin/pkg/calobj"
	"github.com/davadmin/davadmin/pkg/recur"
	"github.com/davadmin/davadmin/pkg/store"
	"github.com/davadmin/davadmin/pkg/store/postgres"
	"github.com/davadmin/davadmin/pkg/store/sqlite"
)

const (
	largeEvents = 600
	largeSize   = 256 << 10
	largeBound  = 24 * mib
	readWay     = "read" // the way of -load in which the benchmark starts itself to read
)

// memory measures how much memory reading a calendar of large components takes, in a process
// of its own.
func (b *storeBench) memory() error {
	const group = 20
	for from := 0; from < largeEvents; from += group {
		var objects []calobj.Named
		for i := from; i < from+group; i++ {
			objects = append(objects, benchObject(recur.NewZones(), fmt.Sprintf("large-%04d", i), firstEvent(), "", strings.Repeat(string(rune('a'+i%26)), largeSize)))
		}
		if err := b.load("texts", objects); err != nil {
			return err
		}
	}
	cmd := exec.Command(os.Args[0], "-load", readWay, b.where)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("read in a process: %w", err)
	}
	var idle, peak int64
	if _, err := fmt.Sscan(string(out), &idle, &peak); err != nil {
		return fmt.Errorf("read in a process: %w", err)
	}
	b.row(fmt.Sprintf("one reader of %d components of %d KB: memory", largeEvents, largeSize>>10), mb(peak), mb(idle)+" (idle)", "+"+mb(peak-idle), "at most 24 MiB more: "+met(peak-idle <= largeBound))
	return nil
}

// runReader opens a store, reads all components of a calendar, and prints how many bytes of
// memory were resident before and at most.
func runReader(args []string) (err error) {
	if len(args) != 1 {
		return errors.New("-load read requires a store")
	}
	ctx := context.Background()
	var s store.Store
	if strings.HasPrefix(args[0], "postgres") {
		s, err = postgres.Open(ctx, postgres.Options{URL: args[0], Backend: loadBackend})
	} else {
		s, err = sqlite.Open(ctx, sqlite.Options{Path: args[0], Backend: loadBackend})
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	read := func(calendar string) (n int, err error) {
		err = s.View(ctx, func(ctx context.Context, r store.Reader) error {
			for m, err := range r.Components(ctx, storeAccount, calendar, store.ComponentFilter{WithText: true}) {
				if err != nil {
					return err
				}
				n += len(m.Text)
			}
			return nil
		})
		return n, err
	}
	if _, err := read("writer 0"); err != nil {
		return err
	}
	idle, err := resident("VmRSS:")
	if err != nil {
		return err
	}
	if n, err := read("texts"); err != nil || n < largeEvents*largeSize {
		return errors.Join(err, fmt.Errorf("%d bytes were read", n))
	}
	peak, err := resident("VmHWM:")
	if err != nil {
		return err
	}
	_, err = fmt.Println(idle, peak)
	return err
}

// resident returns a size in bytes from /proc/self/status, see proc_pid_status(5).
func resident(field string) (int64, error) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	_, after, _ := bytes.Cut(status, []byte(field))
	var kilobytes int64
	if _, err := fmt.Sscan(string(after), &kilobytes); err != nil {
		return 0, fmt.Errorf("/proc/self/status: %s: %w", field, err)
	}
	return kilobytes << 10, nil
}
