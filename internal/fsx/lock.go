package fsx

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/gofrs/flock"
)

// ErrLocked is wrapped when another run holds the lock.
var ErrLocked = errors.New("locked by another run")

// A waiter looks again after about firstWait at first and never rarer than
// lastWait: with several runs queueing, a short work is not delayed by a long
// sleep, and nobody who has waited long is at a disadvantage.
const (
	firstWait = time.Millisecond
	lastWait  = 15 * time.Millisecond
)

// lockFlags opens the lock file for writing (a lock over NFS asks for that)
// and neither follows a planted link nor hangs on a planted pipe.
const lockFlags = os.O_RDWR | syscall.O_NOFOLLOW | syscall.O_NONBLOCK

// Lock is a held lock. The kernel frees it when the process ends, however
// that happens. Its method may be called from any goroutine.
type Lock struct {
	fl   *flock.Flock
	note *os.File // names us in the lock file; nil where that was not possible
}

// AcquireLock takes the lock whose file is at path, and waits up to timeout
// for it; zero or less means one try. The file is made when it is missing
// (0600; as root with the owner of ownerFrom, unless that is empty), is used
// for nothing else, and stays. Two holders exclude each other in one process
// as well as in two.
//
// It fails with ErrLocked, naming the holder where that is known, when the
// time is up; with the cause of ctx when that ends first; with ErrNotRegular
// when something else than a file, such as a symbolic link, is at path.
func AcquireLock(ctx context.Context, path string, timeout time.Duration, ownerFrom string) (*Lock, error) {
	if err := ctx.Err(); err != nil {
		return nil, lockFailed(path, err)
	}
	start := time.Now()
	for wait := firstWait; ; wait = min(wait*3/2, lastWait) {
		l, err := tryLock(path, ownerFrom)
		if err != nil {
			return nil, lockFailed(path, err)
		}
		if l != nil {
			return l, nil
		}
		left := timeout - time.Since(start)
		if left <= 0 {
			return nil, lockFailed(path, lockedBy(path, timeout))
		}
		// Between half and all of the wait, so that waiters do not march in step.
		timer := time.NewTimer(min(wait/2+rand.N(wait/2), left))
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil, lockFailed(path, ctx.Err())
		case <-timer.C:
		}
	}
}

// Release frees the lock; further calls do nothing. The lock file stays. An
// error means that the lock may be held until the process ends.
func (l *Lock) Release() error {
	if !l.fl.Locked() {
		return nil
	}
	if l.note != nil {
		_ = l.note.Truncate(0) // nobody holds it any more; a wrong name would mislead
		_ = l.note.Close()
	}
	if err := l.fl.Unlock(); err != nil {
		return fmt.Errorf("cannot release the lock %s: %w", l.fl.Path(), bare(err))
	}
	return nil
}

func lockFailed(path string, err error) error {
	return fmt.Errorf("cannot lock %s: %w", path, bare(err))
}

// tryLock returns the lock, or nil when another has it.
func tryLock(path, ownerFrom string) (*Lock, error) {
	// More than one turn only when the lock file is removed or swapped under
	// us: a lock on a file that has no name any more excludes nobody.
	for range 10 {
		if err := ensureLockFile(path, ownerFrom); err != nil {
			return nil, err
		}
		fl := flock.New(path, flock.SetFlag(lockFlags), flock.SetPermissions(0o600))
		got, err := fl.TryLock()
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if errors.Is(err, fs.ErrPermission) {
			return nil, notOurs(path, err)
		}
		if err != nil || !got {
			return nil, err
		}
		mine, err := fl.Stat()
		if err != nil {
			_ = fl.Unlock()
			return nil, err
		}
		if there, err := os.Lstat(path); err != nil || !os.SameFile(mine, there) {
			_ = fl.Unlock()
			continue
		}
		l := &Lock{fl: fl}
		l.sign(mine, ownerFrom)
		return l, nil
	}
	return nil, errors.New("the lock file is removed again and again by another program")
}

// ensureLockFile makes the lock file unless it is there. It is not left to
// the opening: O_CREATE on a file of another user is refused to root in
// sticky directories, and would hide whether the file is ours to hand over.
func ensureLockFile(path, ownerFrom string) error {
	fi, err := lookAt(path)
	if fi != nil || err != nil {
		return err
	}
	o, give, err := ownerForNew(ownerFrom)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(path, lockFlags|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil // another run was faster
	}
	if err != nil {
		return err
	}
	defer f.Close()
	if give {
		return o.give(f, nil)
	}
	return nil
}

// notOurs adds the owner of a lock file that we may not open.
func notOurs(path string, err error) error {
	fi, serr := os.Lstat(path)
	if serr != nil {
		return err
	}
	return fmt.Errorf("%w (it belongs to %s)", bare(err), ownerOf(fi))
}

// sign writes who we are into the lock file, and repairs its owner if a run
// of root was killed before it could. Both are best effort: the lock is held
// with or without. A file with a second name is left alone, since it may be
// another file that was linked here.
func (l *Lock) sign(mine fs.FileInfo, ownerFrom string) {
	if links(mine) > 1 {
		return
	}
	f, err := os.OpenFile(l.fl.Path(), lockFlags, 0)
	if err != nil {
		return
	}
	if fi, err := f.Stat(); err != nil || !os.SameFile(fi, mine) {
		_ = f.Close()
		return
	}
	if o, give, err := ownerForNew(ownerFrom); err == nil && give {
		_ = o.give(f, nil)
	}
	host, err := os.Hostname()
	if err != nil {
		host = "-"
	}
	text := fmt.Sprintf("%d %s %s\n", os.Getpid(), host, time.Now().UTC().Format(time.RFC3339))
	// The line ends before what an earlier, longer one left is cut off, so a
	// reader never sees two of them mixed.
	_, _ = f.WriteAt([]byte(text), 0)
	_ = f.Truncate(int64(len(text)))
	l.note = f
}

// lockedBy is the error of a waiter whose time is up.
func lockedBy(path string, timeout time.Duration) error {
	waited := ""
	if timeout > 0 {
		waited = fmt.Sprintf("; waited %s", timeout)
	}
	return fmt.Errorf("%w%s%s", ErrLocked, holder(path), waited)
}

// holder reads who signed the lock file, in brackets, or returns nothing when
// the line is not such as sign writes.
func holder(path string) string {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return ""
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, 512))
	if err != nil {
		return ""
	}
	line, _, whole := strings.Cut(string(b), "\n")
	part := strings.Split(line, " ")
	if !whole || len(part) != 3 {
		return ""
	}
	if _, err := strconv.ParseUint(part[0], 10, 32); err != nil {
		return ""
	}
	if strings.ContainsFunc(part[1], func(r rune) bool { return r <= ' ' || r > '~' }) {
		return ""
	}
	since, err := time.Parse(time.RFC3339, part[2])
	if err != nil {
		return ""
	}
	return fmt.Sprintf(" (process %s on %s since %s)", part[0], part[1], since.Format(time.RFC3339))
}
