package account

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/davadmin/davadmin/internal/property"
	"github.com/davadmin/davadmin/pkg/store"
)

// Property is one 'name=value'.
type Property struct{ Name, Value string }

// Properties are the properties of one command or one line of a batch.
type Properties []Property

// ErrUnknownProperty is wrapped for an unknown name.
var ErrUnknownProperty = errors.New("unknown property")

// PropertyInfo describes a property for help and completion.
type PropertyInfo struct {
	Name string
	Help string
}

// AccountProperties lists the properties of an account.
func AccountProperties() []PropertyInfo {
	return []PropertyInfo{
		{"acl", "scheduling access list, as in @:s;boss@example.com:m (n: no rights, f: see free/busy, s: f and invite, m: act on behalf of the account)"},
		{"set-ace", "like acl, but changes only the entries given; one without letters is removed"},
		{"addresses", "mail addresses, the primary one first, separated by spaces"},
		{"attendanceflag", "sum of 1 (accept automatically), 2 (decline on conflict), 4 (decline recurring)"},
		{"delegates", "addresses of people who may act for the account, separated by spaces"},
		{"delegate_notifaddr", "addresses that are notified of what delegates do, separated by spaces"},
		{"displayname", "display name"},
		{"kind", "user, group, resource or location"},
		{"notifemail", "1: send mail about changes; 0: do not"},
		{"notifrecipients", "addresses that these mails go to, separated by spaces"},
		{"owners", "addresses of the owners of a resource or a group, separated by spaces"},
	}
}

// timeZoneProperty is the property of a calendar that contains the name of a time zone.
const timeZoneProperty = "timezone"

// CalendarProperties lists the properties of a calendar.
func CalendarProperties() []PropertyInfo {
	return []PropertyInfo{
		{"acl", "access list, as in @:r;boss@example.com:w (n: no rights, r: read, w: write, d: write and delete, a: all)"},
		{"set-ace", "like acl, but changes only the entries given; one without letters is removed"},
		{"calendar-description", "description"},
		{"colour", "#RRGGBB or #RRGGBBAA; empty for none"},
		{"displayname", "display name"},
		{"order", "integer; calendars are shown in this order"},
		{"supported-calendar-component-set", "component types that it accepts, separated by spaces; fixed when it is created"},
		{timeZoneProperty, "name of a time zone in the IANA database, such as Europe/Rome; empty for none"},
		{"transparent", "1: not counted for free/busy; 0: counted"},
	}
}

// Form is how a list of properties is written.
type Form uint8

// The forms.
const (
	// Typed is the form that people write: \, is a comma and \\ a backslash in a value, any
	// other backslash stands for itself, and a comma that is not escaped ends a value only
	// if 'name=' of a known property follows (package property).
	Typed Form = iota
	// Recorded is the form of Properties.String, for undo files. It can contain any value
	// on one line: \n and \r are line ends, and every comma that is not escaped ends a value.
	Recorded
)

// UnknownPropertyError is returned for a name that is not known. It wraps
// ErrUnknownProperty.
type UnknownPropertyError struct {
	Name  string
	Near  string // the known name that is most like it; "" if none is
	Known string // all known names
	Later bool   // it follows a comma, which would need a backslash if it is a part of a value
}

// Unwrap returns ErrUnknownProperty.
func (e *UnknownPropertyError) Unwrap() error { return ErrUnknownProperty }

func (e *UnknownPropertyError) Error() string {
	text := fmt.Sprintf("%v '%s'", ErrUnknownProperty, clip(e.Name))
	if e.Near != "" {
		text += "; did you mean " + e.Near + "?"
	} else {
		text += " (known: " + e.Known + ")"
	}
	if e.Later {
		text += " Write \\, for a comma in a value"
	}
	return text
}

// ParseProperties parses 'name=value,…' in a form. Each name must be among known, and may be
// given once.
func ParseProperties(text string, known []PropertyInfo, form Form) (Properties, error) {
	parse := parseTyped
	if form == Recorded {
		parse = parseRecorded
	}
	all, err := parse(text, known)
	if err != nil {
		return nil, err
	}
	var out Properties
	for _, p := range all {
		if out.has(p.Name) {
			return nil, fmt.Errorf("'%s' is given twice", p.Name)
		}
		out = append(out, p)
	}
	if out.has("acl") && out.has("set-ace") {
		return nil, errors.New("acl replaces the whole list and set-ace changes parts of it; use only one of them")
	}
	return out, nil
}

// parseTyped parses properties in the form Typed.
func parseTyped(text string, known []PropertyInfo) (out Properties, err error) {
	names := make([]string, len(known))
	for i, p := range known {
		names[i] = p.Name
	}
	list, err := property.Parse(text, property.Known{Names: names})
	var unknown *property.UnknownError
	switch {
	case errors.As(err, &unknown):
		return nil, &UnknownPropertyError{Name: unknown.Name, Near: unknown.Near, Known: propertyNames(known), Later: unknown.Later}
	case err != nil:
		return nil, fmt.Errorf("'%s' has no '=' between a property and its value", clip(text))
	}
	for _, p := range list {
		out = append(out, Property(p))
	}
	return out, nil
}

// parseRecorded parses properties in the form Recorded.
func parseRecorded(text string, known []PropertyInfo) (out Properties, err error) {
	for _, word := range splitEscaped(text) {
		name, value, ok := strings.Cut(word, "=")
		name = strings.Trim(name, " \t")
		switch {
		case strings.Trim(word, " \t") == "":
			continue
		case !ok:
			return nil, fmt.Errorf("'%s' has no '=' between a property and its value", clip(word))
		case !slices.ContainsFunc(known, func(p PropertyInfo) bool { return p.Name == name }):
			return nil, &UnknownPropertyError{Name: name, Known: propertyNames(known)}
		}
		out = append(out, Property{name, value})
	}
	return out, nil
}

func (p Properties) has(name string) bool {
	return slices.ContainsFunc(p, func(x Property) bool { return x.Name == name })
}

func propertyNames(known []PropertyInfo) string {
	names := make([]string, len(known))
	for i, p := range known {
		names[i] = p.Name
	}
	return strings.Join(names, ", ")
}

// The characters after a backslash in the form Recorded, and what they mean.
const (
	escapes = ",\\nr"
	escaped = ",\\\n\r"
)

// splitEscaped splits a text at its commas and decodes escapes.
func splitEscaped(text string) []string {
	var out []string
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '\\' && i+1 < len(text) && strings.IndexByte(escapes, text[i+1]) >= 0:
			i++
			b.WriteByte(escaped[strings.IndexByte(escapes, text[i])])
		case text[i] == ',':
			out = append(out, b.String())
			b.Reset()
		default:
			b.WriteByte(text[i])
		}
	}
	return append(out, b.String())
}

// String returns the properties in the form Recorded, which is also read at the end of a
// line of a batch.
func (p Properties) String() string {
	words := make([]string, len(p))
	for i, x := range p {
		words[i] = x.Name + "=" + strings.NewReplacer(`\`, `\\`, `,`, `\,`, "\n", `\n`, "\r", `\r`).Replace(x.Value)
	}
	text := strings.Join(words, ",")
	if strings.HasSuffix(text, " ") || strings.HasSuffix(text, "\t") {
		text += "," // spaces at the end of a line are ignored
	}
	return text
}

func clip(s string) string {
	const most = 100
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}

// Addresses returns the addresses that the properties name and whose unique IDs Apply
// and ApplyCalendar need.
func (p Properties) Addresses(use store.ACLUse) ([]string, error) {
	var out []string
	for _, x := range p {
		switch x.Name {
		case "acl", "set-ace":
			list, err := parseList(x, use)
			if err != nil {
				return nil, err
			}
			for _, ace := range list {
				if !ace.Principal.Resolved() {
					out = append(out, ace.Principal.Address)
				}
			}
		case "delegates", "owners":
			out = append(out, addressesIn(x.Value)...)
		}
	}
	return slices.DeleteFunc(out, func(word string) bool { _, exact := parsePersonRef(word); return exact }), nil
}

// addressesIn returns the addresses in a list, without the scheme mailto:.
func addressesIn(list string) []string {
	words := strings.Fields(list)
	for i, word := range words {
		words[i] = store.CutMailto(word)
	}
	return words
}

// personRef returns a word that names a person by unique ID and address: undoing must
// mean the same person, even if no directory can say who has the address. It is the
// address alone if there is no ID or the word would be too long.
func personRef(p store.Person) string {
	word := IDPrefix + url.QueryEscape(p.ID) + "/" + p.Address
	if p.ID == "" || store.CheckAddress(word) != nil {
		return p.Address
	}
	return word
}

// parsePersonRef parses what personRef returns.
func parsePersonRef(word string) (store.Person, bool) {
	id, address, ok := strings.Cut(strings.TrimPrefix(word, IDPrefix), "/")
	id, err := url.QueryUnescape(id)
	if !ok || !strings.HasPrefix(word, IDPrefix) || err != nil || store.CheckID(id) != nil || store.CheckAddress(address) != nil {
		return store.Person{}, false
	}
	return store.Person{ID: id, Address: address}, true
}

// personRefs is addressesOf with unique IDs.
func personRefs(people []store.Person) string {
	out := make([]string, len(people))
	for i, p := range people {
		out[i] = personRef(p)
	}
	return strings.Join(out, " ")
}

// aclWithRefs returns a list whose text contains unique IDs.
func aclWithRefs(l store.ACL) store.ACL {
	out := slices.Clone(l)
	for i := range out {
		if p := &out[i].Principal; !p.Everyone && p.Domain == "" {
			p.Address = personRef(p.Person)
		}
	}
	return out
}

// undoPropertiesOf is PropertiesOf with people by unique ID, for undoing.
func undoPropertiesOf(a *store.Account, names []string) Properties {
	out := PropertiesOf(a, names)
	for i := range out {
		switch out[i].Name {
		case "acl":
			out[i].Value = aclWithRefs(a.SchedulingACL).String()
		case "delegates":
			out[i].Value = personRefs(a.Delegates)
		case "owners":
			out[i].Value = personRefs(a.Owners)
		}
	}
	return out
}

// undoPropertiesOfCalendar is PropertiesOfCalendar with people by unique ID, for undoing.
func undoPropertiesOfCalendar(c *store.Calendar, names []string) Properties {
	out := PropertiesOfCalendar(c, names)
	for i := range out {
		if out[i].Name == "acl" {
			out[i].Value = aclWithRefs(c.ACL).String()
		}
	}
	return out
}

func parseList(x Property, use store.ACLUse) (store.ACL, error) {
	if x.Name == "set-ace" {
		return store.ParseACEs(x.Value, use)
	}
	return store.ParseACL(x.Value, use)
}
