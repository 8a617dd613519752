package freebusy

import (
	"strings"
	"time"
)

// Kind says how a time is taken. A higher kind hides a lower one at the same time.
type Kind uint8

// The kinds, with their FBTYPE (RFC 5545, section 3.2.9).
const (
	Free        Kind = iota // FREE; lists of periods leave such times out
	Unknown                 // nothing is known; X-UNKNOWN, which readers must treat as BUSY
	Tentative               // BUSY-TENTATIVE
	Unavailable             // BUSY-UNAVAILABLE
	Busy                    // BUSY
)

// kinds is the number of kinds.
const kinds = int(Busy) + 1

// FBType returns the value of the parameter FBTYPE.
func (k Kind) FBType() string {
	switch k {
	case Free:
		return "FREE"
	case Unknown:
		return "X-UNKNOWN"
	case Tentative:
		return "BUSY-TENTATIVE"
	case Unavailable:
		return "BUSY-UNAVAILABLE"
	}
	return "BUSY"
}

// String returns the name of the kind in lower case, such as "tentative".
func (k Kind) String() string {
	switch k {
	case Free:
		return "free"
	case Unknown:
		return "unknown"
	case Tentative:
		return "tentative"
	case Unavailable:
		return "unavailable"
	}
	return "busy"
}

// ParseFBType returns the kind of a value of FBTYPE, in any letter case. A value that is
// not known, and "", mean Busy: RFC 5545, section 3.2.9.
func ParseFBType(s string) Kind {
	for _, k := range []Kind{Free, Unknown, Tentative, Unavailable} {
		if strings.EqualFold(s, k.FBType()) {
			return k
		}
	}
	return Busy
}

// Window is a time range from Start up to but not including End.
type Window struct{ Start, End time.Time }

// Period is a time from Start up to but not including End.
type Period struct {
	Start, End time.Time
	Kind       Kind
}
