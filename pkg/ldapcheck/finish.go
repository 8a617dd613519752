package ldapcheck

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/davadmin/davadmin/internal/crash"
	"github.com/davadmin/davadmin/internal/spill"
	"github.com/davadmin/davadmin/pkg/directory"
	"github.com/davadmin/davadmin/pkg/finding"
)

// finish runs the rules about the directory as a whole, and returns the report.
func (a *Audit) finish(ctx context.Context, ended error) (*Report, error) {
	r := &Report{a: a, Ended: ended, Complete: ended == nil}
	a.partial = ended != nil
	r.count()
	a.sortAll()
	chains := a.chains()
	observers := len(a.workers)
	for range chains { // each chain gets a worker of its own
		a.workers = append(a.workers, a.newWorker(len(a.workers)))
	}
	// If reading was stopped, what was read is still evaluated: that is the partial
	// report. A stop that comes later ends the evaluation.
	local := ctx
	if ended != nil {
		local = context.WithoutCancel(ctx)
	}
	results := make([]map[ruleNumber]error, len(chains))
	var wg crash.Group
	for i, chain := range chains {
		wg.Go(func() {
			w := a.workers[observers+i]
			results[i] = a.runChain(local, chain, r, w)
		})
	}
	wg.Wait()
	ends := map[ruleNumber]error{}
	for _, part := range results {
		maps.Copy(ends, part)
	}
	w := a.workers[observers]
	if err := local.Err(); err != nil && r.Ended == nil {
		r.Ended, r.Complete = &directory.IncompleteError{What: "evaluating what was read", Entries: r.Accounts(), Err: err}, false
	}
	a.addAbsence(w)
	if r.Ended != nil && !isHidden(r.Ended) {
		w.add(&fact{rule: ruleIncomplete, other: []byte(r.Ended.Error())})
	}
	if a.lacksCS7 {
		r.UnreadList = true
		w.add(&fact{rule: ruleIncomplete, other: []byte("the users on the new server could not be read: " + a.o.UnreadCS7)})
	}
	a.enter("reporting")
	r.outcomes(ends, w)
	_, err := a.ended(nil)
	return r, err
}

// step is a part of the work that is done after all entries were read.
type step struct {
	phase string
	rules []ruleNumber // the rules that it is for
	asks  bool         // it sends requests to the server
	// run returns finding.NotApplicable, or what kept the rules from running.
	run func(ctx context.Context, w *worker) error
}

// runChain runs one step after the other. It returns why rules did not run.
func (a *Audit) runChain(ctx context.Context, chain []step, r *Report, w *worker) map[ruleNumber]error {
	ends := map[ruleNumber]error{}
	for _, s := range chain {
		running := slices.DeleteFunc(slices.Clone(s.rules), func(n ruleNumber) bool { return !a.runs(n) })
		if len(running) == 0 || r.Ended != nil && a.table[running[0]].absence || r.Accounts() == 0 && !a.table[running[0]].still {
			continue
		}
		if s.asks && a.partial {
			continue // the cause may keep the server from responding now, too
		}
		a.enter(s.phase)
		err := s.run(ctx, w)
		if ctx.Err() != nil {
			return ends // the report says that it is incomplete
		}
		if err == nil {
			continue
		}
		for _, n := range running {
			ends[n] = err
		}
	}
	return ends
}

// sortAll sorts what each worker has in memory, all workers at once.
func (a *Audit) sortAll() {
	a.enter("sorting")
	var wg crash.Group
	for _, w := range a.workers {
		wg.Go(func() {
			for _, s := range []*spill.Sorter{w.ids, w.mails, w.dns} {
				s.Sort()
			}
		})
	}
	wg.Wait()
}

// chains returns the steps in groups that can run at the same time.
func (a *Audit) chains() [][]step {
	plain := func(f func(*worker) error) func(context.Context, *worker) error {
		return func(_ context.Context, w *worker) error { return f(w) }
	}
	return [][]step{
		{
			{"comparing unique ids", []ruleNumber{ruleDuplicate, ruleCollision}, false, a.compareIDs},
			{"comparing mail addresses", []ruleNumber{ruleMailDuplicate}, false, a.compareMails},
		},
		{
			{"checking the configuration", []ruleNumber{ruleUnstable}, false, plain(a.checkUnstable)},
			{"comparing names", []ruleNumber{ruleEntryRepeated, ruleMemberDangling, ruleOwnerDangling}, false, a.compareDNs},
			{"comparing domains", []ruleNumber{ruleDomainUnknown}, false, plain(a.checkDomains)},
			{"comparing the lists", []ruleNumber{ruleListedNotFound}, false, plain(a.checkListed)},
			{"reading the schema", []ruleNumber{ruleSchemaMissing}, true, a.checkSchema},
			{"reading the indexes", []ruleNumber{ruleIndexMissing}, true, a.checkIndex},
		},
	}
}

// count adds up the counts of the workers.
func (r *Report) count() {
	for _, w := range r.a.workers {
		for k, n := range w.kinds {
			r.Kinds[k] += n
		}
		r.Problems += w.problems
	}
}

// outcomes sets the outcome of each rule.
func (r *Report) outcomes(ends map[ruleNumber]error, w *worker) {
	a := r.a
	notRun := func(n ruleNumber, cause string) {
		w.add(&fact{rule: ruleNotRun, pos: uint64(n), other: []byte(a.table[n].ID + " could not run: " + cause)})
	}
	for i := range a.table {
		n := ruleNumber(i)
		o := finding.Outcome{Rule: a.table[n].ID, Severity: a.table[n].Severity}
		for _, w := range a.workers {
			for _, c := range w.counts[n] {
				o.Count += c
			}
		}
		switch {
		case n == ruleNotRun:
			continue
		case !a.selected[n]:
			o.Skip(finding.NotSelected())
		case a.skip[n] != nil:
			o.Skip(a.skip[n])
		case a.dropped[n] != "":
			o.Result, o.Reason = finding.NotRun, a.dropped[n]
		case ends[n] != nil:
			o.Skip(ends[n])
			if na := (*finding.NotApplicableError)(nil); !errors.As(ends[n], &na) {
				notRun(n, o.Reason)
			}
		case o.Count > 0:
			o.Result = finding.Failed
		case a.table[n].source && (r.Complete || n == ruleIncomplete):
			o.Result = finding.Passed
		case !r.Complete && !(a.table[n].still && a.table[n].applies == nil):
			o.Result, o.Reason = finding.NotRun, "only a part was read"
		case r.Accounts() == 0 && !a.Narrowed() && !a.table[n].still:
			o.Result, o.Reason = finding.NotRun, "no entries to check"
		default:
			o.Result = finding.Passed
		}
		r.Outcomes = append(r.Outcomes, o)
	}
	if r.Complete && r.Accounts() == 0 && !a.Narrowed() {
		w.add(&fact{rule: ruleNotRun, other: []byte(a.nothingFound(r.Kinds[directory.Other] + r.Kinds[directory.Domain]))})
	}
	last := finding.Outcome{Rule: a.table[ruleNotRun].ID, Severity: a.table[ruleNotRun].Severity, Result: finding.Passed}
	for _, c := range w.counts[ruleNotRun] {
		last.Count += c
	}
	if last.Count > 0 {
		last.Result = finding.Failed
	}
	r.Outcomes = append(r.Outcomes, last)
}

// nothingFound describes a search that found no account. That does not mean that the
// directory is healthy, but that nothing of it was seen.
func (a *Audit) nothingFound(others int) string {
	text := "no user, group or resource was found, so no rule checked anything; classes: "
	for _, k := range people() {
		for i, c := range a.o.Names.classesOf(k) {
			if k != directory.User || i > 0 {
				text += ", "
			}
			text += c
		}
	}
	for i, b := range a.o.Bases {
		if i == 0 {
			text += "; below "
		} else {
			text += " and "
		}
		text += b
	}
	if a.o.Filter != "" {
		text += "; filter " + a.o.Filter
	}
	if others > 0 {
		text += fmt.Sprintf("; %d entries of other classes were read", others)
	}
	return text
}
