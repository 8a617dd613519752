package ldaptest

import (
	"fmt"
	"slices"

	"github.com/go-ldap/ldap/v3"

	"github.com/davadmin/davadmin/pkg/ldif"
)

// edit is a modification together with the description of its attribute in the
// schema. The name of the attribute is spelt as the client spelt it.
type edit struct {
	ldif.Modification
	values []string // Values as text
	desc   *description
}

func newEdit(m ldif.Modification, t *types) edit {
	e := edit{Modification: m, desc: t.describe(m.Name)}
	for _, v := range m.Values {
		e.values = append(e.values, string(v))
	}
	return e
}

func refusal(code int, format string, args ...any) *Result {
	return &Result{Code: code, Message: fmt.Sprintf(format, args...)}
}

// check returns the result for edits that are invalid for every entry, or nil. lenient
// is for servers that accept unknown types.
func (t *types) check(edits []edit, lenient bool) *Result {
	for _, e := range edits {
		if e.Op == ldif.OpAdd && len(e.values) == 0 {
			return refusal(ldap.LDAPResultProtocolError, "add operation (%s) requires values", e.Name)
		}
	}
	for _, e := range edits {
		if res := t.checkOne(&e, lenient); res != nil {
			return res
		}
	}
	return nil
}

func (t *types) checkOne(e *edit, lenient bool) *Result {
	d := e.desc
	if !d.known && !lenient {
		return refusal(ldap.LDAPResultUndefinedAttributeType, "%s: attribute type undefined", e.Name)
	}
	for i, v := range e.values {
		if !t.valid(d, v) {
			return refusal(ldap.LDAPResultInvalidAttributeSyntax, "%s: value #%d invalid per syntax", e.Name, i)
		}
	}
	switch {
	case e.Op == ldif.OpDelete: // any values, and one may be named twice
		return nil
	case d.single && len(e.values) > 1:
		return refusal(ldap.LDAPResultConstraintViolation, "%s: multiple values provided", e.Name)
	}
	for i, v := range e.values {
		if slices.ContainsFunc(e.values[:i], func(o string) bool { return d.equal(o, v) }) {
			return refusal(ldap.LDAPResultAttributeOrValueExists, "%s: value #%d provided more than once", e.Name, i)
		}
	}
	return nil
}

// checkFixed returns a result if clients cannot change one of the attributes, or nil. It
// is called later than check, as in slapd.
func checkFixed(edits []edit) *Result {
	for _, e := range edits {
		if e.desc.fixed {
			return refusal(ldap.LDAPResultConstraintViolation, "%s: no user modification allowed", e.Name)
		}
	}
	return nil
}

// draft is an entry that is being changed.
type draft []attribute

func newDraft(r *record) draft {
	d := draft(slices.Clone(r.attrs))
	for i := range d {
		d[i].values = slices.Clone(d[i].values)
	}
	return d
}

func (d draft) find(desc *description) int {
	return slices.IndexFunc(d, func(a attribute) bool { return a.desc.same(desc) })
}

// entry returns the changed entry.
func (d draft) entry(dn string) Entry {
	e := Entry{DN: dn}
	for _, a := range d {
		e.Attrs = append(e.Attrs, Attr{Name: a.name, Values: a.values})
	}
	return e
}

// apply makes one change, or returns the result of a failure.
func (d *draft) apply(e *edit) *Result {
	switch e.Op {
	case ldif.OpAdd:
		return d.add(e)
	case ldif.OpDelete:
		return d.delete(e)
	}
	d.set(e.desc, e.values)
	return nil
}

func (d *draft) add(e *edit) *Result {
	i := d.find(e.desc)
	if i < 0 {
		*d = append(*d, attribute{name: e.desc.spelling(), desc: e.desc, values: slices.Clone(e.values)})
		return nil
	}
	a := &(*d)[i]
	if e.desc.equality == "" {
		return refusal(ldap.LDAPResultInappropriateMatching, "modify/add: %s: no equality matching rule", e.Name)
	}
	for j, v := range e.values {
		if slices.ContainsFunc(a.values, func(have string) bool { return e.desc.equal(have, v) }) {
			return refusal(ldap.LDAPResultAttributeOrValueExists, "modify/add: %s: value #%d already exists", e.Name, j)
		}
	}
	a.values = append(a.values, e.values...)
	return nil
}

func (d *draft) delete(e *edit) *Result {
	i := d.find(e.desc)
	switch {
	case len(e.values) > 0 && e.desc.equality == "":
		return refusal(ldap.LDAPResultInappropriateMatching, "modify/delete: %s: no equality matching rule", e.Name)
	case i < 0:
		return refusal(ldap.LDAPResultNoSuchAttribute, "modify/delete: %s: no such attribute", e.Name)
	}
	var left []string
	if len(e.values) > 0 {
		gone := map[int]bool{}
		for _, v := range e.values {
			j := slices.IndexFunc((*d)[i].values, func(have string) bool { return e.desc.equal(have, v) })
			if j < 0 {
				return refusal(ldap.LDAPResultNoSuchAttribute, "modify/delete: %s: no such value", e.Name)
			}
			gone[j] = true
		}
		for j, have := range (*d)[i].values {
			if !gone[j] {
				left = append(left, have)
			}
		}
	}
	d.set(e.desc, left)
	return nil
}

// set replaces all values of an attribute. Without values it removes the attribute.
func (d *draft) set(desc *description, values []string) {
	i := d.find(desc)
	switch {
	case i >= 0 && len(values) == 0:
		*d = slices.Delete(*d, i, i+1)
	case i >= 0:
		(*d)[i].values = slices.Clone(values)
	case len(values) > 0:
		*d = append(*d, attribute{name: desc.spelling(), desc: desc, values: slices.Clone(values)})
	}
}

// holds reports whether the draft has a value.
func (d draft) holds(desc *description, value string) bool {
	i := d.find(desc)
	return i >= 0 && slices.ContainsFunc(d[i].values, func(have string) bool { return desc.equal(have, value) })
}

// change makes all changes or none. It checks only the changed attributes: other faults
// of the entry existed before.
func (t *types) change(r *record, edits []edit) (draft, *Result) {
	d := newDraft(r)
	for _, e := range edits {
		if res := d.apply(&e); res != nil {
			return nil, res
		}
	}
	for _, e := range edits {
		if i := d.find(e.desc); i >= 0 && e.desc.single && len(d[i].values) > 1 {
			return nil, refusal(ldap.LDAPResultConstraintViolation, "attribute '%s' cannot have multiple values", e.Name)
		}
	}
	before := newDraft(r)
	for _, ava := range t.naming(r.dn) {
		if before.holds(ava.desc, ava.value) && !d.holds(ava.desc, ava.value) {
			return nil, refusal(ldap.LDAPResultNamingViolation, "naming attribute '%s' is not present in entry", ava.desc.name)
		}
	}
	return d, nil
}

// naming returns the attributes of the first RDN of a DN.
func (t *types) naming(dn string) []ava {
	parsed, err := ldap.ParseDN(dn)
	if err != nil || len(parsed.RDNs) == 0 {
		return nil
	}
	var out []ava
	for _, a := range parsed.RDNs[0].Attributes {
		out = append(out, ava{t.describe(a.Type), a.Value})
	}
	return out
}

type ava struct {
	desc  *description
	value string
}
