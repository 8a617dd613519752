package calobj

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"

	"github.com/davadmin/davadmin/internal/spill"
	"github.com/davadmin/davadmin/pkg/ical"
)

// edited reports whether the text is not that of the file.
func (s *source) edited() bool { return s.made || s.decoded }

// source is a component of a file.
type source struct {
	calendar int // number of its VCALENDAR in the file
	line     int
	typ, uid string
	made     bool   // the UID was made
	decoded  bool   // quoted-printable text was decoded
	instance string // of an override: which instance it replaces; "" for a master
	newness  [3]int64
	tzids    []string // that it mentions, each once
	text     string   // whole lines
}

// sourceOf returns a component with what is needed to find its place. It gets a UID if it has
// none, and quoted-printable text, which iCalendar does not have, is decoded.
func sourceOf(c *ical.Component, calendar int) *source {
	s := &source{calendar: calendar, line: c.Line, typ: c.Name, decoded: c.DecodeQuotedPrintable() > 0}
	if p := c.Get("UID"); p != nil {
		s.uid = p.Text()
	}
	if s.uid == "" {
		s.uid, s.made = contentUID(c), true
		c.Set("UID", s.uid)
	}
	if p := c.Get("RECURRENCE-ID"); p != nil {
		s.instance = instanceOf(p)
	}
	s.newness = newnessOf(c)
	seen := map[string]bool{}
	s.zonesOf(c, seen)
	s.text = lines(c)
	return s
}

// lines returns the text of a component, with the ending of its last line. Lines that end with CR
// only get CRLF, because those around them in the object do.
func lines(c *ical.Component) string {
	text := c.String()
	if !strings.Contains(text, "\n") {
		text = strings.ReplaceAll(text, "\r", "\r\n")
	}
	if strings.HasSuffix(text, "\n") {
		return text
	}
	return strings.TrimSuffix(text, "\r") + "\r\n"
}

// instanceOf names the instance that an override replaces, as it is written.
func instanceOf(p *ical.Property) string {
	t, err := ical.ParseTime(p.Value())
	if err != nil {
		return p.Value()
	}
	name := t.String()
	if t.Form == ical.Local {
		name += " " + p.Param("TZID")
	}
	return name
}

// zonesOf adds the zones that a component mentions, with the components in it.
func (s *source) zonesOf(c *ical.Component, seen map[string]bool) {
	for i := range c.Properties {
		if p := &c.Properties[i]; p.HasParam("TZID") {
			if name := zoneKey(p.Param("TZID")); !seen[name] {
				seen[name] = true
				s.tzids = append(s.tzids, name)
			}
		}
	}
	for _, child := range c.Components {
		s.zonesOf(child, seen)
	}
}

// zoneKey returns the name of a zone as it is compared.
func zoneKey(name string) string { return strings.TrimSpace(name) }

// contentUID makes a UID from the content of a component, so that the same one in another
// file has the same. DTSTAMP is left out, because programs write the time of the export there.
// The result has the form of a UUID of version 8 (RFC 9562, 5.8).
func contentUID(c *ical.Component) string {
	h := sha256.New()
	var add func(*ical.Component)
	add = func(c *ical.Component) {
		fmt.Fprintf(h, "BEGIN:%s\n", c.Name)
		for i := range c.Properties {
			if p := &c.Properties[i]; p.Name != "DTSTAMP" && p.Name != "UID" {
				fmt.Fprintf(h, "%s\n", p.Content())
			}
		}
		for _, child := range c.Components {
			add(child)
		}
		fmt.Fprintf(h, "END:%s\n", c.Name)
	}
	add(c)
	sum := h.Sum(nil)
	sum[6], sum[8] = sum[6]&0x0f|0x80, sum[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", sum[0:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
}

// append encodes a component for the log.
func (s *source) append(b []byte) []byte {
	flags := uint64(0)
	if s.made {
		flags |= 1
	}
	if s.decoded {
		flags |= 2
	}
	for _, n := range []uint64{uint64(s.calendar), uint64(s.line), flags, uint64(s.newness[0]), uint64(s.newness[1]), uint64(s.newness[2])} {
		b = spill.AppendUint(b, n)
	}
	for _, text := range []string{s.typ, s.uid, s.instance} {
		b = spill.AppendText(b, text)
	}
	return append(spill.AppendList(b, s.tzids), s.text...)
}

// source reads a component from the log.
func (s *Splitter) source(at uint64) (*source, error) {
	record, err := s.log.Read(nil, int64(at))
	if err != nil {
		return nil, err
	}
	d := spill.NewDecoder(record)
	c := &source{calendar: d.Int(), line: d.Int()}
	flags := d.Uint()
	c.made, c.decoded = flags&1 != 0, flags&2 != 0
	for i := range c.newness {
		c.newness[i] = int64(d.Uint())
	}
	c.typ, c.uid, c.instance = string(d.Bytes()), string(d.Bytes()), string(d.Bytes())
	c.tzids = d.Strings()
	c.text = string(d.Rest())
	return c, d.Err()
}

// sourceZone is a VTIMEZONE of a calendar.
type sourceZone struct {
	name string
	at   int64 // its text in the log
}

// addZone keeps a VTIMEZONE. The first one of a name counts.
func (s *Splitter) addZone(zones []sourceZone, c *ical.Component) ([]sourceZone, error) {
	p := c.Get("TZID")
	if p == nil {
		s.o.Report(ical.Problem{Level: ical.Warning, Code: "zone-unnamed", Line: c.Line, Component: c.Name, Text: "a time zone without TZID is left out"})
		return zones, nil
	}
	name := zoneKey(p.Text())
	if slices.ContainsFunc(zones, func(z sourceZone) bool { return z.name == name }) {
		s.o.Report(ical.Problem{Level: ical.Note, Code: "zone-repeated", Line: c.Line, Component: c.Name, Text: fmt.Sprintf("the time zone %.100s is defined again; the first definition is used", name)})
		return zones, nil
	}
	if len(zones) >= maxZones {
		s.o.Report(ical.Problem{Level: ical.Warning, Code: "too-many-zones", Line: c.Line, Component: c.Name, Text: fmt.Sprintf("the calendar has more than %d time zones; this one is left out", maxZones)})
		return zones, nil
	}
	at, err := s.log.Append([]byte(lines(c)))
	return append(zones, sourceZone{name, at}), err
}

// maxZones is the maximum number of time zones of a calendar; there are about 600 in the world.
const maxZones = 2000

// sourceCalendar is what objects take from the calendar in which they were found.
type sourceCalendar struct {
	header           string // lines of a calendar without components
	method, timeZone string
	zones            map[string]int64 // offsets of their texts by name
}

// productID names us as the author of a calendar whose own has none.
const productID = "-//davadmin//calobj//EN"

// addCalendar keeps a calendar that was read, which may be nil.
func (s *Splitter) addCalendar(c *ical.Component, zones []sourceZone) error {
	if c == nil {
		return nil
	}
	header := ical.NewComponent("VCALENDAR")
	header.Add("VERSION", "2.0")
	if v := strings.TrimSpace(c.Value("VERSION")); v != "2.0" {
		s.o.Report(ical.Problem{Level: ical.Note, Code: "version-replaced", Line: c.Line, Component: c.Name, Property: "VERSION", Text: fmt.Sprintf("the calendar has the version '%.32s'; its objects get 2.0", v)})
	}
	copyProperty(header, c, "PRODID", productID)
	copyProperty(header, c, "CALSCALE", "")
	record := spill.AppendText(nil, header.String())
	record = spill.AppendText(record, token(c.Value("METHOD")))
	record = spill.AppendText(record, ical.UnescapeText(strings.TrimSpace(c.Value("X-WR-TIMEZONE"))))
	for _, z := range zones {
		record = spill.AppendUint(spill.AppendText(record, z.name), uint64(z.at))
	}
	at, err := s.log.Append(record)
	s.calendars = append(s.calendars, at)
	return err
}

// copyProperty copies a property of a calendar to a header, or sets another value if there is
// none; "" leaves it out.
func copyProperty(header, c *ical.Component, name, otherwise string) {
	value := strings.TrimSpace(c.Value(name))
	if value == "" {
		value = otherwise
	}
	if value != "" {
		header.Add(name, value)
	}
}

// calendar reads a calendar from the log.
func (s *Splitter) calendar(n int) (*sourceCalendar, error) {
	record, err := s.log.Read(nil, s.calendars[n])
	if err != nil {
		return nil, err
	}
	d := spill.NewDecoder(record)
	c := &sourceCalendar{header: string(d.Bytes()), method: string(d.Bytes()), timeZone: string(d.Bytes()), zones: map[string]int64{}}
	for len(d.Rest()) > 0 {
		name := string(d.Bytes())
		c.zones[name] = int64(d.Uint())
	}
	return c, d.Err()
}
