package ldaptest

import (
	"time"
)

// Faults are the faults of a server. A fault after a number of entries replaces what
// would be sent next, an entry or a result; new(0) is before the first entry. The
// entries of a search are counted over all its pages. A fault that is not set does not
// happen.
//
// Faults of searches do not affect the root DSE and the schema entry, unless Match
// selects them.
type Faults struct {
	// FirstConnections restricts all faults to the first connections after the faults
	// were set; 0 means all connections.
	FirstConnections int
	// Match restricts the faults of searches to the requests for which it returns true.
	// It may be called by several goroutines at once.
	Match func(Request) bool

	CloseOnAccept bool    // every connection is closed immediately
	RefuseBind    *Result // the result of every bind

	DropAfter   *int // the connection is closed
	ResetAfter  *int // the connection is reset; entries that the client has not read yet may be lost
	NoticeAfter *int // the server sends a notice of disconnection (code 52) and disconnects
	// StallAfter leaves the connection open, but sends nothing more on it, for any
	// request.
	StallAfter *int
	// TruncateAfter sends half of the next message and closes the connection.
	TruncateAfter *int
	// GarbageAfter sends Garbage, and then nothing more, like StallAfter.
	GarbageAfter *int
	Garbage      []byte // nil: bytes that are not valid BER; see also HugeLength
	// ResultAfter ends the search with Result.
	ResultAfter *int
	Result      Result

	SlowEntries time.Duration // the delay of each entry
	// ReferenceEvery sends a search reference with the URLs in References after every
	// such number of entries. Entries of the class referral are sent as references,
	// too.
	ReferenceEvery int
	References     []string

	NoFinalControl bool // the last page has no paging control
	// CookieLostAfter is the number of pages after which a page has no paging control
	// although there are more entries.
	CookieLostAfter *int
	// DropAfterPages closes the connection after the result of this number of pages if
	// there are more entries; new(1) is after the first page.
	DropAfterPages *int
	// BadControl adds a paging control that cannot be decoded to every search result,
	// whether the client requested pages or not.
	BadControl bool
	// RepeatCookie returns the same cookie forever, and the first page for it.
	RepeatCookie bool

	// Faults of changes. Modify requests are counted from 1 since the faults were set,
	// over all connections, including refused requests; 0 means no fault.

	ReadOnly bool // changes are refused with code 53
	// ReferTo makes the server a replica: changes end with code 10 and these URLs. The
	// DN of the entry is appended to a URL without a DN.
	ReferTo []string
	// RefuseDNs are the DNs of entries whose changes are refused with code 50.
	RefuseDNs []string
	// RefuseModify returns the result of a change of the entry, instead of making it; nil
	// makes the change. It may be called by several goroutines at once.
	RefuseModify func(dn string) *Result
	// BusyModify is the number of a modify request that is refused with code 51, as are
	// the BusyMore requests after it.
	BusyModify, BusyMore int

	DropBeforeModify int // the connection is closed, and nothing is changed
	DropAfterModify  int // the entry is changed, and the connection is closed without an answer
	// StallAfterModify changes the entry and then leaves the connection open, but sends
	// nothing more on it.
	StallAfterModify int

	// OnModify is called with the DN that the client sent, before the entry is read;
	// AfterModify when the change is made and the answer is not yet sent. A test can use
	// them to simulate changes by another client. They may be called by several
	// goroutines at once, and block only their connection.
	OnModify, AfterModify func(dn string)
}

// HugeLength returns the beginning of a message that claims a size of almost 2 GiB.
func HugeLength() []byte { return []byte{tagSequence, 0x84, 0x7f, 0xff, 0xff, 0xf0} }

// noBER is data with a length octet that X.690 forbids.
func noBER() []byte { return []byte{tagSequence, 0xff, 0xff, 0xff, 0xff, 0xff} }

// SetFaults sets the faults for all further requests.
func (s *Server) SetFaults(f Faults) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults, s.faultsSince, s.modifies = &f, s.accepted, 0
}

// Fired returns how often a fault happened. name is the name of its field in Faults.
// Fields such as FirstConnections and Match are not faults.
func (s *Server) Fired(name string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fired[name]
}

func (s *Server) fire(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fired[name]++
}

// faultsOf returns the faults that apply to the connection with that number.
func (s *Server) faultsOf(number int) *Faults {
	s.mu.Lock()
	defer s.mu.Unlock()
	if k := s.faults.FirstConnections; k > 0 && number > s.faultsSince+k {
		return &Faults{}
	}
	return s.faults
}

// strike carries out a fault that is due, and reports whether it ends the search.
func (s *search) strike() bool {
	f := s.faults
	switch {
	case s.due(f.DropAfter, "DropAfter"):
		s.flush()
		s.c.hangUp()
	case s.due(f.ResetAfter, "ResetAfter"):
		s.flush()
		s.c.reset()
	case s.due(f.NoticeAfter, "NoticeAfter"):
		s.out = appendNotice(s.out, Result{Code: 52, Message: "the server goes down"})
		s.flush()
		s.c.hangUp()
	case s.due(f.StallAfter, "StallAfter"):
		s.flush()
		s.c.stall()
	case s.due(f.GarbageAfter, "GarbageAfter"):
		garbage := f.Garbage
		if garbage == nil {
			garbage = noBER()
		}
		s.out = append(s.out, garbage...)
		s.flush()
		s.c.stall()
	case s.due(f.ResultAfter, "ResultAfter"):
		s.done(f.Result, nil)
	default:
		return false
	}
	return true
}

// due reports whether a fault after n entries is due now, and counts it.
func (s *search) due(n *int, name string) bool {
	if n == nil || *n != s.cu.sent {
		return false
	}
	s.c.s.fire(name)
	return true
}

// truncate truncates the last message, which begins at the given offset of the buffer,
// and closes the connection, if that fault is due.
func (s *search) truncate(from int) bool {
	if !s.due(s.faults.TruncateAfter, "TruncateAfter") {
		return false
	}
	s.out = s.out[:from+(len(s.out)-from)/2]
	s.flush()
	s.c.hangUp()
	return true
}
