package tz

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // the database itself says which names exist
)

// Go's copy of the tz database knows every name of the list, so none is invented.
func TestNamesAreInTheDatabase(t *testing.T) {
	all := slices.Collect(Names())
	if !slices.IsSorted(all) || len(all) < 590 {
		t.Errorf("%d names; they must be sorted", len(all))
	}
	folded := map[string]bool{}
	for _, name := range all {
		if _, err := time.LoadLocation(name); err != nil || len(name) > maxText || folded[strings.ToLower(name)] {
			t.Errorf("%s: %v", name, err)
		}
		folded[strings.ToLower(name)] = true
	}
}

func TestWindowsZonesLeadToNames(t *testing.T) {
	all := slices.Collect(Names())
	seen := map[string]bool{}
	for windows, name := range WindowsNames() {
		if !slices.Contains(all, name) || len(windows) > maxText || seen[windows] {
			t.Errorf("%s: %s", windows, name)
		}
		seen[windows] = true
		if got, form, err := Find(windows); windows != "UTC" && (got != name || form != Windows || err != nil) {
			t.Errorf("%s: found %s, %d, %v", windows, got, form, err)
		}
	}
	if len(seen) < 135 {
		t.Errorf("%d Windows names", len(seen))
	}
}

func TestFind(t *testing.T) {
	for text, want := range map[string]struct {
		name string
		form Form
	}{
		"Europe/Rome":                    {"Europe/Rome", Exact},
		"UTC":                            {"UTC", Exact},
		"Etc/GMT+5":                      {"Etc/GMT+5", Exact},
		"Asia/Calcutta":                  {"Asia/Calcutta", Exact}, // a link, kept as it is
		"US/Pacific":                     {"US/Pacific", Exact},
		"America/Argentina/Buenos_Aires": {"America/Argentina/Buenos_Aires", Exact},
		"europe/ROME":                    {"Europe/Rome", Case},
		"utc":                            {"UTC", Case},
		"W. Europe Standard Time":        {"Europe/Berlin", Windows},
		"w. europe standard time":        {"Europe/Berlin", Windows},
		"Pacific Standard Time":          {"America/Los_Angeles", Windows},
		"Central America Standard Time":  {"America/Guatemala", Windows},
		"Central Standard Time (Mexico)": {"America/Mexico_City", Windows},
		"UTC-11":                         {"Etc/GMT+11", Windows},
		"Turkey Standard Time":           {"Europe/Istanbul", Windows},
	} {
		name, form, err := Find(text)
		if name != want.name || form != want.form || err != nil {
			t.Errorf("%s: %s, %d, %v", text, name, form, err)
		}
	}
	for text, near := range map[string]string{
		"":                         "",
		"Rome":                     "Europe/Rome",
		"Los Angeles":              "America/Los_Angeles",
		"America/Los Angeles":      "America/Los_Angeles",
		"America/Los-Angeles":      "America/Los_Angeles",
		" Europe/Rome":             "Europe/Rome",
		"Europe/Berln":             "Europe/Berlin",
		"Europa/Berlin":            "Europe/Berlin",
		"W Europe Standard Time":   "Europe/Berlin",
		"GMT+1":                    "", // not GMT+0
		"+01:00":                   "",
		"CEST":                     "",
		"Mitteleuropa":             "",
		"posixrules":               "",
		"Factory":                  "",
		"posix/Europe/Rome":        "",
		"../Europe/Rome":           "",
		"\u212Aiev":                "", // the Kelvin sign is not a K
		strings.Repeat("x", 1<<20): "",
	} {
		_, _, err := Find(text)
		var unknown *UnknownError
		if !errors.As(err, &unknown) || unknown.Near != near || unknown.Text != text {
			t.Errorf("%.40q: %+.200v", text, err)
		} else if len(err.Error()) > 300 {
			t.Errorf("%.40q: a message of %d bytes", text, len(err.Error()))
		}
	}
}
