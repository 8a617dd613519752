package store

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Longest values, in bytes.
const (
	MaxID      = 512
	MaxName    = 255
	MaxAddress = 320
	MaxUID     = 1024
	MaxText    = 64 << 10
)

// damaged is the error for stored text that no version of this library writes.
func damaged(what, text string) error {
	return fmt.Errorf("%w: %s '%s' cannot be read", ErrDamaged, what, clip(text))
}

// CheckText refuses what not every engine can hold: what is not UTF-8, a NUL, and
// more than MaxText.
func CheckText(s string) error {
	switch {
	case len(s) > MaxText:
		return fmt.Errorf("is longer than %d bytes", MaxText)
	case !utf8.ValidString(s):
		return errors.New("is not UTF-8")
	case strings.IndexByte(s, 0) >= 0:
		return errors.New("holds a NUL")
	}
	return nil
}

// CheckID refuses what is no unique id of an account. Blanks and letter case are
// kept as they are, as those of a directory.
func CheckID(id string) error {
	err := CheckText(id)
	switch {
	case id == "":
		err = errors.New("is empty")
	case len(id) > MaxID:
		err = fmt.Errorf("is longer than %d bytes", MaxID)
	case err == nil && strings.ContainsFunc(id, unicode.IsControl):
		err = errors.New("holds control characters")
	}
	if err != nil {
		return &InvalidError{Field: "unique id", Value: id, Reason: err.Error()}
	}
	return nil
}

// CheckAddress refuses what is no mail address: one with a local part and a
// domain, and nothing that would part it from its neighbours in a list.
func CheckAddress(address string) error {
	at := strings.LastIndexByte(address, '@')
	switch {
	case at <= 0 || at == len(address)-1:
		return errors.New("is no mail address")
	case len(address) > MaxAddress:
		return fmt.Errorf("is longer than %d bytes", MaxAddress)
	case !utf8.ValidString(address):
		return errors.New("is not UTF-8")
	case strings.ContainsFunc(address, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }):
		return errors.New("holds blanks or control characters, and is no mail address")
	}
	return checkDomain(address[at+1:])
}

func checkDomain(domain string) error {
	if domain == "" || strings.ContainsFunc(domain, func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r) || strings.ContainsRune("@:;,()<>[]\\\"", r)
	}) || !utf8.ValidString(domain) {
		return errors.New("has no domain behind '@'")
	}
	return nil
}

// CheckName refuses what is no name of a collection or a resource: it is one
// part of a path.
func CheckName(field, name string) error {
	reason := ""
	switch {
	case name == "":
		reason = "is empty"
	case len(name) > MaxName:
		reason = fmt.Sprintf("is longer than %d bytes", MaxName)
	case name == "." || name == "..":
		reason = "means a directory"
	case !utf8.ValidString(name):
		reason = "is not UTF-8"
	case strings.ContainsRune(name, '/'):
		reason = "holds a slash"
	case strings.ContainsFunc(name, unicode.IsControl):
		reason = "holds control characters"
	}
	if reason != "" {
		return &InvalidError{Field: field, Value: name, Reason: reason}
	}
	return nil
}

// Check refuses an account that a store cannot hold. The error is an
// *InvalidError.
func (a *Account) Check() error {
	if err := CheckID(a.ID); err != nil {
		return err
	}
	if !slices.Contains(Kinds(), a.Kind) {
		return &InvalidError{Field: "kind", Value: a.Kind.String(), Reason: "is none"}
	}
	if len(a.Addresses) == 0 {
		return &InvalidError{Field: "mail", Reason: "an account needs an address"}
	}
	seen := make(map[string]bool, len(a.Addresses))
	for _, address := range a.Addresses {
		if err := CheckAddress(address); err != nil {
			return &InvalidError{Field: "mail", Value: address, Reason: err.Error()}
		}
		if f := FoldAddress(address); seen[f] {
			return &InvalidError{Field: "mail", Value: address, Reason: "is given twice"}
		} else {
			seen[f] = true
		}
	}
	for _, list := range []struct {
		field     string
		addresses []string
	}{{"notifrecipients", a.NotifyTo}, {"delegate_notifaddr", a.DelegateNotifyTo}} {
		for _, address := range list.addresses {
			if err := CheckAddress(address); err != nil {
				return &InvalidError{Field: list.field, Value: address, Reason: err.Error()}
			}
		}
	}
	if a.Attendance > maxAttendance {
		return &InvalidError{Field: "attendanceflag", Value: fmt.Sprint(a.Attendance), Reason: "is not 0 to 7"}
	}
	if err := CheckText(a.DisplayName); err != nil {
		return &InvalidError{Field: "displayname", Value: a.DisplayName, Reason: err.Error()}
	}
	return errors.Join(checkACL(a.SchedulingACL, SchedulingACL), checkPeople("delegates", a.Delegates), checkPeople("owners", a.Owners))
}

func checkPeople(field string, people []Person) error {
	for _, p := range people {
		if err := CheckID(p.ID); err != nil {
			return &InvalidError{Field: field, Value: p.Address, Reason: "is not resolved to a unique id"}
		}
	}
	return nil
}

func checkACL(l ACL, use ACLUse) error {
	for i, a := range l {
		if !a.Principal.Resolved() {
			return &InvalidError{Field: "acl", Value: a.Principal.String(), Reason: "is not resolved to a unique id"}
		}
		if err := a.Principal.check(); err != nil {
			return err
		}
		if rights, err := parseRights(a.Rights, use, "acl", false); err != nil || rights != a.Rights {
			return &InvalidError{Field: "acl", Value: a.Rights, Reason: "are no letters of this list"}
		}
		if slices.ContainsFunc(l[:i], func(b ACE) bool { return b.Principal.same(a.Principal) }) {
			return &InvalidError{Field: "acl", Value: a.Principal.String(), Reason: "stands in it twice"}
		}
	}
	return nil
}

// check refuses a principal that could not be read back.
func (p Principal) check() error {
	switch {
	case p.Everyone:
		return nil
	case p.Domain != "":
		if err := checkDomain(p.Domain); err != nil || len(p.Domain) > MaxAddress || p.Domain != strings.ToLower(p.Domain) {
			return &InvalidError{Field: "acl", Value: "@" + p.Domain, Reason: "is no domain in small letters"}
		}
		return nil
	}
	if err := CheckText(p.Address); err != nil {
		return &InvalidError{Field: "acl", Value: p.Address, Reason: err.Error()}
	}
	return CheckID(p.ID)
}

// ComponentTypes are the types that a collection can take.
func ComponentTypes() []string {
	return []string{"VEVENT", "VTODO", "VJOURNAL", "VFREEBUSY", "VAVAILABILITY", "VPOLL"}
}

// Check refuses a collection that a store cannot hold. The error is an
// *InvalidError.
func (c *Calendar) Check() error {
	if err := CheckName("calendar", c.Name); err != nil {
		return err
	}
	if c.Kind < PlainCalendar || c.Kind > Dropbox {
		return &InvalidError{Field: "kind", Value: c.Kind.String(), Reason: "is none"}
	}
	for i, t := range c.Components {
		if !slices.Contains(ComponentTypes(), t) {
			return &InvalidError{Field: "supported-calendar-component-set", Value: t, Reason: "is none of " + strings.Join(ComponentTypes(), " ")}
		}
		if slices.Contains(c.Components[:i], t) {
			return &InvalidError{Field: "supported-calendar-component-set", Value: t, Reason: "is given twice"}
		}
	}
	if c.Kind == PlainCalendar && len(c.Components) == 0 {
		return &InvalidError{Field: "supported-calendar-component-set", Reason: "is empty: the calendar would take nothing"}
	}
	for _, text := range []struct{ field, value string }{
		{"displayname", c.DisplayName}, {"calendar-description", c.Description}, {"timezone", c.TimeZone},
	} {
		if err := CheckText(text.value); err != nil {
			return &InvalidError{Field: text.field, Value: text.value, Reason: err.Error()}
		}
	}
	if !colour(c.Colour) {
		return &InvalidError{Field: "colour", Value: c.Colour, Reason: "is not #RRGGBB or #RRGGBBAA"}
	}
	return checkACL(c.ACL, CalendarACL)
}

func colour(s string) bool {
	if s == "" {
		return true
	}
	if len(s) != 7 && len(s) != 9 || s[0] != '#' {
		return false
	}
	return strings.Trim(s[1:], "0123456789abcdefABCDEF") == ""
}

// MaxComponent is the longest iCalendar text, in bytes.
const MaxComponent = 64 << 20

// Check refuses a component that a store cannot hold. Its text is not read. The
// error is an *InvalidError.
func (c *Component) Check() error {
	if err := CheckName("resource", c.Name); err != nil {
		return err
	}
	if err := CheckText(c.UID); err != nil || c.UID == "" || len(c.UID) > MaxUID {
		return &InvalidError{Field: "uid", Value: c.UID, Reason: fmt.Sprintf("is no text of 1 to %d bytes", MaxUID)}
	}
	if !slices.Contains(ComponentTypes(), c.Type) {
		return &InvalidError{Field: "type", Value: c.Type, Reason: "is none of " + strings.Join(ComponentTypes(), " ")}
	}
	switch {
	case len(c.Text) == 0:
		return &InvalidError{Field: "text", Reason: "there is none"}
	case len(c.Text) > MaxComponent:
		return &InvalidError{Field: "text", Reason: fmt.Sprintf("is longer than %d bytes", MaxComponent)}
	case !c.Start.IsZero() && !c.End.IsZero() && c.End.Before(c.Start):
		return &InvalidError{Field: "span", Reason: "ends before it starts"}
	}
	if err := CheckText(c.ScheduleTag); err != nil {
		return &InvalidError{Field: "schedule tag", Value: c.ScheduleTag, Reason: err.Error()}
	}
	return nil
}
