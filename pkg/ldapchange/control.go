package ldapchange

import (
	"slices"
	"strings"

	"github.com/davadmin/davadmin/pkg/directory"
	"github.com/davadmin/davadmin/pkg/ldif"
)

// exactRule is the matching rule of RFC 4517 that compares letter case. Blanks it
// squeezes, so that it is no proof; what the server read before is one.
const exactRule = "caseExactMatch"

// conditions say what must hold, as far as a server can be asked for it. plain
// are attributes, in small letters, to which caseExactMatch does not apply.
func conditions(expect []Expectation, plain map[string]bool) []directory.Condition {
	var out []directory.Condition
	for _, e := range expect {
		rule := exactRule
		if plain[strings.ToLower(e.Name)] {
			rule = ""
		}
		switch e.Need {
		case NeedAbsent:
			out = append(out, directory.Condition{Not: true, Name: e.Name})
		case NeedAll, NeedHas:
			for _, v := range e.Values {
				out = append(out, directory.Condition{Name: e.Name, Rule: rule, Value: notNil(v)})
			}
		case NeedLacks:
			for _, v := range e.Values {
				out = append(out, directory.Condition{Not: true, Name: e.Name, Value: notNil(v)})
			}
		}
	}
	return out
}

// notNil tells an empty value from none.
func notNil(v []byte) []byte {
	if v == nil {
		return []byte{}
	}
	return v
}

// request returns the modify request for a record, without controls.
func request(r *Record) directory.ModifyRequest {
	return directory.ModifyRequest{DN: r.DN, Changes: r.Changes}
}

// valueByValue is what a record does to an entry that holds before, as values that go
// and values that come. A record that the server would refuse stays as it is.
func valueByValue(r *Record, before Values) []ldif.Modification {
	then, why := after(r.Changes, before)
	if why != "" {
		return slices.Clone(r.Changes)
	}
	var out []ldif.Modification
	for _, name := range r.attributes() {
		old, now := before.of(name), then.of(name)
		// What goes is removed first: the two may be one value to a directory.
		if gone := without(old, now); len(gone) > 0 {
			out = append(out, ldif.Modification{Op: ldif.OpDelete, Name: name, Values: gone})
		}
		if come := without(now, old); len(come) > 0 {
			out = append(out, ldif.Modification{Op: ldif.OpAdd, Name: name, Values: come})
		}
	}
	return out
}
