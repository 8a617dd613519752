package backends

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/davadmin/davadmin/pkg/store"
	"github.com/davadmin/davadmin/pkg/store/postgres"
)

// Probed is what Probe found out about the place of a store.
type Probed struct {
	Server string // the version of the database server; "" for a file
	Store  bool   // there is a store of this back end, which can be opened
}

// Probe finds out whether Create would succeed, and changes nothing. If there is a store, it
// finds out whether Open succeeds. The errors are those of Create, except ErrExists, and those
// of Open; ErrDamaged for a file that is not a store.
func (l Location) Probe(ctx context.Context, o Options) (Probed, error) {
	if l.URL != "" {
		found, err := postgres.Probe(ctx, l.postgres(o))
		return Probed(found), err
	}
	if !l.HasFile() {
		return Probed{}, probeDir(filepath.Dir(l.File))
	}
	st, err := l.Open(ctx, o)
	if errors.Is(err, store.ErrNoSchema) {
		return Probed{}, fmt.Errorf("%w: the file exists, but it is not a store: %s", store.ErrDamaged, l.File)
	}
	if err != nil {
		return Probed{}, err
	}
	return Probed{Store: true}, st.Close()
}

// probeDir returns an error unless files can be created in a directory, or the directory
// itself where it is missing.
func probeDir(dir string) error {
	for {
		info, err := os.Stat(dir)
		switch {
		case errors.Is(err, fs.ErrNotExist) && filepath.Dir(dir) != dir:
			dir = filepath.Dir(dir)
			continue
		case err != nil:
			return err
		case !info.IsDir():
			return &fs.PathError{Op: "create a file in", Path: dir, Err: syscall.ENOTDIR}
		}
		const mayWriteAndSearch = 2 | 1 // access(2), W_OK | X_OK
		if err := syscall.Access(dir, mayWriteAndSearch); err != nil {
			return &fs.PathError{Op: "create a file in", Path: dir, Err: err}
		}
		return nil
	}
}
