package finding

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func rule(id string, s Severity) Rule {
	return Rule{ID: id, Severity: s, Title: "t", Why: "w", Remedy: "r"}
}

func TestEveryRuleEnds(t *testing.T) {
	broken := errors.New("the file cannot be read")
	r := Run(context.Background(), []Check{
		{rule("passes", Error), func(context.Context, func(Finding)) error { return nil }},
		{rule("fails", Warning), func(_ context.Context, emit func(Finding)) error {
			emit(Finding{Detail: "one"})
			emit(Finding{Detail: "two", Severity: Error})
			return nil
		}},
		{rule("idle", Error), func(context.Context, func(Finding)) error { return NotApplicable("no %s is set", "pool") }},
		{rule("broken", Info), func(context.Context, func(Finding)) error { return broken }},
		{rule("panics", Info), func(context.Context, func(Finding)) error { panic("index out of range") }},
	})
	want := []Outcome{
		{Rule: "passes", Severity: Error, Result: Passed},
		{Rule: "fails", Severity: Warning, Result: Failed, Count: 2},
		{Rule: "idle", Severity: Error, Result: NotRun, Reason: "no pool is set"},
		{Rule: "broken", Severity: Info, Result: NotRun, Reason: "the file cannot be read"},
		{Rule: "panics", Severity: Info, Result: NotRun, Reason: "the check itself failed: index out of range"},
		{Rule: "check-not-run", Severity: Error, Result: Failed, Count: 2},
	}
	if diff := cmp.Diff(want, r.Outcomes); diff != "" {
		t.Errorf("outcomes (-want +got):\n%s", diff)
	}
	var got []string
	for _, f := range r.Findings {
		got = append(got, f.Rule+" "+f.Severity.String()+" "+f.Detail)
	}
	if diff := cmp.Diff([]string{
		"fails warning one", "fails error two",
		"check-not-run error broken could not run: the file cannot be read",
		"check-not-run error panics could not run: the check itself failed: index out of range",
	}, got); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
	if worst, ok := r.Worst(); !ok || worst != Error {
		t.Errorf("worst %v, %v", worst, ok)
	}
	if r.Count(Error) != 3 || r.Count(Warning) != 1 || r.Count(Info) != 0 {
		t.Errorf("counts %d, %d, %d", r.Count(Error), r.Count(Warning), r.Count(Info))
	}
}

// Findings from before a check failed are kept, and the check still counts as one
// that did not run.
func TestFindingsOfAFailedCheckAreKept(t *testing.T) {
	r := Run(context.Background(), []Check{{rule("half", Warning), func(_ context.Context, emit func(Finding)) error {
		emit(Finding{Detail: "seen"})
		return errors.New("then it failed")
	}}})
	if len(r.Findings) != 2 || r.Outcomes[0].Result != NotRun || r.Outcomes[0].Count != 1 {
		t.Errorf("%+v", r)
	}
}

func TestACancelledRunIsNotClean(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	ran := false
	r := Run(ctx, []Check{
		{rule("first", Error), func(context.Context, func(Finding)) error { cancel(); return nil }},
		{rule("second", Error), func(context.Context, func(Finding)) error { ran = true; return nil }},
	})
	if ran || r.Outcomes[1].Result != NotRun || len(r.Findings) != 1 || r.Findings[0].Rule != "check-not-run" {
		t.Errorf("ran %v, %+v", ran, r)
	}
}

func TestSeverityNames(t *testing.T) {
	for _, name := range SeverityNames() {
		s, err := ParseSeverity(strings.ToUpper(name))
		if err != nil || s.String() != name {
			t.Errorf("%s: %v, %v", name, s, err)
		}
		b, err := json.Marshal(Finding{Severity: s})
		var back Finding
		if err == nil {
			err = json.Unmarshal(b, &back)
		}
		if err != nil || back.Severity != s || !strings.Contains(string(b), `"`+name+`"`) {
			t.Errorf("%s became %s, %v", name, b, err)
		}
	}
	if _, err := ParseSeverity("fatal"); err == nil || !strings.Contains(err.Error(), "info, warning, error") {
		t.Errorf("fatal: %v", err)
	}
}
