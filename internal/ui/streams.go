// Package ui is how davadmin talks to a person or a script: streams, output
// formats, tables, escaping of hostile text, questions.
//
// It promises that what came from a file, a directory or a calendar cannot
// drive a terminal, a spreadsheet or a shell once it went through here. It knows
// nothing of what the commands do.
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

// Streams are the ends of a run. Data goes to Out; notes, progress, warnings
// and errors go to Err.
type Streams struct {
	In     io.Reader
	Out    io.Writer
	Err    io.Writer
	InTTY  bool
	OutTTY bool
	ErrTTY bool
	Width  int // of the terminal at Out, in columns; 0 when there is none

	// Flush writes out what Out holds back, so that data and notes appear in
	// the order in which they were made. Nil when Out holds nothing back. An
	// error stays with Out and is met again at the end.
	Flush func() error

	// ReadSecret asks on the terminal without echo. Nil when there is none.
	ReadSecret func(ctx context.Context, prompt string) ([]byte, error)
}

// System returns the streams of the process. Out is buffered: call Flush when
// the run ends, and treat its error as a failed run.
func System() *Streams {
	out := bufio.NewWriterSize(os.Stdout, 32<<10)
	s := &Streams{
		In: os.Stdin, Out: out, Err: os.Stderr,
		InTTY:  term.IsTerminal(int(os.Stdin.Fd())),
		OutTTY: term.IsTerminal(int(os.Stdout.Fd())),
		ErrTTY: term.IsTerminal(int(os.Stderr.Fd())),
	}
	s.Flush = out.Flush
	if s.OutTTY {
		if w, _, err := term.GetSize(int(os.Stdout.Fd())); err == nil {
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
		// The read that was left behind has switched the echo off.
		_ = term.Restore(fd, before)
	}
	return b, err
}

// Interruptible runs a read that nothing else can end, and returns when it does
// or when ctx ends. In the second case the read goes on in the background; the
// run is about to be over.
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
		var none T
		return none, ctx.Err()
	}
}

// ErrNoTerminal is returned where a question cannot be asked.
var ErrNoTerminal = errors.New("there is no terminal to ask on")

// Confirm asks a yes-or-no question. Anything but yes is no. It returns
// ErrNoTerminal when nobody can answer.
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
