package ical

import (
	"fmt"
	"strings"
)

// outsideLine takes a line outside of a calendar.
func (b *builder) outsideLine() event {
	l := &b.lines
	if l.isBlank() {
		if b.outside {
			l.start = l.to
		}
		return atLine
	}
	const bom = "\ufeff"
	if strings.HasPrefix(l.text[l.from:l.to], bom) {
		b.report(Problem{Level: Note, Code: "byte-order-mark", Line: l.line, Column: 1, Text: "a byte order mark is before the text"})
		l.from += len(bom)
		l.start = l.from
		if l.isBlank() {
			return atLine
		}
	}
	text := l.content()
	nameEnd, at, _ := splitLine(text)
	if at > 0 && equalName(strings.TrimRight(text[:nameEnd], " \t"), "BEGIN") && equalName(strings.Trim(text[at:], " \t"), "VCALENDAR") {
		b.outside = false
		return b.open("VCALENDAR")
	}
	const whole = "BEGIN:VCALENDAR"
	if l.to == len(l.text) && ending(l.text, l.newline) == 0 && len(text) < len(whole) && equalName(text, whole[:len(text)]) {
		p := Problem{Level: Error, Code: "truncated", Line: l.line, Column: 1,
			Text: fmt.Sprintf("the text ends in line %d, within BEGIN:VCALENDAR", l.line)}
		b.report(p)
		b.truncated = &p
		return b.after()
	}
	if !b.outside {
		b.outside = true
		b.reportLine(Error, "text-outside-calendar", 0, "", "text is outside of a VCALENDAR")
	}
	l.start = l.to
	return b.after()
}

// begin takes a line BEGIN in a calendar.
func (b *builder) begin(text string, at int) event {
	l := &b.lines
	name := upper(strings.Trim(text[at:], " \t"))
	if !IsName(name) {
		b.badName(text, at)
		if len(b.stack) == 1 { // in an event, it is more often a line of text that is not folded
			b.unnamed = 1
		}
		return b.after()
	}
	switch {
	case name == "VCALENDAR":
		b.reportLine(Error, "calendar-not-ended", 0, "", "another VCALENDAR begins before END:VCALENDAR")
		if b.err != nil {
			return atEnd
		}
		b.drop()
		b.leave(l.start, l.from)
		l.to, l.next = l.from, l.line // the line is read again
		return atCalendar
	case isWhole(name) && len(b.stack) > 1 && isWhole(b.stack[1].c.Name):
		b.notEnded(fmt.Sprintf("%s begins before END:%s", name, b.stack[1].c.Name))
		if b.err != nil {
			return atEnd
		}
		b.drop()
	}
	return b.open(name)
}

func (b *builder) badName(text string, at int) {
	b.reportLine(Error, "component-name", at, "", fmt.Sprintf("%.40q is not a valid name of a component", text[at:]))
}

// staysUnnamed reports whether a line belongs to a component directly in the calendar that has no
// valid name. Its lines are not those of the calendar: they are kept as broken lines.
func (b *builder) staysUnnamed(name, text string, at int) bool {
	if name != "BEGIN" && name != "END" {
		return true
	}
	of := upper(strings.Trim(text[at:], " \t"))
	switch {
	case of == "VCALENDAR" || name == "BEGIN" && isWhole(of):
		b.unnamed = 0
		return false
	case name == "BEGIN":
		if b.unnamed++; !IsName(of) {
			b.badName(text, at)
		}
	default:
		b.unnamed--
	}
	return true
}

// isWhole reports whether a component stands directly in a calendar: it begins only after another
// one ended.
func isWhole(name string) bool {
	switch name {
	case "VEVENT", "VTODO", "VJOURNAL", "VFREEBUSY", "VTIMEZONE", "VAVAILABILITY":
		return true
	}
	return false
}

// open opens a component that begins with the current line.
func (b *builder) open(name string) event {
	l := &b.lines
	switch depth := len(b.stack); {
	case depth == 0:
		b.count, b.blank = counters{}, false
	case depth == 1 && l.fill != nil:
		own := l.to - l.start // it counts for the component, not for the calendar
		b.around = b.count
		b.around.size -= own
		b.count = counters{size: own}
	case depth >= b.limits.Depth:
		b.limit("depth", "components are nested more than %d deep", b.limits.Depth)
		return b.after()
	case b.count.components >= b.limits.Components:
		b.limit("components", "the object has more than %d components", b.limits.Components)
		return b.after()
	}
	b.count.components++
	c := &Component{Name: name, Line: l.line}
	if len(b.stack) > 0 {
		b.seal()
	}
	b.stack = append(b.stack, frame{c: c, start: l.start})
	raw, lead := l.take()
	if len(b.stack) == 1 {
		c.begin, b.calendar = raw, c
	} else {
		c.lead, c.begin = raw[:lead], raw[lead:]
	}
	return atLine
}

// end takes a line END in a calendar.
func (b *builder) end(text string, at int) event {
	l := &b.lines
	name := upper(strings.Trim(text[at:], " \t"))
	top := len(b.stack) - 1
	i := top
	for i >= 0 && b.stack[i].c.Name != name {
		i--
	}
	switch {
	case i < 0:
		b.reportLine(Error, "end-without-begin", 0, "", fmt.Sprintf("END:%.40s without BEGIN", name))
		return b.after()
	case i < top:
		b.notEnded(fmt.Sprintf("END:%s is before END:%s", name, b.stack[top].c.Name))
		if b.err != nil {
			return atEnd
		}
		b.broken = true
		if i == 0 {
			b.drop()
		}
		for len(b.stack) > i+1 {
			b.close("")
		}
	}
	raw, lead := l.take()
	if i == 1 && b.broken {
		b.drop()
		return atLine
	}
	c := b.close(raw[:lead])
	c.end = raw[lead:]
	switch i {
	case 0:
		return atCalendar
	case 1:
		b.done = c
		b.leftObject()
		return atComponent
	}
	return atLine
}

// close closes the innermost component, with the blank and broken lines before its end.
func (b *builder) close(tail string) *Component {
	b.seal()
	top := len(b.stack) - 1
	c := b.stack[top].c
	b.stack = b.stack[:top]
	c.tail = tail
	if top > 0 {
		around := &b.stack[top-1]
		around.hasKids = true
		if top > 1 || b.lines.fill == nil {
			around.c.Components = append(around.c.Components, c)
			around.c.follows = append(around.c.follows, len(around.c.Properties))
		}
	}
	return c
}

// notEnded reports that a component does not end where it should.
func (b *builder) notEnded(why string) {
	c := b.stack[len(b.stack)-1].c
	b.report(Problem{Level: Error, Code: "component-not-ended", Line: c.Line, Component: c.Name,
		Text: fmt.Sprintf("%s does not end: %s in line %d", c.Name, why, b.lines.line)})
}

// drop leaves out the open component directly in the calendar, if there is one. Its text becomes
// broken lines of the calendar.
func (b *builder) drop() {
	if len(b.stack) < 2 {
		return
	}
	f := b.stack[1]
	b.stack = b.stack[:1]
	b.unread()
	b.leftObject()
	if b.lines.fill == nil {
		b.lines.start = f.start
	} else {
		b.lines.start = max(b.lines.start, b.lines.from)
	}
}

// unread forgets the properties that no component has yet.
func (b *builder) unread() {
	clear(b.slab[b.run:])
	b.slab = b.slab[:b.run]
}

// leave closes the calendar, whose line END is missing. Its text ends with the broken lines from
// start to end.
func (b *builder) leave(start, end int) {
	c := b.close(b.lines.text[start:end])
	c.open = true
	b.lines.start = end
}

// finish takes the end of the text.
func (b *builder) finish() event {
	if len(b.stack) == 0 || b.err != nil {
		return atEnd
	}
	l := &b.lines
	open := b.stack[len(b.stack)-1].c
	if b.failed != nil {
		return atEnd
	}
	p := Problem{Level: Error, Code: "truncated", Line: open.Line, Component: open.Name,
		Text: fmt.Sprintf("the text ends in line %d, before END:%s", l.next-1, open.Name)}
	b.report(p)
	b.truncated = &p
	if b.err == nil {
		b.drop()
		b.leave(l.start, l.to)
	}
	return atEnd
}
