package ldif

import "fmt"

// Kind tells an entry from the kinds of change.
type Kind int

const (
	KindContent Kind = iota // an entry as it is
	KindAdd                 // changetype: add
	KindDelete              // changetype: delete
	KindModify              // changetype: modify
	KindModDN               // changetype: moddn or modrdn
)

// String returns the word of the changetype line, and "content" for an entry.
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

// Attribute is one line of a record: one value of an attribute. An attribute
// with several values has as many of them, not always next to each other.
type Attribute struct {
	Name    []byte // without options, spelt as in the file
	Options []byte // what follows the first ';' of the name: "lang-de;binary"; nil without
	Value   []byte // unfolded and decoded; empty, never nil, for "name:"
}

// Modification is one change to one attribute of an entry: an element of a modify
// record, or of an LDAP modify request.
type Modification struct {
	Op     Op
	Name   string // attribute description, that is, with its options: "cn;lang-de"
	Values [][]byte
}

// Record is an entry or a change. Which of the later fields mean something
// depends on Kind.
//
// A Record and every slice in it belong to the Reader: they are good until the
// next call of Next, or until the function that was given the Record returns.
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
	NewSuperior  []byte // KindModDN; nil where the entry stays under its superior

	// Comments are comment lines, unfolded, with the '#', where Options.Comments
	// asks for them.
	Comments [][]byte

	// Controls are the control: lines of a change record, as they stand there
	// behind the colon and its blanks.
	Controls [][]byte
}

// RecordError says why a record of the input could not be delivered. Reading
// goes on with the record behind the next blank line.
type RecordError struct {
	File   string // Options.Name
	Line   int    // where the fault is, counted from 1
	Offset int64  // of the first line of the record that is no comment
	DN     string // of the record, "" where it has none that can be read
	Detail string
	Err    error // what opening a URL returned, else nil
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
