// Package local computes when the accounts of a store are busy, from their calendars.
//
// The result consists of times and kinds only. It has no place for a title, a location or an
// attendee, so that whoever may see when a person is busy learns nothing else.
//
// What cannot be read is not free: its part of the window is freebusy.Unknown. The rules are
// in docs/decisions/0015-free-busy.md.
package local
