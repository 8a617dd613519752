// Package route decides where the calendars of one person are while two
// calendar servers share a directory: on the new server, on the old one, or
// outside.
//
// It decides as the new server does (Calendar Server 7.0.5 Installation and
// Configuration Guide, chapter 10), and it says how: each step with the value
// that decided it, the URL that would be asked for free/busy, and how an
// invitation would travel. Everything that needs this decision asks here, so
// that there is one answer.
//
// It talks to no calendar server, and it changes nothing.
package route
