package account

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
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
		{"timezone", "name of a time zone, such as Europe/Rome; empty for none"},
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

// PeopleByAddress maps folded addresses to people.
type PeopleByAddress map[string]store.Person

func (w PeopleByAddress) find(field, address string) (store.Person, error) {
	if person, exact := parsePersonRef(address); exact {
		return person, nil
	}
	person, ok := w[store.FoldAddress(address)]
	if !ok {
		return person, &store.InvalidError{Field: field, Value: address, Reason: "is not the address of an account or a directory entry"}
	}
	return person, nil
}

// list returns the people that a property names.
func (w PeopleByAddress) list(x Property) ([]store.Person, error) {
	var out []store.Person
	for _, address := range addressesIn(x.Value) {
		person, err := w.find(x.Name, address)
		if err != nil {
			return nil, err
		}
		out = append(out, person)
	}
	return out, nil
}

// resolve sets the unique IDs of the people in a list.
func (w PeopleByAddress) resolve(x Property, list store.ACL) error {
	for i := range list {
		if list[i].Principal.Resolved() {
			continue
		}
		person, err := w.find(x.Name, list[i].Principal.Address)
		if err != nil {
			return err
		}
		list[i].Principal.Person = person
	}
	return nil
}

// acl returns the list have with the property applied.
func (w PeopleByAddress) acl(x Property, have store.ACL, use store.ACLUse) (store.ACL, error) {
	list, err := parseList(x, use)
	if err == nil {
		err = w.resolve(x, list)
	}
	if err != nil {
		return nil, err
	}
	if x.Name == "set-ace" {
		return have.Merge(list), nil
	}
	return list, nil
}

// Apply sets the properties on an account. who must contain the people whose addresses
// Addresses returns.
func (p Properties) Apply(a *store.Account, who PeopleByAddress) error {
	for _, x := range p {
		var err error
		switch x.Name {
		case "acl", "set-ace":
			a.SchedulingACL, err = who.acl(x, a.SchedulingACL, store.SchedulingACL)
		case "attendanceflag":
			var n uint64
			n, err = strconv.ParseUint(x.Value, 10, 8)
			if a.Attendance = store.Attendance(n); err != nil || n > 7 {
				err = &store.InvalidError{Field: x.Name, Value: x.Value, Reason: "is not in the range 0 to 7"}
			}
		case "addresses":
			a.Addresses = addressesIn(x.Value)
		case "delegates":
			a.Delegates, err = who.list(x)
		case "owners":
			a.Owners, err = who.list(x)
		case "delegate_notifaddr":
			a.DelegateNotifyTo = addressesIn(x.Value)
		case "displayname":
			a.DisplayName = x.Value
		case "kind":
			a.Kind, err = store.ParseKind(x.Value)
		case "notifemail":
			a.Notify, err = parseFlag(x)
		case "notifrecipients":
			a.NotifyTo = addressesIn(x.Value)
		default:
			err = fmt.Errorf("%w '%s' of an account", ErrUnknownProperty, x.Name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func parseFlag(x Property) (bool, error) {
	switch strings.ToLower(x.Value) {
	case "1", "true", "yes", "on":
		return true, nil
	case "0", "false", "no", "off":
		return false, nil
	}
	return false, &store.InvalidError{Field: x.Name, Value: x.Value, Reason: "is not 0 or 1"}
}

// ApplyCalendar sets the properties on a calendar; exists means that the calendar
// already exists, so that its component set is fixed.
func (p Properties) ApplyCalendar(c *store.Calendar, who PeopleByAddress, exists bool) error {
	for _, x := range p {
		var err error
		switch x.Name {
		case "acl", "set-ace":
			c.ACL, err = who.acl(x, c.ACL, store.CalendarACL)
		case "calendar-description":
			c.Description = x.Value
		case "colour":
			c.Colour = x.Value
		case "displayname":
			c.DisplayName = x.Value
		case "order":
			if c.Order, err = strconv.ParseInt(x.Value, 10, 64); err != nil {
				err = &store.InvalidError{Field: x.Name, Value: x.Value, Reason: "is not an integer"}
			}
		case "supported-calendar-component-set":
			words := strings.Fields(strings.ToUpper(x.Value))
			if exists && !slices.Equal(words, c.Components) {
				err = &store.InvalidError{Field: x.Name, Value: x.Value, Reason: "cannot be changed: it is fixed when the calendar is created"}
			}
			c.Components = words
		case "timezone":
			c.TimeZone = x.Value
		case "transparent":
			c.Transparent, err = parseFlag(x)
		default:
			err = fmt.Errorf("%w '%s' of a calendar", ErrUnknownProperty, x.Name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// PropertiesOf returns the current values of the properties of an account with the
// given names. Applying them undoes a change.
func PropertiesOf(a *store.Account, names []string) Properties {
	var out Properties
	for _, name := range names {
		value := ""
		switch name {
		case "acl", "set-ace":
			name, value = "acl", a.SchedulingACL.String()
		case "addresses":
			value = strings.Join(a.Addresses, " ")
		case "owners":
			value = addressesOf(a.Owners)
		case "attendanceflag":
			value = strconv.Itoa(int(a.Attendance))
		case "delegates":
			value = addressesOf(a.Delegates)
		case "delegate_notifaddr":
			value = strings.Join(a.DelegateNotifyTo, " ")
		case "displayname":
			value = a.DisplayName
		case "kind":
			value = a.Kind.String()
		case "notifemail":
			value = flagText(a.Notify)
		case "notifrecipients":
			value = strings.Join(a.NotifyTo, " ")
		}
		out = append(out, Property{name, value})
	}
	return out
}

// PropertiesOfCalendar is PropertiesOf for a calendar.
func PropertiesOfCalendar(c *store.Calendar, names []string) Properties {
	var out Properties
	for _, name := range names {
		value := ""
		switch name {
		case "acl", "set-ace":
			name, value = "acl", c.ACL.String()
		case "calendar-description":
			value = c.Description
		case "colour":
			value = c.Colour
		case "displayname":
			value = c.DisplayName
		case "order":
			value = strconv.FormatInt(c.Order, 10)
		case "supported-calendar-component-set":
			value = strings.Join(c.Components, " ")
		case "timezone":
			value = c.TimeZone
		case "transparent":
			value = flagText(c.Transparent)
		}
		out = append(out, Property{name, value})
	}
	return out
}

// Names returns the names of the properties.
func (p Properties) Names() []string {
	out := make([]string, len(p))
	for i, x := range p {
		out[i] = x.Name
	}
	return out
}

func addressesOf(people []store.Person) string {
	out := make([]string, len(people))
	for i, p := range people {
		out[i] = p.Address
	}
	return strings.Join(out, " ")
}

func flagText(b bool) string {
	if b {
		return "1"
	}
	return "0"
}
