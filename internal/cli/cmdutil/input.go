package cmdutil

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/davadmin/davadmin/internal/fsx"
	"github.com/davadmin/davadmin/internal/listfile"
)

// Input reads values, passwords and batch files.
type Input struct {
	console *Console
	stdin   bool          // standard input was taken
	pipes   []fs.FileInfo // named pipes that were taken
}

// maxValue limits the size of a value, in bytes.
const maxValue = 16 << 20

// TakeStdin returns an error if standard input was already given to another option: its text
// is there only once.
func (in *Input) TakeStdin() error {
	if in.stdin {
		return Usagef("standard input (-) can be read only once, but two options name it; use a file for one of them")
	}
	in.stdin = true
	return nil
}

// ReadValue reads a value from a file or a pipe, or from standard input if path is "-", and
// removes one line ending at its end. A file with a secret must not be accessible to others. A
// byte-order mark is removed; in a file with a secret it is an error, because only the user
// knows whether the secret contains it.
func (in *Input) ReadValue(ctx context.Context, path string, secret bool) ([]byte, error) {
	b, info, err := in.readWhole(ctx, path, maxValue)
	if err == nil && secret && info != nil {
		err = in.CheckPrivate(path, info)
	}
	if err != nil {
		return nil, err
	}
	if secret && bytes.HasPrefix(b, []byte(listfile.ByteOrderMark)) {
		return nil, fmt.Errorf("%s begins with a byte-order mark, which would be a part of the password; save the file as UTF-8 without one (BOM)", BatchName(path))
	}
	if b, err = PlainText(BatchName(path), b); err != nil {
		return nil, err
	}
	b = bytes.TrimSuffix(b, []byte("\n"))
	return bytes.TrimSuffix(b, []byte("\r")), nil
}

// readWhole reads a file, a pipe, or standard input. The info is nil for standard input.
func (in *Input) readWhole(ctx context.Context, path string, limit int64) ([]byte, fs.FileInfo, error) {
	if !isStdin(path) && !isPipe(path) {
		return fsx.ReadLimited(path, limit)
	}
	f, info, err := in.Open(ctx, path)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	switch {
	case err != nil:
		return nil, nil, fmt.Errorf("read %s: %w", BatchName(path), err)
	case int64(len(b)) > limit:
		return nil, nil, fmt.Errorf("%s has more than %d bytes", BatchName(path), limit)
	}
	return b, info, nil
}

// CheckPrivate returns an error if a file with a password is accessible to others.
func (in *Input) CheckPrivate(path string, info fs.FileInfo) error {
	if open := info.Mode().Perm() & 0o077; open != 0 {
		return fmt.Errorf("%s contains a password and others can read it (mode %04o); run: chmod 600 %s", path, info.Mode().Perm(), Quote(path))
	}
	return nil
}

// AskSecret prompts twice for a password.
func (in *Input) AskSecret(ctx context.Context, name string) (string, error) {
	if in.console.Streams.ReadSecret == nil {
		return "", Usagef("no password given for %s, and there is no terminal for a prompt: use --value-file FILE or -f -", name)
	}
	first, err := in.console.Streams.ReadSecret(ctx, name+": ")
	if err != nil {
		return "", fmt.Errorf("read the password: %w", err)
	}
	again, err := in.console.Streams.ReadSecret(ctx, "again: ")
	if err != nil {
		return "", fmt.Errorf("read the password: %w", err)
	}
	if !bytes.Equal(first, again) {
		return "", errors.New("the two passwords differ; nothing was changed")
	}
	return string(first), nil
}
