package ldaptest

import (
	"slices"

	"github.com/davadmin/davadmin/pkg/ldif"
)

// Request is what a client asked for, and how it was answered.
type Request struct {
	Connection int    // from 1, in the order in which they came
	ID         int64  // the message ID
	Op         string // bind, unbind, search, modify, add, delete, modifydn, compare, abandon or extended
	As         string // the DN that the client was bound as, empty if as nobody
	TLS        bool

	DN        string // who binds, the base of a search, or the entry that is to be changed
	Mechanism string // of a bind: simple, or that of SASL
	OID       string // of an extended operation

	Scope      int // of a search, as the rest
	Deref      int
	SizeLimit  int
	TimeLimit  int
	TypesOnly  bool
	Filter     string
	Attributes []string

	Changes   []ldif.Modification // of a modify; for an add, one addition for each attribute
	Assertion string              // the filter of that control
	PreRead   []string            // the attributes of that control

	Controls []Control

	// Answered is whether a result was sent; until then the search may be going on.
	Answered bool
	Code     int // of the result
	Entries  int // sent by this search or page
}

// Control is a control that came with a request.
type Control struct {
	OID      string
	Critical bool
	Value    []byte
	PageSize int    // of the paged results control
	Cookie   []byte // of the paged results control
}

// Log returns all that clients asked for so far, in the order in which it came.
func (s *Server) Log() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]Request, len(s.log))
	for i, r := range s.log {
		out[i] = *r
	}
	return out
}

// Searches is Log without all that is no search or reads the root or the
// schema entry.
func (s *Server) Searches() []Request {
	return slices.DeleteFunc(s.Log(), func(r Request) bool { return r.Op != "search" || s.isSpecial(r.DN, r.Scope) })
}

func (s *Server) record(r *Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log = append(s.log, r)
}

func (s *Server) answered(r *Request, code, entries int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r.Answered, r.Code, r.Entries = true, code, entries
}
