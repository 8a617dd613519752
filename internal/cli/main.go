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
	"fmt"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
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

// Main runs davadmin and returns its exit code.
func Main(ctx context.Context, env *Environment) int {
	f := cmdutil.NewFactory(env)
	root := newRoot(env.Args, f)
	root.SetArgs(env.Args)
	root.SetOut(env.Streams.Out)
	root.SetErr(env.Streams.Err)
	cmd, err := root.ExecuteContextC(ctx)
	if env.Streams.Flush != nil && (err == nil || errors.Is(err, cmdutil.ErrFindings) || errors.Is(err, cmdutil.ErrAnswered)) {
		if ferr := env.Streams.Flush(); ferr != nil {
			err = fmt.Errorf("the output could not be written: %w", ferr)
		}
	}
	code, text := f.Hints.ExitOf(ctx, err)
	reportError(f.Console, operationOf(cmd), text)
	return code
}
