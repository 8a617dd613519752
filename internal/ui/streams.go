// Package ui is how davadmin talks to a person or a script: streams, output
// formats, tables, escaping of hostile text, questions.
//
// It promises that what came from a file, a directory or a calendar cannot
// drive a terminal, a spreadsheet or a shell once it went through here. It knows
// nothing of what the commands do.
package ui

import (
	"bufio"
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
	ReadSecret func(prompt string) ([]byte, error)
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
		s.ReadSecret = func(prompt string) ([]byte, error) {
			fmt.Fprint(os.Stderr, prompt)
			b, err := term.ReadPassword(int(os.Stdin.Fd()))
			fmt.Fprintln(os.Stderr)
			return b, err
		}
	}
	return s
}

// ErrNoTerminal is returned where a question cannot be asked.
var ErrNoTerminal = errors.New("there is no terminal to ask on")

// Confirm asks a yes-or-no question. Anything but yes is no. It returns
// ErrNoTerminal when nobody can answer.
func (s *Streams) Confirm(question string) (bool, error) {
	if !s.InTTY {
		return false, ErrNoTerminal
	}
	fmt.Fprintf(s.Err, "%s [y/N] ", Sanitize(question))
	line, err := bufio.NewReader(s.In).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return false, err
	}
	switch line {
	case "y\n", "Y\n", "yes\n", "YES\n", "Yes\n":
		return true, nil
	}
	return false, nil
}
