package cli

import (
	"github.com/davadmin/davadmin/internal/cli/cmdutil"
)

// report prints the error of a run.
func reportError(c *cmdutil.Console, operation, text string) {
	if text == "" {
		return
	}
	prefix := "davadmin: "
	if operation != "" {
		prefix += operation + ": "
	}
	c.Say(prefix + text)
}
