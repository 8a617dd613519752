package cmdutil

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/davadmin/davadmin/internal/ui"
)

// Notef writes a line to stderr that is not a result, unless --quiet is given.
func (c *Console) Notef(format string, args ...any) {
	line := fmt.Sprintf(format, args...)
	if c.global.Quiet || c.said[line] {
		return
	}
	if c.said != nil {
		c.said[line] = true
	}
	c.Say(line)
}

// SayOnce makes each note of the rest of the run appear only once, for a command that runs
// several others: each would say the same about the connection.
func (c *Console) SayOnce() { c.said = map[string]bool{} }

// Say writes a line to stderr, after the data that was written so far. Passwords of URLs in
// it are masked: a message can repeat what the user typed.
func (c *Console) Say(line string) {
	_ = c.Streams.Flush() // the error is returned again at the end of the run
	write := func() { fmt.Fprintln(c.Streams.Err, ui.Sanitize(maskURLs(line))) }
	if c.status != nil {
		c.status.Interrupt(write)
		return
	}
	write()
}

// StartStatus shows the progress of long work until stop is called.
func (c *Console) StartStatus(text func() string) (stop func()) {
	if c.global.Quiet {
		return func() {}
	}
	c.status = c.Streams.StartStatus(text)
	return func() {
		c.status.Stop()
		c.status = nil
	}
}

// Warnf writes a warning to stderr, unless --quiet is given.
func (c *Console) Warnf(format string, args ...any) {
	c.Notef("davadmin: warning: "+format, args...)
}

// Detailf writes a line to stderr if --detail is given.
func (c *Console) Detailf(format string, args ...any) {
	if c.global.Detail {
		c.Notef(format, args...)
	}
}

// Format returns the output format of this run. An error if the command does not support
// the requested one.
func (c *Console) Format(supported ...ui.Format) (ui.Format, error) {
	requested := c.global.Output
	if p := c.global.preferred; requested == "" && p != "" {
		if slices.Contains(supported, ui.Format(p)) {
			requested = p
		} else {
			c.Detailf("this command does not support the output format %s of the clifile", p)
		}
	}
	f, err := ui.ChooseFormat(requested, c.Streams.OutTTY, supported...)
	if err != nil {
		return "", Usagef("--output: %v", err)
	}
	return f, nil
}

// Console writes what a command prints: data to stdout; notes, warnings and questions to
// stderr.
type Console struct {
	Streams *ui.Streams
	global  *Globals
	getenv  func(string) string
	status  *ui.Status

	said map[string]bool // the lines that SayOnce does not repeat; nil without it

	begins   func() // called by the first ChangeBegins; nil in most tests
	changing bool
	lost     bool // it was said that output was lost
}

// KeepGoing makes the run continue when its output cannot be written, because its result is
// more than its output: a change, or the exit code of a check. A reader that goes away ends
// no run in any case, except after EndWithReader.
func (c *Console) KeepGoing() {
	if c.Streams.Output != nil {
		c.Streams.Output.Continue()
	}
}

// EndWithReader makes a long listing end when its reader has seen enough.
func (c *Console) EndWithReader() {
	if c.Streams.Output != nil {
		c.Streams.Output.EndWithReader()
	}
}

// ChangeBegins must be called before the first change of a run. From then on, output that
// cannot be written does not end the run, which would leave a change half done and without
// a record of how far it got.
func (c *Console) ChangeBegins() {
	c.KeepGoing()
	if !c.changing && c.begins != nil {
		c.begins()
	}
	c.changing = true
}

// Changing reports whether ChangeBegins was called.
func (c *Console) Changing() bool { return c.changing }

// LostReport returns the error of the report of a change, err or that of the output. When
// the change was made, as the text made says, and only its report was lost, it says so, with
// the command that undoes the change if there is one, and returns nil: the exit code is that
// of the change.
func (c *Console) LostReport(made, undo string, err error) error {
	var lost *ui.OutputError
	switch flushed := c.Streams.Flush(); {
	case err == nil:
		err = flushed
	case !errors.As(err, &lost):
		return err
	}
	if err == nil || made == "" {
		return err
	}
	if !c.lost {
		text := "davadmin: warning: " + made + ", but the report could not be written: " + bareOutput(err)
		if undo != "" {
			text += "; to undo: " + undo
		}
		c.Say(text)
	}
	c.lost = true
	return nil
}

// NoteLostOutput says that output was lost, unless that was already said.
func (c *Console) NoteLostOutput(err error) {
	if !c.lost {
		c.Say("davadmin: warning: the change was not interrupted, but the output could not be written: " + bareOutput(err))
	}
	c.lost = true
}

func bareOutput(err error) string {
	if lost, ok := errors.AsType[*ui.OutputError](err); ok {
		err = lost.Err
	}
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		err = path.Err
	}
	return err.Error()
}

// Colour reports whether stdout may be coloured.
func (c *Console) Colour() bool {
	return c.Streams.OutTTY && !c.global.NoColor && c.getenv("NO_COLOR") == ""
}

// Confirm asks a yes-or-no question before something is destroyed. With --yes it does not
// ask. It returns an error if the answer is no, or if there is no terminal to ask on.
func (c *Console) Confirm(ctx context.Context, question string) error {
	if c.global.Yes {
		return nil
	}
	yes, err := c.Streams.Confirm(ctx, question)
	if errors.Is(err, ui.ErrNoTerminal) {
		return unconfirmed(question)
	}
	if err != nil {
		return err
	}
	if !yes {
		return errors.New("not confirmed; nothing was changed")
	}
	return nil
}

// unconfirmed returns the error for a question that could not be asked, as a sentence that
// says what would be changed.
func unconfirmed(question string) error {
	lower := func(s string) string { return strings.ToLower(s[:1]) + s[1:] }
	what, more, found := strings.Cut(question, "? ")
	if !found {
		what = strings.TrimSuffix(what, "?")
	}
	what, isSentence := strings.CutSuffix(what, ". Proceed")
	if !isSentence && what != "" {
		what = "this would " + lower(what)
	}
	if more = strings.TrimSuffix(more, "."); more != "" {
		what += " (" + lower(more) + ")"
	}
	return Usagef("%s, but there is no terminal to confirm on, so nothing was changed: use --yes to proceed or --dry-run to preview", what)
}
