package ldapcheck_test

import (
	"regexp"
	"slices"
	"testing"

	"github.com/davadmin/davadmin/pkg/finding"
	"github.com/davadmin/davadmin/pkg/ldapcheck"
)

// A rule that is skipped for lack of information says which information it needs.
func TestSkippedRulesStateTheirNeeds(t *testing.T) {
	o := ldapcheck.Options{Names: ldapcheck.DefaultNames()}
	r, _ := auditText(t, o, user("a"))
	both := []finding.Need{finding.NeedOldServerList, finding.NeedNewServerList}
	for id, needs := range map[string][]finding.Need{
		"davstore-missing":         {finding.NeedNewServerList},
		"davstore-present":         {finding.NeedOldServerList},
		"davstore-unknown-backend": {finding.NeedBackends},
		"lockout-missing":          {finding.NeedNewServerList},
		"listed-twice":             both,
		"listed-not-found":         both,
		"schema-missing":           {finding.NeedLiveDirectory},
		"index-missing":            {finding.NeedLiveDirectory},
	} {
		if got := outcome(t, r, id); got.Result != finding.NotRun || !slices.Equal(got.Needs, needs) {
			t.Errorf("%s: %+v, want needs %v", id, got, needs)
		}
	}
	o.Rules, o.Partial, o.CS6 = []string{"listed-not-found"}, true, people(t, "a\n")
	r, _ = auditText(t, o, user("a"))
	for id, need := range map[string]finding.Need{"listed-not-found": finding.NeedWholeDirectory, "mail-missing": finding.NeedRuleSelection} {
		if got := outcome(t, r, id); got.Result != finding.NotRun || !slices.Equal(got.Needs, []finding.Need{need}) {
			t.Errorf("%s: %+v, want need %s", id, got, need)
		}
	}
}

// The package knows no command line: no text of a rule, an outcome or a finding names
// an option or a command of this product.
func TestTextsNameNoOptions(t *testing.T) {
	commandLine := regexp.MustCompile(`(^|[\s('"])--[a-z]|\bdavadmin [a-z]`)
	check := func(where, text string) {
		if found := commandLine.FindString(text); found != "" {
			t.Errorf("%s: %q in %q", where, found, text)
		}
	}
	for _, r := range ldapcheck.Rules() {
		check(r.ID, r.Title+"; "+r.Why+"; "+r.Remedy)
	}
	for _, c := range ruleCases() {
		o := ldapcheck.Options{Names: ldapcheck.DefaultNames()}
		if c.options != nil {
			c.options(t, &o)
		}
		r, findings := auditText(t, o, c.text)
		for _, out := range r.Outcomes {
			check(c.name, out.Reason)
		}
		for _, f := range findings {
			check(c.name, f.Detail+"\n"+f.Fix.String())
		}
	}
}

// Fixes state their type, so that the command layer knows what it shows.
func TestTypesOfFixes(t *testing.T) {
	text := user("a", "-davUniqueId") + user("b", "davUniqueId: "+hexID) + user("c", "davUniqueId: "+hexID) + user("d", "+davStore:") + user("e", "-mail")
	_, findings := auditText(t, ldapcheck.Options{Names: ldapcheck.DefaultNames()}, text)
	want := map[string]finding.FixType{
		"uniqueid-missing": finding.FixCommand, "uniqueid-duplicate": finding.FixCommand, "davstore-empty": finding.FixLDIF, "mail-missing": "",
	}
	for _, f := range findings {
		if f.Fix.Type != want[f.Rule] {
			t.Errorf("%s: type %q, want %q", f.Rule, f.Fix.Type, want[f.Rule])
		}
		if f.Rule != "uniqueid-duplicate" {
			continue
		}
		s := f.Fix.Steps
		if len(s) != 3 || s[0].Text != "" || !s[1].Template || s[2].Template {
			t.Errorf("the first entry keeps its id, so only its step is a template: %+v", s)
		}
	}
}
