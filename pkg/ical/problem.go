package ical

import "fmt"

// Level says how bad a problem is.
type Level uint8

// The levels.
const (
	// Note is something worth knowing that no standard forbids.
	Note Level = iota + 1
	// Warning is something that a standard forbids and whose meaning is clear all the same.
	Warning
	// Error is something that has no certain meaning.
	Error
)

// String returns the name of the level in lower case.
func (l Level) String() string {
	switch l {
	case Note:
		return "note"
	case Warning:
		return "warning"
	case Error:
		return "error"
	}
	return fmt.Sprintf("level(%d)", uint8(l))
}

// Problem is something that is wrong or odd in an object.
type Problem struct {
	Level     Level
	Code      string // what is wrong, in words with hyphens, such as until-not-utc; does not change between versions
	Line      int    // in the input, from 1; 0 if the problem has no line
	Column    int    // in bytes of the line, from 1; 0 if the problem has no column
	Component string // name of the component, such as VEVENT; "" outside of one
	Property  string // name of the property; "" if the problem is not about one
	UID       string // of the component, where it is known
	Text      string // a sentence without its first capital and full stop
}

// Error returns the place and the text of the problem.
func (p *Problem) Error() string {
	where := ""
	switch {
	case p.Line > 0 && p.Column > 0:
		where = fmt.Sprintf("line %d, column %d: ", p.Line, p.Column)
	case p.Line > 0:
		where = fmt.Sprintf("line %d: ", p.Line)
	}
	return where + p.Text
}
