package coexist

import (
	"fmt"
	"iter"

	"github.com/davadmin/davadmin/pkg/directory"
	"github.com/davadmin/davadmin/pkg/finding"
	"github.com/davadmin/davadmin/pkg/ldapcheck"
)

// Report is the result of a Check. Findings about entries are on disk, because there
// may be as many as entries. It is not safe for concurrent use.
type Report struct {
	// Outcomes contains the outcome of each rule, in the order of the catalogue.
	Outcomes []finding.Outcome
	// Complete is true if all of the directory was read, or if none was to be read;
	// otherwise Ended is the reason.
	Complete bool
	Ended    error
	// UnreadList is that of ldapcheck.Report.
	UnreadList bool

	hides   string // an attribute that the directory hides; "" for none
	c       *Check
	files   *finding.Report
	entries *ldapcheck.Report // nil if no directory was read
	late    *finding.Report
	probes  *finding.Report
}

// finish merges the outcomes of all parts into one list.
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
	if r.entries != nil {
		take(r.entries.Outcomes)
	}
	if last.Count > 0 {
		last.Result = finding.Failed
	}
	for _, x := range r.c.table {
		o, ok := by[x.ID]
		switch {
		case x.ID == last.Rule:
			o = last
		case !ok && r.hides != "" && r.c.o.NoDirectory == "":
			o = finding.Outcome{Rule: x.ID, Severity: x.Severity, Result: finding.NotRun, Reason: r.hides + " cannot be read"}
		case !ok:
			o = finding.Outcome{Rule: x.ID, Severity: x.Severity, Result: finding.NotRun, Reason: r.c.o.NoDirectory}
		}
		r.Outcomes = append(r.Outcomes, o)
	}
}

// Kinds returns the number of entries checked, by kind.
func (r *Report) Kinds() [directory.Domain + 1]int {
	if r.entries == nil {
		return [directory.Domain + 1]int{}
	}
	return r.entries.Kinds
}

// Absence returns what is known about the attributes that entries came without.
func (r *Report) Absence() []directory.AttributeAbsence {
	if r.entries == nil {
		return nil
	}
	return r.entries.Absence()
}

// Accounts returns the number of users, groups and resources checked.
func (r *Report) Accounts() int {
	if r.entries == nil {
		return 0
	}
	return r.entries.Accounts()
}

// Count returns the number of findings of exactly this severity.
func (r *Report) Count(s finding.Severity) int {
	n := r.files.Count(s) + r.late.Count(s) + r.probes.Count(s)
	if r.entries != nil {
		n += r.entries.Count(s)
	}
	return n
}

// Worst returns the highest severity of the findings; ok is false if there are none.
func (r *Report) Worst() (s finding.Severity, ok bool) {
	for _, s := range []finding.Severity{finding.Error, finding.Warning, finding.Info} {
		if r.Count(s) > 0 {
			return s, true
		}
	}
	return finding.Info, false
}

// Findings yields the findings: those about files first, then those about entries in
// the order of the rules and of the source, then those about counts, and last those
// about the answers of the servers. most is the maximum number of findings per rule,
// 0 for all. An error is the last element: then findings are missing.
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
		if r.entries != nil {
			for f, err := range r.entries.Findings(most) {
				if !yield(r.c.mentionLoop(f), err) || err != nil {
					return
				}
			}
		}
		if list(r.late) {
			list(r.probes)
		}
	}
}

// mentionLoop adds to a finding about a user without the mark that queries about the
// user loop, if they do.
func (c *Check) mentionLoop(f finding.Finding) finding.Finding {
	if f.Rule != "davstore-missing" {
		return f
	}
	if c.noLoop() == nil {
		s, _, _ := c.o.Old.redirect()
		f.Detail += fmt.Sprintf("; the new server queries the old server about this user, and the old server redirects back (%s:%d): a loop", c.o.Old.Path, s.Line)
	}
	return f
}

// Close removes the temporary files. The report must not be used afterwards.
func (r *Report) Close() error {
	if r.entries == nil {
		return nil
	}
	return r.entries.Close()
}
