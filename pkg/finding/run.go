package finding

import (
	"context"
	"errors"
	"fmt"
)

// Check is a rule with the code that looks for its failures.
//
// Run calls emit once for each failure. It leaves Rule empty, and Severity too
// unless this failure weighs more or less than the rule; Info stands for empty,
// so that a rule with info findings has that severity itself. It returns nil when it has looked at all
// that it had to look at, the error of NotApplicable when the rule has nothing
// to look at here, and any other error when it could not do its work.
type Check struct {
	Rule Rule
	Run  func(ctx context.Context, emit func(Finding)) error
}

// Report is what a run of checks that fit in memory found.
type Report struct {
	Findings []Finding
	Outcomes []Outcome // one per rule, in the order of the checks
}

// Run carries out the checks in order. It never fails as a whole: a check
// whose code returns an error or panics becomes a check-not-run finding, and
// so does each check left over when ctx ends.
func Run(ctx context.Context, checks []Check) *Report {
	r := &Report{}
	broken := 0
	for _, c := range checks {
		o := Outcome{Rule: c.Rule.ID, Severity: c.Rule.Severity}
		err := runOne(ctx, c, func(f Finding) {
			f.Rule = c.Rule.ID
			if f.Severity == Info {
				f.Severity = c.Rule.Severity
			}
			o.Count++
			r.Findings = append(r.Findings, f)
		})
		var na *NotApplicableError
		switch {
		case err == nil && o.Count == 0:
			o.Result = Passed
		case err == nil:
			o.Result = Failed
		case errors.As(err, &na):
			o.Skip(na)
		default:
			broken++
			o.Skip(err)
			r.Findings = append(r.Findings, Finding{
				Rule:     CheckNotRun().ID,
				Severity: CheckNotRun().Severity,
				Detail:   fmt.Sprintf("%s could not run: %v", c.Rule.ID, err),
				Fix:      Text(FixNone, CheckNotRun().Remedy),
			})
		}
		r.Outcomes = append(r.Outcomes, o)
	}
	last := Outcome{Rule: CheckNotRun().ID, Severity: CheckNotRun().Severity, Result: Passed, Count: broken}
	if broken > 0 {
		last.Result = Failed
	}
	r.Outcomes = append(r.Outcomes, last)
	return r
}

func runOne(ctx context.Context, c Check, emit func(Finding)) (err error) {
	if err := ctx.Err(); err != nil {
		return err
	}
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the check itself failed: %v", p)
		}
	}()
	return c.Run(ctx, emit)
}

// Worst returns the highest severity among the findings; ok is false when
// there are none.
func (r *Report) Worst() (s Severity, ok bool) {
	for _, f := range r.Findings {
		if !ok || f.Severity > s {
			s, ok = f.Severity, true
		}
	}
	return s, ok
}

// Count returns how many findings have exactly this severity.
func (r *Report) Count(s Severity) int {
	n := 0
	for _, f := range r.Findings {
		if f.Severity == s {
			n++
		}
	}
	return n
}
