package cmdutil

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/davadmin/davadmin/internal/fsx"
	"github.com/davadmin/davadmin/internal/ui"
)

// Input reads values, passwords and batch files.
type Input struct {
	console *Console
	stdin   bool // standard input was taken
}

// maxValue and maxBatch limit the size of files and of standard input, in bytes.
const (
	maxValue = 16 << 20
	maxBatch = 256 << 20
)

// TakeStdin returns an error if standard input was already given to another option: its text
// is there only once.
func (in *Input) TakeStdin() error {
	if in.stdin {
		return Usagef("standard input (-) can be read only once, but two options name it; use a file for one of them")
	}
	in.stdin = true
	return nil
}

// ReadValue reads a value from a file, or from standard input if path is "-", and removes
// one line ending at its end. A file with a secret must not be accessible to others. A
// byte-order mark is removed; in a file with a secret it is an error, because only the user
// knows whether the secret contains it.
func (in *Input) ReadValue(ctx context.Context, path string, secret bool) ([]byte, error) {
	var b []byte
	var err error
	if path == "-" {
		if err := in.TakeStdin(); err != nil {
			return nil, err
		}
		b, err = readAll(ctx, in.console.Streams.In, maxValue)
	} else {
		b, err = in.readFile(path, maxValue, secret)
	}
	if err != nil {
		return nil, err
	}
	if secret && bytes.HasPrefix(b, []byte(byteOrderMark)) {
		return nil, fmt.Errorf("%s begins with a byte-order mark, which would be a part of the password; save the file as UTF-8 without one (BOM)", BatchName(path))
	}
	if b, err = PlainText(BatchName(path), b); err != nil {
		return nil, err
	}
	b = bytes.TrimSuffix(b, []byte("\n"))
	return bytes.TrimSuffix(b, []byte("\r")), nil
}

// readFile reads a file; one with a secret must not be accessible to others.
func (in *Input) readFile(path string, limit int64, secret bool) ([]byte, error) {
	b, info, err := fsx.ReadLimited(path, limit)
	if err != nil {
		return nil, err
	}
	if secret {
		return b, in.CheckPrivate(path, info)
	}
	return b, nil
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

// BatchName returns the name of a batch file for messages.
func BatchName(path string) string {
	if path == "-" {
		return "standard input"
	}
	return path
}

// EachBatchLine reads a batch file, or standard input if path is "-", and calls do for each
// line with its file name and number. The info is nil for standard input.
func (in *Input) EachBatchLine(ctx context.Context, path string, do func(line, where string, info fs.FileInfo) error) error {
	text, info, err := in.ReadBatch(ctx, path)
	if err != nil {
		return err
	}
	n := 0
	for line := range strings.Lines(text) {
		n++
		if err := do(line, BatchPlace(path, n), info); err != nil {
			return err
		}
	}
	return nil
}

// BatchPlace returns the name and the number of a line of a batch file, for messages.
func BatchPlace(path string, line int) string {
	return fmt.Sprintf("%s:%d", BatchName(path), line)
}

// ReadBatch returns the text of a batch file, or of standard input if path is "-". The info
// is nil for standard input.
func (in *Input) ReadBatch(ctx context.Context, path string) (string, fs.FileInfo, error) {
	text, info, err := in.readBatch(ctx, path)
	if err != nil {
		return "", nil, fmt.Errorf("batch file: %w", err)
	}
	if text, err = PlainText(BatchName(path), text); err != nil {
		return "", nil, Usagef("batch file: %v", err)
	}
	return string(text), info, nil
}

func (in *Input) readBatch(ctx context.Context, path string) ([]byte, fs.FileInfo, error) {
	if path != "-" {
		return fsx.ReadLimited(path, maxBatch)
	}
	if err := in.TakeStdin(); err != nil {
		return nil, nil, err
	}
	b, err := readAll(ctx, in.console.Streams.In, maxBatch)
	return b, nil, err
}

// readAll reads standard input to its end, or until ctx ends. More than limit bytes are an
// error.
func readAll(ctx context.Context, in io.Reader, limit int64) ([]byte, error) {
	b, err := ui.Interruptible(ctx, func() ([]byte, error) { return io.ReadAll(io.LimitReader(in, limit+1)) })
	if err != nil {
		return nil, fmt.Errorf("read standard input: %w", err)
	}
	if int64(len(b)) > limit {
		return nil, fmt.Errorf("standard input has more than %d bytes", limit)
	}
	return b, nil
}

// TrimBatchLine returns a line without surrounding white space, or an empty string if it is
// a comment.
func TrimBatchLine(line string) string {
	line = strings.Trim(line, " \t\r\n")
	if strings.HasPrefix(line, "#") {
		return ""
	}
	return line
}

// ParseBatchPair parses a line 'left=right'; messages use these names for its parts. Given
// is false for a blank line and a comment.
func ParseBatchPair(line, where, left, right string) (name, value string, given bool, err error) {
	if line = TrimBatchLine(line); line == "" {
		return "", "", false, nil
	}
	name, value, ok := strings.Cut(line, "=")
	if !ok {
		return "", "", false, Usagef("%s: missing '=' between %s and %s; nothing was changed", where, left, right)
	}
	if name = strings.TrimRight(name, " \t"); name == "" {
		return "", "", false, Usagef("%s: missing %s before '='; nothing was changed", where, left)
	}
	return name, strings.TrimLeft(value, " \t"), true, nil
}
