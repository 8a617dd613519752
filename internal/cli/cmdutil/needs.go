package cmdutil

import (
	"slices"
	"strings"

	"github.com/davadmin/davadmin/pkg/finding"
)

// needOptions returns the options that provide a need, or an empty string.
func needOptions(n finding.Need) string {
	return map[finding.Need]string{
		finding.NeedBackends:         "--home DIR or --backend NAME",
		finding.NeedIcsConf:          "--ics-conf FILE",
		finding.NeedLiveDirectory:    "-H HOST",
		finding.NeedNewServerHome:    "--home DIR",
		finding.NeedNewServerHost:    "--cs7-host NAME",
		finding.NeedNewServerList:    "--cs7-list FILE",
		finding.NeedNewServerUser:    "--cs7-user ADDRESS",
		finding.NeedNewServerVersion: "--cs7-version VERSION",
		finding.NeedOldServerList:    "--cs6-list FILE",
		finding.NeedOldServerPatch:   "--cs6-patch LEVEL",
		finding.NeedOldServerUser:    "--cs6-user ADDRESS",
		finding.NeedProbe:            "--probe",
		finding.NeedRuleSelection:    "--rules",
		finding.NeedWholeDirectory:   "-B, -R, --scope",
	}[n]
}

// OptionsFor returns the options that would let a rule run, or an empty string.
func OptionsFor(o finding.Outcome) string {
	var options []string
	for _, n := range o.Needs {
		if option := needOptions(n); option != "" && !slices.Contains(options, option) {
			options = append(options, option)
		}
	}
	return strings.Join(options, ", ")
}

// withOptions returns the outcomes with the options that would let a rule run
// after its reason, as in "needs a list of the users on the new server (--cs7-list
// FILE)".
func withOptions(outcomes []finding.Outcome) []finding.Outcome {
	outcomes = slices.Clone(outcomes)
	for i := range outcomes {
		if options := OptionsFor(outcomes[i]); options != "" {
			outcomes[i].Reason += " (" + options + ")"
		}
	}
	return outcomes
}

// notSelected reports whether the rule did not run because it was not selected.
func notSelected(o finding.Outcome) bool {
	return slices.Contains(o.Needs, finding.NeedRuleSelection)
}

// NeedsUserList reports whether the rule needs a list of the users on one of the servers.
func NeedsUserList(o finding.Outcome) bool {
	return slices.Contains(o.Needs, finding.NeedOldServerList) || slices.Contains(o.Needs, finding.NeedNewServerList)
}
