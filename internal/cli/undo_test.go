package cli

import (
	"slices"
	"testing"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/cli/accountcmd"
	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/cli/coexistcmd"
	"github.com/davadmin/davadmin/internal/cli/configcmd"
	"github.com/davadmin/davadmin/internal/cli/datacmd"
	"github.com/davadmin/davadmin/internal/cli/ldapcmd"
	"github.com/davadmin/davadmin/internal/cli/secretcmd"
)

// 'history undo' knows the changes of every command that takes the lock of the journal.
func TestEveryChangeHasAnUndoer(t *testing.T) {
	f := cmdutil.NewFactory(&cmdutil.Environment{})
	known := []string{"history prune", "history undo"}
	for _, u := range slices.Concat(configcmd.Undoers(f), secretcmd.Undoers(f), ldapcmd.Undoers(), coexistcmd.Undoers(), accountcmd.Undoers(f), datacmd.Undoers()) {
		for _, operation := range u.Operations {
			if slices.Contains(known, operation) {
				t.Errorf("'%s' has two undoers", operation)
			}
			known = append(known, operation)
		}
	}
	seen := 0
	var walk func(*cobra.Command)
	walk = func(c *cobra.Command) {
		if l := c.LocalFlags().Lookup("lock-timeout"); l != nil && !l.Hidden {
			seen++
			if name := c.CommandPath()[len("davadmin "):]; !slices.Contains(known, name) {
				t.Errorf("'history undo' does not know the changes of '%s'", name)
			}
		}
		for _, child := range c.Commands() {
			walk(child)
		}
	}
	walk(Tree(&cmdutil.Environment{}))
	if seen < 30 {
		t.Errorf("only %d commands take the lock", seen)
	}
}

// The command that undoes a change runs with the global options of the run.
func TestActionOfKeepsGlobalOptions(t *testing.T) {
	f := cmdutil.NewFactory(&cmdutil.Environment{})
	f.Global.DryRun, f.Global.Home = true, "home"
	c, err := actionOf(f, "config", "revert")
	if err != nil || c.CommandPath() != "davadmin config revert" {
		t.Fatal(c, err)
	}
	if !f.Global.DryRun || f.Global.Home != "home" {
		t.Error("the global options were reset")
	}
	if _, err := actionOf(f, "config", "nosuch"); err == nil {
		t.Error("an unknown action was found")
	}
}
