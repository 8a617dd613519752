package cli_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/cli"
	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/ui"
)

// suggestionsVariable names the file to which a run of davadmin adds a line for each
// command line that it suggested: the result of the check, a tab, and the command line.
const suggestionsVariable = "DAVADMIN_TEST_SUGGESTIONS"

// suggestionWorks is the result of a check that found nothing.
const suggestionWorks = "works"

// collectSuggestions returns the file for the suggestions of all stories. At the end of
// the test, each suggestion that does not work is an error.
func collectSuggestions(t *testing.T) string {
	path := filepath.Join(t.TempDir(), "suggestions")
	t.Cleanup(func() {
		text, err := os.ReadFile(path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		lines := slices.Compact(slices.Sorted(strings.Lines(string(text))))
		for _, line := range lines {
			if result, command, _ := strings.Cut(line, "\t"); result != suggestionWorks {
				t.Errorf("suggested: %s%s", command, result)
			}
		}
		t.Logf("%d suggestions", len(lines))
	})
	return path
}

// checkSuggestions checks the command lines that a run suggested, where it suggested
// them, and adds the results to the report.
func checkSuggestions(report string, lines []string, env *cli.Environment) {
	slices.Sort(lines)
	var b strings.Builder
	for _, line := range slices.Compact(lines) {
		result := suggestionWorks
		if err := checkSuggestion(line, env); err != nil {
			result = strings.ReplaceAll(err.Error(), "\n", "; ")
		}
		fmt.Fprintf(&b, "%s\t%s\n", result, strings.ReplaceAll(line, "\n", "; "))
	}
	f, err := os.OpenFile(report, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		panic(err)
	}
	defer f.Close()
	if _, err := f.WriteString(b.String()); err != nil {
		panic(err)
	}
}

// checkSuggestion parses a command line as a shell and davadmin do. If it only reads and
// has no placeholders, it runs it.
func checkSuggestion(line string, env *cli.Environment) error {
	words, err := shellWords(line)
	if err != nil {
		return err
	}
	if len(words) < 2 || words[0] != "davadmin" {
		return errors.New("not a command line of davadmin")
	}
	args := words[1:]
	filled := slices.Clone(args)
	for i, word := range filled {
		filled[i] = fillPlaceholder(word)
	}
	if err := parseOnly(filled); err != nil {
		return err
	}
	if !slices.Equal(args, filled) || !onlyReads(args) {
		return nil
	}
	var out bytes.Buffer
	again := *env
	again.Args, again.Hook, again.Suggested = args, nil, nil
	again.Streams = &ui.Streams{In: strings.NewReader(""), Out: &out, Err: &out}
	// A run that needs no home, such as a list of rules, has none to name.
	if code := cli.Main(context.Background(), &again); code == 2 && !strings.Contains(out.String(), ": no server home: ") {
		return fmt.Errorf("exits with 2: %s", out.String())
	}
	return nil
}

// shellWords splits a line as a shell does.
func shellWords(line string) ([]string, error) {
	if !strings.ContainsAny(line, `'"\$*?;&|<>()`+"`") {
		return strings.Fields(line), nil
	}
	out, err := exec.Command("sh", "-c", `for word in `+line+`; do printf '%s\0' "$word"; done`).CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("the shell does not understand it: %s", out)
	}
	return strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00"), nil
}

var placeholder = regexp.MustCompile(`^([A-Z]{2,}|N|\.\.\.)$`)

// fillPlaceholder returns a valid value in place of a placeholder.
func fillPlaceholder(word string) string {
	switch {
	case word == "REV", word == "CHANGE", word == "NUMBER", word == "N":
		return "1"
	case word == "AGE":
		return "30d"
	case word == "DOMAIN":
		return "example.com"
	case word == "URL":
		return "http://cs6.example.com:8080/ischedule/"
	case word == "ADDRESS":
		return "user@example.com"
	case placeholder.MatchString(word):
		return "sample"
	}
	return word
}

// parseOnly parses arguments by the real command tree and checks those that are not
// options, but runs nothing.
func parseOnly(args []string) error {
	if missing := missingOptions(args); missing != "" {
		return fmt.Errorf("needs one of the options %s", missing)
	}
	var out bytes.Buffer
	root := cli.Tree(&cli.Environment{Streams: &ui.Streams{Out: &out, Err: &out}, Args: args, Getenv: func(string) string { return "" }})
	disable(root)
	root.SetArgs(args)
	root.SetOut(&out)
	root.SetErr(&out)
	return root.Execute()
}

// missingOptions returns the options of which a command needs one, if it has none.
func missingOptions(args []string) string {
	needs := map[string][]string{
		"account create": {"-a", "-f", "-B"}, "account modify": {"-a", "-g", "-f", "-B"}, "account delete": {"-a", "-g", "-f", "-B"},
		"account repair": {"-a", "-f", "-B"}, "account move": {"-a", "-g", "-f", "-B"}, "account upgrade": {"-a", "-f", "-B"}, "account delcomponent": {"-a", "-f", "-B"},
		"account subscribe": {"-a", "-f"}, "account unsubscribe": {"-a", "-f"},
		"calendar create": {"-a", "-f"}, "calendar modify": {"-a", "-f"}, "calendar delete": {"-a", "-f"},
		"config modify": {"-o", "-f", "--remove-bom"}, "domainmap create": {"-d", "-f"}, "domainmap modify": {"-d", "-f", "--remove-bom"}, "domainmap delete": {"-d", "-f"},
		"ldappool create": {"-n", "-f"}, "ldappool modify": {"-n", "-f"}, "ldappool delete": {"-n", "-f"},
		"passfile create": {"-n", "-f", "--new-key"}, "passfile modify": {"-n", "-f", "--rekey"}, "passfile delete": {"-n", "--all"},
		"backend create": {"-n"}, "backend delete": {"-n"}, "history prune": {"--older"}, "ldap populate": {"-O"}, "coexist plan": {"-O"},
		"coexist apply": {"--wave"}, "coexist verify": {"--wave"}, "coexist rollback": {"--wave"}, "coexist explain": {"-a"},
	}[strings.Join(args[:min(2, len(args))], " ")]
	if needs == nil || slices.ContainsFunc(args, func(word string) bool { return slices.Contains(needs, word) }) {
		return ""
	}
	return strings.Join(needs, ", ")
}

// disable makes a command and those below it do nothing, except that an operation
// refuses unknown actions and options of its actions.
func disable(c *cobra.Command) {
	c.Run = nil
	c.RunE = func(*cobra.Command, []string) error { return nil }
	if c.HasParent() && c.HasSubCommands() {
		c.RunE = func(cmd *cobra.Command, args []string) error {
			if err := cmdutil.RefuseMirrored(cmd); err != nil {
				return err
			}
			return cmdutil.NoArguments(cmd, args)
		}
	}
	for _, sub := range c.Commands() {
		disable(sub)
	}
}

// onlyReads reports whether a command changes nothing and asks no other server.
func onlyReads(args []string) bool {
	if len(args) < 2 {
		return false
	}
	switch args[1] {
	case "list", "history", "check", "describe", "show", "diff", "runs", "status", "rules", "verify":
		return args[0] != "coexist" && args[0] != "db" || args[1] == "rules"
	}
	return false
}

// The check of suggestions finds what does not work.
func TestSuggestionCheck(t *testing.T) {
	home := newHome(t)
	env := &cli.Environment{Getenv: func(string) string { return "" }}
	for line, want := range map[string]string{
		"davadmin config list --home " + home:                          "",
		"davadmin config list --home " + home + "/nosuch":              "exits with 2",
		"davadmin config list --hom x":                                 "unknown option --hom",
		"davadmin config lst":                                          "lst",
		"davadmin config revert":                                       "revision",
		"davadmin config revert REV":                                   "",
		"davadmin config modify -o a -v 'x y":                          "the shell does not understand it",
		"davadmin config modify -o a -v x y":                           "'y'",
		"davadmin domainmap create -d DOMAIN -L URL":                   "",
		"davadmin history prune --older AGE":                           "",
		"rm -rf /":                                                     "not a command line",
		"davadmin config modify --home " + home + " -o a.b -v '$HOME'": "",
	} {
		err := checkSuggestion(line, env)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", line, err, want)
		}
	}
}
