package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// PropertyReader reads dead properties.
type PropertyReader interface {
	// Properties returns the dead properties of a place, sorted by namespace and name.
	// ErrNotFound for the place. Like Account, it finds the home of a deleted account;
	// a deleted collection or resource is not found.
	Properties(ctx context.Context, p PropertyPlace) ([]Property, error)
}

// PropertyWriter changes dead properties.
type PropertyWriter interface {
	// SetProperties makes changes of the dead properties of a place, in their order, as
	// PROPPATCH requires (RFC 4918, 9.2): all or none. Removing a property that does not
	// exist is no error (RFC 4918, 14.23). ErrNotFound for the place; ErrDeleted for the
	// account; ErrInvalid.
	//
	// It changes no ETag, no revision, no version and no time of the place: a resource
	// must be reported as changed when its ETag has changed (RFC 6578, 3.5.1), and a
	// change of a property alone would make each client read the resource again.
	SetProperties(ctx context.Context, p PropertyPlace, changes []PropertyChange) error
}

// PropertyPlace is what dead properties belong to: the home of an account, a collection or a
// resource. They are deleted and restored with it. Another version of a resource keeps
// them; another resource or collection of the same name does not get them.
type PropertyPlace struct {
	Account  string // unique id of the account
	Calendar string // name of the collection; "" for the home
	Resource string // name of the resource; "" for the collection
}

// String returns the place for messages, without sanitising it.
func (p PropertyPlace) String() string {
	switch {
	case p.Calendar == "":
		return "home of account " + p.Account
	case p.Resource == "":
		return "calendar " + p.Calendar
	}
	return "component " + p.Resource
}

// PropertyName is the name of an XML element (XML Namespaces, section 2.1).
type PropertyName struct {
	Namespace string // "" for none
	Local     string
}

// String returns the name in the notation of James Clark, {namespace}local.
func (n PropertyName) String() string { return "{" + n.Namespace + "}" + n.Local }

// Property is a dead property (RFC 4918, 3): one that a client sets and the server keeps
// without knowing what it means.
type Property struct {
	PropertyName
	// Value is XML. The store does not parse it and returns the same bytes: the caller
	// makes sure that it is well-formed, and that it includes the language and the
	// namespaces that are in scope (RFC 4918, 4.3 and 4.4).
	Value string
}

// PropertyChange sets or removes a property.
type PropertyChange struct {
	Property
	Remove bool // Value is ignored
}

// Bounds of the properties of one place.
const (
	MaxProperties        = 200
	MaxPropertyNamespace = 1024
	MaxPropertyLocal     = 255
	MaxPropertyValue     = 64 << 10
	MaxPropertyBytes     = 256 << 10 // of all names and values
)

// Check returns an *InvalidError for a change whose name or value is invalid.
func (c PropertyChange) Check() error {
	if err := c.checkName(); err != nil {
		return err
	}
	switch {
	case c.Remove:
		return nil
	case len(c.Value) > MaxPropertyValue:
		return &InvalidError{Field: "property", Value: c.PropertyName.String(), Reason: fmt.Sprintf("has a value longer than %d bytes", MaxPropertyValue)}
	}
	if err := checkXML(c.Value); err != nil {
		return &InvalidError{Field: "property", Value: c.PropertyName.String(), Reason: "has a value that " + err.Error()}
	}
	return nil
}

func (n PropertyName) checkName() error {
	const xmlns = "http://www.w3.org/2000/xmlns/" // no element can have it (XML Namespaces, section 3)
	var reason string
	switch err := checkXML(n.Namespace); {
	case len(n.Namespace) > MaxPropertyNamespace || len(n.Local) > MaxPropertyLocal:
		return &InvalidError{Field: "property", Reason: fmt.Sprintf("has a namespace longer than %d bytes or a name longer than %d bytes", MaxPropertyNamespace, MaxPropertyLocal)}
	case err != nil:
		reason = "has a namespace that " + err.Error()
	case strings.ContainsFunc(n.Namespace, unicode.IsControl) || n.Namespace == xmlns:
		reason = "has an invalid namespace"
	case !isNCName(n.Local):
		reason = "is not a valid XML name"
	default:
		return nil
	}
	return &InvalidError{Field: "property", Value: n.String(), Reason: reason}
}

// checkXML returns an error for text that an XML document cannot contain (XML 1.0,
// section 2.2). The error is a predicate.
func checkXML(s string) error {
	if err := CheckText(s); err != nil {
		return err
	}
	if strings.ContainsFunc(s, func(r rune) bool { return r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0xFFFE || r == 0xFFFF }) {
		return fmt.Errorf("contains characters that XML does not allow")
	}
	return nil
}

// isNCName reports whether s is an XML name without a colon (XML 1.0, section 2.3; XML
// Namespaces, section 3).
func isNCName(s string) bool {
	for i, r := range s {
		if !nameStart(r) && (i == 0 || !nameRest(r)) {
			return false
		}
	}
	return s != ""
}

func nameStart(r rune) bool {
	switch {
	case r < 0x80:
		return r == '_' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z'
	case r < 0x300:
		return r >= 0xC0 && r != 0xD7 && r != 0xF7
	}
	for _, within := range [][2]rune{{0x370, 0x37D}, {0x37F, 0x1FFF}, {0x200C, 0x200D}, {0x2070, 0x218F}, {0x2C00, 0x2FEF}, {0x3001, 0xD7FF}, {0xF900, 0xFDCF}, {0xFDF0, 0xFFFC}, {0x10000, 0xEFFFF}} {
		if r >= within[0] && r <= within[1] {
			return true
		}
	}
	return false
}

func nameRest(r rune) bool {
	return r == '-' || r == '.' || r >= '0' && r <= '9' || r == 0xB7 || r >= 0x300 && r <= 0x36F || r == 0x203F || r == 0x2040
}

// ChangeProperties returns the properties of a place after changes, sorted. The error is an
// *InvalidError: also when the place would then have more than it may.
func ChangeProperties(has []Property, changes []PropertyChange) ([]Property, error) {
	out := slices.Clone(has)
	for _, c := range changes {
		if err := c.Check(); err != nil {
			return nil, err
		}
		i, found := slices.BinarySearchFunc(out, c.PropertyName, func(p Property, n PropertyName) int { return p.compare(n) })
		switch {
		case found && c.Remove:
			out = slices.Delete(out, i, i+1)
		case found:
			out[i].Value = c.Value
		case !c.Remove:
			out = slices.Insert(out, i, c.Property)
		}
	}
	size := 0
	for _, p := range out {
		size += len(p.Namespace) + len(p.Local) + len(p.Value)
	}
	switch {
	case len(out) > MaxProperties:
		return nil, &InvalidError{Field: "properties", Reason: fmt.Sprintf("must not be more than %d", MaxProperties)}
	case size > MaxPropertyBytes:
		return nil, &InvalidError{Field: "properties", Reason: fmt.Sprintf("must not be longer than %d bytes in all", MaxPropertyBytes)}
	}
	return out, nil
}

func (n PropertyName) compare(o PropertyName) int {
	return cmp.Or(strings.Compare(n.Namespace, o.Namespace), strings.Compare(n.Local, o.Local))
}

// EncodeProperties returns the stored form of properties: the namespace, the name and the
// value of each, after their lengths. "" for none.
func EncodeProperties(list []Property) string {
	var b []byte
	for _, p := range list {
		for _, s := range []string{p.Namespace, p.Local, p.Value} {
			b = strconv.AppendInt(b, int64(len(s)), 10)
			b = append(b, ':')
			b = append(b, s...)
		}
	}
	return string(b)
}

// DecodeProperties is the inverse of EncodeProperties. ErrDamaged.
func DecodeProperties(text string) ([]Property, error) {
	var out []Property
	rest := text
	part := func() string {
		digits, after, ok := strings.Cut(rest, ":")
		n, err := strconv.ParseUint(digits, 10, 31)
		if !ok || err != nil || int(n) > len(after) {
			rest = "\x00" // neither empty nor a length
			return ""
		}
		rest = after[n:]
		return after[:n]
	}
	for rest != "" {
		p := Property{PropertyName{part(), part()}, part()}
		if rest == "\x00" || p.Local == "" {
			return nil, fmt.Errorf("%w: invalid properties", ErrDamaged)
		}
		out = append(out, p)
	}
	return out, nil
}
