package ldaptest

import (
	"time"
)

// Faults say what goes wrong. Those that come after a number of entries come
// instead of whatever would be sent next, be it an entry or a result; new(0) is
// before the first entry. The entries of one search are counted over all its
// pages. Whatever is not set does not happen.
//
// Where the faults are about searches they leave the root and the schema entry
// alone, unless Match says otherwise.
type Faults struct {
	// FirstConnections limits all faults to that many connections, counted
	// from when the faults were set; 0 is all of them.
	FirstConnections int
	// Match limits the faults of searches to those it says true of. It may be
	// called from several goroutines.
	Match func(Request) bool

	CloseOnAccept bool    // the connection is closed as soon as it is there
	RefuseBind    *Result // every bind ends like this

	DropAfter   *int // the connection is closed
	ResetAfter  *int // the connection is reset; entries that the client has not read yet may be lost with it
	NoticeAfter *int // the server says that it disconnects (code 52), and does
	// StallAfter leaves the connection open, but nothing more is sent on it, on
	// whatever request.
	StallAfter *int
	// TruncateAfter sends half of what comes next, and closes the connection.
	TruncateAfter *int
	// GarbageAfter sends Garbage, and then nothing more, as StallAfter.
	GarbageAfter *int
	Garbage      []byte // nil: octets that are no BER at all; see also HugeLength
	// ResultAfter ends the search with Result.
	ResultAfter *int
	Result      Result

	SlowEntries time.Duration // how long each entry takes
	// ReferenceEvery sends a search reference with these URLs after each so
	// many entries. Entries of the class referral give references, too.
	ReferenceEvery int
	References     []string

	NoFinalControl bool // the last page has no paging control
	// CookieLostAfter is after how many good pages one has no paging control,
	// though more entries are there.
	CookieLostAfter *int
	// DropAfterPages closes the connection behind the result of so many pages,
	// when more entries are there; new(1) is after the first.
	DropAfterPages *int
	// BadControl puts a paging control that cannot be decoded into every
	// result of a search, whether the client asked for pages or not.
	BadControl bool
	// RepeatCookie gives the same cookie for ever, and the first page with it.
	RepeatCookie bool

	// Changes. Modifies are counted from 1 since the faults were set, over all
	// connections, those that are refused included; 0 is none of them.

	ReadOnly bool // changes end with code 53
	// ReferTo plays a replica: changes end with code 10 and these URLs. One that
	// names a server alone gets the name of the entry.
	ReferTo []string
	// RefuseDNs are entries whose changes end with code 50.
	RefuseDNs []string
	// BusyModify is answered with code 51, and so are the BusyMore modifies
	// behind it. Nothing is changed.
	BusyModify, BusyMore int

	DropBeforeModify int // the connection is closed, and nothing is changed
	DropAfterModify  int // the entry is changed, and the connection closed without an answer
	// StallAfterModify changes the entry, and then leaves the connection open,
	// but nothing more is sent on it.
	StallAfterModify int

	// OnModify is called with the name that the client sent, before the entry
	// is looked at; AfterModify when all is done but the answer. In them a test
	// does what somebody else does at the same time. They may be called from
	// several goroutines, and hold up nothing but the connection.
	OnModify, AfterModify func(dn string)
}

// HugeLength is the beginning of a message that claims to have almost 2 GiB.
func HugeLength() []byte { return []byte{tagSequence, 0x84, 0x7f, 0xff, 0xff, 0xf0} }

// noBER begins with a length octet that X.690 forbids.
func noBER() []byte { return []byte{tagSequence, 0xff, 0xff, 0xff, 0xff, 0xff} }

// SetFaults changes what goes wrong, for requests that come now.
func (s *Server) SetFaults(f Faults) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults, s.faultsSince, s.modifies = &f, s.accepted, 0
}

// Fired tells how often the fault of that name, which is the name of a field of
// Faults, happened. FirstConnections, Match and the like are no faults.
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

// faultsOf returns the faults that apply to the connection of that number.
func (s *Server) faultsOf(number int) *Faults {
	s.mu.Lock()
	defer s.mu.Unlock()
	if k := s.faults.FirstConnections; k > 0 && number > s.faultsSince+k {
		return &Faults{}
	}
	return s.faults
}

// strike does what is due now, and tells whether the search is over with it.
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

// due tells whether a fault that comes after n entries comes now, and counts it.
func (s *search) due(n *int, name string) bool {
	if n == nil || *n != s.cu.sent {
		return false
	}
	s.c.s.fire(name)
	return true
}

// truncate cuts the message that was written last, from the given offset of
// the buffer on, and hangs up, if that fault is due.
func (s *search) truncate(from int) bool {
	if !s.due(s.faults.TruncateAfter, "TruncateAfter") {
		return false
	}
	s.out = s.out[:from+(len(s.out)-from)/2]
	s.flush()
	s.c.hangUp()
	return true
}
