// Package directory reads directory entries as a stream: from a live LDAP
// server or from LDIF text, both with the same questions and the same answers.
//
// It promises that a stream is never silently short: when a sequence ends
// without an error, everything that was asked for was delivered, and that was
// proven and not assumed. It promises that memory does not grow with the
// directory, and that nothing is followed, opened or sent that the options do
// not name: no referral, no URL in a file, no password over an open connection.
//
// It is not for changing a directory, and it judges nothing: what an entry
// should hold is decided elsewhere.
package directory

import (
	"context"
	"fmt"
	"iter"
)

// Kind is what an entry is to a calendar server.
type Kind uint8

// The kinds. An entry that is of no kind that a query names is Other.
const (
	Other Kind = iota
	User
	Group
	Resource
	Domain
)

// Kinds lists all kinds in the order of their numbers.
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

// Scope is how far below its bases a query reaches.
type Scope int

// The scopes; the zero value is the whole subtree.
const (
	Subtree Scope = iota
	OneLevel
	BaseOnly
)

// MaxAttributes is how many attributes a Query can name.
const MaxAttributes = 64

// Selection says which entries are of a kind, and what of them is wanted.
type Selection struct {
	Kind Kind
	// Classes are names of object classes; an entry with one of them, in any
	// case, is of the kind, unless an earlier Selection has it already.
	Classes []string
	// Any takes every entry that no other Selection has, whatever its classes.
	Any bool
	// Attributes are bits, one for each place in Query.Attributes. What else the
	// entry holds is not delivered.
	Attributes uint64
	// Filter narrows a live search further, in the notation of RFC 4515; "" for
	// all. Only what the server can decide by itself belongs here. A source that
	// is no server does not look at it, and delivers more.
	Filter string
	// Everywhere asks for the entries wherever they are: Bases, Scope and Filter of
	// the query do not narrow this Selection.
	Everywhere bool
}

// Query is what to read.
type Query struct {
	// Bases are the DNs at which to begin; none means all that the source holds.
	// A base that lies below another one is not read twice.
	Bases []string
	Scope Scope
	// Filter narrows the entries of the Selections, in the notation of RFC 4515;
	// "" for all. Every source obeys it.
	Filter string

	// Attributes names what is wanted. Names are compared without regard to
	// case, and options are not: asking for "cn" delivers "cn;lang-de", too.
	Attributes []string
	// Selections tell the kinds apart, the first that fits being the kind.
	Selections []Selection
	// Others asks for all other entries that the source comes across, too: their
	// DN, and no values, as entries of kind Other. A source that reads a whole
	// file to answer delivers all of that, whatever Bases, Scope and Filter say; a
	// server only what it sends to answer.
	Others bool
}

// Value is one value of an attribute.
type Value struct {
	Attr int    // place in Query.Attributes
	Data []byte // empty, never nil, for an empty value
}

// Entry is an entry of the directory. It and all that it holds belong to the
// source: they are good until the next step of the iteration, or until the
// function that was given the entry returns.
type Entry struct {
	DN     []byte
	Kind   Kind
	Values []Value // in the order of the source

	// Pos sorts the entries of one source in the order in which it holds them.
	// It does not depend on timing.
	Pos  uint64
	File int // of a Files source, counted from 0
	Line int // of the entry's first line in that file, from 1; 0 where there are no lines
}

// Problem is something that was met and passed: reading went on behind it. It
// is delivered as an error of the sequence, and is not its last word.
type Problem struct {
	Kind   ProblemKind
	DN     []byte // where it is known
	Pos    uint64
	File   int
	Line   int
	Detail string
	URLs   []string // of a Referral
}

// ProblemKind says what was met.
type ProblemKind int

// The kinds of problems.
const (
	BrokenRecord ProblemKind = iota + 1 // text that is no record; it was skipped
	ChangeRecord                        // a change, not an entry; it was skipped
	Referral                            // a part of the tree that another server holds; it was not followed
)

// Error says what was met, and where.
func (p *Problem) Error() string {
	if p.Line > 0 {
		return fmt.Sprintf("line %d: %s", p.Line, p.Detail)
	}
	return p.Detail
}

// IncompleteError is the last word of a sequence that ended short. What was
// delivered before it is true, and is not all.
type IncompleteError struct {
	What    string // that was being read
	Entries int    // how many had been delivered, of all selections
	Code    int    // the server's result code; 0 where there was none
	Err     error
}

// Error says what was read, and what ended it.
func (e *IncompleteError) Error() string {
	return fmt.Sprintf("%s: ended short after %d entries: %v", e.What, e.Entries, e.Err)
}

// Unwrap returns Err.
func (e *IncompleteError) Unwrap() error { return e.Err }

// Source yields the entries that a query asks for.
//
// A sequence yields entries without an error, or a nil entry with a *Problem
// and goes on, or a nil entry with a *RestartError and begins anew, or a nil
// entry with any other error, which is the last: an *IncompleteError when the
// reading had begun, otherwise what kept it from beginning. A sequence that ends without such an error has delivered all.
// Breaking off the iteration is no error and proves nothing.
//
// A Source can be asked more than once unless it reads from a pipe, but by one
// goroutine at a time.
type Source interface {
	// Name tells a person what is read: a URL, or names of files.
	Name() string
	Entries(ctx context.Context, q Query) iter.Seq2[*Entry, error]
}

// Scanner is a Source that can use several workers.
type Scanner interface {
	Source
	// Scan delivers what Entries yields to fn, which several goroutines call at
	// once, but never two with the same worker, a number from 0 to workers-1.
	// Either the entry or the problem is nil. The order is not that of Pos, except
	// among the calls of one worker. Scan returns nil when all was delivered, the error
	// of fn when that returned one, and otherwise what the last word of Entries
	// would be.
	Scan(ctx context.Context, q Query, workers int, fn func(worker int, e *Entry, p *Problem) error) error
}

// Progress is how far a source has come.
type Progress struct {
	Done, Total int64 // bytes of the input; Total is 0 when it is not known
}

// Progresser is a Source that knows how far it is. Progress may be called at any
// time, by any goroutine.
type Progresser interface{ Progress() Progress }
