package busyview

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/freebusy"
)

// mostName is the maximum width of a name in front of a bar, in columns of a terminal.
const mostName = 32

// mark returns the character for a cell. Free cells outside of the working hours are blank,
// so that the working day stands out; all characters are ASCII, for every terminal.
func mark(k freebusy.Kind, work bool) byte {
	switch k {
	case freebusy.Busy:
		return '#'
	case freebusy.Unavailable:
		return 'x'
	case freebusy.Tentative:
		return '~'
	case freebusy.Unknown:
		return '?'
	}
	if work {
		return '.'
	}
	return ' '
}

// WriteText writes the page as text: for each day a scale of hours and a bar for each
// person, then the common free times.
func (p *Page) WriteText(w io.Writer) error {
	out := bufio.NewWriter(w)
	width := 0
	names := make([]string, len(p.People))
	for i := range p.People {
		names[i] = ui.Clip(ui.Sanitize(p.People[i].Name), mostName)
		width = max(width, ui.Width(names[i]))
	}
	fmt.Fprintf(out, "Time zone: %s\n", p.Zone)
	for d := range p.days() {
		fmt.Fprintf(out, "\n%s\n%*s %s\n", d.start.Format("Monday, 2006-01-02"), width, "", p.scale(d))
		for i := range p.People {
			padding := strings.Repeat(" ", width-ui.Width(names[i]))
			fmt.Fprintf(out, "%s%s |%s|\n", names[i], padding, p.bar(d, &p.People[i]))
		}
	}
	fmt.Fprintf(out, "\n# busy  ~ tentative  x unavailable  ? unknown  . free in working hours\n")
	p.writeNotes(out)
	p.writeCommon(out)
	return out.Flush()
}

// bar returns the cells of a day of a person.
func (p *Page) bar(d day, who *Person) string {
	var b strings.Builder
	for i, k := range p.kinds(d, who) {
		b.WriteByte(mark(k, p.Work.Contains(d.start.Add(time.Duration(i)*p.Cell).In(p.Zone))))
	}
	return b.String()
}

// scale returns the hours above the bars of a day, each above its first cell. An hour for
// which there is no room is left blank.
func (p *Page) scale(d day) string {
	b := []byte(" ")
	for t := d.start; t.Before(d.end); t = t.Add(p.Cell) {
		column := int(t.Sub(d.start)/p.Cell) + 1
		if t.In(p.Zone).Minute() != 0 || t.In(p.Zone).Hour()%3 != 0 || len(b) > column {
			continue
		}
		b = append(b, strings.Repeat(" ", column-len(b))...)
		b = fmt.Appendf(b, "%02d ", t.In(p.Zone).Hour())
	}
	return strings.TrimRight(string(b), " ")
}

// writeNotes writes why somebody's time is not known.
func (p *Page) writeNotes(out io.Writer) {
	for i := range p.People {
		if who := &p.People[i]; who.Note != "" {
			fmt.Fprintf(out, "%s: %s\n", ui.Sanitize(who.Name), ui.Sanitize(who.Note))
		}
	}
}

// writeCommon writes the times at which everybody is free.
func (p *Page) writeCommon(out io.Writer) {
	fmt.Fprint(out, "\nCommon free times:")
	if p.CommonNote != "" {
		fmt.Fprintf(out, " %s", ui.Sanitize(p.CommonNote))
	} else if len(p.Common) == 0 {
		fmt.Fprint(out, " none")
	}
	fmt.Fprintln(out)
	for _, slot := range p.Common {
		fmt.Fprintf(out, "  %s\n", p.span(slot))
	}
}

// span returns a period by the clock of the page's zone. The offset is shown, because it
// differs on the two sides of a change of the clocks.
func (p *Page) span(s freebusy.Window) string {
	start, end := s.Start.In(p.Zone), s.End.In(p.Zone)
	layout := "15:04"
	if start.YearDay() != end.YearDay() || start.Year() != end.Year() {
		layout = "2006-01-02 15:04"
	}
	return start.Format("Mon 2006-01-02 15:04") + " to " + end.Format(layout+" -07:00")
}
