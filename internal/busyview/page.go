package busyview

import (
	"iter"
	"time"

	"github.com/davadmin/davadmin/pkg/freebusy"
)

// Person is one row.
type Person struct {
	Name string // usually the address; may contain any characters
	Note string // why the person's time is not known, or not completely; "" if it is
	// Busy are the times that are not free, those about which nothing is known included.
	// They may overlap: the highest kind is drawn.
	Busy []freebusy.Period
}

// Page is what is drawn.
type Page struct {
	Start, End time.Time
	Zone       *time.Location // of all clocks; it is named in the output
	Cell       time.Duration  // that one character shows; it divides an hour
	Work       freebusy.Hours // its Zone must be set
	People     []Person
	// Common are the times at which everybody is free. They are not shown as an answer
	// if CommonNote is set, which says why nobody knows them, or what they depend on.
	Common     []freebusy.Window
	CommonNote string
}

// day is a day of the page by the clock of its zone, from its first moment to that of the
// next day.
type day struct{ start, end time.Time }

// days yields the days that the page touches.
func (p *Page) days() iter.Seq[day] {
	return func(yield func(day) bool) {
		for t := p.midnight(p.Start, 0); t.Before(p.End); {
			next := p.midnight(t, 1)
			if !yield(day{t, next}) {
				return
			}
			t = next
		}
	}
}

// midnight returns the first moment of the day of t, or of a later day. In some zones the
// clocks change at midnight, and the day begins at one o'clock.
func (p *Page) midnight(t time.Time, later int) time.Time {
	year, month, date := t.In(p.Zone).Date()
	want := time.Date(year, month, date+later, 12, 0, 0, 0, p.Zone)
	first := time.Date(year, month, date+later, 0, 0, 0, 0, p.Zone)
	if first.Day() != want.Day() {
		_, first = first.ZoneBounds() // the change that skips midnight
	}
	return first
}

// kinds returns the kind of each cell of a day for a person. Cells outside of the page are
// Unknown, because nobody asked about them.
func (p *Page) kinds(d day, who *Person) []freebusy.Kind {
	cells := make([]freebusy.Kind, (d.end.Sub(d.start)+p.Cell-1)/p.Cell)
	for i := range cells {
		start := d.start.Add(time.Duration(i) * p.Cell)
		end := start.Add(p.Cell)
		if end.After(d.end) {
			end = d.end
		}
		if start.Before(p.Start) || end.After(p.End) {
			cells[i] = freebusy.Unknown
		}
	}
	for _, busy := range who.Busy {
		if !busy.End.After(d.start) || !busy.Start.Before(d.end) || !busy.End.After(busy.Start) {
			continue
		}
		first := max(0, int(busy.Start.Sub(d.start)/p.Cell))
		last := min(len(cells)-1, int((busy.End.Sub(d.start)-1)/p.Cell))
		for i := first; i <= last; i++ {
			cells[i] = max(cells[i], busy.Kind)
		}
	}
	return cells
}
