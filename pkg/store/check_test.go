package store_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/davadmin/davadmin/pkg/store"
)

// wantInvalid expects an InvalidError about a field, or no error if field is "".
func wantInvalid(t *testing.T, err error, field, what string) {
	t.Helper()
	var invalid *store.InvalidError
	switch {
	case field == "" && err != nil:
		t.Errorf("%s: unexpected error: %v", what, err)
	case field != "" && (!errors.As(err, &invalid) || !errors.Is(err, store.ErrInvalid) || invalid.Field != field):
		t.Errorf("%s: got error %v, want an InvalidError about %s", what, err, field)
	}
}

func TestCheckID(t *testing.T) {
	for id, bad := range map[string]bool{
		"a": false, " ": false, "ÄÖ👍\u202e": false, "'; DROP TABLE x; --": false, strings.Repeat("x", 512): false, strings.Repeat("ä", 256): false,
		"": true, strings.Repeat("x", 513): true, "a\x00": true, "a\nb": true, "a\x1b": true, "a\u0085": true, "\xff": true, "\xed\xa0\x80": true,
	} {
		field := map[bool]string{true: "unique id"}[bad]
		wantInvalid(t, store.CheckID(id), field, id)
	}
}

func TestCheckAddress(t *testing.T) {
	for address, good := range map[string]bool{
		"a@b": true, "a@example.com": true, `"a b"@example.com`: false, `"a;b"@example.com`: true, "a@b@example.com": true, "ä@exämple.com": true, "o'h%_\\@example.com": true,
		strings.Repeat("x", 308) + "@example.com": true, strings.Repeat("x", 309) + "@example.com": false,
		"": false, "a": false, "@example.com": false, "a@": false, "a@b c": false, "a\n@b": false, "a\x00@b": false, "a\u00a0@b": false, "\xff@b": false, "a@\xff": false,
		"a@b;c": false, "a@b,c": false, "a@<b>": false, "a@[127.0.0.1]": false, "a@b:c": false, "a@b\"": false,
	} {
		if err := store.CheckAddress(address); (err == nil) != good {
			t.Errorf("%q: %v", address, err)
		}
	}
}

func TestCheckName(t *testing.T) {
	for name, bad := range map[string]bool{
		"a": false, "...": false, ".a": false, "ä 👍%2F": false, strings.Repeat("x", 255): false,
		"": true, ".": true, "..": true, "a/b": true, "/": true, "a\n": true, "a\x00": true, "\xff": true, "a\x7f": true, strings.Repeat("x", 256): true,
	} {
		field := map[bool]string{true: "calendar"}[bad]
		wantInvalid(t, store.CheckName("calendar", name), field, name)
	}
}

func TestAccountCheck(t *testing.T) {
	good := func() store.Account {
		return store.Account{ID: "1", Kind: store.Group, Addresses: []string{"a@example.com", "b@example.com"}}
	}
	for what, c := range map[string]struct {
		field  string
		change func(*store.Account)
	}{
		"a minimal account":       {"", func(*store.Account) {}},
		"all flags":               {"", func(a *store.Account) { a.Attendance = 7 }},
		"a hostile name":          {"", func(a *store.Account) { a.DisplayName = "\x1b\n\u202e" }},
		"no id":                   {"unique id", func(a *store.Account) { a.ID = "" }},
		"no kind":                 {"kind", func(a *store.Account) { a.Kind = 0 }},
		"an unknown kind":         {"kind", func(a *store.Account) { a.Kind = 5 }},
		"no address":              {"mail", func(a *store.Account) { a.Addresses = nil }},
		"an invalid address":      {"mail", func(a *store.Account) { a.Addresses[1] = "b" }},
		"an address twice":        {"mail", func(a *store.Account) { a.Addresses[1] = "A@EXAMPLE.COM" }},
		"notify an empty address": {"notifrecipients", func(a *store.Account) { a.NotifyTo = []string{""} }},
		"notify an invalid address for delegates": {"delegate_notifaddr", func(a *store.Account) { a.DelegateNotifyTo = []string{"x"} }},
		"an unknown flag":                         {"attendanceflag", func(a *store.Account) { a.Attendance = 8 }},
		"a long name":                             {"displayname", func(a *store.Account) { a.DisplayName = strings.Repeat("x", 64<<10+1) }},
		"a name with NUL":                         {"displayname", func(a *store.Account) { a.DisplayName = "\x00" }},
		"a delegate without an id":                {"delegates", func(a *store.Account) { a.Delegates = []store.Person{{Address: "x@example.com"}} }},
		"an owner with an invalid id":             {"owners", func(a *store.Account) { a.Owners = []store.Person{{ID: "\n"}} }},
		"rights of a calendar list":               {"acl", func(a *store.Account) { a.SchedulingACL = store.ACL{everyone("r")} }},
		"rights in the wrong order":               {"acl", func(a *store.Account) { a.SchedulingACL = store.ACL{everyone("sf")} }},
		"no rights":                               {"acl", func(a *store.Account) { a.SchedulingACL = store.ACL{everyone("")} }},
		"a person without an id":                  {"acl", func(a *store.Account) { a.SchedulingACL = store.ACL{address("x@example.com", "s")} }},
		"a person listed twice": {"acl", func(a *store.Account) {
			a.SchedulingACL = store.ACL{person("1", "x@example.com", "s"), person("1", "y@example.com", "f")}
		}},
		"a domain with a line feed": {"acl", func(a *store.Account) { a.SchedulingACL = store.ACL{domain("x\ns @", "s")} }},
	} {
		a := good()
		c.change(&a)
		wantInvalid(t, a.Check(), c.field, what)
	}
}

func TestCalendarCheck(t *testing.T) {
	for what, c := range map[string]struct {
		field  string
		change func(*store.Calendar)
	}{
		"a minimal calendar":                 {"", func(*store.Calendar) {}},
		"an outbox without component types":  {"", func(c *store.Calendar) { c.Kind, c.Components = store.Outbox, nil }},
		"a colour with an alpha channel":     {"", func(c *store.Calendar) { c.Colour = "#01aBcD80" }},
		"a name that is a path":              {"calendar", func(c *store.Calendar) { c.Name = "a/b" }},
		"no kind":                            {"kind", func(c *store.Calendar) { c.Kind = 0 }},
		"an unknown kind":                    {"kind", func(c *store.Calendar) { c.Kind = 5 }},
		"a calendar without component types": {"supported-calendar-component-set", func(c *store.Calendar) { c.Components = nil }},
		"a type in lower case":               {"supported-calendar-component-set", func(c *store.Calendar) { c.Components = []string{"vevent"} }},
		"a type listed twice":                {"supported-calendar-component-set", func(c *store.Calendar) { c.Components = []string{"VTODO", "VTODO"} }},
		"a description with NUL":             {"calendar-description", func(c *store.Calendar) { c.Description = "\x00" }},
		"a name that is not UTF-8":           {"displayname", func(c *store.Calendar) { c.DisplayName = "\xff" }},
		"a time zone that is not UTF-8":      {"timezone", func(c *store.Calendar) { c.TimeZone = "\xff" }},
		"a colour name":                      {"colour", func(c *store.Calendar) { c.Colour = "blue" }},
		"a short colour":                     {"colour", func(c *store.Calendar) { c.Colour = "#fff" }},
		"a colour that is not hexadecimal":   {"colour", func(c *store.Calendar) { c.Colour = "#gggggg" }},
		"rights of a scheduling list":        {"acl", func(c *store.Calendar) { c.ACL = store.ACL{everyone("f")} }},
	} {
		x := store.Calendar{Name: "work", Kind: store.PlainCalendar, Components: []string{"VEVENT"}}
		c.change(&x)
		wantInvalid(t, x.Check(), c.field, what)
	}
}

func TestComponentCheck(t *testing.T) {
	noon := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	for what, c := range map[string]struct {
		field  string
		change func(*store.Component)
	}{
		"a minimal component":       {"", func(*store.Component) {}},
		"text that is not UTF-8":    {"", func(m *store.Component) { m.Text = []byte{0, 0xff} }},
		"a span of length zero":     {"", func(m *store.Component) { m.End = m.Start }},
		"a span open on both sides": {"", func(m *store.Component) { m.Start, m.End = time.Time{}, time.Time{} }},
		"a span without a start":    {"", func(m *store.Component) { m.Start = time.Time{} }},
		"an end before the start":   {"span", func(m *store.Component) { m.End = m.Start.Add(-1) }},
		"no name":                   {"resource", func(m *store.Component) { m.Name = "" }},
		"no UID":                    {"uid", func(m *store.Component) { m.UID = "" }},
		"a UID with NUL":            {"uid", func(m *store.Component) { m.UID = "a\x00" }},
		"no type":                   {"type", func(m *store.Component) { m.Type = "" }},
		"a time zone":               {"type", func(m *store.Component) { m.Type = "VTIMEZONE" }},
		"no text":                   {"text", func(m *store.Component) { m.Text = nil }},
		"a long text":               {"text", func(m *store.Component) { m.Text = make([]byte, store.MaxComponent+1) }},
		"a tag that is not UTF-8":   {"schedule tag", func(m *store.Component) { m.ScheduleTag = "\xff" }},
	} {
		m := store.Component{Name: "1.ics", UID: "1", Type: "VEVENT", Text: []byte("x"), Start: noon, End: noon.Add(time.Hour)}
		c.change(&m)
		wantInvalid(t, m.Check(), c.field, what)
	}
}
