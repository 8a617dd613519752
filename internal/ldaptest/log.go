package ldaptest

import (
	"slices"

	"github.com/davadmin/davadmin/pkg/ldif"
)

// Request is a request of a client and its result.
type Request struct {
	Connection int    // number of the connection, from 1
	ID         int64  // the message ID
	Op         string // bind, unbind, search, modify, add, delete, modifydn, compare, abandon or extended
	As         string // the DN that the client was bound as, empty if anonymous
	TLS        bool

	DN        string // the bind DN, the base of a search, or the entry to change
	Mechanism string // of a bind: simple, or the SASL mechanism
	OID       string // of an extended operation

	Scope      int // of a search, like the following fields
	Deref      int
	SizeLimit  int
	TimeLimit  int
	TypesOnly  bool
	Filter     string
	Attributes []string

	Changes   []ldif.Modification // of a modify; for an add, one addition for each attribute
	Assertion string              // the filter of the assertion control
	PreRead   []string            // the attributes of the pre-read control

	Controls []Control

	// Answered is set when a result was sent. Until then a search may be running.
	Answered bool
	Code     int // of the result
	Entries  int // number of entries sent by this search or page
}

// Control is a control that came with a request.
type Control struct {
	OID      string
	Critical bool
	Value    []byte
	PageSize int    // of the paged results control
	Cookie   []byte // of the paged results control
}

// Log returns all requests so far, in the order in which they arrived.
func (s *Server) Log() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]Request, len(s.log))
	for i, r := range s.log {
		out[i] = *r
	}
	return out
}

// Searches returns the searches in the log, except those for the root DSE or the schema
// entry.
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
