package ldif

import "fmt"

// Kind is the kind of a record: an entry, or one of the kinds of change.
type Kind int

// The kinds.
const (
	KindContent Kind = iota // an entry, without a changetype
	KindAdd                 // changetype: add
	KindDelete              // changetype: delete
	KindModify              // changetype: modify
	KindModDN               // changetype: moddn or modrdn
)

// String returns the value of the changetype line, or "content" for an entry.
func (k Kind) String() string {
	switch k {
	case KindContent:
		return "content"
	case KindAdd:
		return "add"
	case KindDelete:
		return "delete"
	case KindModify:
		return "modify"
	case KindModDN:
		return "moddn"
	}
	return fmt.Sprintf("Kind(%d)", int(k))
}

// Op is what a Modification does to the values of an attribute. Its numbers are
// those of the LDAP modify request (RFC 4511 section 4.6, RFC 4525).
type Op int

// The operations.
const (
	OpAdd       Op = 0 // adds the values
	OpDelete    Op = 1 // deletes the values, or the whole attribute when none is given
	OpReplace   Op = 2 // replaces all existing values with the values
	OpIncrement Op = 3 // adds the value to a number
)

// String returns the word for the operation in a modify record.
func (o Op) String() string {
	switch o {
	case OpAdd:
		return "add"
	case OpDelete:
		return "delete"
	case OpReplace:
		return "replace"
	case OpIncrement:
		return "increment"
	}
	return fmt.Sprintf("Op(%d)", int(o))
}

// Attribute is one line of a record: one value of an attribute. An attribute with
// several values has one line for each, and the lines need not be adjacent.
type Attribute struct {
	Name    []byte // without options, spelled as in the file
	Options []byte // what follows the first ';' of the name: "lang-de;binary"; nil if nothing does
	Value   []byte // unfolded and decoded; empty, never nil, for "name:"
}

// Modification is one change to one attribute of an entry: an element of a modify
// record, or of an LDAP modify request.
type Modification struct {
	Op     Op
	Name   string // attribute description, that is, with its options: "cn;lang-de"
	Values [][]byte
}

// Record is an entry or a change. Kind determines which of the later fields are set.
//
// A Record and every slice in it belong to the Reader: they are valid until the
// next call of Next, or until the function that was called with the Record returns.
// Strings may be kept.
type Record struct {
	Line   int   // of its dn: line, counted from 1; LF, CR and CRLF end a line
	Offset int64 // of its dn: line from the start of the input, counted from 0
	Kind   Kind
	DN     []byte // decoded; empty for the root DSE

	Attributes []Attribute // KindContent and KindAdd

	Changes []Modification // KindModify, in the order of the file

	NewRDN       []byte // KindModDN
	DeleteOldRDN bool   // KindModDN
	NewSuperior  []byte // KindModDN; nil if the entry keeps its superior

	// Comments are comment lines, unfolded, including the '#', if Options.Comments is
	// set.
	Comments [][]byte

	// Controls are the values of the control: lines of a change record: what follows
	// the colon and its blanks, unchanged.
	Controls [][]byte
}

// LacksChangeType reports whether an entry looks like the modifications of an entry
// without the line "changetype: modify": it begins with the name of an operation, and the
// value is the name of the attribute that follows.
func (r *Record) LacksChangeType() bool {
	return r.Kind == KindContent && lacksChangeType(r.Attributes)
}

func lacksChangeType(attrs []Attribute) bool {
	if len(attrs) == 0 {
		return false
	}
	_, known := opOf(&attrs[0])
	return known && (len(attrs) == 1 || is(attrs[1].Name, string(attrs[0].Value)))
}

// RecordError is the error for a record that could not be delivered. Reading
// continues with the record after the next blank line.
type RecordError struct {
	File   string // Options.Name
	Line   int    // of the fault, counted from 1
	Offset int64  // of the first line of the record that is not a comment
	DN     string // of the record, "" if it has no readable one
	Detail string
	Err    error // of opening a URL, else nil

	// Version means that the file states an unknown version of LDIF. No record is missing:
	// they are read as those of version 1.
	Version bool

	// Cut means that the input ends in this record, or in a comment: it was cut off,
	// so more records may be missing. Such an error is the last one.
	Cut bool
}

func (e *RecordError) Error() string {
	file := e.File
	if file != "" {
		file += ": "
	}
	of := ""
	if e.DN != "" {
		of = fmt.Sprintf(" (record of %q)", e.DN)
	}
	cause := ""
	if e.Err != nil {
		cause = ": " + e.Err.Error()
	}
	return fmt.Sprintf("%sline %d: %s%s%s", file, e.Line, e.Detail, cause, of)
}

// Unwrap returns Err.
func (e *RecordError) Unwrap() error { return e.Err }
