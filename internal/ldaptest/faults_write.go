package ldaptest

import (
	"slices"

	"github.com/go-ldap/ldap/v3"
)

// countModify returns the number of a modify request since the faults were set.
func (s *Server) countModify() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.modifies++
	return s.modifies
}

// due reports whether a fault of the n-th modify request is due now, and counts it.
func (w *write) due(n int, name string) bool {
	if n == 0 || n != w.count {
		return false
	}
	w.c.s.fire(name)
	return true
}

// strikeBefore carries out a fault that is due before the change, and reports whether
// it ends the request.
func (w *write) strikeBefore() bool {
	if !w.due(w.faults.DropBeforeModify, "DropBeforeModify") {
		return false
	}
	w.c.hangUp()
	return true
}

// strikeAfter carries out a fault that is due instead of an answer.
func (w *write) strikeAfter() bool {
	switch {
	case w.due(w.faults.DropAfterModify, "DropAfterModify"):
		w.c.hangUp()
	case w.due(w.faults.StallAfterModify, "StallAfterModify"):
		// Not in this goroutine, which has to detect that the client disconnects.
		w.c.searches.Go(w.c.stall)
	default:
		return false
	}
	return true
}

// refusedByFault returns the result of a change that a fault refuses, or nil.
func (w *write) refusedByFault() *Result {
	f, srv := w.faults, w.c.s
	switch {
	case f.BusyModify > 0 && f.BusyModify <= w.count && w.count <= f.BusyModify+f.BusyMore:
		srv.fire("BusyModify")
		return refusal(ldap.LDAPResultBusy, "the server is busy")
	case len(f.ReferTo) > 0:
		srv.fire("ReferTo")
		return &Result{Code: ldap.LDAPResultReferral, Referrals: referTo(f.ReferTo, w.req.DN)}
	case f.ReadOnly:
		srv.fire("ReadOnly")
		return refusal(ldap.LDAPResultUnwillingToPerform, "operation restricted")
	case f.RefuseModify != nil && w.req.Op == "modify":
		if res := f.RefuseModify(w.req.DN); res != nil {
			srv.fire("RefuseModify")
			return res
		}
	}
	return nil
}

// deniedByFault reports whether a fault denies access to the entry.
func (w *write) deniedByFault() bool {
	if !slices.ContainsFunc(w.faults.RefuseDNs, func(dn string) bool { return normalName(dn) == w.name }) {
		return false
	}
	w.c.s.fire("RefuseDNs")
	return true
}
