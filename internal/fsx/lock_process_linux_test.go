package fsx

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
)

// A lock file that a killed run signed says nothing about the run that holds the lock now
// and could not sign it.
func TestLockFileOfAKilledRunIsNotTrusted(t *testing.T) {
	path := in(t.TempDir(), "lock")
	l, err := AcquireLock(context.Background(), path, LockOptions{Command: []string{"the-holder"}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Release() }()
	host, _ := os.Hostname()
	for _, pid := range []int{1, 1 << 30} {
		put(t, path, fmt.Sprintf("{\"pid\":%d,\"host\":%q,\"command\":[\"killed\"]}\n", pid, host), 0o600)
		_, err = lock(path, 0)
		var locked *LockedError
		if !errors.As(err, &locked) || strings.Contains(err.Error(), "killed") {
			t.Fatalf("%v", err)
		}
		if h := locked.Holder; h == nil || h.PID != os.Getpid() {
			t.Errorf("the holder is %v", h)
		}
	}
}

func TestFindLock(t *testing.T) {
	const list = `1: POSIX  ADVISORY  READ 11 08:01:5 128 128
2: FLOCK  ADVISORY  WRITE 12 08:01:77 0 EOF
2: -> FLOCK  ADVISORY  WRITE 13 08:01:78 0 EOF
3: FLOCK  ADVISORY  WRITE -1 08:01:79 0 EOF
torn
`
	for id, want := range map[string]int{"08:01:77": 12, "08:01:78": 0, "08:01:79": 0, "08:02:77": 0} {
		if got := findLock(strings.NewReader(list), id); got != want {
			t.Errorf("%s is locked by process %d, want %d", id, got, want)
		}
	}
}
