package fsx

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

func lock(path string, timeout time.Duration) (*Lock, error) {
	return AcquireLock(context.Background(), path, LockOptions{Timeout: timeout})
}

func TestLockTwoProcesses(t *testing.T) {
	path := in(t.TempDir(), "lock")
	pid, kill := start(t, part{Do: "hold", Path: path})
	host, _ := os.Hostname()
	for _, timeout := range []time.Duration{-1, 0, 60 * time.Millisecond} {
		began := time.Now()
		l, err := lock(path, timeout)
		took := time.Since(began)
		if l != nil || !errors.Is(err, ErrLocked) {
			t.Fatalf("got %v, %v", l, err)
		}
		for _, w := range []string{path, "'davadmin hold it'", fmt.Sprintf("process %d, user me on %s, since 2", pid, host)} {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%q does not contain %q", err, w)
			}
		}
		if took < timeout || took > timeout+5*time.Second {
			t.Errorf("waited %v of %v", took, timeout)
		}
	}
	kill()
	l, err := lock(path, 0)
	if err != nil {
		t.Fatalf("the lock of a killed process: %v", err)
	}
	if err := l.Release(); err != nil {
		t.Fatal(err)
	}
}

func TestLockWaitsAndStops(t *testing.T) {
	path := in(t.TempDir(), "lock")
	l, err := lock(path, 0)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Millisecond)
	defer cancel()
	if _, err := AcquireLock(ctx, path, LockOptions{Timeout: time.Hour}); !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, ErrLocked) {
		t.Errorf("an ended context: %v", err)
	}
	time.AfterFunc(30*time.Millisecond, func() { _ = l.Release() })
	second, err := lock(path, 30*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	// A further call of the first holder must not release the lock of the second.
	if err := l.Release(); err != nil {
		t.Error(err)
	}
	if _, err := lock(path, 0); !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), strconv.Itoa(os.Getpid())) {
		t.Errorf("the lock of the second holder: %v", err)
	}
	if err := second.Release(); err != nil {
		t.Error(err)
	}
	if fi := stat(t, path); fi.Mode() != 0o600 || fi.Size() != 0 {
		t.Errorf("the lock file has mode %v and %d bytes", fi.Mode(), fi.Size())
	}
	if _, err := AcquireLock(ctx, path, LockOptions{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("under an ended context: %v", err)
	}
}

// countUp increments the number in a file Times times while it holds the lock.
// Without the lock, increments would be lost: there is a pause between reading and
// writing on purpose.
func countUp(p part) error {
	for range p.Times {
		l, err := lock(p.Path, time.Minute)
		if err != nil {
			return err
		}
		b, err := os.ReadFile(p.Path + ".count")
		if err != nil {
			return err
		}
		n, err := strconv.Atoi(string(b))
		if err != nil {
			return fmt.Errorf("the counter is %q: %w", b, err)
		}
		time.Sleep(200 * time.Microsecond)
		if err := os.WriteFile(p.Path+".count", []byte(strconv.Itoa(n+1)), 0o600); err != nil {
			return err
		}
		if err := l.Release(); err != nil {
			return err
		}
	}
	return nil
}

func TestLockSharedByEight(t *testing.T) {
	const runs, times = 8, 25
	for _, kind := range []string{"goroutines", "processes"} {
		t.Run(kind, func(t *testing.T) {
			path := in(t.TempDir(), "lock")
			put(t, path+".count", "0", 0o600)
			p := part{Do: "count", Path: path, Times: times}
			var all sync.WaitGroup
			for range runs {
				cmd := command(t, p)
				all.Go(func() {
					var err error
					var out []byte
					if kind == "goroutines" {
						err = countUp(p)
					} else {
						out, err = cmd.CombinedOutput()
					}
					if err != nil {
						t.Errorf("%v: %s", err, out)
					}
				})
			}
			all.Wait()
			holds(t, path+".count", strconv.Itoa(runs*times))
		})
	}
}

// Nobody starves: while seven goroutines keep taking the lock again at once, an
// eighth gets it long before its timeout.
func TestLockIsFair(t *testing.T) {
	path := in(t.TempDir(), "lock")
	ctx, stop := context.WithCancel(context.Background())
	var all, busy sync.WaitGroup
	busy.Add(7) // until each of the seven has had it once
	for range 7 {
		all.Go(func() {
			first := sync.OnceFunc(busy.Done)
			defer first()
			for ctx.Err() == nil {
				l, err := AcquireLock(ctx, path, LockOptions{Timeout: time.Minute})
				if err != nil {
					if !errors.Is(err, context.Canceled) {
						t.Error(err)
					}
					return
				}
				first()
				time.Sleep(time.Millisecond)
				if err := l.Release(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	busy.Wait()
	for range 10 {
		l, err := lock(path, 20*time.Second)
		if err != nil {
			t.Error(err)
			break
		}
		if err := l.Release(); err != nil {
			t.Error(err)
		}
	}
	stop()
	all.Wait()
}

func TestLockRefuses(t *testing.T) {
	dir := t.TempDir()
	victim := put(t, in(dir, "victim"), "precious", 0o644)
	symlink(t, "victim", in(dir, "link"))
	symlink(t, "none", in(dir, "dangling"))
	if err := syscall.Mkfifo(in(dir, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]error{
		"link": ErrNotRegular, "dangling": ErrNotRegular, "pipe": ErrNotRegular, ".": ErrNotRegular, "none/lock": fs.ErrNotExist,
	} {
		if l, err := lock(dir+"/"+name, 0); !errors.Is(err, want) || l != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	// A hard link cannot be distinguished from the file, but is not written to.
	if err := os.Link(victim, in(dir, "hard")); err != nil {
		t.Fatal(err)
	}
	if l, err := lock(in(dir, "hard"), 0); err == nil {
		if err := l.Release(); err != nil {
			t.Error(err)
		}
	}
	holds(t, victim, "precious")
	only(t, dir, "dangling", "hard", "link", "pipe", "victim")
}

// The content of the lock file is only used if a holder can have written it.
func TestLockHolderText(t *testing.T) {
	for text, want := range map[string]string{
		`{"pid":12,"host":"h","user":"root","since":"2026-01-02T03:04:05Z","command":["davadmin","config","a b"]}` + "\n": `'davadmin config "a b"', process 12, user root on h, since 2026-01-02T03:04:05Z`,
		`{"pid":12,"host":"h"}` + "\nof before":                  "process 12, on h",
		`{"pid":12,"command":["\u001b[2J"]}` + "\n":              `'"\x1b[2J"', process 12`,
		`{"pid":12,"host":"h"}`:                                  "",
		`{"pid":12,"host":"\u001b[2J"}` + "\n":                   "",
		`{"pid":-1,"host":"h"}` + "\n":                           "",
		`{"pid":12,"since":"yesterday"}` + "\n":                  "",
		"12 host 2026-01-02T03:04:05Z\n":                         "",
		`{"pid":12,"user":"` + strings.Repeat("x", 1<<20) + "\n": "",
		"": "",
	} {
		got := ""
		if h := readHolder(strings.NewReader(text)); h != nil {
			got = h.String()
		}
		if got != want {
			t.Errorf("%.80q gives %q, want %q", text, got, want)
		}
	}
	long := shortCommand(slices.Repeat([]string{strings.Repeat("w", 999)}, 99))
	if n := len(strings.Join(long, "")); n > maxCommand+10 || long[len(long)-1] != "…" {
		t.Errorf("a long command has %d bytes, the last word is %q", n, long[len(long)-1])
	}
}

// A lock file that is removed while it is held protects nothing: later runs lock the
// new file, and runs that waited for the old one move to the new one.
func TestLockFileSwapped(t *testing.T) {
	path := in(t.TempDir(), "lock")
	first, err := lock(path, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	second, err := lock(path, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Release(); err != nil {
		t.Error(err)
	}
	if _, err := lock(path, 0); !errors.Is(err, ErrLocked) {
		t.Errorf("the second lock does not hold: %v", err)
	}
	if err := second.Release(); err != nil {
		t.Error(err)
	}
}

func TestLockOfAnotherUser(t *testing.T) {
	asRoot(t)
	dir := openDir(t, 0o777)
	path := put(t, in(dir, "lock"), "", 0o600)
	complaint, _ := run(t, part{Do: "lock", Path: path, UID: nobody})
	if !strings.Contains(complaint, "permission denied") || !strings.Contains(complaint, "(uid 0)") {
		t.Errorf("error output is %q", complaint)
	}
	// A run as root with ownerFrom repairs the owner.
	if err := os.Chown(dir, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	l, err := AcquireLock(context.Background(), path, LockOptions{OwnerFrom: dir})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Release(); err != nil {
		t.Fatal(err)
	}
	if complaint, _ := run(t, part{Do: "lock", Path: path, UID: nobody}); complaint != "" {
		t.Error(complaint)
	}
	if b, err := os.ReadFile(path); err != nil || !bytes.Equal(b, nil) {
		t.Errorf("the lock file contains %q (%v)", b, err)
	}
}
