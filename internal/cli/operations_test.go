package cli

import (
	"testing"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
)

func TestOperationNames(t *testing.T) {
	whole := Tree(&cmdutil.Environment{})
	f := cmdutil.NewFactory(&cmdutil.Environment{})
	for _, o := range operations(whole) {
		c := o.newCommand(f)
		if c.Name() != o.name {
			t.Errorf("the constructor of '%s' returns '%s'", o.name, c.Name())
		}
		if found, _, err := whole.Find([]string{o.name}); err != nil || found.Name() != o.name {
			t.Errorf("the tree has no '%s': %v", o.name, err)
		}
		alone := Tree(&cmdutil.Environment{Args: []string{o.name}})
		found, _, err := alone.Find([]string{o.name})
		if err != nil || found.Name() != o.name || len(found.Commands()) != len(c.Commands()) {
			t.Errorf("'%s' differs in a tree of its own", o.name)
		}
	}
}
