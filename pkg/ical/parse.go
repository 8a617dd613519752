package ical

import "math"

// Limits bound what is read. Zero values mean the defaults.
type Limits struct {
	Size       int // bytes of an object; default 64 MiB, at most 2 GiB
	Line       int // bytes of an unfolded content line; default 32 MiB, at most 1 GiB
	Depth      int // of components in components; default 8
	Properties int // lines of properties of one object; default 200,000
	Components int // of one object; default 50,000
}

// withDefaults replaces zero values. It also bounds Size and Line: offsets in a line have 32 bits.
func (l Limits) withDefaults() Limits {
	set := func(value *int, otherwise, limit int) {
		if *value <= 0 {
			*value = otherwise
		}
		*value = min(*value, limit)
	}
	set(&l.Size, 64<<20, math.MaxInt32)
	set(&l.Line, 32<<20, 1<<30)
	set(&l.Depth, 8, 1000)
	set(&l.Properties, 200_000, math.MaxInt)
	set(&l.Components, 50_000, math.MaxInt)
	return l
}

// Options say how text is read.
type Options struct {
	Limits Limits
	// Lenient accepts what the world writes: it reports broken lines and leaves them out of
	// the properties (their bytes stay with the component), instead of refusing the text.
	// A component directly in a VCALENDAR that does not end is skipped as a whole.
	Lenient bool
}

// Parse parses a text with exactly one VCALENDAR object. The component refers to the text.
//
// The problems are those of reading: lines that are no content lines, components that do not
// end, bytes that no text may contain. [Check] finds those of meaning. The error, if the text
// cannot be read, is a *Problem; it is the first of the problems of level Error. With Lenient,
// it is not nil only if the text contains no VCALENDAR or exceeds a limit.
//
// AppendTo of the component returns the text byte for byte, except for what is outside of the
// VCALENDAR: a byte order mark, and with Lenient other text before and after it. Both are
// reported as problems. If a problem has the code truncated or calendar-not-ended, the component
// has no line END, and none is written.
func Parse(text string, o Options) (*Component, []Problem, error) {
	b := newBuilder(o)
	b.lines.text = text
	if limit := b.limits.Size; len(text) > limit {
		b.limit("size", "the object is larger than %d bytes", limit)
	} else if b.start(); b.err == nil {
		b.parseOne()
	}
	if b.err != nil {
		return nil, b.problems.take(), b.err
	}
	return b.calendar, b.problems.take(), nil
}

// parseOne reads one calendar and what follows it.
func (b *builder) parseOne() {
	for b.err == nil {
		switch b.advance() {
		case atCalendar:
			b.parseRest()
			return
		case atEnd:
			if b.calendar == nil && b.err == nil {
				b.noCalendar()
			}
			return
		}
	}
}

// parseRest reads what follows the calendar: blank lines, which are kept, or more than that.
func (b *builder) parseRest() {
	l := &b.lines
	if b.calendar.open { // another calendar begins here
		b.report(Problem{Level: Error, Code: "more-calendars", Line: l.line,
			Text: "the text contains more than one VCALENDAR; only the first one was read"})
		return
	}
	end := l.to - len(b.calendar.end)
	for l.scan() {
		if !l.isBlank() {
			text := l.content()
			if equalName(text, "BEGIN:VCALENDAR") {
				b.report(Problem{Level: Error, Code: "more-calendars", Line: l.line,
					Text: "the text contains more than one VCALENDAR; only the first one was read"})
			} else {
				b.report(Problem{Level: Error, Code: "text-outside-calendar", Line: l.line, Column: 1,
					Text: "text follows the end of the VCALENDAR"})
			}
			break
		}
		b.calendar.end = l.text[end:l.to]
	}
}
