package ldaptest

import (
	"fmt"
	"slices"
	"strings"
	"sync"
)

// Schema is the content of the subschema entry, in the notation of RFC 4512. It
// determines how values match and which attributes are operational.
type Schema struct {
	AttributeTypes []string
	ObjectClasses  []string
}

// Without returns the schema without the attribute types and object classes with these
// names, for a directory that has not been prepared.
func (s Schema) Without(names ...string) Schema {
	drop := func(definition string) bool {
		for _, have := range parseDefinition(definition)["NAME"] {
			if slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, have) }) {
				return true
			}
		}
		return false
	}
	return Schema{
		AttributeTypes: slices.DeleteFunc(slices.Clone(s.AttributeTypes), drop),
		ObjectClasses:  slices.DeleteFunc(slices.Clone(s.ObjectClasses), drop),
	}
}

// description is an attribute description: a type, possibly with options.
type description struct {
	base        string // first name of the type in lower case, the same for all its names
	name        string // that name as the schema spells it
	options     []string
	rule        rule
	equality    string // name of the equality rule, as the schema spells it; "" if values cannot be compared
	syntax      string // OID, "" if unknown
	single      bool   // single-valued
	fixed       bool   // clients cannot change it
	operational bool
	known       bool // the type is in the schema
}

// covers reports whether a request for d includes an attribute described by other: the
// same type with at least the options of d.
func (d *description) covers(other *description) bool {
	if d.base != other.base {
		return false
	}
	for _, o := range d.options {
		if !slices.Contains(other.options, o) {
			return false
		}
	}
	return true
}

// same reports whether d and other describe the same attribute of an entry.
func (d *description) same(other *description) bool { return d.covers(other) && other.covers(d) }

// spelling returns the name for a new attribute.
func (d *description) spelling() string {
	return strings.Join(append([]string{d.name}, d.options...), ";")
}

// types looks up attribute names in the schema.
type types struct {
	byName  map[string]*description
	classes map[string]bool // by name and OID, in lower case
	seen    sync.Map        // spelling → *description; names repeat in every entry
}

// newTypes parses the definitions. The attributes in operational become operational
// whatever their definition says.
func newTypes(s Schema, operational []string) (*types, error) {
	t := &types{byName: map[string]*description{}, classes: map[string]bool{}}
	for _, d := range s.AttributeTypes {
		if err := t.add(parseDefinition(d)); err != nil {
			return nil, fmt.Errorf("attribute type %q: %w", d, err)
		}
	}
	for _, c := range s.ObjectClasses {
		def := parseDefinition(c)
		for _, name := range slices.Concat(def["NAME"], def["OID"]) {
			t.classes[strings.ToLower(name)] = true
		}
	}
	for _, name := range operational {
		d := t.byName[strings.ToLower(name)]
		if d == nil {
			d = unknownType(name)
			t.byName[d.base] = d
		}
		d.operational, d.known = true, true
	}
	return t, nil
}

func (t *types) add(def map[string][]string) error {
	names := slices.Concat(def["NAME"], def["OID"])
	if len(def["NAME"]) == 0 {
		return fmt.Errorf("the definition has no name")
	}
	d := &description{}
	if sup := def["SUP"]; len(sup) > 0 {
		above := t.byName[strings.ToLower(sup[0])]
		if above == nil {
			return fmt.Errorf("the superior type %s is not defined before it", sup[0])
		}
		d.rule, d.equality, d.syntax = above.rule, above.equality, above.syntax
	}
	d.name, d.base, d.known = names[0], strings.ToLower(names[0]), true
	usage := def["USAGE"]
	d.operational = len(usage) > 0 && usage[0] != "userApplications"
	if rule := def["EQUALITY"]; len(rule) > 0 {
		d.equality = rule[0]
		d.rule, _ = ruleOf(rule[0])
	}
	if syntax := def["SYNTAX"]; len(syntax) > 0 {
		d.syntax, _, _ = strings.Cut(syntax[0], "{") // without the length, which is not enforced
	}
	_, d.single = def["SINGLE-VALUE"]
	_, d.fixed = def["NO-USER-MODIFICATION"]
	for _, n := range names {
		t.byName[strings.ToLower(n)] = d
	}
	return nil
}

// unknownType is the description of a type that is not in the schema. If it is matched
// at all, case and blanks are ignored.
func unknownType(name string) *description {
	return &description{base: strings.ToLower(name), name: name, rule: ruleFold, equality: "caseIgnoreMatch"}
}

// describe looks up an attribute description.
func (t *types) describe(spelling string) *description {
	if d, ok := t.seen.Load(spelling); ok {
		return d.(*description)
	}
	name, options, _ := strings.Cut(spelling, ";")
	d := unknownType(name)
	if typ := t.byName[d.base]; typ != nil {
		*d = *typ
	}
	if options != "" {
		d.options = strings.Split(strings.ToLower(options), ";")
	}
	t.seen.Store(spelling, d)
	return d
}

// parseDefinition splits a definition into its words; OID is the key of the number at
// the front. It expects a well-formed definition.
func parseDefinition(def string) map[string][]string {
	out := map[string][]string{}
	word := "OID"
	inList := false
	for i, tok := range tokens(def) {
		switch {
		case tok == "(" && i > 0:
			inList = true
		case tok == ")":
			inList = false
		case tok == "(" || tok == "$":
		case tok[0] == '\'':
			out[word] = append(out[word], tok[1:])
		case word == "OID" && len(out["OID"]) == 0, inList:
			out[word] = append(out[word], tok)
		case tok == "SINGLE-VALUE" || tok == "STRUCTURAL" || tok == "AUXILIARY" || tok == "ABSTRACT" ||
			tok == "NO-USER-MODIFICATION" || tok == "OBSOLETE" || tok == "COLLECTIVE":
			out[tok] = nil
		case len(out[word]) == 0 && word != "OID":
			out[word] = append(out[word], tok)
		default:
			word = tok
		}
	}
	return out
}

// tokens splits a definition; a quoted string keeps its opening quote.
func tokens(def string) []string {
	var out []string
	for def = strings.TrimLeft(def, " \t\n"); def != ""; def = strings.TrimLeft(def, " \t\n") {
		n := 1
		switch def[0] {
		case '(', ')', '$':
		case '\'':
			n = 1 + strings.IndexByte(def[1:], '\'')
			if n < 1 {
				n = len(def)
			}
			out = append(out, def[:n])
			def = def[min(n+1, len(def)):]
			continue
		default:
			n = strings.IndexAny(def, " \t\n()$'")
			if n < 0 {
				n = len(def)
			}
		}
		out = append(out, def[:n])
		def = def[n:]
	}
	return out
}
