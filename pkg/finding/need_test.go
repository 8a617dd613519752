package finding

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestNeedsOfSkippedRule(t *testing.T) {
	need := []Need{NeedOldServerList, NeedNewServerList}
	skipped := NotApplicableNeeds(need, "needs lists of the users on %s servers", "both")
	r := Run(context.Background(), []Check{
		{rule("lists", Error), func(context.Context, func(Finding)) error { return fmt.Errorf("wrapped: %w", skipped) }},
		{rule("plain", Error), func(context.Context, func(Finding)) error { return NotApplicable("no pool is set") }},
	})
	lists, plain := r.Outcomes[0], r.Outcomes[1]
	if lists.Result != NotRun || lists.Reason != "needs lists of the users on both servers" || !slices.Equal(lists.Needs, need) {
		t.Errorf("%+v", lists)
	}
	if plain.Result != NotRun || len(plain.Needs) > 0 || len(r.Findings) > 0 {
		t.Errorf("%+v, findings %v", plain, r.Findings)
	}
	text, err := json.Marshal(lists)
	if err != nil || strings.Contains(strings.ToLower(string(text)), "needs\":") {
		t.Errorf("%s, %v", text, err)
	}
}

func TestSkipWithOtherError(t *testing.T) {
	o := Outcome{Rule: "x", Needs: []Need{NeedProbe}}
	o.Skip(errors.New("broken"))
	if o.Result != NotRun || o.Reason != "broken" || o.Needs != nil {
		t.Errorf("%+v", o)
	}
}
