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
	global    *cmdutil.Globals
	homeFiles *cmdutil.HomeFiles
	hints     *cmdutil.Hints
	input     *cmdutil.Input
	journals  *cmdutil.Journals
	cmdutil.HomeOptions
	lock   cmdutil.LockOptions
	action config.DomainAction
	name   string // of the action
	pairs  domainPairs
	batch  string
	remark string
}

// domainPairs collects -d and -L in the order of the command line: a URL belongs
// to the domains before it that have none yet. A single one is that of all.
type domainPairs struct {
	requests []config.DomainRequest
	urls     []string
	given    int // domains that have a URL
	early    bool
}

func (p *domainPairs) domain(d string) error {
	p.requests = append(p.requests, config.DomainRequest{Domain: d})
	return nil
}

func (p *domainPairs) url(u string) error {
	p.early = p.early || p.given == len(p.requests)
	p.urls = append(p.urls, u)
	for ; p.given < len(p.requests); p.given++ {
		p.requests[p.given].URL = u
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
		return nil, cmdutil.Usagef("-L needs a -d DOMAIN")
	case len(p.urls) > 1 && p.early:
		return nil, cmdutil.Usagef("each -L stands behind the -d that it belongs to")
	case len(p.urls) != 1 && p.given < len(p.requests):
		return nil, cmdutil.Usagef("-d %s has no -L URL", ui.Sanitize(p.requests[p.given].Domain))
	}
	return p.requests, nil
}

func (o *domainEdit) add(f *pflag.FlagSet, verb, line string) {
	f.SortFlags = false
	f.VarP(&cmdutil.OrderedOption{Kind: "DOMAIN", OnSet: o.pairs.domain}, "domain", "d", "the `DOMAIN` to "+verb+" (repeatable)")
	if o.action != config.DomainDelete {
		f.VarP(&cmdutil.OrderedOption{Kind: "URL", OnSet: o.pairs.url}, "url", "L", "the `URL` of the old server for the domains before it; a single one is for all (repeatable)")
	}
	f.StringVarP(&o.batch, "file", "f", "", "batch `FILE` of '"+line+"' lines (- for standard input)")
	f.StringVar(&o.remark, "remark", "", "`TEXT` for the history: why")
	o.lock.Add(f)
	o.HomeOptions.Add(f)
}

func newDomainCreate(f *cmdutil.Factory) *cobra.Command {
	o := &domainEdit{console: f.Console, hints: f.Hints, global: f.Global, homeFiles: f.HomeFiles, input: f.Input, journals: f.Journals, action: config.DomainCreate, name: "create"}
	cmd := &cobra.Command{
		Use:   "create (-d DOMAIN... -L URL)... | -f FILE",
		Short: "map domains that are not mapped yet, all or none",
		Long: `Maps domains, all that the command names or none. The file is made when there is
none. The URL needs its port; its path is /ischedule/ on Calendar Server 6. Any of
several front ends will do.

A batch file (-f) has a line 'domain=url' for each domain; blank lines and lines
that begin with # pass; blanks around domain and URL do not count.`,
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
	o := &domainEdit{console: f.Console, hints: f.Hints, global: f.Global, homeFiles: f.HomeFiles, input: f.Input, journals: f.Journals, action: config.DomainModify, name: "modify"}
	cmd := &cobra.Command{
		Use:   "modify (-d DOMAIN... -L URL)... | -f FILE",
		Short: "give mapped domains another URL, all or none",
		Long: `Gives domains another URL, all that the command names or none. A domain that
stands in the file more than once, or in another spelling than the one in which
domains are compared, has one line in that form afterwards.

A batch file (-f) has a line 'domain=url' for each domain; blank lines and lines
that begin with # pass; blanks around domain and URL do not count.`,
		Example: `  davadmin domainmap modify -d example.com -L http://cs6new.example.com:8080/ischedule/
  davadmin domainmap modify -f domains.txt --dry-run`,
		Args: cmdutil.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context()) },
	}
	o.add(cmd.Flags(), "change", "domain=url")
	_ = cmd.RegisterFlagCompletionFunc("domain", completeDomains(f))
	return cmd
}

func newDomainDelete(f *cmdutil.Factory) *cobra.Command {
	o := &domainEdit{console: f.Console, hints: f.Hints, global: f.Global, homeFiles: f.HomeFiles, input: f.Input, journals: f.Journals, action: config.DomainDelete, name: "delete"}
	cmd := &cobra.Command{
		Use:   "delete -d DOMAIN... | -f FILE",
		Short: "take domains out, all or none",
		Long: `Takes domains out of the file, all that the command names or none, after asking.
For their users who are still on Calendar Server 6, no free/busy is asked any more.
A key that is no domain is taken out under the name that 'domainmap list' prints.

A batch file (-f) has a domain on each line; blank lines and lines that begin with
# pass.`,
		Example: `  davadmin domainmap delete -d example.com
  davadmin domainmap delete --yes -f migrated.txt --remark 'all users moved'`,
		Args: cmdutil.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context()) },
	}
	o.add(cmd.Flags(), "take out", "domain")
	_ = cmd.RegisterFlagCompletionFunc("domain", completeDomains(f))
	return cmd
}

// completeDomains offers the domains of the home that the environment names.
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
	requests, err := o.requests(ctx)
	if err != nil {
		return err
	}
	if _, err := config.ValidateDomains(o.action, requests); err != nil {
		return o.hints.RefusedUsage(err)
	}
	var warnings []config.Warning
	edit := config.Edit{
		Operation: "domainmap " + o.name, Command: o.journals.Command(), Remark: o.remark, Mask: c.Labels.Mask,
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
	// A look first: what is refused shall leave no trace, and nobody shall be
	// asked about it.
	if _, _, err := o.homeFiles.ReadDomainMap(ctx, c); cmdutil.IsUsage(err) {
		return err
	}
	planned, err := c.File.Preview(ctx, edit)
	if err != nil {
		return o.hints.RefusedUsage(o.homeFiles.ExplainFile(ctx, err, c.FileKind, c.File))
	}
	if o.action == config.DomainDelete && !o.global.DryRun && planned.Changed() {
		question := fmt.Sprintf("Take %s out of %s?", cmdutil.Plural(len(requests), "domain"), ui.Sanitize(c.File.Path()))
		if err := o.console.Confirm(ctx, question); err != nil {
			return err
		}
	}
	outcome, err := o.homeFiles.Apply(ctx, c.File, edit)
	if err != nil {
		return o.hints.RefusedUsage(o.homeFiles.ExplainFile(ctx, err, c.FileKind, c.File))
	}
	for _, w := range warnings {
		o.warnDomain(w)
	}
	return o.homeFiles.ReportError(c, outcome, o.homeFiles.ShowChange(format, o.name, c, outcome))
}

func (o *domainEdit) warnDomain(w config.Warning) {
	text := w.Name + ": " + w.Text
	if w.Hint != "" {
		text += "; " + w.Hint
	}
	o.console.Warnf("%s", text)
}

// requests reads the options and the batch.
func (o *domainEdit) requests(ctx context.Context) ([]config.DomainRequest, error) {
	out := o.pairs.requests
	if o.action != config.DomainDelete {
		var err error
		if out, err = o.pairs.resolve(); err != nil {
			return nil, err
		}
	}
	if o.batch != "" {
		err := o.input.EachBatchLine(ctx, o.batch, func(line, where string, _ fs.FileInfo) error {
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
			o.console.Warnf("%s names no domain; nothing was changed", cmdutil.BatchName(o.batch))
			return nil, cmdutil.ErrAnswered
		}
	}
	if len(out) == 0 {
		return nil, cmdutil.Usagef("which domain? '%s' takes -d or -f; 'davadmin domainmap %s --help' tells more", o.name, o.name)
	}
	return out, nil
}

// batchRequest reads one line; given is false for a blank one and a comment.
func (o *domainEdit) batchRequest(line, where string) (q config.DomainRequest, given bool, err error) {
	if o.action == config.DomainDelete {
		word := cmdutil.TrimBatchLine(line)
		return config.DomainRequest{Domain: word, Where: where}, word != "", nil
	}
	domain, url, given, err := cmdutil.ParseBatchPair(line, where, "domain", "URL")
	return config.DomainRequest{Domain: domain, URL: url, Where: where}, given, err
}
