// Package ui is the interface between davadmin and people or scripts: streams,
// output formats, tables, escaping of hostile text, and questions.
//
// Text from a file, a directory or a calendar that passes through this package
// cannot control a terminal, a spreadsheet or a shell. The package knows nothing
// about what the commands do.
package ui

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/term"

	"github.com/davadmin/davadmin/internal/crash"
)

// Streams are the input and output of a run. Data goes to Out; notes, progress,
// warnings and errors go to Err.
type Streams struct {
	In     io.Reader
	Out    io.Writer
	Err    io.Writer
	InTTY  bool
	OutTTY bool
	ErrTTY bool
	// OutFile is the path of the regular file at Out; "" for anything else, or where the path is unknown.
	OutFile string
	Width   int // of the terminal at Out, in cells; DefaultWidth (or 0) without one

	// Output is the writer at Out, or nil if Out is written to directly.
	Output *Output

	// ReadSecret prompts on the terminal without echo. It is nil without a
	// terminal.
	ReadSecret func(ctx context.Context, prompt string) ([]byte, error)
}

// System returns the streams of the process, without buffers; see Guard.
func System() *Streams {
	s := &Streams{
		In: os.Stdin, Out: os.Stdout, Err: os.Stderr,
		InTTY:  term.IsTerminal(int(os.Stdin.Fd())),
		OutTTY: term.IsTerminal(int(os.Stdout.Fd())),
		ErrTTY: term.IsTerminal(int(os.Stderr.Fd())),
		Width:  DefaultWidth,
	}
	if fi, err := os.Stdout.Stat(); err == nil && fi.Mode().IsRegular() {
		// Only Linux has this link; elsewhere the file stays unnamed.
		s.OutFile, _ = os.Readlink("/proc/self/fd/1")
	}
	if s.OutTTY {
		if w, _, err := term.GetSize(int(os.Stdout.Fd())); err == nil && w > 0 {
			s.Width = w
		}
	}
	if s.InTTY {
		s.ReadSecret = readSecret
	}
	return s
}

func readSecret(ctx context.Context, prompt string) ([]byte, error) {
	fd := int(os.Stdin.Fd())
	before, err := term.GetState(fd)
	if err != nil {
		return nil, err
	}
	fmt.Fprint(os.Stderr, prompt)
	b, err := Interruptible(ctx, func() ([]byte, error) { return term.ReadPassword(fd) })
	fmt.Fprintln(os.Stderr)
	if ctx.Err() != nil {
		// The read that is still waiting has switched the echo off.
		_ = term.Restore(fd, before)
	}
	return b, err
}

// Interruptible runs a read that cannot be cancelled, and returns when the read
// returns or ctx ends. In the second case the read continues in the background,
// because the run is about to end.
func Interruptible[T any](ctx context.Context, read func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	var v T
	crash.Go(func() (err error) {
		v, err = read()
		return err
	}, func(err error) { done <- result{v, err} })
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
		var zero T
		return zero, ctx.Err()
	}
}

// Flush writes what Out has buffered, so that data and notes appear in the order in which
// they were written. It returns the first error of the output.
func (s *Streams) Flush() error {
	if s.Output == nil {
		return nil
	}
	return s.Output.Flush()
}

// ErrNoTerminal is returned by Confirm without a terminal.
var ErrNoTerminal = errors.New("no terminal to confirm on")

// Confirm asks a yes-or-no question. Any answer except yes means no. It returns
// ErrNoTerminal if there is no terminal to ask on.
func (s *Streams) Confirm(ctx context.Context, question string) (bool, error) {
	if !s.InTTY {
		return false, ErrNoTerminal
	}
	fmt.Fprintf(s.Err, "%s [y/N] ", Sanitize(question))
	line, err := Interruptible(ctx, func() (string, error) { return bufio.NewReader(s.In).ReadString('\n') })
	if err != nil && !errors.Is(err, io.EOF) {
		return false, err
	}
	switch line {
	case "y\n", "Y\n", "yes\n", "YES\n", "Yes\n":
		return true, nil
	}
	return false, nil
}
