package calobj

import (
	"fmt"
	"slices"

	"github.com/davadmin/davadmin/pkg/ical"
)

// MaxResourceSize is the precondition that a text larger than the limits violates, beside those
// of ical.Precondition (RFC 4791, 5.3.2.1).
const MaxResourceSize = "max-resource-size"

// RefusedError says why a text cannot become an object.
type RefusedError struct {
	// Precondition is the violated precondition of RFC 4791, 5.3.2.1, in the namespace
	// urn:ietf:params:xml:ns:caldav: one of ical.Precondition, or MaxResourceSize.
	Precondition string
	// Problems are those of level Error, the first of which decided; at least one.
	Problems []ical.Problem
}

// Error returns the first problem, with its line, and the number of the others.
func (e *RefusedError) Error() string {
	text := e.Problems[0].Error()
	if n := len(e.Problems) - 1; n > 0 {
		text += fmt.Sprintf(" (and %d more)", n)
	}
	return text
}

// refuse returns a RefusedError about a single problem.
func refuse(p ical.Problem) *RefusedError {
	p.Level = ical.Error
	return firstErrors([]ical.Problem{p})
}

// firstErrors returns a RefusedError about the problems of level Error; nil for none.
func firstErrors(problems []ical.Problem) *RefusedError {
	errors := slices.DeleteFunc(slices.Clone(problems), func(p ical.Problem) bool { return p.Level != ical.Error })
	if len(errors) == 0 {
		return nil
	}
	precondition := ical.Precondition(errors[0].Code)
	if errors[0].Code == tooLarge {
		precondition = MaxResourceSize
	}
	return &RefusedError{Precondition: precondition, Problems: errors}
}

// tooLarge is the code of the problem of a text that is larger than the limit.
const tooLarge = "limit-size"
