// Command davadmin administers a CalDAV calendar service. It only passes the streams,
// signals and environment of the process to package cli.
package main

import (
	"context"
	"os"

	"github.com/davadmin/davadmin/internal/cli"
	"github.com/davadmin/davadmin/internal/ui"
)

// The release script sets these.
var (
	version = "development"
	commit  = ""
	date    = ""
)

func main() {
	ctx, signals := cli.WithSignals(context.Background())
	code := cli.Main(ctx, &cli.Environment{
		Streams: ui.System(),
		Args:    os.Args[1:],
		Getenv:  os.Getenv,
		Build:   cli.Build{Version: version, Commit: commit, Date: date},

		ChangeBegins: signals.ChangeBegins,
	})
	signals.Stop()
	os.Exit(code)
}
