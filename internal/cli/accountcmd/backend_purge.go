package accountcmd

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/cli/storehome"
	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/store"
)

// backendPurge is 'backend purge'.
type backendPurge struct {
	console *cmdutil.Console
	global  *cmdutil.Globals
	now     func() time.Time
	stores  *storehome.Homes
	cmdutil.HomeOptions
	lock  cmdutil.LockOptions
	name  string
	older string
	force bool
}

func newBackendPurge(f *cmdutil.Factory) *cobra.Command {
	o := &backendPurge{console: f.Console, global: f.Global, now: f.Now, stores: storehome.NewHomes(f)}
	cmd := &cobra.Command{
		Use:   "purge [-n ID] [--older AGE]",
		Short: "permanently remove what was deleted long enough ago",
		Long: `Permanently removes, after confirmation, the accounts, calendars and components that were
deleted longer ago than store.dav.ID.purgedelay. A client that has not synchronised a calendar
since one of its components was deleted then has to download the calendar from scratch.
This cannot be undone except from a backup. --dry-run names the accounts and the calendars
that would be removed, the first 10 of each back end, or all of them with -e.`,
		Example: `  davadmin backend purge --dry-run
  davadmin backend purge -n defaultbackend --yes`,
		Args: cmdutil.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context()) },
	}
	flags := cmd.Flags()
	flags.StringVarP(&o.name, "name", "n", "", "only the back end `ID` (default: all with a store)")
	flags.StringVar(&o.older, "older", "", "use this `AGE`, such as 90d, instead of the purge delay; it cannot be shorter")
	flags.BoolVarP(&o.force, "force", "r", false, "do not ask; the same as --yes")
	o.lock.Add(flags)
	o.HomeOptions.Add(flags)
	o.AddVault(flags)
	_ = cmd.RegisterFlagCompletionFunc("name", o.stores.CompleteBackends)
	return cmd
}

// purgeObject is what was purged of a back end.
type purgeObject struct {
	Backend string `json:"backend"`
	Before  string `json:"before"`
	store.Purged
	// What would be removed, of a dry run: all of it with -e, else the first ones.
	Objects []purgeName `json:"objects,omitempty"`
	More    int64       `json:"more_objects,omitempty"` // not in Objects
}

// purgeName is an account that would be removed, or a calendar of an account that remains.
type purgeName struct {
	Account  string `json:"account"`
	ID       string `json:"id"`
	Calendar string `json:"calendar,omitempty"`
	Deleted  string `json:"deleted"`
}

// namedPurged is how many accounts and calendars a dry run names without -e.
const namedPurged = 10

func (o *backendPurge) run(ctx context.Context) (err error) {
	format, err := o.console.Format(ui.Plain, ui.Table, ui.JSON)
	if err != nil {
		return err
	}
	s, err := o.stores.Open(ctx, &o.HomeOptions, o.lock.Timeout)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	s.Option = "--name"
	names, incomplete, err := s.Readable(ctx, o.name)
	if err != nil {
		return err
	}
	if len(names) == 0 {
		return errors.Join(o.print(format, []purgeObject{}, false), incomplete)
	}
	cuts := make([]time.Time, len(names))
	for i, name := range names {
		if cuts[i], err = o.cut(s, name); err != nil {
			return err
		}
	}
	o.global.Yes = o.global.Yes || o.force
	if !o.global.DryRun {
		if err := o.console.Confirm(ctx, fmt.Sprintf("Permanently remove deleted data from %s?", cmdutil.Plural(len(names), "back end"))); err != nil {
			return err
		}
	}
	var all []purgeObject
	work := func() (string, error) {
		var failed error
		for i, name := range names {
			done, err := o.purge(ctx, s, name, cuts[i])
			p := purgeObject{Backend: name, Before: cmdutil.TimeText(cuts[i]), Purged: done}
			if err == nil && o.global.DryRun {
				err = o.names(ctx, s, cuts[i], &p)
			}
			all = append(all, p)
			if err == nil {
				continue
			}
			failed = errors.Join(failed, fmt.Errorf("back end %s: %w", name, err))
			if ctx.Err() != nil || !store.IsUnusable(err) {
				break
			}
		}
		if failed != nil && purgedInAll(all).None() {
			return "", failed
		}
		return purgeWords(all), failed
	}
	if o.global.DryRun {
		_, err = work()
	} else {
		err = o.stores.Recorded(ctx, s, o.lock.Timeout, "backend purge", cmdutil.Plural(len(names), "back end"), work)
		if err != nil && len(all) > 0 {
			err = fmt.Errorf("removed so far: %s; %w", purgeWords(all), err)
		}
	}
	if err == nil {
		err = incomplete
	}
	return errors.Join(o.print(format, all, err == nil), err)
}

// cut returns the time of the purge: what was deleted before it is removed.
func (o *backendPurge) cut(s *storehome.Home, name string) (time.Time, error) {
	l, err := s.Set.Location(name)
	if err != nil {
		return time.Time{}, err
	}
	delay := l.PurgeDelay
	if o.older != "" {
		age, err := cmdutil.ParseAge(o.older)
		if err != nil {
			return time.Time{}, err
		}
		if age < delay {
			return time.Time{}, cmdutil.Usagef("--older %s is less than the purge delay of %s, %s; change store.dav.%s.purgedelay if that is too long", o.older, name, cmdutil.DurationText(delay), name)
		}
		delay = age
	}
	return o.now().Add(-delay), nil
}

// purgedAtOnce is how many objects are removed in one transaction.
const purgedAtOnce = 200

func (o *backendPurge) purge(ctx context.Context, s *storehome.Home, name string, cut time.Time) (store.Purged, error) {
	var sum store.Purged
	st, err := s.Set.Open(ctx, name)
	if err != nil {
		return sum, err
	}
	if o.global.DryRun {
		err := st.View(ctx, func(ctx context.Context, r store.Reader) (err error) {
			sum, err = r.Purgeable(ctx, cut)
			return err
		})
		return sum, err
	}
	for {
		var done store.Purged
		err := st.Update(ctx, func(ctx context.Context, w store.Writer) (err error) {
			done, err = w.Purge(ctx, cut, purgedAtOnce)
			return err
		})
		var unknown *store.CommitUnknown
		switch {
		case errors.As(err, &unknown) && unknown.Unreplicated:
			sum.Add(done)
			return sum, err
		case errors.As(err, &unknown):
			return sum, fmt.Errorf("unknown whether removed: %s; %w", purgeWords([]purgeObject{{Purged: done}}), err)
		case err != nil || done.None():
			return sum, err
		}
		sum.Add(done)
	}
}

// names adds to p the accounts and calendars that would be removed.
func (o *backendPurge) names(ctx context.Context, s *storehome.Home, cut time.Time, p *purgeObject) error {
	st, err := s.Set.Open(ctx, p.Backend)
	if err != nil {
		return err
	}
	return st.View(ctx, func(ctx context.Context, r store.Reader) error {
		p.Objects, p.More = nil, 0
		for x, err := range r.ToPurge(ctx, cut) {
			if err != nil {
				return err
			}
			if len(p.Objects) >= namedPurged && !o.global.Detail {
				p.More++
				continue
			}
			p.Objects = append(p.Objects, purgeName{Account: x.Address, ID: x.Account, Calendar: x.Calendar, Deleted: cmdutil.TimeText(x.Deleted)})
		}
		return nil
	})
}

// line returns the object as a line of text.
func (n purgeName) line() string {
	what := "account " + n.Account
	if n.Calendar != "" {
		what = "calendar '" + n.Calendar + "' of " + n.Account
	}
	return ui.Sanitize(fmt.Sprintf("%s (id %s), deleted %s", what, n.ID, n.Deleted))
}

func purgedInAll(all []purgeObject) (sum store.Purged) {
	for _, p := range all {
		sum.Add(p.Purged)
	}
	return sum
}

func purgeWords(all []purgeObject) string {
	sum := purgedInAll(all)
	return fmt.Sprintf("accounts %d, calendars %d, components %d, attachments %d, messages %d", sum.Accounts, sum.Calendars, sum.Components,
		sum.Attachments, sum.Messages)
}

func (o *backendPurge) print(format ui.Format, all []purgeObject, complete bool) error {
	if format == ui.JSON {
		return ui.WriteJSON(o.console.Streams.Out, struct {
			Schema   string        `json:"schema"`
			DryRun   bool          `json:"dry_run"`
			Backends []purgeObject `json:"backends"`
			Complete bool          `json:"complete"`
		}{"davadmin.backend.purge.1", o.global.DryRun, all, complete})
	}
	verb := "removed"
	if o.global.DryRun {
		verb = "would be removed"
	}
	for _, p := range all {
		_, err := fmt.Fprintf(o.console.Streams.Out, "%s: %s, deleted before %s: %s\n", ui.Sanitize(p.Backend), verb, p.Before, purgeWords([]purgeObject{p}))
		if err != nil {
			return err
		}
		for _, n := range p.Objects {
			if _, err := fmt.Fprintf(o.console.Streams.Out, "  %s\n", n.line()); err != nil {
				return err
			}
		}
		if p.More > 0 {
			if _, err := fmt.Fprintf(o.console.Streams.Out, "  and %d more; -e lists all\n", p.More); err != nil {
				return err
			}
		}
	}
	if o.global.DryRun {
		o.console.Notef("dry run: nothing was changed")
	}
	return nil
}
