// Package ischedule asks calendar servers for free/busy over HTTP, as
// draft-desruisseaux-ischedule (CalConnect 51010) describes it and as Calendar
// Server 6 and 7 do it between each other.
//
// Client.Capabilities asks what a peer can do, Client.FreeBusy when people are
// busy. Client.GetFreeBusy asks that about one person in another language, WCAP,
// in which Calendar Server 6 refers to Calendar Server 7. What is sent is strict.
// What is read may be in the namespace of the draft, in that of CalDAV (RFC 6638)
// or in none, or be a bare iCalendar object. Whatever goes wrong is an *Error,
// whose Kind and Hint say where to look.
//
// It promises that each person asked about is in the answer, if only as one for
// whom the peer had none; that busy times that cannot be read are reported and
// not left out in silence; that a question is not sent to a second place unless
// the peer asks for it with a status that means so; and that no peer makes it
// panic, wait longer, or hold more than the Options allow.
//
// It is not for invitations, and signs nothing: peers that insist on DKIM refuse
// it. It decides neither whom to ask nor where. Texts of peers are handed on
// as they came, shortened but with all their control characters: whoever prints
// them makes them harmless.
package ischedule
