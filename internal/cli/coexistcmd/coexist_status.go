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

// coexistStatus is 'coexist status'.
type coexistStatus struct {
	coexistPeople
}

func newCoexistStatus(f *cmdutil.Factory) *cobra.Command {
	o := &coexistStatus{coexistPeople{console: f.Console, directories: f.Directories, hints: f.Hints, homeFiles: f.HomeFiles, hook: f.Hook, journals: f.Journals, now: f.Now, reports: f.Reports, stores: f.Stores}}
	cmd := &cobra.Command{
		Use:   "status [--cs6-list FILE] [--cs7-list FILE] [--ldif FILE | -H HOST ...]",
		Short: "how many people of each domain are on which server, and what is left to move",
		Long: `Counts the users and resources of each mail domain: on the old server, on the
new one, on both, on neither. On the new server is whoever has its mark, or is
on the list of the new server; on the old one whoever is on its list. People on neither
whom a status shuts out are counted as inactive.

Without --cs6-list, whoever is not marked counts as on the old server, as the
new server sees it, and nobody on both or on neither.`,
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
	return cmd
}

// statusRow is one domain in JSON. What is not known is left out.
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

// advise says what the numbers do not.
func (o *coexistStatus) advise(r *coexist.CensusResult, list6 bool) {
	if !list6 {
		o.console.Notef("davadmin: note: without --cs6-list it is not known who has calendars on the old server: whoever is not marked is counted there")
	}
	if r.TooMany {
		o.console.Notef("davadmin: note: there are more mail domains than are told apart; the rest is counted as without one")
	}
	if r.NotFound > 0 {
		o.console.Notef("davadmin: note: %d of those on the lists have no entry, and are not counted; 'davadmin ldap audit --rules listed-not-found' names them", r.NotFound)
	}
}

func statusHeader() []string {
	return []string{"domain", "people", "on 6", "on 7", "both", "neither", "inactive", "left to move", "moved"}
}

func (r *statusRow) cells() []string {
	number := func(n *int) string {
		if n == nil {
			return "not known"
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
	left := strconv.Itoa(r.Left)
	if r.Calendars != nil {
		left += " (" + cmdutil.Plural(*r.Calendars, "calendar") + ")"
	}
	moved := "-"
	if r.People > 0 {
		moved = fmt.Sprintf("%d %%", r.On7*100/r.People)
	}
	return []string{name, strconv.Itoa(r.People), strconv.Itoa(r.On6), strconv.Itoa(r.On7), number(r.Both), number(r.Neither), strconv.Itoa(r.Inactive), left, moved}
}

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
		}{"davadmin.coexist.status.1", rows, total, noEntry(r), r.Complete && r.Unread == 0})
	case ui.JSONL:
		for _, row := range append(rows, total) {
			if err := ui.WriteJSONL(out, row); err != nil {
				return err
			}
		}
		return nil
	}
	cells := make([][]string, 0, len(rows)+1)
	for _, row := range append(rows, total) {
		cells = append(cells, row.cells())
	}
	switch format {
	case ui.CSV:
		return ui.WriteCSV(out, statusHeader(), cells)
	case ui.Table:
		return ui.WriteTable(out, o.console.Streams.Width, statusHeader(), cells)
	}
	for _, row := range cells {
		if _, err := fmt.Fprintln(out, cmdutil.TabLine(row)); err != nil {
			return err
		}
	}
	return nil
}

func noEntry(r *coexist.CensusResult) *int {
	if !r.Compared {
		return nil
	}
	return &r.NotFound
}
