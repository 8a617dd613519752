//go:build !linux

package cli_test

import "github.com/rogpeppe/go-internal/testscript"

// runOnTerminal is the command 'terminal', which needs Linux.
func runOnTerminal(ts *testscript.TestScript, _ bool, _ []string) {
	ts.Fatalf("terminal: not supported; begin the story with [!linux] skip")
}
