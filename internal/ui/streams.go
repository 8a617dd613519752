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
	Width  int // of the terminal at Out, in cells; DefaultWidth (or 0) without one

	// Flush writes what Out has buffered, so that data and notes appear in the
	// order in which they were written. It is nil if Out has no buffer. Out keeps
	// an error and returns it again at the end.
	Flush func() error

	// ReadSecret prompts on the terminal without echo. It is nil without a
	// terminal.
	ReadSecret func(ctx context.Context, prompt string) ([]byte, error)
}

// System returns the streams of the process. Out is buffered: call Flush at the end
// of the run, and treat its error as a failure of the run.
func System() *Streams {
	out := bufio.NewWriterSize(os.Stdout, 32<<10)
	s := &Streams{
		In: os.Stdin, Out: out, Err: os.Stderr,
		InTTY:  term.IsTerminal(int(os.Stdin.Fd())),
		OutTTY: term.IsTerminal(int(os.Stdout.Fd())),
		ErrTTY: term.IsTerminal(int(os.Stderr.Fd())),
		Width:  DefaultWidth,
	}
	s.Flush = out.Flush
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
	go func() {
		v, err := read()
		done <- result{v, err}
	}()
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
		var zero T
		return zero, ctx.Err()
	}
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
