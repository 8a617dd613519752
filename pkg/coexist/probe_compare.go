package coexist

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/davadmin/davadmin/pkg/finding"
	"github.com/davadmin/davadmin/pkg/ischedule"
	"github.com/davadmin/davadmin/pkg/route"
)

const (
	// compareSpan is the length of the time range that is compared, which starts now.
	compareSpan = 28 * day
	// compareMargin is how much more is queried on either side of it, so that an all-day
	// item at an end of the range is seen whole.
	compareMargin = 2 * day
	// mostTimes is how many times a finding lists.
	mostTimes = 3
)

func probeCompareOld(ctx context.Context, c *Check, emit emitter) error {
	return c.compare(ctx, c.user6, route.OldServer, emit)
}

func probeCompareNew(ctx context.Context, c *Check, emit emitter) error {
	return c.compare(ctx, c.user7, route.Local, emit)
}

// compare compares what both servers say about a user.
func (c *Check) compare(ctx context.Context, user func() (string, error), side route.Side, emit emitter) error {
	if err := c.ready(); err != nil {
		return err
	}
	about, err := user()
	if err != nil {
		return err
	}
	wrong, err := c.wrongSide(ctx, about, side, func(finding.Finding) {}) // an earlier probe reports it
	if err != nil {
		return err
	}
	if wrong {
		return finding.NotApplicable("%s is a user of the other server", about)
	}
	newURL, where, err := c.newURL()
	if err != nil {
		return err
	}
	oldURL, _, err := c.oldWCAP(about)
	if err != nil {
		return err
	}
	iSchedule, _, err := c.oldURL(about)
	if err != nil {
		return err
	}
	p := comparison{about: about, from: c.originator(), newURL: newURL, oldURL: oldURL, iScheduleURL: iSchedule, moved: side == route.Local, asker: c.o.Asker}
	if p.from == "" {
		p.from = about
	}
	// If the user changes a calendar between the queries, the answers differ once.
	for range 2 {
		now := c.o.Now().UTC().Truncate(time.Second)
		if err := p.ask(ctx, span{now, now.Add(compareSpan)}); err != nil {
			return err
		}
		if !slices.ContainsFunc(p.differences, func(d difference) bool { return d.why == unexplained }) {
			break
		}
	}
	p.report(where, emit)
	return nil
}

// comparison compares the answers of both servers about one user.
type comparison struct {
	about          string
	from           string // originator of a query by iSchedule
	newURL, oldURL string // of get_freebusy.wcap on each server
	iScheduleURL   string // of the old server
	moved          bool   // the user is on the new server, to which the old one may redirect
	asker          Asker

	differences []difference
}

// ask queries both servers and sets the differences. An answer that is missing or
// incomplete proves nothing, so it ends the rule as not-run; the other probes report it.
func (p *comparison) ask(ctx context.Context, within span) error {
	q := ischedule.Query{Originator: p.from, Recipients: []string{p.about}, Start: within.start.Add(-compareMargin), End: within.end.Add(compareMargin), AllCalendars: true}
	answers := busyAnswers{asked: span{q.Start, q.End}}
	alone := q // about the default calendar alone
	alone.AllCalendars = false
	newBusy, which, err := p.first(ctx, "the new server",
		func() (*ischedule.Answer, error) { return p.asker.GetFreeBusy(ctx, p.newURL, q) },
		func() (*ischedule.Answer, error) { return p.asker.GetFreeBusy(ctx, p.newURL, alone) })
	if err != nil {
		return err
	}
	oldBusy, _, err := p.first(ctx, "the old server",
		func() (*ischedule.Answer, error) { return p.fromOld(p.asker.GetFreeBusy(ctx, p.oldURL, q)) },
		func() (*ischedule.Answer, error) { return p.asker.FreeBusy(ctx, p.iScheduleURL, q) })
	if err != nil {
		return err
	}
	answers.newServer, answers.oldServer = newBusy, oldBusy
	p.differences = answers.differences(within)
	// About a user of its own, the new server answers a query for all calendars from all of
	// them. About others, it asks the old server, in a form that is not known.
	if ownAnswer := p.moved && which == 0; ownAnswer || len(p.differences) == 0 {
		return nil
	}
	// Without this answer, fewer differences are explained, but none disappears.
	answers.oldDefault, err = busyOf(p.fromOld(p.asker.GetFreeBusy(ctx, p.oldURL, alone)))
	if ctx.Err() != nil {
		return ctx.Err()
	}
	answers.withDefault = err == nil
	p.differences = answers.differences(within)
	return nil
}

// first returns the busy times of the first query that is answered completely, and its
// number. If none is, the error gives the reason of the first query.
func (p *comparison) first(ctx context.Context, server string, queries ...func() (*ischedule.Answer, error)) ([]ischedule.Period, int, error) {
	var reason error
	for i, query := range queries {
		busy, err := busyOf(query())
		switch {
		case err == nil:
			return busy, i, nil
		case ctx.Err() != nil:
			return nil, 0, ctx.Err()
		case errors.Is(err, ischedule.ErrQuery):
			return nil, 0, err
		case reason == nil:
			reason = err
		}
	}
	return nil, 0, finding.NotApplicable("nothing to compare: %s does not return all free/busy of %s: %v", server, p.about, reason)
}

// errRedirects is why an answer of the old server is not one of its own.
var errRedirects = errors.New("the old server redirects to another server")

// fromOld passes on an answer of the old server, unless it is that of another server about
// a user of the old server.
func (p *comparison) fromOld(a *ischedule.Answer, err error) (*ischedule.Answer, error) {
	if err == nil && len(a.Redirects) > 0 && !p.moved {
		return nil, errRedirects
	}
	return a, err
}

// busyOf returns the busy times in an answer about one person. It fails if the answer
// does not contain all of them.
func busyOf(a *ischedule.Answer, err error) ([]ischedule.Period, error) {
	if err != nil {
		return nil, err
	}
	switch r := a.Recipients[0]; {
	case !r.Answered:
		return nil, errors.New("the answer does not mention the user")
	case !r.HasData:
		return nil, errors.New(statusText(r))
	case r.Problem != "":
		return nil, fmt.Errorf("a part of the answer is invalid: %s", r.Problem)
	default:
		return r.Busy, nil
	}
}

// report emits one finding for each reason.
func (p *comparison) report(where *finding.Where, emit emitter) {
	for _, kind := range []struct {
		why      reason
		severity finding.Severity
		text     string
		fix      finding.Fix
	}{
		{unexplained, finding.Error, "no rule of the servers explains this: find out which server has the calendars of this user, and compare the calendars before you delete any", explainFix(p.about)},
		{allDayItems, finding.Info, "that is expected: the new server counts all-day items, and the old server leaves them out unless it is configured otherwise", finding.Fix{}},
		{defaultCalendar, finding.Info, "that is expected: for the default calendar alone (calid=mailto:), the old server says the same as the new server; for all calendars (mail=), it does not", finding.Fix{}},
	} {
		var times []string
		for _, d := range p.differences {
			if d.why == kind.why {
				times = append(times, d.String())
			}
		}
		if len(times) == 0 {
			continue
		}
		more := ""
		if n := len(times) - mostTimes; n > 0 {
			times, more = times[:mostTimes], fmt.Sprintf("; and %d more", n)
		}
		emit(finding.Finding{
			Severity: kind.severity, Where: where, Value: p.about, Fix: kind.fix,
			Detail: fmt.Sprintf("the servers differ about %s: %s%s; %s", p.about, strings.Join(times, "; "), more, kind.text),
		})
	}
}

// String returns the time and what each server says.
func (d difference) String() string {
	return fmt.Sprintf("%s to %s is %s on the new server and %s on the old server",
		d.start.Format(time.RFC3339), d.end.Format(time.RFC3339), typeText(d.newType), typeText(d.oldType))
}

func typeText(t ischedule.BusyType) string {
	switch t {
	case "":
		return "free"
	case ischedule.Tentative:
		return "tentative"
	case ischedule.Unavailable:
		return "unavailable"
	}
	return "busy"
}
