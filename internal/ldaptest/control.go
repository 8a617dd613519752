package ldaptest

import (
	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"
)

// The controls that the server supports.
const (
	oidPaging      = "1.2.840.113556.1.4.319"  // RFC 2696
	oidManageDSAIT = "2.16.840.1.113730.3.4.2" // RFC 3296
	oidAssertion   = "1.3.6.1.1.12"            // RFC 4528
	oidPreRead     = "1.3.6.1.1.13.1"          // RFC 4527
)

// offered returns the controls that the root DSE lists.
func (s *Server) offered() []string {
	out := []string{oidManageDSAIT}
	for _, c := range []struct {
		oid     string
		without bool
	}{{oidPaging, s.o.NoPaging}, {oidAssertion, s.o.NoAssertion}, {oidPreRead, s.o.NoPreRead}} {
		if !c.without {
			out = append(out, c.oid)
		}
	}
	return out
}

// knows reports whether the server supports the control for that operation.
func (s *Server) knows(oid, op string) bool {
	switch oid {
	case oidManageDSAIT:
		return true
	case oidPaging:
		return op == "search" && !s.o.NoPaging
	case oidAssertion:
		return (op == "modify" || op == "delete") && !s.o.NoAssertion
	case oidPreRead:
		return (op == "modify" || op == "delete") && !s.o.NoPreRead
	}
	return false
}

// critical returns the result for a request with a critical control that the server does
// not support, or nil.
func (s *Server) critical(m *message, op string) *Result {
	for _, c := range m.controls {
		if c.Critical && !s.knows(c.OID, op) {
			return refusal(ldap.LDAPResultUnavailableCriticalExtension, "critical extension is not recognized")
		}
	}
	return nil
}

// parseControls parses the assertion and pre-read controls.
func (w *write) parseControls() *Result {
	srv, op := w.c.s, w.req.Op
	if c := w.m.control(oidAssertion); c != nil && srv.knows(oidAssertion, op) {
		p, err := ber.DecodePacketErr(c.Value)
		if err == nil {
			w.assertion, err = parseFilter(p, srv.types, srv.o.EvaluateUnknown)
		}
		if err != nil {
			return refusal(ldap.LDAPResultProtocolError, "assertion control: %v", errMalformed)
		}
		w.req.Assertion = w.assertion.String()
	}
	if c := w.m.control(oidPreRead); c != nil && srv.knows(oidPreRead, op) {
		p, err := ber.DecodePacketErr(c.Value)
		if err != nil || p.TagType != ber.TypeConstructed {
			return refusal(ldap.LDAPResultProtocolError, "pre-read control: %v", errMalformed)
		}
		for _, a := range p.Children {
			w.req.PreRead = append(w.req.PreRead, text(a))
		}
		for _, name := range w.req.PreRead {
			special := name == "*" || name == "+" || name == "1.1"
			if c.Critical && !special && !srv.o.EvaluateUnknown && !srv.types.describe(name).known {
				return refusal(ldap.LDAPResultUndefinedAttributeType, "pre-read control: %s: attribute type undefined", name)
			}
		}
		w.preRead = newSelection(w.req.PreRead, false, srv.types)
	}
	return nil
}

// appendControl appends a control of a response.
func appendControl(b []byte, oid string, value []byte) []byte {
	control := appendString(nil, tagOctets, oid)
	control = appendElement(control, tagOctets, value)
	return appendElement(b, tagSequence, control)
}
