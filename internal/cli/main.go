// Package cli is the composition root of the command line of davadmin: it builds the
// command tree, prints help, handles signals, and turns the error of a run into a message
// and an exit code. The commands are in the packages below it, one for each family of
// operations; what they share is in package cmdutil.
//
// The package knows nothing about calendars, directories or file formats.
package cli

import (
	"context"
	"errors"
	"slices"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/crash"
	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/finding"
)

// Environment is what a run of davadmin gets from its process.
type Environment = cmdutil.Environment

// Build identifies the source of this binary.
type Build = cmdutil.Build

// Tree returns the command tree, for the page generator.
func Tree(env *Environment) *cobra.Command { return newRoot(env.Args, cmdutil.NewFactory(env)) }

// Remedy returns how to fix what a rule finds, for the page generator.
func Remedy(rule finding.Rule) string { return cmdutil.NewFactory(&Environment{}).Reports.Remedy(rule) }

// Main runs davadmin and returns its exit code. A panic ends the run with a message.
func Main(ctx context.Context, env *Environment) int {
	env.Streams = env.Streams.Guard(ctx)
	f := cmdutil.NewFactory(env)
	root := newRoot(env.Args, f)
	root.SetArgs(env.Args)
	root.SetOut(env.Streams.Out)
	root.SetErr(env.Streams.Err)
	var cmd *cobra.Command
	err := crash.Catch(func() (err error) {
		cmd, err = root.ExecuteContextC(ctx)
		return err
	})
	if cmd == nil { // it panicked
		cmd, _, _ = root.Find(env.Args)
	}
	err = withOutput(f.Console, err)
	code, messages := f.Hints.Messages(ctx, err)
	for _, lines := range messages {
		if errors.Is(err, cmdutil.ErrFindings) {
			reportFindings(f.Console, commandOf(cmd), lines[0])
			continue
		}
		lines[0] += f.Homes.DefaultsIn(lines[0])
		reportError(f.Console, operationOf(cmd), lines)
	}
	return code
}

// withOutput writes the rest of the output and returns the error that the run ends with. The
// result of a change is that of its work, even if its output was lost; so is that of a
// check whose reader went away. A listing ends well when its reader has seen enough, and
// fails if its output could not be written.
func withOutput(c *cmdutil.Console, err error) error {
	lost, ok := errors.AsType[*ui.OutputError](c.Streams.Flush())
	if !ok {
		return err
	}
	ended := err == nil || errors.Is(err, cmdutil.ErrFindings) || errors.Is(err, cmdutil.ErrAnswered)
	switch {
	case c.Changing():
		c.NoteLostOutput(lost)
		if !onlyOutput(err) {
			return err
		}
	case errors.Is(lost, context.Canceled) && (ended || onlyOutput(err)):
		return lost
	case lost.ReaderGone() && onlyOutput(err):
		return nil
	case !lost.ReaderGone() && ended:
		return lost
	default:
		return err
	}
	return nil
}

// onlyOutput reports whether err says nothing but that the output could not be written.
func onlyOutput(err error) bool {
	switch e := err.(type) { //nolint:errorlint // every part of the tree is looked at
	case *ui.OutputError:
		return true
	case interface{ Unwrap() []error }:
		return !slices.ContainsFunc(e.Unwrap(), func(err error) bool { return !onlyOutput(err) })
	case interface{ Unwrap() error }:
		return onlyOutput(e.Unwrap())
	}
	return false
}
