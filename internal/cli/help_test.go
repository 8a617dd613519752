package cli

import (
	"bytes"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/davadmin/davadmin/internal/ui"
)

// eachCommand calls fn for a command and all commands below it.
func eachCommand(c *cobra.Command, fn func(*cobra.Command)) {
	fn(c)
	for _, sub := range c.Commands() {
		eachCommand(sub, fn)
	}
}

// helpAt returns the help of a command at a width.
func helpAt(t *testing.T, c *cobra.Command, width int) string {
	t.Helper()
	var b bytes.Buffer
	if err := printHelp(&b, width, c); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// quoted matches a quoted word of a shell command.
var quoted = regexp.MustCompile(`'[^']*'`)

// No line of the help of any command or topic is wider than the terminal, except for a
// single word on a very narrow one.
func TestHelpFitsTheTerminal(t *testing.T) {
	root := Tree(&Environment{Streams: &ui.Streams{}})
	root.InitDefaultHelpCmd()
	commands := 0
	eachCommand(root, func(c *cobra.Command) {
		commands++
		for _, width := range []int{0, 40, 60, 80, 120} {
			limit := width
			if width == 0 {
				limit = ui.DefaultWidth
			}
			for line := range strings.Lines(helpAt(t, c, width)) {
				line = strings.TrimRight(line, "\n")
				words := quoted.ReplaceAllString(strings.TrimSuffix(strings.TrimSpace(line), ` \`), "word")
				if ui.Width(line) > limit && (limit >= ui.DefaultWidth || strings.Contains(words, " ")) {
					t.Errorf("%s at %d: %d cells: %s", c.CommandPath(), width, ui.Width(line), line)
				}
			}
		}
	})
	if commands < 80 {
		t.Errorf("only %d commands and topics", commands)
	}
}

// The width changes where the lines break and nothing else.
func TestHelpSaysTheSameAtEveryWidth(t *testing.T) {
	eachCommand(Tree(&Environment{Streams: &ui.Streams{}}), func(c *cobra.Command) {
		words := func(width int) string {
			text := strings.ReplaceAll(helpAt(t, c, width), " \\\n", "\n")
			return strings.Join(strings.Fields(text), " ")
		}
		if diff := cmp.Diff(words(200), words(50)); diff != "" {
			t.Errorf("%s: (-at 200 +at 50)\n%s", c.CommandPath(), diff)
		}
	})
}

// The help of the program uses the width of its output.
func TestHelpUsesTheWidthOfTheOutput(t *testing.T) {
	for _, width := range []int{40, 100} {
		var out bytes.Buffer
		env := &Environment{Streams: &ui.Streams{Out: &out, Err: &out, Width: width}, Args: []string{"help"}, Getenv: func(string) string { return "" }}
		if code := Main(t.Context(), env); code != 0 {
			t.Fatalf("exit code %d: %s", code, out.String())
		}
		if widest := widestLine(out.String()); widest > width || widest < width-15 {
			t.Errorf("at %d the widest line has %d cells", width, widest)
		}
	}
}

func widestLine(text string) int {
	widest := 0
	for line := range strings.Lines(text) {
		widest = max(widest, ui.Width(strings.TrimRight(line, "\n")))
	}
	return widest
}

func TestDescribeOption(t *testing.T) {
	f := pflag.NewFlagSet("", pflag.ContinueOnError)
	f.Int("int", 3, "how many")
	f.Duration("wait", 60e9, "how long")
	f.Duration("pause", 0, "how long")
	f.StringSlice("list", nil, "which")
	f.String("file", "", "read `FILE`")
	f.String("key", "", "make `FILE`")
	f.Lookup("key").NoOptDefVal = "somewhere"
	f.Bool("force", false, "overwrite")
	want := map[string][2]string{
		"int":   {" NUMBER", "how many (default 3)"},
		"wait":  {" DURATION", "how long (default 1m)"},
		"pause": {" DURATION", "how long"},
		"list":  {" LIST", "which"},
		"file":  {" FILE", "read FILE"},
		"key":   {"[=FILE]", "make FILE"},
		"force": {"", "overwrite"},
	}
	f.VisitAll(func(o *pflag.Flag) {
		value, meaning := DescribeOption(o)
		if got := [2]string{value, meaning}; got != want[o.Name] {
			t.Errorf("%s: got %q, want %q", o.Name, got, want[o.Name])
		}
	})
}
