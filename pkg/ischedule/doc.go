// Package ischedule queries calendar servers for free/busy over HTTP, as
// draft-desruisseaux-ischedule (CalConnect 51010) specifies and as Calendar
// Server 6 and 7 query each other.
//
// Client.Capabilities asks what a peer supports, and Client.FreeBusy asks when
// people are busy. Client.GetFreeBusy asks the same about one person over
// another protocol, WCAP, in which Calendar Server 6 redirects to Calendar
// Server 7. Requests are strict. Responses are accepted in the namespace of the
// draft, in that of CalDAV (RFC 6638), in no namespace, or as a bare iCalendar
// object. Every failure is an *Error, whose Kind and Hint say where to look.
//
// The package guarantees that each person asked about is in the answer, even if
// the peer returned nothing for that person; that busy times it cannot parse are
// reported, not silently dropped; that a query is sent to a second URL only
// after a redirect status that permits it; and that no peer can make it panic,
// wait longer, or use more memory than the Options allow.
//
// It does not send invitations and signs nothing: peers that require DKIM reject
// its requests. It does not decide whom to ask or at which URL. Text from peers
// is passed on as received, shortened but with all its control characters: the
// caller must sanitize it before printing.
package ischedule
