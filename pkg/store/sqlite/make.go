package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/davadmin/davadmin/pkg/store"
	"github.com/davadmin/davadmin/pkg/store/relational"
)

// Create creates an empty store, completely or not at all. The path must not exist
// yet, but its directory must. ErrExists.
func Create(ctx context.Context, o Options) (err error) {
	if _, err := os.Lstat(o.Path); err == nil {
		return &store.ExistsError{What: "store", Value: o.Path}
	}
	// The store is created under a temporary name, so that an interrupted run does not
	// leave an incomplete store at the path.
	draft, err := os.CreateTemp(filepath.Dir(o.Path), "."+filepath.Base(o.Path)+".new-*") // 0600
	if err != nil {
		return fmt.Errorf("create store %s: %w", o.Path, err)
	}
	name := draft.Name()
	defer func() { err = errors.Join(err, removeAll(name)) }()
	if err := draft.Close(); err != nil {
		return fmt.Errorf("create store %s: %w", o.Path, err)
	}
	at := o
	at.Path = name
	if err := fill(ctx, at); err != nil {
		return fmt.Errorf("create store %s: %w", o.Path, err)
	}
	// A link never replaces a file that somebody else has created meanwhile.
	if err := os.Link(name, o.Path); err != nil {
		return fmt.Errorf("create store %s: %w", o.Path, err)
	}
	return syncDir(filepath.Dir(o.Path))
}

// removeAll removes a database file and the files that SQLite creates next to it.
func removeAll(name string) error {
	var errs []error
	for _, ending := range []string{"", "-wal", "-shm", "-journal"} {
		if err := os.Remove(name + ending); err != nil && !os.IsNotExist(err) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// fill creates the tables in an empty file.
func fill(ctx context.Context, o Options) (err error) {
	s := &Store{o: o, writeLock: make(chan struct{}, 1)}
	if s.writers, err = connect(o, 1, writerCache); err != nil {
		return err
	}
	if s.readers, err = connect(o, 1, readerCache); err != nil {
		return errors.Join(err, s.writers.Close())
	}
	err = s.change(ctx, func(c *connection) error {
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
	backup = fmt.Sprintf("%s.schema%d-%s", o.Path, m.Version, o.now().UTC().Format("20060102T150405Z"))
	err = s.change(ctx, func(c *connection) error {
		// No one else can write now, so the copy is complete.
		if err := s.Backup(ctx, backup); err != nil {
			return err
		}
		_, err := to.Upgrade(ctx, c, c.run)
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
		return "", Create(ctx, o)
	}
	if err != nil {
		return "", fmt.Errorf("store %s: %w", o.Path, err)
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	kept = fmt.Sprintf("%s.replaced-%s", o.Path, o.now().UTC().Format("20060102T150405Z"))
	err = s.change(ctx, func(c *connection) error {
		if err := s.Backup(ctx, kept); err != nil {
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

// dropAll drops all tables, those with foreign keys first.
func (c *connection) dropAll(ctx context.Context) error {
	for _, table := range []string{"subscription", "change_log", "trash", "component", "collection", "address", "account", "meta"} {
		if err := c.run(ctx, "DROP TABLE "+table); err != nil {
			return fmt.Errorf("empty the store: %w", err)
		}
	}
	return nil
}

// Backup copies the state of the store at one moment to a new file, with mode 0600.
// The path must not exist.
func (s *Store) Backup(ctx context.Context, path string) (err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("copy the store: %w", err)
	}
	defer func() {
		if err != nil {
			_ = os.Remove(path)
		}
	}()
	if err := f.Close(); err != nil {
		return fmt.Errorf("copy the store: %w", err)
	}
	c, err := s.reader(ctx)
	if err != nil {
		return err
	}
	defer c.release()
	if _, err := c.conn.ExecContext(ctx, "VACUUM INTO ?", path); err != nil { // an empty file may exist
		return fmt.Errorf("copy the store to %s: %w", path, explain(err))
	}
	if f, err = os.OpenFile(path, os.O_RDWR, 0); err != nil {
		return fmt.Errorf("copy the store: %w", err)
	}
	defer f.Close()
	if err := f.Sync(); err != nil {
		return fmt.Errorf("copy the store: %w", err)
	}
	return syncDir(filepath.Dir(path))
}
