// Package recur computes when calendar components happen: recurrence rules (RFC 5545, 3.3.10,
// and RFC 7529), whole recurrence sets with exceptions and overrides, and time zones.
//
// A [Rule] works in civil time ([ical.Civil]), so an event at nine o'clock stays at nine
// o'clock when summer time begins. Instants appear only where a time zone is applied.
//
// A few bytes of text can describe more instances than any computer could list. Every
// computation therefore has a [Budget], counted in candidates, and none needs more memory than
// its answer. An iterator jumps to the time that is asked for, so the distance from the first
// instance does not matter.
package recur
