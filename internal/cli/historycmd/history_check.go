package historycmd

import (
	"context"
	"errors"
	"path/filepath"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/pkg/finding"
	"github.com/davadmin/davadmin/pkg/journal"
)

// Rules returns the rules of Check, in the order of its report.
func Rules() []finding.Rule {
	return []finding.Rule{
		{
			ID: "history-intact", Severity: finding.Error, Title: "the journal and every kept version match their hashes, and no undo file is missing",
			Why:    "a damaged history cannot be relied on to undo changes",
			Remedy: "compare the history with a backup of it",
		},
		{
			ID: "history-finished", Severity: finding.Info, Title: "every recorded change has a result",
			Why:    "a change without a result was interrupted, and may have been made only in part",
			Remedy: "'davadmin history show CHANGE' shows how far it got; the next change completes the record",
		},
		finding.CheckNotRun(),
	}
}

// Check runs 'history verify' as a part of another command. A home without a journal is a
// NotSetUpError.
func Check(ctx context.Context, f *cmdutil.Factory, options cmdutil.HomeOptions) (*cmdutil.Checked, error) {
	start := f.Now()
	home, err := f.Homes.Find(&options)
	if err != nil {
		return nil, err
	}
	j := f.Journals.Open(home, 0)
	v, err := verify(ctx, j)
	if errors.Is(err, journal.ErrNoJournal) {
		return nil, &cmdutil.NotSetUpError{Reason: "no change is recorded yet"}
	}
	if err != nil {
		return nil, err
	}
	path := filepath.Join(j.Dir(), "journal.jsonl")
	of := func(grave bool) func(context.Context, func(finding.Finding)) error {
		return func(_ context.Context, emit func(finding.Finding)) error {
			for _, p := range v.Problems {
				if p.Grave == grave {
					emit(finding.Finding{Where: &finding.Where{File: path, Line: p.Line}, Detail: p.Detail})
				}
			}
			return nil
		}
	}
	rules := Rules()
	report := finding.Run(ctx, []finding.Check{{Rule: rules[0], Run: of(true)}, {Rule: rules[1], Run: of(false)}})
	return &cmdutil.Checked{Report: cmdutil.ReportOf("davadmin.history.check.1", report, path, f.Now().Sub(start))}, nil
}
