package cmdutil

import (
	"strings"
	"testing"

	"github.com/davadmin/davadmin/pkg/finding"
)

func TestOptionsOfNeeds(t *testing.T) {
	for _, n := range []finding.Need{
		finding.NeedBackends, finding.NeedIcsConf, finding.NeedNewServerHome, finding.NeedNewServerHost, finding.NeedNewServerList,
		finding.NeedNewServerUser, finding.NeedNewServerVersion, finding.NeedOldServerList, finding.NeedOldServerPatch,
		finding.NeedOldServerUser, finding.NeedProbe, finding.NeedRuleSelection, finding.NeedLiveDirectory, finding.NeedWholeDirectory,
	} {
		if !strings.HasPrefix(needOptions(n), "-") {
			t.Errorf("%s: options %q", n, needOptions(n))
		}
	}
	before := []finding.Outcome{
		{Rule: "a", Reason: "needs lists of the users on both servers", Needs: []finding.Need{finding.NeedOldServerList, finding.NeedNewServerList, finding.NeedOldServerList}},
		{Rule: "b", Reason: "only a part was read"},
		{Rule: "c", Reason: "not selected", Needs: []finding.Need{finding.NeedRuleSelection}},
	}
	after := withOptions(before)
	for i, want := range []string{
		"needs lists of the users on both servers (--cs6-list FILE, --cs7-list FILE)", "only a part was read", "not selected (--rules)",
	} {
		if after[i].Reason != want {
			t.Errorf("%q, want %q", after[i].Reason, want)
		}
	}
	if before[0].Reason != "needs lists of the users on both servers" {
		t.Errorf("the outcomes of the caller were modified: %q", before[0].Reason)
	}
	if !NeedsUserList(before[0]) || NeedsUserList(before[2]) || !notSelected(before[2]) || notSelected(before[1]) {
		t.Error("the wrong outcomes need a list or were not selected")
	}
}
