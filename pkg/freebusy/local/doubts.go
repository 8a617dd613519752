package local

import (
	"fmt"
	"slices"
	"strings"

	"github.com/davadmin/davadmin/pkg/ical"
)

// doubt returns the first problem that leaves open when the component takes time, or nil. text is what the problems are about.
//
// Only what could hide busy time leaves that open. A description that is not valid does not, and
// neither does a date of EXDATE that cannot be read, because its instance is shown as busy then.
func doubt(text string, problems []ical.Problem) error {
	for _, p := range problems {
		if p.Level == ical.Error && !decided(p.Code) && hides(text, p) {
			return fmt.Errorf("line %d: %s", p.Line, p.Text)
		}
	}
	return nil
}

// decided reports whether a problem is a fault whose reading is decided in
// docs/decisions/0012, so that the times are known although the text is wrong.
func decided(code string) bool {
	switch code {
	case "cr-lines", "dtend-and-duration", "dtend-before-dtstart", "dtend-type", "duration-negative", "period-order", "resource-masters", "resource-overrides":
		return true
	}
	return false
}

// hides reports whether a problem can hide busy time. A line that has no name is part of a text,
// unless it begins as a property does that says when.
func hides(text string, p ical.Problem) bool {
	switch p.Code {
	case "no-colon", "no-name", "continuation-of-nothing":
		line := lineOf(text, p.Line)
		return slices.ContainsFunc(timeProperties(), func(name string) bool {
			return len(line) >= len(name) && strings.EqualFold(line[:len(name)], name)
		})
	case "value-invalid":
		if p.Property == "DURATION" {
			return false // read as absent, like a negative one
		}
	}
	return p.Property == "" || slices.Contains(timeProperties(), p.Property)
}

// timeProperties are the properties without which busy time could be missing.
func timeProperties() []string {
	return []string{"DTSTART", "DTEND", "DURATION", "RRULE", "RDATE", "RECURRENCE-ID", "FREEBUSY"}
}

// lineOf returns a line of a text, counted from 1; "" for a number beyond the last line.
func lineOf(text string, number int) string {
	for line := range strings.Lines(text) {
		if number--; number == 0 {
			return line
		}
	}
	return ""
}
