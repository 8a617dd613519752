package configcmd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/config"
)

// NewDomainmap returns the operation 'domainmap'. Without an action it lists.
func NewDomainmap(f *cmdutil.Factory) *cobra.Command {
	o := &domainList{console: f.Console, directories: f.Directories, hints: f.Hints, homeFiles: f.HomeFiles}
	cmd := &cobra.Command{
		Use:     "domainmap [ACTION] [OPTIONS]",
		Short:   "map mail domains to the old server for free/busy requests",
		GroupID: cmdutil.GroupWork,
		Long: `Reads and edits config/ischeduledomainmap.properties in the server home. For each
mail domain with users who are still on Calendar Server 6, the file contains
the URL at which that server answers iSchedule requests for free/busy. The
server does not need to be running. A change affects only the lines of the changed domains,
saves the previous version of the file in history/, and can be undone with
'domainmap revert'.

Without an action, 'domainmap' is 'domainmap list'.`,
		Example: `  davadmin domainmap
  davadmin domainmap create -d example.com -L http://cs6server.example.com:8080/ischedule/
  davadmin domainmap delete -d example.com
  davadmin domainmap check`,
		Args: cmdutil.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := cmdutil.RefuseMirrored(cmd); err != nil {
				return err
			}
			return o.run(cmd.Context())
		},
	}
	o.addOptions(cmd)
	k := cmdutil.DomainKind()
	cmd.AddCommand(
		newDomainList(f), newDomainCreate(f), newDomainModify(f), newDomainDelete(f), newDomainCheck(f), cmdutil.NewRules(f, k.Schema("rules"), "domainmap check", domainRules), newDomainProbe(f),
		cmdutil.NewFileDiff(f, k), cmdutil.NewFileHistory(f, k), cmdutil.NewFileRevert(f, k),
	)
	return cmd
}

// domainList is 'domainmap list'.
type domainList struct {
	console     *cmdutil.Console
	directories *cmdutil.Directories
	hints       *cmdutil.Hints
	homeFiles   *cmdutil.HomeFiles
	cmdutil.HomeOptions
	domains []string
}

func newDomainList(f *cmdutil.Factory) *cobra.Command {
	o := &domainList{console: f.Console, directories: f.Directories, hints: f.Hints, homeFiles: f.HomeFiles}
	cmd := &cobra.Command{
		Use:   "list [-d DOMAIN]...",
		Short: "print the domains as 'domain: url'",
		Long: `Prints each domain with its URL, in the order of the file. With -d, a domain
can be given in any form: in upper case, with a final dot, or with non-ASCII
letters.`,
		Example: `  davadmin domainmap list
  davadmin domainmap list -d example.com --output json`,
		Args: cmdutil.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context()) },
	}
	o.addOptions(cmd)
	return cmd
}

func (o *domainList) addOptions(cmd *cobra.Command) {
	cmd.Flags().StringArrayVarP(&o.domains, "domain", "d", nil, "only this `DOMAIN` (repeatable)")
	o.HomeOptions.Add(cmd.Flags())
}

// listedDomain is a domain in the output.
type listedDomain struct {
	Domain string `json:"domain"` // with A-labels; the key itself if it is not a valid domain
	Shown  string `json:"shown"`  // with U-labels
	URL    string `json:"url"`
	Line   int    `json:"line"`
	Valid  bool   `json:"valid"` // whether the key is a valid domain
}

func (o *domainList) run(ctx context.Context) error {
	format, err := o.console.Format(cmdutil.ListFormats()...)
	if err != nil {
		return err
	}
	entries, err := o.selectDomains(ctx)
	if err != nil {
		return err
	}
	rows := make([]listedDomain, len(entries))
	for i, e := range entries {
		rows[i] = listedDomain{Domain: e.Domain, Shown: e.Shown, URL: config.MaskDomainURL(e.URL), Line: e.Line, Valid: e.Domain != ""}
		if !rows[i].Valid {
			rows[i].Domain = e.Key
		}
	}
	return domainTable(format).PrintAll(o.console, format, rows)
}

// selectDomains reads the file and returns its domains, or those of -d in their order.
func (o *domainList) selectDomains(ctx context.Context) ([]config.DomainEntry, error) {
	c, err := o.homeFiles.Open(cmdutil.DomainKind(), &o.HomeOptions, cmdutil.LockOptions{})
	if err != nil {
		return nil, err
	}
	text, _, err := o.homeFiles.ReadDomainMap(ctx, c)
	if errors.Is(err, fs.ErrNotExist) {
		o.console.Notef("%s does not exist yet; '%s' creates it", c.File.Path(), o.hints.Line("domainmap", "create", "-d", "DOMAIN", "-L", "URL"))
		text, err = nil, nil
	}
	if err != nil {
		return nil, err
	}
	m, err := config.ParseDomainMap(text)
	if err != nil {
		return nil, o.homeFiles.ExplainFile(ctx, fmt.Errorf("%s: %w", c.File.Path(), err), c.FileKind, c.File)
	}
	if len(o.domains) == 0 {
		return m.Effective(), nil
	}
	return o.named(m)
}

// named returns the domains of -d.
func (o *domainList) named(m *config.DomainMap) ([]config.DomainEntry, error) {
	entries := make([]config.DomainEntry, 0, len(o.domains))
	for _, d := range o.domains {
		name, err := config.ParseDomain(d)
		if err != nil {
			return nil, o.hints.RefusedUsage(err)
		}
		e, ok := m.Lookup(d)
		if !ok {
			hint := ""
			if near, ok := m.Nearest(d); ok {
				hint = "; did you mean " + near + "?"
			}
			return nil, cmdutil.Usagef("%s is not mapped%s", name.Name, hint)
		}
		entries = append(entries, e)
	}
	return entries, nil
}

// domainTable prints domains, as 'domain: url' in text and tables. A table shows
// internationalised domains with their Unicode form.
func domainTable(format ui.Format) cmdutil.List[listedDomain] {
	return cmdutil.List[listedDomain]{
		Schema: cmdutil.DomainKind().Schema("list"), Member: "domains", Header: []string{"domain", "shown", "url", "line"}, None: "no domains are mapped",
		Record: func(r listedDomain) []string { return []string{r.Domain, r.Shown, r.URL, fmt.Sprint(r.Line)} },
		Plain: func(r listedDomain) string {
			name := r.Domain
			if format == ui.Table {
				name = cmdutil.DomainLabels{}.Name(name)
			}
			return fmt.Sprintf("%s: %s\n", ui.Sanitize(name), ui.Sanitize(r.URL))
		},
	}
}
