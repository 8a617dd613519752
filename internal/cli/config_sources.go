package cli

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
	"github.com/davadmin/davadmin/pkg/config"
)

// maxValue and maxBatch bound what is read from files and standard input.
const (
	maxValue = 16 << 20
	maxBatch = 256 << 20
)

// requests turns the options into requests. It reads the files they name and
// asks for passwords.
func (o *configModify) requests(ctx context.Context, r *config.Registry) ([]config.Request, error) {
	if err := o.edits.check(); err != nil {
		return nil, err
	}
	var out []config.Request
	for _, it := range o.edits.items {
		q, err := o.request(ctx, r, it)
		if err != nil {
			return nil, err
		}
		out = append(out, q)
	}
	if o.batch != "" {
		lines, err := o.readBatch(ctx, r)
		if err != nil {
			return nil, err
		}
		out = append(out, lines...)
		if len(out) == 0 {
			o.console.Warnf("%s names no parameter; nothing was changed", batchName(o.batch))
			return nil, errAnswered
		}
	}
	if len(out) == 0 {
		return nil, usagef("what is to be changed? Give -o NAME -v VALUE, or -f FILE")
	}
	return out, nil
}

func (o *configModify) request(ctx context.Context, r *config.Registry, it editItem) (config.Request, error) {
	q := config.Request{Name: it.name, Value: it.value, Add: it.add, Remove: it.remove}
	_, known := r.Lookup(it.name)
	secret := r.Secret(it.name)
	switch it.kind {
	case editMembers:
		q.Action = config.ActionMembers
	case editUnset:
		q.Action = config.ActionUnset
	case editFile:
		b, err := o.input.ReadValue(ctx, it.value, secret)
		if err != nil {
			return q, fmt.Errorf("%s: value file: %w", it.name, err)
		}
		q.Value = string(b)
	case editSet:
		if secret && it.value != "" {
			return q, usagef("%s is a password, and a command line is seen by others: use --value-file FILE, -f -, or leave -v out and type it", it.name)
		}
	case editNone:
		if !secret {
			if !known {
				return q, unknownParameter(r, it.name)
			}
			return q, usagef("%s: what shall become of it? Give -v VALUE, --add, --remove or --default", it.name)
		}
		value, err := o.input.AskSecret(ctx, it.name)
		if err != nil {
			return q, err
		}
		q.Value = value
	}
	return q, nil
}

// readValue reads a value from a file, without one line ending at its end.
func (in *Input) ReadValue(ctx context.Context, path string, secret bool) ([]byte, error) {
	var b []byte
	var err error
	if path == "-" {
		b, err = readAll(ctx, in.console.Streams.In, maxValue)
	} else {
		b, err = in.ReadGuarded(path, maxValue, secret)
	}
	if err != nil {
		return nil, err
	}
	b = bytes.TrimSuffix(b, []byte("\n"))
	return bytes.TrimSuffix(b, []byte("\r")), nil
}

// readGuarded reads a file; one with secrets must be closed to others.
func (in *Input) ReadGuarded(path string, limit int64, secret bool) ([]byte, error) {
	b, info, err := fsx.ReadLimited(path, limit)
	if err != nil {
		return nil, err
	}
	if secret {
		return b, in.CheckPrivate(path, info)
	}
	return b, nil
}

func (in *Input) CheckPrivate(path string, info fs.FileInfo) error {
	if open := info.Mode().Perm() & 0o077; open != 0 {
		return fmt.Errorf("%s holds a password and others may read it (mode %04o); run: chmod 600 %s", path, info.Mode().Perm(), Quote(path))
	}
	return nil
}

func (in *Input) AskSecret(ctx context.Context, name string) (string, error) {
	if in.console.Streams.ReadSecret == nil {
		return "", usagef("%s is a password and there is no terminal to ask on: use --value-file FILE or -f -", name)
	}
	first, err := in.console.Streams.ReadSecret(ctx, name+": ")
	if err != nil {
		return "", fmt.Errorf("read the password: %w", err)
	}
	again, err := in.console.Streams.ReadSecret(ctx, "once more: ")
	if err != nil {
		return "", fmt.Errorf("read the password: %w", err)
	}
	if !bytes.Equal(first, again) {
		return "", errors.New("the two passwords differ; nothing was changed")
	}
	return string(first), nil
}

func batchName(path string) string {
	if path == "-" {
		return "standard input"
	}
	return path
}

// readBatch reads lines of 'name=value'. The syntax of all of them is checked
// before anything is done.
func (o *configModify) readBatch(ctx context.Context, r *config.Registry) ([]config.Request, error) {
	var out []config.Request
	err := o.input.EachBatchLine(ctx, o.batch, func(line, where string, info fs.FileInfo) error {
		q, given, err := batchLine(line, where)
		if err != nil || !given {
			return err
		}
		if r.Secret(q.Name) && info != nil {
			if err := o.input.CheckPrivate(o.batch, info); err != nil {
				return err
			}
		}
		out = append(out, q)
		return nil
	})
	return out, err
}

// eachBatchLine reads a batch file, - for standard input, and calls do for each
// line with its place. The info is nil for standard input.
func (in *Input) EachBatchLine(ctx context.Context, path string, do func(line, where string, info fs.FileInfo) error) error {
	text, info, err := in.BatchText(ctx, path)
	if err != nil {
		return fmt.Errorf("batch file: %w", err)
	}
	n := 0
	for line := range strings.Lines(string(text)) {
		n++
		if err := do(line, fmt.Sprintf("%s:%d", batchName(path), n), info); err != nil {
			return err
		}
	}
	return nil
}

func (in *Input) BatchText(ctx context.Context, path string) ([]byte, fs.FileInfo, error) {
	if path != "-" {
		return fsx.ReadLimited(path, maxBatch)
	}
	b, err := readAll(ctx, in.console.Streams.In, maxBatch)
	return b, nil, err
}

// readAll reads standard input to its end, or until ctx ends; more than limit
// bytes are an error.
func readAll(ctx context.Context, in io.Reader, limit int64) ([]byte, error) {
	b, err := ui.Interruptible(ctx, func() ([]byte, error) { return io.ReadAll(io.LimitReader(in, limit+1)) })
	if err != nil {
		return nil, fmt.Errorf("read standard input: %w", err)
	}
	if int64(len(b)) > limit {
		return nil, fmt.Errorf("standard input holds more than %d bytes", limit)
	}
	return b, nil
}

func batchLine(line, where string) (q config.Request, given bool, err error) {
	name, value, given, err := batchPair(line, where, "name", "value")
	if err != nil || !given {
		return q, false, err
	}
	return config.Request{Name: name, Value: value, Where: where}, true, nil
}

// batchWords takes the blanks round a line off; a blank line and a comment are
// empty.
func batchWords(line string) string {
	line = strings.Trim(line, " \t\r\n")
	if strings.HasPrefix(line, "#") {
		return ""
	}
	return line
}

// batchPair reads 'left=right', called so in messages.
func batchPair(line, where, left, right string) (name, value string, given bool, err error) {
	if line = batchWords(line); line == "" {
		return "", "", false, nil
	}
	name, value, ok := strings.Cut(line, "=")
	if !ok {
		return "", "", false, usagef("%s: no '=' between %s and %s; nothing was changed", where, left, right)
	}
	if name = strings.TrimRight(name, " \t"); name == "" {
		return "", "", false, usagef("%s: no %s before '='; nothing was changed", where, left)
	}
	return name, strings.TrimLeft(value, " \t"), true, nil
}
