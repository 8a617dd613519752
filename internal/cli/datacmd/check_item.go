package datacmd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/davadmin/davadmin/internal/calfile"
	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/finding"
	"github.com/davadmin/davadmin/pkg/ical"
	"github.com/davadmin/davadmin/pkg/recur"
)

// run is one run of a check.
type run struct {
	*check
	ctx   context.Context
	tally *tally
	emit  func(record) error
}

// fault reports what is wrong with a file as such.
func (r *run) fault(f calfile.Fault) error {
	if cmdutil.IsUsage(f.Err) {
		return f.Err
	}
	severity, detail := finding.Error, strings.TrimPrefix(f.Err.Error(), f.Name+": ")
	switch f.Kind {
	case calfile.Skipped:
		severity = finding.Info
		r.tally.Skipped++
	case calfile.Incomplete:
		r.tally.Unread++
		r.console.Say("davadmin: calcomponent: " + ui.Sanitize(f.Name) + ": " + ui.Sanitize(detail))
	case calfile.Bad:
	}
	return r.find(f.Name, 0, severity, f.Code, detail)
}

// find reports a finding that is not about an item.
func (r *run) find(file string, line int, severity finding.Severity, code, detail string) error {
	return r.emit(newFinding(finding.Finding{Rule: code, Severity: severity, Where: &finding.Where{File: file, Line: line}, Detail: detail}))
}

func newFinding(f finding.Finding) *findingRecord {
	return &findingRecord{Kind: "finding", Result: finding.Failed, Finding: f, FixType: finding.FixNone}
}

// severity returns the severity of a problem.
func severity(l ical.Level) finding.Severity {
	switch l {
	case ical.Error:
		return finding.Error
	case ical.Warning:
		return finding.Warning
	case ical.Note:
		return finding.Info
	}
	return finding.Error
}

// problem returns a problem as a finding.
func problem(file string, p ical.Problem) *findingRecord {
	r := newFinding(finding.Finding{Rule: p.Code, Severity: severity(p.Level), Attribute: p.Property, Where: &finding.Where{File: file, Line: p.Line}, Detail: p.Text})
	r.UID, r.Component = p.UID, p.Component
	return r
}

// item is what has one UID in a text.
type item struct {
	file       string
	line       int // of its first component
	uid        string
	component  string            // name of its components
	components []*ical.Component // the main component, if there is one, and the overrides; none for what could not be read
	problems   []ical.Problem
	set        *recur.Set // nil if it has no instances that can be computed
	// calendarZone is X-WR-TIMEZONE, the zone in which floating times are meant.
	calendarZone string
}

// main returns the component that describes the item: the one without RECURRENCE-ID, else
// the first one; nil for what could not be read.
func (i *item) main() *ical.Component {
	for _, c := range i.components {
		if c.Get("RECURRENCE-ID") == nil {
			return c
		}
	}
	if len(i.components) == 0 {
		return nil
	}
	return i.components[0]
}

// report reports an item, its findings and its instances.
func (r *run) report(i *item) error {
	if err := r.ctx.Err(); err != nil {
		return err
	}
	r.checked.Add(1)
	out := &itemRecord{Kind: "item", File: i.file, Line: i.line, UID: i.uid, Component: i.component}
	if main := i.main(); main != nil {
		out.Summary = ical.UnescapeText(main.Value("SUMMARY"))
		out.Recurring = main.Get("RRULE") != nil || main.Get("RDATE") != nil
	}
	if i.set != nil {
		r.instances(i, out)
	}
	limit, err := r.expanded(i, nil)
	if err != nil {
		return err
	}
	if limit != nil {
		i.problems = slices.DeleteFunc(i.problems, func(p ical.Problem) bool { return p.Code == limit.Code })
		i.problems = append(i.problems, *limit)
	}
	if out.Timezone == "floating" && r.floating {
		i.problems = append(i.problems, floatingNote(i))
	}
	findings := i.findings(out)
	if err := r.emit(out); err != nil {
		return err
	}
	for _, f := range findings {
		if err := r.emit(f); err != nil {
			return err
		}
	}
	_, err = r.expanded(i, r.emit)
	return err
}

// floatingNote says that the times of an item have no zone.
func floatingNote(i *item) ical.Problem {
	text := "the times have no time zone (floating), so that they mean another instant for each reader"
	if i.calendarZone != "" {
		text += "; the calendar names " + i.calendarZone + " (X-WR-TIMEZONE): with it as --timezone, they are read in that zone"
	}
	return ical.Problem{Level: ical.Note, Code: "floating-time", Line: i.line, Component: i.component, UID: i.uid, Property: "DTSTART", Text: text}
}

// findings returns the problems of an item as findings, and completes its record.
func (i *item) findings(out *itemRecord) []*findingRecord {
	slices.SortStableFunc(i.problems, func(a, b ical.Problem) int { return cmp.Compare(a.Line, b.Line) })
	findings := make([]*findingRecord, 0, len(i.problems))
	for _, p := range i.problems {
		f := problem(i.file, p)
		f.UID = cmp.Or(f.UID, i.uid)
		findings = append(findings, f)
		switch f.Severity {
		case finding.Error:
			out.Errors++
		case finding.Warning:
			out.Warnings++
		case finding.Info:
			out.Infos++
		}
	}
	switch {
	case out.Errors > 0:
		out.Result = resultErrors
	case out.Warnings > 0:
		out.Result = resultWarnings
	default:
		out.Result = resultValid
	}
	return findings
}

// The first and the last instant that a calendar can name.
var firstInstant, lastInstant = int64(ical.DayOf(0, 1, 1)), int64(ical.DayOf(10000, 1, 1))

// instances completes a record with the first and the next instance.
func (r *run) instances(i *item, out *itemRecord) {
	budget := recur.NewBudget(recur.DefaultBudget)
	first, err := firstOf(i.set, firstInstant, budget)
	if first != nil {
		t := r.times(*first)
		out.First, out.Timezone, out.Recurring = &t, zoneName(*first), out.Recurring || first.Recurring
	}
	if err == nil && first != nil {
		err = r.warnOfNever(i, first, budget)
	}
	next := first
	if first != nil && first.Start < r.today && err == nil {
		if next = nil; out.Recurring {
			next, err = nextOf(i.set, r.today, budget)
		}
	}
	if next != nil {
		t := r.times(*next)
		out.Next = &t
	}
	if err != nil {
		i.problems = append(i.problems, r.unfinished(i, err, ical.Warning, "the search for instances was stopped: the rules match too rarely, or exclude each other"))
	}
}

// warnOfNever adds a problem if the rule of an item has no end, but gives no time, as the 30th of
// February: then the only instance is DTSTART.
func (r *run) warnOfNever(i *item, first *recur.Instance, budget *recur.Budget) error {
	main := i.main()
	rule := main.Get("RRULE")
	if rule == nil || len(i.components) > 1 || main.Get("EXDATE") != nil || main.Get("EXRULE") != nil {
		return nil
	}
	if parts := strings.ToUpper(rule.Value()); strings.Contains(parts, "COUNT=") || strings.Contains(parts, "UNTIL=") {
		return nil
	}
	if _, _, err := recur.ParseRule(rule.Value()); err != nil {
		return nil // the rule is ignored, which is reported already
	}
	for in, err := range i.set.Between(first.Start, lastInstant, budget) {
		if err != nil || in.RecurrenceID != first.RecurrenceID {
			return err
		}
	}
	p := r.unfinished(i, recur.ErrBudget, ical.Warning, "the rule matches no time, so the only instance is DTSTART")
	p.Code = "rrule-never"
	i.problems = append(i.problems, p)
	return nil
}

// unfinished returns the problem of instances that could not all be computed.
func (r *run) unfinished(i *item, err error, level ical.Level, text string) ical.Problem {
	if !errors.Is(err, recur.ErrBudget) {
		level, text = ical.Error, err.Error()
	}
	p := ical.Problem{Level: level, Code: "recurrence-limit", Line: i.line, Component: i.component, UID: i.uid, Text: text}
	if main := i.main(); main != nil && main == i.components[0] && i.line > 0 {
		if rule := main.Get("RRULE"); rule != nil {
			p.Line, p.Property = i.line+rule.Line-main.Line, "RRULE"
		}
	}
	return p
}

// firstOf returns the first instance that ends after a time, or nil.
func firstOf(s *recur.Set, from int64, b *recur.Budget) (*recur.Instance, error) {
	for i, err := range s.Between(from, lastInstant, b) {
		if err != nil || undated(i) {
			return nil, err
		}
		return &i, nil
	}
	return nil, nil
}

// undated reports whether an instance is that of a task without dates, which matches every
// period.
func undated(i recur.Instance) bool { return i.Start == math.MinInt64 || i.End == math.MaxInt64 }

// nextOf returns the first instance that starts at a time or later, or nil.
func nextOf(s *recur.Set, from int64, b *recur.Budget) (*recur.Instance, error) {
	for i, err := range s.Between(from, lastInstant, b) {
		if err != nil {
			return nil, err
		}
		if i.Start >= from {
			return &i, nil
		}
	}
	return nil, nil
}

// expandBudget is the budget of the instances that are listed: for more than five days of
// seconds.
const expandBudget = 1_000_000

// expanded emits the instances of --expand, and returns a problem if there are more. Without
// emit, it only counts them.
func (r *run) expanded(i *item, emit func(record) error) (*ical.Problem, error) {
	if !r.expand || i.set == nil {
		return nil, nil
	}
	listed := 0
	for in, err := range i.set.Between(r.window[0], r.window[1], recur.NewBudget(expandBudget)) {
		if err != nil {
			p := r.unfinished(i, err, ical.Error, fmt.Sprintf("not all instances of the period are listed: the rules give too many, match too rarely, or exclude each other; %d are listed", listed))
			return &p, nil
		}
		if undated(in) {
			continue
		}
		if r.limit > 0 && listed == r.limit {
			level := ical.Error
			if r.limited { // the user asked for no more
				level = ical.Note
			}
			p := r.unfinished(i, recur.ErrBudget, level, fmt.Sprintf("not all instances of the period are listed: there are more than %d (--limit)", r.limit))
			p.Code = "too-many-instances"
			return &p, nil
		}
		listed++
		if emit == nil {
			continue
		}
		if err := emit(r.instance(i, in)); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

func (r *run) instance(i *item, in recur.Instance) *instanceRecord {
	out := &instanceRecord{Kind: "instance", File: i.file, Line: i.line, UID: i.uid, times: r.times(in), Timezone: zoneName(in), RecurrenceID: r.recurrenceID(in)}
	if in.Component != nil {
		out.Summary = ical.UnescapeText(in.Component.Value("SUMMARY"))
	}
	return out
}
