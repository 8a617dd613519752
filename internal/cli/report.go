package cli

import (
	"github.com/davadmin/davadmin/internal/cli/cmdutil"
)

// reportError prints a message about the error of a run, after the name of the operation,
// and the lines that follow it.
func reportError(c *cmdutil.Console, operation string, lines []string) {
	prefix := "davadmin: "
	if operation != "" {
		prefix += operation + ": "
	}
	c.Say(prefix + lines[0])
	for _, line := range lines[1:] {
		c.Say("  " + line)
	}
}
