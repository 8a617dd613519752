package calobj

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"

	"github.com/davadmin/davadmin/internal/spill"
	"github.com/davadmin/davadmin/pkg/ical"
	"github.com/davadmin/davadmin/pkg/recur"
)

// SplitOptions say how a file is divided into objects.
type SplitOptions struct {
	Zones  *recur.Zones // see Options
	Limits ical.Limits  // of each object
	// Dir is the directory of temporary files; "" means that of the system.
	Dir string
	// Report is called for each problem of the file that belongs to no object, such as a
	// broken component that was skipped; nil drops them.
	Report func(ical.Problem)
}

// Item is an object of a file, or one that could not be made.
type Item struct {
	Object *Object // nil if Err is set
	UID    string
	Type   string
	// Line is where its first component begins in the file. The lines of the problems of
	// the object are those of the file as well.
	Line int
	// TimeZone is the X-WR-TIMEZONE of its calendar: the zone that floating times are meant
	// in, as far as the file tells; "" if it does not.
	TimeZone string
	// Problems say what was left out, added or changed to make the object.
	Problems []ical.Problem
	// Err says why there is no object, a *RefusedError.
	Err error
	// Text is what was refused, as a calendar with all that belongs together; nil for an item
	// with an object, and for one that is too large.
	Text []byte
}

// Splitter is a file that was read to its end. It must not be used by several goroutines.
type Splitter struct {
	o         SplitOptions
	log       *spill.Log
	order     *spill.Sorter // the components by the first one with their UID
	calendars []int64       // offsets of their records
	found     int
}

// Split reads a lenient Reader to its proven end. An error means that the file could not be
// read completely, and nothing of it should be used. The caller closes the Splitter.
//
// Memory is bounded by the largest component and object, 10 MiB, and 8 bytes for each
// VCALENDAR: components are kept in temporary files.
func Split(ctx context.Context, r *ical.Reader, o SplitOptions) (*Splitter, error) {
	s := &Splitter{o: o, log: spill.NewLog(o.Dir), order: spill.NewSorter(o.Dir)}
	if s.o.Report == nil {
		s.o.Report = func(ical.Problem) {}
	}
	if s.o.Zones == nil {
		s.o.Zones = recur.NewZones()
	}
	if err := s.read(ctx, r); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Len returns the number of components, without time zones.
func (s *Splitter) Len() int { return s.found }

// Close removes the temporary files.
func (s *Splitter) Close() error { return errors.Join(s.log.Close(), s.order.Close()) }

// read reads the file, and orders its components by UID.
func (s *Splitter) read(ctx context.Context, r *ical.Reader) error {
	byUID := spill.NewSorter(s.o.Dir)
	defer func() { _ = byUID.Close() }()
	var calendar *ical.Component
	var zones []sourceZone
	for n := 0; ; n++ {
		c, err := r.Next()
		for _, p := range r.TakeProblems() {
			s.o.Report(p)
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err == nil && n%100 == 0 {
			err = ctx.Err()
		}
		if err != nil {
			return err
		}
		if now := r.Calendar(); now != calendar {
			if err := s.addCalendar(calendar, zones); err != nil {
				return err
			}
			calendar, zones = now, nil
		}
		if c.Name == "VTIMEZONE" {
			if zones, err = s.addZone(zones, c); err != nil {
				return err
			}
			continue
		}
		if err := s.add(byUID, c); err != nil {
			return err
		}
	}
	if err := s.addCalendar(calendar, zones); err != nil {
		return err
	}
	return s.arrange(byUID)
}

// add keeps a component.
func (s *Splitter) add(byUID *spill.Sorter, c *ical.Component) error {
	if !storable(c.Name) {
		s.o.Report(ical.Problem{Level: ical.Warning, Code: "type-unknown", Line: c.Line, Component: c.Name, Text: fmt.Sprintf("components of the type %.64s cannot be stored, so it is left out", c.Name)})
		return nil
	}
	source := sourceOf(c, len(s.calendars))
	at, err := s.log.Append(source.append(nil))
	if err != nil {
		return err
	}
	s.found++
	sum := sha256.Sum256([]byte(source.uid))
	return byUID.Add(binary.BigEndian.Uint64(sum[:]), uint64(at))
}

// arrange orders the components by the first one with the same UID.
func (s *Splitter) arrange(byUID *spill.Sorter) error {
	var group []uint64 // offsets of components whose UIDs have the same hash
	flush := func() error {
		first := map[string]uint64{}
		for _, at := range group {
			uid := ""
			if len(group) > 1 {
				c, err := s.source(at)
				if err != nil {
					return err
				}
				uid = c.uid
			}
			if _, ok := first[uid]; !ok {
				first[uid] = at
			}
			if err := s.order.Add(first[uid], at); err != nil {
				return err
			}
		}
		group = group[:0]
		return nil
	}
	last := uint64(0)
	for p, err := range pairs(byUID) {
		if err != nil {
			return err
		}
		if p.Key != last || len(group) >= maxGroup {
			if err := flush(); err != nil {
				return err
			}
		}
		last = p.Key
		group = append(group, p.Ref)
	}
	return flush()
}

// maxGroup bounds the components of one object that are in memory, with few bytes each. It is
// more than the limit of components of an object.
const maxGroup = 200_000

// pairs yields what a sorter contains. An error ends it.
func pairs(s *spill.Sorter) iter.Seq2[spill.Pair, error] { return spill.Sorted(s) }

// Items yields the objects in the order in which their first components are in the file. An
// error, such as that of a temporary file, ends it; what is wrong with an object is in the
// Item.
func (s *Splitter) Items(ctx context.Context) iter.Seq2[*Item, error] {
	return func(yield func(*Item, error) bool) {
		var group []uint64
		flush := func() bool {
			if len(group) == 0 {
				return true
			}
			item, err := s.item(group)
			group = group[:0]
			if err == nil {
				err = ctx.Err()
			}
			return yield(item, err) && err == nil
		}
		last := uint64(0)
		for p, err := range pairs(s.order) {
			if err != nil {
				yield(nil, err)
				return
			}
			if p.Key != last && !flush() {
				return
			}
			last = p.Key
			group = append(group, p.Ref)
		}
		flush()
	}
}

// item makes the object of some components.
func (s *Splitter) item(offsets []uint64) (*Item, error) {
	first, err := s.source(offsets[0])
	if err != nil {
		return nil, err
	}
	p := newParts(first, s.o.Limits.Size)
	item := p.item
	for _, at := range offsets[1:] {
		c, err := s.source(at)
		if err != nil {
			return nil, err
		}
		if p.add(c); p.size > p.limit {
			break
		}
	}
	if p.size <= p.limit {
		err = s.finish(p)
	}
	return item, err
}

// finish makes the object of the components that are kept, or sets the error of the item.
func (s *Splitter) finish(p *parts) error {
	text, calendar, starts, err := s.compose(p)
	if err != nil {
		return err
	}
	p.item.TimeZone = calendar.timeZone
	if calendar.method != "" {
		p.reportf(ical.Note, "method-dropped", p.kept[0], "METHOD:%s of the calendar is left out, because the object is stored and not sent", calendar.method)
	}
	object, refused := parse(text, Options{Zones: s.o.Zones, Lenient: true, Limits: s.o.Limits}, true)
	if refused != nil {
		p.item.Err, p.item.Text = refused, text
		inFile(refused.Problems, p.kept, starts)
	} else {
		p.item.Object = object
		inFile(object.Problems, p.kept, starts)
	}
	return nil
}

// inFile replaces the lines of problems of an object by those of the file.
func inFile(problems []ical.Problem, components []*source, starts []int) {
	for i := range problems {
		p := &problems[i]
		line := components[0].line
		for k, start := range starts {
			if p.Line < start {
				break
			}
			if line = components[k].line; !components[k].edited() {
				line += p.Line - start
			} else {
				p.Column = 0
			}
		}
		p.Line = line
	}
}

// compose returns the text of an object, its first calendar, and the line on which each of
// its components begins.
func (s *Splitter) compose(p *parts) ([]byte, *sourceCalendar, []int, error) {
	known := map[int]*sourceCalendar{}
	var zones []string // their texts
	names := map[string]string{}
	for _, c := range p.kept {
		calendar := known[c.calendar]
		if calendar == nil {
			var err error
			if calendar, err = s.calendar(c.calendar); err != nil {
				return nil, nil, nil, err
			}
			known[c.calendar] = calendar
		}
		for _, name := range c.tzids {
			at, ok := calendar.zones[name]
			if !ok {
				continue
			}
			text, err := s.log.Read(nil, at)
			if err != nil {
				return nil, nil, nil, err
			}
			switch had, ok := names[name]; {
			case !ok:
				names[name] = string(text)
				zones = append(zones, string(text))
			case had != string(text):
				p.reportf(ical.Warning, "zones-differ", c, "the file defines the time zone %.100s in two ways; that of the first component is used", name)
			}
		}
	}
	calendar := known[p.kept[0].calendar]
	var b strings.Builder
	header := calendar.header
	if !strings.Contains(p.kept[0].text, "\r\n") {
		header = strings.ReplaceAll(header, "\r\n", "\n")
	}
	head, end, _ := strings.Cut(header, "END:VCALENDAR")
	b.WriteString(head)
	for _, zone := range zones {
		b.WriteString(zone)
	}
	line := 1 + strings.Count(b.String(), "\n")
	var starts []int
	for _, c := range p.kept {
		starts = append(starts, line)
		b.WriteString(c.text)
		line += strings.Count(c.text, "\n")
	}
	b.WriteString("END:VCALENDAR" + end)
	return []byte(b.String()), calendar, starts, nil
}
