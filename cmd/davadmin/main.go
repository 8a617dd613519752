// Command davadmin administers a CalDAV calendar service. All it does itself is
// to hand the process's streams, signals and environment to the command line.
package main

import (
	"context"
	"os"

	"github.com/davadmin/davadmin/internal/cli"
	"github.com/davadmin/davadmin/internal/ui"
)

// Set by the release script.
var (
	version = "development"
	commit  = ""
	date    = ""
)

func main() {
	streams := ui.System()
	ctx, stop := cli.WithSignals(context.Background())
	code := cli.Main(ctx, &cli.Environment{
		Streams: streams,
		Args:    os.Args[1:],
		Getenv:  os.Getenv,
		Build:   cli.Build{Version: version, Commit: commit, Date: date},
	})
	stop()
	os.Exit(code)
}
