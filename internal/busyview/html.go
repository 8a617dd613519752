package busyview

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"slices"
	"time"

	"github.com/davadmin/davadmin/pkg/freebusy"
)

//go:embed page.html
var pageText string

// htmlDay is a day as the template draws it. Positions are percentages of the day.
type htmlDay struct {
	Name  string
	Hours []htmlHour
	Work  []htmlBlock
	Rows  []htmlRow
}

type htmlHour struct {
	Left float64
	Name string
}

type htmlRow struct {
	Name   string
	Blocks []htmlBlock
}

type htmlBlock struct {
	Left, Width float64
	Kind, Title string
}

// WriteHTML writes the page as HTML. It refers to no other file and contains no script.
// Names and notes are escaped by the template.
func (p *Page) WriteHTML(w io.Writer) error {
	page, err := template.New("page").Parse(pageText)
	if err != nil {
		return fmt.Errorf("the template of the web page: %w", err)
	}
	var days []htmlDay
	for d := range p.days() {
		days = append(days, p.htmlDay(d))
	}
	var common []string
	for _, slot := range p.Common {
		common = append(common, p.span(slot))
	}
	return page.Execute(w, map[string]any{
		"Zone": p.Zone.String(), "Days": days, "People": p.People, "Common": common, "CommonNote": p.CommonNote,
	})
}

// htmlDay returns a day for the template.
func (p *Page) htmlDay(d day) htmlDay {
	out := htmlDay{Name: d.start.Format("Monday, 2006-01-02")}
	for t := d.start; t.Before(d.end); t = t.Add(p.Cell) {
		local := t.In(p.Zone)
		if local.Minute() == 0 && local.Hour()%3 == 0 {
			out.Hours = append(out.Hours, htmlHour{p.percent(d, t), local.Format("15:04")})
		}
		if p.Work.Contains(local) {
			out.Work = append(out.Work, p.block(d, freebusy.Window{Start: t, End: t.Add(p.Cell)}, "work"))
		}
	}
	for i := range p.People {
		who := &p.People[i]
		row := htmlRow{Name: who.Name}
		outside := []freebusy.Period{{Start: d.start, End: p.Start, Kind: freebusy.Unknown}, {Start: p.End, End: d.end, Kind: freebusy.Unknown}}
		for _, busy := range slices.Concat(outside, who.Busy) {
			if busy.End.After(d.start) && busy.Start.Before(d.end) && busy.End.After(busy.Start) {
				row.Blocks = append(row.Blocks, p.block(d, freebusy.Window{Start: busy.Start, End: busy.End}, busy.Kind.String()))
			}
		}
		out.Rows = append(out.Rows, row)
	}
	return out
}

// block returns a period, clipped to a day.
func (p *Page) block(d day, s freebusy.Window, kind string) htmlBlock {
	left, right := max(0, p.percent(d, s.Start)), min(100, p.percent(d, s.End))
	return htmlBlock{Left: left, Width: right - left, Kind: kind, Title: kind + ": " + p.span(s)}
}

// percent returns where a time is in a day.
func (p *Page) percent(d day, t time.Time) float64 {
	return 100 * float64(t.Sub(d.start)) / float64(d.end.Sub(d.start))
}
