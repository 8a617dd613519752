package ldapchange

import (
	"slices"
	"strings"

	"github.com/davadmin/davadmin/pkg/directory"
	"github.com/davadmin/davadmin/pkg/ldif"
)

// exactRule is the matching rule of RFC 4517 that compares letter case. It ignores
// repeated blanks, so a match proves less than the pre-read values do.
const exactRule = "caseExactMatch"

// conditions returns the expectations in the form in which a server can assert
// them. plain contains the attributes, in lower case, to which caseExactMatch does
// not apply.
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

// notNil returns v, or an empty value for nil: directory.Condition takes nil for "any
// value".
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

// valueByValue returns the changes of a record to an entry with the values before,
// as single values to delete and to add. It returns the changes of r themselves if
// the server would refuse them.
func valueByValue(r *Record, before Values) []ldif.Modification {
	then, why := after(r.Changes, before)
	if why != "" {
		return slices.Clone(r.Changes)
	}
	var out []ldif.Modification
	for _, name := range r.attributes() {
		old, now := before.of(name), then.of(name)
		// Delete first: a directory may take a deleted and an added value for the same.
		if deleted := without(old, now); len(deleted) > 0 {
			out = append(out, ldif.Modification{Op: ldif.OpDelete, Name: name, Values: deleted})
		}
		if added := without(now, old); len(added) > 0 {
			out = append(out, ldif.Modification{Op: ldif.OpAdd, Name: name, Values: added})
		}
	}
	return out
}
