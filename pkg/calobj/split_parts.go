package calobj

import (
	"fmt"
	"slices"

	"github.com/davadmin/davadmin/pkg/ical"
)

// parts are the components with one UID that become an object.
type parts struct {
	item  *Item
	kept  []*source
	size  int
	limit int // of the size
}

// add adds a component. Of two masters, or two overrides of the same instance, the newer one
// is kept.
func (p *parts) add(c *source) {
	if c.typ != p.item.Type {
		p.report(ical.Warning, "type-differs", c, fmt.Sprintf("%s has the UID of a %s, so it is left out: an object has one type", c.typ, p.item.Type))
		return
	}
	i := slices.IndexFunc(p.kept, func(other *source) bool { return other.instance == c.instance })
	what := "master"
	if c.instance != "" {
		what = "override of " + c.instance
	}
	switch {
	case i < 0:
		p.kept = append(p.kept, c)
		p.size += len(c.text)
	case p.kept[i].text == c.text:
		p.report(ical.Note, "duplicate", c, fmt.Sprintf("is the same as that on line %d, so it is left out", p.kept[i].line))
	case slices.Compare(c.newness[:], p.kept[i].newness[:]) < 0:
		p.report(ical.Warning, "duplicate-older", c, fmt.Sprintf("is an older %s than that on line %d, so it is left out", what, p.kept[i].line))
	default:
		p.report(ical.Warning, "duplicate-older", p.kept[i], fmt.Sprintf("is not a newer %s than that on line %d, so it is left out", what, c.line))
		p.size += len(c.text) - len(p.kept[i].text)
		p.kept[i] = c
	}
	if p.size > p.limit {
		p.item.Err = refuse(MaxSize, ical.Problem{Code: tooLarge, Line: c.line, Component: c.typ, UID: c.uid, Text: fmt.Sprintf("the components with this UID are larger than %d bytes", p.limit)})
	}
}

// report adds a problem about a component.
func (p *parts) report(level ical.Level, code string, c *source, text string) {
	if len(p.item.Problems) >= maxProblems {
		return
	}
	if code != "type-differs" && level != ical.Note || code == "duplicate" {
		text = c.typ + " " + text
	}
	p.item.Problems = append(p.item.Problems, ical.Problem{Level: level, Code: code, Line: c.line, Component: c.typ, UID: c.uid, Text: text})
}

// maxProblems bounds the problems of an item.
const maxProblems = 1000

// Codes of pkg/ical that mean a certain precondition.
const (
	tooLarge  = "limit-size"
	hasMethod = "method-present"
)
