package recur

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/davadmin/davadmin/internal/seed"
	"github.com/davadmin/davadmin/internal/tier"
	"github.com/davadmin/davadmin/pkg/ical"
)

// model is an event that is expanded slowly: every instance is listed, then what is excluded is
// removed, then each of the others looks for its overrides.
type model struct {
	zone      *Zone
	kind      string // "utc", "zoned", "floating" or "date"
	start     ical.Civil
	length    length
	nominal   bool // written as DURATION
	rule      string
	dates     []ical.Civil
	excluded  []ical.Civil
	overrides []modelOverride
}

type modelOverride struct {
	id, start ical.Civil
	seconds   int64 // its length; of an all-day event, in whole days
	future    bool
}

// modelTime is an instance: start, end and recurrence id.
type modelTime struct{ start, end, id int64 }

// newModel invents an event.
func newModel(r *rand.Rand, zones *Zones) *model {
	berlin, _ := zones.Named("Europe/Berlin")
	m := &model{zone: UTC(), kind: []string{"utc", "zoned", "floating", "date"}[r.IntN(4)]}
	if m.kind == "zoned" || m.kind != "utc" && r.IntN(2) == 0 {
		m.zone = berlin
	}
	// Near the changes of the clock on 29 March and 25 October 2026.
	m.start = ical.CivilOf(2026, 3, 20+r.IntN(10), r.IntN(5), 30*r.IntN(2), 0)
	if r.IntN(2) == 0 {
		m.start = m.start.AddDays(210)
	}
	rules := []string{"FREQ=DAILY", "FREQ=DAILY;INTERVAL=2", "FREQ=WEEKLY;BYDAY=MO,WE,SA", "FREQ=MONTHLY;BYMONTHDAY=1,-1,29",
		"FREQ=HOURLY;INTERVAL=5", "FREQ=DAILY;BYHOUR=1,2,3", "FREQ=MINUTELY;INTERVAL=30", "FREQ=YEARLY",
		"FREQ=MINUTELY;INTERVAL=20", "FREQ=MINUTELY;INTERVAL=25"}
	m.rule = fmt.Sprintf("%s;COUNT=%d", rules[r.IntN(len(rules))], 1+r.IntN(30))
	seconds := int64(r.IntN(4)) * 1800 * int64(1+r.IntN(60))
	switch m.kind {
	case "date":
		m.start = m.start.Day()
		m.length.civil = int64(1+r.IntN(4)) * ical.SecondsPerDay
	case "floating":
		m.length.civil = seconds
	default:
		m.length.exact = seconds
	}
	if r.IntN(2) == 0 {
		m.nominal = true
		if m.kind != "date" {
			m.length = length{civil: int64(r.IntN(3)) * ical.SecondsPerDay, exact: int64(r.IntN(3)) * 1800}
		}
	}
	for range r.IntN(4) {
		m.dates = append(m.dates, m.near(r, m.start))
	}
	all := m.points()
	pick := func() ical.Civil {
		if r.IntN(5) == 0 {
			return m.near(r, m.start)
		}
		return all[r.IntN(len(all))].civil
	}
	for range r.IntN(6) {
		m.excluded = append(m.excluded, pick())
	}
	for range r.IntN(5) {
		o := modelOverride{id: pick(), future: r.IntN(2) == 0, seconds: int64(r.IntN(3)) * 5400}
		if slices.ContainsFunc(m.overrides, func(x modelOverride) bool {
			return x.future == o.future && m.zone.Unix(x.id) == m.zone.Unix(o.id)
		}) {
			continue
		}
		o.start = m.near(r, o.id)
		if m.kind == "date" {
			o.seconds = int64(1+r.IntN(3)) * ical.SecondsPerDay
		}
		m.overrides = append(m.overrides, o)
	}
	return m
}

// near returns a time some days around another one.
func (m *model) near(r *rand.Rand, c ical.Civil) ical.Civil {
	c = c.AddDays(r.IntN(21) - 10)
	if m.kind == "date" {
		return c
	}
	return c + ical.Civil(r.IntN(9)-4)*1800
}

// points lists the series without exceptions.
func (m *model) points() []point {
	rule, _, err := ParseRule(m.rule)
	if err != nil {
		panic(err)
	}
	var all []point
	add := func(c ical.Civil) {
		u := m.zone.Unix(c)
		if !slices.ContainsFunc(all, func(x point) bool { return x.unix == u }) {
			all = append(all, point{c, u})
		}
	}
	it := rule.Iterator(m.start, m.kind == "date", nil)
	for c, ok := it.Next(); ok; c, ok = it.Next() {
		add(c)
	}
	for _, c := range m.dates {
		add(c)
	}
	return all
}

// instances lists the instances in their order.
func (m *model) instances() []modelTime {
	end := func(x point, l length) int64 {
		if l.civil == 0 {
			return x.unix + max(0, l.exact)
		}
		return max(x.unix, m.zone.Unix(x.civil+ical.Civil(l.civil))+l.exact)
	}
	own := func(o *modelOverride) length {
		if m.kind == "date" {
			return length{civil: o.seconds}
		}
		return length{exact: o.seconds}
	}
	var all []modelTime
	gone := map[int64]bool{}
	for _, c := range m.excluded {
		gone[m.zone.Unix(c)] = true
	}
	for i := range m.overrides {
		o := &m.overrides[i]
		id := m.zone.Unix(o.id)
		if o.future && slices.ContainsFunc(m.overrides, func(x modelOverride) bool { return !x.future && m.zone.Unix(x.id) == id }) {
			continue
		}
		gone[id] = true
		at := point{o.start, m.zone.Unix(o.start)}
		all = append(all, modelTime{at.unix, end(at, own(o)), id})
	}
	for _, x := range m.points() {
		if gone[x.unix] {
			continue
		}
		var last *modelOverride
		for i := range m.overrides {
			o := &m.overrides[i]
			if o.future && m.zone.Unix(o.id) <= x.unix && (last == nil || m.zone.Unix(o.id) > m.zone.Unix(last.id)) {
				last = o
			}
		}
		if last == nil {
			all = append(all, modelTime{x.unix, end(x, m.length), x.unix})
			continue
		}
		clock := func(c ical.Civil) ical.Civil {
			if m.kind == "zoned" {
				return m.zone.Civil(m.zone.Unix(c)) // the clock does not show times that it skips
			}
			return c
		}
		c := clock(x.civil) + last.start - clock(last.id)
		at := point{c, m.zone.Unix(c)}
		all = append(all, modelTime{at.unix, end(at, own(last)), x.unix})
	}
	slices.SortFunc(all, func(a, b modelTime) int {
		if a.start != b.start {
			return cmp.Compare(a.start, b.start)
		}
		return cmp.Compare(a.id, b.id)
	})
	return all
}

// components writes the event.
func (m *model) components() []string {
	property := func(name string, c ical.Civil) string {
		v := ical.Time{Civil: c, Form: ical.Local}
		switch m.kind {
		case "utc":
			v.Form = ical.UTC
		case "date":
			v.Form = ical.Date
			name += ";VALUE=DATE"
		case "zoned":
			name += ";TZID=Europe/Berlin"
		}
		return name + ":" + v.String() + "\n"
	}
	duration := func(seconds int64) string {
		d := ical.Duration{Days: 0, Seconds: seconds}
		if m.kind == "date" {
			d = ical.Duration{Days: seconds / ical.SecondsPerDay}
		}
		return "DURATION:" + d.String() + "\n"
	}
	text := "VEVENT\n" + property("DTSTART", m.start) + "RRULE:" + m.rule + "\n"
	if m.nominal {
		text += "DURATION:" + ical.Duration{Days: m.length.civil / ical.SecondsPerDay, Seconds: m.length.exact}.String() + "\n"
	} else if m.length != (length{}) {
		c := m.start + ical.Civil(m.length.civil)
		if m.kind == "utc" || m.kind == "zoned" {
			at := ical.Time{Civil: ical.Civil(m.zone.Unix(m.start) + m.length.exact), Form: ical.UTC}
			text += "DTEND:" + at.String() + "\n"
		} else {
			text += property("DTEND", c)
		}
	}
	for _, c := range m.dates {
		text += property("RDATE", c)
	}
	for _, c := range m.excluded {
		text += property("EXDATE", c)
	}
	all := []string{text}
	for _, o := range m.overrides {
		name := "RECURRENCE-ID"
		if o.future {
			name += ";RANGE=THISANDFUTURE"
		}
		all = append(all, "VEVENT\n"+property(name, o.id)+property("DTSTART", o.start)+duration(o.seconds))
	}
	return all
}

func (x modelTime) String() string {
	return showInstant(x.start) + "/" + showInstant(x.end) + "@" + showInstant(x.id)
}

// overlaps is the condition of RFC 4791, 9.9, for events.
func (x modelTime) overlaps(from, to int64) bool {
	if x.end > x.start {
		return from < x.end && to > x.start
	}
	return from <= x.start && to > x.start
}

func between(t testing.TB, s *Set, from, to int64) []modelTime {
	t.Helper()
	all := []modelTime{}
	for in, err := range s.Between(from, to, nil) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, modelTime{in.Start, in.End, in.RecurrenceID})
	}
	return all
}

func TestSetsAgreeWithASlowModel(t *testing.T) {
	r := seed.New(t)
	zones := NewZones()
	for n := range tier.Rounds(t, 1500, 50_000) {
		m := newModel(r, zones)
		components := m.components()
		o := SetOptions{Zones: zones}
		if m.kind == "floating" || m.kind == "date" {
			o.Floating = m.zone
		}
		s, _ := setOf(t, o, components...)
		want := m.instances()
		got := between(t, s, earliest, latest)
		if !slices.Equal(got, want) {
			t.Fatalf("round %d: %s in %s\n%s\ngot  %v\nwant %v", n, m.kind, m.zone.Name(), strings.Join(components, "\n"), got, want)
		}
		for range 12 {
			at := m.zone.Unix(m.start) + int64(r.IntN(80)-40)*43_200
			if len(want) > 0 && r.IntN(2) == 0 { // exactly at a limit of an instance, or a second alongside it
				x := want[r.IntN(len(want))]
				at = []int64{x.start, x.end}[r.IntN(2)] + int64(r.IntN(3)) - 1
			}
			to := at + int64(1+r.IntN(100))*int64(r.IntN(20_000)+1)
			part := slices.DeleteFunc(slices.Clone(want), func(x modelTime) bool { return !x.overlaps(at, to) })
			if got := between(t, s, at, to); !slices.Equal(got, part) {
				t.Fatalf("round %d: from %s to %s: %s in %s\n%s\ngot  %v\nwant %v", n, showInstant(at), showInstant(to), m.kind, m.zone.Name(), strings.Join(components, "\n"), got, part)
			}
		}
		m.checkSpan(t, s, want)
	}
}

// checkSpan checks that the span contains the instances, and is the smallest one if there is no
// THISANDFUTURE.
func (m *model) checkSpan(t *testing.T, s *Set, all []modelTime) {
	t.Helper()
	span, err := s.Span(nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(all) == 0 {
		return
	}
	future := slices.ContainsFunc(m.overrides, func(o modelOverride) bool { return o.future })
	low, high := all[0].start, all[0].end
	for _, x := range all {
		low, high = min(low, x.start), max(high, x.end, x.start+1)
	}
	text := strings.Join(m.components(), "\n")
	if span.OpenStart || span.OpenEnd || span.Start > low || span.End < high {
		t.Fatalf("the span %+v does not contain %s to %s\n%s", span, showInstant(low), showInstant(high), text)
	}
	if !future && m.zone.fixed() {
		if span.Floating {
			low, high = low-14*3600, high+12*3600
		}
		if span.Start != low || span.End != high {
			t.Fatalf("the span is %s to %s, want %s to %s\n%s", showInstant(span.Start), showInstant(span.End), showInstant(low), showInstant(high), text)
		}
	}
}

// A removed instance is missing, and no other one.
func TestEachExceptionRemovesOneInstance(t *testing.T) {
	r := seed.New(t)
	zones := NewZones()
	for range tier.Rounds(t, 500, 5000) {
		m := newModel(r, zones)
		m.kind, m.overrides, m.excluded = "utc", nil, nil
		m.zone, m.length = UTC(), length{}
		full, _ := setOf(t, SetOptions{Zones: zones}, m.components()...)
		all := between(t, full, earliest, latest)
		gone := all[r.IntN(len(all))]
		m.excluded = []ical.Civil{ical.Civil(gone.start)}
		less, _ := setOf(t, SetOptions{Zones: zones}, m.components()...)
		want := slices.DeleteFunc(all, func(x modelTime) bool { return x == gone })
		if got := between(t, less, earliest, latest); !slices.Equal(got, want) {
			t.Fatalf("without %s: %v, want %v\n%s", gone, got, want, strings.Join(m.components(), "\n"))
		}
	}
}

func TestTheBudgetEndsWithAnError(t *testing.T) {
	s, _ := setOf(t, SetOptions{},
		"VEVENT\nDTSTART:20260302T090000Z\nRRULE:FREQ=SECONDLY",
		"VEVENT\nRECURRENCE-ID:20260302T090003Z\nDTSTART:20260302T085959Z",
		"VEVENT\nRECURRENCE-ID:20260302T090004Z\nDTSTART:20260401T000000Z")
	b := NewBudget(50)
	n, last := 0, int64(0)
	var found error
	for in, err := range s.Between(instantOf(t, "20260302"), instantOf(t, "20270302"), b) {
		if found != nil {
			t.Fatal("something follows the error")
		}
		if found = err; err == nil {
			if in.Start < last {
				t.Errorf("%d after %d", in.Start, last)
			}
			n, last = n+1, in.Start
		}
	}
	if !errors.Is(found, ErrBudget) || n < 10 || last != instantOf(t, "20260401") || b.Left() != 0 {
		t.Errorf("%d instances up to %s, then %v with %d left", n, showInstant(last), found, b.Left())
	}
	// Another set with the same budget fails at once, and one without rules does not need it.
	for _, err := range s.Between(instantOf(t, "20260302"), instantOf(t, "20260303"), b) {
		if err != nil {
			found = nil
		}
	}
	if found != nil {
		t.Error("a budget that is used up gives no error")
	}
	single, _ := setOf(t, SetOptions{}, "VEVENT\nDTSTART:20260302T090000Z\nRDATE:20260303T090000Z")
	count := 0
	for _, err := range single.Between(instantOf(t, "20260302"), instantOf(t, "20270302"), b) {
		if err != nil {
			t.Error(err)
		}
		count++
	}
	if count != 2 {
		t.Errorf("%d instances of two", count)
	}
}

// A hundred rules are compared with each instance, which costs more than a candidate.
func TestManyExceptionRulesTakeFromTheBudget(t *testing.T) {
	var text strings.Builder
	for i := range MaxRules - 1 {
		fmt.Fprintf(&text, "\nEXRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30;INTERVAL=%d", i+1)
	}
	s, _ := setOf(t, SetOptions{}, "VEVENT\nDTSTART:20260302T090000Z\nRRULE:FREQ=MINUTELY"+text.String())
	n := 0
	var found error
	for _, err := range s.Between(instantOf(t, "20260401"), instantOf(t, "21260401"), NewBudget(DefaultBudget)) {
		if found = err; err == nil {
			n++
		}
	}
	if !errors.Is(found, ErrBudget) || n < 1000 || n > DefaultBudget/5 {
		t.Errorf("%d instances, then %v", n, found)
	}
}

func TestBetweenStopsWhenTheCallerDoes(t *testing.T) {
	s, _ := setOf(t, SetOptions{},
		"VEVENT\nDTSTART:20260302T090000Z\nRRULE:FREQ=DAILY",
		"VEVENT\nRECURRENCE-ID:20260304T090000Z\nDTSTART:20260304T100000Z",
		"VEVENT\nRECURRENCE-ID;RANGE=THISANDFUTURE:20260306T090000Z\nDTSTART:20260305T100000Z")
	for stop := 1; stop < 9; stop++ {
		n := 0
		for _, err := range s.Between(instantOf(t, "20260302"), instantOf(t, "20260312"), nil) {
			if err != nil {
				t.Fatal(err)
			}
			if n++; n == stop {
				break
			}
		}
		if n != stop {
			t.Errorf("%d instances, want %d", n, stop)
		}
	}
	if got := listSet(t, s, "20260303", "20260303"); len(got) != 0 {
		t.Errorf("an empty range has %v", got)
	}
}

// The lowest offset around an instant agrees with looking at each half hour.
func TestLowestOffset(t *testing.T) {
	r := seed.New(t)
	zones := NewZones()
	for _, name := range []string{"Europe/Berlin", "Pacific/Apia", "Australia/Lord_Howe", "Asia/Tokyo", "Etc/GMT+5"} {
		z, _ := zones.Named(name)
		for range tier.Rounds(t, 300, 5000) {
			at := minInstant + r.Int64N(maxInstant-minInstant)
			at -= at % 1800
			if r.IntN(2) == 0 { // 30 December 2011 did not exist in Apia; others changed in March or October
				at = ical.SecondsPerDay * int64(15_330+r.IntN(20)+r.IntN(3)*r.IntN(500))
			}
			want := math.MaxInt
			for unix := at - maxGap; unix <= at+maxGap; unix += 900 {
				want = min(want, z.Offset(unix))
			}
			if got := z.lowest(at-maxGap, at+maxGap); got != want {
				t.Fatalf("%s at %s: %d, want %d", name, showInstant(at), got, want)
			}
		}
		for _, unix := range []int64{earliest, minInstant, maxInstant, latest} {
			if got := z.lowest(unix-maxGap, unix+maxGap); got > z.Offset(unix) {
				t.Errorf("%s at %d: %d", name, unix, got)
			}
		}
	}
}
