// Package route decides where the calendars of one person are while two
// calendar servers share a directory: on the new server, on the old server, or
// outside the directory.
//
// It decides as the new server does (Calendar Server 7.0.5 Installation and
// Configuration Guide, chapter 10), and it explains the decision: each step with
// the value that decided it, the URL that would be queried for free/busy, and how
// an invitation would be delivered. All code that needs this decision uses this
// package, so that there is one answer.
//
// It does not contact any calendar server, and it changes nothing.
package route
