package finding

import (
	"errors"
	"fmt"
)

// Need names a fact without which a rule cannot run, and which whoever starts the
// run can provide. A pkg does not know how: the command layer has the options.
type Need string

// The facts that rules need.
const (
	NeedBackends         Need = "backends"           // the names of the configured back ends
	NeedIcsConf          Need = "ics-conf"           // the ics.conf of the old server
	NeedNewServerHome    Need = "new-server-home"    // the configuration of the new server
	NeedNewServerHost    Need = "new-server-host"    // the host name of the new server
	NeedNewServerList    Need = "new-server-list"    // the list of the users on the new server
	NeedNewServerUser    Need = "new-server-user"    // the address of one user on the new server
	NeedNewServerVersion Need = "new-server-version" // the version of the new server
	NeedOldServerList    Need = "old-server-list"    // the list of the users on the old server
	NeedOldServerPatch   Need = "old-server-patch"   // the patch level of the old server
	NeedOldServerUser    Need = "old-server-user"    // the address of one user on the old server
	NeedProbe            Need = "probe"              // permission to send requests to both servers
	NeedRuleSelection    Need = "rule-selection"     // a selection of rules that includes this one
	NeedLiveDirectory    Need = "live-directory"     // a directory server instead of a file
	NeedWholeDirectory   Need = "whole-directory"    // all of the directory instead of a part
)

// NotApplicableError is the reason why a rule has nothing to look at.
type NotApplicableError struct {
	Reason string
	Needs  []Need // the facts with which it could run
}

// Error returns the reason.
func (e *NotApplicableError) Error() string { return e.Reason }

// NotApplicable is returned by a check that has nothing to look at: its rule
// is then listed as not-run with the reason, which is not a failure.
func NotApplicable(format string, args ...any) error {
	return &NotApplicableError{Reason: fmt.Sprintf(format, args...)}
}

// NotApplicableNeeds is NotApplicable for a check that could run if it were given
// the facts in needs.
func NotApplicableNeeds(needs []Need, format string, args ...any) error {
	return &NotApplicableError{Reason: fmt.Sprintf(format, args...), Needs: needs}
}

// Skip makes o the outcome of a rule that err kept from running: it is not-run,
// with the reason and the needs of err.
func (o *Outcome) Skip(err error) {
	o.Result, o.Reason, o.Needs = NotRun, err.Error(), nil
	var na *NotApplicableError
	if errors.As(err, &na) {
		o.Needs = na.Needs
	}
}
