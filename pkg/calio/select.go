package calio

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
	"time"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"github.com/davadmin/davadmin/pkg/calobj"
	"github.com/davadmin/davadmin/pkg/ical"
	"github.com/davadmin/davadmin/pkg/recur"
	"github.com/davadmin/davadmin/pkg/store"
)

// Filter selects components of a calendar. All conditions must be met; the zero value selects
// all.
type Filter struct {
	// From and To select what has an instance that overlaps this time, as RFC 4791, 9.9 says;
	// zero means open on that side.
	From, To time.Time
	Types    []string // component types; nil means any
	UIDs     []string // at most store.MaxNames; nil means any
	Names    []string // of the resources, at most store.MaxNames; nil means any
	// Text selects what has this text in one of its properties for people. Letter case and the
	// forms of Unicode characters (NFKC) do not count.
	Text string
	// Organizer selects what has an organizer with this address, in any letter case.
	Organizer string
	// Zone is the zone of times without one; nil means UTC.
	Zone *recur.Zone
}

// bySpan reports whether the filter has a time range.
func (f *Filter) bySpan() bool { return !f.From.IsZero() || !f.To.IsZero() }

// The first and the last instant that a calendar can name.
var firstInstant, lastInstant = int64(ical.DayOf(0, 1, 1)), int64(ical.DayOf(10000, 1, 1))

// Window returns the time range in Unix seconds; the end is exclusive.
func (f *Filter) Window() (from, to int64) {
	from, to = firstInstant, lastInstant
	if !f.From.IsZero() {
		from = f.From.Unix()
	}
	if !f.To.IsZero() {
		to = f.To.Unix()
	}
	return from, to
}

// Selected is a component that a filter selected.
type Selected struct {
	*store.Component
	Object *calobj.Object // nil if Err is set, or if it was not needed
	// Err says why the text cannot be read, or its instances cannot be computed, so that
	// nobody knows whether the filter selects it.
	Err error

	set *recur.Set
}

// Set returns the recurrence set, with times without a zone in that of the filter. It is nil
// without an Object, for types that have no instances, and for a set that cannot be computed.
func (x *Selected) Set() *recur.Set { return x.set }

// A Selector selects components. It must not be used by several goroutines.
type Selector struct {
	filter Filter
	text   string // folded
	fold   cases.Caser
	zones  *recur.Zones
}

// NewSelector returns a Selector. zones is as in calobj.Options.
func NewSelector(f Filter, zones *recur.Zones) *Selector {
	if zones == nil {
		zones = recur.NewZones()
	}
	s := &Selector{filter: f, zones: zones, fold: cases.Fold()}
	s.text = s.folded(f.Text)
	return s
}

// Components yields the components of a calendar that the filter selects, each with its text
// and its object, in the order of store.ComponentFilter. What cannot be read is among them,
// with the reason. The components belong to the caller.
func (s *Selector) Components(ctx context.Context, r store.Reader, account, calendar string) iter.Seq2[*Selected, error] {
	return s.components(ctx, r, account, calendar, func(*store.Component) bool { return true })
}

// Texts is like Components, for callers who need only the texts: objects are read only if the
// filter depends on them.
func (s *Selector) Texts(ctx context.Context, r store.Reader, account, calendar string) iter.Seq2[*Selected, error] {
	content := s.filter.Organizer != "" || s.filter.Text != ""
	return s.components(ctx, r, account, calendar, func(c *store.Component) bool { return content || s.filter.bySpan() && !exact(c) })
}

// exact reports whether an instance of a component overlaps a time range whenever its span
// does. This is so for one event. The tables of RFC 4791, 9.9, say more about the other types,
// and free/busy data has gaps.
func exact(c *store.Component) bool {
	return c.Type == "VEVENT" && !c.Recurring && !c.Floating && !c.Start.IsZero() && !c.End.IsZero()
}

func (s *Selector) components(ctx context.Context, r store.Reader, account, calendar string, read func(*store.Component) bool) iter.Seq2[*Selected, error] {
	f := store.ComponentFilter{From: s.filter.From, To: s.filter.To, Types: s.filter.Types, UIDs: s.filter.UIDs, Names: s.filter.Names, WithText: true}
	return func(yield func(*Selected, error) bool) {
		for c, err := range r.Components(ctx, account, calendar, f) {
			if err != nil {
				yield(nil, err)
				return
			}
			x := &Selected{Component: c}
			if read(c) && !s.read(x) {
				continue
			}
			if !yield(x, nil) {
				return
			}
		}
	}
}

// read reads the object of a component, and reports whether the filter selects it, or may.
func (s *Selector) read(x *Selected) (selected bool) {
	if x.Object, x.Err = calobj.Parse(x.Text, calobj.Options{Zones: s.zones, Lenient: true}); x.Err != nil {
		return true
	}
	x.set = s.setOf(x)
	selected, x.Err = s.selects(x)
	return selected || x.Err != nil
}

// setOf returns the recurrence set of a component, see Selected.Set.
func (s *Selector) setOf(x *Selected) *recur.Set {
	if x.Object.Set() == nil || s.filter.Zone == nil || !x.Floating {
		return x.Object.Set()
	}
	components := slices.DeleteFunc(slices.Clone(x.Object.Calendar.Components), func(c *ical.Component) bool { return c.Name != x.Object.Type })
	set, _, err := recur.NewSet(x.Object.Calendar, components, recur.SetOptions{Zones: s.zones, Floating: s.filter.Zone})
	if err != nil {
		return nil
	}
	return set
}

// selects reports whether the filter selects an object, as far as the store did not decide it.
func (s *Selector) selects(x *Selected) (bool, error) {
	if s.filter.Organizer != "" && !s.organized(x.Object) || s.filter.Text != "" && !s.contains(x.Object) {
		return false, nil
	}
	if !s.filter.bySpan() || exact(x.Component) || !hasInstances(x.Type) {
		return true, nil
	}
	for _, err := range s.Instances(x) {
		return err == nil, err // the first one decides
	}
	if x.Start.IsZero() && x.End.IsZero() && !s.dated(x) {
		return false, errors.New("its times cannot be read")
	}
	return false, nil
}

// dated reports whether a component has an instance at any time, as far as can be found out.
func (s *Selector) dated(x *Selected) bool {
	for _, err := range x.set.Between(firstInstant, lastInstant, recur.NewBudget(instanceBudget)) {
		return err == nil
	}
	return false
}

// hasInstances reports whether components of a type have instances. The others are selected by
// their spans.
func hasInstances(component string) bool {
	return component != "VAVAILABILITY" && component != "VPOLL"
}

// Instances yields the instances of a selected component in the time range of the filter, in
// the order of their starts; see recur.Set.Between. A type without instances has none.
func (s *Selector) Instances(x *Selected) iter.Seq2[recur.Instance, error] {
	if x.set == nil {
		return func(yield func(recur.Instance, error) bool) {
			if hasInstances(x.Type) {
				yield(recur.Instance{}, errors.New("its instances cannot be computed"))
			}
		}
	}
	from, to := s.filter.Window()
	return x.set.Between(from, to, recur.NewBudget(instanceBudget))
}

// Within reports whether all instances of a selected component are entirely in the time range
// of the filter. A task that is due when the time range ends is not, one without a date is in
// no time range, and neither is what cannot be computed.
func (s *Selector) Within(x *Selected) bool {
	from, to := s.filter.Window()
	switch {
	case !s.filter.bySpan():
		return true
	case x.Type != "VTODO" && !x.Start.IsZero() && !x.End.IsZero() && x.Start.Unix() >= from && x.End.Unix() <= to:
		return true // the span contains all instances; that of a task has the second before it is due
	case x.set == nil || exact(x.Component):
		return false
	}
	// A series may have any number of instances in the range, so look only outside of it.
	ranges := [][2]int64{{firstInstant, from}, {to, lastInstant}}
	if !x.Recurring {
		ranges = [][2]int64{{firstInstant, lastInstant}}
	}
	for _, r := range ranges {
		for in, err := range x.set.Between(r[0], r[1], recur.NewBudget(instanceBudget)) {
			if err != nil || in.Start < from || in.Start >= to || in.End > to {
				return false
			}
		}
	}
	return true
}

// instanceBudget bounds the search for the instances of one component, see recur.Budget.
const instanceBudget = 1_000_000

// organized reports whether a component of an object has the organizer of the filter.
func (s *Selector) organized(x *calobj.Object) bool {
	for _, c := range x.Calendar.Components {
		if p := c.Get("ORGANIZER"); p != nil && store.FoldAddress(store.CutMailto(strings.TrimSpace(p.Value()))) == store.FoldAddress(s.filter.Organizer) {
			return true
		}
	}
	return false
}

// textProperties are the properties for people (RFC 5545, 3.8.1, 3.8.4.2; RFC 7986).
func textProperties() []string {
	return []string{"SUMMARY", "DESCRIPTION", "LOCATION", "COMMENT", "CATEGORIES", "CONTACT", "RESOURCES", "NAME"}
}

// contains reports whether an object has the text of the filter.
func (s *Selector) contains(x *calobj.Object) bool {
	for _, c := range x.Calendar.Components {
		for i := range c.Properties {
			p := &c.Properties[i]
			if slices.Contains(textProperties(), p.Name) && strings.Contains(s.folded(p.Text()), s.text) {
				return true
			}
		}
	}
	return false
}

// folded returns a text as it is compared.
func (s *Selector) folded(text string) string {
	return norm.NFKC.String(s.fold.String(norm.NFKC.String(text)))
}
