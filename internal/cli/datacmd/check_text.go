package datacmd

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/davadmin/davadmin/internal/calfile"
	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/pkg/calobj"
	"github.com/davadmin/davadmin/pkg/finding"
	"github.com/davadmin/davadmin/pkg/ical"
	"github.com/davadmin/davadmin/pkg/recur"
)

// maxJCal is the maximum size of a jCal text in bytes, which is held in memory.
const maxJCal = 64 << 20

// text checks a text.
func (r *run) text(t calfile.Text) error {
	r.tally.Files++
	if t.Form == calfile.JCal {
		return r.jcal(t)
	}
	source := &closing{r: t.Reader}
	f := &fileText{run: r, name: t.Name}
	if err := f.split(source); err != nil {
		return err
	}
	if source.err != nil {
		f.errors++ // reported by whoever opened the file
	} else if source.cut {
		f.hold(ical.Problem{Level: ical.Error, Code: "file-cut-off", Line: source.line, Text: "the file ends before END:VCALENDAR: it is cut off, and its last components may be missing"})
	}
	if source.cut {
		f.forgetEnd(source.line + 1)
	}
	return f.finish()
}

// jcal checks a jCal text. Findings about items have no lines, because they would be those of the
// iCalendar text that it stands for.
func (r *run) jcal(t calfile.Text) error {
	text, err := io.ReadAll(io.LimitReader(t.Reader, maxJCal+1))
	switch {
	case err != nil:
		return r.ctx.Err() // the reader of the file reports it
	case len(text) > maxJCal:
		return r.fault(calfile.Fault{Name: t.Name, Kind: calfile.Incomplete, Code: "jcal-limit", Err: fmt.Errorf("the jCal text has more than %d bytes, so it was not read", maxJCal)})
	}
	f := &fileText{run: r, name: t.Name, noLines: true}
	calendars, problems, err := parseJCal(text)
	for _, p := range problems {
		f.hold(p)
	}
	if err != nil {
		f.failed(err, len(problems))
		return f.finish()
	}
	var b []byte
	for _, c := range calendars {
		b = c.AppendTo(b)
	}
	if err := f.split(bytes.NewReader(b)); err != nil {
		return err
	}
	return f.finish()
}

// parseJCal parses an object, or a list of objects (RFC 7265, 3.2), whose problems have no lines.
func parseJCal(text []byte) (calendars []*ical.Component, problems []ical.Problem, err error) {
	var list []json.RawMessage
	if json.Unmarshal(text, &list) != nil || len(list) == 0 || list[0][0] != '[' {
		list = []json.RawMessage{text}
	}
	for _, object := range list {
		c, found, err := ical.ParseJSON(object, ical.Options{Lenient: true})
		for _, p := range found {
			if len(list) > 1 {
				p.Line, p.Column = 0, 0
			}
			problems = append(problems, p)
		}
		if err != nil {
			return nil, problems, err
		}
		calendars = append(calendars, c)
	}
	return calendars, problems, nil
}

// maxHeld is how many problems of a file that belong to no item are listed.
const maxHeld = 10_000

// fileText is a text that is being checked.
type fileText struct {
	*run
	name    string
	noLines bool
	held    map[problemKey]ical.Problem // that belong to no item, as far as is known
	more    int                         // that are not held
	worst   ical.Level                  // of those
	items   int
	errors  int // findings of level error
}

// problemKey identifies a problem that is found when the file is read, and again when its
// item is.
type problemKey struct {
	code string
	line int
	text string // where there is no line
}

func keyOf(p ical.Problem) problemKey {
	key := problemKey{code: p.Code, line: p.Line}
	if p.Line == 0 {
		key.text = p.Text
	}
	return key
}

func (f *fileText) hold(p ical.Problem) {
	key := keyOf(p)
	if _, ok := f.held[key]; ok {
		return
	}
	if len(f.held) == maxHeld {
		if p.UID != "" && p.Level != ical.Error {
			return // its item has it, too, unless that is an error
		}
		f.more++
		f.worst = max(f.worst, p.Level)
		return
	}
	if f.held == nil {
		f.held = map[problemKey]ical.Problem{}
	}
	f.held[key] = p
}

// failed holds the error that ended reading, unless it is among the problems that were
// already reported.
func (f *fileText) failed(err error, reported int) {
	var p *ical.Problem
	switch {
	case errors.As(err, &p):
		f.hold(*p)
	case reported == 0:
		f.hold(ical.Problem{Level: ical.Error, Code: "unreadable", Text: err.Error()})
	}
}

// split divides a text into items, and reports them.
func (f *fileText) split(text io.Reader) error {
	r := ical.NewReader(text, ical.Options{Lenient: true})
	report := func(p ical.Problem) {
		if f.noLines {
			p.Line = 0
		}
		f.hold(p)
	}
	s, err := calobj.Split(f.ctx, r, calobj.SplitOptions{Zones: f.zones, Dir: f.tmp, Report: report})
	if err != nil {
		if ended := f.ctx.Err(); ended != nil {
			return ended
		}
		var p *ical.Problem
		if !errors.As(err, &p) {
			return err // of a temporary file
		}
		f.failed(err, 0)
		return nil
	}
	defer func() { _ = s.Close() }() // the temporary file is removed anyway
	f.header(r.Calendar())
	for i, err := range s.Items(f.ctx) {
		if err != nil {
			return err
		}
		if err := f.item(i); err != nil {
			return err
		}
	}
	return nil
}

// header checks the properties of a VCALENDAR, which its items do not have.
func (f *fileText) header(calendar *ical.Component) {
	if calendar == nil {
		return
	}
	for _, p := range ical.Check(calendar) {
		if p.Component == calendar.Name && p.Property != "" {
			f.hold(p)
		}
	}
}

// item reports an item of the text.
func (f *fileText) item(i *calobj.Item) error {
	f.items++
	out := &item{file: f.name, line: i.Line, uid: i.UID, component: i.Type, problems: i.Problems}
	var refused *calobj.RefusedError
	switch {
	case i.Object != nil:
		out.problems = slices.Concat(out.problems, i.Object.Problems)
		out.set, out.components = i.Object.Set(), componentsOf(i.Object)
		if out.set != nil && !f.floating {
			// Floating times are read in the zone of --timezone.
			if set, _, err := recur.NewSet(i.Object.Calendar, out.components, recur.SetOptions{Zones: f.zones, Floating: f.zone}); err == nil {
				out.set = set
			}
		}
		out.calendarZone = i.TimeZone
	case errors.As(i.Err, &refused):
		out.problems = slices.Concat(out.problems, refused.Problems)
	case i.Err != nil:
		out.problems = append(out.problems, ical.Problem{Level: ical.Error, Code: "unreadable", Line: i.Line, Text: i.Err.Error()})
	}
	out.problems = distinct(out.problems)
	for k := range out.problems {
		if f.noLines {
			out.problems[k].Line = 0
		}
		delete(f.held, keyOf(out.problems[k]))
	}
	if f.noLines {
		out.line = 0
	}
	return f.report(out)
}

// distinct leaves out problems that say the same as another one about the same line: the check of
// a property and the computation of instances find the same mistakes.
func distinct(problems []ical.Problem) []ical.Problem {
	same := map[string][]string{ // codes that are left out if one of these is found, too
		"end-and-duration":         {"dtend-and-duration", "due-and-duration"},
		"end-before-start":         {"dtend-before-dtstart", "due-before-dtstart"},
		"end-equals-start":         {"dtend-not-after-dtstart"},
		"duration-invalid":         {"value-invalid"},
		"time-invalid":             {"value-invalid"},
		"period-invalid":           {"value-invalid"},
		"recurrence-without-start": {"rrule-without-dtstart"},
		"zone-empty":               {"vtimezone-empty"},
	}
	type fact struct {
		code, property string
		line           int
	}
	found := map[fact]bool{}
	var out []ical.Problem
	for _, p := range problems {
		key := fact{p.Code, p.Property, p.Line}
		if found[key] && p.Line > 0 {
			continue
		}
		found[key], found[fact{p.Code, "", p.Line}] = true, true
		out = append(out, p)
	}
	return slices.DeleteFunc(out, func(p ical.Problem) bool {
		return slices.ContainsFunc(same[p.Code], func(code string) bool { return found[fact{code, "", p.Line}] })
	})
}

// componentsOf returns the components of an object, without its time zones.
func componentsOf(o *calobj.Object) (out []*ical.Component) {
	for _, c := range o.Calendar.Components {
		if c.Name == o.Type {
			out = append(out, c)
		}
	}
	return out
}

// forgetEnd drops the problem that a component is open at the END:VCALENDAR on a line that the
// file does not have: that the file is cut off is reported anyway.
func (f *fileText) forgetEnd(line int) {
	at := fmt.Sprintf(" in line %d", line)
	maps.DeleteFunc(f.held, func(_ problemKey, p ical.Problem) bool {
		return p.Code == "component-not-ended" && strings.HasSuffix(p.Text, at)
	})
}

// finish reports the problems that belong to no item.
func (f *fileText) finish() error {
	problems := make([]ical.Problem, 0, len(f.held))
	_, none := f.held[keyOf(ical.Problem{Code: "no-calendar", Text: "the text contains no VCALENDAR"})]
	for _, p := range f.held {
		if none && p.Code == "text-outside-calendar" {
			continue // all of it is outside
		}
		problems = append(problems, p)
		if p.Level == ical.Error {
			f.errors++
		}
	}
	slices.SortFunc(problems, func(a, b ical.Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), strings.Compare(a.Code, b.Code))
	})
	for _, p := range problems {
		if err := f.emit(problem(f.name, p)); err != nil {
			return err
		}
	}
	if f.more > 0 {
		if err := f.find(f.name, 0, severity(f.worst), "more-findings", cmdutil.Plural(f.more, "further problem")+" found while the file was read; those of items are listed with them"); err != nil {
			return err
		}
	}
	if f.items == 0 && f.errors == 0 && f.ctx.Err() == nil {
		return f.find(f.name, 0, finding.Error, "no-calendar", "the file contains no event, task or journal")
	}
	return f.ctx.Err()
}

// closing reads a text, and ends its last VCALENDAR if the text ends within it, or cannot be
// read to its end: what came before is checked all the same. A component that is cut off has no
// END then, so that its reader skips it.
type closing struct {
	r    io.Reader
	err  error // why the text could not be read to its end
	cut  bool  // an END was added
	line int   // the last one

	begin []byte // of the current line
	long  bool   // the current line is longer than begin
	last  byte   // of the text so far
	open  bool   // the last VCALENDAR has not ended
	rest  []byte // what is added
	done  bool
}

func (c *closing) Read(b []byte) (int, error) {
	if c.done {
		n := copy(b, c.rest)
		if c.rest = c.rest[n:]; n == 0 {
			return 0, io.EOF
		}
		return n, nil
	}
	n, err := c.r.Read(b)
	c.scan(b[:n])
	if err == nil {
		return n, nil
	}
	if err != io.EOF {
		c.err = err
	}
	c.rest = []byte("END:VCALENDAR\r\n")
	if c.long || len(c.begin) > 0 {
		ending := "\r\n"
		if c.last == '\r' {
			ending = "\n"
		}
		c.rest = append([]byte(ending), c.rest...)
		c.endLine()
	}
	if c.done, c.cut = true, c.open; !c.open {
		c.rest = nil
	}
	return n, nil
}

// maxMark is more than the length of a line that begins or ends a VCALENDAR.
const maxMark = 64

func (c *closing) scan(b []byte) {
	if len(b) > 0 {
		c.last = b[len(b)-1]
	}
	for len(b) > 0 {
		end := bytes.IndexByte(b, '\n')
		part := b
		if end >= 0 {
			part = b[:end]
		}
		if room := maxMark - len(c.begin); room >= len(part) {
			c.begin = append(c.begin, part...)
		} else {
			c.long = true
		}
		if end < 0 {
			return
		}
		c.endLine()
		b = b[end+1:]
	}
}

func (c *closing) endLine() {
	c.line++
	line := strings.TrimRight(strings.TrimPrefix(string(c.begin), "\ufeff"), " \t\r")
	switch {
	case c.long:
	case strings.EqualFold(line, "BEGIN:VCALENDAR"):
		c.open = true
	case strings.EqualFold(line, "END:VCALENDAR"):
		c.open = false
	}
	c.begin, c.long = c.begin[:0], false
}
