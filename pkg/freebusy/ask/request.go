package ask

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/davadmin/davadmin/pkg/freebusy"
	"github.com/davadmin/davadmin/pkg/ischedule"
)

// askPeer asks one server about people, in portions one after another.
func (o *Options) askPeer(ctx context.Context, at string, results []Result, people []int, w freebusy.Window) {
	ctx, cancel := context.WithTimeout(ctx, o.Timeout)
	defer cancel()
	var down error // why the server is not asked any more
	for _, portion := range portions(results, people, o.Portion) {
		down = o.askPortion(ctx, at, results, portion, w, down)
	}
}

// askPortion asks about the people of one request. If the server rejects the request as a
// whole, each half is asked about by itself, because one person may be the cause. It
// returns why the server need not be asked again; nil if it should be.
func (o *Options) askPortion(ctx context.Context, at string, results []Result, portion []int, w freebusy.Window, down error) error {
	if down != nil {
		for _, i := range portion {
			fail(&results[i], at, NotAsked, "the server failed for the people before", down)
		}
		return down
	}
	began := time.Now()
	answer, requests, err := o.send(ctx, at, o.query(results, portion, w))
	for _, i := range portion {
		results[i].Requests += requests
		results[i].Took += time.Since(began)
	}
	if err != nil {
		if len(portion) > 1 && mayBeOnePerson(err) {
			half := len(portion) / 2
			down = o.askPortion(ctx, at, results, portion[:half], w, nil)
			return o.askPortion(ctx, at, results, portion[half:], w, down)
		}
		for _, i := range portion {
			fail(&results[i], at, PeerFailed, "the server did not answer the request", err)
		}
		if unreachable(err) || ctx.Err() != nil {
			return err
		}
		return nil
	}
	for k, i := range portion {
		results[i].Server = answer.URL
		if k < len(answer.Recipients) {
			take(&results[i], &answer.Recipients[k])
		} else {
			fail(&results[i], answer.URL, PeerFailed, "the answer does not contain this person", nil)
		}
	}
	return nil
}

// query returns the request about a portion.
func (o *Options) query(results []Result, portion []int, w freebusy.Window) ischedule.Query {
	q := ischedule.Query{Originator: o.Originator, Start: w.Start, End: w.End}
	for _, i := range portion {
		q.Recipients = append(q.Recipients, results[i].Route.Address)
	}
	if q.Originator == "" {
		q.Originator = q.Recipients[0]
	}
	return q
}

// send sends a request, again if the failure may be temporary. It returns how often it was
// sent.
func (o *Options) send(ctx context.Context, at string, q ischedule.Query) (*ischedule.Answer, int, error) {
	for n := 1; ; n++ {
		answer, err := o.Peers.FreeBusy(ctx, at, q)
		if err == nil || n >= o.Attempts || !temporary(err) || !sleep(ctx, o.Pause) {
			return answer, n, err
		}
	}
}

// sleep waits, and reports whether the context is still valid.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}

// take fills in the result of one person from an answer.
func take(r *Result, got *ischedule.Recipient) {
	switch {
	case !got.Answered:
		r.State, r.Reason, r.Detail = Unknown, Refused, "the answer does not mention this person"
	case !got.HasData:
		r.State, r.Reason, r.Detail = Unknown, Refused, refusal(got)
	case got.Problem != "":
		r.State, r.Reason, r.Detail, r.Busy = Partial, DataInvalid, got.Problem, periods(got.Busy)
	default:
		r.State, r.Busy = Known, periods(got.Busy)
	}
}

// periods returns the periods of an answer. iSchedule leaves out those that are free.
func periods(busy []ischedule.Period) []freebusy.Period {
	out := make([]freebusy.Period, len(busy))
	for i, p := range busy {
		out[i] = freebusy.Period{Start: p.Start, End: p.End, Kind: freebusy.ParseFBType(string(p.Type))}
	}
	return out
}

// refusal returns what a server said instead of busy times.
func refusal(got *ischedule.Recipient) string {
	words := strings.Join(strings.Fields(strings.Join([]string{got.Code, got.Text, got.Reason, got.Description}, " ")), " ")
	if words == "" {
		return "the server gave no busy times and no reason"
	}
	return words
}

// fail makes a result unknown because of a server.
func fail(r *Result, at string, why Reason, detail string, err error) {
	r.State, r.Reason, r.Detail, r.Err, r.Server = Unknown, why, detail, err, at
	if e, ok := errors.AsType[*ischedule.Error](err); ok && why == PeerFailed {
		r.Detail = e.Detail
	}
}

// temporary reports whether the same request may succeed a moment later.
func temporary(err error) bool {
	e, ok := errors.AsType[*ischedule.Error](err)
	if !ok {
		return false
	}
	switch e.Kind {
	case ischedule.Timeout, ischedule.Refused, ischedule.Truncated:
		return true
	case ischedule.ServerError:
		return e.Status != http.StatusNotImplemented && e.Status != http.StatusHTTPVersionNotSupported
	}
	return e.Status == http.StatusTooManyRequests
}

// unreachable reports whether other requests to the same server will fail as well, so that
// waiting for each of them would only delay the answer. A certificate or an access rule
// concerns the server, and not the people asked about.
func unreachable(err error) bool {
	e, ok := errors.AsType[*ischedule.Error](err)
	if !ok {
		return false
	}
	switch e.Kind {
	case ischedule.DNS, ischedule.Refused, ischedule.Timeout, ischedule.TLS, ischedule.Redirect, ischedule.RedirectLoop, ischedule.Forbidden, ischedule.NotFound:
		return true
	}
	return false
}

// mayBeOnePerson reports whether one person can be the cause of a failed request: an
// address that iSchedule cannot express, one that the server rejects, or an answer or a
// header that is too long with so many people in it.
func mayBeOnePerson(err error) bool {
	if errors.Is(err, ischedule.ErrQuery) {
		return true
	}
	e, ok := errors.AsType[*ischedule.Error](err)
	if !ok {
		return false
	}
	switch e.Kind {
	case ischedule.Rejected, ischedule.TooLarge, ischedule.Malformed:
		return true
	}
	switch e.Status {
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusRequestURITooLong, http.StatusRequestHeaderFieldsTooLarge:
		return true
	}
	return false
}
