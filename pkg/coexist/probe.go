package coexist

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/davadmin/davadmin/pkg/config"
	"github.com/davadmin/davadmin/pkg/directory"
	"github.com/davadmin/davadmin/pkg/finding"
	"github.com/davadmin/davadmin/pkg/ischedule"
	"github.com/davadmin/davadmin/pkg/route"
)

// probeSpan is the length of the time range of a query, which starts now.
const probeSpan = 7 * 24 * time.Hour

// oldWCAPPath is the path at which a Calendar Server 6 answers free/busy queries of
// its own clients.
const oldWCAPPath = "/get_freebusy.wcap"

// Error numbers of WCAP: for a user whom the server does not know, that of the guide
// for a missing calendar and that of get_freebusy for any failure; and for a calendar
// whose access list refuses.
const (
	noSuchCalendar = "29"
	freeBusyFailed = "39"
	accessDenied   = "28"
)

// probe is one query to one server.
type probe struct {
	server string // that is queried: "the old server"
	url    string
	where  *finding.Where // the line that contains the URL
	query  ischedule.Query
}

// user6 and user7 return the user of each side to query.
func (c *Check) user6() (string, error) {
	if c.o.Ask6 != "" {
		return directory.CutMailto(c.o.Ask6), nil
	}
	if address := c.counts.sum().Example6; address != "" {
		return address, nil
	}
	return "", finding.NotApplicableNeeds([]finding.Need{finding.NeedOldServerUser}, "needs the address of a user on the old server")
}

func (c *Check) user7() (string, error) {
	if c.o.Ask7 != "" {
		return directory.CutMailto(c.o.Ask7), nil
	}
	if address := c.counts.sum().Example7; address != "" {
		return address, nil
	}
	return "", finding.NotApplicableNeeds([]finding.Need{finding.NeedNewServerUser}, "needs the address of a user on the new server")
}

// ready returns why no server is queried; nil if one is.
func (c *Check) ready() error {
	if c.o.Asker == nil {
		return finding.NotApplicableNeeds([]finding.Need{finding.NeedProbe}, "needs permission to query both servers")
	}
	return nil
}

func (c *Check) query(about, from string) ischedule.Query {
	if from == "" {
		from = about
	}
	now := c.o.Now()
	return ischedule.Query{Originator: from, Recipients: []string{about}, Start: now, End: now.Add(probeSpan)}
}

// oldURL returns the URL to which the domain map sends a query about a user.
func (c *Check) oldURL(address string) (string, *finding.Where, error) {
	if c.noMap != nil {
		return "", nil, c.noMap
	}
	domain := string(appendDomain(nil, []byte(address)))
	line, ok := c.lines[domain]
	if !ok {
		return "", nil, finding.NotApplicable("the domain map has no line for %s", domain)
	}
	if config.MaskDomainURL(line.url) != line.url {
		return "", nil, fmt.Errorf("the URL of %s may contain a password, so it is not queried", domain)
	}
	return line.url, &finding.Where{File: c.o.Map.Path, Line: line.line}, nil
}

// oldWCAP returns the URL at which the old server of a user answers its own clients.
func (c *Check) oldWCAP(address string) (string, *finding.Where, error) {
	at, where, err := c.oldURL(address)
	if err != nil {
		return "", nil, err
	}
	u, err := url.Parse(at)
	if err != nil {
		return "", nil, err
	}
	u.Path, u.RawPath, u.RawQuery, u.Fragment = oldWCAPPath, "", "", ""
	return u.String(), where, nil
}

// newURL returns the URL to which the old server redirects.
func (c *Check) newURL() (string, *finding.Where, error) {
	if c.o.Old == nil {
		return "", nil, needIcsConf()
	}
	s, u, _ := c.o.Old.redirect()
	if u == nil || u.User != nil {
		return "", nil, finding.NotApplicable("%s is not a URL that can be queried", icsRedirect)
	}
	return u.String(), &finding.Where{File: c.o.Old.Path, Line: s.Line}, nil
}

func probeOldServer(ctx context.Context, c *Check, emit emitter) error {
	if err := c.ready(); err != nil {
		return err
	}
	about, err := c.user6()
	if err != nil {
		return err
	}
	if wrong, err := c.wrongSide(ctx, about, route.OldServer, emit); wrong || err != nil {
		return err
	}
	at, where, err := c.oldURL(about)
	if err != nil {
		return err
	}
	p := probe{"the old server", at, where, c.query(about, c.originator())}
	a, err := c.o.Asker.FreeBusy(ctx, at, p.query)
	return p.evaluate(a, err, emit)
}

// originator returns a user on the new server, as in a real query, "" if none is
// known.
func (c *Check) originator() string {
	from, _ := c.user7()
	return from
}

func probeNewServer(ctx context.Context, c *Check, emit emitter) error {
	if err := c.ready(); err != nil {
		return err
	}
	about, err := c.user7()
	if err != nil {
		return err
	}
	if wrong, err := c.wrongSide(ctx, about, route.Local, emit); wrong || err != nil {
		return err
	}
	return c.probeNew(ctx, about, emit)
}

// wrongSide reports whether the new server sees a user on another side than want,
// and emits that as a finding: then a real query about the user goes elsewhere,
// whatever the servers would answer here.
func (c *Check) wrongSide(ctx context.Context, about string, want route.Side, emit emitter) (bool, error) {
	if c.o.Decide == nil {
		return false, nil
	}
	d, err := c.o.Decide(ctx, about)
	if err != nil || d.Side == want {
		return false, err
	}
	reason, ok := d.SideStep()
	if !ok {
		reason = d.Steps[len(d.Steps)-1]
	}
	which := map[route.Side]string{route.Local: "new", route.OldServer: "old"}[want]
	f := finding.Finding{
		Value:  about,
		Detail: fmt.Sprintf("%s was given as a user of the %s server, but the new server decides: %s (%s: %s; %s)", about, which, d.Side, reason.What, reason.Value, reason.Means),
		Fix:    explainFix(about),
	}
	if d.DN != "" {
		f.DN = []string{d.DN}
	}
	emit(f)
	return true, nil
}

// explainFix returns the task that shows how the new server decides about an
// address; the zero Fix for an address that cannot be part of a command.
func explainFix(address string) finding.Fix {
	if config.ShellWord(address) == "" {
		return finding.Fix{}
	}
	return finding.Do(finding.FixCommand, finding.Task{Do: finding.ExplainAddress, Address: address})
}

func probeNewToOld(ctx context.Context, c *Check, emit emitter) error {
	if err := c.ready(); err != nil {
		return err
	}
	about, err := c.user6()
	if err != nil {
		return err
	}
	return c.probeNew(ctx, about, emit)
}

// probeNew queries the new server about a user of either side.
func (c *Check) probeNew(ctx context.Context, about string, emit emitter) error {
	at, where, err := c.newURL()
	if err != nil {
		return err
	}
	p := probe{"the new server", at, where, c.query(about, "")}
	a, err := c.o.Asker.GetFreeBusy(ctx, at, p.query)
	return p.evaluate(a, err, emit)
}

func probeOldToNew(ctx context.Context, c *Check, emit emitter) error {
	if err := c.ready(); err != nil {
		return err
	}
	about, err := c.user7()
	if err != nil {
		return err
	}
	at, where, err := c.oldWCAP(about)
	if err != nil {
		return err
	}
	p := probe{"the old server", at, where, c.query(about, "")}
	a, err := c.o.Asker.GetFreeBusy(ctx, p.url, p.query)
	if err != nil || len(a.Redirects) > 0 {
		return p.evaluate(a, err, emit)
	}
	switch r := a.Recipients[0]; {
	case r.HasData:
		emit(p.finding(fmt.Sprintf("the old server answers about %s itself instead of redirecting: it has a calendar of this user", r.Address), deleteCalendars()))
		return nil
	case r.Code == noSuchCalendar:
		// The query by calid is about the default calendar only.
		q := p.query
		q.AllCalendars = true
		if all, err := c.o.Asker.GetFreeBusy(ctx, p.url, q); err == nil && len(all.Redirects) == 0 && all.Recipients[0].HasData {
			emit(p.finding(fmt.Sprintf("the old server does not redirect, and has no default calendar of %s (calid=mailto:), but it has other calendars of this user (mail=)", r.Address), deleteCalendars()))
			return nil
		}
	}
	return p.evaluate(a, err, emit)
}

// deleteCalendars returns the commands of the old server that delete the calendars of a
// user who has moved.
func deleteCalendars() finding.Fix {
	return finding.Fix{Type: finding.FixOldServerCommand, Steps: []finding.Step{
		{Remark: "shows the owner of each calendar:", Text: "cscal -v list", Template: true},
		{Remark: "deletes all calendars of the owner UID:", Text: "cscal delete -o UID", Template: true},
	}}
}

func (p *probe) finding(detail string, fix finding.Fix) finding.Finding {
	return finding.Finding{Where: p.where, Value: p.query.Recipients[0], Detail: detail, Fix: fix}
}

// evaluate emits a finding unless the answer contains free/busy of the user.
func (p *probe) evaluate(a *ischedule.Answer, err error, emit emitter) error {
	about := p.query.Recipients[0]
	var e *ischedule.Error
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, ischedule.ErrQuery):
		return err
	case errors.As(err, &e):
		detail := fmt.Sprintf("%s does not return free/busy of %s: %s: %s (%s)", p.server, about, e.URL, e.Detail, e.Kind)
		if e.Hint != "" {
			detail += "; " + e.Hint
		}
		emit(p.finding(detail, finding.Fix{}))
		return nil
	case err != nil:
		return err
	}
	r := a.Recipients[0]
	switch {
	case !r.Answered:
		emit(p.finding(fmt.Sprintf("%s answers at %s, but the answer does not mention %s", p.server, a.URL, about), finding.Fix{}))
	case !r.HasData:
		advice, fix := noDataAdvice(&r)
		emit(p.finding(fmt.Sprintf("%s has no free/busy of %s (%s)%s", p.server, about, statusText(r), advice), fix))
	case r.Problem != "":
		f := p.finding(fmt.Sprintf("%s returns free/busy of %s, but a part of it is invalid: %s", p.server, about, r.Problem), finding.Fix{})
		f.Severity = finding.Warning
		emit(f)
	}
	return nil
}

func statusText(r ischedule.Recipient) string {
	words := strings.Join(strings.Fields(strings.Join([]string{r.Code, r.Text, r.Reason, r.Description}, " ")), " ")
	switch {
	case words == "":
		return "no reason given"
	case r.Meaning != "":
		return words + ": " + r.Meaning
	}
	return words
}

// noDataAdvice returns what to do if a server answers without free/busy: a text for
// the end of the detail, and a fix.
func noDataAdvice(r *ischedule.Recipient) (string, finding.Fix) {
	switch {
	case r.Retry:
		return "; this is temporary: try again later, and if it stays so, check the services of the peer", finding.Fix{}
	case r.Code == accessDenied:
		return "; give everyone the right f (free/busy) to the calendar", finding.Fix{}
	case r.Code == noSuchCalendar, r.Code == freeBusyFailed, strings.HasPrefix(r.Code, "3.7"):
		return "; find out on which server the new server expects this user", explainFix(r.Address)
	case strings.HasPrefix(r.Code, "3.8"):
		return "; allow free/busy queries without a login (davcore.acl.schedulinganonymousall on the new server)", finding.Fix{}
	}
	return "", finding.Fix{}
}
