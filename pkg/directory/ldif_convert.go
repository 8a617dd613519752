package directory

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/davadmin/davadmin/pkg/ldif"
)

// filesPlan is a Query prepared for matching records. It is safe for concurrent use.
type filesPlan struct {
	names      *names // including the object class, even if the query does not ask for it
	classPlace int
	classes    *classes
	kinds      []Kind   // of each selection
	wanted     []uint64 // attributes of each selection
	union      uint64   // of wanted
	everywhere []bool   // of each selection
	others     bool
	bases      *bases
	filter     *matcher
}

func newFilesPlan(q Query) (*filesPlan, error) {
	if err := q.check(); err != nil {
		return nil, err
	}
	p := &filesPlan{names: newNames(q.Attributes), classes: newClasses(q.Selections), others: q.Others}
	p.classPlace = p.names.add("objectClass", len(q.Attributes))
	for _, s := range q.Selections {
		wanted := p.names.firstPlaces(s.Attributes)
		p.kinds = append(p.kinds, s.Kind)
		p.wanted = append(p.wanted, wanted)
		p.union |= wanted
		p.everywhere = append(p.everywhere, s.Everywhere)
	}
	var err error
	if p.bases, err = newBases(q.Bases, q.Scope); err != nil {
		return nil, err
	}
	var classes []string
	for _, s := range q.Selections {
		classes = append(classes, s.Classes...)
	}
	p.filter, err = compileFilter(q.Filter, q.Attributes, classes)
	return p, err
}

// converter converts the records that one worker reads into entries.
type converter struct {
	*filesPlan
	fn        func(*Entry, *Problem) error
	additions bool // change records that add an entry are entries
	file      int
	entries   int               // number of entries delivered, of all selections
	cut       *ldif.RecordError // the end of a file that was cut off; nil for a whole file

	entry  Entry
	values []Value
	found  uint64   // attributes with values in values
	ranged [][]byte // descriptions of attributes that came with some of their values only
	dn     []byte   // for the comparison of DNs
	match  matchState

	_ [64]byte // keeps the data of different workers in different cache lines
}

func newConverter(p *filesPlan, fn func(*Entry, *Problem) error) *converter {
	return &converter{filesPlan: p, fn: fn}
}

// callbackError is an error of the function that is called with the entries.
type callbackError struct{ err error }

func (e *callbackError) Error() string { return e.err.Error() }

// give calls the function with an entry or a problem.
func (c *converter) give(e *Entry, p *Problem) error {
	if err := c.fn(e, p); err != nil {
		return &callbackError{err}
	}
	return nil
}

// take delivers the entry or problem of a record, if it was asked for. The record
// must not change until take returns.
func (c *converter) take(rec *ldif.Record, bad *ldif.RecordError) error {
	if bad != nil {
		if bad.Cut {
			c.cut = bad
			return nil
		}
		return c.give(nil, c.broken(bad))
	}
	if rec.Offset>>offsetBits != 0 {
		return fmt.Errorf("the file has more than %d bytes of text", int64(1)<<offsetBits)
	}
	if rec.Kind != ldif.KindContent && (rec.Kind != ldif.KindAdd || !c.additions) {
		return c.give(nil, c.change(rec))
	}
	selection := c.classes.selection(c.read(rec.Attributes))
	switch selection {
	case deletedSelection:
		return nil
	case referralSelection:
		return c.give(nil, c.problem(Referral, rec, "the entry is a referral: the entries below it are on another server, and not in the file"))
	}
	asked := selection < c.classes.none
	compared := asked && !c.everywhere[selection]
	var err error
	if compared && len(c.bases.normal) > 0 || !isPlainDN(rec.DN) {
		c.dn, err = appendValidDN(c.dn[:0], rec.DN)
	}
	if err != nil {
		p := c.problem(InvalidDN, rec, err.Error())
		p.Entry = &c.entry
		c.entry = Entry{DN: p.DN, Pos: p.Pos, File: p.File, Line: p.Line}
		if asked {
			c.entry.Kind, c.entry.Values = c.kinds[selection], c.values
		}
		return c.give(nil, p)
	}
	if compared {
		if asked = c.bases.containsNormal(c.dn); asked && c.filter != nil {
			if asked, err = c.filter.matches(rec, &c.match); err != nil {
				return err
			}
		}
	}
	if !asked && !c.others {
		return nil
	}
	e := &c.entry
	*e = Entry{DN: rec.DN, Pos: c.pos(rec.Offset), File: c.file, Line: rec.Line}
	if !asked {
		return c.give(e, nil)
	}
	if wanted := c.wanted[selection]; c.found&^wanted != 0 {
		c.keep(wanted)
	}
	e.Kind, e.Values = c.kinds[selection], c.values
	c.entries++
	for _, name := range c.ranged {
		if err := c.give(nil, moreValues(e, string(name))); err != nil {
			return err
		}
	}
	return c.give(e, nil)
}

// moreValues returns the problem of an attribute of an entry that came with some of
// its values only. name contains the range.
func moreValues(e *Entry, name string) *Problem {
	base, _, _ := strings.Cut(name, ";")
	return &Problem{
		Kind: MoreValues, DN: bytes.Clone(e.DN), Pos: e.Pos, File: e.File, Line: e.Line, Attribute: base,
		Detail: fmt.Sprintf("%s: the server returned only a part of the values of %s; the entry has more", name, base),
	}
}

// isRanged reports whether the options of an attribute mean that more values follow:
// "range=0-1499" does, and "range=1500-*" does not (Active Directory, MS-ADTS
// 3.1.1.3.1.3.3).
func isRanged(options []byte) bool {
	for o := range bytes.SplitSeq(options, []byte{';'}) {
		if len(o) > len("range=") && bytes.EqualFold(o[:len("range=")], []byte("range=")) && o[len(o)-1] != '*' {
			return true
		}
	}
	return false
}

// read stores the values that any selection wants in c.values, and returns the lowest
// number of a selection for the object classes.
func (c *converter) read(attrs []ldif.Attribute) int {
	const spare = 64 << 10
	if cap(c.values) > spare {
		c.values = nil // release the memory of a huge entry
	}
	values, selection := c.values[:0], c.classes.none
	c.ranged = c.ranged[:0]
	var last []byte
	place, found := -1, uint64(0)
	for i := range attrs {
		a := &attrs[i]
		if string(a.Name) != string(last) { // the values of an attribute are usually adjacent
			last, place = a.Name, c.names.findValid(a.Name)
		}
		if place < 0 || a.Options != nil && isDeleted(a.Options) {
			continue
		}
		if place == c.classPlace {
			selection = min(selection, c.classes.find(a.Value))
		}
		if c.union>>place&1 != 0 {
			values = append(values, Value{Attr: place, Data: a.Value})
			found |= 1 << place
			if a.Options != nil && isRanged(a.Options) {
				c.addRanged(a)
			}
		}
	}
	c.values, c.found = values, found
	return selection
}

// addRanged records the description of an attribute, once.
func (c *converter) addRanged(a *ldif.Attribute) {
	name := slices.Concat(a.Name, []byte{';'}, a.Options)
	if !slices.ContainsFunc(c.ranged, func(have []byte) bool { return bytes.Equal(have, name) }) {
		c.ranged = append(c.ranged, name)
	}
}

// keep removes the values of attributes that are not in the set wanted.
func (c *converter) keep(wanted uint64) {
	kept := c.values[:0]
	for _, v := range c.values {
		if wanted>>v.Attr&1 != 0 {
			kept = append(kept, v)
		}
	}
	c.values = kept
}

func (c *converter) pos(offset int64) uint64 {
	return uint64(c.file)<<offsetBits | uint64(min(offset, 1<<offsetBits-1))
}

// problem returns the problem of a record. The caller may keep it.
func (c *converter) problem(kind ProblemKind, rec *ldif.Record, detail string) *Problem {
	return &Problem{
		Kind: kind, DN: append([]byte{}, rec.DN...), Pos: c.pos(rec.Offset), File: c.file, Line: rec.Line, Detail: detail,
	}
}

func (c *converter) change(rec *ldif.Record) *Problem {
	detail := fmt.Sprintf("a change record (changetype: %s), not an entry", rec.Kind)
	if rec.Kind == ldif.KindAdd {
		detail = "a change record that adds an entry (changetype: add), not an existing entry"
	}
	p := c.problem(ChangeRecord, rec, detail)
	p.Addition = rec.Kind == ldif.KindAdd
	return p
}

func (c *converter) broken(bad *ldif.RecordError) *Problem {
	p := &Problem{Kind: BrokenRecord, Pos: c.pos(bad.Offset), File: c.file, Line: bad.Line, Detail: bad.Detail}
	if bad.Version {
		p.Kind = UnknownVersion
	}
	if bad.DN != "" {
		p.DN = []byte(bad.DN)
	}
	if bad.Err != nil {
		p.Detail += ": " + bad.Err.Error()
	}
	return p
}
