// Package ldaptest is an LDAP server inside the test process, for tests of
// what reads or changes a directory.
//
// It promises to answer as real directories do: filters with the three-valued
// logic and the matching rules of its schema, scopes, selection of attributes,
// paging with opaque cookies, StartTLS, ldaps and ldapi, and the limits that
// an ordinary user meets and a manager does not. And it fails on demand, in
// every way in which a search can end short (Faults), counts how often it did,
// and tells what it was asked (Log).
//
// Who has bound may change it, as RFC 4511 has it, with the assertion and
// pre-read controls: entries are modified, added, and deleted where nothing is
// below them. A modify sees the entry as it is then and makes all its changes or
// none; values are compared by the rule of their attribute, and have to have its
// syntax. A test can change entries beside that (Replace, Put, Remove).
//
// It is not for production, not a judge of performance, and no replacement for
// a test against the real servers: there is no access control, an entry may have
// any attributes whatever its classes, nothing is renamed or compared, aliases
// are not followed, and a filter does not know that a class or type is derived
// from another.
package ldaptest

import (
	"crypto/tls"
	"iter"
	"slices"
)

// Options describe a server. The zero value serves an empty directory to
// everybody over ldap.
type Options struct {
	// Entries are the directory, or its first part. They are served in this order.
	Entries []Entry
	// Generate makes more entries, after Entries. It is run anew for each
	// search, perhaps by several at a time, and nothing that it yields is kept.
	Generate iter.Seq[Entry]
	// Suffixes are the naming contexts of the root entry. Without any they are
	// the entries among Entries that have no other one above them.
	Suffixes []string

	// Schema is published and decides how values match; nil is DefaultSchema.
	Schema *Schema
	// Operational names attributes that are sent only when asked for by name
	// or by "+", besides those that the schema says are.
	Operational []string
	// EvaluateUnknown makes filters work on attribute types that the schema
	// does not have, as 389 Directory Server does. Otherwise such a filter,
	// and its negation, selects nothing, as with OpenLDAP; and Entries must
	// not have such attributes.
	EvaluateUnknown bool
	// RootDSE replaces attributes of the root entry, or adds to them. An
	// attribute without values takes the one of that name away.
	RootDSE []Attr
	// NoPaging makes the paged results control one that the server does not
	// know, NoAssertion and NoPreRead those of RFC 4528 and RFC 4527.
	NoPaging, NoAssertion, NoPreRead bool
	// Timestamps keeps up in all entries by whom and when they were changed.
	// Without it that is done where an entry has such attributes already.
	Timestamps bool

	// Identities may bind with a password.
	Identities []Identity
	// NoAnonymous refuses to serve clients that did not bind, the root entry excepted.
	NoAnonymous bool
	// AnonymousLimits are those of clients that did not bind.
	AnonymousLimits Limits
	// RequireTLS refuses to serve clients over an unprotected connection.
	RequireTLS bool

	// Listen is the address for ldap; without it the system finds a port on
	// 127.0.0.1, as it does for ldaps.
	Listen string
	// TLS makes the server speak ldaps, and StartTLS on its other address.
	TLS bool
	// RSA takes keys of that kind, for the key exchanges of old.
	RSA bool
	// TLSConfig may change how the server speaks TLS.
	TLSConfig func(*tls.Config)
	// Unix makes the server listen on a socket in the file system, too.
	Unix bool

	// Faults are what goes wrong; SetFaults can change them later.
	Faults Faults
}

// Entry is an entry of the directory.
type Entry struct {
	DN    string
	Attrs []Attr
}

// Attr is an attribute with its values, sent in this spelling and order.
type Attr struct {
	Name   string
	Values []string
}

// NewEntry makes an entry of alternating names and values; one name may come
// several times.
func NewEntry(dn string, namesAndValues ...string) Entry {
	e := Entry{DN: dn}
	for pair := range slices.Chunk(namesAndValues, 2) {
		if len(pair) == 1 {
			panic("ldaptest: the last attribute of " + dn + " has no value")
		}
		i := slices.IndexFunc(e.Attrs, func(a Attr) bool { return a.Name == pair[0] })
		if i < 0 {
			i = len(e.Attrs)
			e.Attrs = append(e.Attrs, Attr{Name: pair[0]})
		}
		e.Attrs[i].Values = append(e.Attrs[i].Values, pair[1])
	}
	return e
}

// Identity is somebody who may bind.
type Identity struct {
	DN       string
	Password string // empty: only by EXTERNAL
	Limits   Limits
	ReadOnly bool // changes end with code 50
}

// Limits are what a server grants one identity; zero is no limit. A limit that
// is reached exactly is no failure.
type Limits struct {
	// Size is how many entries a search gives before it ends with code 4, all
	// pages taken together, as OpenLDAP has it.
	Size int
	// SizePerPage counts Size for each page anew, as 389 Directory Server does.
	SizePerPage bool
	// LookThrough is how many entries a search may look at, all pages taken
	// together, before it ends with code 11. Equality filters look only at
	// what they find, as if all attributes were indexed.
	LookThrough int
}

// Result is how an operation ends.
type Result struct {
	Code      int // as in RFC 4511, or go-ldap's LDAPResult constants
	Message   string
	MatchedDN string
	Referrals []string // for code 10
}
