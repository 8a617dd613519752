package datacmd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/fsx"
	"github.com/davadmin/davadmin/pkg/calio"
)

// newDirectory is a directory that a run fills with files. It has another name until the run
// ends well, so that a directory with the right name is complete.
type newDirectory struct {
	path  string // when it is complete
	draft string // until then; equal to path for one inside another
	names *calio.FileNames
	hook  fsx.Hook
}

// draftSuffix is what the name of an incomplete directory ends with.
const draftSuffix = ".incomplete"

// makeDirectory makes a directory, which nobody else can read. One that exists already is
// refused.
func makeDirectory(ctx context.Context, path string, hook fsx.Hook) (*newDirectory, error) {
	path = filepath.Clean(path)
	switch _, err := os.Lstat(path); {
	case err == nil:
		return nil, cmdutil.Usagef("'%s' already exists; name a new directory", path)
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	d := &newDirectory{path: path, draft: path + draftSuffix, names: calio.NewFileNames(), hook: hook}
	err := fsx.MkdirOutput(ctx, d.draft, hook)
	if errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("'%s' is left of a run that was interrupted; remove it first", d.draft)
	}
	return d, err
}

// make makes a directory inside of the directory.
func (d *newDirectory) make(name string) (*newDirectory, error) {
	path := filepath.Join(d.draft, d.names.Of(name, ""))
	if err := os.Mkdir(path, 0o700); err != nil {
		return nil, err
	}
	return &newDirectory{path: path, draft: path, names: calio.NewFileNames()}, nil
}

// write writes a file, which must be new.
func (d *newDirectory) write(name string, content []byte) error {
	f, err := os.OpenFile(filepath.Join(d.draft, name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	return errors.Join(err, f.Close())
}

// end gives the directory its name, unless err says that it is incomplete: then it keeps the
// name that says so, or is removed if nothing was written.
func (d *newDirectory) end(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return fsx.FinishOutputDir(ctx, d.draft, d.path, d.hook)
	case os.Remove(d.draft) == nil: // it removes only an empty one
		return err
	}
	return fmt.Errorf("%w; what was written is in %s", err, d.draft)
}
