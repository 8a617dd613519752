package accountcmd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/cli/storehome"
	"github.com/davadmin/davadmin/pkg/account"
	"github.com/davadmin/davadmin/pkg/finding"
	"github.com/davadmin/davadmin/pkg/store"
	"github.com/davadmin/davadmin/pkg/store/backends"
)

// storeWait is how long a check of the stores waits for a program that is writing to one.
const storeWait = 5 * time.Second

// Rules of the check of the stores.
const (
	ruleStoreExists   = "store-exists"
	ruleStoreOpens    = "store-opens"
	ruleSchemaCurrent = "schema-current"
	ruleSpansCurrent  = "spans-current"
	ruleStoreWritable = "store-writable"
)

// StoreRules returns the rules of CheckStores, in the order of its report.
func StoreRules() []finding.Rule {
	return []finding.Rule{
		{
			ID: ruleStoreExists, Severity: finding.Error, Title: "every configured back end has a store",
			Why:    "nothing is known about the accounts of a back end without a store, and none can be created there",
			Remedy: "restore the store, or create it if it never existed ('davadmin db init')",
		},
		{
			ID: ruleStoreOpens, Severity: finding.Error, Title: "every store can be opened and read, is not damaged, and belongs to its back end",
			Why:    "the accounts of a store that cannot be read are not available, and neither are their calendars",
			Remedy: "restore the store from a backup, or correct the location of the back end in the configuration",
		},
		{
			ID: ruleSchemaCurrent, Severity: finding.Error, Title: "every store has the schema that this program works with",
			Why:    "a store with another schema is not used",
			Remedy: "upgrade an older store ('davadmin db schema_fullupgrade'); for a newer one, use the version of davadmin that created it",
		},
		{
			ID: ruleSpansCurrent, Severity: finding.Warning, Title: "the spans of all components were computed as this version does it",
			Why:    "a component whose span was computed in an older way may be missing in the answers to queries for a time range",
			Remedy: "compute the spans again ('davadmin db verify --spans')",
		},
		{
			ID: ruleStoreWritable, Severity: finding.Warning, Title: "this user can change every store",
			Why:    "accounts can neither be created nor changed there; a user who only runs checks does not need that",
			Remedy: "make the file and its directory writable, free space on the disk, or grant the rights in the database",
		},
		finding.CheckNotRun(),
	}
}

// storeCheck is a check of all stores of a home.
type storeCheck struct {
	hints  *cmdutil.Hints
	set    *backends.Set
	now    func() time.Time
	dryRun bool                         // try no change
	found  map[string][]finding.Finding // by rule
	unseen map[string][]string          // the back ends that a rule could not look at
	failed map[string]error             // the first error that kept a rule from looking at a store
}

// CheckStores opens every store of a home, one after the other, reads it, and tries a change
// that is rolled back. The error of the result is that of a database that cannot be reached.
func CheckStores(ctx context.Context, f *cmdutil.Factory, home cmdutil.HomeOptions) (*cmdutil.Checked, error) {
	start := f.Now()
	s, err := storehome.NewHomes(f).Open(ctx, &home, storeWait)
	if err != nil {
		return nil, err
	}
	defer func() { _ = s.Close() }()
	c := &storeCheck{
		hints: f.Hints, set: s.Set, now: f.Now, dryRun: f.Global.DryRun,
		found: map[string][]finding.Finding{}, unseen: map[string][]string{}, failed: map[string]error{},
	}
	for _, l := range statesOf(ctx, s.Set, "", backends.Options{Now: c.now, Wait: storeWait}) {
		c.look(ctx, l.Location, l.state, l.err)
		if err := ctx.Err(); err != nil {
			return nil, err
		}
	}
	report := cmdutil.ReportOf("davadmin.stores.check.1", finding.Run(ctx, c.checks()), s.Dir, f.Now().Sub(start))
	out := &cmdutil.Checked{Report: report}
	for _, r := range StoreRules() {
		if err := c.failed[r.ID]; err != nil && out.Ended == nil {
			out.Ended = err
		}
	}
	return out, nil
}

// look looks at one store, whose state is known.
func (c *storeCheck) look(ctx context.Context, l backends.Location, state store.SchemaState, err error) {
	switch {
	case err != nil && !errors.Is(err, store.ErrSchemaOlder) && !errors.Is(err, store.ErrSchemaNewer):
		c.fail(ruleStoreOpens, l, err, ruleSchemaCurrent, ruleSpansCurrent, ruleStoreWritable)
		return
	case err == nil && state.Version == 0:
		c.add(ruleStoreExists, l, c.noStore(ctx, l).Error(), finding.Fix{Type: finding.FixCommand, Steps: []finding.Step{{
			Remark: "restore the store from a backup; only if the back end never had one, create it", Text: c.hints.InitLine(l), Template: true,
		}}})
		c.skip(l, ruleStoreOpens, ruleSchemaCurrent, ruleSpansCurrent, ruleStoreWritable)
		return
	case err != nil || state.Version != state.Known:
		c.schema(l, state, err)
		c.skip(l, ruleStoreOpens, ruleSpansCurrent, ruleStoreWritable)
		return
	}
	st, err := c.set.Open(ctx, l.Backend)
	if err == nil {
		err = st.View(ctx, func(ctx context.Context, r store.Reader) error {
			_, err := r.CountAccounts(ctx, store.AccountFilter{})
			return err
		})
	}
	if checker, ok := st.(store.Checker); ok && err == nil {
		err = checker.Check(ctx)
	}
	if err != nil {
		c.fail(ruleStoreOpens, l, err, ruleSpansCurrent, ruleStoreWritable)
		return
	}
	if why, err := spansOutdated(ctx, st); err != nil {
		c.fail(ruleSpansCurrent, l, err)
	} else if why != "" {
		c.add(ruleSpansCurrent, l, why, finding.Text(finding.FixCommand, c.hints.Line("db", "verify", "--spans", "-n", l.Backend)))
	}
	if c.dryRun {
		return
	}
	if err := account.TryChange(ctx, st); err != nil {
		c.fail(ruleStoreWritable, l, err)
	}
}

// noStore returns the error of a back end without a store, which says whether there is a file.
func (c *storeCheck) noStore(ctx context.Context, l backends.Location) error {
	if _, err := c.set.Open(ctx, l.Backend); errors.Is(err, store.ErrNoSchema) {
		return err
	}
	return fmt.Errorf("%s: %w", l.Where(), store.ErrNoSchema)
}

// schema adds the finding of a store with another schema.
func (c *storeCheck) schema(l backends.Location, state store.SchemaState, err error) {
	if err == nil {
		err = fmt.Errorf("%s: %w (%d, known %d)", l.Where(), state.Err(), state.Version, state.Known)
	}
	fix := finding.Fix{}
	if errors.Is(err, store.ErrSchemaOlder) {
		fix = finding.Text(finding.FixCommand, c.hints.Line("db", "schema_fullupgrade", "-n", l.Backend))
	}
	c.add(ruleSchemaCurrent, l, err.Error(), fix)
}

// fail adds an error: as a finding, or if the store could not be looked at, as the reason for
// that. The rules after it did not check the store either.
func (c *storeCheck) fail(rule string, l backends.Location, err error, after ...string) {
	c.skip(l, after...)
	if isStoreFault(err, rule) {
		c.add(rule, l, c.hints.ErrorText(err), finding.Fix{})
	} else if c.failed[rule] == nil {
		c.failed[rule] = fmt.Errorf("back end %s: %w", l.Backend, err)
	}
}

// isStoreFault reports whether an error says what is wrong with a store. After any other one,
// such as that of a server that is down, nothing is known about it.
func isStoreFault(err error, rule string) bool {
	known := []error{store.ErrNoSchema, store.ErrDamaged, store.ErrOtherBackend}
	if rule == ruleStoreWritable {
		known = append(known, store.ErrReadOnly, store.ErrFull, store.ErrDenied)
	}
	return slices.ContainsFunc(known, func(k error) bool { return errors.Is(err, k) })
}

func (c *storeCheck) add(rule string, l backends.Location, detail string, fix finding.Fix) {
	c.found[rule] = append(c.found[rule], finding.Finding{Value: l.Backend, Detail: fmt.Sprintf("back end %s: %s", l.Backend, detail), Fix: fix})
}

// skip notes that rules did not look at a store.
func (c *storeCheck) skip(l backends.Location, rules ...string) {
	for _, r := range rules {
		c.unseen[r] = append(c.unseen[r], l.Backend)
	}
}

// checks returns the rules with what was found. A rule that did not look at every store does
// not pass.
func (c *storeCheck) checks() []finding.Check {
	var checks []finding.Check
	rules := StoreRules()
	for _, r := range rules[:len(rules)-1] { // the last one is added by the run
		checks = append(checks, finding.Check{Rule: r, Run: func(_ context.Context, emit func(finding.Finding)) error {
			for _, f := range c.found[r.ID] {
				emit(f)
			}
			switch unseen := c.unseen[r.ID]; {
			case c.dryRun && r.ID == ruleStoreWritable:
				return finding.NotApplicable("changes are not tried in a dry run")
			case c.failed[r.ID] != nil:
				return errors.New(c.hints.ErrorText(c.failed[r.ID]))
			case len(unseen) > 0 && len(c.found[r.ID]) == 0:
				return finding.NotApplicable("the store of back end %s could not be used", unseen[0])
			}
			return nil
		}})
	}
	return checks
}
