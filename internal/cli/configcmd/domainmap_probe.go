package configcmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
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
		Short: "ask the mapped servers what they can do",
		Long: `Asks the server of each domain for its iSchedule capabilities, each URL once, with
the time-outs and the number of redirects that the configuration of the home has. It shows how long the
answer took, the version and the methods that the server offers; for one that did not
answer, what happened and what to do about it. Nobody's calendar is asked for.

Exits 5 when a server did not answer, or does not offer free/busy.`,
		Example: `  davadmin domainmap probe
  davadmin domainmap probe -d example.com --output json`,
		Args: cmdutil.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context()) },
	}
	o.addOptions(cmd)
	_ = cmd.RegisterFlagCompletionFunc("domain", completeDomains(f))
	return cmd
}

// probed is what came of asking the server of one domain.
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
	Problem    string   `json:"problem,omitempty"`     // the kind of what went wrong
	Detail     string   `json:"detail,omitempty"`
	Next       string   `json:"next,omitempty"` // what to do
}

func (o *domainProbe) run(ctx context.Context) error {
	format, err := o.console.Format(ui.Table, ui.Plain, ui.JSON, ui.JSONL)
	if err != nil {
		return err
	}
	listed, err := o.choose(ctx)
	if err != nil {
		return err
	}
	home, err := o.directories.LoadHomeConfig(ctx, &o.HomeOptions)
	if err != nil {
		return err
	}
	client := cmdutil.CalendarClient(home)
	rows := probeAll(ctx, client, listed)
	if err := ctx.Err(); err != nil {
		return err // what was asked until then says little
	}
	if err := printProbed(o.console.Streams.Out, format, rows); err != nil {
		return err
	}
	failed := 0
	for _, r := range rows {
		if r.Problem != "" {
			failed++
		}
	}
	if failed > 0 {
		return &cmdutil.PeersError{Text: fmt.Sprintf("the servers of %s of %d did not answer, or offer no free/busy", cmdutil.Plural(failed, "domain"), len(rows))}
	}
	return nil
}

// noFreeBusy is the problem of a server that answers and is of no use.
const noFreeBusy = "no-free-busy"

// probesAtOnce is how many servers are asked at the same time.
const probesAtOnce = 8

// probeAll asks each URL once.
func probeAll(ctx context.Context, client *ischedule.Client, listed []config.DomainEntry) []probed {
	answers := map[string]*probed{}
	var urls []string
	for _, e := range listed {
		if answers[e.URL] == nil {
			answers[e.URL] = &probed{}
			urls = append(urls, e.URL)
		}
	}
	var wait sync.WaitGroup
	free := make(chan struct{}, probesAtOnce)
	for _, u := range urls {
		free <- struct{}{}
		wait.Go(func() {
			*answers[u] = probe(ctx, client, u)
			<-free
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

func probe(ctx context.Context, client *ischedule.Client, url string) probed {
	if config.MaskDomainURL(url) != url {
		return probed{Problem: string(ischedule.Other), Detail: "the URL may hold a password, and is not asked", Next: "'davadmin domainmap check' says what is wrong with it"}
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
		p.Next = "look into the configuration of the server: what it offers is above"
	} else if p.AnsweredAt != "" {
		p.Next = "map the domain to the URL that answered: each redirect costs time, and the old server may follow none"
	}
	return p
}

func printProbed(out io.Writer, format ui.Format, rows []probed) error {
	switch format {
	case ui.JSON:
		return ui.WriteJSON(out, struct {
			Schema string   `json:"schema"`
			Peers  []probed `json:"peers"`
		}{cmdutil.DomainKind().Schema("probe"), rows})
	case ui.JSONL:
		for _, r := range rows {
			if err := ui.WriteJSONL(out, r); err != nil {
				return err
			}
		}
		return nil
	}
	for _, r := range rows {
		if _, err := io.WriteString(out, r.text()); err != nil {
			return err
		}
	}
	return nil
}

// text is for a person.
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
