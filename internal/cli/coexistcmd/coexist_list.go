package coexistcmd

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/coexist"
	"github.com/davadmin/davadmin/pkg/config"
)

// coexistList is 'coexist list'.
type coexistList struct {
	coexistPeople
	side   string
	domain string
}

func newCoexistList(f *cmdutil.Factory) *cobra.Command {
	o := &coexistList{coexistPeople: coexistPeople{console: f.Console, directories: f.Directories, hints: f.Hints, homeFiles: f.HomeFiles, hook: f.Hook, journals: f.Journals, now: f.Now, reports: f.Reports, stores: f.Stores}}
	cmd := &cobra.Command{
		Use:   "list [--side cs6|cs7|both|neither] [-d DOMAIN] [--cs6-list FILE] [--ldif FILE | -H HOST ...]",
		Short: "who is on which server",
		Long: `Prints the users and resources on a side, or everybody with the side: cs6 is on
the old server alone, cs7 on the new one alone. 'coexist status' says how the sides
are told. The list of cs6 is who is left to move; that of both, whose calendars on the
old server are to be deleted.

Both and neither are only known with --cs6-list.`,
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

func (o *coexistList) addOptions(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&o.side, "side", "", "only people on this `SIDE`: cs6, cs7, both or neither")
	f.StringVarP(&o.domain, "domain", "d", "", "only people of this mail `DOMAIN`")
	o.add(cmd)
	var words []string
	for _, s := range coexist.Sides() {
		words = append(words, string(s))
	}
	_ = cmd.RegisterFlagCompletionFunc("side", cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp))
}

// sides are those that are asked for.
func (o *coexistList) sides() ([]coexist.Side, error) {
	if o.side == "" {
		return coexist.Sides(), nil
	}
	side := coexist.Side(strings.ToLower(o.side))
	if !slices.Contains(coexist.Sides(), side) {
		return nil, cmdutil.Usagef("--side: '%s' is none of cs6, cs7, both, neither", o.side)
	}
	if len(o.Cs6) == 0 && (side == coexist.OnBoth || side == coexist.OnNeither) {
		return nil, cmdutil.Usagef("--side %s: without --cs6-list FILE it is not known who has calendars on the old server", side)
	}
	return []coexist.Side{side}, nil
}

// personRow is one of the people in JSON.
type personRow struct {
	Side      string `json:"side"`
	Kind      string `json:"kind"`
	DN        string `json:"dn"`
	Mail      string `json:"mail,omitempty"`
	UID       string `json:"uid,omitempty"`
	Domain    string `json:"domain,omitempty"`
	Calendars int    `json:"calendars,omitempty"` // on the old server
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
	if err := o.print(ctx, format, r); err != nil {
		return err
	}
	return o.verdict(r)
}

// rows yields the people until the run is stopped.
func (o *coexistList) rows(ctx context.Context, r *coexist.CensusResult) func(func(personRow, error) bool) {
	return func(yield func(personRow, error) bool) {
		for p, err := range r.Entries() {
			if err == nil && r.Complete {
				err = ctx.Err()
			}
			row := personRow{Side: string(p.Side), Kind: p.Kind.String(), DN: p.DN, Mail: p.Mail, UID: p.UID, Domain: p.Domain, Calendars: p.Calendars}
			if !yield(row, err) || err != nil {
				return
			}
		}
	}
}

func (o *coexistList) print(ctx context.Context, format ui.Format, r *coexist.CensusResult) error {
	out := o.console.Streams.Out
	switch format {
	case ui.JSON:
		d := ui.NewDocument(out)
		d.Member("schema", "davadmin.coexist.list.1")
		d.List("people", func(yield func(any, error) bool) {
			for row, err := range o.rows(ctx, r) {
				if !yield(row, err) {
					return
				}
			}
		})
		d.Member("complete", r.Complete && r.Unread == 0)
		return d.Close()
	case ui.JSONL:
		for row, err := range o.rows(ctx, r) {
			if err == nil {
				err = ui.WriteJSONL(out, row)
			}
			if err != nil {
				return err
			}
		}
		return nil
	case ui.CSV:
		return o.printCSV(ctx, r)
	}
	for row, err := range o.rows(ctx, r) {
		if err == nil {
			_, err = fmt.Fprintln(out, cmdutil.TabLine(row.cells()))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (r *personRow) cells() []string {
	return []string{r.Side, r.Kind, r.Mail, r.UID, strconv.Itoa(r.Calendars), r.DN}
}

func (o *coexistList) printCSV(ctx context.Context, r *coexist.CensusResult) error {
	w, err := ui.NewCSVWriter(o.console.Streams.Out, []string{"side", "kind", "mail", "uid", "calendars", "dn"})
	if err != nil {
		return err
	}
	for row, err := range o.rows(ctx, r) {
		if err == nil {
			err = w.Write(row.cells())
		}
		if err != nil {
			return err
		}
	}
	return w.Flush()
}
