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

// A waiting run tries again after about firstWait at first, and at least every
// lastWait later: when several runs queue for a short piece of work, none is
// delayed by a long sleep, and a run that has waited for long is not at a
// disadvantage.
const (
	firstWait = time.Millisecond
	lastWait  = 15 * time.Millisecond
)

// lockFlags opens the lock file for writing (which a lock over NFS requires); it
// neither follows a planted link nor blocks on a planted pipe.
const lockFlags = os.O_RDWR | syscall.O_NOFOLLOW | syscall.O_NONBLOCK

// Lock is a lock that this process holds. The kernel releases it when the process
// ends, however that happens. Its method may be called from any goroutine.
type Lock struct {
	fl   *flock.Flock
	note *os.File // the lock file with our signature; nil if it could not be signed
}

// AcquireLock takes the lock whose file is at path. It waits up to timeout for the
// lock; zero or less means a single attempt. A missing file is created (mode 0600
// and, if the process runs as root, with the owner of ownerFrom unless that is
// empty); it is used for nothing else and is not removed. Two holders exclude each
// other within one process as well as between two.
//
// It fails with ErrLocked, which names the holder if it is known, after timeout;
// with the error of ctx when ctx ends first; with ErrNotRegular when path is
// anything but a regular file, such as a symbolic link.
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
		// Between half and all of the wait, so that waiting runs do not try in lockstep.
		timer := time.NewTimer(min(wait/2+rand.N(wait/2), left))
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil, lockFailed(path, ctx.Err())
		case <-timer.C:
		}
	}
}

// Release releases the lock; further calls do nothing. The lock file stays. An
// error means that the lock may remain held until the process ends.
func (l *Lock) Release() error {
	if !l.fl.Locked() {
		return nil
	}
	if l.note != nil {
		_ = l.note.Truncate(0) // an outdated name would mislead
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

// tryLock returns the lock, or nil when another run holds it.
func tryLock(path, ownerFrom string) (*Lock, error) {
	// More than one round only if another program removes or replaces the lock file
	// meanwhile: a lock on a file that has lost its name excludes nobody.
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
	return nil, errors.New("another program keeps removing the lock file")
}

// ensureLockFile creates the lock file unless it exists. Opening it with O_CREATE
// would not do: in a sticky directory the system refuses that for a file of another
// user, even to root, and it does not say whether the file is new and needs its
// owner set.
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

// notOurs adds to err the owner of a lock file that we may not open.
func notOurs(path string, err error) error {
	fi, serr := os.Lstat(path)
	if serr != nil {
		return err
	}
	return fmt.Errorf("%w (it belongs to %s)", bare(err), ownerOf(fi))
}

// sign writes process, host and time to the lock file, and repairs its owner if a
// run as root was killed before it did so. Both are best effort: the lock is held
// either way. A file with a second name is left alone, since it may be another file
// that was linked here.
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
	// The new line is terminated before the rest of an earlier, longer one is cut
	// off, so a reader never sees a mixture of both.
	_, _ = f.WriteAt([]byte(text), 0)
	_ = f.Truncate(int64(len(text)))
	l.note = f
}

// lockedBy returns the error of a run that has waited for timeout.
func lockedBy(path string, timeout time.Duration) error {
	waited := ""
	if timeout > 0 {
		waited = fmt.Sprintf("; waited %s", timeout)
	}
	return fmt.Errorf("%w%s%s", ErrLocked, holder(path), waited)
}

// holder returns who signed the lock file, in parentheses, or an empty string when
// the content is not what sign writes.
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
