package datacmd

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/cli/storehome"
	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/account"
	"github.com/davadmin/davadmin/pkg/directory"
	"github.com/davadmin/davadmin/pkg/freebusy"
	"github.com/davadmin/davadmin/pkg/freebusy/ask"
	"github.com/davadmin/davadmin/pkg/freebusy/local"
	"github.com/davadmin/davadmin/pkg/ischedule"
	"github.com/davadmin/davadmin/pkg/route"
	"github.com/davadmin/davadmin/pkg/store"
)

// freeBusyRun is one run of 'freebusy show'.
type freeBusyRun struct {
	*freeBusy
	home   *storehome.Home
	finder *account.Finder
}

// run asks about the people, and prints the answers.
func (o *freeBusy) run(ctx context.Context, people []string, format ui.Format) (err error) {
	s, err := o.homes.Open(ctx, &o.HomeOptions, cmdutil.DefaultLockTimeout)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	r := &freeBusyRun{freeBusy: o, home: s}
	decide, done, err := r.decider(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	stop := o.console.StartStatus(func() string { return fmt.Sprintf("asking about %s", cmdutil.Plural(len(people), "person")) })
	results, err := ask.People(ctx, ask.Options{Decide: decide, Local: r.local, Peers: cmdutil.CalendarClient(s.Config)}, people, o.window)
	stop()
	if err != nil {
		return err
	}
	if err := o.print(format, results); err != nil {
		return err
	}
	return o.verdict(results)
}

// decider returns what decides where people are: the directory or, if none is configured, the
// accounts.
func (r *freeBusyRun) decider(ctx context.Context) (decide func(context.Context, string) (*route.Decision, error), done func() error, err error) {
	names, _, err := r.home.Readable(ctx, "")
	if err != nil {
		return nil, nil, err
	}
	r.finder = r.home.Finder(names, "")
	if len(r.Files) == 0 && len(r.Hosts) == 0 && !r.home.Config.IsSet(cmdutil.UserPoolPrefix+"ldaphost") {
		r.console.Notef("davadmin: note: no directory is configured, so people are looked up in the accounts of this server alone")
		return r.byAccount, func() error { return nil }, nil
	}
	c, err := r.home.Route()
	if err != nil {
		return nil, nil, err
	}
	d, err := r.directories.Open(ctx, &r.DirectoryOptions, r.home.Config)
	if err != nil {
		return nil, nil, err
	}
	c.Bases, c.Extra = d.Bases, []string{r.home.Config.Names().UniqueID}
	return func(ctx context.Context, address string) (*route.Decision, error) {
		decision, err := route.Decide(ctx, *c, d.Source, address)
		if err != nil {
			return nil, err
		}
		return decision, r.doubtMark(ctx, d.Prove, c.LocalAttr, decision)
	}, d.Close, nil
}

// doubtMark returns an error if the mark of the new server is hidden: then the wrong server would
// be asked. Other people may still have a mark that can be seen.
func (r *freeBusyRun) doubtMark(ctx context.Context, prove *directory.Prover, mark string, decision *route.Decision) error {
	err := cmdutil.MarkHidden(ctx, prove, mark, decision)
	if _, ok := errors.AsType[*directory.HiddenError](err); ok {
		return &ask.RouteDoubt{Err: err}
	}
	return err
}

// byAccount decides by the accounts alone.
func (r *freeBusyRun) byAccount(ctx context.Context, address string) (*route.Decision, error) {
	found, err := r.finder.ByAddress(ctx, address)
	switch {
	case errors.Is(err, account.ErrAmbiguous):
		return &route.Decision{Address: address, Side: route.Ambiguous}, nil
	case unseen(err):
		return nil, &ask.RouteDoubt{Err: err}
	case errors.Is(err, store.ErrNotFound):
		return &route.Decision{Address: address, Side: route.External, Invite: "unknown"}, nil
	case err != nil:
		return nil, err
	}
	return &route.Decision{Address: address, Side: route.Local, Backend: found.Backend}, nil
}

// unseen reports whether an account was not found, but may be on a back end that cannot be read.
func unseen(err error) bool {
	none, ok := errors.AsType[*account.NoAccountError](err)
	return ok && len(none.Unseen) > 0
}

// local returns the busy times of a person on this server.
func (r *freeBusyRun) local(ctx context.Context, d *route.Decision, w freebusy.Window) (out []freebusy.Period, err error) {
	found, err := r.account(ctx, d)
	if err != nil {
		return nil, err
	}
	st, err := r.home.Set.Open(ctx, found.Backend)
	if err != nil {
		return nil, err
	}
	doubts := &freeBusyDoubts{}
	r.doubts[d.Address] = doubts
	err = st.View(ctx, func(ctx context.Context, s store.Reader) error {
		*doubts = freeBusyDoubts{} // the view may run again
		out, err = local.Busy(ctx, s, found.Account, w, local.Options{Zones: r.clock.zones, Zone: r.clock.zone, Problem: doubts.add})
		return err
	})
	return out, err
}

// account returns the account of a person: by the unique id of the entry, else by the address.
func (r *freeBusyRun) account(ctx context.Context, d *route.Decision) (account.Found, error) {
	w := who{address: d.Address}
	if ids := d.Values(r.home.Config.Names().UniqueID); len(ids) == 1 {
		w = who{id: ids[0]}
	}
	found, err := find(ctx, r.finder, w)
	if errors.Is(err, store.ErrNotFound) && !unseen(err) {
		err = errors.New("the person has no account yet")
	}
	return found, err
}

// freeBusyDoubts are the objects of an account that make a part of its time unknown. Only the
// first is kept, because there may be very many.
type freeBusyDoubts struct {
	first local.Problem
	count int
}

func (d *freeBusyDoubts) add(p local.Problem) {
	if d.count == 0 {
		d.first = p
	}
	d.count++
}

// text names the objects; "" if there are none.
func (d *freeBusyDoubts) text() string {
	if d == nil || d.count == 0 {
		return ""
	}
	where := d.first.Calendar
	if d.first.Name != "" {
		where += "/" + d.first.Name
	}
	text := fmt.Sprintf("a part of the time is not known: %s: %v", where, d.first.Err)
	if d.count > 1 {
		text += fmt.Sprintf("; and %s more", cmdutil.Plural(d.count-1, "object"))
	}
	return text
}

// reasonText says why somebody is unknown, or known only in part.
func (o *freeBusy) reasonText(r *ask.Result) string {
	if r.State == ask.Known {
		return o.doubts[r.Route.Address].text()
	}
	text := r.Detail
	if r.Err != nil {
		switch reason := o.hints.ErrorText(r.Err); {
		case strings.Contains(reason, text):
			text = reason
		case !strings.Contains(text, reason):
			text += ": " + reason
		}
	}
	return text
}

// verdict returns how the command ends.
func (o *freeBusy) verdict(results []ask.Result) error {
	unknown, partial, unreached := 0, 0, 0
	for i := range results {
		r := &results[i]
		switch r.State {
		case ask.Known:
			for _, p := range r.Periods(o.window) {
				if p.Kind == freebusy.Unknown {
					partial++
					break
				}
			}
		case ask.Partial:
			partial++
		default:
			unknown++
			if o.unreached(r) {
				unreached++
			}
		}
	}
	switch {
	case unknown == len(results) && unreached == unknown:
		return &cmdutil.PeersError{Text: "nothing is known about anybody; see the reasons above"}
	case unknown == len(results):
		return errors.New("nothing is known about anybody; see the reasons above")
	case unknown+partial > 0:
		return &cmdutil.PartialError{Text: fmt.Sprintf("not known, or only in part: %d of %s", unknown+partial, cmdutil.Plural(len(results), "person"))}
	}
	return nil
}

// unreached reports whether a person is unknown because a server, the directory or a database
// could not be reached.
func (o *freeBusy) unreached(r *ask.Result) bool {
	if _, ok := errors.AsType[*ischedule.Error](r.Err); ok {
		return true
	}
	return o.hints.Unreachable(r.Err)
}
