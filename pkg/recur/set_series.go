package recur

import (
	"cmp"
	"slices"

	"github.com/davadmin/davadmin/pkg/ical"
)

// rule is a rule of a series with its end.
type rule struct {
	*Rule
	until until
	// withoutStart means that DTSTART does not count, as the rule does not give it. Only an
	// EXRULE has this: what it does not match, it does not exclude.
	withoutStart bool
}

// until is the end of a rule, inclusive. The zero value is no end.
type until struct {
	set   bool
	exact bool       // compare instants, because UNTIL is in UTC
	unix  int64      // if exact
	civil ical.Civil // otherwise
}

// date is an instance that is listed by itself: DTSTART or an RDATE.
type date struct {
	point
	own    bool // has a length of its own, as a period
	length length
}

// ruleSource yields the points of a rule, ascending by their instants.
//
// The iterator counts on the clock, where an hour may be skipped: 02:30 is then 03:30, which is
// after 03:00. Such points are held until the iterator has passed them.
type ruleSource struct {
	it    *Iterator
	zone  *Zone
	until until

	head point
	ok   bool // head is set

	next    point // the one that the iterator gave last
	hasNext bool
	gap     bool // next is skipped by the clock
	done    bool
	held    []ical.Civil // ascending; not empty only near a gap
}

func newRuleSource(r *rule, start *shape, b *Budget) ruleSource {
	s := ruleSource{it: r.Iterator(start.start.civil, start.allDay, b), zone: start.zone, until: r.until}
	if r.withoutStart {
		s.it.Seek(start.start.civil + 1)
	}
	s.advance()
	return s
}

// seek makes head the first point at or after an instant, unless it is after it already.
func (s *ruleSource) seek(unix int64) {
	if !s.ok || s.head.unix >= unix {
		return
	}
	s.it.Seek(s.zone.floor(unix))
	s.hasNext, s.done, s.held = false, false, nil
	for s.advance(); s.ok && s.head.unix < unix; {
		s.advance()
	}
}

// advance makes head the next point.
func (s *ruleSource) advance() {
	for {
		if !s.hasNext && !s.done {
			s.fetch()
		}
		if len(s.held) > 0 {
			first := s.zone.Unix(s.held[0])
			switch {
			case s.hasNext && s.gap:
				s.held = append(s.held, s.next.civil)
				s.hasNext = false
				continue
			case !s.hasNext || s.next.unix >= first:
				s.head, s.ok = point{s.held[0], first}, true
				if s.held = s.held[1:]; len(s.held) == 0 {
					s.held = nil
				}
				return
			}
		} else if s.hasNext && s.gap {
			s.held = append(s.held, s.next.civil)
			s.hasNext = false
			continue
		}
		s.head, s.ok = s.next, s.hasNext
		s.hasNext = false
		return
	}
}

// fetch takes the next point of the iterator that is not after the end.
func (s *ruleSource) fetch() {
	for {
		c, ok := s.it.Next()
		if !ok {
			s.done = true
			return
		}
		m := point{c, s.zone.Unix(c)}
		gap := !s.zone.fixed() && s.zone.Civil(m.unix) != c
		if s.until.set {
			if !s.until.exact && c > s.until.civil || s.until.exact && !gap && m.unix > s.until.unix {
				s.done = true
				return
			}
			if s.until.exact && m.unix > s.until.unix {
				continue
			}
		}
		s.next, s.gap, s.hasNext = m, gap, true
		return
	}
}

// series yields the points of a recurrence set in the order of their instants: those of the
// rules and dates, each once, without those that are excluded or replaced by an override.
type series struct {
	set    *Set
	rules  []ruleSource
	except []ruleSource
	date   int // the next of set.dates
	budget *Budget
	err    error
}

// exruleCost is how many EXRULEs make each instance cost one more candidate.
const exruleCost = 16

func (s *Set) series(b *Budget) *series {
	g := &series{set: s, budget: b}
	if len(s.rules) > 0 {
		g.rules = make([]ruleSource, len(s.rules))
		for i := range s.rules {
			g.rules[i] = newRuleSource(&s.rules[i], s.master, b)
		}
		g.heapify()
	}
	if len(s.except) > 0 {
		g.except = make([]ruleSource, len(s.except))
		for i := range s.except {
			g.except[i] = newRuleSource(&s.except[i], s.master, b)
		}
	}
	g.check()
	return g
}

// check keeps the first error of the rules. A rule that ends with an error ends the series,
// because more points may have come before those of the others.
func (g *series) check() {
	for _, list := range [2][]ruleSource{g.rules, g.except} {
		for i := range list {
			if err := list[i].it.Err(); err != nil && g.err == nil {
				g.err = err
			}
		}
	}
}

// seek skips the points of rules before an instant, and the dates before another one.
func (g *series) seek(rules, dates int64) {
	moved := false
	for i := range g.rules {
		if r := &g.rules[i]; r.ok && r.head.unix < rules {
			r.seek(rules)
			moved = true
		}
	}
	if moved {
		g.heapify()
		g.check()
	}
	list := g.set.dates
	if g.date < len(list) && list[g.date].unix < dates {
		at, _ := slices.BinarySearchFunc(list[g.date:], dates, func(d date, unix int64) int {
			return cmp.Compare(d.unix, unix)
		})
		g.date += at
	}
}

// take returns the next point before an instant. It returns false at the end, and on an error.
func (g *series) take(limit int64) (date, bool) {
	for {
		d, ok := g.first(limit)
		if !ok {
			return date{}, false
		}
		for {
			// The same instant again, from another rule or date. Dates come after rules, and
			// those with a length before the others.
			again, ok := g.first(d.unix + 1)
			if !ok {
				break
			}
			if again.own && !d.own {
				d = again
			}
		}
		if excluded, ok := g.excluded(&d.point); !ok {
			return date{}, false
		} else if !excluded {
			return d, true
		}
	}
}

// first removes and returns the first of all heads, if it is before an instant.
func (g *series) first(limit int64) (date, bool) {
	if g.err != nil {
		return date{}, false
	}
	var listed *date
	if g.date < len(g.set.dates) {
		listed = &g.set.dates[g.date]
	}
	if len(g.rules) > 0 && g.rules[0].ok && (listed == nil || g.rules[0].head.unix <= listed.unix) {
		r := &g.rules[0]
		if r.head.unix >= limit {
			return date{}, false
		}
		d := date{point: r.head}
		if r.advance(); !r.ok {
			g.err = r.it.Err()
		}
		g.down(0)
		return d, true
	}
	if listed == nil || listed.unix >= limit {
		return date{}, false
	}
	g.date++
	return *listed, true
}

// heapify makes a heap of the rules: the first one has the first head.
func (g *series) heapify() {
	for i := len(g.rules)/2 - 1; i >= 0; i-- {
		g.down(i)
	}
}

func (g *series) down(i int) {
	for {
		child := 2*i + 1
		if child >= len(g.rules) {
			return
		}
		if child+1 < len(g.rules) && headBefore(&g.rules[child+1], &g.rules[child]) {
			child++
		}
		if !headBefore(&g.rules[child], &g.rules[i]) {
			return
		}
		g.rules[i], g.rules[child] = g.rules[child], g.rules[i]
		i = child
	}
}

func headBefore(a, b *ruleSource) bool {
	if !a.ok || !b.ok {
		return a.ok && !b.ok
	}
	return a.head.unix < b.head.unix
}

// excluded reports whether a point is removed from the set, or replaced by an override. ok is
// false if that could not be computed.
func (g *series) excluded(m *point) (excluded, ok bool) {
	if g.set.removes(m) {
		return true, true
	}
	// Many EXRULEs cost more than the candidate that they may remove.
	if !g.budget.Spend(len(g.except) / exruleCost) {
		g.err = ErrBudget
		return false, false
	}
	for i := range g.except {
		r := &g.except[i]
		for n := 0; n < 8 && r.ok && r.head.unix < m.unix; n++ {
			r.advance() // cheaper than a jump, if it is near
		}
		r.seek(m.unix)
		if err := r.it.Err(); err != nil {
			g.err = err
			return false, false
		}
		if r.ok && r.head.unix == m.unix {
			return true, true
		}
	}
	return false, true
}

// removes reports whether an EXDATE or an override removes a point from the series.
func (s *Set) removes(m *point) bool {
	if contains(s.exdates, m.unix) || contains(s.replaced, m.unix) {
		return true
	}
	if len(s.exdays) == 0 && len(s.replacedDays) == 0 {
		return false
	}
	day := m.civil.Day()
	if s.removesDay(day) {
		return true
	}
	// A time that the clock skips may be shown on the next day.
	f := &s.master.frame
	if f.floating || f.zone.fixed() {
		return false
	}
	shown := f.zone.Civil(m.unix).Day()
	return shown != day && s.removesDay(shown)
}

func (s *Set) removesDay(day ical.Civil) bool {
	return contains(s.exdays, day) || contains(s.replacedDays, day)
}

func contains[T int64 | ical.Civil](sorted []T, value T) bool {
	if len(sorted) == 0 {
		return false
	}
	_, ok := slices.BinarySearch(sorted, value)
	return ok
}
