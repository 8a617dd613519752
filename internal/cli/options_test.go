package cli

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/ui"
)

// Each option of the program has a rule that says whether a clifile may hold a default for it,
// and each rule is about an option.
func TestEveryOptionIsClassified(t *testing.T) {
	ruled := map[[2]string]bool{}
	for _, r := range cmdutil.OptionRules() {
		key := [2]string{r.Command, r.Option}
		if _, twice := ruled[key]; twice {
			t.Errorf("two rules for --%s of '%s'", r.Option, r.Command)
		}
		if r.Class == cmdutil.OptionUnknown {
			t.Errorf("--%s has no class", r.Option)
		}
		ruled[key] = false
	}
	eachCommand(Tree(&Environment{Streams: &ui.Streams{}}), func(c *cobra.Command) {
		c.InitDefaultHelpFlag()
		path := strings.TrimPrefix(c.CommandPath(), "davadmin ")
		c.Flags().VisitAll(func(f *pflag.Flag) {
			if _, mirrored := f.Value.(*cmdutil.MirroredOption); mirrored || f.Hidden {
				return
			}
			if _, ok := ruled[[2]string{"", f.Name}]; !ok {
				t.Errorf("--%s of '%s' has no rule in cmdutil.OptionRules", f.Name, path)
			}
			ruled[[2]string{"", f.Name}] = true
			if _, ok := ruled[[2]string{path, f.Name}]; ok {
				ruled[[2]string{path, f.Name}] = true
			}
		})
		c.PersistentFlags().VisitAll(func(f *pflag.Flag) { ruled[[2]string{"", f.Name}] = true })
	})
	for key, seen := range ruled {
		if !seen {
			t.Errorf("the rule for --%s of '%s' is about no option", key[1], key[0])
		}
	}
}

// Options that can do harm without being typed are not allowed in a clifile.
func TestDangerousOptionsAreRefused(t *testing.T) {
	class := map[string]cmdutil.OptionClass{}
	for _, r := range cmdutil.OptionRules() {
		if r.Command == "" {
			class[r.Option] = r.Class
		}
	}
	for _, name := range []string{"yes", "force", "overwrite", "insecure", "plaintext", "absence-confirmed", "access-control", "max-changes", "tls-min", "value"} {
		if class[name].Refusal() == "" {
			t.Errorf("a clifile may set --%s", name)
		}
	}
}

// Every command that works has -F, except those that need nothing from outside.
func TestEveryCommandTakesAClifile(t *testing.T) {
	eachCommand(Tree(&Environment{Streams: &ui.Streams{}}), func(c *cobra.Command) {
		switch c.Name() {
		case "davadmin", "version", "exit-codes", "completion", "help":
			return
		}
		if c.Runnable() && c.Flags().Lookup("clifile") == nil {
			t.Errorf("'%s' has no option --clifile", c.CommandPath())
		}
	})
}
