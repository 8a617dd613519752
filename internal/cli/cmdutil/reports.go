package cmdutil

import (
	"context"
	"fmt"
	"iter"
	"runtime"
	"time"

	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/directory"
	"github.com/davadmin/davadmin/pkg/finding"
	"github.com/davadmin/davadmin/pkg/ldapcheck"
)

// Reports prints the results of checks, and lists of rules and changes.
type Reports struct {
	global  *Globals
	console *Console
	hints   *Hints
	getenv  func(string) string
}

// WorkerCount returns the number of workers that --workers asks for; 0 is one per core.
func WorkerCount(n int) (int, error) {
	switch {
	case n < 0:
		return 0, Usagef("--workers: %d is less than 0 (0 uses all cores)", n)
	case n == 0:
		return runtime.NumCPU(), nil
	}
	return n, nil
}

// UntilStopped yields the findings of a complete report until ctx ends. The report of an
// incomplete check is written to its end: it is the result of a run that was stopped.
func UntilStopped(ctx context.Context, complete bool, findings func(int) iter.Seq2[finding.Finding, error]) func(int) iter.Seq2[finding.Finding, error] {
	return func(most int) iter.Seq2[finding.Finding, error] {
		return func(yield func(finding.Finding, error) bool) {
			for f, err := range findings(most) {
				if err == nil && complete {
					err = ctx.Err()
				}
				if !yield(f, err) || err != nil {
					return
				}
			}
		}
	}
}

// ProgressLine returns a status line: the phase, the entries done, the rate, and where
// the total is known, the percentage and the time left.
func ProgressLine(p ldapcheck.Progress, source directory.Source, took time.Duration) string {
	seconds := max(took.Seconds(), 0.001)
	line := fmt.Sprintf("%s: %d entries, %.0f per second", p.Phase, p.Entries, float64(p.Entries)/seconds)
	if s, ok := source.(directory.Progresser); ok && p.Phase == ldapcheck.PhaseReading {
		if b := s.Progress(); b.Total > 0 {
			part := min(1, float64(b.Done)/float64(b.Total))
			line += fmt.Sprintf(", %.0f %%", 100*part)
			if part > 0.01 {
				line += fmt.Sprintf(", %s left", (time.Duration(seconds * (1 - part) / part * float64(time.Second))).Round(time.Second))
			}
		} else {
			line += fmt.Sprintf(", %d MB", b.Done/1e6)
		}
	}
	return line
}

// Conclude prints a report about a directory and returns how the command ends. The
// argument what names the check; ended is the reason why not everything was read, or nil.
func (rp *Reports) Conclude(format ui.Format, failOn finding.Severity, r *FindingReport, table FindingTable, what string, ended error) error {
	rp.console.KeepGoing()
	if err := rp.Write(format, r, table); err != nil {
		return err
	}
	if ended != nil {
		return rp.Incomplete("the "+what+" is incomplete; the report covers only what was read", ended)
	}
	return r.verdict(failOn)
}

// Incomplete flushes the output and returns the error of a command that could read
// only a part of its input. Ended is the reason.
func (rp *Reports) Incomplete(what string, ended error) error {
	_ = rp.console.Streams.Flush() // the error is returned again at the end of the run
	return fmt.Errorf("%s: %w", what, ended)
}
