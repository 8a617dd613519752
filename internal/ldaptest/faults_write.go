package ldaptest

import (
	"slices"

	"github.com/go-ldap/ldap/v3"
)

// countModify tells which modify since the faults were set it is.
func (s *Server) countModify() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.modifies++
	return s.modifies
}

// due tells whether a fault of the n-th modify comes now, and counts it.
func (w *write) due(n int, name string) bool {
	if n == 0 || n != w.count {
		return false
	}
	w.c.s.fire(name)
	return true
}

// strikeBefore does what is due before anything is changed, and tells whether
// the request is over with it.
func (w *write) strikeBefore() bool {
	if !w.due(w.faults.DropBeforeModify, "DropBeforeModify") {
		return false
	}
	w.c.hangUp()
	return true
}

// strikeAfter does what is due instead of an answer.
func (w *write) strikeAfter() bool {
	switch {
	case w.due(w.faults.DropAfterModify, "DropAfterModify"):
		w.c.hangUp()
	case w.due(w.faults.StallAfterModify, "StallAfterModify"):
		// Not here: somebody has to notice that the client goes away.
		w.c.searches.Go(w.c.stall)
	default:
		return false
	}
	return true
}

// refusedByFault is the answer to a change that is not to be made.
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
	}
	return nil
}

// deniedByFault tells whether the entry is not for this client.
func (w *write) deniedByFault() bool {
	if !slices.ContainsFunc(w.faults.RefuseDNs, func(dn string) bool { return normalName(dn) == w.name }) {
		return false
	}
	w.c.s.fire("RefuseDNs")
	return true
}
