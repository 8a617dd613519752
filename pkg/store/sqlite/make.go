package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"zombiezen.com/go/sqlite"

	"github.com/davadmin/davadmin/internal/fsx"
	"github.com/davadmin/davadmin/pkg/store"
	"github.com/davadmin/davadmin/pkg/store/relational"
)

// Create creates an empty store, completely or not at all. The path must not exist
// yet (ErrExists), but its directory must. The caller holds a lock against others that
// create a store at the same path.
func Create(ctx context.Context, o Options) error {
	if _, err := os.Lstat(o.Path); err == nil {
		return &store.ExistsError{What: "store", Value: o.Path}
	}
	err := fsx.BuildNew(ctx, o.Path, 0o600, filepath.Dir(o.Path), o.Hook, func(path string) error {
		if err := removeLogs(path); err != nil {
			return err
		}
		at := o
		at.Path = path
		return errors.Join(fill(ctx, at), removeLogs(path))
	})
	if err != nil {
		return fmt.Errorf("create store: %w", err)
	}
	return nil
}

// removeLogs removes the files that SQLite keeps next to a store, and that a killed
// run left: they would be applied to the next store of that name.
func removeLogs(path string) error {
	var errs []error
	for _, ending := range []string{"-wal", "-shm", "-journal"} {
		if err := os.Remove(path + ending); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// fill creates the tables in an empty file.
func fill(ctx context.Context, o Options) error {
	s := unopened(o, readWrite)
	err := s.change(ctx, false, func(c *connection) error {
		if err := schema().Make(ctx, c, c.run, o.Backend); err != nil {
			return err
		}
		return c.run(ctx, fmt.Sprintf("PRAGMA application_id = %d", applicationID))
	})
	return errors.Join(err, s.Close())
}

// State returns the schema version of a file, or version 0 if there is no store. It
// does not check the back end.
func State(ctx context.Context, o Options) (store.SchemaState, error) {
	st := store.SchemaState{Backend: o.Backend, Where: o.Path, Engine: "sqlite", Known: schema().Version}
	s, m, err := open(ctx, o)
	switch {
	case errors.Is(err, store.ErrNoSchema):
		return st, nil
	case err != nil:
		return st, fmt.Errorf("store %s: %w", o.Path, err)
	}
	st.Version = m.Version
	return st, s.Close()
}

// Upgrade upgrades an older store to the newest schema, in one transaction. First it
// copies the store to the path backup, with mode 0600. It returns the version before
// the upgrade; backup is "" if the schema was already up to date.
func Upgrade(ctx context.Context, o Options) (from int, backup string, err error) {
	return upgrade(ctx, o, schema())
}

func upgrade(ctx context.Context, o Options, to relational.Schema) (from int, backup string, err error) {
	s, m, err := open(ctx, o)
	if err != nil {
		return 0, "", fmt.Errorf("store %s: %w", o.Path, err)
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	switch {
	case m.Backend != o.Backend:
		return m.Version, "", fmt.Errorf("store %s: %w", o.Path, to.Check(m, o.Backend))
	case m.Version > to.Version:
		return m.Version, "", fmt.Errorf("store %s: %w", o.Path, store.ErrSchemaNewer)
	case m.Version == to.Version:
		return m.Version, "", nil
	}
	err = s.change(ctx, false, func(c *connection) error {
		// No one else can write now, so the copy is complete.
		var err error
		if backup, err = s.copyTo(ctx, fmt.Sprintf(".schema%d-", m.Version)); err != nil {
			return err
		}
		_, err = to.Upgrade(ctx, c, c.run)
		return err
	})
	if err != nil {
		return m.Version, "", fmt.Errorf("store %s: nothing was changed: %w", o.Path, err)
	}
	return m.Version, backup, nil
}

// Replace replaces a store with an empty one. First it copies the store to the path
// kept; kept is "" if there was none. Processes that have the file open see the empty
// store from then on.
func Replace(ctx context.Context, o Options) (kept string, err error) {
	s, _, err := open(ctx, o)
	if errors.Is(err, store.ErrNoSchema) {
		return replaceEmpty(ctx, o)
	}
	if err != nil {
		return "", fmt.Errorf("store %s: %w", o.Path, err)
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	err = s.change(ctx, false, func(c *connection) error {
		var err error
		if kept, err = s.copyTo(ctx, ".replaced-"); err != nil {
			return err
		}
		if err := c.dropAll(ctx); err != nil {
			return err
		}
		return schema().Make(ctx, c, c.run, o.Backend)
	})
	if err != nil {
		return "", fmt.Errorf("store %s: nothing was changed: %w", o.Path, err)
	}
	return kept, nil
}

// replaceEmpty creates a store where the file is missing, or contains none. Such a file
// is kept, with what SQLite keeps next to it.
func replaceEmpty(ctx context.Context, o Options) (kept string, err error) {
	if _, err := os.Lstat(o.Path); errors.Is(err, fs.ErrNotExist) {
		return "", Create(ctx, o)
	}
	kept = fmt.Sprintf("%s.replaced-%s", o.Path, o.now().UTC().Format("20060102T150405Z"))
	var moved []string
	for _, ending := range []string{"", "-wal", "-journal"} {
		if _, err = os.Lstat(kept + ending); err == nil {
			err = &store.ExistsError{What: "store", Value: kept + ending}
		} else if err = os.Rename(o.Path+ending, kept+ending); errors.Is(err, fs.ErrNotExist) {
			err = nil
			continue
		}
		if err != nil {
			break
		}
		moved = append(moved, ending)
	}
	if err == nil {
		err = Create(ctx, o)
	}
	if err != nil {
		for _, ending := range moved {
			err = errors.Join(err, os.Rename(kept+ending, o.Path+ending))
		}
		return "", err
	}
	return kept, nil
}

// dropAll drops all tables, those with foreign keys first.
func (c *connection) dropAll(ctx context.Context) error {
	for _, table := range slices.Backward(relational.TableNames()) {
		if err := c.run(ctx, "DROP TABLE "+table); err != nil {
			return fmt.Errorf("empty the store: %w", err)
		}
	}
	return nil
}

// copyTo makes a backup inside a change of the store, and returns its path: that of the
// store with ending, the time and, if a copy of the same second exists, a number. It
// removes what earlier changes left that were killed while they copied: only one change
// at a time is in progress, and their copies had other names.
func (s *Store) copyTo(ctx context.Context, ending string) (path string, err error) {
	dir, base := filepath.Split(s.o.Path)
	entries, err := os.ReadDir(filepath.Clean(dir))
	if err != nil {
		return "", fmt.Errorf("copy the store: %w", err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), "."+base+".") && strings.Contains(e.Name(), fsx.TempSuffix) {
			if err := os.Remove(filepath.Join(dir, e.Name())); err != nil {
				return "", fmt.Errorf("copy the store: %w", err)
			}
		}
	}
	name := s.o.Path + ending + s.o.now().UTC().Format("20060102T150405Z")
	path = name
	for n := 2; ; n++ {
		_, err := os.Lstat(path)
		if errors.Is(err, fs.ErrNotExist) {
			return path, s.Backup(ctx, path)
		}
		if err != nil {
			return "", fmt.Errorf("copy the store: %w", err)
		}
		path = fmt.Sprintf("%s-%d", name, n)
	}
}

// Backup copies the store, as it is at one moment, to a new file that only its owner
// can read, completely or not at all. As root, the copy gets the owner of the store. The
// copy has another epoch, so that all clients read their calendars again if it is put in
// the place of the store.
func (s *Store) Backup(ctx context.Context, path string) error {
	c, err := s.reader(ctx)
	if err != nil {
		return err
	}
	defer s.readers.give(c)
	c.use(ctx, copyLimit)
	defer c.rest()
	err = fsx.BuildNew(ctx, path, 0o600, s.o.Path, s.o.Hook, func(path string) error {
		if err := removeLogs(path); err != nil {
			return err
		}
		if _, err := c.Exec(ctx, "VACUUM INTO $1", path); err != nil { // an empty file may exist there
			return errors.Join(err, removeLogs(path))
		}
		return errors.Join(s.renewEpoch(ctx, path), removeLogs(path))
	})
	if err != nil {
		return fmt.Errorf("copy the store: %w", err)
	}
	return nil
}

// renewEpoch gives the copy of a store another epoch: when it is put in the place of the
// store, what happened since then is undone.
func (s *Store) renewEpoch(ctx context.Context, path string) (err error) {
	at := s.o
	at.Path = path
	c, err := openFile(at, sqlite.OpenReadWrite, nil, "PRAGMA trusted_schema = 0")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	return relational.RenewEpoch(ctx, c)
}

// copyLimit is the maximum time of a copy, which is one statement.
const copyLimit = 24 * time.Hour
