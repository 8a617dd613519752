package ical

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Check checks a calendar against RFC 5545 and RFC 7986, and returns what is wrong with it, ordered
// by line. It knows RFC 7529, RFC 7808, RFC 7953, RFC 9073, RFC 9074 and RFC 9253
// too; unknown components, properties and parameters are no problem.
//
// A problem of level Error has no certain meaning, so a server can refuse such an object with
// the precondition valid-calendar-data ([Precondition]). The text of a problem says how the
// object is read all the same. The quirks of the calendar servers of Sun are of level Note,
// with a code that begins with sun-, if the calendar shows that it comes from one.
//
// Check does not repeat what reading has reported ([Parse]), and does not look into rules of
// recurrence, which pkg/recur does. It compares times only where this needs no time zones: those
// of one zone, and others that are more than a day apart.
//
// The component is usually a VCALENDAR. For any other one, Check leaves out what depends on the
// calendar around it: whether it has a VTIMEZONE for a TZID or a METHOD.
//
// Of each level, a limited number of problems is listed, 1,000 of all levels. If there are more,
// the last problem has the code more-problems and tells their number. It takes time in proportion
// to the size of the calendar.
func Check(calendar *Component) []Problem {
	c := &checker{rules: registry(), calendar: calendar, whole: calendar.Name == "VCALENDAR"}
	c.prepare()
	c.walk(calendar, "", 0)
	return c.result()
}

// Limits of what Check lists.
const (
	maxErrors   = 500
	maxWarnings = 400
	maxNotes    = 100
)

// maxCheckDepth is how deep components are checked. It is more than what is read by default.
const maxCheckDepth = 1000

// checker checks one calendar.
type checker struct {
	rules    *rules
	calendar *Component
	whole    bool // the calendar is a VCALENDAR
	sun      bool // it comes from a calendar server of Sun
	method   bool // it has a METHOD

	zones    map[string]bool       // TZIDs of its VTIMEZONEs
	missing  map[string]bool       // TZIDs without one that were reported
	masters  map[string]*Component // components with a UID that have no RECURRENCE-ID
	reported map[string]bool       // codes of quirks that were reported for the calendar

	lastZone string // the last TZID that was in order

	component *Component // the one that is checked
	parent    *Component // the one around it; nil if absent
	uid       string     // of the component or the one around it

	list    []Problem
	listed  [Error + 1]int
	dropped [Error + 1]int
}

// prepare collects what components of the calendar refer to.
func (c *checker) prepare() {
	c.zones, c.missing, c.reported = make(map[string]bool), make(map[string]bool), make(map[string]bool)
	c.sun = isSun(c.calendar)
	if !c.whole {
		return
	}
	c.method = c.calendar.Get("METHOD") != nil
	overrides := false
	for _, child := range c.calendar.Components {
		if child.Name == "VTIMEZONE" {
			if id := child.Get("TZID"); id != nil {
				c.zones[zoneKey(id.Text())] = true
			}
		}
		overrides = overrides || child.Get("RECURRENCE-ID") != nil
	}
	if !overrides {
		return
	}
	c.masters = make(map[string]*Component)
	for _, child := range c.calendar.Components {
		if uid := child.Value("UID"); uid != "" && child.Get("RECURRENCE-ID") == nil && c.masters[uid] == nil {
			c.masters[uid] = child
		}
	}
}

// walk checks a component and those in it.
func (c *checker) walk(component *Component, parent string, depth int) {
	if depth > maxCheckDepth {
		c.reportf(Error, "limit-depth", nil, "components are nested more than %d deep; those below are not checked", maxCheckDepth)
		return
	}
	outerUID, outer := c.uid, c.parent
	if depth <= 1 {
		c.uid = ""
		if depth == 1 || !c.whole {
			c.uid = component.Value("UID")
		}
	}
	if depth > 0 {
		c.parent = c.component
	}
	c.component = component
	c.one(component, parent)
	for _, child := range component.Components {
		c.component = component
		c.walk(child, component.Name, depth+1)
	}
	c.uid, c.parent, c.component = outerUID, outer, component
}

// one checks a component without those in it.
func (c *checker) one(component *Component, parent string) {
	rule := c.rules.components[component.Name]
	if rule != nil && parent != "" && c.rules.components[parent] != nil && !hasWord(rule.parents, parent) {
		c.reportf(Warning, "component-misplaced", nil, "%s is not allowed in %s; it is ignored", component.Name, parent)
	}
	var first [maxRules]*Property
	for i := range component.Properties {
		p := &component.Properties[i]
		known := c.rules.properties[p.Name]
		if known != nil {
			if earlier := first[known.number]; earlier == nil {
				first[known.number] = p
			} else if rule != nil && (rule.limit[known.number] == atMostOnce || rule.limit[known.number] == exactlyOnce) {
				c.repeated(known, earlier, p)
			}
			if rule != nil && rule.limit[known.number] == never {
				c.reportf(Warning, "property-misplaced", p, "%s is not a property of %s; it is ignored", p.Name, component.Name)
			}
		}
		c.property(known, p)
	}
	if rule == nil {
		return
	}
	for _, needed := range rule.needs {
		if first[needed.number] == nil {
			c.absent(needed.name)
		}
	}
	if rule.check != nil {
		rule.check(c, component)
	}
}

// repeated reports a property that the component has already.
func (c *checker) repeated(rule *propertyRule, first, p *Property) {
	switch {
	case first.Content() == p.Content():
		c.reportf(Warning, "property-repeated", p, "%s is repeated", p.Name)
	case c.worst(rule) == Error || p.Name == "UID" || p.Name == "TZID":
		c.reportf(Error, "property-repeated", p, "%s is allowed once, and the second one differs; the first one is used", p.Name)
	case p.Name == "RRULE":
		c.reportf(Warning, "property-repeated", p, "%s should not occur more than once", p.Name)
	default:
		c.reportf(Warning, "property-repeated", p, "%s is allowed once; the first one is used", p.Name)
	}
}

// absent reports a missing property of the component.
func (c *checker) absent(name string) {
	level, effect := Warning, ""
	switch name {
	case "UID":
		if c.component.Name != "PARTICIPANT" && c.component.Name != "VLOCATION" && c.component.Name != "VRESOURCE" {
			level, effect = Error, ", so it cannot be recognised when it changes"
		}
	case "TZID":
		level, effect = Error, ", so no time can refer to it"
	case "DTSTART", "TZOFFSETFROM", "TZOFFSETTO":
		level = Error
	case "TRIGGER", "ACTION":
		effect = "; the alarm is ignored"
	}
	c.report(Problem{Level: level, Code: "property-missing", Line: c.component.Line, Property: name,
		Text: fmt.Sprintf("%s has no %s%s", c.component.Name, name, effect)})
}

// reportf adds a problem of the component, or of one of its properties.
func (c *checker) reportf(level Level, code string, p *Property, format string, args ...any) {
	problem := Problem{Level: level, Code: code, Line: c.component.Line}
	if p != nil {
		problem.Line, problem.Property = p.Line, p.Name
	}
	if c.room(level) {
		problem.Text = fmt.Sprintf(format, args...)
	}
	c.report(problem)
}

// room reports whether another problem of a level is listed.
func (c *checker) room(level Level) bool {
	return c.listed[level] < [...]int{Note: maxNotes, Warning: maxWarnings, Error: maxErrors}[level]
}

// report adds a problem, with its component and UID.
func (c *checker) report(p Problem) {
	if !c.room(p.Level) {
		c.dropped[p.Level]++
		return
	}
	c.listed[p.Level]++
	p.Component, p.UID = c.component.Name, c.uid
	c.list = append(c.list, p)
}

// result returns the problems in the order of their lines, and the number of those that are not
// listed.
func (c *checker) result() []Problem {
	slices.SortStableFunc(c.list, func(a, b Problem) int { return cmp.Compare(a.Line, b.Line) })
	worst, total := Level(0), 0
	for level := Note; level <= Error; level++ {
		if total += c.dropped[level]; c.dropped[level] > 0 {
			worst = level
		}
	}
	if total > 0 {
		c.list = append(c.list, Problem{Level: worst, Code: "more-problems", Text: fmt.Sprintf(
			"more problems are not listed: %s, %s and %s", count(c.dropped[Error], Error), count(c.dropped[Warning], Warning), count(c.dropped[Note], Note))})
	}
	return c.list
}

func count(n int, level Level) string {
	if n == 1 {
		return "1 " + level.String()
	}
	return fmt.Sprintf("%d %ss", n, level)
}

// maxQuoted is how many bytes of a value are repeated in a problem.
const maxQuoted = 80

// clip shortens a text that is repeated in a problem, at a character boundary.
func clip(s string) string {
	if len(s) <= maxQuoted {
		return s
	}
	end := maxQuoted
	for end > maxQuoted-utf8.UTFMax && !utf8.RuneStart(s[end]) {
		end--
	}
	return strings.Clone(s[:end]) + "…"
}

// hasWord reports whether a list of words separated by blanks contains a word.
func hasWord(list, word string) bool {
	for start := 0; ; {
		i := strings.Index(list[start:], word)
		if i < 0 || word == "" {
			return false
		}
		from := start + i
		end := from + len(word)
		if (from == 0 || list[from-1] == ' ') && (end == len(list) || list[end] == ' ') {
			return true
		}
		start = from + 1
	}
}
