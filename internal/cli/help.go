package cli

import (
	"bytes"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/davadmin/davadmin/internal/ui"
)

// printHelp writes the help of a command, which fits the width. It is code and not a
// template: with text/template the linker must keep every exported method, which makes
// the program a third larger.
func printHelp(out io.Writer, width int, cmd *cobra.Command) error {
	var b bytes.Buffer
	text := cmd.Long
	if text == "" {
		text = strings.ToUpper(cmd.Short[:1]) + cmd.Short[1:] + "."
	}
	b.WriteString(ui.Wrap(strings.TrimSpace(text), width) + "\n")
	if cmd.Runnable() || cmd.HasSubCommands() {
		b.WriteString("\nUsage:\n" + usageLine(cmd, width) + "\n")
		if cmd.HasExample() {
			b.WriteString("\nExamples:\n" + ui.Wrap(cmd.Example, width) + "\n")
		}
		for _, s := range append(subcommands(cmd),
			section{"Options:", options(cmd.LocalFlags())},
			section{"Options with the same meaning in every command:", options(cmd.InheritedFlags())}) {
			if err := s.write(&b, width); err != nil {
				return err
			}
		}
		if hint := moreHelp(cmd); hint != "" {
			b.WriteString("\n" + ui.Wrap(hint, width) + "\n")
		}
	}
	_, err := out.Write(b.Bytes())
	return err
}

var optionAndValue = regexp.MustCompile(`-[A-Za-z-]+ [A-Za-z/][^ ]*`)

// usageLine returns the line that shows how a command is called, indented. If it is too
// long, it continues with a deeper indent.
func usageLine(cmd *cobra.Command, width int) string {
	const indent, hang, fixedSpace = "  ", "      ", "\u00a0"
	if width <= 0 {
		width = ui.DefaultWidth
	}
	limit := max(1, width-len(hang))
	// An option and its value stay on one line, and so do words in brackets if they fit.
	line := optionAndValue.ReplaceAllStringFunc(cmd.UseLine(), func(s string) string {
		return strings.ReplaceAll(s, " ", fixedSpace)
	})
	for _, group := range bracketed(line) {
		if ui.Width(group) <= limit {
			line = strings.ReplaceAll(line, group, strings.ReplaceAll(group, " ", fixedSpace))
		}
	}
	line = strings.ReplaceAll(ui.Wrap(line, limit), fixedSpace, " ")
	return indent + strings.ReplaceAll(line, "\n", "\n"+hang)
}

// bracketed returns the outermost parts of text in brackets or parentheses.
func bracketed(text string) []string {
	var groups []string
	depth, start := 0, 0
	for i, r := range text {
		switch r {
		case '[', '(':
			if depth == 0 {
				start = i
			}
			depth++
		case ']', ')':
			if depth--; depth == 0 {
				groups = append(groups, text[start:i+1])
			}
		}
	}
	return groups
}

// section is a titled list of terms and what they mean.
type section struct {
	title string
	items []ui.Definition
}

// write writes the section, unless it is empty.
func (s section) write(b *bytes.Buffer, width int) error {
	if len(s.items) == 0 {
		return nil
	}
	b.WriteString("\n" + ui.Wrap(s.title, width) + "\n")
	return ui.WriteDefinitions(b, width, s.items)
}

// subcommands returns the actions of an operation, or the operations by group.
func subcommands(cmd *cobra.Command) []section {
	list := func(want func(*cobra.Command) bool) []ui.Definition {
		var items []ui.Definition
		for _, c := range cmd.Commands() {
			if want(c) {
				items = append(items, ui.Definition{Term: c.Name(), Text: c.Short})
			}
		}
		return items
	}
	if cmd.HasParent() {
		return []section{{"Actions:", list((*cobra.Command).IsAvailableCommand)}}
	}
	var out []section
	for _, g := range cmd.Groups() {
		out = append(out, section{g.Title, list(func(c *cobra.Command) bool {
			return c.GroupID == g.ID && (c.IsAvailableCommand() || c.IsAdditionalHelpTopicCommand())
		})})
	}
	return out
}

// options returns the visible options of a set.
func options(flags *pflag.FlagSet) []ui.Definition {
	var items []ui.Definition
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Hidden {
			return
		}
		value, meaning := DescribeOption(f)
		term := "    --" + f.Name
		if f.Shorthand != "" {
			term = "-" + f.Shorthand + ", --" + f.Name
		}
		items = append(items, ui.Definition{Term: term + value, Text: meaning})
	})
	return items
}

// DescribeOption returns what follows the name of an option, such as " FILE" or
// "[=FILE]", and what the option means, with its default.
func DescribeOption(f *pflag.Flag) (value, meaning string) {
	value, meaning = pflag.UnquoteUsage(f)
	switch value {
	case "int", "uint", "float":
		value = "NUMBER"
	case "string":
		value = "TEXT"
	case "strings", "stringArray":
		value = "LIST"
	case "duration":
		value = "DURATION"
	}
	switch {
	case value == "":
	case f.NoOptDefVal != "" && f.Value.Type() != "bool":
		value = "[=" + value + "]"
	default:
		value = " " + value
	}
	preset := f.DefValue
	if strings.HasSuffix(preset, "m0s") { // as time.Duration writes whole minutes
		preset = strings.TrimSuffix(preset, "0s")
	}
	switch preset {
	case "", "false", "[]", "0", "0s":
	default:
		meaning += fmt.Sprintf(" (default %s)", preset)
	}
	return value, meaning
}

// moreHelp returns the line that says how to get help on a subcommand.
func moreHelp(cmd *cobra.Command) string {
	switch {
	case !cmd.HasAvailableSubCommands():
		return ""
	case cmd.HasParent():
		return "'" + cmd.CommandPath() + " ACTION --help' describes an action and its options."
	}
	return "'" + cmd.CommandPath() + " help OPERATION' describes an operation and lists its actions."
}
