package cmdutil

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// SuggestionDistance is how many letters a mistyped word may be off.
const SuggestionDistance = 2

const (
	GroupWork  = "work"
	GroupOther = "other"
)

// NoArguments refuses words that no option took.
func NoArguments(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	if args[0] == "help" {
		if err := cmd.Help(); err != nil {
			return err
		}
		return ErrAnswered
	}
	if cmd.HasSubCommands() {
		return Usagef("'%s' is no action of '%s'%s; it has: %s", args[0], cmd.CommandPath(), DidYouMean(cmd, args[0]), strings.Join(ActionsOf(cmd), ", "))
	}
	return Usagef("'%s' is one word too many; a value that holds blanks needs quotes", args[0])
}

func DidYouMean(cmd *cobra.Command, word string) string {
	if near := cmd.SuggestionsFor(word); len(near) > 0 {
		return fmt.Sprintf(" (did you mean '%s'?)", near[0])
	}
	return ""
}

func ActionsOf(cmd *cobra.Command) []string {
	var out []string
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() {
			out = append(out, c.Name())
		}
	}
	return out
}

// MirrorOptions makes the options of an operation's actions known, hidden, to
// the operation itself, so that they may stand before the action, and so that
// an option given without its action is met with the action's name.
func MirrorOptions(op *cobra.Command) {
	for _, action := range op.Commands() {
		action.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
			if op.Flags().Lookup(f.Name) != nil {
				return
			}
			m := *f
			m.Hidden, m.Changed = true, false
			m.Value = &MirroredOption{typ: f.Value.Type()}
			if m.Shorthand != "" && op.Flags().ShorthandLookup(m.Shorthand) != nil {
				m.Shorthand = ""
			}
			op.Flags().AddFlag(&m)
		})
	}
}

// MirroredOption stands in for an option of an action. It remembers the last value
// for the message.
type MirroredOption struct {
	typ  string
	Last string
}

func (m *MirroredOption) String() string     { return m.Last }
func (m *MirroredOption) Set(v string) error { m.Last = v; return nil }
func (m *MirroredOption) Type() string       { return m.typ }
func (m *MirroredOption) IsBoolFlag() bool   { return m.typ == "bool" }

// RefuseMirrored ends the run of an operation's default action when an option
// of another action was given.
func RefuseMirrored(cmd *cobra.Command) error {
	var foreign *pflag.Flag
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if _, ok := f.Value.(*MirroredOption); ok && foreign == nil {
			foreign = f
		}
	})
	if foreign == nil {
		return nil
	}
	var owners []string
	for _, c := range cmd.Commands() {
		if c.Flags().Lookup(foreign.Name) != nil {
			owners = append(owners, c.Name())
		}
	}
	slices.Sort(owners)
	return Usagef("option --%s belongs to the action '%s': davadmin %s %s ...", foreign.Name, strings.Join(owners, "' or '"), cmd.Name(), owners[0])
}
