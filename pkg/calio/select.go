package calio

import (
	"context"
	"fmt"
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
}

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
	content := s.filter.Organizer != "" || s.text != ""
	return s.components(ctx, r, account, calendar, func(c *store.Component) bool { return content || s.filter.bySpan() && (c.Recurring || c.Floating) })
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
	selected, x.Err = s.selects(x)
	return selected || x.Err != nil
}

// selects reports whether the filter selects an object, as far as the store did not decide it.
func (s *Selector) selects(x *Selected) (bool, error) {
	if s.filter.Organizer != "" && !s.organized(x.Object) || s.text != "" && !s.contains(x.Object) {
		return false, nil
	}
	if !s.filter.bySpan() || !x.Recurring && !x.Floating {
		return true, nil
	}
	for _, err := range s.Instances(x) {
		return err == nil, err // the first one decides
	}
	return false, nil
}

// Instances yields the instances of a selected component in the time range of the filter, in
// the order of their starts; see recur.Set.Between. A type without instances has none.
func (s *Selector) Instances(x *Selected) iter.Seq2[recur.Instance, error] {
	set := x.Object.Set()
	if set == nil {
		return func(yield func(recur.Instance, error) bool) {
			if x.Type != "VFREEBUSY" {
				yield(recur.Instance{}, fmt.Errorf("its instances cannot be computed"))
			}
		}
	}
	if s.filter.Zone != nil && x.Floating {
		components := slices.DeleteFunc(slices.Clone(x.Object.Calendar.Components), func(c *ical.Component) bool { return c.Name != x.Object.Type })
		if in, _, err := recur.NewSet(x.Object.Calendar, components, recur.SetOptions{Zones: s.zones, Floating: s.filter.Zone}); err == nil {
			set = in
		}
	}
	from, to := s.filter.Window()
	return set.Between(from, to, recur.NewBudget(instanceBudget))
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
