package store

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Maximum lengths, in bytes.
const (
	MaxID      = 512
	MaxName    = 255
	MaxAddress = 320
	MaxUID     = 1024
	MaxText    = 64 << 10
)

// CheckText returns an error for text that some engine cannot store: text that is
// not valid UTF-8, contains a NUL, or is longer than MaxText. The error is a
// predicate for InvalidError.Reason.
func CheckText(s string) error {
	switch {
	case len(s) > MaxText:
		return fmt.Errorf("is longer than %d bytes", MaxText)
	case !utf8.ValidString(s):
		return errors.New("is not valid UTF-8")
	case strings.IndexByte(s, 0) >= 0:
		return errors.New("contains a NUL character")
	}
	return nil
}

// CheckID returns an *InvalidError for an invalid unique id of an account. Spaces and
// letter case are significant, because the id is the exact value in the directory.
func CheckID(id string) error {
	err := CheckText(id)
	switch {
	case id == "":
		err = errors.New("must not be empty")
	case len(id) > MaxID:
		err = fmt.Errorf("is longer than %d bytes", MaxID)
	case err == nil && strings.ContainsFunc(id, unicode.IsControl):
		err = errors.New("contains control characters")
	}
	if err != nil {
		return &InvalidError{Field: "unique id", Value: id, Reason: err.Error()}
	}
	return nil
}

// CutMailto returns the address in a mailto: URI, with the scheme in any letter case.
// It returns other text unchanged.
func CutMailto(address string) string {
	const scheme = "mailto:"
	if len(address) > len(scheme) && strings.EqualFold(address[:len(scheme)], scheme) {
		return address[len(scheme):]
	}
	return address
}

// CheckAddress returns an error for an invalid mail address. An address has a local
// part and a domain, and contains no spaces or control characters, so that lists of
// addresses can be separated by line feeds. The error is a predicate for
// InvalidError.Reason.
func CheckAddress(address string) error {
	at := strings.LastIndexByte(address, '@')
	switch {
	case at <= 0 || at == len(address)-1:
		return errors.New("is not a valid mail address")
	case len(address) > MaxAddress:
		return fmt.Errorf("is longer than %d bytes", MaxAddress)
	case !utf8.ValidString(address):
		return errors.New("is not valid UTF-8")
	case strings.ContainsFunc(address, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }):
		return errors.New("is not a valid mail address: it contains spaces or control characters")
	}
	return checkDomain(address[at+1:])
}

func checkDomain(domain string) error {
	if domain == "" || strings.ContainsFunc(domain, func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r) || strings.ContainsRune("@:;,()<>[]\\\"", r)
	}) || !utf8.ValidString(domain) {
		return errors.New("has no valid domain after the '@'")
	}
	return nil
}

// CheckName returns an *InvalidError about the field for an invalid name of a
// collection or a resource. A name is one segment of a path.
func CheckName(field, name string) error {
	reason := ""
	switch {
	case name == "":
		reason = "must not be empty"
	case len(name) > MaxName:
		reason = fmt.Sprintf("is longer than %d bytes", MaxName)
	case name == "." || name == "..":
		reason = "is reserved and cannot be used as a name"
	case !utf8.ValidString(name):
		reason = "is not valid UTF-8"
	case strings.ContainsRune(name, '/'):
		reason = "contains a slash"
	case strings.ContainsFunc(name, unicode.IsControl):
		reason = "contains control characters"
	}
	if reason != "" {
		return &InvalidError{Field: field, Value: name, Reason: reason}
	}
	return nil
}

// Check returns an error for an account that cannot be stored. The error wraps an
// *InvalidError.
func (a *Account) Check() error {
	if err := CheckID(a.ID); err != nil {
		return err
	}
	if !slices.Contains(Kinds(), a.Kind) {
		return &InvalidError{Field: "kind", Value: a.Kind.String(), Reason: "is not a valid kind (" + kindNames() + ")"}
	}
	if len(a.Addresses) == 0 {
		return &InvalidError{Field: "mail", Reason: "an account requires at least one address"}
	}
	seen := make(map[string]bool, len(a.Addresses))
	for _, address := range a.Addresses {
		if err := CheckAddress(address); err != nil {
			return &InvalidError{Field: "mail", Value: address, Reason: err.Error()}
		}
		if f := FoldAddress(address); seen[f] {
			return &InvalidError{Field: "mail", Value: address, Reason: "is listed twice"}
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
		return &InvalidError{Field: "attendanceflag", Value: fmt.Sprint(a.Attendance), Reason: "is not a number from 0 to 7"}
	}
	if err := CheckText(a.DisplayName); err != nil {
		return &InvalidError{Field: "displayname", Value: a.DisplayName, Reason: err.Error()}
	}
	return errors.Join(checkACL(a.SchedulingACL, SchedulingACL), checkPeople("delegates", a.Delegates), checkPeople("owners", a.Owners))
}

func checkPeople(field string, people []Person) error {
	for _, p := range people {
		if err := CheckID(p.ID); err != nil {
			return &InvalidError{Field: field, Value: p.Address, Reason: "has not been resolved to a unique id"}
		}
		if err := checkShown(p.Address); err != nil {
			return &InvalidError{Field: field, Value: p.Address, Reason: err.Error()}
		}
	}
	return nil
}

func checkACL(l ACL, use ACLUse) error {
	for i, a := range l {
		if !a.Principal.Resolved() {
			return &InvalidError{Field: "acl", Value: a.Principal.String(), Reason: "has not been resolved to a unique id"}
		}
		if err := a.Principal.check(); err != nil {
			return err
		}
		if rights, err := parseRights(a.Rights, use, "acl", false); err != nil || rights != a.Rights {
			return &InvalidError{Field: "acl", Value: a.Rights, Reason: "is not a valid combination of " + use.letters()}
		}
		if slices.ContainsFunc(l[:i], func(b ACE) bool { return b.Principal.same(a.Principal) }) {
			return &InvalidError{Field: "acl", Value: a.Principal.String(), Reason: "is listed twice"}
		}
	}
	return nil
}

// checkShown returns an error for an invalid address of a Person, which is only displayed: it
// may be any text without control characters, because engines read a list of people as one
// text. The error is a predicate for InvalidError.Reason.
func checkShown(address string) error {
	if err := CheckText(address); err != nil {
		return err
	}
	if strings.ContainsFunc(address, unicode.IsControl) {
		return errors.New("contains control characters")
	}
	return nil
}

// check returns an error for a principal that cannot be stored.
func (p Principal) check() error {
	switch {
	case p.Everyone:
		return nil
	case p.Domain != "":
		if err := checkDomain(p.Domain); err != nil || len(p.Domain) > MaxAddress || p.Domain != strings.ToLower(p.Domain) {
			return &InvalidError{Field: "acl", Value: "@" + p.Domain, Reason: "is not a valid domain in lower case"}
		}
		return nil
	}
	if err := checkShown(p.Address); err != nil {
		return &InvalidError{Field: "acl", Value: p.Address, Reason: err.Error()}
	}
	return CheckID(p.ID)
}

// ComponentTypes returns the component types that a collection can accept.
func ComponentTypes() []string {
	return []string{"VEVENT", "VTODO", "VJOURNAL", "VFREEBUSY", "VAVAILABILITY", "VPOLL"}
}

// notAComponentType is the reason why a component type is invalid.
func notAComponentType() string {
	return "is not a valid component type (" + strings.Join(ComponentTypes(), ", ") + ")"
}

// Check returns an error for a collection that cannot be stored. The error is an
// *InvalidError.
func (c *Calendar) Check() error {
	if err := CheckName("calendar", c.Name); err != nil {
		return err
	}
	if c.Kind < PlainCalendar || c.Kind > Dropbox {
		return &InvalidError{Field: "kind", Value: c.Kind.String(), Reason: "is not a valid kind (calendar, inbox, outbox, dropbox)"}
	}
	for i, t := range c.Components {
		if !slices.Contains(ComponentTypes(), t) {
			return &InvalidError{Field: "supported-calendar-component-set", Value: t, Reason: notAComponentType()}
		}
		if slices.Contains(c.Components[:i], t) {
			return &InvalidError{Field: "supported-calendar-component-set", Value: t, Reason: "is listed twice"}
		}
	}
	if c.Kind == PlainCalendar && len(c.Components) == 0 {
		return &InvalidError{Field: "supported-calendar-component-set", Reason: "must not be empty, because the calendar would accept nothing"}
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

// MaxComponent is the maximum length of an iCalendar text, in bytes.
const MaxComponent = 64 << 20

// Check returns an error for a component that cannot be stored. It does not parse the
// text. The error is an *InvalidError.
func (c *Component) Check() error {
	if err := CheckName("resource", c.Name); err != nil {
		return err
	}
	if err := CheckText(c.UID); err != nil || c.UID == "" || len(c.UID) > MaxUID {
		return &InvalidError{Field: "uid", Value: c.UID, Reason: fmt.Sprintf("must be valid text of 1 to %d bytes", MaxUID)}
	}
	if !slices.Contains(ComponentTypes(), c.Type) {
		return &InvalidError{Field: "type", Value: c.Type, Reason: notAComponentType()}
	}
	switch {
	case len(c.Text) == 0:
		return &InvalidError{Field: "text", Reason: "must not be empty"}
	case len(c.Text) > MaxComponent:
		return &InvalidError{Field: "text", Reason: fmt.Sprintf("must not be longer than %d bytes", MaxComponent)}
	case !c.Start.IsZero() && !c.End.IsZero() && c.End.Before(c.Start):
		return &InvalidError{Field: "span", Reason: "the end is before the start"}
	}
	for _, text := range []struct{ field, value string }{{"schedule tag", c.ScheduleTag}, {"status", c.Status}, {"method", c.Method}} {
		if err := CheckText(text.value); err != nil {
			return &InvalidError{Field: text.field, Value: text.value, Reason: err.Error()}
		}
	}
	return nil
}
