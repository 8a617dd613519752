package configcmd

import (
	"context"
	"fmt"
	"io/fs"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/config"
)

// domainEdit is 'domainmap create', 'modify' or 'delete'.
type domainEdit struct {
	console   *cmdutil.Console
	homeFiles *cmdutil.HomeFiles
	hints     *cmdutil.Hints
	input     *cmdutil.Input
	cmdutil.HomeOptions
	lock   cmdutil.LockOptions
	action config.DomainAction
	name   string // of the action
	pairs  domainPairs
	batch  string
	remark string
	mark   bool // --remove-bom
}

// domainPairs collects -d and -L in the order of the command line: a URL belongs to the
// domains before it that have none yet. A single URL belongs to all domains.
type domainPairs struct {
	requests []config.DomainRequest
	urls     []string
	mapped   int  // domains that have a URL
	early    bool // a URL came before the first domain, or after another URL
}

func (p *domainPairs) domain(d string) error {
	p.requests = append(p.requests, config.DomainRequest{Domain: d})
	return nil
}

func (p *domainPairs) url(u string) error {
	p.early = p.early || p.mapped == len(p.requests)
	p.urls = append(p.urls, u)
	for ; p.mapped < len(p.requests); p.mapped++ {
		p.requests[p.mapped].URL = u
	}
	return nil
}

// resolve returns the domains with their URLs.
func (p *domainPairs) resolve() ([]config.DomainRequest, error) {
	if len(p.urls) == 1 {
		for i := range p.requests {
			p.requests[i].URL = p.urls[0]
		}
	}
	switch {
	case len(p.urls) > 0 && len(p.requests) == 0:
		return nil, cmdutil.Usagef("-L requires -d DOMAIN")
	case len(p.urls) > 1 && p.early:
		return nil, cmdutil.Usagef("each -L must follow the -d to which it belongs")
	case len(p.urls) != 1 && p.mapped < len(p.requests):
		return nil, cmdutil.Usagef("missing URL for -d %s; use -L URL", ui.Sanitize(p.requests[p.mapped].Domain))
	}
	return p.requests, nil
}

func (o *domainEdit) add(f *pflag.FlagSet, verb, line string) {
	f.SortFlags = false
	f.VarP(&cmdutil.OrderedOption{Kind: "DOMAIN", OnSet: o.pairs.domain}, "domain", "d", "the `DOMAIN` to "+verb+" (repeatable)")
	if o.action != config.DomainDelete {
		f.VarP(&cmdutil.OrderedOption{Kind: "URL", OnSet: o.pairs.url}, "url", "L", "`URL` of the old server for the domains before it; a single URL is used for all (repeatable)")
	}
	f.StringVarP(&o.batch, "file", "f", "", "batch `FILE` of '"+line+"' lines (- for standard input)")
	f.StringVar(&o.remark, "remark", "", "reason for the change (`TEXT`), kept in the history")
	o.lock.Add(f)
	o.HomeOptions.Add(f)
}

func newDomainCreate(f *cmdutil.Factory) *cobra.Command {
	o := &domainEdit{console: f.Console, hints: f.Hints, homeFiles: f.HomeFiles, input: f.Input, action: config.DomainCreate, name: "create"}
	cmd := &cobra.Command{
		Use:   "create (-d DOMAIN... -L URL)... | -f FILE",
		Short: "map domains that are not mapped yet, all or none",
		Long: `Maps all the named domains, or none. The file is created if it does not exist.
The URL must include the port; its path is /ischedule/ on Calendar Server 6.
If there are several front ends, use any of them.

A batch file (-f) has a line 'domain=url' for each domain. Blank lines, lines
that begin with #, and white space around domains and URLs are ignored.`,
		Example: `  davadmin domainmap create -d example.com -L http://cs6server.example.com:8080/ischedule/
  davadmin domainmap create -d example.com -d example.org -L http://cs6server.example.com:8080/ischedule/
  davadmin domainmap create -f domains.txt --remark 'second wave'`,
		Args: cmdutil.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context()) },
	}
	o.add(cmd.Flags(), "map", "domain=url")
	return cmd
}

func newDomainModify(f *cmdutil.Factory) *cobra.Command {
	o := &domainEdit{console: f.Console, hints: f.Hints, homeFiles: f.HomeFiles, input: f.Input, action: config.DomainModify, name: "modify"}
	cmd := &cobra.Command{
		Use:   "modify (-d DOMAIN... -L URL)... | -f FILE | --remove-bom",
		Short: "change the URL of mapped domains, all or none",
		Long: `Changes the URL of all the named domains, or of none. If the file contains a
domain more than once, or not in its normal form, one line in normal form
remains.

A batch file (-f) has a line 'domain=url' for each domain. Blank lines, lines
that begin with #, and white space around domains and URLs are ignored.`,
		Example: `  davadmin domainmap modify -d example.com -L http://cs6new.example.com:8080/ischedule/
  davadmin domainmap modify -f domains.txt --dry-run`,
		Args: cmdutil.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context()) },
	}
	o.add(cmd.Flags(), "change", "domain=url")
	cmd.Flags().BoolVar(&o.mark, "remove-bom", false, cmdutil.RemoveMarkHelp)
	_ = cmd.RegisterFlagCompletionFunc("domain", completeDomains(f))
	return cmd
}

func newDomainDelete(f *cmdutil.Factory) *cobra.Command {
	o := &domainEdit{console: f.Console, hints: f.Hints, homeFiles: f.HomeFiles, input: f.Input, action: config.DomainDelete, name: "delete"}
	cmd := &cobra.Command{
		Use:   "delete -d DOMAIN... | -f FILE",
		Short: "remove domains, all or none",
		Long: `Removes all the named domains from the file, or none, after confirmation. The
server no longer requests free/busy for users of these domains who are still
on Calendar Server 6. To remove a key that is not a valid domain, use the name
that 'domainmap list' prints.

A batch file (-f) has a domain on each line. Blank lines and lines that begin
with # are ignored.`,
		Example: `  davadmin domainmap delete -d example.com
  davadmin domainmap delete --yes -f migrated.txt --remark 'all users moved'`,
		Args: cmdutil.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context()) },
	}
	o.add(cmd.Flags(), "remove", "domain")
	_ = cmd.RegisterFlagCompletionFunc("domain", completeDomains(f))
	return cmd
}

// completeDomains completes the domains of the home that the environment names.
func completeDomains(f *cmdutil.Factory) cobra.CompletionFunc {
	return func(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
		c, err := f.HomeFiles.Open(cmdutil.DomainKind(), &cmdutil.HomeOptions{}, cmdutil.LockOptions{})
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		doc, err := c.File.Load(cmd.Context())
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		var out []string
		for _, e := range config.ReadDomainMap(doc).Effective() {
			if e.Domain != "" {
				out = append(out, e.Domain)
			}
		}
		return out, cobra.ShellCompDirectiveNoFileComp
	}
}

func (o *domainEdit) run(ctx context.Context) error {
	format, err := o.console.Format(ui.Table, ui.Plain, ui.JSON)
	if err != nil {
		return err
	}
	c, err := o.homeFiles.Open(cmdutil.DomainKind(), &o.HomeOptions, o.lock)
	if err != nil {
		return err
	}
	if o.mark {
		if len(o.pairs.requests)+len(o.pairs.urls) > 0 || o.batch != "" {
			return cmdutil.Usagef("--remove-bom changes nothing else, so it cannot be combined with -d, -L or -f; use two commands")
		}
		return o.homeFiles.Edit(ctx, format, cmdutil.FileEdit{File: c, Action: o.name, Remark: o.remark, Make: c.RemoveMark})
	}
	requests, err := o.requests(ctx)
	if err != nil {
		return err
	}
	if _, err := config.ValidateDomains(o.action, requests); err != nil {
		return o.hints.RefusedUsage(err)
	}
	var warnings []config.Warning
	// A directory that is not a home is refused, although the file may be missing in a home.
	if _, _, err := o.homeFiles.ReadDomainMap(ctx, c); cmdutil.IsUsage(err) {
		return err
	}
	edit := cmdutil.FileEdit{
		File: c, Action: o.name, Remark: o.remark, Warnings: func() []config.Warning { return warnings },
		Make: func(current []byte) ([]byte, []config.Change, error) {
			m, err := config.ParseDomainMap(current)
			if err != nil {
				return nil, nil, fmt.Errorf("%s: %w", c.File.Path(), err)
			}
			after, changes, warned, err := m.Edit(o.action, requests)
			if err != nil {
				return nil, nil, err
			}
			warnings = warned
			return after.Source(), changes, nil
		},
	}
	if o.action == config.DomainDelete {
		edit.Question = fmt.Sprintf("Remove %s from %s?", cmdutil.Plural(len(requests), "domain"), ui.Sanitize(c.File.Path()))
	}
	return o.homeFiles.Edit(ctx, format, edit)
}

// requests returns the requests of the options and the batch file.
func (o *domainEdit) requests(ctx context.Context) ([]config.DomainRequest, error) {
	out := o.pairs.requests
	if o.action != config.DomainDelete {
		var err error
		if out, err = o.pairs.resolve(); err != nil {
			return nil, err
		}
	}
	if o.batch != "" {
		err := o.input.EachBatchLine(ctx, o.batch, o.form(), func(line, where string, _ fs.FileInfo) error {
			q, given, err := o.batchRequest(line, where)
			if given {
				out = append(out, q)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
		if len(out) == 0 {
			return nil, fmt.Errorf("%s contains no domains; nothing was changed", cmdutil.BatchName(o.batch))
		}
	}
	if len(out) == 0 {
		return nil, cmdutil.Usagef("missing domain: use -d or -f (see 'davadmin domainmap %s --help')", o.name)
	}
	return out, nil
}

// form says what a record of CSV or of a list of domains means.
func (o *domainEdit) form() cmdutil.BatchForm {
	f := cmdutil.PairForm([]string{"domain"}, []string{"url"}, config.CheckUnmasked)
	if o.action == config.DomainDelete {
		f = cmdutil.PairForm([]string{"domain"}, nil, nil)
	}
	f.Single = true
	return f
}

// batchRequest parses a line of a batch file. Given is false for a blank line and a comment.
func (o *domainEdit) batchRequest(line, where string) (q config.DomainRequest, given bool, err error) {
	if o.action == config.DomainDelete {
		domain := cmdutil.TrimBatchLine(line)
		return config.DomainRequest{Domain: domain, Where: where}, domain != "", nil
	}
	domain, url, given, err := cmdutil.ParseBatchPair(line, where, "domain", "URL")
	return config.DomainRequest{Domain: domain, URL: url, Where: where}, given, err
}
