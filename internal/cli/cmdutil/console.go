package cmdutil

import (
	"context"
	"errors"
	"fmt"

	"github.com/davadmin/davadmin/internal/ui"
)

// Notef tells the user something that is no result.
func (c *Console) Notef(format string, args ...any) {
	if !c.global.Quiet {
		c.Say(fmt.Sprintf(format, args...))
	}
}

// Say writes a line to the error stream, behind the data so far.
func (c *Console) Say(line string) {
	if c.Streams.Flush != nil {
		_ = c.Streams.Flush() // met again at the end of the run
	}
	write := func() { fmt.Fprintln(c.Streams.Err, ui.Sanitize(line)) }
	if c.status != nil {
		c.status.Interrupt(write)
		return
	}
	write()
}

// StartStatus tells of long work until the function that it returns is called.
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

func (c *Console) Warnf(format string, args ...any) {
	c.Notef("davadmin: warning: "+format, args...)
}

// Detailf says more, with -e.
func (c *Console) Detailf(format string, args ...any) {
	if c.global.Detail {
		c.Notef(format, args...)
	}
}

// Format chooses the output format among those that the command can give.
func (c *Console) Format(can ...ui.Format) (ui.Format, error) {
	f, err := ui.ChooseFormat(c.global.Output, c.Streams.OutTTY, can...)
	if err != nil {
		return "", Usagef("--output: %v", err)
	}
	return f, nil
}

// Console is where a command speaks to its user.
type Console struct {
	Streams *ui.Streams
	global  *Globals
	getenv  func(string) string
	status  *ui.Status
}

// Colour tells whether output may be coloured.
func (c *Console) Colour() bool {
	return c.Streams.OutTTY && !c.global.NoColor && c.getenv("NO_COLOR") == ""
}

// Confirm asks before something is destroyed, unless --yes was given.
func (c *Console) Confirm(ctx context.Context, question string) error {
	if c.global.Yes {
		return nil
	}
	yes, err := c.Streams.Confirm(ctx, question)
	if errors.Is(err, ui.ErrNoTerminal) {
		return Usagef("%s There is no terminal to answer on: give --yes, or --dry-run to look", question)
	}
	if err != nil {
		return err
	}
	if !yes {
		return errors.New("not confirmed; nothing was changed")
	}
	return nil
}
