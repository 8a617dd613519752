package configcmd

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/crash"
	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/config"
	"github.com/davadmin/davadmin/pkg/ischedule"
)

// domainProbe is 'domainmap probe'.
type domainProbe struct {
	domainList
}

func newDomainProbe(f *cmdutil.Factory) *cobra.Command {
	o := &domainProbe{domainList{console: f.Console, directories: f.Directories, hints: f.Hints, homeFiles: f.HomeFiles}}
	cmd := &cobra.Command{
		Use:   "probe [-d DOMAIN]...",
		Short: "query the iSchedule capabilities of the mapped servers",
		Long: `Queries the iSchedule capabilities of the server of each domain, once per URL,
with the timeouts and the redirect limit in the configuration of the home.
Prints the response time, the version and the methods that the server offers.
If a server does not answer, prints what happened and what to do about it. No
calendar is accessed.

Exits 5 if a server does not answer or does not offer free/busy.`,
		Example: `  davadmin domainmap probe
  davadmin domainmap probe -d example.com --output json`,
		Args: cmdutil.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context()) },
	}
	o.addOptions(cmd)
	_ = cmd.RegisterFlagCompletionFunc("domain", completeDomains(f))
	return cmd
}

// probed is the result for the server of a domain.
type probed struct {
	Domain     string   `json:"domain"`
	Shown      string   `json:"shown"`
	URL        string   `json:"url"`
	Answered   bool     `json:"answered"`
	TookMS     int64    `json:"took_ms"`
	Status     int      `json:"status,omitempty"` // of HTTP
	Version    string   `json:"version,omitempty"`
	Server     string   `json:"server,omitempty"`
	Offers     []string `json:"offers,omitempty"` // a component with a method, such as "VFREEBUSY REQUEST"
	Redirects  []string `json:"redirects,omitempty"`
	AnsweredAt string   `json:"answered_at,omitempty"` // the URL, after redirects
	Problem    string   `json:"problem,omitempty"`     // the kind of failure
	Detail     string   `json:"detail,omitempty"`
	Next       string   `json:"next,omitempty"` // what to do
}

func (o *domainProbe) run(ctx context.Context) error {
	format, err := o.console.Format(ui.Table, ui.Plain, ui.JSON, ui.JSONL)
	if err != nil {
		return err
	}
	listed, err := o.selectDomains(ctx)
	if err != nil {
		return err
	}
	home, err := o.directories.LoadHomeConfig(ctx, &o.HomeOptions)
	if err != nil {
		return err
	}
	client := cmdutil.CalendarClient(home)
	rows := o.probeAll(ctx, client, listed)
	if err := ctx.Err(); err != nil {
		return err // a part of the results would mislead
	}
	if err := probeList().PrintAll(o.console, format, rows); err != nil {
		return err
	}
	failed := 0
	for _, r := range rows {
		if r.Problem != "" {
			failed++
		}
	}
	if failed > 0 {
		return &cmdutil.PeersError{Text: fmt.Sprintf("the servers of %s out of %d did not answer or do not offer free/busy", cmdutil.Plural(failed, "domain"), len(rows))}
	}
	return nil
}

// noFreeBusy is the problem of a server that answers but does not offer free/busy.
const noFreeBusy = "no-free-busy"

// probesAtOnce is the number of servers that are queried at the same time.
const probesAtOnce = 8

// probeAll queries each URL once.
func (o *domainProbe) probeAll(ctx context.Context, client *ischedule.Client, listed []config.DomainEntry) []probed {
	answers := map[string]*probed{}
	var urls []string
	for _, e := range listed {
		if answers[e.URL] == nil {
			answers[e.URL] = &probed{}
			urls = append(urls, e.URL)
		}
	}
	var wait crash.Group
	free := make(chan struct{}, probesAtOnce)
	for _, u := range urls {
		free <- struct{}{}
		wait.Go(func() {
			defer func() { <-free }()
			*answers[u] = o.probe(ctx, client, u)
		})
	}
	wait.Wait()
	rows := make([]probed, len(listed))
	for i, e := range listed {
		rows[i] = *answers[e.URL]
		rows[i].Domain, rows[i].Shown, rows[i].URL = e.Domain, e.Shown, config.MaskDomainURL(e.URL)
		if e.Domain == "" {
			rows[i].Domain = e.Key
		}
	}
	return rows
}

func (o *domainProbe) probe(ctx context.Context, client *ischedule.Client, url string) probed {
	if config.MaskDomainURL(url) != url {
		return probed{Problem: string(ischedule.Other), Detail: "the URL may contain a password, so it is not queried", Next: "'" + o.hints.Line("domainmap", "check") + "' explains what is wrong with the URL"}
	}
	start := time.Now()
	can, err := client.Capabilities(ctx, url)
	p := probed{TookMS: time.Since(start).Milliseconds()}
	var e *ischedule.Error
	switch {
	case errors.As(err, &e):
		p.Problem, p.Status, p.Detail, p.Next = string(e.Kind), e.Status, e.Detail, e.Hint
		return p
	case err != nil:
		p.Problem, p.Detail = string(ischedule.Other), err.Error()
		return p
	}
	p.Answered, p.Status, p.Version, p.Server = true, can.Status, can.Version, can.Server
	if p.Version == "" {
		p.Version = strings.Join(can.Versions, ", ")
	}
	for _, c := range can.Components {
		for _, m := range c.Methods {
			p.Offers = append(p.Offers, c.Name+" "+m)
		}
	}
	if p.Redirects = can.Redirects; len(p.Redirects) > 0 {
		p.AnsweredAt = can.URL
	}
	if !can.Supports("VFREEBUSY", "REQUEST") {
		p.Problem, p.Detail = noFreeBusy, "the server does not offer free/busy (VFREEBUSY REQUEST)"
		p.Next = "check the configuration of the server"
	} else if p.AnsweredAt != "" {
		p.Next = "map the domain to the URL that answered: each redirect costs time, and not every server follows redirects"
	}
	return p
}

// probeList prints results, as blocks of lines in text and tables.
func probeList() cmdutil.List[probed] {
	return cmdutil.List[probed]{Schema: cmdutil.DomainKind().Schema("probe"), Member: "peers", Plain: func(r probed) string { return r.text() }}
}

// text returns the result for people.
func (r *probed) text() string {
	var b strings.Builder
	line := func(format string, args ...any) {
		fmt.Fprintf(&b, "%s\n", ui.Sanitize(fmt.Sprintf(format, args...)))
	}
	line("%s: %s", cmdutil.DomainLabels{}.Name(r.Domain), r.URL)
	status := ""
	if r.Status != 0 {
		status = fmt.Sprintf(", status %d", r.Status)
	}
	if r.Answered {
		line("  answered in %d ms%s, iSchedule %s", r.TookMS, status, orNone(r.Version))
		line("  offers: %s", orNone(strings.Join(r.Offers, ", ")))
		if r.Server != "" {
			line("  server: %s", r.Server)
		}
		for _, from := range r.Redirects {
			line("  redirected from: %s", from)
		}
		if r.AnsweredAt != "" {
			line("  answered at: %s", r.AnsweredAt)
		}
		if r.Problem != "" {
			line("  FAILED: %s (%s)", r.Detail, r.Problem)
		}
	} else {
		line("  FAILED after %d ms%s: %s (%s)", r.TookMS, status, r.Detail, r.Problem)
	}
	if r.Next != "" {
		line("  next: %s", r.Next)
	}
	return b.String()
}

func orNone(s string) string {
	if s == "" {
		return "(none named)"
	}
	return s
}
