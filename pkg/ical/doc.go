// Package ical reads, checks, edits and writes iCalendar objects (RFC 5545, RFC 7986) without
// losing a byte.
//
// A [Component] keeps the text of each of its lines. What is not edited is written back as it
// was received: folds, line endings, case, the order of lines, unknown properties and blank
// lines included. Only the lines of edited properties are folded again. Nothing is corrected on
// reading; what is wrong is reported as a list of [Problem]s.
//
// A [Component] and its properties may be read by several goroutines at a time, and changed
// only by one that nobody else shares them with. Functions are safe for concurrent use.
//
// The package knows no instances and no time zones; those are in pkg/recur.
package ical
