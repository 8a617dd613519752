package directory

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"
)

// livePlan is a Query prepared for searches on a server.
type livePlan struct {
	names      *names // including the object class, even if the query does not ask for it
	classPlace int
	classes    *classes
	kinds      []selectionPlan
	attrs      []string // to request: what any selection wants, and the object class
	union      uint64   // bit set of the attributes that any selection wants
	others     bool

	bases  []string
	scope  Scope
	filter *ber.Packet // of the query; nil for none
	common *ber.Packet // the filter that all selections share; nil for none
	// separate is set when the query has bases, a scope or a filter, so that selections
	// with everywhere need searches of their own.
	separate bool
}

// selectionPlan is a Selection prepared for searches on a server.
type selectionPlan struct {
	kind       Kind
	wanted     uint64      // bit set of the attributes to deliver
	classes    []string    // an entry must have one of them
	filter     *ber.Packet // nil if it has none, or shares the common one
	everywhere bool
}

// attrClass is the attribute with the object classes.
const attrClass = "objectClass"

// newLivePlan prepares a query without contacting the server.
func newLivePlan(q Query) (*livePlan, error) {
	if err := q.check(); err != nil {
		return nil, err
	}
	p := &livePlan{names: newNames(q.Attributes), classes: newClasses(q.Selections), scope: q.Scope, others: q.Others}
	p.classPlace = p.names.add(attrClass, len(q.Attributes))
	p.separate = len(q.Bases) > 0 || q.Scope != Subtree || q.Filter != ""
	var err error
	if p.bases, err = reduceBases(q.Bases, q.Scope); err != nil {
		return nil, err
	}
	if p.filter, err = compileLive(q.Filter); err != nil {
		return nil, fmt.Errorf("filter %q: %w", q.Filter, err)
	}
	shared := !slices.ContainsFunc(q.Selections, func(s Selection) bool { return s.Filter != q.Selections[0].Filter })
	for _, s := range q.Selections {
		k := selectionPlan{kind: s.Kind, classes: s.Classes, wanted: p.names.firstPlaces(s.Attributes), everywhere: s.Everywhere}
		if k.filter, err = compileLive(s.Filter); err != nil {
			return nil, fmt.Errorf("filter %q for the %s entries: %w", s.Filter, s.Kind, err)
		}
		if shared {
			p.common, k.filter = k.filter, nil
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

// compileLive compiles a filter. It returns nil for "".
func compileLive(filter string) (*ber.Packet, error) {
	if filter == "" {
		return nil, nil
	}
	return ldap.CompileFilter(filter)
}

// reduceBases removes the bases that are covered by another one, so that no entry is
// delivered twice.
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

// byClass returns a filter for the entries of the selections for which which is true.
// A class that the server does not know makes its part of the filter Undefined (RFC
// 4511 section 4.5.1.7), which an "or" ignores. The filter contains no negation,
// because a negated Undefined would match nothing at all.
func (p *livePlan) byClass(which func(*selectionPlan) bool) *ber.Packet {
	var any []*ber.Packet
	for i := range p.kinds {
		k := &p.kinds[i]
		if !which(k) || len(k.classes) == 0 {
			continue
		}
		f := anyClass(k.classes)
		if k.filter != nil {
			f = filterOf(ldap.FilterAnd, f, k.filter)
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

// and returns a filter that matches when all parts match. A part that is nil matches
// everything.
func and(parts ...*ber.Packet) *ber.Packet {
	parts = slices.DeleteFunc(parts, func(p *ber.Packet) bool { return p == nil })
	switch len(parts) {
	case 0:
		return anyEntry()
	case 1:
		return parts[0]
	}
	return filterOf(ldap.FilterAnd, parts...)
}

// canReadAll reports whether the reader can distinguish the kinds by object class
// alone.
func (p *livePlan) canReadAll() bool {
	return !slices.ContainsFunc(p.kinds, func(k selectionPlan) bool { return k.filter != nil })
}

// mustReadAll reports whether a Selection selects entries of any class.
func (p *livePlan) mustReadAll() bool { return p.classes.rest < p.classes.none }

// liveSearch is one search of a pass.
type liveSearch struct {
	base       string
	scope      Scope
	filter     *ber.Packet
	everywhere bool // for the selections with Everywhere only
}

// searches returns the searches of a pass. With readAll the server sends every entry
// and the reader checks the classes, which is cheaper for the server when most of its
// entries are selected.
func (p *livePlan) searches(readAll bool, contexts []string) []liveSearch {
	var list []liveSearch
	var classes *ber.Packet
	readAll = readAll || p.mustReadAll()
	if !readAll {
		classes = p.byClass(func(k *selectionPlan) bool { return !k.everywhere || !p.separate })
	}
	if readAll || classes != nil {
		for _, base := range p.bases {
			list = append(list, liveSearch{base: base, scope: p.scope, filter: and(p.filter, p.common, classes)})
		}
	}
	if f := p.byClass(func(k *selectionPlan) bool { return k.everywhere }); p.separate && f != nil {
		for _, base := range contexts {
			list = append(list, liveSearch{base: base, filter: and(p.common, f), everywhere: true})
		}
	}
	return list
}

// anyClass returns a filter for the entries with one of the classes.
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
