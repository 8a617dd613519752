// Package directory reads directory entries as a stream, from a live LDAP server or
// from LDIF text, with the same queries and the same results. It also sends single
// modifications to a server (Changer).
//
// It guarantees that a stream is never silently short: when a sequence ends without
// an error, everything requested was delivered, and this was verified, not assumed.
// Memory use does not grow with the directory. The package follows, opens or sends
// nothing that the options do not allow: no referral, no URL in a file, no password
// over an unencrypted connection.
//
// It does not plan changes and does not check entries: other packages decide what an
// entry should contain.
package directory

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
)

// Kind is the role of an entry for a calendar server.
type Kind uint8

// The kinds. Other is the kind of an entry that no Selection of a query matches.
const (
	Other Kind = iota
	User
	Group
	Resource
	Domain
)

// Kinds returns all kinds in the order of their numbers.
func Kinds() []Kind { return []Kind{Other, User, Group, Resource, Domain} }

// String returns the lower-case name used in every output.
func (k Kind) String() string {
	switch k {
	case Other:
		return "other"
	case User:
		return "user"
	case Group:
		return "group"
	case Resource:
		return "resource"
	case Domain:
		return "domain"
	}
	return fmt.Sprintf("kind(%d)", uint8(k))
}

// Scope is the scope of a query below its base DNs.
type Scope int

// The scopes; the zero value is the whole subtree.
const (
	Subtree Scope = iota
	OneLevel
	BaseOnly
)

// MaxAttributes is the maximum number of attributes in a Query.
const MaxAttributes = 64

// Selection selects the entries of one kind and the attributes to deliver of them.
type Selection struct {
	Kind Kind
	// Classes are names of object classes, in any case. An entry with one of them is
	// of the kind, unless an earlier Selection matches it.
	Classes []string
	// Any selects every entry that no other Selection matches, whatever its classes.
	Any bool
	// Attributes is a bit set of indexes into Query.Attributes. Other attributes of
	// the entry are not delivered.
	Attributes uint64
	// Filter restricts a live search further, in the notation of RFC 4515; "" for no
	// restriction. It is an optimization that only a server applies: any other source
	// ignores it and delivers more.
	Filter string
	// Everywhere selects the entries wherever they are: Bases, Scope and Filter of
	// the query do not restrict this Selection.
	Everywhere bool
}

// Query describes the entries to read.
type Query struct {
	// Bases are the base DNs; none means everything in the source. A base below
	// another one is not read twice.
	Bases []string
	Scope Scope
	// Filter restricts the entries of the Selections, in the notation of RFC 4515; ""
	// for no restriction. Every source applies it.
	Filter string

	// Attributes are the names of the attributes to deliver. Names are compared
	// without regard to case, and options are ignored: "cn" delivers "cn;lang-de",
	// too.
	Attributes []string
	// Selections determine the kind of an entry: the first one that matches.
	Selections []Selection
	// Others delivers all other entries that the source encounters, too: with their
	// DN, without values, and with the kind Other. A source that has to read a whole
	// file delivers all its entries, whatever Bases, Scope and Filter are; for a
	// server these are only the entries that it sends.
	Others bool
}

// Value is one value of an attribute.
type Value struct {
	Attr int    // index into Query.Attributes
	Data []byte // empty, never nil, for an empty value
}

// Entry is an entry of the directory. It and everything in it belong to the source:
// they are valid until the next step of the iteration, or until the function that
// was called with the entry returns.
type Entry struct {
	DN     []byte
	Kind   Kind
	Values []Value // in the order of the source

	// Pos is the position of the entry in the source, for sorting. It does not depend
	// on timing.
	Pos  uint64
	File int // of a Files source, counted from 0
	Line int // of the first line of the entry in that file, from 1; 0 if the source has no lines
}

// Problem is something that a source could not deliver as an entry. It is delivered
// as an error of the sequence, but is not its last one: reading continues after it.
type Problem struct {
	Kind   ProblemKind
	DN     []byte // if known
	Pos    uint64
	File   int
	Line   int
	Detail string
	URLs   []string // of a Referral

	Addition  bool   // of a ChangeRecord: it adds an entry
	Attribute string // of MoreValues
	// Entry contains the values of an InvalidDN, which may have to be avoided; it is
	// valid until the next step of the iteration.
	Entry *Entry
}

// ProblemKind is the kind of a Problem.
type ProblemKind int

// The kinds of problems.
const (
	BrokenRecord   ProblemKind = iota + 1 // text that is not a valid record; it was skipped
	ChangeRecord                          // a change, not an entry; it was skipped
	Referral                              // a part of the tree that is on another server; it was not followed
	InvalidDN                             // an entry whose DN no server accepts; it is not delivered
	UnknownVersion                        // a file states another version of LDIF than 1; its records are delivered
	MoreValues                            // an attribute that came with some of its values only; the entry is delivered
)

// Error returns Detail, preceded by the line if it is known.
func (p *Problem) Error() string {
	if p.Line > 0 {
		return fmt.Sprintf("line %d: %s", p.Line, p.Detail)
	}
	return p.Detail
}

// IncompleteError is the last error of a sequence that ended before everything was
// delivered. The entries delivered before it are valid, but not complete.
type IncompleteError struct {
	What    string // what was being read
	Entries int    // the number of entries delivered, of all selections
	Code    int    // the result code of the server; 0 if there was none
	Err     error
}

// Error states what was read, and why it ended. A base is named once.
func (e *IncompleteError) Error() string {
	what := e.What
	if base, ok := errors.AsType[*BaseError](e.Err); ok {
		what = strings.TrimSuffix(what, entriesBelow(base.Base))
	}
	return fmt.Sprintf("%s: incomplete after %s: %v", what, entryCount(e.Entries), e.Err)
}

// entriesBelow returns what a query of a live directory reads, after the URL.
func entriesBelow(base string) string { return fmt.Sprintf(": the entries below %q", base) }

// entryCount returns a number of entries with the noun.
func entryCount(n int) string {
	if n == 1 {
		return "1 entry"
	}
	return fmt.Sprintf("%d entries", n)
}

// Unwrap returns Err.
func (e *IncompleteError) Unwrap() error { return e.Err }

// Source yields the entries that match a query. Read is the usual way to read it.
//
// A sequence yields
//   - an entry without an error;
//   - a nil entry with a *Problem, and continues;
//   - a nil entry with a *RestartError, and starts again from the beginning;
//   - a nil entry with any other error, which is the last one: an *IncompleteError
//     when reading had begun, otherwise the reason why it could not begin.
//
// A sequence that ends without such a last error has delivered everything. Breaking
// off the iteration is not an error, and shows nothing about completeness.
//
// A Source can be read more than once unless it reads from a pipe, but by one
// goroutine at a time.
type Source interface {
	// Name returns what is read, for messages: a URL, or names of files.
	Name() string
	Entries(ctx context.Context, q Query) iter.Seq2[*Entry, error]
}

// Scanner is a Source that can read with several workers.
type Scanner interface {
	Source
	// Scan calls fn with what Entries would yield. Several goroutines call fn at
	// once, but never two with the same worker, a number from 0 to workers-1. Either
	// the entry or the problem is nil. Only the calls of one worker are in the order
	// of Pos. Scan returns nil when everything was delivered, the error of fn when it
	// returned one, and otherwise the last error that Entries would yield.
	Scan(ctx context.Context, q Query, workers int, fn func(worker int, e *Entry, p *Problem) error) error
}

// Progress is the progress of reading a source.
type Progress struct {
	Done, Total int64 // bytes of the input; Total is 0 when it is unknown
}

// Progresser is implemented by a Source that reports its progress. Progress may be
// called at any time and by any goroutine.
type Progresser interface{ Progress() Progress }
