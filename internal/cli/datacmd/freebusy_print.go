package datacmd

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/davadmin/davadmin/internal/busyview"
	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/freebusy"
	"github.com/davadmin/davadmin/pkg/freebusy/ask"
	"github.com/davadmin/davadmin/pkg/route"
)

// freeBusyReport is the JSON document.
type freeBusyReport struct {
	Schema   string           `json:"schema"`
	From     string           `json:"from"`
	To       string           `json:"to"`
	Zone     string           `json:"zone"`
	People   []freeBusyPerson `json:"people"`
	Common   []freeBusySlot   `json:"common"` // when everybody is free in working hours
	Complete bool             `json:"complete"`
}

// freeBusyPerson is a person in JSON.
type freeBusyPerson struct {
	Account  string           `json:"account"`
	State    ask.State        `json:"state"`
	Reason   ask.Reason       `json:"reason,omitempty"`
	Detail   string           `json:"detail,omitempty"`
	Side     route.Side       `json:"side,omitempty"`
	Backend  string           `json:"backend,omitempty"`
	Server   string           `json:"server,omitempty"`
	Requests int              `json:"requests"`
	Millis   int64            `json:"milliseconds"`
	Busy     []freeBusyPeriod `json:"busy"`
	Steps    []route.Step     `json:"steps,omitempty"` // of the route, with --explain
}

// freeBusyPeriod is a period that is not free.
type freeBusyPeriod struct {
	freeBusySlot
	Kind string `json:"kind"`
}

// freeBusySlot is a time.
type freeBusySlot struct {
	Start string `json:"start"`
	End   string `json:"end"`
}

// print prints the answers.
func (o *freeBusy) print(format ui.Format, results []ask.Result) error {
	out := o.console.Streams.Out
	switch format {
	case ui.JSON:
		return ui.WriteJSON(out, o.document(results))
	case ui.ICS:
		return o.printICS(out, results)
	case ui.HTML:
		page := o.page(results)
		return page.WriteHTML(out)
	case ui.Table:
		page := o.page(results)
		if err := page.WriteText(out); err != nil || !o.explain {
			return err
		}
		_, err := fmt.Fprint(out, "\n"+o.explanation(results))
		return err
	}
	for i := range results {
		if text := o.reasonText(&results[i]); text != "" {
			o.console.Say("davadmin: freebusy: " + ui.Sanitize(results[i].Address) + ": " + string(results[i].State) + ": " + ui.Sanitize(text))
		}
	}
	if err := o.listing().PrintAll(o.console, format, o.lines(results)); err != nil {
		return err
	}
	if format == ui.Plain && o.explain {
		_, err := fmt.Fprint(out, "\n"+o.explanation(results))
		return err
	}
	return nil
}

// freeBusyLine is a line of plain text and CSV.
type freeBusyLine struct{ cells []string }

// lines returns a line for each period that is not free, and one for each person who is free
// all the time.
func (o *freeBusy) lines(results []ask.Result) (out []freeBusyLine) {
	for i := range results {
		r := &results[i]
		periods := r.Periods(o.window)
		for _, p := range periods {
			out = append(out, freeBusyLine{[]string{r.Address, string(r.State), o.time(p.Start), o.time(p.End), p.Kind.String()}})
		}
		if len(periods) == 0 {
			out = append(out, freeBusyLine{[]string{r.Address, string(r.State), o.time(o.window.Start), o.time(o.window.End), freebusy.Free.String()}})
		}
	}
	return out
}

func (o *freeBusy) listing() cmdutil.List[freeBusyLine] {
	return cmdutil.List[freeBusyLine]{
		Schema: "davadmin.freebusy.show.1", Member: "periods", Header: []string{"account", "state", "start", "end", "kind"},
		Record: func(l freeBusyLine) []string { return l.cells },
	}
}

func (o *freeBusy) time(t time.Time) string { return t.In(o.location).Format(time.RFC3339) }

// common returns the times at which everybody is free. The note says why there are none, if
// somebody is unknown.
func (o *freeBusy) common(results []ask.Result) (slots []freebusy.Window, note string) {
	var busy [][]freebusy.Period
	doubtful := 0
	for i := range results {
		busy = append(busy, results[i].Periods(o.window))
		if results[i].State != ask.Known {
			doubtful++
		}
	}
	if doubtful > 0 {
		return nil, fmt.Sprintf("not known, because %s could not be asked completely", cmdutil.Plural(doubtful, "person"))
	}
	return freebusy.Common(o.window, o.hours, o.slots, busy...), ""
}

// page returns the picture.
func (o *freeBusy) page(results []ask.Result) *busyview.Page {
	p := &busyview.Page{Start: o.window.Start, End: o.window.End, Zone: o.location, Cell: o.cell(), Work: o.hours}
	for i := range results {
		r := &results[i]
		p.People = append(p.People, busyview.Person{Name: r.Address, Note: o.reasonText(r), Busy: r.Periods(o.window)})
	}
	p.Common, p.CommonNote = o.common(results)
	return p
}

func (o *freeBusy) document(results []ask.Result) *freeBusyReport {
	doc := &freeBusyReport{
		Schema: "davadmin.freebusy.show.1", From: o.time(o.window.Start), To: o.time(o.window.End), Zone: o.location.String(), Common: []freeBusySlot{}, Complete: true,
	}
	for i := range results {
		r := &results[i]
		doc.Complete = doc.Complete && r.State == ask.Known
		p := freeBusyPerson{
			Account: r.Address, State: r.State, Reason: r.Reason, Detail: o.reasonText(r), Server: r.Server, Requests: r.Requests, Millis: r.Took.Milliseconds(),
			Busy: []freeBusyPeriod{},
		}
		if r.Route != nil {
			p.Side, p.Backend = r.Route.Side, r.Route.Backend
		}
		if r.Route != nil && o.explain {
			p.Steps = r.Route.Steps
		}
		for _, b := range r.Periods(o.window) {
			doc.Complete = doc.Complete && b.Kind != freebusy.Unknown
			p.Busy = append(p.Busy, freeBusyPeriod{freeBusySlot{o.time(b.Start), o.time(b.End)}, b.Kind.String()})
		}
		doc.People = append(doc.People, p)
	}
	slots, _ := o.common(results)
	for _, s := range slots {
		doc.Common = append(doc.Common, freeBusySlot{o.time(s.Start), o.time(s.End)})
	}
	return doc
}

// freeBusyProduct names us as the author of the calendar.
const freeBusyProduct = "-//davadmin//freebusy//EN"

func (o *freeBusy) printICS(out io.Writer, results []ask.Result) error {
	replies := make([]freebusy.Reply, len(results))
	for i := range results {
		r := &results[i]
		sum := sha256.Sum256([]byte(r.Address + "\x00" + o.words()))
		replies[i] = freebusy.Reply{UID: hex.EncodeToString(sum[:16]), Address: r.Address, Window: o.window, Periods: r.Periods(o.window)}
	}
	_, err := out.Write(freebusy.Calendar(freeBusyProduct, o.now(), replies).AppendTo(nil))
	return err
}

// explanation says for each person which server was asked, and what it answered.
func (o *freeBusy) explanation(results []ask.Result) string {
	var b strings.Builder
	for i := range results {
		r := &results[i]
		fmt.Fprintf(&b, "%s: %s\n", ui.Sanitize(r.Address), r.State)
		if r.Route != nil {
			fmt.Fprintf(&b, "  route: %s\n", r.Route.Side)
			for _, s := range r.Route.Steps {
				fmt.Fprintf(&b, "    %s\n", ui.Clip(ui.Sanitize(s.What+": "+s.Value+": "+s.Means), cmdutil.MaxShown))
			}
		}
		switch {
		case r.Server != "":
			fmt.Fprintf(&b, "  asked: %s\n", ui.Sanitize(r.Server))
		case r.Requests > 0 && r.Route != nil && r.Route.Side == route.Local:
			fmt.Fprintf(&b, "  asked: this server%s\n", backEndWords(r.Route.Backend))
		default:
			b.WriteString("  asked: nobody\n")
		}
		if text := o.reasonText(r); text != "" {
			fmt.Fprintf(&b, "  answer: %s\n", ui.Clip(ui.Sanitize(text), cmdutil.MaxShown))
		} else {
			fmt.Fprintf(&b, "  answer: %s\n", cmdutil.Plural(len(r.Periods(o.window)), "busy period"))
		}
		if r.Requests > 0 {
			fmt.Fprintf(&b, "  time: %d ms\n", r.Took.Milliseconds())
		}
	}
	return b.String()
}

func backEndWords(name string) string {
	if name == "" {
		return ""
	}
	return ", back end " + ui.Sanitize(name)
}
