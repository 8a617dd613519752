package ldapcheck

import (
	"fmt"

	"github.com/davadmin/davadmin/pkg/directory"
	"github.com/davadmin/davadmin/pkg/finding"
	"github.com/davadmin/davadmin/pkg/ldif"
)

func accessRules() []rule {
	users := []directory.Kind{directory.User}
	owners := []directory.Kind{directory.User, directory.Resource}
	states := rolesOf(roleStatus, roleUserStatus, roleResourceStatus)
	return []rule{
		{
			Rule: newRule("lockout-ineffective", finding.Error,
				"every lock-out from the old server's web interface is effective",
				"icsAllowedServiceAccess is evaluated only if icsStatus is absent: the person can still log in to the old server, which creates a new calendar there",
				"remove icsStatus, so that icsAllowedServiceAccess takes effect"),
			kinds: users, needs: rolesOf(roleAccess, roleStatus, roleUserStatus), lacking: rolesOf(roleUserStatus), observe: observeLockIneffective, describe: describeLockIneffective,
		},
		{
			Rule: newRule("lockout-missing", finding.Error,
				"all people known to be on the new server are locked out of the old one",
				"one accidental login creates a calendar on the old server, which then treats the person as its own again and answers free/busy requests from that calendar",
				"deny http in icsAllowedServiceAccess, which is evaluated only if icsStatus is absent"),
			kinds: users, needs: states | rolesOf(roleAccess, roleUID, roleMail, roleAlternate, roleLocal), applies: needsMoved,
			lacking: rolesOf(roleStatus, roleUserStatus, roleAccess, roleUID, roleMail, roleAlternate),
			observe: observeLockMissing, describe: describeLockMissing,
		},
		{
			Rule: newRule("status-unknown", finding.Error,
				"every status is a value that the servers know",
				"any value other than 'active' locks the person out",
				"set it to active, inactive or deleted"),
			kinds: people(), needs: states, observe: observeStatusUnknown, describe: describeStatusUnknown,
		},
		{
			Rule: newRule("status-inactive-with-davstore", finding.Warning,
				"nobody is both assigned to the new server and locked out of it",
				"invitations to the person are accepted but never read; this may be intended",
				"set the status to active, or remove the attribute that assigns the person to the new server if the person has left"),
			kinds: owners, needs: states | rolesOf(roleLocal), observe: observeStatusInactive, describe: describeStatusInactive,
		},
	}
}

// lockedByStatus reports whether a status locks the person out. A status that the
// servers do not know does, too.
func (s *subject) lockedByStatus() bool {
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
	if len(s.values[roleAccess]) > 0 && len(s.values[roleStatus]) > 0 && s.denied() && !s.lockedByStatus() {
		w.found(ruleLockIneffective, codePlain, roleAccess, first(s.values[roleAccess]), first(s.values[roleStatus]))
	}
}

// needsMoved is for rules about people on the new server, who are known from the list
// or, with Options.MarkedOnCS7, from their entries.
func needsMoved(a *Audit) error {
	if a.o.MarkedOnCS7 {
		return nil
	}
	return needsCS7(a)
}

// on7 reports whether the person is on the new server, as far as is known.
func (a *Audit) on7(s *subject) bool {
	return s.in7 || a.o.MarkedOnCS7 && a.o.CS7 == nil && s.filled(roleLocal)
}

func observeLockMissing(w *worker, s *subject) {
	if !w.a.on7(s) || s.in6 || s.denied() || s.lockedByStatus() {
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
	return fmt.Sprintf("%s: %s denies http, but is not evaluated because %s is %s", n.ServiceAccess, quote(f.value), n.Status, quote(f.other)),
		a.modifyFix(f.dns[0], ldif.OpDelete, n.Status, nil)
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
		detail += "; it is " + quoteList(f.values)
		deny = append(append(deny, '$'), f.values[0]...)
	}
	changes := []ldif.Modification{{Op: ldif.OpReplace, Name: n.ServiceAccess, Values: [][]byte{deny}}}
	if f.code == codeStatusSet {
		changes = append(changes, ldif.Modification{Op: ldif.OpDelete, Name: n.Status})
		detail += fmt.Sprintf(", and would not be evaluated, because %s is set", n.Status)
	}
	if len(f.values) > 1 || len(f.values) == 1 && !isComplete(f.values[0]) {
		return detail, finding.Fix{} // a fix would lose existing values
	}
	return detail, a.recordFix(f.dns[0], changes)
}

func describeStatusUnknown(a *Audit, f *fact) (string, finding.Fix) {
	name := a.o.Names.statusName(f.attr)
	return fmt.Sprintf("%s is %s, which the servers do not know, so it counts as not active", name, quote(f.value)),
		withRemark("if the person should have access", a.modifyFix(f.dns[0], ldif.OpReplace, name, []byte("active")))
}

func describeStatusInactive(a *Audit, f *fact) (string, finding.Fix) {
	n := &a.o.Names
	return fmt.Sprintf("the %s has %s: %s, and %s is %s", f.kind, n.LocalUserAttr(), quote(f.other), n.statusName(f.attr), quote(f.value)), finding.Fix{}
}
