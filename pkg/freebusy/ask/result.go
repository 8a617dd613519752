package ask

import (
	"slices"
	"time"

	"github.com/davadmin/davadmin/pkg/freebusy"
	"github.com/davadmin/davadmin/pkg/route"
)

// State says how much is known about a person's time.
type State string

// The states. The zero value is not a valid state, so that a Result that nobody filled in
// does not look like an answer.
const (
	Known   State = "known"   // the person is free whenever Busy says nothing
	Partial State = "partial" // the person is busy as Busy says, and possibly at other times
	Unknown State = "unknown" // nothing is known
)

// Reason classifies why a person is Unknown or Partial.
type Reason string

// The reasons. An error of a server is in Result.Err, as an *ischedule.Error.
const (
	NotAddress    Reason = "not-an-address"    // the text is not a mail address
	NoDirectory   Reason = "directory-failed"  // the directory could not be searched
	DirectoryPart Reason = "directory-partial" // parts of the directory could not be read, so the route may be wrong
	External      Reason = "external"          // the person is not in the directory, so there is no server to ask
	Ambiguous     Reason = "ambiguous"         // several entries have the address
	NoPeer        Reason = "no-server"         // the domain map names no server that can be asked
	LocalFailed   Reason = "local-failed"      // the store could not answer
	PeerFailed    Reason = "server-failed"     // the server did not answer, or not in a usable form
	NotAsked      Reason = "not-asked"         // an earlier request showed that the server cannot be reached
	Refused       Reason = "refused"           // the server answered, but not with busy times of this person
	DataInvalid   Reason = "data-invalid"      // a part of the busy times could not be read
)

// Result is what is known about one person.
type Result struct {
	Address string          // as given
	Route   *route.Decision // nil if there is no decision
	State   State
	Reason  Reason // "" if State is Known
	// Detail says in a few words what Reason means in this case. It may contain text of
	// a server with any characters, so it must be sanitised before it is printed.
	Detail string
	// Err is the error behind Reason; nil if it has no error behind it.
	Err error

	Busy []freebusy.Period // in any order; periods may overlap and may extend beyond the window

	Server   string        // the URL that answered or was asked last; "" if no other server was asked
	Requests int           // the number of requests about this person
	Took     time.Duration // from the start of the first request to the end of the last one
}

// Periods returns the merged periods of the person in a window. Unless the State is Known,
// all time that is not busy is Unknown.
func (r *Result) Periods(w freebusy.Window) []freebusy.Period {
	all := slices.Clone(r.Busy)
	if r.State != Known {
		all = append(all, freebusy.Period{Start: w.Start, End: w.End, Kind: freebusy.Unknown})
	}
	return freebusy.Merge(w, all)
}

// unknown returns a Result without any busy time.
func unknown(address string, d *route.Decision, why Reason, detail string, err error) Result {
	return Result{Address: address, Route: d, State: Unknown, Reason: why, Detail: detail, Err: err}
}

// doubt lowers a known result to a partial one if the directory was not read completely:
// the entry that was not read may have the same address, and then the person may be on
// another server.
func (r *Result) doubt() {
	if r.Route == nil || r.Route.Unread == 0 || r.State != Known {
		return
	}
	r.State, r.Reason = Partial, DirectoryPart
	r.Detail = "parts of the directory could not be read, so another server may have calendars of this person"
}
