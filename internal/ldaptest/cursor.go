package ldaptest

import (
	"context"
	"crypto/rand"
	"iter"
	"slices"

	"github.com/go-ldap/ldap/v3"
)

// source yields records until it returns false.
type source struct {
	next func() (*record, bool)
	stop func()
}

// slotSource yields the record that each slot has when its turn comes.
func slotSource(slots []*slot) source {
	i := 0
	return source{
		next: func() (*record, bool) {
			for ; i < len(slots); i++ {
				if r := slots[i].Load(); r != nil {
					i++
					return r, true
				}
			}
			return nil, false
		},
		stop: func() {},
	}
}

// recordSource yields one record.
func recordSource(r *record) source {
	s := &slot{}
	s.Store(r)
	return slotSource([]*slot{s})
}

// cursor is the position of a search. It is kept between pages.
type cursor struct {
	q       *query
	src     source
	pending *record // found, and kept for the next page
	sent    int     // number of entries sent, over all pages
	pages   int     // number of pages with a cookie
	looked  int     // number of entries examined
	seen    bool    // an entry is at the base or below
}

// newCursor starts a search of the directory.
func (s *Server) newCursor(q *query) *cursor {
	cu := &cursor{q: q}
	if s.o.Generate == nil {
		slots := s.tree.all
		if q.scope == ldap.ScopeBaseObject {
			slots = func() []*slot { return s.tree.one(q.base) }
		}
		cu.src = slotSource(slots())
		return cu
	}
	held := slotSource(s.tree.all())
	next, stop := iter.Pull(s.o.Generate)
	cu.src = source{
		next: func() (*record, bool) {
			if r, ok := held.next(); ok {
				return r, true
			}
			e, ok := next()
			if !ok {
				return nil, false
			}
			return newRecord(e, s.types), true
		},
		stop: stop,
	}
	return cu
}

func (cu *cursor) stop() { cu.src.stop() }

// ending is the reason why a cursor ended.
type ending uint8

const (
	endNone    ending = iota
	endReached        // no more entries
	endLooked         // the look-through limit is reached
	endAborted        // the client abandoned the search
)

// next returns the next entry of the search.
func (cu *cursor) next(ctx context.Context, lookLimit int) (*record, ending) {
	if r := cu.pending; r != nil {
		cu.pending = nil
		return r, endNone
	}
	for i := 0; ; i++ {
		if i&0xff == 0xff && ctx.Err() != nil {
			return nil, endAborted
		}
		r, ok := cu.src.next()
		if !ok {
			return nil, endReached
		}
		cu.seen = cu.seen || below(r.normal, cu.q.base)
		if !inScope(r.normal, cu.q.base, cu.q.scope) {
			continue
		}
		if lookLimit > 0 && cu.q.filter.examines(r) {
			if cu.looked == lookLimit {
				return nil, endLooked
			}
			cu.looked++
		}
		if cu.q.isReferral(r) || cu.q.filter.eval(r) == yes {
			return r, endNone
		}
	}
}

// isReferral reports whether to send a reference instead of the entry.
func (q *query) isReferral(r *record) bool { return !q.manage && r.isReferral() }

func (r *record) isReferral() bool { return r.has("objectclass", "referral") }

// referralFor returns the result for a DN below a referral, or nil.
func (s *Server) referralFor(normal string, manage bool) *Result {
	for name := normal; name != "" && !manage; name = parentDN(name) {
		if r := s.tree.get(name); r != nil && r.isReferral() {
			return &Result{Code: ldap.LDAPResultReferral, MatchedDN: r.dn, Referrals: r.values("ref")}
		}
	}
	return nil
}

// missing returns the result when the base does not exist. A DN counts as existing
// when there are entries below it, because few tests create all the containers.
func (s *Server) missing(cu *cursor) *Result {
	base := cu.q.base
	if cu.seen || base == "" || s.tree.get(base) != nil || s.tree.hasBelow(base) || slices.Contains(s.suffixes, base) {
		return nil
	}
	return s.noSuchObject(base)
}

// noSuchObject returns the result for a DN without an entry.
func (s *Server) noSuchObject(normal string) *Result {
	res := &Result{Code: ldap.LDAPResultNoSuchObject}
	if up := s.tree.above(normal); up != nil {
		res.MatchedDN = up.dn
	}
	return res
}

// pageDone ends a page that is not the last one, and keeps the position.
func (s *search) pageDone() {
	cookie := s.newCookie()
	c := s.c
	s.cu.pages++
	pages := s.cu.pages // the next page may be requested as soon as this one is sent
	if s.faults.RepeatCookie {
		s.c.s.fire("RepeatCookie")
	} else {
		c.mu.Lock()
		c.cursors[cookie] = s.cu
		c.mu.Unlock()
		s.kept = true
	}
	if n := s.faults.CookieLostAfter; n != nil && *n == pages-1 {
		c.s.fire("CookieLostAfter")
		s.done(Result{}, nil)
		return
	}
	s.done(Result{}, pagingValue(cookie))
	if n := s.faults.DropAfterPages; n != nil && *n == pages {
		c.s.fire("DropAfterPages")
		c.hangUp()
	}
}

// newCookie returns a random cookie. It contains bytes that are damaged by a client that
// treats it as text.
func (s *search) newCookie() string {
	if s.faults.RepeatCookie {
		return "\x00the same\xff"
	}
	b := [10]byte{0: 0x00, 9: 0xff}
	_, _ = rand.Read(b[1:9]) // it never fails
	return string(b[:])
}
