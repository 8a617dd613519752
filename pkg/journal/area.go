package journal

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"time"

	"github.com/davadmin/davadmin/internal/fsx"
)

// Area is a kind of data that one run at a time may change. Runs that change different
// areas do not wait for each other.
type Area string

// The areas.
const (
	// Configuration is the server configuration and the domain map.
	Configuration Area = "configuration"
	// Vault is the file with the passwords.
	Vault Area = "vault"
	// Directory is the directory: plans that are applied and undone.
	Directory Area = "directory"
	// Accounts is the stores of the back ends, with accounts and calendars.
	Accounts Area = "accounts"
	// Indexes is what the stores keep beside the texts of components to find them. It is
	// computed from the texts, so it can change at any time without a change of the accounts.
	Indexes Area = "indexes"
)

// Areas returns all areas in the order in which their locks are taken. The lock of the
// journal itself is taken last, and only while records are written. As every run keeps to
// this order and takes all its locks at once, no two runs wait for each other.
func Areas() []Area { return []Area{Configuration, Vault, Directory, Accounts, Indexes} }

var errNoArea = errors.New("a session without an area")

// recordTimeout is the least time to wait for a run that writes a record.
const recordTimeout = 10 * time.Second

func (j *Journal) areaFile(a Area) string { return filepath.Join(j.dir, "lock-"+string(a)) }

// acquire takes a lock of the journal.
func (j *Journal) acquire(ctx context.Context, path string, began time.Time, timeout time.Duration) (*fsx.Lock, error) {
	return fsx.AcquireLock(ctx, path, fsx.LockOptions{Timeout: timeout, Began: began, OwnerFrom: j.dir, User: j.opts.Actor.User, Command: j.opts.Command})
}

// acquireAreas takes the locks of areas. The timeout is for all of them together.
func (j *Journal) acquireAreas(ctx context.Context, areas []Area) (locks []*fsx.Lock, err error) {
	start := time.Now()
	for _, a := range Areas() {
		if !slices.Contains(areas, a) {
			continue
		}
		lock, err := j.acquire(ctx, j.areaFile(a), start, j.opts.LockTimeout)
		if err != nil {
			return nil, errors.Join(err, release(locks))
		}
		locks = append(locks, lock)
	}
	return locks, nil
}

// release releases locks, the last one first.
func release(locks []*fsx.Lock) error {
	var errs []error
	for _, l := range slices.Backward(locks) {
		errs = append(errs, l.Release())
	}
	return errors.Join(errs...)
}
