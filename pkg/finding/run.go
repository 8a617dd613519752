package finding

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// Check is a rule with the code that looks for its failures.
//
// Run calls emit once for each failure. It does not set Rule. It sets Severity only
// if this failure is more or less serious than the rule; Info stands for unset, so
// a rule with info findings must have that severity itself. Run returns nil if it
// has checked everything, the error of NotApplicable if the rule does not apply,
// and any other error if it could not check everything.
type Check struct {
	Rule Rule
	Run  func(ctx context.Context, emit func(Finding)) error
}

// Report is the result of a run of checks. All findings are in memory.
type Report struct {
	Findings []Finding
	Outcomes []Outcome // one per rule, in the order of the checks, and last that of CheckNotRun
}

// Run runs the checks in order. It never fails as a whole: a check that returns an
// error or panics becomes a check-not-run finding, and so does each remaining check
// when ctx is cancelled.
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

// Select returns checks of which only those of the rules with the given ids run; the others
// end as not-run, because they were not selected. Without ids, all run.
func Select(checks []Check, ids []string) []Check {
	if len(ids) == 0 {
		return checks
	}
	out := slices.Clone(checks)
	for i, c := range out {
		if !slices.Contains(ids, c.Rule.ID) {
			out[i].Run = func(context.Context, func(Finding)) error { return NotSelected() }
		}
	}
	return out
}

// NotSelected returns the reason why a rule that was not selected did not run.
func NotSelected() error {
	return NotApplicableNeeds([]Need{NeedRuleSelection}, "not selected")
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

// Worst returns the highest severity among the findings. ok is false if there are
// none.
func (r *Report) Worst() (s Severity, ok bool) {
	for _, f := range r.Findings {
		if !ok || f.Severity > s {
			s, ok = f.Severity, true
		}
	}
	return s, ok
}

// Count returns the number of findings with exactly this severity.
func (r *Report) Count(s Severity) int {
	n := 0
	for _, f := range r.Findings {
		if f.Severity == s {
			n++
		}
	}
	return n
}
