// Package ldaptest is an LDAP server inside the test process, for testing code that
// reads or changes a directory.
//
// It answers like real directories: it has filters with three-valued logic and the
// matching rules of its schema, scopes, selection of attributes, paging with opaque
// cookies, StartTLS, ldaps and ldapi, and limits that apply to ordinary users but not
// to a manager. It fails on demand, in every way in which a search can end early
// (Faults), counts these failures, and records all requests (Log).
//
// A client that has bound can change entries as described in RFC 4511, with the
// assertion and pre-read controls: it can modify, add, and delete entries that have no
// entries below them. A modify request is carried out completely or not at all; values
// are compared by the matching rule of their attribute and must have its syntax. A
// test can also change entries directly (Replace, Put, Remove).
//
// It is not for production, not for measuring performance, and does not replace a test
// with real servers: it has no access control, an entry can have any attributes
// whatever its classes, the operations to rename and compare entries are missing,
// aliases are not followed, and filters ignore that a class or type is derived from
// another one.
package ldaptest

import (
	"crypto/tls"
	"iter"
	"slices"
)

// Options are the options of a server. The zero value serves an empty directory to
// all clients over ldap.
type Options struct {
	// Entries are the entries of the directory, or its first part, in the order in
	// which they are returned.
	Entries []Entry
	// Generate generates more entries, after Entries. It is run again for each search,
	// possibly several times at once, and its entries are not kept.
	Generate iter.Seq[Entry]
	// Suffixes are the naming contexts of the root DSE. The default is the entries in
	// Entries that have no other one above them.
	Suffixes []string

	// Schema is published and determines how values match; nil is DefaultSchema.
	Schema *Schema
	// Operational are names of attributes that are sent only when requested by name or
	// by "+", in addition to the operational attributes of the schema.
	Operational []string
	// EvaluateUnknown makes filters work on attribute types that are not in the schema,
	// like 389 Directory Server. Otherwise such a filter, and its negation, matches
	// nothing, as with OpenLDAP, and Entries must not have such attributes.
	EvaluateUnknown bool
	// RootDSE adds attributes to the root DSE or replaces them. An attribute without
	// values removes the one with that name.
	RootDSE []Attr
	// NoPaging, NoAssertion and NoPreRead make the server not support the paged results
	// control, the assertion control (RFC 4528) and the pre-read control (RFC 4527).
	NoPaging, NoAssertion, NoPreRead bool
	// Timestamps records in every entry who created and changed it, and when. Without
	// it only existing attributes of this kind are updated.
	Timestamps bool

	// Identities are the users that can bind.
	Identities []Identity
	// NoAnonymous refuses requests of clients that did not bind, except for the root
	// DSE.
	NoAnonymous bool
	// AnonymousLimits are the limits of clients that did not bind.
	AnonymousLimits Limits
	// RequireTLS refuses requests over an unencrypted connection.
	RequireTLS bool

	// Listen is the address for ldap. The default is a free port on 127.0.0.1, which is
	// also used for ldaps.
	Listen string
	// TLS enables ldaps, and StartTLS on the address for ldap.
	TLS bool
	// RSA makes the certificates use RSA keys, for old key exchanges.
	RSA bool
	// TLSConfig can change the TLS configuration of the server.
	TLSConfig func(*tls.Config)
	// Unix makes the server listen on a Unix domain socket, too.
	Unix bool

	// Faults are the faults of the server; SetFaults changes them later.
	Faults Faults
}

// Entry is an entry of the directory.
type Entry struct {
	DN    string
	Attrs []Attr
}

// Attr is an attribute with its values. It is sent with this spelling and order.
type Attr struct {
	Name   string
	Values []string
}

// NewEntry returns an entry with the given alternating names and values. A name can
// occur several times.
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

// Identity is a user that can bind.
type Identity struct {
	DN       string
	Password string // empty: can bind only with EXTERNAL
	Limits   Limits
	ReadOnly bool // changes are refused with code 50
}

// Limits are the limits for one identity; 0 means no limit. A search that reaches a
// limit exactly succeeds.
type Limits struct {
	// Size is the maximum number of entries that a search returns, in all pages
	// together, before it ends with code 4, as with OpenLDAP.
	Size int
	// SizePerPage applies Size to each page separately, like 389 Directory Server.
	SizePerPage bool
	// LookThrough is the maximum number of entries that a search examines, in all pages
	// together, before it ends with code 11. Equality filters examine only matching
	// entries, as if all attributes were indexed.
	LookThrough int
}

// Result is the result of an operation.
type Result struct {
	Code      int // as in RFC 4511, or go-ldap's LDAPResult constants
	Message   string
	MatchedDN string
	Referrals []string // for code 10
}
