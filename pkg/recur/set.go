package recur

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/davadmin/davadmin/pkg/ical"
)

// Set is the recurrence set of one calendar object: all instances of the components with one
// UID, or of a single component. It refers to the components, which must not change. A Set is
// safe for concurrent use.
//
// How dates and times are read where RFC 5545 leaves it open, or where they are wrong, is
// decided in docs/decisions/0012.
type Set struct {
	zone   *Zone  // of floating times
	master *shape // nil if there is no series

	// The series, as the instants at which the recurrence ids are.
	rules   []rule
	except  []rule
	dates   []date // ascending, without repetitions; DTSTART is one of them
	exdates []int64
	exdays  []ical.Civil
	longest int64 // maximum length of the dates that have one of their own

	// The overrides. replaced and replacedDays are not part of the series any more.
	replaced     []int64
	replacedDays []ical.Civil
	// segments are the parts of the series with the same properties, ascending; the first is
	// that of the master. Empty if there is no series.
	segments []segment

	// extra are the instances outside of the series, ascending: overrides, and components that
	// do not recur. An override is one whether or not the series has an instance at its id.
	extra        []Instance
	extraLongest int64 // maximum of until - Start
	extraLead    int64 // maximum of Start - from
	extraOpen    bool  // one has no limit on a side, so that these are of no use

	recurring bool
	floating  bool             // some instance is floating
	unknown   bool             // some component has a time that cannot be read
	again     func(*Zone) *Set // the same set with another zone of floating times
}

// SetOptions say what the text of a calendar object does not.
type SetOptions struct {
	// Zones finds time zones. If it is nil, only those are known that the object defines or
	// that have IANA or Windows names; the cache is not shared then, which is slow.
	Zones *Zones
	// Floating is the time zone of dates and of times without a zone; UTC if nil.
	Floating *Zone
}

// MaxRules is the maximum number of properties RRULE and EXRULE together. RFC 5545 allows one
// RRULE.
const MaxRules = 100

// NewSet returns the recurrence set of the components, which are all components of one UID in
// the calendar, in any order: a master, overrides, or both. All are of one type: VEVENT, VTODO,
// VJOURNAL or VFREEBUSY. The calendar contributes its VTIMEZONEs.
//
// The set is read tolerantly. The problems say what is wrong in the components as far as it
// concerns their times, and how it was read; those of the VTIMEZONEs are among them if a
// component names a zone. What has no readable start has no instances; a problem of level Error
// says so.
//
// The error is not nil if there are no components of these types, or more than MaxRules rules.
func NewSet(calendar *ical.Component, components []*ical.Component, o SetOptions) (*Set, []ical.Problem, error) {
	b := &builder{calendar: calendar, options: o}
	if b.options.Floating == nil {
		b.options.Floating = UTC()
	}
	s, err := b.build(components)
	if err != nil {
		return nil, nil, fmt.Errorf("recurrence set: %w", err)
	}
	if s.floating && !sameZone(b.options.Floating, UTC()) {
		s.again = func(zone *Zone) *Set {
			again, _, err := NewSet(calendar, components, SetOptions{Zones: o.Zones, Floating: zone})
			if err != nil {
				return nil
			}
			return again
		}
	}
	return s, b.problems, nil
}

func sameZone(a, b *Zone) bool { return a == b || a.fixed() && b.fixed() && a.offset == b.offset }

var (
	errNoComponent = errors.New("there is no component that can have instances")
	errManyRules   = fmt.Errorf("there are more than %d recurrence rules", MaxRules)
)

// builder makes a Set.
type builder struct {
	calendar *ical.Component
	options  SetOptions
	set      *Set
	problems []ical.Problem
	zones    *ObjectZones

	tzid string // the last one that was looked up, and its zone
	zone *Zone
}

// maxReported limits the problems of a set, because a hostile text has one in each line.
const maxReported = 100

// report adds a problem of a property, which may be nil. Where ical.Check and ical.CheckResource
// report the same, the code and the line are the same.
func (b *builder) report(level ical.Level, code string, c *ical.Component, p *ical.Property, text string) {
	problem := ical.Problem{Level: level, Code: code, Line: c.Line, Component: c.Name, UID: c.Value("UID"), Text: text}
	if p != nil {
		problem.Line, problem.Property = p.Line, p.Name
	}
	b.add(problem)
}

func (b *builder) add(problem ical.Problem) {
	switch n := len(b.problems); {
	case n < maxReported:
		b.problems = append(b.problems, problem)
	case n == maxReported:
		b.problems = append(b.problems, ical.Problem{
			Level: ical.Warning, Code: "more-problems", Component: problem.Component, UID: problem.UID,
			Text: "there are more problems, which are not listed",
		})
	}
}

// build makes the set.
func (b *builder) build(components []*ical.Component) (*Set, error) {
	b.set = &Set{zone: b.options.Floating}
	master, overrides := b.classify(components)
	if master == nil && len(overrides) == 0 {
		return nil, errNoComponent
	}
	b.set.recurring = len(overrides) > 0
	if master != nil {
		if err := b.addMaster(master); err != nil {
			return nil, err
		}
	}
	b.addOverrides(overrides)
	b.finish()
	if b.zones != nil {
		for _, problem := range b.zones.Problems() {
			if problem.Code != zoneUnknown { // reported with its place
				b.add(problem)
			}
		}
	}
	return b.set, nil
}

// classify finds the master and the overrides.
func (b *builder) classify(components []*ical.Component) (master *ical.Component, overrides []*ical.Component) {
	kind := ""
	for _, c := range components {
		switch c.Name {
		case "VEVENT", "VTODO", "VJOURNAL", "VFREEBUSY":
		default:
			continue
		}
		if kind == "" {
			kind = c.Name
		}
		switch {
		case c.Name != kind:
			b.set.unknown = true
			b.report(ical.Error, "resource-types", c, nil, "a "+c.Name+" has the same UID as a "+kind+"; its instances are not computed")
		case c.Get("RECURRENCE-ID") != nil:
			overrides = append(overrides, c)
		case master == nil:
			master = c
		default:
			older := c
			if versionOf(c).compare(versionOf(master)) > 0 {
				older, master = master, c
			}
			b.report(ical.Error, "resource-masters", older, nil, "another "+kind+" has the same UID, and is newer or comes first; the instances of this one are not computed")
		}
	}
	return master, overrides
}

// version orders components with the same UID and RECURRENCE-ID (RFC 5546, 2.1.5: by SEQUENCE,
// then by DTSTAMP). LAST-MODIFIED comes between them, as it is the time of the change, and not
// that of the copy.
type version struct {
	sequence          int64
	modified, stamped ical.Civil // the earliest possible one if missing
}

func versionOf(c *ical.Component) version {
	v := version{modified: math.MinInt64, stamped: math.MinInt64}
	for _, r := range c.Value("SEQUENCE") {
		if r < '0' || r > '9' || v.sequence > 1<<40 {
			v.sequence = 0
			break
		}
		v.sequence = 10*v.sequence + int64(r-'0')
	}
	if t, err := ical.ParseTime(c.Value("LAST-MODIFIED")); err == nil {
		v.modified = t.Civil
	}
	if t, err := ical.ParseTime(c.Value("DTSTAMP")); err == nil {
		v.stamped = t.Civil
	}
	return v
}

func (v version) compare(other version) int {
	if v.sequence != other.sequence {
		return cmp.Compare(v.sequence, other.sequence)
	}
	if v.modified != other.modified {
		return cmp.Compare(int64(v.modified), int64(other.modified))
	}
	return cmp.Compare(int64(v.stamped), int64(other.stamped))
}

// addMaster adds the component without RECURRENCE-ID.
func (b *builder) addMaster(c *ical.Component) error {
	s := b.set
	if c.Name == "VFREEBUSY" {
		b.addFreeBusy(c)
		return nil
	}
	shape, ok := b.shape(c)
	recurs := c.Get("RRULE") != nil || c.Get("RDATE") != nil
	if !ok {
		if recurs {
			level := ical.Error
			if c.Name != "VEVENT" { // as ical.Check says
				level = ical.Warning
			}
			b.report(level, "rrule-without-dtstart", c, c.Get("RRULE"), "the component recurs, but has no start; its recurrence is ignored")
		}
		return nil
	}
	s.floating = s.floating || shape.floating
	if !recurs && !s.recurring && c.Get("EXDATE") == nil && c.Get("EXRULE") == nil {
		s.extra = append(s.extra, shape.at(shape.start, shape.length))
		return nil
	}
	s.recurring = s.recurring || recurs
	s.master = shape
	s.segments = append(s.segments, segment{unix: earliest, shape: shape})
	s.dates = append(s.dates, date{point: shape.start})
	return b.addRecurrence(c)
}

// finish sorts the lists.
func (b *builder) finish() {
	s := b.set
	slices.SortStableFunc(s.dates, func(x, y date) int {
		if x.unix == y.unix && x.own != y.own {
			if x.own {
				return -1
			}
			return 1
		}
		return cmp.Compare(x.unix, y.unix)
	})
	s.dates = slices.CompactFunc(s.dates, func(x, y date) bool { return x.unix == y.unix })
	for i := range s.dates {
		if d := &s.dates[i]; d.own {
			s.longest = max(s.longest, s.master.most(d.length))
		}
	}
	s.exdates = sorted(s.exdates)
	s.exdays = sorted(s.exdays)
	s.replaced = sorted(s.replaced)
	s.replacedDays = sorted(s.replacedDays)
	slices.SortStableFunc(s.extra, func(x, y Instance) int {
		switch {
		case x.less(&y):
			return -1
		case y.less(&x):
			return 1
		}
		return 0
	})
	for i := range s.extra {
		in := &s.extra[i]
		if in.Start < earliest || in.until > latest {
			s.extraOpen = true
			continue
		}
		s.extraLongest = max(s.extraLongest, in.until-in.Start)
		s.extraLead = max(s.extraLead, in.Start-in.from)
	}
	// The id of an override may be a date, and its segment begins with that day.
	slices.SortStableFunc(s.segments, func(x, y segment) int { return cmp.Compare(x.unix, y.unix) })
	low := int64(0)
	for i := len(s.segments) - 1; i >= 0; i-- {
		g := &s.segments[i]
		if low = min(low, g.shift-g.slack); i == len(s.segments)-1 {
			low = g.shift - g.slack
		}
		g.low = low
	}
}

func sorted[T int64 | ical.Civil](list []T) []T {
	slices.Sort(list)
	return slices.Compact(list)
}
