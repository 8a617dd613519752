package cmdutil

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"syscall"

	"github.com/davadmin/davadmin/internal/fsx"
	"github.com/davadmin/davadmin/pkg/store"
)

// closedError is an error of reading whose text already says what refused access.
type closedError struct {
	text string
	err  error
}

func (e *closedError) Error() string { return e.err.Error() + e.text }
func (e *closedError) Unwrap() error { return e.err }

// explainClosed adds to an error of reading a path which file or directory refused access,
// who owns it, and its mode: the error itself names only the path that was wanted. Other
// errors are returned as they are.
func explainClosed(err error, path string) error {
	if err == nil || !errors.Is(err, fs.ErrPermission) {
		return err
	}
	at, fi, found := reachable(path)
	if !found || mayRead(at, fi) { // the error is about writing
		return err
	}
	return &closedError{text: ": " + noRight("read", at, fi), err: err}
}

// mayRead reports whether this process may read a file, or what is in a directory.
func mayRead(at string, fi fs.FileInfo) bool {
	need := uint32(4) // access(2), R_OK
	if fi.IsDir() {
		need |= 1 // X_OK
	}
	return syscall.Access(at, need) == nil
}

// reachable returns the path, or the first directory above it that can be looked at: what is
// in a closed directory cannot, and a file that was to be created does not exist.
func reachable(path string) (at string, fi fs.FileInfo, found bool) {
	at, err := filepath.Abs(path)
	if err != nil {
		return "", nil, false
	}
	for {
		fi, err := os.Lstat(at)
		if err == nil {
			return at, fi, true
		}
		above := filepath.Dir(at)
		if above == at || !errors.Is(err, fs.ErrPermission) && !errors.Is(err, fs.ErrNotExist) {
			return "", nil, false
		}
		at = above
	}
}

// noRight returns the words for a file or directory that refused access.
func noRight(verb, at string, fi fs.FileInfo) string {
	_, _, owner := fsx.OwnerOf(fi)
	if fi.IsDir() {
		at += string(filepath.Separator)
	}
	return fmt.Sprintf("no right to %s %s, owner %s, mode %04o; davadmin runs as %s; run the command as a user who has it", verb, at, owner, fi.Mode().Perm(), runsAs())
}

// runsAs returns the user of this process.
func runsAs() string {
	uid := os.Geteuid()
	if u, err := user.LookupId(fmt.Sprint(uid)); err == nil {
		return fmt.Sprintf("%s (uid %d)", u.Username, uid)
	}
	return fmt.Sprintf("uid %d", uid)
}

// writeHint returns why a file could not be written, if the file or its directory shows that:
// a read-only file system, a full one, or the owner and the mode.
func writeHint(err error) string {
	path := writtenPath(err)
	var closed *closedError
	if path == "" || errors.As(err, &closed) {
		return ""
	}
	at, fi, found := reachable(path)
	if !found || !fi.IsDir() && !fi.Mode().IsRegular() {
		return ""
	}
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, store.ErrFull) {
		return fmt.Sprintf("; free some space on the file system of %s", filepath.Dir(path))
	}
	for ; ; fi, _ = os.Lstat(at) {
		const mayWrite = 2 // access(2), W_OK
		switch denied := syscall.Access(at, mayWrite); {
		case errors.Is(denied, syscall.EROFS):
			if fi != nil && !fi.IsDir() {
				at = filepath.Dir(at) // the message names the file already
			}
			return fmt.Sprintf("; the file system of %s is mounted read-only", at)
		case errors.Is(denied, syscall.EACCES) && fi != nil:
			return "; " + noRight("write", at, fi)
		case fi == nil || fi.IsDir():
			return ""
		}
		at = filepath.Dir(at) // new versions and the files of SQLite are created there
	}
}

// writtenPath returns the file that could not be written according to an error; "" if the
// error is not about that.
func writtenPath(err error) string {
	var change *fsx.Error
	var lock *fsx.LockFileError
	var path *fs.PathError
	var place *store.PlaceError
	refused := errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) || errors.Is(err, syscall.ENOSPC)
	switch {
	case errors.As(err, &place) && filepath.IsAbs(place.Where) && (errors.Is(err, store.ErrReadOnly) || errors.Is(err, store.ErrFull)):
		return place.Where
	case !refused:
		return ""
	case errors.As(err, &change):
		return change.Path
	case errors.As(err, &lock):
		return lock.Path
	case errors.As(err, &path):
		return path.Path
	}
	return ""
}
