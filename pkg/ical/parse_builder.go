package ical

import (
	"fmt"
	"strings"
)

// builder makes components of lines.
type builder struct {
	lines    lines
	limits   Limits
	lenient  bool
	problems problems
	err      error // why reading ended; a *Problem, or an error of the source

	stack    []frame // the open components, the VCALENDAR first
	calendar *Component
	done     *Component // the component directly in the calendar that ended last

	// slab holds properties; those from run on belong to the innermost component. They stay
	// where they are when it ends or another one begins in it, so that none is copied.
	slab []Property
	run  int

	count   counters // of the object
	around  counters // for a Reader, of the calendar around it
	broken  bool     // the component directly in the calendar is to be left out
	skips   bool     // and its lines are not kept
	outside bool     // the last line was text outside of a calendar
	unnamed int      // how many components are open whose lines are left out, because the outermost has no valid name
	blank   bool     // a blank line in this calendar is reported

	failed    error // of the source of a Reader
	truncated error // the *Problem that the text ended too early
}

// counters is what the limits of an object bound. The object is the calendar; for a Reader, it is
// the component directly in it.
type counters struct{ size, properties, components int }

// frame is an open component.
type frame struct {
	c       *Component
	uid     string
	start   int  // where its text begins
	hasKids bool // a component in it ended
}

// event is what a line led to.
type event uint8

const (
	atLine      event = iota
	atComponent       // builder.done ended
	atCalendar        // builder.calendar ended, or another one begins
	atEnd             // of the text, or an error
)

func newBuilder(o Options) *builder {
	return &builder{
		lines:   lines{next: 1, newline: '\n', lenient: o.Lenient},
		limits:  o.Limits.withDefaults(),
		lenient: o.Lenient,
	}
}

// start looks at the beginning of the text, of which something is in the window.
func (b *builder) start() {
	l := &b.lines
	head := l.text[:min(len(l.text), 4)]
	if strings.HasPrefix(head, "\xff\xfe") || strings.HasPrefix(head, "\xfe\xff") ||
		len(head) == 4 && (head[0] == 0) != (head[1] == 0) && (head[0] == 0) == (head[2] == 0) && (head[1] == 0) == (head[3] == 0) {
		b.fail(Problem{Level: Error, Code: "utf-16", Line: 1, Text: "the text is UTF-16, but must be UTF-8"})
		return
	}
	if strings.IndexByte(l.text, '\r') >= 0 && strings.IndexByte(l.text, '\n') < 0 {
		b.report(Problem{Level: Error, Code: "cr-lines", Line: 1, Text: "the lines end with CR instead of CRLF"})
		l.newline = '\r'
	}
}

// advance reads a line.
func (b *builder) advance() event {
	l := &b.lines
	if !l.scan() {
		return b.finish()
	}
	if len(b.stack) == 0 {
		return b.outsideLine()
	}
	b.count.size += l.to - l.from
	if l.isBlank() {
		return b.blankLine()
	}
	text := l.content()
	switch {
	case b.skips:
	case l.overlong || len(text) > b.limits.Line:
		b.limit("line", "the line is longer than %d bytes", b.limits.Line)
		return b.after()
	case b.count.size > b.limits.Size:
		b.limit("size", "the component is larger than %d bytes", b.limits.Size)
	}
	if b.err != nil {
		return atEnd
	}
	if b.skips && !b.leavesSkipped(text) {
		l.start = l.to
		return atLine
	}
	if text[0] == ' ' || text[0] == '\t' {
		if !b.lenient || !isOddName(text) {
			b.reportLine(Error, "continuation-of-nothing", 0, "", "the line continues another one, but no line is before it")
			return b.after()
		}
		b.reportLine(Warning, "blank-before-name", 0, "", "a blank is before the name of a property")
		text = text[1:]
	}
	nameEnd, at, params := splitLine(text)
	if at == 0 {
		b.notContent(text, nameEnd)
		return b.after()
	}
	name := text[:nameEnd]
	if c := text[nameEnd-1]; c == ' ' || c == '\t' {
		name = strings.TrimRight(name, " \t")
		b.reportLine(Warning, "blank-after-name", nameEnd-1, upper(name), "a blank is after the name of a property")
	}
	name = upper(name)
	if b.unnamed > 0 && b.staysUnnamed(name, text, at) {
		return b.after()
	}
	switch name {
	case "BEGIN":
		return b.begin(text, at)
	case "END":
		return b.end(text, at)
	}
	b.property(name, text, nameEnd, at, params)
	return b.after()
}

// blankLine takes a blank line in a calendar.
func (b *builder) blankLine() event {
	switch {
	case b.skips:
		b.lines.start = b.lines.to
	case b.count.size > b.limits.Size:
		b.limit("size", "the component is larger than %d bytes", b.limits.Size)
	case !b.blank:
		b.blank = true
		b.reportLine(Warning, "blank-line", 0, "", "the line is blank")
	}
	return b.after()
}

// after returns the event after a line that is neither BEGIN nor END.
func (b *builder) after() event {
	if b.err != nil {
		return atEnd
	}
	return atLine
}

// notContent reports a line that is no content line.
func (b *builder) notContent(text string, at int) {
	switch {
	case at == len(text):
		b.reportLine(Error, "no-colon", max(at-1, 0), "", "the line has no colon")
	default:
		b.reportLine(Error, "no-name", at, "", fmt.Sprintf("the line does not begin with the name of a property: %.40q", text))
	}
}

// property adds the line as a property.
func (b *builder) property(name, text string, nameEnd, at int, params paramState) {
	l := &b.lines
	if b.count.properties++; b.count.properties > b.limits.Properties {
		b.limit("properties", "the object has more than %d properties", b.limits.Properties)
		return
	}
	if params != plainParams {
		if params == openQuote {
			b.reportLine(Error, "open-quote", nameEnd, name, "a quote in the parameters has no end")
		}
		pos, flaw, quotedPrintable := paramFlaw(text[nameEnd : at-1])
		if flaw != "" && params != openQuote {
			b.reportLine(Warning, "parameter", nameEnd+pos, name, flaw)
		}
		if quotedPrintable {
			text = b.quotedPrintable(name, text, nameEnd)
			if b.err != nil || b.skips {
				return
			}
		}
	}
	if control, high := oddBytes(text); control || high {
		b.oddBytes(name, text, control, high)
	}
	if b.err != nil {
		return
	}
	top := &b.stack[len(b.stack)-1]
	if name == "UID" && top.uid == "" {
		top.uid = text[at:]
	}
	if top.hasKids {
		b.reportLine(Warning, "property-after-component", 0, name, "a property follows a component")
	}
	if len(b.slab) == cap(b.slab) {
		b.grow()
	}
	line := l.line
	raw, lead := l.take()
	b.slab = append(b.slab, Property{Name: name, Line: line, raw: raw, text: text,
		lead: int32(lead), nameEnd: int32(nameEnd), at: int32(at)})
}

// grow makes room for more properties.
func (b *builder) grow() {
	const few, many, perProperty = 16, 256, 32
	n := few
	switch {
	case len(b.slab) > 0:
		n = many
	case b.lines.fill == nil:
		n = min(len(b.lines.text)/perProperty+few, many)
	}
	own := b.slab[b.run:]
	b.slab = append(make([]Property, 0, max(n, 2*len(own))), own...)
	b.run = 0
}

// seal hands the properties read so far to the innermost component.
func (b *builder) seal() {
	end := len(b.slab)
	own := b.slab[b.run:end:end]
	c := b.stack[len(b.stack)-1].c
	switch {
	case len(own) == 0:
	case c.Properties == nil:
		c.Properties = own
	default:
		c.Properties = append(c.Properties, own...)
	}
	b.run = end
}

// oddBytes reports bytes that a content line must not contain.
func (b *builder) oddBytes(name, text string, control, high bool) {
	for i, cr := 0, false; control && i < len(text); i++ {
		switch {
		case !isControl(text[i]) || text[i] == '\r' && cr:
			continue
		case text[i] == '\r':
			cr = true
			b.reportLine(Warning, "bare-cr", i, name, "a CR without LF is in the line")
			continue
		}
		b.reportLine(Error, "control-character", i, name,
			fmt.Sprintf("the line contains the control character 0x%02x", text[i]))
		break
	}
	if high {
		if i := invalidUTF8(text); i >= 0 {
			b.reportLine(Error, "not-utf-8", i, name, "the line is not UTF-8")
		}
	}
}
