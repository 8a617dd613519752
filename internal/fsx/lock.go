package fsx

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
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

// LockOptions specify how a lock is taken.
type LockOptions struct {
	// Timeout limits the wait; zero or less means a single attempt.
	Timeout time.Duration
	// Began is when the wait began, if that was for another lock; zero stands for now.
	Began time.Time
	// OwnerFrom is the file whose owner a new lock file gets if the process runs as
	// root; "" for none.
	OwnerFrom string
	// User and Command say who takes the lock, for the runs that wait for it. They may be
	// empty. Others can read them, so they must contain no secret.
	User    string
	Command []string
}

// AcquireLock takes the lock whose file is at path. A missing file is created with mode
// 0600; it is used for nothing else and is not removed. Two holders exclude each other
// within one process as well as between two.
//
// It fails with a *LockedError, which wraps ErrLocked and names the holder if it is
// known, after the timeout; with the error of ctx when ctx ends first; with ErrNotRegular
// when path is anything but a regular file, such as a symbolic link.
func AcquireLock(ctx context.Context, path string, o LockOptions) (*Lock, error) {
	if err := ctx.Err(); err != nil {
		return nil, lockFailed(path, err)
	}
	start := o.Began
	if start.IsZero() {
		start = time.Now()
	}
	for wait := firstWait; ; wait = min(wait*3/2, lastWait) {
		l, err := tryLock(path, o)
		if err != nil {
			return nil, lockFailed(path, err)
		}
		if l != nil {
			return l, nil
		}
		left := o.Timeout - time.Since(start)
		if left <= 0 {
			return nil, lockFailed(path, lockedBy(path, o.Timeout))
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

// LockFileError is the error of AcquireLock.
type LockFileError struct {
	Path string
	Err  error // does not repeat the path
}

// Error says which file could not be locked, and why.
func (e *LockFileError) Error() string { return fmt.Sprintf("cannot lock %s: %v", e.Path, e.Err) }

// Unwrap returns the reason.
func (e *LockFileError) Unwrap() error { return e.Err }

func lockFailed(path string, err error) error {
	return &LockFileError{Path: path, Err: bare(err)}
}

// tryLock returns the lock, or nil when another run holds it.
func tryLock(path string, o LockOptions) (*Lock, error) {
	// More than one round only if another program removes or replaces the lock file
	// meanwhile: a lock on a file that has lost its name excludes nobody.
	for range 10 {
		if err := ensureLockFile(path, o.OwnerFrom); err != nil {
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
		l.sign(mine, o)
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
