package calio

import (
	"slices"
	"strings"

	"github.com/davadmin/davadmin/pkg/calobj"
	"github.com/davadmin/davadmin/pkg/ical"
)

// sameComponents reports whether a text has the same components as an object, byte for byte
// and in any order. Time zones and the properties of the calendar around them do not count:
// each program that writes a file with many objects writes its own.
func sameComponents(text []byte, x *calobj.Object) bool {
	calendar, _, err := ical.Parse(string(text), ical.Options{Lenient: true})
	if err != nil {
		return false
	}
	return slices.Equal(componentTexts(calendar), componentTexts(x.Calendar))
}

// componentTexts returns the texts of the components, without time zones, in one order.
func componentTexts(calendar *ical.Component) []string {
	var out []string
	for _, c := range calendar.Components {
		if c.Name != "VTIMEZONE" {
			out = append(out, strings.TrimRight(c.String(), "\r\n"))
		}
	}
	slices.Sort(out)
	return out
}
