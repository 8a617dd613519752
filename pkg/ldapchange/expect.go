package ldapchange

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/davadmin/davadmin/pkg/directory"
	"github.com/davadmin/davadmin/pkg/ldif"
)

// Values are the values of the requested attributes of an entry, by attribute name
// in lower case. An attribute without values is absent.
type Values map[string][][]byte

func (v Values) of(name string) [][]byte { return v[strings.ToLower(name)] }

// clone copies the lists, not the values.
func (v Values) clone() Values {
	out := make(Values, len(v))
	for name, list := range v {
		out[name] = slices.Clone(list)
	}
	return out
}

// sameValues compares two sets of values by their bytes.
func sameValues(a, b [][]byte) bool {
	if len(a) != len(b) {
		return false
	}
	for _, v := range a {
		if !hasBytes(b, v) {
			return false
		}
	}
	for _, v := range b {
		if !hasBytes(a, v) {
			return false
		}
	}
	return true
}

func hasBytes(list [][]byte, v []byte) bool {
	return slices.ContainsFunc(list, func(have []byte) bool { return bytes.Equal(have, v) })
}

// hasLike reports whether a directory that ignores case and blanks finds a value
// in a list.
func hasLike(list [][]byte, v []byte) bool { return indexLike(list, v) >= 0 }

func indexLike(list [][]byte, v []byte) int {
	if i := slices.IndexFunc(list, func(have []byte) bool { return bytes.Equal(have, v) }); i >= 0 {
		return i
	}
	folded := like(v)
	return slices.IndexFunc(list, func(have []byte) bool { return like(have) == folded })
}

// like folds a value as caseIgnoreMatch does (RFC 4518).
func like(v []byte) string { return string(directory.AppendFold(nil, v)) }

// unmet describes the first expectation that does not hold. It returns "" if all do.
func unmet(expect []Expectation, now Values) string {
	for _, e := range expect {
		have := now.of(e.Name)
		switch e.Need {
		case NeedAbsent:
			if len(have) > 0 {
				return fmt.Sprintf("%s is %s, expected absent", e.Name, quoteValues(have))
			}
		case NeedAll:
			if !sameValues(have, e.Values) {
				return fmt.Sprintf("%s is %s, expected %s", e.Name, quoteValues(have), quoteValues(e.Values))
			}
		case NeedHas:
			for _, v := range e.Values {
				if !hasBytes(have, v) {
					return fmt.Sprintf("%s is %s, expected it to include %s", e.Name, quoteValues(have), quoteValues([][]byte{v}))
				}
			}
		case NeedLacks:
			for _, v := range e.Values {
				if hasLike(have, v) {
					return fmt.Sprintf("%s is %s, expected it not to include %s", e.Name, quoteValues(have), quoteValues([][]byte{v}))
				}
			}
		}
	}
	return ""
}

// quoteValues formats values for a message. The result may still contain control
// characters, which whoever prints it has to replace.
func quoteValues(values [][]byte) string {
	const most, longest = 5, 100
	if len(values) == 0 {
		return "absent"
	}
	var list []string
	for i, v := range values {
		if i == most {
			list = append(list, fmt.Sprintf("and %d more", len(values)-most))
			break
		}
		if len(v) > longest {
			v = append(slices.Clone(v[:longest]), "…"...)
		}
		list = append(list, "'"+strings.ToValidUTF8(string(v), "\uFFFD")+"'")
	}
	return strings.Join(list, ", ")
}

// derived returns the expectations of a record, with one added for each attribute
// that has none: what its changes presuppose, or, for changes that replace all
// values, the present values.
func derived(r *Record, now Values) []Expectation {
	expect := slices.Clone(r.Expect)
	named := func(name string) bool {
		return slices.ContainsFunc(r.Expect, func(e Expectation) bool { return strings.EqualFold(e.Name, name) })
	}
	for i, c := range r.Changes {
		if named(c.Name) {
			continue
		}
		switch {
		case c.Op == ldif.OpAdd:
			if lacks := added(r.Changes[:i], &c); len(lacks) > 0 {
				expect = append(expect, Expectation{c.Name, NeedLacks, lacks})
			}
		case c.Op == ldif.OpDelete && len(c.Values) > 0:
			expect = append(expect, Expectation{c.Name, NeedHas, c.Values})
		case len(now.of(c.Name)) == 0:
			expect = append(expect, Expectation{c.Name, NeedAbsent, nil})
		default:
			expect = append(expect, Expectation{c.Name, NeedAll, now.of(c.Name)})
		}
	}
	return expect
}

// added returns the values of an addition that the entry must lack before the record:
// those that no earlier change of the record removes.
func added(earlier []ldif.Modification, c *ldif.Modification) [][]byte {
	values := c.Values
	for _, e := range earlier {
		switch {
		case !strings.EqualFold(e.Name, c.Name) || e.Op == ldif.OpAdd:
		case e.Op == ldif.OpReplace || len(e.Values) == 0:
			return nil
		default:
			values = slices.DeleteFunc(slices.Clone(values), func(v []byte) bool { return hasLike(e.Values, v) })
		}
	}
	return values
}

// after returns the values of an entry after the changes, made as a directory makes
// them: values are found regardless of case and blanks. why describes what the
// server would refuse; it is "" if nothing.
func after(changes []ldif.Modification, now Values) (then Values, why string) {
	then = now.clone()
	for _, c := range changes {
		key := strings.ToLower(c.Name)
		have := then[key]
		switch c.Op {
		case ldif.OpReplace:
			have = c.Values
		case ldif.OpDelete:
			if len(have) == 0 {
				return nil, fmt.Sprintf("%s is absent, so it cannot be deleted", c.Name)
			}
			if len(c.Values) == 0 {
				have = nil
			}
			for _, v := range c.Values {
				i := indexLike(have, v)
				if i < 0 {
					return nil, fmt.Sprintf("%s has no value %s to delete", c.Name, quoteValues([][]byte{v}))
				}
				have = slices.Delete(slices.Clone(have), i, i+1)
			}
		case ldif.OpAdd, ldif.OpIncrement:
			for _, v := range c.Values {
				if hasLike(have, v) {
					return nil, fmt.Sprintf("%s already has the value %s", c.Name, quoteValues([][]byte{v}))
				}
			}
			have = slices.Concat(have, c.Values)
		}
		if len(have) == 0 {
			delete(then, key)
		} else {
			then[key] = have
		}
	}
	return then, ""
}

// inverse returns the record that undoes a change: it restores the values from
// before, byte by byte. Where only some values of an attribute change, such as an
// object class, it changes only those back.
func inverse(r *Record, before, then Values) Record {
	back := Record{DN: r.DN}
	for _, name := range r.attributes() {
		old, now := before.of(name), then.of(name)
		deleted, added := without(old, now), without(now, old)
		if len(deleted) == 0 && len(added) == 0 {
			continue
		}
		replaced := len(old) == len(deleted) || len(now) == len(added)
		switch {
		case len(old) == 0:
			back.Changes = append(back.Changes, ldif.Modification{Op: ldif.OpDelete, Name: name})
		case replaced:
			back.Changes = append(back.Changes, ldif.Modification{Op: ldif.OpReplace, Name: name, Values: old})
		default:
			// Delete first: a directory may take a deleted and an added value for the same.
			if len(added) > 0 {
				back.Changes = append(back.Changes, ldif.Modification{Op: ldif.OpDelete, Name: name, Values: added})
			}
			if len(deleted) > 0 {
				back.Changes = append(back.Changes, ldif.Modification{Op: ldif.OpAdd, Name: name, Values: deleted})
			}
		}
		back.Expect = append(back.Expect, undoExpectation(name, now, added, deleted, len(old) == 0 || replaced)...)
	}
	return back
}

// undoExpectation returns what is expected before the change of an attribute is
// undone. now are all its values; replaced means that the undo replaces all of them.
func undoExpectation(name string, now, added, deleted [][]byte, replaced bool) []Expectation {
	if replaced {
		if len(now) == 0 {
			return []Expectation{{name, NeedAbsent, nil}}
		}
		return []Expectation{{name, NeedAll, now}}
	}
	var out []Expectation
	if len(added) > 0 {
		out = append(out, Expectation{name, NeedHas, added})
	}
	if len(deleted) > 0 && len(added) == 0 {
		out = append(out, Expectation{name, NeedLacks, deleted})
	}
	return out
}

// without returns the values of a that are not in b, by their bytes.
func without(a, b [][]byte) [][]byte {
	var out [][]byte
	for _, v := range a {
		if !hasBytes(b, v) {
			out = append(out, v)
		}
	}
	return out
}
