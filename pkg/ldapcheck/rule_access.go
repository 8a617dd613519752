package ldapcheck

import (
	"fmt"

	"github.com/davadmin/davadmin/pkg/directory"
	"github.com/davadmin/davadmin/pkg/finding"
)

func accessRules() []rule {
	users := []directory.Kind{directory.User}
	owners := []directory.Kind{directory.User, directory.Resource}
	states := rolesOf(roleStatus, roleUserStatus, roleResourceStatus)
	return []rule{
		{
			Rule: newRule("lockout-ineffective", finding.Error,
				"who is shut out of the old server's web is really shut out",
				"icsAllowedServiceAccess is looked at only where icsStatus is absent: the person can still log in to the old server, which makes a new calendar there",
				"remove icsStatus, so that icsAllowedServiceAccess counts"),
			kinds: users, needs: rolesOf(roleAccess, roleStatus, roleUserStatus), observe: observeLockIneffective, describe: describeLockIneffective,
		},
		{
			Rule: newRule("lockout-missing", finding.Error,
				"nobody who is known to be on the new server can log in to the old one",
				"one login by mistake makes a calendar on the old server: then it counts as the person's home again, and answers free/busy from it",
				"deny http by icsAllowedServiceAccess, which counts only where icsStatus is absent"),
			kinds: users, needs: states | rolesOf(roleAccess, roleUID, roleMail, roleAlternate, roleLocal), applies: needsMoved,
			observe: observeLockMissing, describe: describeLockMissing,
		},
		{
			Rule: newRule("status-unknown", finding.Error,
				"every status is a word that the servers know",
				"whatever is not 'active' shuts the person out",
				"write active, inactive or deleted"),
			kinds: people(), needs: states, observe: observeStatusUnknown, describe: describeStatusUnknown,
		},
		{
			Rule: newRule("status-inactive-with-davstore", finding.Warning,
				"nobody is marked as on the new server and shut out of it at once",
				"invitations to the person are taken and never read; it may be meant so",
				"make the status active, or remove the mark when the person has left"),
			kinds: owners, needs: states | rolesOf(roleLocal), observe: observeStatusInactive, describe: describeStatusInactive,
		},
	}
}

// shutByStatus tells whether a status keeps a person out: one that no server
// knows does, too.
func (s *subject) shutByStatus() bool {
	for _, r := range []role{roleUserStatus, roleStatus} {
		if st := statusOf(s.values[r]); st != statusAbsent && st != statusActive {
			return true
		}
	}
	return false
}

func (s *subject) denied() bool {
	for _, v := range s.values[roleAccess] {
		if DeniesHTTP(v) {
			return true
		}
	}
	return false
}

func observeLockIneffective(w *worker, s *subject) {
	if len(s.values[roleAccess]) > 0 && len(s.values[roleStatus]) > 0 && s.denied() && !s.shutByStatus() {
		w.found(ruleLockIneffective, codePlain, roleAccess, first(s.values[roleAccess]), first(s.values[roleStatus]))
	}
}

// needsMoved is for rules about people of the new server, by the list or the
// mark.
func needsMoved(a *Audit) error {
	if a.o.MarkedOnCS7 {
		return nil
	}
	return needsCS7(a)
}

// on7 tells whether the person is on the new server, as far as is known.
func (a *Audit) on7(s *subject) bool {
	return s.in7 || a.o.MarkedOnCS7 && a.o.CS7 == nil && s.filled(roleLocal)
}

func observeLockMissing(w *worker, s *subject) {
	if !w.a.on7(s) || s.in6 || s.denied() || s.shutByStatus() {
		return
	}
	code := codePlain
	if len(s.values[roleStatus]) > 0 {
		code = codeStatusSet
	}
	w.foundAll(ruleLockMissing, code, roleAccess)
}

func observeStatusUnknown(w *worker, s *subject) {
	for _, r := range []role{roleStatus, roleUserStatus, roleResourceStatus} {
		for _, v := range s.values[r] {
			if statusOf([][]byte{v}) == statusUnknown {
				w.found(ruleStatusUnknown, codePlain, r, v, nil)
			}
		}
	}
}

func observeStatusInactive(w *worker, s *subject) {
	if !s.filled(roleLocal) {
		return
	}
	for _, r := range []role{roleUserStatus, roleResourceStatus, roleStatus} {
		if len(s.values[r]) > 0 && statusOf(s.values[r]) == statusOff {
			w.found(ruleStatusInactive, codePlain, r, first(s.values[r]), first(s.values[roleLocal]))
			return
		}
	}
}

func (n *Names) statusName(r role) string {
	switch r {
	case roleUserStatus:
		return n.UserStatus
	case roleResourceStatus:
		return n.ResourceStatus
	}
	return n.Status
}

func describeLockIneffective(a *Audit, f *fact) (string, finding.Fix) {
	n := &a.o.Names
	return fmt.Sprintf("%s: %s denies http, and is not looked at because %s is %s", n.ServiceAccess, shown(f.value), n.Status, shown(f.other)),
		a.modifyFix(f.dns[0], "delete", n.Status, nil)
}

func describeLockMissing(a *Audit, f *fact) (string, finding.Fix) {
	n := &a.o.Names
	why := "is on the list of the new server"
	if a.o.CS7 == nil {
		why = "has " + n.LocalUserAttr()
	}
	detail := fmt.Sprintf("the user %s and can still log in to the old server: %s does not deny http", why, n.ServiceAccess)
	deny := []byte("-http:all")
	if len(f.values) > 0 {
		detail += "; it is " + shownList(f.values)
		deny = append(append(deny, '$'), f.values[0]...)
	}
	changes := []change{{"replace", n.ServiceAccess, [][]byte{deny}}}
	if f.code == codeStatusSet {
		changes = append(changes, change{"delete", n.Status, nil})
		detail += fmt.Sprintf(", and would not be looked at, because %s is set", n.Status)
	}
	if len(f.values) > 1 || len(f.values) == 1 && !whole(f.values[0]) {
		return detail, finding.Fix{} // a fix would lose what is there
	}
	return detail, a.recordFix(f.dns[0], changes)
}

func describeStatusUnknown(a *Audit, f *fact) (string, finding.Fix) {
	name := a.o.Names.statusName(f.attr)
	return fmt.Sprintf("%s is %s, which no server knows; it counts as not active", name, shown(f.value)),
		withRemark("if the person shall have access", a.modifyFix(f.dns[0], "replace", name, []byte("active")))
}

func describeStatusInactive(a *Audit, f *fact) (string, finding.Fix) {
	n := &a.o.Names
	return fmt.Sprintf("the %s has %s: %s, and %s is %s", f.kind, n.LocalUserAttr(), shown(f.other), n.statusName(f.attr), shown(f.value)), finding.Fix{}
}
