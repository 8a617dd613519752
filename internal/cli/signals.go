package cli

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
)

// WithSignals returns a context that ends at the first SIGINT or SIGTERM, so
// that the run can finish what it is at and record it. A second signal ends the
// process at once, unless it comes with the first: some programs signal a process
// and its group, which is one wish. Call stop when the run is over.
func WithSignals(parent context.Context) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	go func() {
		const together = 500 * time.Millisecond
		var first time.Time
		for s := range signals {
			cause := &cmdutil.StopError{Name: "SIGINT", Code: cmdutil.ExitInterrupted}
			if s == syscall.SIGTERM {
				cause = &cmdutil.StopError{Name: "SIGTERM", Code: cmdutil.ExitTerminated}
			}
			switch {
			case first.IsZero():
				first = time.Now()
				cancel(cause)
			case time.Since(first) > together:
				os.Exit(cause.Code)
			}
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		close(signals)
		cancel(nil)
	}
}
