package ask

import (
	"context"
	"errors"
	"time"

	"github.com/davadmin/davadmin/internal/crash"
	"github.com/davadmin/davadmin/pkg/freebusy"
	"github.com/davadmin/davadmin/pkg/ischedule"
	"github.com/davadmin/davadmin/pkg/route"
)

// Peers asks servers by iSchedule. It is implemented by *ischedule.Client, and must be
// safe for concurrent use.
type Peers interface {
	FreeBusy(ctx context.Context, at string, q ischedule.Query) (*ischedule.Answer, error)
}

// Options say how people are asked about. Decide, Local and Peers must be set.
type Options struct {
	// Decide returns the side of an address, as route.Decide does. It is called for one
	// address after another. An error means that the directory failed, unless it is a
	// *RouteDoubt.
	Decide func(ctx context.Context, address string) (*route.Decision, error)
	// Local returns the busy times of a person on this server. It is called for
	// one person after another, at the same time as Peers.
	Local func(ctx context.Context, d *route.Decision, w freebusy.Window) ([]freebusy.Period, error)
	Peers Peers

	// Originator is the mail address of whoever asks, which iSchedule requires. If it is
	// "", each request names the first person that it is about.
	Originator string
	// Portion is the maximum number of people in one request; 0 means 50. A request
	// holds fewer if their addresses are long, because servers limit header lines.
	Portion int
	// Parallel is the maximum number of servers asked at the same time; 0 means 8.
	Parallel int
	// Attempts is how often a request is sent if the failure may be temporary; 0 means 2.
	Attempts int
	// Pause is the time between two attempts; 0 means half a second.
	Pause time.Duration
	// Timeout limits all requests to one server together, so that one slow server does
	// not delay the answer about everybody else for long; 0 means one minute.
	Timeout time.Duration
}

// RouteDoubt is the error of Decide if the directory works, but does not show enough about
// one person to say on which server the person is.
type RouteDoubt struct{ Err error }

func (e *RouteDoubt) Error() string { return e.Err.Error() }

// Unwrap returns what is not shown.
func (e *RouteDoubt) Unwrap() error { return e.Err }

// defaults returns the options with the defaults of what is not set.
func (o Options) defaults() Options {
	if o.Portion <= 0 {
		o.Portion = 50
	}
	if o.Parallel <= 0 {
		o.Parallel = 8
	}
	if o.Attempts <= 0 {
		o.Attempts = 2
	}
	if o.Pause <= 0 {
		o.Pause = 500 * time.Millisecond
	}
	if o.Timeout <= 0 {
		o.Timeout = time.Minute
	}
	return o
}

// mostDirectoryErrors is the number of look-ups that may fail one after another before
// the directory is considered down. The others are then not tried, because each of them
// could last until a time-out.
const mostDirectoryErrors = 3

// People asks about each address, and returns one Result for each of them, in the same
// order. The error is that of ctx; whatever else fails is part of the results.
func People(ctx context.Context, o Options, addresses []string, w freebusy.Window) ([]Result, error) {
	o = o.defaults()
	results := make([]Result, len(addresses))
	var local []int
	peers := newPeerList()
	failures := 0
	var failed error
	for i, address := range addresses {
		if failures >= mostDirectoryErrors {
			results[i] = unknown(address, nil, NoDirectory, "the directory failed for the people before", failed)
			continue
		}
		d, err := o.Decide(ctx, address)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		switch {
		case errors.Is(err, route.ErrAddress):
			results[i] = unknown(address, nil, NotAddress, "not a mail address", err)
			continue
		case isDoubt(err):
			results[i], failures = unknown(address, nil, DirectoryPart, "the person may be on another server", err), 0
			continue
		case err != nil:
			failures, failed = failures+1, err
			results[i] = unknown(address, nil, NoDirectory, "the directory could not be searched", err)
			continue
		}
		failures = 0
		if results[i] = routed(address, d); results[i].State == Unknown {
			continue
		}
		if d.Side == route.Local {
			local = append(local, i)
		} else {
			peers.add(d.URL, i)
		}
	}
	o.askAll(ctx, results, local, peers.urls(), peers.people, w)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	for i := range results {
		results[i].doubt()
	}
	return results, nil
}

func isDoubt(err error) bool {
	_, ok := errors.AsType[*RouteDoubt](err)
	return ok
}

// askAll asks this server and the others at the same time. Each goroutine writes only the
// results of its own people.
func (o *Options) askAll(ctx context.Context, results []Result, local []int, urls []string, people map[string][]int, w freebusy.Window) {
	var all crash.Group
	all.Go(func() {
		for _, i := range local {
			o.askLocal(ctx, &results[i], w)
		}
	})
	slots := make(chan struct{}, o.Parallel)
	for _, at := range urls {
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			o.askPeer(ctx, at, results, people[at], w)
		})
	}
	all.Wait()
}

// askLocal asks this server about one person.
func (o *Options) askLocal(ctx context.Context, r *Result, w freebusy.Window) {
	began := time.Now()
	busy, err := o.Local(ctx, r.Route, w)
	r.Took, r.Requests = time.Since(began), 1
	if err != nil {
		r.State, r.Reason, r.Detail, r.Err = Unknown, LocalFailed, "this server could not answer", err
		return
	}
	r.State, r.Busy = Known, busy
}
