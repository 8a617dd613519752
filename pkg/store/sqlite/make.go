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

// Create makes an empty store, whole or not at all. There must be nothing at the
// path; its directory must exist.
func Create(ctx context.Context, o Options) (err error) {
	if _, err := os.Lstat(o.Path); err == nil {
		return fmt.Errorf("store %s: %w", o.Path, &store.ExistsError{What: "store", Value: o.Path})
	}
	// Beside it first: a run that is killed leaves no half store at its place.
	draft, err := os.CreateTemp(filepath.Dir(o.Path), "."+filepath.Base(o.Path)+".new-*") // 0600
	if err != nil {
		return fmt.Errorf("make store %s: %w", o.Path, err)
	}
	name := draft.Name()
	defer func() { err = errors.Join(err, removeAll(name)) }()
	if err := draft.Close(); err != nil {
		return fmt.Errorf("make store %s: %w", o.Path, err)
	}
	at := o
	at.Path = name
	if err := fill(ctx, at); err != nil {
		return fmt.Errorf("make store %s: %w", o.Path, err)
	}
	// A link never replaces what somebody else put there meanwhile.
	if err := os.Link(name, o.Path); err != nil {
		return fmt.Errorf("make store %s: %w", o.Path, err)
	}
	return syncDir(filepath.Dir(o.Path))
}

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

// fill makes the tables in an empty file.
func fill(ctx context.Context, o Options) (err error) {
	s := &Store{o: o, turn: make(chan struct{}, 1)}
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

// State says which version of the schema a file has; version 0 where there is no
// store. It does not look at the back end.
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

// Upgrade brings an older store to the newest schema, all steps or none, after
// it copied it to the path that it returns, closed to others; "" when nothing was to do.
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
		// Nobody else writes by now: the copy has all that is there.
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

// Replace makes an empty store in the place of the one that is there, which is
// copied to the path that it returns first. Those who have the file open see the
// empty one from then on.
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

// dropAll drops every table, those that refer to others first.
func (c *connection) dropAll(ctx context.Context) error {
	for _, table := range []string{"subscription", "change_log", "trash", "component", "collection", "address", "account", "meta"} {
		if err := c.run(ctx, "DROP TABLE "+table); err != nil {
			return fmt.Errorf("empty the store: %w", err)
		}
	}
	return nil
}

// Backup copies the store, as it is at one moment, to a new file, closed to
// others.
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
	if _, err := c.conn.ExecContext(ctx, "VACUUM INTO ?", path); err != nil { // an empty file may be there
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
