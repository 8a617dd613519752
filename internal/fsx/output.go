package fsx

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// OutputOptions says how WriteOutput treats its file. The zero value is usable.
type OutputOptions struct {
	// Hook sees every change of a regular file; nil in production.
	Hook Hook
	// Overwrite allows an existing regular file to be replaced.
	Overwrite bool
	// Ours, if not nil, is asked about an existing regular file that is not empty, with
	// its first bytes (at most headSize): it is replaced only if Ours returns true,
	// whatever Overwrite says.
	Ours func(head []byte) bool
}

// headSize is how many bytes of a file are passed to Ours.
const headSize = 4096

// errShared is the reason why a file of someone else is not replaced: in a directory
// that others can write to, they may have put it there in order to own the new one.
var errShared = errors.New("other users can write to its directory, and it belongs to one of them")

// WriteOutput writes a file whose path the user named, with the data that write
// writes to w. Every command writes its output files with it.
//
// The data goes to a new temporary file next to the file, with a name that nobody can
// guess and that only this user can open (0600); it is synced and then renamed, so
// that the file is complete or unchanged. A symbolic link is not followed, and not
// replaced. A file that is replaced keeps its owner, but not its mode.
//
// A device or a pipe, and anything under /dev or /proc (such as /dev/stdout), is
// written to directly, without sync, and is never replaced; a pipe without a reader
// is waited for until ctx ends. A file in /dev/shm is a file like any other.
//
// Every error is an *Error. It wraps fs.ErrExist when something exists at path that
// the options do not allow to be replaced, and ErrNotRegular for a directory, a
// socket or, if the options allow a file to be replaced, a symbolic link.
//
// Of two runs that write the same new file at the same time, one fails; of two that
// overwrite it, the last one wins. What a killed run left is removed by the next run
// that writes the same file.
func WriteOutput(ctx context.Context, path string, o OutputOptions, write func(w io.Writer) error) error {
	if IsDirect(path) {
		return writeDirect(ctx, path, write)
	}
	if err := ctx.Err(); err != nil {
		return &Error{Path: path, Err: err}
	}
	target, old, err := o.look(path)
	if err != nil {
		return err
	}
	d, err := newOutputDraft(target, o.Hook)
	if err != nil {
		return err
	}
	if err := d.output(ctx, old, streamContent(write), o); err != nil {
		d.abort()
		return err
	}
	state := ""
	if old == nil {
		state = "the file was created, but might not survive a power failure"
	}
	return d.settle(state)
}

// RemoveOutput removes a file that WriteOutput with the same options could replace and
// that is not empty, synced to disk: one that an earlier run wrote, if there is nothing to
// write now. It does nothing if there is no file, and for a device or a pipe.
//
// Every error is an *Error, as those of WriteOutput are.
func RemoveOutput(ctx context.Context, path string, o OutputOptions) error {
	if IsDirect(path) {
		return nil
	}
	target, old, err := o.look(path)
	if err != nil || old == nil || old.Size() == 0 {
		return err
	}
	return RemoveSynced(ctx, target, o.Hook)
}

// CheckOutput returns the error with which WriteOutput would refuse the path, without
// writing anything: it is for commands that do long or irrevocable work first.
func CheckOutput(path string, o OutputOptions) error {
	if IsDirect(path) {
		if _, err := os.Stat(path); err != nil {
			return &Error{Op: OpWrite, Path: path, Err: bare(err), verb: "write to"}
		}
		return nil
	}
	_, _, err := o.look(path)
	return err
}

// look returns the path with the links in its directory resolved, and the file that
// is to be replaced; nil if absent.
func (o OutputOptions) look(path string) (target string, old fs.FileInfo, err error) {
	fail := func(err error) error { return &Error{Op: OpCreate, Path: path, Err: bare(err), verb: "write"} }
	// Not filepath.Dir, which would remove "link/.." before the link is followed.
	dir, base := filepath.Split(path)
	if base == "" || base == "." || base == ".." {
		return "", nil, fail(errors.New("it does not name a file"))
	}
	if dir, err = filepath.EvalSymlinks(cmp.Or(dir, ".")); err != nil {
		return "", nil, fail(fmt.Errorf("its directory: %w", bare(err)))
	}
	target = filepath.Join(dir, base)
	old, err = os.Lstat(target)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return target, nil, nil
	case err != nil:
		return "", nil, fail(err)
	case !o.Overwrite && o.Ours == nil:
		return "", nil, fail(syscall.EEXIST)
	case !old.Mode().IsRegular():
		return "", nil, fail(notRegular(old.Mode()))
	}
	if err := checkShared(dir, old); err != nil {
		return "", nil, fail(err)
	}
	if o.Ours != nil && old.Size() > 0 {
		head, err := readHead(target)
		if err == nil && !o.Ours(head) {
			err = syscall.EEXIST
		}
		if err != nil {
			return "", nil, fail(err)
		}
	}
	return target, old, nil
}

// checkShared returns errShared for a file in a directory that others can write to, if
// it belongs to neither this user nor the owner of the directory. Linux has the same
// rule for opening such files (fs.protected_regular).
func checkShared(dir string, old fs.FileInfo) error {
	di, err := os.Stat(dir)
	if err != nil {
		return bare(err)
	}
	if uid := ownerOf(old).uid; di.Mode().Perm()&0o022 != 0 && uid != os.Geteuid() && uid != ownerOf(di).uid {
		return errShared
	}
	return nil
}

// readHead returns the first bytes of a regular file.
func readHead(path string) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, headSize))
}

// outputTemp returns the beginning and the end of the names of temporary files of
// target. A random part is between them.
func outputTemp(target string) (prefix, suffix string) {
	base := filepath.Base(target)
	return "." + base[:min(len(base), 200)] + ".", TempSuffix
}

// newOutputDraft creates the temporary file of an output file. It is locked as long as
// it is in use, so that other runs can see what a killed run left.
func newOutputDraft(target string, hook Hook) (*draft, error) {
	var random [12]byte
	if _, err := rand.Read(random[:]); err != nil {
		return nil, &Error{Op: OpCreate, Path: target, Err: err}
	}
	prefix, suffix := outputTemp(target)
	temp := filepath.Join(filepath.Dir(target), prefix+hex.EncodeToString(random[:])+suffix)
	d, err := openDraft(target, temp, hook, func() error { return cleanOutput(target, hook) })
	if err != nil {
		return nil, err
	}
	// A file system without locks has no leftovers that are removed.
	_ = syscall.Flock(int(d.f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	return d, nil
}

// cleanOutput removes the temporary files of target that killed runs of this user left.
func cleanOutput(target string, hook Hook) error {
	dir := filepath.Dir(target)
	d, err := os.Open(dir)
	if err != nil {
		return &Error{Op: OpCreate, Path: target, Err: fmt.Errorf("its directory: %w", bare(err))}
	}
	defer d.Close()
	prefix, suffix := outputTemp(target)
	for {
		names, err := d.Readdirnames(1024)
		for _, name := range names {
			middle, ok := strings.CutPrefix(name, prefix)
			if middle, ok2 := strings.CutSuffix(middle, suffix); ok && ok2 && isRandom(middle) {
				if err := removeAbandoned(filepath.Join(dir, name), target, hook); err != nil {
					return err
				}
			}
		}
		if err != nil { // the end; a directory that cannot be listed shows no leftovers
			return nil
		}
	}
}

// isRandom reports whether s is a random part of a name.
func isRandom(s string) bool {
	b, err := hex.DecodeString(s)
	return err == nil && len(b) == 12
}

// removeAbandoned removes a temporary file of this user that no process has locked.
func removeAbandoned(temp, target string, hook Hook) error {
	fi, err := os.Lstat(temp)
	if err != nil || !fi.Mode().IsRegular() || ownerOf(fi).uid != os.Geteuid() {
		return nil
	}
	f, err := os.OpenFile(temp, os.O_RDWR|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil
	}
	defer f.Close()
	if syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil {
		return nil
	}
	_, err = removeTemp(temp, target, hook)
	return err
}

// output does everything up to and including the rename.
func (d *draft) output(ctx context.Context, old fs.FileInfo, fill content, o OutputOptions) error {
	if err := d.setPrivate(old, ""); err != nil {
		return err
	}
	if err := fill(ctx, d); err != nil {
		return err
	}
	// The file stays open, and so locked, until it has its name.
	if err := d.stillOurs(); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return d.fail("", err)
	}
	if !o.Overwrite && o.Ours == nil {
		return d.renameNew()
	}
	// Once more, because the work may have taken long.
	if _, _, err := o.look(d.target); err != nil {
		return err
	}
	return d.do(OpRename, d.temp, func() error { return os.Rename(d.temp, d.target) })
}

// IsDirect reports whether WriteOutput writes to path without a temporary file, so that
// the data cannot be read again by that path. A path under /dev is such a path, even if
// it leads to a regular file: /dev/stdout is the open output of the process, which would
// not follow a rename.
func IsDirect(path string) bool {
	if isOpenFile(path) {
		return true
	}
	fi, err := os.Lstat(path)
	return err == nil && isStream(fi.Mode())
}

// isOpenFile reports whether a path is in a directory of devices and open files.
func isOpenFile(path string) bool {
	path = filepath.Clean(path)
	return strings.HasPrefix(path, "/proc/") || strings.HasPrefix(path, "/dev/") && !strings.HasPrefix(path, "/dev/shm/")
}

func isStream(m fs.FileMode) bool { return m&(fs.ModeDevice|fs.ModeNamedPipe) != 0 }

// writeDirect writes to a device or a pipe.
func writeDirect(ctx context.Context, path string, write func(io.Writer) error) error {
	f, err := openDirect(ctx, path)
	if err != nil {
		return &Error{Op: OpWrite, Path: path, Err: bare(err), verb: "write to"}
	}
	stop := context.AfterFunc(ctx, func() { _ = f.SetWriteDeadline(time.Now()) })
	defer stop()
	err = write(f)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if ctx.Err() != nil && errors.Is(err, os.ErrDeadlineExceeded) {
		err = ctx.Err()
	}
	if err != nil {
		return &Error{Op: OpWrite, Path: path, Err: bare(err), verb: "write to", state: "a part of the data may have been written"}
	}
	return nil
}

// openDirect opens a device or a pipe. It does not let the system wait for the
// reader of a pipe, since nothing could end that wait.
func openDirect(ctx context.Context, path string) (*os.File, error) {
	flags := os.O_WRONLY | os.O_APPEND | syscall.O_NONBLOCK
	if !isOpenFile(path) { // /dev/stdout is a link
		flags |= syscall.O_NOFOLLOW
	}
	for {
		f, err := os.OpenFile(path, flags, 0)
		if err == nil && isOpenFile(path) {
			return sharedFile(f)
		}
		if err == nil {
			err = checkStream(f)
		}
		if !errors.Is(err, syscall.ENXIO) {
			return f, err
		}
		if fi, serr := os.Stat(path); serr != nil || fi.Mode()&fs.ModeNamedPipe == 0 {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(lastWait):
		}
	}
}

// stdout and stderr are the file descriptors of the standard output and the standard error
// output, which /dev/stdout and /dev/stderr stand for.
const (
	stdout = 1
	stderr = 2
)

// sharedFile returns f, or, if f is a regular file that is also the standard output or
// the standard error output, a copy of that file descriptor. Otherwise, what this process
// writes there would overwrite each other, because each has a position of its own.
func sharedFile(f *os.File) (*os.File, error) {
	fi, err := f.Stat()
	if err != nil || !fi.Mode().IsRegular() {
		return f, err
	}
	for _, fd := range []int{stdout, stderr} {
		if !isOpenAs(fd, fi) {
			continue
		}
		own, err := syscall.Dup(fd)
		if err != nil {
			return nil, errors.Join(err, f.Close())
		}
		syscall.CloseOnExec(own)
		return os.NewFile(uintptr(own), f.Name()), f.Close()
	}
	return f, nil
}

// IsStdout reports whether WriteOutput writes to the standard output of this process if
// it is given path, such as /dev/stdout.
func IsStdout(path string) bool {
	if !isOpenFile(path) {
		return false
	}
	fi, err := os.Stat(path)
	return err == nil && isOpenAs(stdout, fi)
}

// IsStdin reports whether a path is another name of standard input, such as /dev/stdin. It
// judges by the name: a file that was also opened as standard input can be read twice.
func IsStdin(path string) bool {
	switch filepath.Clean(path) {
	case "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0":
		return true
	}
	return false
}

// isOpenAs reports whether a file descriptor of this process is the file that fi describes.
func isOpenAs(fd int, fi fs.FileInfo) bool {
	var open syscall.Stat_t
	st, ok := fi.Sys().(*syscall.Stat_t)
	return ok && syscall.Fstat(fd, &open) == nil && open.Dev == st.Dev && open.Ino == st.Ino
}

// checkStream closes a file that is neither a device nor a pipe: it was put there since
// its type was looked at.
func checkStream(f *os.File) error {
	fi, err := f.Stat()
	if err == nil && !isStream(fi.Mode()) {
		err = errors.New("it was replaced while it was being opened")
	}
	if err != nil {
		_ = f.Close()
	}
	return err
}
