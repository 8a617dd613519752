package coexist

import (
	"fmt"
	"iter"

	"github.com/davadmin/davadmin/pkg/directory"
	"github.com/davadmin/davadmin/pkg/finding"
	"github.com/davadmin/davadmin/pkg/ldapcheck"
)

// Report is what a check found. Findings about people are on disk: they may be
// as many as there are entries. It is for one goroutine.
type Report struct {
	// Outcomes is how each rule ended, in the order of the catalogue.
	Outcomes []finding.Outcome
	// Complete tells that all of the directory was read, or none was to be;
	// otherwise Ended says what kept it from that.
	Complete bool
	Ended    error

	c      *Check
	files  *finding.Report
	people *ldapcheck.Report // nil where no directory was read
	late   *finding.Report
	probes *finding.Report
}

// finish puts the outcomes of all parts into one list.
func (r *Report) finish() {
	by := map[string]finding.Outcome{}
	last := finding.Outcome{Rule: finding.CheckNotRun().ID, Severity: finding.CheckNotRun().Severity, Result: finding.Passed}
	take := func(list []finding.Outcome) {
		for _, o := range list {
			if o.Rule == last.Rule {
				last.Count += o.Count
				continue
			}
			by[o.Rule] = o
		}
	}
	for _, part := range []*finding.Report{r.files, r.late, r.probes} {
		take(part.Outcomes)
	}
	if r.people != nil {
		take(r.people.Outcomes)
	}
	if last.Count > 0 {
		last.Result = finding.Failed
	}
	for _, x := range r.c.table {
		o, ok := by[x.ID]
		switch {
		case x.ID == last.Rule:
			o = last
		case !ok:
			o = finding.Outcome{Rule: x.ID, Severity: x.Severity, Result: finding.NotRun, Reason: r.c.o.NoDirectory}
		}
		r.Outcomes = append(r.Outcomes, o)
	}
}

// Kinds counts the entries that were looked at.
func (r *Report) Kinds() [directory.Domain + 1]int {
	if r.people == nil {
		return [directory.Domain + 1]int{}
	}
	return r.people.Kinds
}

// Accounts is how many users, groups and resources were looked at.
func (r *Report) Accounts() int {
	if r.people == nil {
		return 0
	}
	return r.people.Accounts()
}

// Count returns how many findings have exactly this severity.
func (r *Report) Count(s finding.Severity) int {
	n := r.files.Count(s) + r.late.Count(s) + r.probes.Count(s)
	if r.people != nil {
		n += r.people.Count(s)
	}
	return n
}

// Worst returns the highest severity among the findings; ok is false when there
// are none.
func (r *Report) Worst() (s finding.Severity, ok bool) {
	for _, s := range []finding.Severity{finding.Error, finding.Warning, finding.Info} {
		if r.Count(s) > 0 {
			return s, true
		}
	}
	return finding.Info, false
}

// Findings yields the findings: those about files first, then those about people
// in the order of the rules and of the source, then what was counted, and what
// the servers answered. most is how many of each rule are yielded, 0 for all.
// An error is the last word: then findings are missing.
func (r *Report) Findings(most int) iter.Seq2[finding.Finding, error] {
	return func(yield func(finding.Finding, error) bool) {
		given := map[string]int{}
		list := func(part *finding.Report) bool {
			for _, f := range part.Findings {
				if given[f.Rule]++; most > 0 && given[f.Rule] > most {
					continue
				}
				if !yield(f, nil) {
					return false
				}
			}
			return true
		}
		if !list(r.files) {
			return
		}
		if r.people != nil {
			for f, err := range r.people.Findings(most) {
				if !yield(r.c.adorn(f), err) || err != nil {
					return
				}
			}
		}
		if list(r.late) {
			list(r.probes)
		}
	}
}

// adorn says of somebody without the mark whether questions go in a circle.
func (c *Check) adorn(f finding.Finding) finding.Finding {
	if f.Rule != "davstore-missing" {
		return f
	}
	if closed, _ := c.redirects(); closed {
		s, _, _ := c.o.Old.redirect()
		f.Detail += fmt.Sprintf("; the new server asks the old one about the person, and that one redirects back (%s:%d): a loop", c.o.Old.Path, s.Line)
	}
	return f
}

// Close removes the temporary files. The report must not be used afterwards.
func (r *Report) Close() error {
	if r.people == nil {
		return nil
	}
	return r.people.Close()
}
