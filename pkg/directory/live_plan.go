package directory

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"
)

// livePlan is what a query asks of a server.
type livePlan struct {
	names      *names // and the object class, wanted or not
	classPlace int
	classes    *classes
	kinds      []selectionPlan
	attrs      []string // to ask for: what any selection wants, and the object class
	union      uint64   // places of what any selection wants
	others     bool

	bases  []string
	scope  Scope
	filter *ber.Packet // of the query; nil for none
	common *ber.Packet // the filter that all selections share; nil for none
	// apart are the selections that the bases, the scope and the filter do not
	// narrow, where there is something to narrow.
	apart bool
}

// selectionPlan is how the entries of one Selection are known.
type selectionPlan struct {
	kind       Kind
	wanted     uint64      // places to deliver
	classes    []string    // of which an entry must have one
	narrow     *ber.Packet // its filter, where that is not the common one
	everywhere bool
}

// attrClass is the attribute that tells the classes.
const attrClass = "objectClass"

// newLivePlan reads the query, without asking the server anything.
func newLivePlan(q Query) (*livePlan, error) {
	if err := q.check(); err != nil {
		return nil, err
	}
	p := &livePlan{names: newNames(q.Attributes), classes: newClasses(q.Selections), scope: q.Scope, others: q.Others}
	p.classPlace = p.names.add(attrClass, len(q.Attributes))
	p.apart = len(q.Bases) > 0 || q.Scope != Subtree || q.Filter != ""
	var err error
	if p.bases, err = reduceBases(q.Bases, q.Scope); err != nil {
		return nil, err
	}
	if p.filter, err = compileLive(q.Filter); err != nil {
		return nil, fmt.Errorf("filter %q: %w", q.Filter, err)
	}
	shared := !slices.ContainsFunc(q.Selections, func(s Selection) bool { return s.Filter != q.Selections[0].Filter })
	for _, s := range q.Selections {
		k := selectionPlan{kind: s.Kind, classes: s.Classes, wanted: p.names.firsts(s.Attributes), everywhere: s.Everywhere}
		if k.narrow, err = compileLive(s.Filter); err != nil {
			return nil, fmt.Errorf("filter %q of the %s entries: %w", s.Filter, s.Kind, err)
		}
		if shared {
			p.common, k.narrow = k.narrow, nil
		}
		p.kinds = append(p.kinds, k)
		p.union |= k.wanted
	}
	for place, name := range q.Attributes {
		if p.union>>place&1 != 0 {
			p.attrs = append(p.attrs, name)
		}
	}
	if !containsFolded(p.attrs, attrClass) {
		p.attrs = append(p.attrs, attrClass)
	}
	return p, nil
}

func containsFolded(list []string, s string) bool {
	return slices.ContainsFunc(list, func(have string) bool { return strings.EqualFold(have, s) })
}

// compileLive compiles a filter; nil for "".
func compileLive(filter string) (*ber.Packet, error) {
	if filter == "" {
		return nil, nil
	}
	return ldap.CompileFilter(filter)
}

// reduceBases drops those bases that another one covers, so that no entry
// comes twice.
func reduceBases(list []string, scope Scope) ([]string, error) {
	normal := make([][]byte, len(list))
	covered := map[string]bool{}
	for i, base := range list {
		var err error
		if normal[i], err = AppendNormalDN(nil, []byte(base)); err != nil {
			return nil, fmt.Errorf("base %q: %w", base, err)
		}
		covered[string(normal[i])] = false
	}
	var out []string
next:
	for i, base := range list {
		name := normal[i]
		if covered[string(name)] {
			continue
		}
		covered[string(name)] = true
		for above := name; scope == Subtree && len(above) > 0; {
			_, above, _ = bytes.Cut(above, []byte{','})
			if _, ok := covered[string(above)]; ok {
				continue next
			}
		}
		out = append(out, base)
	}
	return out, nil
}

// byClass is the filter of the entries of those selections that which says. A
// class that the server does not know makes its part of the filter neither true
// nor false (RFC 4511 section 4.5.1.7), which an "or" passes over; nothing is
// negated here, because the negation of it would find nothing at all.
func (p *livePlan) byClass(which func(*selectionPlan) bool) *ber.Packet {
	var any []*ber.Packet
	for i := range p.kinds {
		k := &p.kinds[i]
		if !which(k) || len(k.classes) == 0 {
			continue
		}
		f := anyClass(k.classes)
		if k.narrow != nil {
			f = filterOf(ldap.FilterAnd, f, k.narrow)
		}
		any = append(any, f)
	}
	switch len(any) {
	case 0:
		return nil
	case 1:
		return any[0]
	}
	return filterOf(ldap.FilterOr, any...)
}

// all puts filters together, of which those that are nil are true of everything.
func all(parts ...*ber.Packet) *ber.Packet {
	parts = slices.DeleteFunc(parts, func(p *ber.Packet) bool { return p == nil })
	switch len(parts) {
	case 0:
		return anyEntry()
	case 1:
		return parts[0]
	}
	return filterOf(ldap.FilterAnd, parts...)
}

// canReadAll tells whether the reader can tell the kinds apart by itself.
func (p *livePlan) canReadAll() bool {
	return !slices.ContainsFunc(p.kinds, func(k selectionPlan) bool { return k.narrow != nil })
}

// mustReadAll tells whether a Selection takes entries of any class.
func (p *livePlan) mustReadAll() bool { return p.classes.rest < p.classes.none }

// liveSearch is one search of a pass.
type liveSearch struct {
	base       string
	scope      Scope
	filter     *ber.Packet
	everywhere bool // for the selections that are asked for everywhere, and no others
}

// searches returns what to search for. With readAll the server sends every
// entry, and the reader looks at the classes: that is cheaper for a server most
// of whose entries are asked for.
func (p *livePlan) searches(readAll bool, contexts []string) []liveSearch {
	var list []liveSearch
	var classes *ber.Packet
	readAll = readAll || p.mustReadAll()
	if !readAll {
		classes = p.byClass(func(k *selectionPlan) bool { return !k.everywhere || !p.apart })
	}
	if readAll || classes != nil {
		for _, base := range p.bases {
			list = append(list, liveSearch{base: base, scope: p.scope, filter: all(p.filter, p.common, classes)})
		}
	}
	if f := p.byClass(func(k *selectionPlan) bool { return k.everywhere }); p.apart && f != nil {
		for _, base := range contexts {
			list = append(list, liveSearch{base: base, filter: all(p.common, f), everywhere: true})
		}
	}
	return list
}

// anyClass is true of the entries with one of the classes.
func anyClass(classes []string) *ber.Packet {
	parts := make([]*ber.Packet, len(classes))
	for i, c := range classes {
		parts[i] = ber.Encode(ber.ClassContext, ber.TypeConstructed, ldap.FilterEqualityMatch, nil, "")
		for _, side := range []string{attrClass, c} {
			parts[i].AppendChild(ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, side, ""))
		}
	}
	if len(parts) == 1 {
		return parts[0]
	}
	return filterOf(ldap.FilterOr, parts...)
}

func filterOf(tag ber.Tag, parts ...*ber.Packet) *ber.Packet {
	p := ber.Encode(ber.ClassContext, ber.TypeConstructed, tag, nil, "")
	for _, part := range parts {
		p.AppendChild(part)
	}
	return p
}
