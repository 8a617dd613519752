package ical

import (
	"strings"
)

// Limits bound what is read. Zero values mean the defaults.
type Limits struct {
	Size       int // bytes of an object; default 64 MiB
	Line       int // bytes of an unfolded content line; default 32 MiB
	Depth      int // of components in components; default 8
	Properties int // lines of properties of one object; default 200,000
	Components int // of one object; default 50,000
}

// Options say how text is read.
type Options struct {
	Limits Limits
	// Lenient accepts what the world writes: it reports broken lines and leaves them out of
	// the properties (their bytes stay with the component), instead of refusing the text.
	Lenient bool
}

// Parse parses a text with exactly one VCALENDAR object. The component refers to the text.
//
// The problems are those of reading: lines that are no content lines, components that do not
// end, bytes that no text may contain. [Check] finds those of meaning. The error, if the text cannot be
// read, is a *Problem; it is the first of the problems of level Error. With Lenient, it is not
// nil only if the text contains no VCALENDAR or exceeds a limit.
func Parse(text string, o Options) (*Component, []Problem, error) {
	panic("see the brief")
}

// AppendTo appends the text of the component, and returns the extended buffer. Lines that were
// not edited are as they were received.
func (c *Component) AppendTo(b []byte) []byte {
	panic("see the brief")
}

// String returns the text of the component.
func (c *Component) String() string { return string(c.AppendTo(nil)) }

var _ = strings.Cut
