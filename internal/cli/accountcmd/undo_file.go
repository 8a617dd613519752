package accountcmd

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/davadmin/davadmin/internal/fsx"
)

// undoFile is the way back of a change of accounts: a batch for another command.
type undoFile struct {
	path string
	head string
	f    *os.File
	size int64 // of what counts
}

// empty reports whether there is nothing to take back.
func (u *undoFile) empty() bool { return u == nil || u.size == 0 }

// wayBackMark begins such a file. Its lines are in the order of the changes, and are
// taken from the last one: two changes of one account are taken back one by one.
const wayBackMark = "# the way back, read from its end: "

// keep writes lines to the disk.
func (u *undoFile) keep(lines []string) (forget func() error, err error) {
	had := u.size
	if err := u.write(lines); err != nil {
		return nil, err
	}
	return func() error {
		u.size = had
		if err := errors.Join(u.f.Truncate(had), u.f.Sync()); err != nil {
			return fmt.Errorf("keep the way back: %w", err)
		}
		return nil
	}, nil
}

func (u *undoFile) write(lines []string) error {
	text := strings.Join(lines, "\n") + "\n"
	if u.f == nil {
		dir := filepath.Dir(u.path)
		if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("keep the way back: %w", err)
		}
		f, err := os.OpenFile(u.path, os.O_WRONLY|os.O_CREATE|os.O_EXCL|os.O_APPEND, 0o600)
		if err != nil {
			return fmt.Errorf("keep the way back: %w", err)
		}
		u.f = f
		// Whoever the home belongs to must be able to take back what root did.
		for _, path := range []string{dir, u.path} {
			if err := fsx.HandOver(path, filepath.Dir(dir), nil); err != nil {
				return fmt.Errorf("keep the way back: %w", err)
			}
		}
		if d, err := os.Open(dir); err == nil {
			err = errors.Join(d.Sync(), d.Close())
			if err != nil {
				return fmt.Errorf("keep the way back: %w", err)
			}
		}
	}
	if u.size == 0 {
		text = wayBackMark + u.head + "\n" + text
	}
	if _, err := u.f.WriteString(text); err != nil {
		return fmt.Errorf("keep the way back: %w", err)
	}
	if err := u.f.Sync(); err != nil {
		return fmt.Errorf("keep the way back: %w", err)
	}
	u.size += int64(len(text))
	return nil
}

func (u *undoFile) close() error {
	if u.f == nil {
		return nil
	}
	err := u.f.Close()
	if u.empty() {
		err = errors.Join(err, os.Remove(u.path))
	}
	return err
}
