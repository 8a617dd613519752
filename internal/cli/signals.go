package cli

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// WithSignals returns a context that ends at the first SIGINT or SIGTERM, so
// that the run can finish what it is at and record it. A second signal ends the
// process at once. Call stop when the run is over.
func WithSignals(parent context.Context) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	go func() {
		first := true
		for s := range signals {
			cause := &stopError{name: "SIGINT", code: exitInterrupted}
			if s == syscall.SIGTERM {
				cause = &stopError{name: "SIGTERM", code: exitTerminated}
			}
			if !first {
				os.Exit(cause.code)
			}
			first = false
			cancel(cause)
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		close(signals)
		cancel(nil)
	}
}
