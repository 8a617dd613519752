package cli

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
)

// WithSignals returns a context that ends at the first SIGINT, SIGTERM or SIGHUP, so
// that the run can finish and record what it has begun. A second signal ends the
// process at once, unless it comes together with the first: some programs signal a
// process and its group, and mean one stop. A SIGHUP that was ignored when the process
// started, as under nohup, stays ignored. Call stop at the end of the run.
func WithSignals(parent context.Context) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) {
		signal.Notify(signals, syscall.SIGHUP)
	}
	go func() {
		const together = 500 * time.Millisecond
		var first time.Time
		for s := range signals {
			cause := stopError(s)
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

// IgnoreBrokenPipe makes a write to a pipe without a reader return an error, where it would
// end the process.
func IgnoreBrokenPipe() { signal.Ignore(syscall.SIGPIPE) }

// stopError returns the cause of a run that the signal ends.
func stopError(s os.Signal) *cmdutil.StopError {
	switch s {
	case syscall.SIGHUP:
		return &cmdutil.StopError{Name: "SIGHUP", Code: cmdutil.ExitHungUp}
	case syscall.SIGTERM:
		return &cmdutil.StopError{Name: "SIGTERM", Code: cmdutil.ExitTerminated}
	}
	return &cmdutil.StopError{Name: "SIGINT", Code: cmdutil.ExitInterrupted}
}
