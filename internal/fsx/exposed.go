package fsx

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// Exposed is a file or a directory that users other than root and the user of this
// process can write to.
type Exposed struct {
	Path  string
	Dir   bool        // it is the directory of the file, in which they can replace the file
	Mode  fs.FileMode // permission bits, if these are the reason; else 0
	Owner string      // the owner, if that is the reason; else ""
}

// ExposedToOthers returns how other users could change the file at path: because it, or
// its directory, belongs to one of them, because its mode lets the group or all users
// write to it, or because its directory lets all users remove files of others. If path
// is a symbolic link, the directory of the link counts too. ACLs are ignored.
func ExposedToOthers(path string) ([]Exposed, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	target, err := filepath.EvalSymlinks(abs)
	if err != nil {
		return nil, bare(err)
	}
	linked, err := filepath.EvalSymlinks(filepath.Dir(abs))
	if err != nil {
		return nil, bare(err)
	}
	var out []Exposed
	look := func(path string, dir bool, bits fs.FileMode) error {
		fi, err := os.Stat(path)
		if err != nil {
			return bare(err)
		}
		if o := ownerOf(fi); o.uid != 0 && o.uid != os.Geteuid() {
			out = append(out, Exposed{Path: path, Dir: dir, Owner: o.String()})
		}
		if fi.Mode()&bits != 0 && (!dir || fi.Mode()&fs.ModeSticky == 0) {
			out = append(out, Exposed{Path: path, Dir: dir, Mode: fi.Mode().Perm()})
		}
		return nil
	}
	err = look(target, false, 0o022)
	for _, dir := range slices.Compact([]string{filepath.Dir(target), linked}) {
		err = errors.Join(err, look(dir, true, 0o002))
	}
	return out, err
}
