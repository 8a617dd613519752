package cli

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/crash"
)

// Times after the first signal.
const (
	// together is the time in which a second signal means the same stop: some programs
	// signal a process and its group.
	together = 500 * time.Millisecond
	// patience is the time in which a run that changes nothing ends by itself. It may be
	// reading from a device or a pipe, which cannot be interrupted.
	patience = 1700 * time.Millisecond
)

// Signals handles the signals of the process for one run.
type Signals struct {
	signals  chan os.Signal
	cancel   context.CancelCauseFunc
	changing atomic.Bool
}

// WithSignals returns a context that ends at the first SIGINT, SIGTERM or SIGHUP, so
// that the run can finish and record what it has begun. A run that has not begun a change is
// ended after a short time if it does not end by itself, and a second signal ends every
// process at once. A SIGHUP that was ignored when the process started, as under nohup, stays
// ignored. SIGPIPE is ignored: writing to a pipe without a reader returns an error, where it
// would end the process. Call Stop at the end of the run.
func WithSignals(parent context.Context) (context.Context, *Signals) {
	ctx, cancel := context.WithCancelCause(parent)
	s := &Signals{signals: make(chan os.Signal, 2), cancel: cancel}
	signal.Ignore(syscall.SIGPIPE)
	signal.Notify(s.signals, syscall.SIGINT, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) {
		signal.Notify(s.signals, syscall.SIGHUP)
	}
	crash.Go(func() error {
		s.handle()
		return nil
	}, func(err error) { cancel(err) })
	return ctx, s
}

// ChangeBegins must be called before the first change of the run. From then on, the run
// is not ended before it has recorded what it has done.
func (s *Signals) ChangeBegins() { s.changing.Store(true) }

// Stop ends the handling of signals.
func (s *Signals) Stop() {
	signal.Stop(s.signals)
	close(s.signals)
}

// handle waits for signals until Stop is called.
func (s *Signals) handle() {
	first, ok := <-s.signals
	if !ok {
		return
	}
	cause, start := stopError(first), time.Now()
	s.cancel(cause)
	late := time.NewTimer(patience)
	defer late.Stop()
	for {
		select {
		case again, ok := <-s.signals:
			if !ok {
				return
			}
			if time.Since(start) > together {
				os.Exit(stopError(again).Code)
			}
		case <-late.C:
			if !s.changing.Load() {
				endNow(cause)
			}
		}
	}
}

// endNow ends the process, even if nobody reads its messages.
func endNow(cause *cmdutil.StopError) {
	said := make(chan struct{})
	crash.Go(func() error {
		_, err := fmt.Fprintln(os.Stderr, "davadmin: "+cause.Error())
		return err
	}, func(error) { close(said) })
	select {
	case <-said:
	case <-time.After(100 * time.Millisecond):
	}
	os.Exit(cause.Code)
}

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
