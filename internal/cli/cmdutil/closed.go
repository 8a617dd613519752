package cmdutil

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/davadmin/davadmin/internal/fsx"
)

// explainClosed adds to an error of reading a path which file or directory refused access,
// who owns it, and its mode: the error itself names only the path that was wanted. Other
// errors are returned as they are.
func explainClosed(err error, path string) error {
	if err == nil || !errors.Is(err, fs.ErrPermission) {
		return err
	}
	at, aerr := filepath.Abs(path)
	if aerr != nil {
		return err
	}
	// What is in a closed directory cannot be looked at, so the first that can is the one.
	for {
		fi, serr := os.Lstat(at)
		if serr == nil {
			_, _, owner := fsx.OwnerOf(fi)
			if fi.IsDir() {
				at += string(filepath.Separator)
			}
			return fmt.Errorf("%w: no right to read %s, owner %s, mode %04o; run the command as a user who has it", err, at, owner, fi.Mode().Perm())
		}
		above := filepath.Dir(at)
		if above == at || !errors.Is(serr, fs.ErrPermission) {
			return err
		}
		at = above
	}
}
