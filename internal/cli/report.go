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

// reportFindings says in one line how many findings a command has, and where its report is,
// even with --quiet: cron mails what is on stderr. Nothing is said if the report itself is on
// a terminal, where its last lines say the same.
func reportFindings(c *cmdutil.Console, command, text string) {
	if text == "" || c.Streams.OutTTY {
		return
	}
	if c.Streams.OutFile != "" {
		text += "; report: " + c.Streams.OutFile
	}
	reportError(c, command, []string{text})
}
