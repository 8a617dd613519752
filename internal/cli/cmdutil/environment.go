package cmdutil

import (
	"time"

	"github.com/davadmin/davadmin/internal/fsx"
	"github.com/davadmin/davadmin/internal/ui"
)

// Environment is what a run of davadmin needs from the process.
type Environment struct {
	Streams *ui.Streams
	Args    []string            // the command line without the program's name
	Getenv  func(string) string // the environment
	Now     func() time.Time
	Build   Build
	Hook    fsx.Hook // sees every write; nil in production
	// ChangeBegins is called before the first change of a run; nil in most tests.
	ChangeBegins func()
	// Suggested is called with each command line that a message suggests; nil in
	// production.
	Suggested func(line string)
	// VaultWork is the work factor of the passphrase of a vault; 0 in production,
	// see secret.Passphrase.
	VaultWork int
}

// Build says what this binary was made from.
type Build struct {
	Version string
	Commit  string
	Date    string
}

// Globals are the options that mean the same everywhere.
type Globals struct {
	Home    string
	Output  string
	Quiet   bool
	Detail  bool
	NoColor bool
	Yes     bool
	DryRun  bool

	preferred string // the output format of a clifile for all commands that support it
}
