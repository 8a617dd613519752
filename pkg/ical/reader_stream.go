package ical

import (
	"io"
	"strings"
)

// handOver returns the component that ended, for a Reader, and forgets it.
func (b *builder) handOver() *Component {
	c := b.done
	b.done = nil
	c.lead = ""
	return c
}

// leftObject is called when a component directly in the calendar ended or is left out.
func (b *builder) leftObject() {
	b.broken, b.skips = false, false
	if b.lines.fill != nil {
		b.count = b.around
	}
}

// skip leaves out the component directly in the calendar, and frees its lines.
func (b *builder) skip() {
	b.broken, b.skips, b.unnamed = true, true, 0
	b.stack = b.stack[:2]
	c := b.stack[1].c
	c.Properties, c.Components, c.follows = nil, nil, nil
	b.unread()
	b.lines.start = b.lines.to
}

// leavesSkipped reports whether a line ends the component that is skipped: its END, that of the
// calendar, or the beginning of another component or calendar.
func (b *builder) leavesSkipped(text string) bool {
	if len(text) > b.limits.Line {
		return false
	}
	nameEnd, at, _ := splitLine(text)
	if at == 0 {
		return false
	}
	key := strings.TrimRight(text[:nameEnd], " \t")
	begins, ends := equalName(key, "BEGIN"), equalName(key, "END")
	if !begins && !ends {
		return false
	}
	name := upper(strings.Trim(text[at:], " \t"))
	of := b.stack[1].c.Name
	return name == "VCALENDAR" || ends && name == of || begins && isWhole(name) && isWhole(of)
}

// endStream says why a stream ended.
func (b *builder) endStream() {
	switch {
	case b.err != nil:
	case b.failed != nil:
		b.err = b.failed
	case b.truncated != nil:
		b.err = b.truncated
	case b.calendar == nil:
		b.noCalendar()
	default:
		b.err = io.EOF
	}
}
