package coexistcmd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/coexist"
	"github.com/davadmin/davadmin/pkg/config"
	"github.com/davadmin/davadmin/pkg/directory"
)

// coexistList is the action 'coexist list'.
type coexistList struct {
	coexistPeople
	side   string
	domain string
	listed int // rows so far
}

func newCoexistList(f *cmdutil.Factory) *cobra.Command {
	o := &coexistList{coexistPeople: newPeople(f)}
	cmd := &cobra.Command{
		Use:   "list [--side cs6|cs7|both|neither] [-d DOMAIN] [--cs6-list FILE] [--ldif FILE | -H HOST ...]",
		Short: "list the users on each server",
		Long: `Lists users and resources with the side that they are on, or only those on one side:
cs6 means only on the old server, cs7 only on the new server. The help of 'coexist
status' explains how the side is determined. The users on cs6 are left to move; those on
both have calendars on the old server that should be deleted.

The sides both and neither require --cs6-list. With -d, a domain in which nobody has an
address is an error (exit code 2).`,
		Example: `  davadmin coexist list --side cs6 --cs6-list cscal-list.txt
  davadmin coexist list --side both -d example.com --cs6-list cscal-list.txt --output csv`,
		Args: cmdutil.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.Check(cmd); err != nil {
				return err
			}
			return o.run(cmd.Context())
		},
	}
	o.addOptions(cmd)
	return cmd
}

// addOptions adds the options of 'coexist list', which are also those of 'coexist'.
func (o *coexistList) addOptions(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&o.side, "side", "", "only users on this `SIDE`: cs6, cs7, both or neither")
	f.StringVarP(&o.domain, "domain", "d", "", "only users in this mail `DOMAIN`")
	o.add(cmd)
	o.AddAllowEmpty(cmd)
	var names []string
	for _, s := range coexist.Sides() {
		names = append(names, string(s))
	}
	_ = cmd.RegisterFlagCompletionFunc("side", cobra.FixedCompletions(names, cobra.ShellCompDirectiveNoFileComp))
}

// sides returns the sides to list.
func (o *coexistList) sides() ([]coexist.Side, error) {
	if o.side == "" {
		return coexist.Sides(), nil
	}
	side := coexist.Side(strings.ToLower(o.side))
	if !slices.Contains(coexist.Sides(), side) {
		return nil, cmdutil.Usagef("--side: '%s' is not a valid side (cs6, cs7, both, neither)", o.side)
	}
	if len(o.Cs6) == 0 && (side == coexist.OnBoth || side == coexist.OnNeither) {
		return nil, cmdutil.Usagef("--side %s requires --cs6-list FILE, the list of users with calendars on the old server", side)
	}
	return []coexist.Side{side}, nil
}

// personRow is a user or resource in JSON.
type personRow struct {
	Side      string `json:"side"`
	Kind      string `json:"kind"`
	DN        string `json:"dn"`
	DNBytes   string `json:"dn_base64,omitempty"` // DN in base64 if it is not valid UTF-8
	Mail      string `json:"mail,omitempty"`
	UID       string `json:"uid,omitempty"`
	Domain    string `json:"domain,omitempty"`
	Calendars int    `json:"calendars,omitempty"` // number of calendars on the old server
}

func (o *coexistList) run(ctx context.Context) error {
	format, err := o.console.Format(ui.Plain, ui.Table, ui.JSON, ui.JSONL, ui.CSV)
	if err != nil {
		return err
	}
	sides, err := o.sides()
	if err != nil {
		return err
	}
	domain := ""
	if o.domain != "" {
		d, err := config.ParseDomain(o.domain)
		if err != nil {
			return cmdutil.Usagef("-d: %v", err)
		}
		domain = d.Name
	}
	r, _, err := o.census(ctx, sides, domain)
	if err != nil {
		return err
	}
	defer func() { _ = r.Close() }()
	if domain != "" && r.Complete && r.Unread == 0 && !r.TooMany && !slices.ContainsFunc(r.Domains, func(d coexist.DomainCount) bool { return d.Name == domain }) {
		return cmdutil.Usagef("-d: nobody has an address in %s; '%s' lists the domains", domain, o.hints.Line("coexist", "status", o.sourceWords()...))
	}
	if err := o.print(ctx, format, r); err != nil {
		return err
	}
	if o.listed == 0 && r.Complete && (format == ui.Plain || format == ui.Table) {
		o.console.Notef("no users to list")
	}
	return o.verdict(r)
}

// rows yields the users and resources until the run is stopped.
func (o *coexistList) rows(ctx context.Context, r *coexist.CensusResult) func(func(personRow, error) bool) {
	return func(yield func(personRow, error) bool) {
		for p, err := range r.Entries() {
			if err == nil && r.Complete {
				err = ctx.Err()
			}
			row := personRow{Side: string(p.Side), Kind: p.Kind.String(), DN: p.DN, DNBytes: directory.DNBase64(p.DN), Mail: p.Mail, UID: p.UID, Domain: p.Domain, Calendars: p.Calendars}
			o.listed++
			if !yield(row, err) || err != nil {
				return
			}
		}
	}
}

// listSchema is the schema of the JSON output.
const listSchema = "davadmin.coexist.list.1"

// print writes the rows one by one in any format.
func (o *coexistList) print(ctx context.Context, format ui.Format, r *coexist.CensusResult) error {
	out := o.console.Streams.Out
	switch format {
	case ui.JSON:
		d := ui.NewDocument(out)
		d.Member("schema", listSchema)
		err := d.List("people", func(yield func(any, error) bool) {
			for row, err := range o.rows(ctx, r) {
				if !yield(row, err) {
					return
				}
			}
		})
		d.Member("complete", err == nil && r.Complete && r.Unread == 0)
		return d.Close()
	case ui.JSONL:
		for row, err := range o.rows(ctx, r) {
			if err != nil {
				_ = cmdutil.WriteSummary(o.console, listSchema, false) // the error of the rows matters more
				return err
			}
			if err := ui.WriteJSONL(out, row); err != nil {
				return err
			}
		}
		return cmdutil.WriteSummary(o.console, listSchema, r.Complete && r.Unread == 0)
	case ui.CSV:
		w, err := ui.NewCSVWriter(out, []string{"side", "kind", "mail", "uid", "calendars", "dn"})
		if err != nil {
			return err
		}
		return errors.Join(o.writeRows(ctx, r, w.Write), w.Flush())
	case ui.Table:
		t := ui.NewTableWriter(out, o.console.Streams.Width, []ui.Column{
			{Title: "side", Priority: 2}, {Title: "kind", Priority: 1}, {Title: "mail", Key: true}, {Title: "uid", Key: true},
			{Title: "calendars", Number: true}, {Title: "dn", Key: true},
		})
		return errors.Join(o.writeRows(ctx, r, func(cells []string) error {
			cells[0] = sideWords(coexist.Side(cells[0]))
			return t.Write(cells)
		}), t.Close())
	}
	return o.writeRows(ctx, r, func(cells []string) error {
		_, err := fmt.Fprintln(out, cmdutil.TabLine(cells))
		return err
	})
}

// writeRows passes the cells of each row to write.
func (o *coexistList) writeRows(ctx context.Context, r *coexist.CensusResult, write func([]string) error) error {
	for row, err := range o.rows(ctx, r) {
		if err == nil {
			err = write(row.cells())
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// sideWords returns a side in words, for a table. Other formats contain the values of --side.
func sideWords(side coexist.Side) string {
	switch side {
	case coexist.On6:
		return "old server"
	case coexist.On7:
		return "new server"
	}
	return string(side)
}

// cells returns the row as the columns of a table, of plain text and of CSV.
func (r *personRow) cells() []string {
	return []string{r.Side, r.Kind, r.Mail, r.UID, strconv.Itoa(r.Calendars), r.DN}
}
