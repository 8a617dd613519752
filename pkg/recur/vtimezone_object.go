package recur

import (
	"fmt"
	"strings"

	"github.com/davadmin/davadmin/pkg/ical"
)

// ObjectZones finds the zones of one iCalendar object: those that its VTIMEZONEs define, then
// those of [Zones.Named]. It must not be used by several goroutines at once; the zones may.
type ObjectZones struct {
	zones    *Zones
	list     []objectZone          // the VTIMEZONEs, in their order
	byName   map[string]int        // index in list by the forms of the name; made on first use
	last     objectName            // the name that was asked for last
	found    map[string]objectName // the names before it
	problems []ical.Problem        // of those names
	spent    int                   // candidates, for the VTIMEZONEs that were read
}

type objectZone struct {
	component *ical.Component
	read      bool
	definition
}

type objectName struct {
	tzid   string
	zone   *Zone
	source ZoneSource
}

// Of returns the zones of an object, a VCALENDAR; nil means one without VTIMEZONEs. It reads a
// VTIMEZONE when it is needed.
func (z *Zones) Of(calendar *ical.Component) *ObjectZones {
	o := &ObjectZones{zones: z}
	if calendar == nil {
		return o
	}
	for c := range calendar.Children("VTIMEZONE") {
		o.list = append(o.list, objectZone{component: c})
	}
	return o
}

// TZID returns the parameter TZID of a property, "" if it has none. If the name contains commas
// and its writer forgot the quotes, which makes it a list, it is put together again.
func TZID(p *ical.Property) string {
	tzid := p.Param("TZID")
	if tzid == "" || strings.IndexByte(p.Content()[:len(p.Content())-len(p.Value())], ',') < 0 {
		return tzid
	}
	for param := range p.Params() {
		if param.Name == "TZID" {
			return strings.Join(param.Values, ",")
		}
	}
	return tzid
}

// Find returns the zone of a TZID parameter, and how it was found; nil and NoZone if the name
// means nothing, so that times with it are floating.
//
// A VTIMEZONE of that name comes first, from its first onset on. Before that, the zone of the
// same name in the tz database holds, if there is one, otherwise the TZOFFSETFROM of the first
// onset. A VTIMEZONE that defines nothing, is refused, or cannot be read completely, comes after
// the tz database.
//
// The parameter is compared with the TZID of the VTIMEZONEs exactly, then without regard to
// escapes, blanks and quotes around it, and letter case.
func (o *ObjectZones) Find(tzid string) (*Zone, ZoneSource) {
	if tzid == "" {
		return nil, NoZone
	}
	if tzid == o.last.tzid { // most objects have one
		return o.last.zone, o.last.source
	}
	if known, ok := o.found[tzid]; ok {
		return known.zone, known.source
	}
	zone, source := o.find(tzid)
	switch {
	case len(o.problems) >= maxReported:
	case source == NoZone:
		o.problems = append(o.problems, ical.Problem{
			Level: ical.Warning, Code: "zone-unknown",
			Text: fmt.Sprintf("the time zone %s is unknown; its times are read as floating", quote(tzid)),
		})
	case source == ZoneOffset:
		o.problems = append(o.problems, ical.Problem{
			Level: ical.Note, Code: "zone-offset-only",
			Text: fmt.Sprintf("only the offset in the name of the time zone %s is known; its times are read without summer time", quote(tzid)),
		})
	}
	if o.last.tzid != "" {
		if o.found == nil {
			o.found = map[string]objectName{}
		}
		o.found[o.last.tzid] = o.last
	}
	o.last = objectName{tzid, zone, source}
	return zone, source
}

func (o *ObjectZones) find(tzid string) (*Zone, ZoneSource) {
	i, ok := o.index(tzid)
	if !ok {
		return o.zones.Named(tzid)
	}
	e := o.at(i)
	if e.zone != nil && !e.partial {
		return e.zone, ZoneEmbedded
	}
	named, source := o.zones.Named(tzid)
	if inDatabase(source) {
		return named, source
	}
	if hinted := o.zones.hint(e.component); hinted != nil {
		return hinted, ZoneHint
	}
	if e.zone != nil {
		return e.zone, ZoneEmbedded
	}
	return named, source
}

func inDatabase(s ZoneSource) bool { return s == ZoneIANA || s == ZonePrefix || s == ZoneWindows }

// Problems returns what is wrong with the VTIMEZONEs of the object and with the names that were
// looked up, some 200 at most.
func (o *ObjectZones) Problems() []ical.Problem {
	var all []ical.Problem
	for i := range o.list {
		e := o.at(i)
		if len(all) >= maxReported {
			break
		}
		for _, p := range e.problems {
			if e.component.Line > 0 {
				p.Line += e.component.Line
			}
			all = append(all, p)
		}
		if first, ok := o.index(e.component.Value("TZID")); ok && first != i {
			all = append(all, ical.Problem{
				Level: ical.Warning, Code: "zone-twice", Line: e.component.Line, Component: "VTIMEZONE", Property: "TZID",
				Text: fmt.Sprintf("the time zone %s is defined more than once; one of them is used",
					quote(e.component.Value("TZID"))),
			})
		}
	}
	return append(all, o.problems...)
}

// index returns which VTIMEZONE a name means.
func (o *ObjectZones) index(tzid string) (int, bool) {
	if len(o.list) == 0 {
		return 0, false
	}
	if len(o.list) == 1 && o.list[0].component.Value("TZID") == tzid {
		return 0, true // most objects
	}
	if o.byName == nil {
		o.addNames()
	}
	for _, form := range nameForms(tzid) {
		if i, ok := o.byName[form]; ok {
			return i, true
		}
	}
	return 0, false
}

// addNames fills the table of names. Exact forms come before others, and VTIMEZONEs with a
// content before those without.
func (o *ObjectZones) addNames() {
	o.byName = make(map[string]int, 4*len(o.list))
	for _, empty := range []bool{false, true} {
		for form := range nameForms("") {
			for i := range o.list {
				c := o.list[i].component
				if hasObservances(c) == empty {
					continue
				}
				key := nameForms(c.Value("TZID"))[form]
				if _, ok := o.byName[key]; !ok && key != "" {
					o.byName[key] = i
				}
			}
		}
	}
}

// nameForms returns the forms in which a name is compared, the most exact one first.
func nameForms(tzid string) [3]string {
	if len(tzid) > maxName {
		return [3]string{tzid, tzid, tzid}
	}
	text := trimName(ical.UnescapeText(tzid))
	return [3]string{tzid, text, nameKey(text)}
}

func hasObservances(c *ical.Component) bool {
	for _, child := range c.Components {
		if child.Name == "STANDARD" || child.Name == "DAYLIGHT" {
			return true
		}
	}
	return false
}

// at returns a VTIMEZONE of the object, read.
func (o *ObjectZones) at(i int) *objectZone {
	e := &o.list[i]
	if e.read {
		return e
	}
	e.read = true
	if o.spent >= objectBudget {
		e.definition = definition{partial: true, problems: []ical.Problem{{
			Level: ical.Warning, Code: "zone-too-large", Component: "VTIMEZONE",
			Text: "the time zones of the object take too long to compute; this one is not used",
		}}}
		return e
	}
	e.definition = o.zones.embedded.get(e.component, func() definition {
		// A copy, because the zone may be kept longer than the text of the object.
		name := strings.Clone(trimName(ical.UnescapeText(e.component.Value("TZID"))))
		before, source := o.zones.Named(name)
		if !inDatabase(source) {
			before = o.zones.hint(e.component)
		}
		return readDefinition(e.component, name, before)
	})
	// Also if it was in the cache, because the same object must always be read alike.
	o.spent += e.cost
	return e
}

// hint returns the zone of the database that a VTIMEZONE names in other properties; nil if it
// names none.
func (z *Zones) hint(c *ical.Component) *Zone {
	for _, property := range []string{"X-LIC-LOCATION", "X-MICROSOFT-CDO-TZID"} {
		p := c.Get(property)
		if p == nil {
			continue
		}
		name := p.Text()
		if property == "X-MICROSOFT-CDO-TZID" {
			name = microsoftZone(strings.TrimSpace(name))
		}
		if zone, source := z.Named(name); inDatabase(source) {
			return zone
		}
	}
	return nil
}

// microsoftZone returns the zone that a number of Microsoft's Collaboration Data Objects
// means; "" if it is not one whose zone is still the same.
func microsoftZone(number string) string {
	switch number {
	case "0":
		return "UTC"
	case "1":
		return "Europe/London"
	case "3":
		return "Europe/Paris"
	case "4":
		return "Europe/Berlin"
	case "6":
		return "Europe/Prague"
	case "9":
		return "America/Halifax"
	case "10":
		return "America/New_York"
	case "11":
		return "America/Chicago"
	case "12":
		return "America/Denver"
	case "13":
		return "America/Los_Angeles"
	case "14":
		return "America/Anchorage"
	case "15":
		return "Pacific/Honolulu"
	case "17":
		return "Pacific/Auckland"
	case "18":
		return "Australia/Brisbane"
	case "20":
		return "Asia/Tokyo"
	case "23":
		return "Asia/Kolkata"
	case "38":
		return "America/Phoenix"
	case "59":
		return "Europe/Helsinki"
	}
	return ""
}
