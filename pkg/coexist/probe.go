package coexist

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/davadmin/davadmin/pkg/config"
	"github.com/davadmin/davadmin/pkg/finding"
	"github.com/davadmin/davadmin/pkg/ischedule"
	"github.com/davadmin/davadmin/pkg/route"
)

// probeSpan is the time that is asked about: from now on.
const probeSpan = 7 * 24 * time.Hour

// oldWCAPPath is where a Calendar Server 6 answers its own clients for
// free/busy.
const oldWCAPPath = "/get_freebusy.wcap"

// Error numbers of WCAP for a person whom the server does not know: that of the
// guide for a missing calendar, and that of get_freebusy for whatever failed.
const (
	noSuchCalendar = "29"
	freeBusyFailed = "39"
)

// asked is one question: to whom, and about whom.
type asked struct {
	who   string // asked: "the old server"
	url   string
	where *finding.Where // that names the URL
	query ischedule.Query
}

// person6 and person7 return whom to ask about.
func (c *Check) person6() (string, error) {
	if c.o.Ask6 != "" {
		return c.o.Ask6, nil
	}
	sum := c.counts.sum()
	return sum.Example6, c.nobody(sum.Example6, "old", "--cs6-user")
}

func (c *Check) person7() (string, error) {
	if c.o.Ask7 != "" {
		return c.o.Ask7, nil
	}
	sum := c.counts.sum()
	return sum.Example7, c.nobody(sum.Example7, "new", "--cs7-user")
}

func (c *Check) nobody(found, which, option string) error {
	if found != "" {
		return nil
	}
	return finding.NotApplicable("it is not known who is on the %s server; %s ADDRESS names somebody", which, option)
}

// ready says why no server is asked; nil where one is.
func (c *Check) ready() error {
	if c.o.Asker == nil {
		return finding.NotApplicable("not asked for; --probe asks both servers")
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

// oldURL is where the domain map sends a question about somebody.
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
		return "", nil, fmt.Errorf("the URL of %s may hold a password, and is not asked", domain)
	}
	return line.url, &finding.Where{File: c.o.Map.Path, Line: line.line}, nil
}

// newURL is where the old server redirects to.
func (c *Check) newURL() (string, *finding.Where, error) {
	if c.o.Old == nil {
		return "", nil, finding.NotApplicable(noIcsConf)
	}
	s, u, _ := c.o.Old.redirect()
	if u == nil || u.User != nil {
		return "", nil, finding.NotApplicable("%s is no URL that can be asked", icsRedirect)
	}
	return u.String(), &finding.Where{File: c.o.Old.Path, Line: s.Line}, nil
}

func probeOldServer(ctx context.Context, c *Check, emit emitter) error {
	if err := c.ready(); err != nil {
		return err
	}
	about, err := c.person6()
	if err != nil {
		return err
	}
	if astray, err := c.astray(ctx, about, route.OldServer, emit); astray || err != nil {
		return err
	}
	at, where, err := c.oldURL(about)
	if err != nil {
		return err
	}
	q := asked{"the old server", at, where, c.query(about, c.originator())}
	a, err := c.o.Asker.FreeBusy(ctx, at, q.query)
	return q.judge(a, err, emit)
}

// originator asks in the name of somebody on the new server, as in earnest.
func (c *Check) originator() string {
	from, _ := c.person7()
	return from
}

func probeNewServer(ctx context.Context, c *Check, emit emitter) error {
	if err := c.ready(); err != nil {
		return err
	}
	about, err := c.person7()
	if err != nil {
		return err
	}
	if astray, err := c.astray(ctx, about, route.Local, emit); astray || err != nil {
		return err
	}
	return c.probeNew(ctx, about, emit)
}

// astray tells whether the new server takes somebody for a person of another
// side than ours, and says so: then a question about that person goes elsewhere,
// whatever the servers answer here.
func (c *Check) astray(ctx context.Context, about string, want route.Side, emit emitter) (bool, error) {
	if c.o.Decide == nil {
		return false, nil
	}
	d, err := c.o.Decide(ctx, about)
	if err != nil || d.Side == want {
		return false, err
	}
	last := d.Steps[len(d.Steps)-1]
	which := map[route.Side]string{route.Local: "new", route.OldServer: "old"}[want]
	f := finding.Finding{
		Value:  about,
		Detail: fmt.Sprintf("%s is asked about as a person of the %s server, and the new server decides: %s (%s: %s; %s)", about, which, d.Side, last.What, last.Value, last.Means),
	}
	if word := config.ShellWord(about); word != "" {
		f.Fix = finding.Text(finding.FixCommand, "davadmin coexist explain -a "+word)
	}
	if d.DN != "" {
		f.DN = []string{d.DN}
	}
	emit(f)
	return true, nil
}

func probeNewToOld(ctx context.Context, c *Check, emit emitter) error {
	if err := c.ready(); err != nil {
		return err
	}
	about, err := c.person6()
	if err != nil {
		return err
	}
	return c.probeNew(ctx, about, emit)
}

// probeNew asks the new server about anybody.
func (c *Check) probeNew(ctx context.Context, about string, emit emitter) error {
	at, where, err := c.newURL()
	if err != nil {
		return err
	}
	q := asked{"the new server", at, where, c.query(about, "")}
	a, err := c.o.Asker.GetFreeBusy(ctx, at, q.query)
	return q.judge(a, err, emit)
}

func probeOldToNew(ctx context.Context, c *Check, emit emitter) error {
	if err := c.ready(); err != nil {
		return err
	}
	about, err := c.person7()
	if err != nil {
		return err
	}
	at, where, err := c.oldURL(about)
	if err != nil {
		return err
	}
	u, err := url.Parse(at)
	if err != nil {
		return err
	}
	u.Path, u.RawPath, u.RawQuery, u.Fragment = oldWCAPPath, "", "", ""
	q := asked{"the old server", u.String(), where, c.query(about, "")}
	a, err := c.o.Asker.GetFreeBusy(ctx, q.url, q.query)
	if err == nil && len(a.Redirects) == 0 && a.Recipients[0].HasData {
		about := a.Recipients[0].Address
		emit(q.finding(fmt.Sprintf("the old server answers for %s by itself, and redirects nowhere: it has a calendar of the person", about),
			"# on the old server: 'cscal -v list' shows whose calendar it is, 'cscal delete -o UID' deletes those of a person"))
		return nil
	}
	return q.judge(a, err, emit)
}

func (q *asked) finding(detail, fix string) finding.Finding {
	return finding.Finding{Where: q.where, Value: q.query.Recipients[0], Detail: detail, Fix: finding.Text(finding.FixCommand, fix)}
}

// judge says what an answer amounts to: one without free/busy is none.
func (q *asked) judge(a *ischedule.Answer, err error, emit emitter) error {
	about := q.query.Recipients[0]
	var e *ischedule.Error
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, ischedule.ErrQuery):
		return err
	case errors.As(err, &e):
		detail := fmt.Sprintf("%s does not tell when %s is busy: %s: %s (%s)", q.who, about, e.URL, e.Detail, e.Kind)
		if e.Hint != "" {
			detail += "; " + e.Hint
		}
		emit(q.finding(detail, ""))
		return nil
	case err != nil:
		return err
	}
	r := a.Recipients[0]
	switch {
	case !r.Answered:
		emit(q.finding(fmt.Sprintf("%s answers at %s, and does not speak of %s", q.who, a.URL, about), ""))
	case !r.HasData:
		emit(q.finding(fmt.Sprintf("%s knows nothing about %s (%s)%s", q.who, about, statusWords(r), q.advice(r)), ""))
	case r.Problem != "":
		f := q.finding(fmt.Sprintf("%s tells when %s is busy, and a part cannot be read: %s", q.who, about, r.Problem), "")
		f.Severity = finding.Warning
		emit(f)
	}
	return nil
}

func statusWords(r ischedule.Recipient) string {
	words := strings.TrimSpace(strings.Join([]string{r.Code, r.Text, r.Reason, r.Description}, " "))
	if words == "" {
		return "without a reason"
	}
	return strings.Join(strings.Fields(words), " ")
}

// advice says where to look when a server speaks and has nothing.
func (q *asked) advice(r ischedule.Recipient) string {
	switch {
	case r.Code == noSuchCalendar, r.Code == freeBusyFailed, strings.HasPrefix(r.Code, "3.7"):
		return "; 'davadmin coexist explain' says where the new server looks for the person"
	case strings.HasPrefix(r.Code, "3.8"):
		return "; let callers without a login see free/busy (davcore.acl.schedulinganonymousall on the new server)"
	}
	return ""
}
