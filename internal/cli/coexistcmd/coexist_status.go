package coexistcmd

import (
	"context"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/coexist"
)

// coexistStatus is the action 'coexist status'.
type coexistStatus struct {
	coexistPeople
}

func newCoexistStatus(f *cmdutil.Factory) *cobra.Command {
	o := &coexistStatus{newPeople(f)}
	cmd := &cobra.Command{
		Use:   "status [--cs6-list FILE] [--cs7-list FILE] [--ldif FILE | -H HOST ...]",
		Short: "count the users on each server, and those left to move, by domain",
		Long: `Counts the users and resources of each mail domain that are on the old server, on the
new server, on both, or on neither. Users count as on the new server if they have its
mark or are on its list, and as on the old server if they are on its list. Users on
neither server who are locked out by a status count as inactive.

Without --cs6-list, users without the mark count as on the old server, as the new server
assumes, and the numbers on both and on neither are unknown.`,
		Example: `  davadmin coexist status --cs6-list cscal-list.txt
  davadmin coexist status --ldif export.ldif.gz --cs6-list cscal-list.txt --output json`,
		Args: cmdutil.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.Check(cmd); err != nil {
				return err
			}
			return o.run(cmd.Context())
		},
	}
	o.add(cmd)
	o.AddAllowEmpty(cmd)
	return cmd
}

// statusRow is a domain in JSON. Unknown numbers are omitted.
type statusRow struct {
	Domain    string `json:"domain"`
	Shown     string `json:"shown,omitempty"`
	People    int    `json:"people"`
	On6       int    `json:"on6"`
	On7       int    `json:"on7"`
	Both      *int   `json:"both,omitempty"`
	Neither   *int   `json:"neither,omitempty"`
	Inactive  int    `json:"inactive"`
	Left      int    `json:"left_to_move"`
	Calendars *int   `json:"calendars_to_move,omitempty"`
}

// statusRowOf returns the row of a domain. list6 says whether there is a list of the users on
// the old server.
func statusRowOf(d *coexist.DomainCount, list6 bool) statusRow {
	r := statusRow{Domain: d.Name, People: d.People(), On6: d.On6, On7: d.On7, Inactive: d.Inactive, Left: d.On6}
	if shown := (cmdutil.DomainLabels{}).Name(d.Name); shown != d.Name {
		r.Shown = shown
	}
	if list6 {
		r.Both, r.Neither = &d.Both, &d.Neither
		if d.Calendars > 0 {
			r.Calendars = &d.Calendars
		}
	}
	return r
}

func (o *coexistStatus) run(ctx context.Context) error {
	format, err := o.console.Format(ui.Table, ui.Plain, ui.JSON, ui.JSONL, ui.CSV)
	if err != nil {
		return err
	}
	r, list6, err := o.census(ctx, nil, "")
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }()
	rows := make([]statusRow, len(r.Domains))
	for i := range r.Domains {
		rows[i] = statusRowOf(&r.Domains[i], list6)
	}
	total := statusRowOf(&r.Total, list6)
	total.Domain = "total"
	if err := o.print(format, rows, total, r); err != nil {
		return err
	}
	if format == ui.Table || format == ui.Plain {
		o.advise(r, list6)
	}
	return o.verdict(r)
}

// advise notes what limits the numbers.
func (o *coexistStatus) advise(r *coexist.CensusResult, list6 bool) {
	if !list6 && len(o.Cs6) > 0 {
		o.console.Notef("davadmin: note: --cs6-list is empty, so every user without the mark is counted as on the old server")
	} else if !list6 {
		o.console.Notef("davadmin: note: without --cs6-list, every user without the mark is counted as on the old server")
	}
	if r.TooMany {
		o.console.Notef("davadmin: note: there are too many mail domains to count separately; the rest is counted as without a domain")
	}
	if r.NotFound > 0 {
		o.console.Notef("davadmin: note: not counted, because they have no entry: %s on the lists; '%s' lists them", cmdutil.Plural(r.NotFound, "user"), o.auditListed())
	}
}

// auditListed returns the command that lists the users without an entry.
func (o *coexistStatus) auditListed() string {
	words := []string{"--rules", "listed-not-found"}
	for _, file := range o.Cs6 {
		words = append(words, "--cs6-list", file)
	}
	for _, file := range o.Cs7 {
		words = append(words, "--cs7-list", file)
	}
	return o.hints.Line("ldap", "audit", append(words, o.sourceWords()...)...)
}

// statusColumns returns the columns of the table, of plain text and of CSV.
func statusColumns() []ui.Column {
	return []ui.Column{
		{Title: "domain", Key: true}, {Title: "people", Number: true, Priority: 3}, {Title: "on old", Number: true, Priority: 4},
		{Title: "on new", Number: true, Priority: 4}, {Title: "both", Number: true, Priority: 3}, {Title: "neither", Number: true, Priority: 2},
		{Title: "inactive", Number: true}, {Title: "left to move", Number: true, Priority: 5}, {Title: "moved %", Number: true, Priority: 2},
		{Title: "calendars to move", Number: true, Priority: 1},
	}
}

// cells returns the row in the order of statusColumns. Numbers that cannot be known are shown
// as unknown, those that do not apply as "".
func (r *statusRow) cells(unknown string) []string {
	number := func(n *int) string {
		if n == nil {
			return unknown
		}
		return strconv.Itoa(*n)
	}
	name := r.Domain
	if r.Shown != "" {
		name = r.Shown
	}
	if name == "" {
		name = "(no domain)"
	}
	moved, calendars := "", ""
	if r.People > 0 {
		moved = strconv.Itoa(r.On7 * 100 / r.People)
	}
	if r.Calendars != nil {
		calendars = strconv.Itoa(*r.Calendars)
	}
	return []string{
		name, strconv.Itoa(r.People), strconv.Itoa(r.On6), strconv.Itoa(r.On7), number(r.Both), number(r.Neither), strconv.Itoa(r.Inactive),
		strconv.Itoa(r.Left), moved, calendars,
	}
}

// statusSchema is the schema of the JSON output.
const statusSchema = "davadmin.coexist.status.1"

// print writes the rows and the total in any format.
func (o *coexistStatus) print(format ui.Format, rows []statusRow, total statusRow, r *coexist.CensusResult) error {
	out := o.console.Streams.Out
	switch format {
	case ui.JSON:
		return ui.WriteJSON(out, struct {
			Schema   string      `json:"schema"`
			Domains  []statusRow `json:"domains"`
			Total    statusRow   `json:"total"`
			NoEntry  *int        `json:"listed_without_entry,omitempty"`
			Complete bool        `json:"complete"`
		}{statusSchema, rows, total, noEntry(r), r.Complete && r.Unread == 0})
	case ui.JSONL:
		for _, row := range append(rows, total) {
			if err := ui.WriteJSONL(out, row); err != nil {
				return err
			}
		}
		return cmdutil.WriteSummary(o.console, statusSchema, r.Complete && r.Unread == 0)
	}
	unknown, columns := "not known", statusColumns()
	if format == ui.CSV {
		unknown = ""
	}
	cells := make([][]string, 0, len(rows)+1)
	for _, row := range append(rows, total) {
		cells = append(cells, row.cells(unknown))
	}
	switch format {
	case ui.CSV:
		header := make([]string, len(columns))
		for i, c := range columns {
			header[i] = c.Title
		}
		return ui.WriteCSV(out, header, cells)
	case ui.Table:
		return ui.WriteColumns(out, o.console.Streams.Width, columns, cells)
	}
	for _, row := range cells {
		if _, err := fmt.Fprintln(out, cmdutil.TabLine(row)); err != nil {
			return err
		}
	}
	return nil
}

// noEntry returns the number of listed users without an entry; nil if it is unknown.
func noEntry(r *coexist.CensusResult) *int {
	if !r.Compared {
		return nil
	}
	return &r.NotFound
}
