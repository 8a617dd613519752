package ical

import "fmt"

// maxProblems is how many problems are kept until they are taken. A hostile text can have one on
// each line.
const maxProblems = 1000

// problems collects problems.
type problems struct {
	list    []Problem
	dropped int
	worst   Level // of those dropped
}

func (p *problems) add(q Problem) {
	if len(p.list) < maxProblems {
		p.list = append(p.list, q)
		return
	}
	p.dropped++
	p.worst = max(p.worst, q.Level)
}

// take returns the problems and forgets them.
func (p *problems) take() []Problem {
	list := p.list
	if p.dropped > 0 {
		list = append(list, Problem{Level: p.worst, Code: "more-problems",
			Text: fmt.Sprintf("%d more problems are not listed", p.dropped)})
	}
	*p = problems{}
	return list
}

// report adds a problem, with the component that it is in. Unless lenient, the first of level
// Error ends the reading.
func (b *builder) report(p Problem) {
	if p.Component == "" && len(b.stack) > 0 {
		p.Component = b.stack[len(b.stack)-1].c.Name
	}
	if p.UID == "" && len(b.stack) > 1 {
		p.UID = b.stack[1].uid
	}
	b.problems.add(p)
	if p.Level == Error && !b.lenient && b.err == nil {
		b.err = &p
	}
}

// limit reports that a limit is exceeded. A Reader that is lenient skips the component, in all other
// cases the reading ends.
func (b *builder) limit(name, text string, limit int) {
	p := Problem{Level: Error, Code: "limit-" + name, Line: b.lines.line, Text: fmt.Sprintf(text, limit)}
	if b.lenient && b.lines.fill != nil && len(b.stack) > 1 {
		b.report(p)
		b.skip()
		return
	}
	b.fail(p)
}

// fail ends the reading.
func (b *builder) fail(p Problem) {
	b.report(p)
	if b.err == nil {
		b.err = &p
	}
}

// noCalendar ends the reading because nothing was found.
func (b *builder) noCalendar() {
	b.fail(Problem{Level: Error, Code: "no-calendar", Text: "the text contains no VCALENDAR"})
}

// reportLine adds a problem of the current line.
func (b *builder) reportLine(level Level, code string, at int, property, text string) {
	line, column := b.lines.place(at)
	b.report(Problem{Level: level, Code: code, Line: line, Column: column, Property: property, Text: text})
}
