package ldapchange

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/davadmin/davadmin/pkg/ldif"
)

// Values are what an entry holds of the attributes that were asked for, by name
// in small letters. An attribute without values is not there.
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

// hasLike tells whether a directory that ignores case and blanks finds a value
// in a list.
func hasLike(list [][]byte, v []byte) bool { return indexLike(list, v) >= 0 }

func indexLike(list [][]byte, v []byte) int {
	if i := slices.IndexFunc(list, func(have []byte) bool { return bytes.Equal(have, v) }); i >= 0 {
		return i
	}
	folded := like(v)
	return slices.IndexFunc(list, func(have []byte) bool { return like(have) == folded })
}

// like folds a value as caseIgnoreMatch does, RFC 4518 as far as case and blanks
// go.
func like(v []byte) string { return strings.ToLower(strings.Join(strings.Fields(string(v)), " ")) }

// unmet says which expectation does not hold; "" when all do.
func unmet(expect []Expectation, now Values) string {
	for _, e := range expect {
		have := now.of(e.Name)
		switch e.Need {
		case NeedAbsent:
			if len(have) > 0 {
				return fmt.Sprintf("%s was to be absent, and is %s", e.Name, shown(have))
			}
		case NeedAll:
			if !sameValues(have, e.Values) {
				return fmt.Sprintf("%s was to be %s, and is %s", e.Name, shown(e.Values), shown(have))
			}
		case NeedHas:
			for _, v := range e.Values {
				if !hasBytes(have, v) {
					return fmt.Sprintf("%s was to have %s, and is %s", e.Name, shown([][]byte{v}), shown(have))
				}
			}
		case NeedLacks:
			for _, v := range e.Values {
				if hasLike(have, v) {
					return fmt.Sprintf("%s was not to have %s, and is %s", e.Name, shown([][]byte{v}), shown(have))
				}
			}
		}
	}
	return ""
}

// shown puts values into a message. Whoever prints it still has to take out
// what acts on a terminal.
func shown(values [][]byte) string {
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

// derived are the expectations of a record that says none for an attribute: what
// its changes need to make sense, and for those that put other values in the
// place of all, what is there now.
func derived(r *Record, now Values) []Expectation {
	expect := slices.Clone(r.Expect)
	named := func(name string) bool {
		return slices.ContainsFunc(r.Expect, func(e Expectation) bool { return strings.EqualFold(e.Name, name) })
	}
	for _, c := range r.Changes {
		if named(c.Name) {
			continue
		}
		switch {
		case c.Op == ldif.OpAdd:
			expect = append(expect, Expectation{c.Name, NeedLacks, c.Values})
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

// after returns what an entry holds once the changes are made, as a directory
// makes them: values are found without regard to case and blanks. why says what
// the server would refuse; "" for nothing.
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
				return nil, fmt.Sprintf("%s is absent and cannot be removed", c.Name)
			}
			if len(c.Values) == 0 {
				have = nil
			}
			for _, v := range c.Values {
				i := indexLike(have, v)
				if i < 0 {
					return nil, fmt.Sprintf("%s has no %s to remove", c.Name, shown([][]byte{v}))
				}
				have = slices.Delete(slices.Clone(have), i, i+1)
			}
		case ldif.OpAdd, ldif.OpIncrement:
			for _, v := range c.Values {
				if hasLike(have, v) {
					return nil, fmt.Sprintf("%s has %s already", c.Name, shown([][]byte{v}))
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

// inverse is the record that takes a change back: what is there before is given
// again, by its bytes. Attributes of which a part is changed, as the object
// classes, are changed back in that part alone.
func inverse(r *Record, before, then Values) Record {
	back := Record{DN: r.DN}
	for _, name := range r.attributes() {
		old, now := before.of(name), then.of(name)
		gone, come := without(old, now), without(now, old)
		if len(gone) == 0 && len(come) == 0 {
			continue
		}
		whole := len(old) == len(gone) || len(now) == len(come)
		switch {
		case len(old) == 0:
			back.Changes = append(back.Changes, ldif.Modification{Op: ldif.OpDelete, Name: name})
		case whole:
			back.Changes = append(back.Changes, ldif.Modification{Op: ldif.OpReplace, Name: name, Values: old})
		default:
			// What goes is removed first: the two may be one value to a directory.
			if len(come) > 0 {
				back.Changes = append(back.Changes, ldif.Modification{Op: ldif.OpDelete, Name: name, Values: come})
			}
			if len(gone) > 0 {
				back.Changes = append(back.Changes, ldif.Modification{Op: ldif.OpAdd, Name: name, Values: gone})
			}
		}
		back.Expect = append(back.Expect, backExpectation(name, now, come, gone, len(old) == 0 || whole)...)
	}
	return back
}

// backExpectation is what must be there before a change of an attribute is taken
// back.
func backExpectation(name string, now, come, gone [][]byte, whole bool) []Expectation {
	if whole {
		if len(now) == 0 {
			return []Expectation{{name, NeedAbsent, nil}}
		}
		return []Expectation{{name, NeedAll, now}}
	}
	var out []Expectation
	if len(come) > 0 {
		out = append(out, Expectation{name, NeedHas, come})
	}
	if len(gone) > 0 && len(come) == 0 {
		out = append(out, Expectation{name, NeedLacks, gone})
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
