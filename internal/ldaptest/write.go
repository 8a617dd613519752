package ldaptest

import (
	"net/url"
	"slices"
	"strings"
	"time"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"

	"github.com/davadmin/davadmin/pkg/ldif"
)

// write is an operation that changes an entry. The reader of the connection carries it
// out, so that later requests see the change.
type write struct {
	c      *conn
	m      *message
	req    *Request
	faults *Faults
	count  int // number of the modify request since the faults were set; 0 for other operations

	name      string // normal
	manage    bool   // treat referral entries like other entries
	assertion *filter
	preRead   *selection // nil without that control
	edits     []edit     // of a modify request; for an add request, the attributes to add

	controls []byte // of the answer
}

// write parses a request, carries it out and answers it.
func (c *conn) write(m *message, req *Request, op string) {
	req.Op = op
	w := &write{c: c, m: m, req: req, faults: c.s.faultsOf(c.number)}
	res := w.parse()
	c.s.record(req)
	if op == "modify" {
		w.count = c.s.countModify()
	}
	if w.strikeBefore() {
		return
	}
	if res == nil {
		res = w.refused()
	}
	if res == nil {
		w.hook(w.faults.OnModify)
		res = w.carryOut()
		w.hook(w.faults.AfterModify)
	}
	if w.strikeAfter() {
		return
	}
	c.s.answered(req, res.Code, 0)
	_ = c.send(appendResult(nil, m.id, byte(m.op.Tag)+1|0x60, *res, nil, w.controls)) // the tag of a response is that of its request plus 1
}

func (w *write) hook(f func(dn string)) {
	if w.req.Op == "modify" && f != nil {
		f(w.req.DN)
	}
}

// parse parses the request. It returns the result of an invalid one, or nil.
func (w *write) parse() *Result {
	srv := w.c.s
	if err := w.parseOperation(); err != nil {
		return refusal(ldap.LDAPResultProtocolError, "%v", err)
	}
	for _, m := range w.req.Changes {
		w.edits = append(w.edits, newEdit(m, srv.types))
	}
	name, err := normalDN(w.req.DN)
	if err != nil {
		return refusal(ldap.LDAPResultInvalidDNSyntax, "invalid DN")
	}
	w.name, w.manage = name, w.m.control(oidManageDSAIT) != nil
	if res := srv.critical(w.m, w.req.Op); res != nil {
		return res
	}
	if res := w.parseControls(); res != nil {
		return res
	}
	return srv.types.check(w.edits, srv.o.EvaluateUnknown)
}

func (w *write) parseOperation() error {
	if w.req.Op == "delete" {
		w.req.DN = text(w.m.op)
		return nil
	}
	parts, err := children(w.m.op, 2)
	if err != nil {
		return err
	}
	w.req.DN = text(parts[0])
	for _, p := range parts[1].Children {
		m, err := w.parseModification(p)
		if err != nil {
			return err
		}
		w.req.Changes = append(w.req.Changes, m)
	}
	return nil
}

// parseModification parses an element of a modify request, or an attribute of an
// add request.
func (w *write) parseModification(p *ber.Packet) (m ldif.Modification, err error) {
	if w.req.Op == "modify" {
		parts, err := children(p, 2)
		if err != nil {
			return m, err
		}
		n, err := number(parts[0])
		if err != nil {
			return m, err
		}
		if n < int64(ldif.OpAdd) || n > int64(ldif.OpReplace) {
			return m, errMalformed
		}
		m.Op = ldif.Op(n)
		p = parts[1]
	}
	parts, err := children(p, 2)
	if err != nil {
		return m, err
	}
	m.Name = text(parts[0])
	for _, v := range parts[1].Children {
		m.Values = append(m.Values, []byte(text(v)))
	}
	return m, nil
}

// refused returns the result for a change that is refused whatever the entry contains,
// or nil.
func (w *write) refused() *Result {
	c, srv := w.c, w.c.s
	if res, ok := c.admits(); !ok {
		return &res
	}
	switch {
	case w.name == "" || w.name == srv.subschema.normal:
		return refusal(ldap.LDAPResultUnwillingToPerform, "modification of this entry is not supported")
	case srv.o.Generate != nil:
		return refusal(ldap.LDAPResultUnwillingToPerform, "generated entries cannot be changed")
	case !slices.ContainsFunc(srv.suffixes, func(suffix string) bool { return below(w.name, suffix) }):
		return refusal(ldap.LDAPResultUnwillingToPerform, "no global superior knowledge")
	case c.as == "":
		return refusal(ldap.LDAPResultStrongAuthRequired, "modifications require authentication")
	}
	if res := w.refusedByFault(); res != nil {
		return res
	}
	return checkFixed(w.edits)
}

// denied reports whether the client has no right to change the entry.
func (w *write) denied() bool { return w.c.who != nil && w.c.who.ReadOnly || w.deniedByFault() }

// carryOut changes the entry, if it exists and the assertion holds.
func (w *write) carryOut() *Result {
	srv := w.c.s
	srv.tree.changing.Lock()
	defer srv.tree.changing.Unlock()
	if res := srv.referralFor(w.name, w.manage); res != nil {
		return res
	}
	r := srv.tree.get(w.name)
	switch {
	case r == nil && w.req.Op != "add":
		return srv.noSuchObject(w.name)
	case w.assertion != nil && w.assertion.eval(r) != yes:
		return refusal(ldap.LDAPResultAssertionFailed, "")
	case w.denied():
		return refusal(ldap.LDAPResultInsufficientAccessRights, "no write access to this entry")
	}
	var res *Result
	switch w.req.Op {
	case "add":
		return w.add()
	case "delete":
		res = w.delete()
	default:
		res = w.modify(r)
	}
	if res.Code == 0 && w.preRead != nil {
		w.controls = appendControl(w.controls, oidPreRead, w.preRead.appendContent(nil, r))
	}
	return res
}

func (w *write) modify(r *record) *Result {
	srv := w.c.s
	d, res := srv.types.change(r, w.edits)
	if res != nil {
		return res
	}
	srv.touch(&d, w.c.as)
	srv.tree.put(newRecord(d.entry(r.dn), srv.types))
	return &Result{}
}

func (w *write) add() *Result {
	srv := w.c.s
	var d draft
	for _, e := range w.edits {
		if d.find(e.desc) >= 0 {
			return refusal(ldap.LDAPResultAttributeOrValueExists, "attribute '%s' provided more than once", e.Name)
		}
		d.set(e.desc, e.values)
	}
	for _, a := range srv.types.naming(w.req.DN) {
		if i := d.find(a.desc); i < 0 {
			d.set(a.desc, []string{a.value})
		} else if !d.holds(a.desc, a.value) {
			d[i].values = append(d[i].values, a.value)
		}
	}
	up := parentDN(w.name)
	switch {
	case srv.tree.get(w.name) != nil:
		return refusal(ldap.LDAPResultEntryAlreadyExists, "")
	case !slices.Contains(srv.suffixes, w.name) && srv.tree.get(up) == nil && !srv.tree.hasBelow(up):
		return srv.noSuchObject(w.name)
	}
	if srv.o.Timestamps {
		d.set(srv.types.describe("createTimestamp"), []string{timestamp()})
		d.set(srv.types.describe("creatorsName"), []string{w.c.as})
	}
	srv.touch(&d, w.c.as)
	srv.tree.put(newRecord(d.entry(w.req.DN), srv.types))
	return &Result{}
}

func (w *write) delete() *Result {
	if w.c.s.tree.hasBelow(w.name) {
		return refusal(ldap.LDAPResultNotAllowedOnNonLeaf, "subordinate objects must be deleted first")
	}
	w.c.s.tree.remove(w.name)
	return &Result{}
}

// touch records in the entry who changed it and when; as is empty for an anonymous
// client.
func (s *Server) touch(d *draft, as string) {
	for _, a := range [][2]string{{"modifyTimestamp", timestamp()}, {"modifiersName", as}} {
		desc := s.types.describe(a[0])
		if a[1] != "" && (s.o.Timestamps || d.find(desc) >= 0) {
			d.set(desc, []string{a[1]})
		}
	}
}

func timestamp() string { return time.Now().UTC().Format("20060102150405Z") }

// referTo returns the URLs of the entry on the servers with these URLs, like slapd.
func referTo(urls []string, dn string) []string {
	out := make([]string, len(urls))
	for i, u := range urls {
		out[i] = u
		if _, rest, _ := strings.Cut(u, "://"); !strings.Contains(strings.TrimSuffix(rest, "/"), "/") {
			out[i] = strings.TrimSuffix(u, "/") + (&url.URL{Path: "/" + dn}).EscapedPath()
		}
	}
	return out
}
