package accountcmd

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/cli/storehome"
	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/calobj"
	"github.com/davadmin/davadmin/pkg/journal"
	"github.com/davadmin/davadmin/pkg/recur"
	"github.com/davadmin/davadmin/pkg/store"
)

// dbVerify is 'db verify'.
type dbVerify struct {
	dbOptions
	spans bool
	rate  float64
	zones *recur.Zones
}

func newDBVerify(f *cmdutil.Factory) *cobra.Command {
	o := &dbVerify{dbOptions: dbOptions{console: f.Console, global: f.Global, hints: f.Hints, now: f.Now, stores: storehome.NewHomes(f)}, zones: recur.NewZones()}
	cmd := &cobra.Command{
		Use:   "verify --spans [-n ID] [--rate NUMBER]",
		Short: "compare what is computed from calendar objects, and correct it",
		Long: `With --spans, reads the text of every component, deleted ones included, and computes again
what the store keeps in order to find it: the span of time of its instances, whether it
recurs or depends on the time zone of the reader, its status, and whether it takes time. What
differs is written. Texts, ETags, revisions and times of change stay the same, so that clients
notice nothing.

Run it when 'davadmin doctor' asks for it, as it may after an upgrade. The store can be in use
meanwhile. After an interruption, the same command continues where it was. Because components
may be moved while it runs, it reads them again until nothing differs.

--dry-run only reports; the exit code is 3 if something differs. -e names each component that
differs. A component whose text cannot be read, or has another UID or type than the store
says, is named and left alone; the exit code is 4.`,
		Example: `  davadmin db verify --spans --dry-run
  davadmin db verify --spans -n store1 --rate 500`,
		Args: cmdutil.NoArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context()) },
	}
	o.add(cmd, "only the back end `ID` (default: all with a store)")
	f2 := cmd.Flags()
	f2.BoolVar(&o.spans, "spans", false, "compute the spans of all components again (required)")
	f2.Float64Var(&o.rate, "rate", 0, "read at most this `NUMBER` of components per second; 0 means no limit")
	o.lock.Add(f2)
	return cmd
}

// verified is the result for one back end.
type verified struct {
	Backend    string            `json:"backend"`
	Before     int               `json:"algorithm_before"`
	Known      int               `json:"algorithm_known"`
	Read       int64             `json:"read"`
	Differed   int64             `json:"differed"`
	Written    int64             `json:"written"`
	Failed     int64             `json:"failed"`
	Resumed    bool              `json:"resumed"`
	Skipped    int64             `json:"skipped"` // done by an interrupted run
	Completed  bool              `json:"completed"`
	Components []failedComponent `json:"failed_components,omitempty"` // the first ones
}

// failedComponent is a component that could not be computed or written.
type failedComponent struct {
	Account  string `json:"account"`
	ID       string `json:"id"`
	Calendar string `json:"calendar"`
	Resource string `json:"resource"`
	Deleted  bool   `json:"deleted,omitempty"`
	Error    string `json:"error"`
}

// maxFailedListed is how many components the JSON output lists for a back end; all are named
// in messages.
const maxFailedListed = 1000

func (o *dbVerify) run(ctx context.Context) (err error) {
	switch {
	case !o.spans:
		return cmdutil.Usagef("nothing to verify; what to verify is given by an option; use: %s", o.hints.Again("--spans"))
	case o.rate < 0 || math.IsNaN(o.rate) || math.IsInf(o.rate, 0):
		return cmdutil.Usagef("--rate: %v is not a number of components per second; use 0 for no limit", o.rate)
	}
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
	var all []*verified
	work := func() (string, error) {
		var failed error
		for _, name := range names {
			v, err := o.verify(ctx, s, name)
			all = append(all, v)
			if err == nil {
				continue
			}
			failed = errors.Join(failed, fmt.Errorf("back end %s: %w", name, err))
			if ctx.Err() != nil || !store.IsUnusable(err) {
				break
			}
		}
		return verifiedWords(all), failed
	}
	switch {
	case len(names) == 0:
	case o.global.DryRun:
		_, err = work()
	default:
		err = o.stores.RecordedIn(ctx, s, o.lock.Timeout, journal.Indexes, "db verify", cmdutil.Plural(len(names), "back end"), work)
		if err != nil && len(all) > 0 {
			err = fmt.Errorf("%w; so far: %s; the same command continues from there", err, verifiedWords(all))
		}
	}
	if err == nil {
		err = incomplete
	}
	complete := err == nil && !slices.ContainsFunc(all, func(v *verified) bool { return v.Failed > 0 })
	return errors.Join(o.print(format, all, complete), o.ended(all, err))
}

// verify verifies one back end.
func (o *dbVerify) verify(ctx context.Context, s *storehome.Home, name string) (*verified, error) {
	v := &verified{Backend: name, Known: calobj.SpanAlgorithm}
	st, err := s.Set.Open(ctx, name)
	if err != nil {
		return v, err
	}
	var read atomic.Int64
	start := o.now()
	stop := o.console.StartStatus(func() string {
		n := read.Load()
		return fmt.Sprintf("%s: %d components read, %.0f per second", name, n, float64(n)/max(o.now().Sub(start).Seconds(), 0.001))
	})
	result, err := calobj.Respan(ctx, st, calobj.RespanOptions{
		Zones: o.zones, DryRun: o.global.DryRun, Rate: o.rate,
		Progress: func(r calobj.RespanResult) { read.Store(r.Read) },
		Failed: func(m *store.Indexed, err error) {
			f := failedComponent{Account: m.Address, ID: m.Place.Account, Calendar: m.Calendar, Resource: m.Name, Deleted: m.Place.Deleted, Error: o.hints.ErrorText(err)}
			if len(v.Components) < maxFailedListed {
				v.Components = append(v.Components, f)
			}
			o.console.Say("davadmin: db: " + ui.Sanitize(fmt.Sprintf("%s: %s: %s", name, componentWords(m), f.Error)))
		},
		Differs: func(m *store.Indexed, x store.Index) {
			o.console.Detailf("%s", ui.Sanitize(fmt.Sprintf("%s: %s: %s -> %s", name, componentWords(m), indexWords(m.Index()), indexWords(x))))
		},
	})
	stop()
	v.Before, v.Read, v.Differed, v.Written, v.Failed = result.Before, result.Read, result.Differed, result.Written, result.Failed
	v.Resumed, v.Skipped, v.Completed = result.Resumed, result.Skipped, result.Completed
	return v, err
}

// componentWords names a component.
func componentWords(m *store.Indexed) string {
	words := fmt.Sprintf("%s, calendar '%s', component '%s'", m.Address, m.Calendar, m.Name)
	if m.Place.Deleted {
		words += " (deleted)"
	}
	return words
}

// indexWords says what a store keeps of a component.
func indexWords(x store.Index) string {
	at := func(t time.Time) string {
		if t.IsZero() {
			return "open"
		}
		return t.Format(time.RFC3339)
	}
	words := at(x.Start) + " to " + at(x.End)
	for _, f := range []struct {
		is   bool
		word string
	}{{x.Floating, "floating"}, {x.Recurring, "recurring"}, {x.Transparent, "transparent"}, {x.Status != "", x.Status}} {
		if f.is {
			words += ", " + f.word
		}
	}
	return words
}

// ended returns the error with which the command ends.
func (o *dbVerify) ended(all []*verified, err error) error {
	var differed, failed int64
	for _, v := range all {
		differed, failed = differed+v.Differed, failed+v.Failed
	}
	switch {
	case err != nil:
		return err
	case failed > 0:
		return &cmdutil.PartialError{Text: fmt.Sprintf("not verified, and named above: %s; their stores are not marked as verified", cmdutil.Plural(int(failed), "component"))}
	case o.global.DryRun && differed > 0:
		return cmdutil.Findingsf("%s would be corrected", cmdutil.Plural(int(differed), "component"))
	}
	for _, v := range all {
		if !o.global.DryRun && !v.Completed {
			return &cmdutil.PartialError{Text: fmt.Sprintf("back end %s: components are moved all the time; to verify those that were missed: %s", v.Backend, o.hints.Again())}
		}
	}
	return nil
}

func verifiedWords(all []*verified) string {
	var read, written, failed int64
	for _, v := range all {
		read, written, failed = read+v.Read, written+v.Written, failed+v.Failed
	}
	words := fmt.Sprintf("read %d, written %d", read, written)
	if failed > 0 {
		words += fmt.Sprintf(", failed %d", failed)
	}
	return words
}

func (o *dbVerify) print(format ui.Format, all []*verified, complete bool) error {
	if format == ui.JSON {
		if all == nil {
			all = []*verified{}
		}
		return ui.WriteJSON(o.console.Streams.Out, struct {
			Schema   string      `json:"schema"`
			DryRun   bool        `json:"dry_run"`
			Backends []*verified `json:"backends"`
			Complete bool        `json:"complete"`
		}{"davadmin.db.verify.1", o.global.DryRun, all, complete})
	}
	for _, v := range all {
		if _, err := fmt.Fprintln(o.console.Streams.Out, ui.Sanitize(v.Backend)+": "+v.words(o.global.DryRun)); err != nil {
			return err
		}
	}
	if o.global.DryRun {
		o.console.Notef("dry run: nothing was changed")
	}
	return nil
}

// words says what was done in a back end.
func (v *verified) words(dryRun bool) string {
	parts := []string{"components read " + fmt.Sprint(v.Read)}
	if v.Resumed {
		parts = append(parts, fmt.Sprintf("before that by an interrupted run %d", v.Skipped))
	}
	if dryRun {
		parts = append(parts, fmt.Sprintf("would be corrected %d", v.Differed))
	} else {
		parts = append(parts, fmt.Sprintf("corrected %d", v.Written))
	}
	return strings.Join(append(parts, fmt.Sprintf("not verified %d", v.Failed)), ", ")
}

// spansOutdated returns why the spans of a store have to be computed again; "" if they need not.
func spansOutdated(ctx context.Context, st store.Store) (string, error) {
	var state store.SpanState
	err := st.View(ctx, func(ctx context.Context, r store.Reader) (err error) {
		state, err = r.SpanState(ctx)
		return err
	})
	switch {
	case err != nil:
		return "", err
	case state.Algorithm < calobj.SpanAlgorithm && state.Run != nil:
		return fmt.Sprintf("the spans of its components are not those of this version, and a run that corrects them has not ended (%s done)", cmdutil.Plural(int(state.Run.Read), "component")), nil
	case state.Algorithm < calobj.SpanAlgorithm:
		return "the spans of its components are not those of this version", nil
	}
	return "", nil
}

// warnSpans warns if the spans of a store have to be computed again. A store that cannot be
// read is the business of the caller.
func (o *dbOptions) warnSpans(ctx context.Context, s *storehome.Home, backend string) {
	st, err := s.Set.Open(ctx, backend)
	if err != nil {
		return
	}
	if why, err := spansOutdated(ctx, st); err == nil && why != "" {
		o.console.Warnf("back end %s: %s; next: %s", ui.Sanitize(backend), why, o.hints.Line("db", "verify", "--spans", "-n", backend))
	}
}
