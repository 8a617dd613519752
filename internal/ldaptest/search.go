package ldaptest

import (
	"context"
	"fmt"
	"time"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"
)

// query is the part of a search that all its pages share.
type query struct {
	base   string // normal
	scope  int
	filter *filter
	manage bool   // treat referral entries like other entries
	key    string // equal for two pages of the same search
}

// search is one search operation, possibly one page of a longer search.
type search struct {
	c      *conn
	m      *message
	req    *Request
	ctx    context.Context
	q      *query
	sel    *selection
	limits Limits
	faults *Faults
	page   *Control // nil when the client did not request pages

	deadline time.Time // zero: none
	cu       *cursor
	kept     bool // cu, for the next page
	out      []byte
	here     int // number of entries sent by this operation
}

// flushAt is the amount of buffered output at which it is sent.
const flushAt = 32 << 10

// search parses the request and starts to answer it.
func (c *conn) search(m *message, req *Request) {
	req.Op = "search"
	s := &search{c: c, m: m, req: req, limits: c.limits(), faults: &Faults{}}
	rejected := s.parse()
	c.s.record(req)
	if rejected == nil {
		rejected = s.open()
	}
	if rejected != nil {
		c.answer(m, req, opSearchDone, *rejected)
		return
	}
	ctx, stop := context.WithCancel(c.ctx)
	s.ctx = ctx
	if req.TimeLimit > 0 {
		s.deadline = time.Now().Add(time.Duration(req.TimeLimit) * time.Second)
	}
	c.mu.Lock()
	c.running[m.id] = stop
	c.mu.Unlock()
	c.searches.Go(func() {
		defer func() {
			stop()
			c.mu.Lock()
			delete(c.running, m.id)
			c.mu.Unlock()
		}()
		s.run()
	})
}

// parse parses the request. It returns the result of an invalid one, or nil.
func (s *search) parse() *Result {
	malformed := &Result{Code: ldap.LDAPResultProtocolError, Message: errMalformed.Error()}
	p, err := children(s.m.op, 8)
	if err != nil {
		return malformed
	}
	numbers := [4]int64{}
	for i := range numbers {
		if numbers[i], err = number(p[i+1]); err != nil {
			return malformed
		}
	}
	r := s.req
	r.DN = text(p[0])
	r.Scope, r.Deref, r.SizeLimit, r.TimeLimit = int(numbers[0]), int(numbers[1]), int(numbers[2]), int(numbers[3])
	r.TypesOnly = text(p[5]) != "\x00"
	for _, a := range p[7].Children {
		r.Attributes = append(r.Attributes, text(a))
	}
	return s.parseQuery(p[6])
}

func (s *search) parseQuery(filter *ber.Packet) *Result {
	srv, r := s.c.s, s.req
	f, err := parseFilter(filter, srv.types, srv.o.EvaluateUnknown)
	if err != nil {
		return &Result{Code: ldap.LDAPResultProtocolError, Message: err.Error()}
	}
	r.Filter = f.String()
	base, err := normalDN(r.DN)
	if err != nil {
		return &Result{Code: ldap.LDAPResultInvalidDNSyntax, Message: "invalid DN"}
	}
	s.q = &query{
		base: base, scope: r.Scope, filter: f, manage: s.m.control(oidManageDSAIT) != nil,
		key: fmt.Sprintf("%s %d %s %q %t", base, r.Scope, r.Filter, r.Attributes, r.TypesOnly),
	}
	s.sel = newSelection(r.Attributes, r.TypesOnly, srv.types)
	if res := srv.critical(s.m, "search"); res != nil {
		return res
	}
	if !srv.o.NoPaging {
		s.page = s.m.control(oidPaging)
	}
	// RFC 2696: the whole result fits into one page.
	if s.page != nil && r.SizeLimit > 0 && s.page.PageSize >= r.SizeLimit {
		s.page = nil
	}
	return nil
}

// open sets the position of the search: the start, or the end of the previous page.
func (s *search) open() *Result {
	srv := s.c.s
	special := srv.special(s.req.DN, s.req.Scope)
	if f := srv.faultsOf(s.c.number); f.Match == nil && special == nil || f.Match != nil && f.Match(*s.req) {
		s.faults = f
	}
	if special != srv.rootDSE || special == nil {
		if res, ok := s.c.admits(); !ok {
			return &res
		}
	}
	if special != nil {
		s.limits = Limits{}
		s.cu = &cursor{q: s.q, src: recordSource(special)}
		return nil
	}
	if s.page != nil && len(s.page.Cookie) > 0 && !s.faults.RepeatCookie {
		return s.resume()
	}
	if res := srv.referralFor(s.q.base, s.q.manage); res != nil {
		return res
	}
	s.cu = srv.newCursor(s.q)
	return nil
}

// resume continues where the previous page ended. A cookie is valid once, for the same
// search on the same connection.
func (s *search) resume() *Result {
	c, cookie := s.c, string(s.page.Cookie)
	c.mu.Lock()
	defer c.mu.Unlock()
	cu := c.cursors[cookie]
	if cu == nil || cu.q.key != s.q.key {
		return &Result{Code: ldap.LDAPResultUnwillingToPerform, Message: "paged results cookie is invalid or old"}
	}
	delete(c.cursors, cookie)
	s.cu = cu
	return nil
}

// run sends entries until something ends the search.
func (s *search) run() {
	defer func() {
		if !s.kept {
			s.cu.stop()
		}
	}()
	if s.page != nil && s.page.PageSize == 0 && len(s.page.Cookie) > 0 {
		// The client has abandoned the search.
		s.done(Result{}, pagingValue(""))
		return
	}
	for s.ctx.Err() == nil && !s.strike() {
		if !s.deadline.IsZero() && time.Now().After(s.deadline) {
			s.done(Result{Code: ldap.LDAPResultTimeLimitExceeded}, nil)
			return
		}
		r, end := s.cu.next(s.ctx, s.limits.LookThrough)
		switch {
		case end == endAborted:
		case end == endLooked:
			s.done(Result{Code: ldap.LDAPResultAdminLimitExceeded}, nil)
			return
		case end == endReached:
			s.exhausted()
			return
		case s.pageFull():
			s.cu.pending = r
			s.pageDone()
			return
		case s.full():
			s.done(Result{Code: ldap.LDAPResultSizeLimitExceeded}, nil)
			return
		case !s.put(r):
			return
		}
	}
}

func (s *search) pageFull() bool {
	return s.page != nil && s.page.PageSize > 0 && s.here >= s.page.PageSize
}

// full reports whether a limit forbids another entry.
func (s *search) full() bool {
	count := s.cu.sent
	if s.limits.SizePerPage {
		count = s.here
	}
	return s.limits.Size > 0 && count >= s.limits.Size || s.req.SizeLimit > 0 && count >= s.req.SizeLimit
}

// put writes an entry, or a reference instead of it, and reports whether the search
// continues.
func (s *search) put(r *record) bool {
	if s.faults.SlowEntries > 0 && !s.wait(s.faults.SlowEntries) {
		return false
	}
	from := len(s.out)
	if s.q.isReferral(r) {
		s.out = appendReference(s.out, s.m.id, r.values("ref"))
		return s.flushIfLarge()
	}
	s.out = s.sel.appendEntry(s.out, s.m.id, r)
	if s.truncate(from) {
		return false
	}
	s.cu.sent++
	s.here++
	if n := s.faults.ReferenceEvery; n > 0 && s.cu.sent%n == 0 {
		s.c.s.fire("ReferenceEvery")
		s.out = appendReference(s.out, s.m.id, s.faults.References)
	}
	return s.flushIfLarge()
}

// wait sends the buffered output and then waits.
func (s *search) wait(d time.Duration) bool {
	s.flush()
	s.c.s.fire("SlowEntries")
	select {
	case <-time.After(d):
		return true
	case <-s.ctx.Done():
		return false
	}
}

func (s *search) flushIfLarge() bool {
	return len(s.out) < flushAt || s.flush()
}

func (s *search) flush() bool {
	if len(s.out) == 0 {
		return true
	}
	err := s.c.send(s.out)
	s.out = s.out[:0]
	return err == nil
}

// exhausted ends a search that has nothing more to send.
func (s *search) exhausted() {
	if res := s.c.s.missing(s.cu); res != nil {
		s.done(*res, nil)
		return
	}
	switch {
	case s.page == nil:
		s.done(Result{}, nil)
	case s.faults.RepeatCookie:
		s.pageDone()
	case s.faults.NoFinalControl:
		s.c.s.fire("NoFinalControl")
		s.done(Result{}, nil)
	default:
		s.done(Result{}, pagingValue(""))
	}
}

// done sends the result, with a paging control if it has a value for it.
func (s *search) done(res Result, paging []byte) {
	var controls []byte
	switch {
	case s.faults.BadControl:
		s.c.s.fire("BadControl")
		controls = appendPaging(nil, noBER())
	case paging != nil:
		controls = appendPaging(nil, paging)
	}
	from := len(s.out)
	s.out = appendResult(s.out, s.m.id, opSearchDone, res, nil, controls)
	if s.truncate(from) {
		return
	}
	s.c.s.answered(s.req, res.Code, s.here)
	s.flush()
}
