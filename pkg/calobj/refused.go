package calobj

import (
	"fmt"

	"github.com/davadmin/davadmin/pkg/ical"
)

// The preconditions of RFC 4791, 5.3.2.1, that a text can violate by itself, as local names
// of the namespace urn:ietf:params:xml:ns:caldav.
const (
	ValidData          = "valid-calendar-data"            // it is iCalendar as RFC 5545 says
	ValidResource      = "valid-calendar-object-resource" // it is one object (4.1)
	SupportedComponent = "supported-calendar-component"   // of a type that can be stored
	MaxSize            = "max-resource-size"
)

// RefusedError says why a text cannot become an object.
type RefusedError struct {
	// Precondition is the violated precondition of RFC 4791, 5.3.2.1, see ValidData.
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
func refuse(precondition string, p ical.Problem) *RefusedError {
	p.Level = ical.Error
	return &RefusedError{Precondition: precondition, Problems: []ical.Problem{p}}
}
