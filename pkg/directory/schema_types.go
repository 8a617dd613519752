package directory

import (
	_ "embed"
	"strings"
)

//go:embed schema.txt
var standardSchema string

// attributeType is what a filter depends on in the definition of an attribute type
// (RFC 4512 section 4.1.2). Rules and syntax of a type without its own are those of its
// superior type.
type attributeType struct {
	names                      []string // in lower case, with the OID
	super                      string   // in lower case; "" for none
	equality, ordering, substr string   // names or OIDs of matching rules, in lower case
	syntax                     string   // OID
	operational                bool
}

// objectClass is what a filter depends on in the definition of an object class.
type objectClass struct {
	names  []string // in lower case, with the OID
	supers []string // in lower case
}

// typeSchema contains attribute types and object classes by lower-case name and OID. It
// does not change once it was read, and is safe for concurrent use.
type typeSchema struct {
	types   map[string]*attributeType
	classes map[string]*objectClass
	list    []*attributeType // all types, in the order of their definition
}

// newTypeSchema returns the schema of the standards and of the calendar. Names in text
// that it does not define become attributes that are compared as text without regard to
// case.
func newTypeSchema(text []string) *typeSchema {
	s := &typeSchema{types: map[string]*attributeType{}, classes: map[string]*objectClass{}}
	for line := range strings.Lines(standardSchema) {
		kind, definition, _ := strings.Cut(line, ": ")
		switch kind {
		case "attributeTypes":
			s.addType(parseDefinition(definition))
		case "objectClasses":
			s.addClass(parseDefinition(definition))
		}
	}
	for _, name := range text {
		name, _, _ = strings.Cut(foldASCII(name), ";")
		if name != "" && s.types[name] == nil {
			s.addNamed(&attributeType{names: []string{name}, equality: "caseignorematch", substr: "caseignoresubstringsmatch", syntax: syntaxDirectoryString})
		}
	}
	return s
}

// parseDefinition splits a definition into lists of words in lower case, by the keyword
// before them. The key of the OID is "". Each keyword must have a value.
func parseDefinition(text string) map[string][]string {
	const keyword = "keyword expected"
	out := map[string][]string{}
	key, depth := "", 0
	for word := nextSchemaWord(&text); word != ""; word = nextSchemaWord(&text) {
		switch {
		case word == "(":
			depth++
		case word == ")":
			depth--
			key = keyword
		case word == "$":
		case key == keyword:
			key = word
		default:
			out[key] = append(out[key], strings.Trim(foldASCII(word), "'"))
			if depth == 1 {
				key = keyword
			}
		}
	}
	return out
}

func (s *typeSchema) addType(d map[string][]string) {
	t := &attributeType{
		names: append(d["NAME"], d[""]...), super: one(d["SUP"]), equality: one(d["EQUALITY"]), ordering: one(d["ORDERING"]),
		substr: one(d["SUBSTR"]), syntax: one(d["SYNTAX"]),
	}
	usage := one(d["USAGE"])
	t.operational = usage != "" && usage != "userapplications"
	if above := s.types[t.super]; above != nil {
		t.equality, t.ordering, t.substr = either(t.equality, above.equality), either(t.ordering, above.ordering), either(t.substr, above.substr)
		t.syntax = either(t.syntax, above.syntax)
	}
	s.addNamed(t)
}

func (s *typeSchema) addNamed(t *attributeType) {
	s.list = append(s.list, t)
	for _, name := range t.names {
		s.types[name] = t
	}
}

func (s *typeSchema) addClass(d map[string][]string) {
	c := &objectClass{names: append(d["NAME"], d[""]...), supers: d["SUP"]}
	for _, name := range c.names {
		s.classes[name] = c
	}
}

func one(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[0]
}

func either(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// isSubtype reports whether t is super or below it.
func (s *typeSchema) isSubtype(t, super *attributeType) bool {
	const deepest = 20 // a loop in a schema must not hang us
	for range deepest {
		if t == super {
			return true
		}
		if t = s.types[t.super]; t == nil {
			return false
		}
	}
	return false
}

// isSubclass reports whether an entry of the class named have is also of the class want.
func (s *typeSchema) isSubclass(have string, want *objectClass, depth int) bool {
	const deepest = 20
	c := s.classes[have]
	if c == nil || depth > deepest {
		return false
	}
	if c == want {
		return true
	}
	for _, super := range c.supers {
		if s.isSubclass(super, want, depth+1) {
			return true
		}
	}
	return false
}
