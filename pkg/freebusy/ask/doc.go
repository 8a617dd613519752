// Package ask finds out when several people are busy, wherever their calendars are:
// on this server, on an old server that answers iSchedule, or elsewhere.
//
// Where a person is asked about is decided by pkg/route, so that it is the decision
// that 'coexist explain' explains. People of one server are asked about in one
// request, in portions, and different servers are asked at the same time.
//
// The package guarantees that each person has exactly one Result, and that a person is
// free at a time only if a server said so: whoever could not be asked about is Unknown,
// with the reason, and an answer that could be read only in part is Partial.
package ask
