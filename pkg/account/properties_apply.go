package account

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/davadmin/davadmin/pkg/store"
)

// PeopleByAddress maps folded addresses to people. A person without an ID has an entry in the
// directory that has no unique ID, or several.
type PeopleByAddress map[string]store.Person

func (w PeopleByAddress) find(field, address string) (store.Person, error) {
	if person, exact := parsePersonRef(address); exact {
		return person, nil
	}
	person, ok := w[store.FoldAddress(address)]
	if ok && person.ID == "" {
		return person, &store.InvalidError{Field: field, Value: address, Reason: "is the address of a directory entry that has no unique id, or several"}
	}
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
		case timeZoneProperty:
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
		case timeZoneProperty:
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
