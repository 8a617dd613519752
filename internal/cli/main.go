// Package cli is the composition root of the command line of davadmin: the command
// tree, help, signals, and how the error of a run becomes words and an exit code. The
// commands are in the packages below it, one for each family of operations; what they
// share is in cmdutil.
//
// It knows nothing about calendars, directories or file formats.
package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/pkg/finding"
)

// Environment is what a run of davadmin needs from its surroundings.
type Environment = cmdutil.Environment

// Build says what this binary was made from.
type Build = cmdutil.Build

// Tree returns the command tree, for the page generator.
func Tree(env *Environment) *cobra.Command { return newRoot(env.Args, cmdutil.NewFactory(env)) }

// Remedy returns what to do about a rule, for the page generator.
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
