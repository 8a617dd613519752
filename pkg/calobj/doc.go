// Package calobj turns iCalendar text into components of a store, and is the only way for a
// text into one: Put and Load call the store, and nothing else does.
//
// An [Object] is one calendar object resource (RFC 4791, 4.1): an event, task or journal
// entry with all its exceptions and the time zones that it needs. Parse reads its text and
// computes what a store keeps beside it: UID, type, status, transparency, and the span of
// time that contains all instances. The text itself is never changed.
//
// There are two ways to read. The strict one is for what a client wants to store: it refuses
// everything that a standard forbids and that has no certain meaning, and names the
// precondition of RFC 4791 that is violated. The lenient one is for what is there already,
// such as the content of a store or a file of another program: it keeps what has a UID
// and a type, with a list of the problems.
//
// Split divides a file with many events into objects. Respan computes the indexes of a
// store again after an algorithm has changed; see [SpanAlgorithm].
package calobj
