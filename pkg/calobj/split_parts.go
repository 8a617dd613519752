package calobj

import (
	"fmt"
	"slices"

	"github.com/davadmin/davadmin/pkg/ical"
	"github.com/davadmin/davadmin/pkg/store"
)

// parts are the components with one UID that become an object.
type parts struct {
	item  *Item
	kept  []*source
	at    map[string]int // in kept, by the instance
	size  int
	limit int // of the size
}

// newParts begins an object with its first component.
func newParts(first *source, limit int) *parts {
	if limit <= 0 || limit > store.MaxComponent {
		limit = store.MaxComponent
	}
	p := &parts{
		item: &Item{UID: first.uid, Type: first.typ, Line: first.line}, kept: []*source{first}, at: map[string]int{first.instance: 0},
		size: len(first.text), limit: limit,
	}
	if first.made {
		p.reportf(ical.Warning, "uid-made", first, "the %s has no UID, so one was made from its content: %s", first.typ, first.uid)
	}
	if first.decoded {
		p.decoded(first)
	}
	return p
}

// add adds a component. Of two masters, or two overrides of the same instance, the newer one
// is kept.
func (p *parts) add(c *source) {
	if c.typ != p.item.Type {
		p.reportf(ical.Warning, "type-differs", c, "the %s has the UID of a %s, so it is left out: an object has one type", c.typ, p.item.Type)
		return
	}
	i, exists := p.at[c.instance]
	what := "master"
	if c.instance != "" {
		what = "override of " + c.instance
	}
	switch {
	case !exists:
		p.at[c.instance] = len(p.kept)
		p.kept = append(p.kept, c)
		p.size += len(c.text)
	case p.kept[i].text == c.text:
		p.reportf(ical.Note, "duplicate", c, "the %s is the same as that on line %d, so it is left out", c.typ, p.kept[i].line)
		return
	case slices.Compare(c.newness[:], p.kept[i].newness[:]) < 0:
		p.reportf(ical.Warning, "duplicate-older", c, "the %s is an older %s than that on line %d, so it is left out", c.typ, what, p.kept[i].line)
		return
	default:
		p.reportf(ical.Warning, "duplicate-older", p.kept[i], "the %s is not a newer %s than that on line %d, so it is left out", c.typ, what, c.line)
		p.size += len(c.text) - len(p.kept[i].text)
		p.kept[i] = c
	}
	if c.decoded {
		p.decoded(c)
	}
	if p.size > p.limit {
		p.item.Err = refuse(ical.Problem{Code: tooLarge, Line: c.line, Component: c.typ, UID: c.uid, Text: fmt.Sprintf("the components with this UID are larger than %d bytes", p.limit)})
	}
}

func (p *parts) decoded(c *source) {
	p.reportf(ical.Warning, "quoted-printable-decoded", c, "the %s has QUOTED-PRINTABLE text, which was decoded", c.typ)
}

// reportf adds a problem about a component.
func (p *parts) reportf(level ical.Level, code string, c *source, format string, args ...any) {
	if len(p.item.Problems) < maxProblems {
		p.item.Problems = append(p.item.Problems, ical.Problem{Level: level, Code: code, Line: c.line, Component: c.typ, UID: c.uid, Text: fmt.Sprintf(format, args...)})
	}
}

// maxProblems bounds the problems of an item.
const maxProblems = 1000
