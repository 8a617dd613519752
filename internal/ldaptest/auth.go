package ldaptest

import (
	"crypto/tls"
	"net"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"
)

// bind sets the identity of the client, or makes it anonymous when the bind fails.
func (c *conn) bind(m *message, req *Request) {
	c.who, c.as = nil, ""
	req.Op = "bind"
	version, dn, auth, err := parseBind(m.op)
	if err != nil {
		c.s.record(req)
		c.answer(m, req, opBindResult, Result{Code: ldap.LDAPResultProtocolError, Message: err.Error()})
		return
	}
	req.DN, req.Mechanism = dn, "simple"
	if auth.Tag == 3 && len(auth.Children) > 0 {
		req.Mechanism = text(auth.Children[0])
	}
	c.s.record(req)
	var res Result
	switch f := c.s.faultsOf(c.number); {
	case f.RefuseBind != nil:
		c.s.fire("RefuseBind")
		res = *f.RefuseBind
	case version != 3:
		res = Result{Code: ldap.LDAPResultProtocolError, Message: "only version 3 is spoken here"}
	case auth.Tag == 0:
		res = c.bindSimple(dn, text(auth))
	default:
		res = c.bindExternal(req.Mechanism)
	}
	c.answer(m, req, opBindResult, res)
}

func parseBind(op *ber.Packet) (version int64, dn string, auth *ber.Packet, err error) {
	parts, err := children(op, 3)
	if err != nil {
		return 0, "", nil, err
	}
	version, err = number(parts[0])
	auth = parts[2]
	if err != nil || auth.ClassType != ber.ClassContext || auth.Tag != 0 && auth.Tag != 3 {
		return 0, "", nil, errMalformed
	}
	return version, text(parts[1]), auth, nil
}

func (c *conn) bindSimple(dn, password string) Result {
	normal, err := normalDN(dn)
	if err != nil {
		return Result{Code: ldap.LDAPResultInvalidDNSyntax, Message: "invalid DN"}
	}
	if normal == "" {
		if c.s.o.NoAnonymous {
			return Result{Code: ldap.LDAPResultInappropriateAuthentication, Message: "anonymous bind disallowed"}
		}
		return Result{}
	}
	// First of all, like real servers, although the password was already sent
	// unencrypted.
	if res, ok := c.admits(); !ok && res.Code == ldap.LDAPResultConfidentialityRequired {
		return res
	}
	if password == "" {
		return Result{Code: ldap.LDAPResultUnwillingToPerform, Message: "unauthenticated bind (DN with no password) disallowed"}
	}
	who := c.s.people[normal]
	if who == nil || who.Password == "" || who.Password != password {
		return Result{Code: ldap.LDAPResultInvalidCredentials}
	}
	c.who, c.as = who, who.DN
	return Result{}
}

// bindExternal takes the identity of the client from the socket or its certificate.
func (c *conn) bindExternal(mechanism string) Result {
	as := ""
	if _, ok := c.raw.(*net.UnixConn); ok {
		as = c.s.PeerDN()
	} else if t, ok := c.nc.(*tls.Conn); ok {
		if certs := t.ConnectionState().PeerCertificates; len(certs) > 0 {
			as = "cn=" + ldap.EscapeDN(certs[0].Subject.CommonName)
		}
	}
	if mechanism != "EXTERNAL" || as == "" {
		return Result{Code: ldap.LDAPResultAuthMethodNotSupported, Message: "SASL(-4): no mechanism available"}
	}
	normal, err := normalDN(as)
	if err != nil {
		return Result{Code: ldap.LDAPResultInvalidCredentials, Message: err.Error()}
	}
	c.who, c.as = c.s.people[normal], as
	return Result{}
}

// extended carries out StartTLS and Who am I.
func (c *conn) extended(m *message, req *Request) bool {
	req.Op = "extended"
	if len(m.op.Children) > 0 {
		req.OID = text(m.op.Children[0])
	}
	c.s.record(req)
	switch {
	case req.OID == oidWhoAmI:
		authzID := ""
		if c.as != "" {
			authzID = "dn:" + c.as
		}
		c.s.answered(req, 0, 0)
		_ = c.send(appendResult(nil, m.id, opExtendedResult, Result{}, appendString(nil, 0x8b, authzID), nil))
	case req.OID != oidStartTLS || c.s.tls == nil:
		c.answer(m, req, opExtendedResult, Result{Code: ldap.LDAPResultProtocolError, Message: "unsupported extended operation"})
	case c.isTLS():
		c.answer(m, req, opExtendedResult, Result{Code: ldap.LDAPResultOperationsError, Message: "TLS already started"})
	default:
		c.quiet()
		// Data sent unencrypted after the request must not count as protected.
		if c.r.Buffered() > 0 {
			return false
		}
		c.s.answered(req, 0, 0)
		if c.send(appendResult(nil, m.id, opExtendedResult, Result{}, appendString(nil, 0x8a, oidStartTLS), nil)) != nil {
			return false
		}
		return c.startTLS()
	}
	return true
}
