package recur

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/davadmin/davadmin/pkg/ical"
)

// The limits of a VTIMEZONE. What the world writes stays well below them, and one that has
// more is not used.
const (
	maxObservances   = 256
	maxOnsets        = 4096 // that are given one by one, or by rules with COUNT
	maxRulesAtOnce   = 8    // that hold in the same year
	maxYearlyChanges = 12   // of one rule
	maxZoneProblems  = 50   // that are reported
)

// farFuture is the year 9000. An UNTIL after it means that the rule has no end.
const farFuture = 221845392000

// definition is what a VTIMEZONE says.
type definition struct {
	zone     *Zone          // nil if it defines nothing
	partial  bool           // an observance could not be read
	problems []ical.Problem // Line is relative to that of BEGIN:VTIMEZONE, as far as it has one
	cost     int            // the candidates that it took to read
}

// definitionReader reads a VTIMEZONE.
type definitionReader struct {
	definition
	base    int // line of BEGIN:VTIMEZONE
	v       vtimezone
	refused bool
	budget  *Budget

	firstOffset onset // its offset is what holds before the first onset
}

// readDefinition reads a VTIMEZONE. The zone before, which may be nil, is what holds before
// the first onset.
func readDefinition(c *ical.Component, name string, before *Zone) definition {
	r := &definitionReader{base: c.Line, budget: NewBudget(readBudget)}
	r.read(c, name, before)
	r.cost = readBudget - r.budget.Left()
	return r.definition
}

func (r *definitionReader) read(c *ical.Component, name string, before *Zone) {
	var observances []*observance
	n := 0
	for _, child := range c.Components {
		if child.Name != "STANDARD" && child.Name != "DAYLIGHT" {
			continue
		}
		if n++; n > maxObservances {
			r.refuse(child, "", "zone-too-large", "the time zone has more than %d observances; it is not used", maxObservances)
			return
		}
		if o := r.observance(child); o != nil {
			observances = append(observances, o)
		}
	}
	if n == 0 {
		r.problem(c, "", ical.Warning, "zone-empty", "the time zone has neither STANDARD nor DAYLIGHT and defines nothing")
		return
	}
	// Where two begin at the same instant, the one that was introduced later holds.
	slices.SortStableFunc(observances, func(a, b *observance) int { return int(min(1, max(-1, a.start-b.start))) })
	for i, o := range observances {
		if r.add(o, int32(i), observances); r.refused || r.budget.Left() == 0 {
			break
		}
	}
	if !r.refused {
		r.checkRules(c)
	}
	if !r.refused && r.budget.Left() == 0 {
		r.refuse(c, "", "zone-too-large", "the rules of the time zone take too long to compute; it is not used")
	}
	if r.refused || len(r.v.single) == 0 && len(r.v.rules) == 0 {
		r.partial = true
		return
	}
	r.finish(c, name, before)
}

// finish makes the zone.
func (r *definitionReader) finish(c *ical.Component, name string, before *Zone) {
	v := &r.v
	slices.SortFunc(v.single, compareOnsets)
	v.first, v.offset, v.before = r.firstOffset.at, r.firstOffset.offset, before
	zone := &Zone{name: name, source: v}
	first := v.first
	if before != nil && before.source != nil {
		first = min(first, before.first)
	}
	if zone.limit(first, v.cycle(r.budget)); zone.blockCount() > maxBlocks {
		r.refuse(c, "", "zone-too-long", "the changes of the time zone are thousands of years apart; it is not used")
		return
	}
	zone.blocks = make([]atomic.Pointer[block], zone.blockCount())
	if len(v.rules) == 0 && before == nil && !slices.ContainsFunc(v.single, func(o onset) bool { return o.offset != v.offset }) {
		zone = FixedZone(name, int(v.offset))
	}
	r.zone = zone
}

// problem records a problem of a component or of one of its properties.
func (r *definitionReader) problem(c *ical.Component, property string, level ical.Level, code, format string, args ...any) {
	if len(r.problems) >= maxZoneProblems {
		return
	}
	line := c.Line
	if p := c.Get(property); p != nil {
		line = p.Line
	}
	r.problems = append(r.problems, ical.Problem{
		Level: level, Code: code, Line: max(0, line-r.base), Component: strings.Clone(c.Name), Property: property,
		Text: fmt.Sprintf(format, args...),
	})
}

// refuse records why the VTIMEZONE as a whole is not used.
func (r *definitionReader) refuse(c *ical.Component, property, code, format string, args ...any) {
	r.problem(c, property, ical.Error, code, format, args...)
	r.refused, r.partial = true, true
}

// observance is a STANDARD or DAYLIGHT component.
type observance struct {
	component *ical.Component
	start     ical.Civil
	always    bool // it has no DTSTART and no rule: it holds from the beginning
	to        int32
	from      int32
	hasFrom   bool
}

// observance reads what an observance must have; nil if it lacks something that cannot be
// derived.
func (r *definitionReader) observance(c *ical.Component) *observance {
	o := &observance{component: c}
	var ok bool
	if o.to, ok = parseOffset(c.Value("TZOFFSETTO")); !ok {
		r.problem(c, "TZOFFSETTO", ical.Error, "zone-offset-invalid",
			"%s has no TZOFFSETTO between -23:59:59 and +23:59:59; it is skipped", c.Name)
		r.partial = true
		return nil
	}
	if o.from, o.hasFrom = parseOffset(c.Value("TZOFFSETFROM")); !o.hasFrom {
		r.problem(c, "TZOFFSETFROM", ical.Warning, "zone-offset-from-missing",
			"%s has no valid TZOFFSETFROM; the offset of the observance before it is used", c.Name)
	}
	p := c.Get("DTSTART")
	if p == nil && c.Get("RRULE") == nil && c.Get("RDATE") == nil {
		r.problem(c, "", ical.Warning, "zone-start-missing", "%s has no DTSTART; it holds from the beginning", c.Name)
		o.always, o.start = true, minInstant
		return o
	}
	var start ical.Time
	err := fmt.Errorf("is missing")
	if p != nil {
		start, err = ical.ParseTime(p.Value())
	}
	if err != nil {
		r.problem(c, "DTSTART", ical.Error, "zone-start-invalid", "the DTSTART of %s %v; it is skipped", c.Name, err)
		r.partial = true
		return nil
	}
	o.start = start.Civil
	if start.Form != ical.Local {
		r.problem(c, "DTSTART", ical.Warning, "zone-start-not-local", "the DTSTART of %s is not a local time", c.Name)
	}
	if start.Form == ical.UTC {
		o.start += ical.Civil(o.from)
	}
	return o
}

// parseOffset reads a UTC-OFFSET (RFC 5545, 3.3.14). A missing sign and colons are accepted.
func parseOffset(text string) (int32, bool) {
	s := strings.ReplaceAll(strings.TrimSpace(text), ":", "")
	negative := strings.HasPrefix(s, "-")
	if negative || strings.HasPrefix(s, "+") {
		s = s[1:]
	}
	if len(s) == 4 {
		s += "00"
	}
	if len(s) != 6 || len(text) > 12 {
		return 0, false
	}
	h, ok1 := smallNumber(s[0:2])
	m, ok2 := smallNumber(s[2:4])
	sec, ok3 := smallNumber(s[4:6])
	if !ok1 || !ok2 || !ok3 || h > 23 || m > 59 || sec > 59 {
		return 0, false
	}
	offset := int32(h*3600 + m*60 + sec)
	if negative {
		offset = -offset
	}
	return offset, true
}

// add records the onsets of an observance.
func (r *definitionReader) add(o *observance, rank int32, all []*observance) {
	if !o.hasFrom {
		o.from = offsetBefore(o, all)
	}
	c := o.component
	ruled, matched := false, false
	for p := range c.All("RRULE") {
		ruled = true
		matched = r.addRule(o, rank, p) || matched
		if r.refused {
			return
		}
	}
	// The RFC says that DTSTART is the first onset. Many programs write one that does not match
	// the rule, such as 1 January 1601; then it is no onset, or the last observance that begins
	// there would hold until the first real one.
	if !ruled || matched {
		at := int64(o.start) - int64(o.from)
		if o.always {
			at = minInstant
		}
		r.addOnset(o, rank, at)
	}
	for p := range c.All("RDATE") {
		for value := range ical.SplitValues(p.Value()) {
			t, err := ical.ParseTime(value)
			if err != nil {
				r.problem(c, "RDATE", ical.Warning, "zone-rdate-invalid", "an RDATE of %s %v; it is skipped", c.Name, err)
				continue
			}
			at := int64(t.Civil)
			if t.Form != ical.UTC {
				at -= int64(o.from)
			}
			r.addOnset(o, rank, at)
			if r.refused {
				return
			}
		}
	}
}

// offsetBefore returns the offset of the observance that is introduced before o, or of any
// other one, or its own.
func offsetBefore(o *observance, all []*observance) int32 {
	offset := o.to
	for _, other := range all {
		if other.component.Name != o.component.Name {
			offset = other.to
			if other.start >= o.start {
				break
			}
		}
	}
	return offset
}

func (r *definitionReader) addOnset(o *observance, rank int32, at int64) {
	if len(r.v.single) >= maxOnsets {
		r.refuse(o.component, "RDATE", "zone-too-large",
			"the time zone has more than %d changes of its offset; it is not used", maxOnsets)
		return
	}
	added := onset{at, o.to, rank}
	r.v.single = append(r.v.single, added)
	r.sawFirst(added, o.from)
}

// sawFirst keeps what holds before the first onset.
func (r *definitionReader) sawFirst(added onset, before int32) {
	if len(r.v.single)+len(r.v.rules) == 1 || compareOnsets(added, r.firstOffset) < 0 {
		r.firstOffset = onset{added.at, before, added.rank}
	}
}

// addRule records the onsets of a rule, and reports whether DTSTART is one of them.
func (r *definitionReader) addRule(o *observance, rank int32, p *ical.Property) bool {
	c := o.component
	rule, problems, err := ParseRule(p.Value())
	if err == nil {
		for _, found := range problems {
			r.problem(c, "RRULE", found.Level, found.Code, "%s", found.Text)
		}
	}
	if err != nil {
		r.problem(c, "RRULE", ical.Error, "zone-rule-invalid", "the rule of %s is invalid: %v; it is skipped", c.Name, err)
		r.partial = true
		return true // DTSTART is all that is left
	}
	if !everyCycle(rule) {
		r.refuse(c, "RRULE", "zone-rule-odd",
			"the interval of the rule of %s does not divide 400 years; the time zone is not used", c.Name)
		return false
	}
	if changesPerYear(rule) > maxYearlyChanges {
		r.refuse(c, "RRULE", "zone-rule-too-frequent",
			"the rule of %s changes the offset more than %d times a year; the time zone is not used", c.Name, maxYearlyChanges)
		return false
	}
	copied := *rule
	rule = &copied
	count := rule.Count
	added := onsetRule{
		rule: rule, start: o.start, before: o.from, offset: o.to, rank: rank,
		until: maxInstant, last: maxInstant, skip: !r.matches(rule, o.start),
	}
	if rule.HasUntil {
		if added.until = r.until(o, rule.Until); added.until >= farFuture {
			added.until = maxInstant
		}
	}
	if count > 0 {
		r.addCounted(o, &added)
		return !added.skip
	}
	if added.until != maxInstant {
		last, ok := added.latest(added.until, added.until+1, r.budget, nil)
		if !ok {
			return !added.skip // all that is left
		}
		added.last = last
	}
	added.first = minInstant - 1
	to := int64(o.start) + 3000*366*ical.SecondsPerDay
	it := rule.Iterator(o.start, false, r.budget)
	for found, ok := it.Next(); ok && int64(found) < to; found, ok = it.Next() {
		if found != o.start || !added.skip {
			added.first = int64(found) - int64(o.from)
			break
		}
	}
	if added.first < minInstant || added.first > added.until {
		return !added.skip // the rule has no other onset
	}
	r.v.rules = append(r.v.rules, added)
	r.sawFirst(onset{added.first, o.to, rank}, o.from)
	return false // the rule gives it
}

// addCounted records the onsets of a rule with COUNT one by one.
func (r *definitionReader) addCounted(o *observance, rule *onsetRule) {
	it := rule.rule.Iterator(o.start, false, r.budget)
	for {
		c, ok := it.Next()
		at := int64(c) - int64(o.from)
		if !ok || at > rule.until || r.refused {
			return
		}
		if c != o.start {
			r.addOnset(o, rule.rank, at)
		}
	}
}

// until returns the last instant of a rule. UTC is the only form that is allowed (RFC 5545,
// 3.6.5); a local time is read with TZOFFSETFROM, as DTSTART is, and a date means its end.
func (r *definitionReader) until(o *observance, t ical.Time) int64 {
	if t.Form != ical.UTC {
		r.problem(o.component, "RRULE", ical.Warning, "zone-until-not-utc",
			"the UNTIL of %s is not a time in UTC", o.component.Name)
	}
	at := int64(t.Civil)
	switch t.Form {
	case ical.UTC:
		return at
	case ical.Date:
		at += ical.SecondsPerDay - 1
	}
	return at - int64(o.from)
}

// matches reports whether DTSTART is one of the times of a rule.
func (r *definitionReader) matches(rule *Rule, start ical.Civil) bool {
	year, _, _ := start.Date()
	if year >= 9500 {
		return true // not worth finding out
	}
	endless := *rule
	endless.Count = 0
	later := start + cycleLength
	it := endless.Iterator(start, false, r.budget)
	it.Seek(later)
	found, ok := it.Next()
	return ok && found == later
}

// checkRules refuses a VTIMEZONE with so many rules at a time that finding a change would be
// slow.
func (r *definitionReader) checkRules(c *ical.Component) {
	rules := r.v.rules
	for i := range rules {
		n := 0
		for j := range rules {
			if rules[j].first <= rules[i].first && rules[i].first <= rules[j].last {
				n++
			}
		}
		if n > maxRulesAtOnce {
			r.refuse(c, "", "zone-too-large", "the time zone has more than %d rules at the same time; it is not used", maxRulesAtOnce)
			return
		}
	}
}

// offsetValue formats an offset as a UTC-OFFSET, with seconds only if it has some.
func offsetValue(offset int) string {
	sign := '+'
	if offset < 0 {
		sign, offset = '-', -offset
	}
	if offset%60 != 0 {
		return fmt.Sprintf("%c%02d%02d%02d", sign, offset/3600, offset/60%60, offset%60)
	}
	return fmt.Sprintf("%c%02d%02d", sign, offset/3600, offset/60%60)
}
