package cmdutil

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// SuggestionDistance is the edit distance up to which a mistyped word gets a suggestion.
const SuggestionDistance = 2

// Groups of operations in the main help.
const (
	GroupWork  = "work"
	GroupOther = "other"
)

// NoArguments accepts no arguments. A word that is not an action or the value of an option
// is a usage error that names the likely mistake.
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
		return Usagef("unknown action '%s' of '%s'%s; actions: %s", args[0], cmd.CommandPath(), DidYouMean(cmd, args[0]), strings.Join(ActionsOf(cmd), ", "))
	}
	return Usagef("unexpected argument '%s' (quote values that contain spaces)", args[0])
}

// DidYouMean returns a suggestion for a mistyped word in parentheses, or an empty string.
func DidYouMean(cmd *cobra.Command, word string) string {
	if near := cmd.SuggestionsFor(word); len(near) > 0 {
		return fmt.Sprintf(" (did you mean '%s'?)", near[0])
	}
	return ""
}

// ActionsOf returns the names of the actions of an operation that help shows.
func ActionsOf(cmd *cobra.Command) []string {
	var out []string
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() {
			out = append(out, c.Name())
		}
	}
	return out
}

// MirrorOptions adds the options of an operation's actions, hidden, to the operation
// itself. So they may come before the action, and an option without its action gets an
// error that names the action.
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

// MirroredOption is the hidden copy of an action's option. Last is its last value, for the
// error message.
type MirroredOption struct {
	typ  string
	Last string
}

// String returns the last value.
func (m *MirroredOption) String() string { return m.Last }

// Set remembers the value.
func (m *MirroredOption) Set(v string) error { m.Last = v; return nil }

// Type returns the type of the action's option.
func (m *MirroredOption) Type() string { return m.typ }

// IsBoolFlag reports whether the action's option takes no value.
func (m *MirroredOption) IsBoolFlag() bool { return m.typ == "bool" }

// RefuseMirrored returns an error if an operation runs its default action but was given an
// option of another action.
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
	return Usagef("option --%s belongs to the action '%s', which has to be named: '%s %s --%s'", foreign.Name, strings.Join(owners, "' or '"), cmd.Name(), owners[0], foreign.Name)
}
