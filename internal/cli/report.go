package cli

import (
	"github.com/davadmin/davadmin/internal/cli/cmdutil"
)

// reportError prints the error of a run, after the name of the operation. An empty text
// was already reported.
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
