package directory

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// AbsenceResult is whether the entries that came without an attribute really lack it.
type AbsenceResult uint8

// The results, the worst last.
const (
	// AbsenceProven means that the server finds a value in none of the entries, and that
	// the bind DN is known to be able to read the attribute, or that another bind DN
	// sees no value either.
	AbsenceProven AbsenceResult = iota
	// AbsenceNotProven means that the server finds no value, which is also its answer if
	// the bind DN may neither read the attribute nor search for it.
	AbsenceNotProven
	// AbsenceContradicted means that an entry has a value that the server did not
	// return, or that the bind DN may not read the attribute.
	AbsenceContradicted
)

// String returns the word used in every output.
func (r AbsenceResult) String() string {
	switch r {
	case AbsenceProven:
		return "proven"
	case AbsenceNotProven:
		return "not-proven"
	case AbsenceContradicted:
		return "contradicted"
	}
	return fmt.Sprintf("result(%d)", uint8(r))
}

// AttributeAbsence is the result for an attribute that entries came without.
type AttributeAbsence struct {
	Attribute string
	Result    AbsenceResult
	Entries   int    // that came without it
	Asked     int    // the number of them about which the server was asked
	Context   string // of AbsenceNotProven: a naming context where it is not proven
	Err       error  // of AbsenceNotProven: why the server could not be asked; nil if it answered
	Hidden    *HiddenError
}

// WorstAbsence returns the worst of the results; proven if there are none.
func WorstAbsence(list []AttributeAbsence) AbsenceResult {
	worst := AbsenceProven
	for i := range list {
		worst = max(worst, list[i].Result)
	}
	return worst
}

// FirstHidden returns the first contradiction, nil if absent.
func FirstHidden(list []AttributeAbsence) *HiddenError {
	for i := range list {
		if list[i].Result == AbsenceContradicted {
			return list[i].Hidden
		}
	}
	return nil
}

// HiddenError is returned when the server has, or may have, values of an attribute that
// it does not show to the bind DN.
type HiddenError struct {
	Attribute string
	BindDN    string // "" for anonymous
	DN        string // one of the entries
	Hidden    int    // the number of entries with a hidden value; 0 if the rights show that it would be hidden
	Asked     int    // the number of entries about which the server was asked
	As        string // the name under which the server returns the values; "" if it does not return them
	SeenBy    string // the bind DN to which the server shows the values, if that is how they are known
}

// Error says which bind DN may not read which attribute, and how that is known.
func (e *HiddenError) Error() string {
	who := clientName(e.BindDN)
	some := fmt.Sprintf("%d of the %d entries that were checked, such as '%s'", e.Hidden, e.Asked, e.DN)
	if e.Asked == 1 {
		some = fmt.Sprintf("the entry '%s'", e.DN)
	}
	switch {
	case e.As != "":
		return fmt.Sprintf("the server returns %s under the name %s, which has to be configured: there is a value in %s", e.Attribute, e.As, some)
	case e.SeenBy != "":
		return fmt.Sprintf("%s cannot read %s: '%s' sees a value in %s", who, e.Attribute, e.SeenBy, some)
	case e.Hidden > 0:
		return fmt.Sprintf("%s may search for %s but cannot read it: the server finds a value in %s", who, e.Attribute, some)
	}
	return fmt.Sprintf("%s may not read %s, according to the effective rights that the server reports, for example in '%s'", who, e.Attribute, e.DN)
}

// UnprovenError is returned when an answer would depend on the absence of an attribute
// that is not proven.
type UnprovenError struct {
	Absence AttributeAbsence
	BindDN  string // "" for anonymous
}

// Error says what is not known, and why.
func (e *UnprovenError) Error() string {
	return "absence-not-proven: " + e.Absence.Describe(e.BindDN)
}

// Unwrap returns why the server could not be asked, or nil.
func (e *UnprovenError) Unwrap() error { return e.Absence.Err }

// clientName returns how a message names a bind DN.
func clientName(bindDN string) string {
	if bindDN == "" {
		return "an anonymous client"
	}
	return "the bind DN '" + bindDN + "'"
}

// answers counts the answers about an attribute in a naming context.
type answers struct {
	asked, readable, denied, hidden, second int
	seen                                    bool // a value was read in the meantime
	dn, deniedDN, as, secondDN              string
	err                                     error
}

// Ask asks about the entries, with searches whose base is one of them. It returns a
// result for each attribute that entries came without. The error is that of ctx; other
// errors are part of the results.
func (a *Absence) Ask(ctx context.Context, p *Prover) ([]AttributeAbsence, error) {
	results := make([]AttributeAbsence, len(a.attributes))
	for i, name := range a.attributes {
		results[i].Attribute = name
	}
	for i := range a.contexts {
		c := &a.contexts[i]
		all, err := a.askContext(ctx, p, c)
		if err != nil {
			return nil, err
		}
		for k := range results {
			results[k].add(p, c, k, &all[k])
		}
	}
	return slices.DeleteFunc(results, func(r AttributeAbsence) bool { return r.Entries == 0 }), nil
}

// askContext asks about the entries of a naming context.
func (a *Absence) askContext(ctx context.Context, p *Prover, c *absenceContext) ([]answers, error) {
	type question struct {
		dn      string
		numbers []int
	}
	var list []question
	at := map[string]int{}
	for k := range c.samples {
		s := &c.samples[k]
		s.trim()
		for _, kept := range s.kept {
			i, ok := at[kept.dn]
			if !ok {
				i, at[kept.dn] = len(list), len(list)
				list = append(list, question{dn: kept.dn})
			}
			list[i].numbers = append(list[i].numbers, k)
		}
	}
	all := make([]answers, len(a.attributes))
	for _, q := range list {
		names := make([]string, len(q.numbers))
		for i, k := range q.numbers {
			names[i] = a.attributes[k]
		}
		views, err := p.Viewer.View(ctx, q.dn, names)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		var second []AttributeView
		if err == nil && views != nil && p.Second != nil {
			if second, err = p.Second.View(ctx, q.dn, names); ctx.Err() != nil {
				return nil, ctx.Err()
			}
		}
		for i, k := range q.numbers {
			switch {
			case err != nil:
				all[k].err = err
			case views != nil:
				all[k].take(q.dn, &views[i])
				all[k].takeSecond(q.dn, &views[i], second, i)
			}
		}
		if err != nil && isLost(err) {
			for k := range all { // the cause may affect every further question
				all[k].err = err
			}
			break
		}
	}
	return all, nil
}

// take counts the answer about an entry.
func (n *answers) take(dn string, v *AttributeView) {
	n.asked++
	switch {
	case v.Shown:
		n.seen = true // somebody added it after the entry was read
	case v.Present:
		if n.hidden++; n.dn == "" {
			n.dn, n.as = dn, v.As
		}
	case v.Rights == RightsDenied:
		if n.denied++; n.deniedDN == "" {
			n.deniedDN = dn
		}
	case v.Rights == RightsRead:
		n.readable++
	}
}

// takeSecond counts the answer of the second bind DN about the same entry.
func (n *answers) takeSecond(dn string, v *AttributeView, second []AttributeView, i int) {
	if second != nil && (second[i].Shown || second[i].Present) && !v.Shown && !v.Present {
		if n.second++; n.secondDN == "" {
			n.secondDN = dn
		}
	}
}

// add adds what is known from a naming context about the attribute with number k.
func (r *AttributeAbsence) add(p *Prover, c *absenceContext, k int, n *answers) {
	count := c.samples[k].count
	if count == 0 {
		return
	}
	r.Entries += count
	r.Asked += n.asked
	hidden := &HiddenError{Attribute: r.Attribute, BindDN: p.BindDN, Asked: n.asked}
	switch {
	case n.hidden > 0:
		hidden.DN, hidden.Hidden, hidden.As = n.dn, n.hidden, n.as
	case n.second > 0:
		hidden.DN, hidden.Hidden, hidden.SeenBy = n.secondDN, n.second, p.SecondDN
	case n.denied > 0:
		hidden.DN = n.deniedDN
	default:
		readable := n.seen || c.seen>>k&1 != 0 || n.readable > 0 || p.Second != nil && n.asked > 0
		if (n.err != nil || !readable) && r.Result == AbsenceProven {
			r.Result, r.Err, r.Context = AbsenceNotProven, n.err, string(c.name)
		}
		return
	}
	if r.Result != AbsenceContradicted {
		r.Result, r.Hidden, r.Err = AbsenceContradicted, hidden, nil
	}
}

// Describe returns why an absence is not proven.
func (r *AttributeAbsence) Describe(bindDN string) string {
	where := ""
	if r.Context != "" {
		where = " below '" + r.Context + "'"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "the server returned %s%s without %s", entryCount(r.Entries), where, r.Attribute)
	if r.Err != nil {
		fmt.Fprintf(&b, ", and could not be asked whether it is hidden: %v", r.Err)
	} else {
		fmt.Fprintf(&b, " and none with it, so it is unknown whether %s can read it", clientName(bindDN))
	}
	return b.String()
}

// Unproven returns the attributes of a list whose absence is not proven.
func Unproven(list []AttributeAbsence) []AttributeAbsence {
	return slices.DeleteFunc(slices.Clone(list), func(r AttributeAbsence) bool { return r.Result != AbsenceNotProven })
}

// DescribeUnproven returns why the absence of the attributes, as returned by Unproven, is not
// proven. Those with the same reason are listed together.
func DescribeUnproven(unproven []AttributeAbsence, bindDN string) string {
	var reasons []string
	groups := map[string][]AttributeAbsence{}
	for _, r := range unproven {
		reason := ""
		if r.Err != nil {
			reason = r.Err.Error()
		}
		if groups[reason] == nil {
			reasons = append(reasons, reason)
		}
		groups[reason] = append(groups[reason], r)
	}
	var parts []string
	for _, reason := range reasons {
		parts = append(parts, describeTogether(groups[reason], bindDN))
	}
	return strings.Join(parts, "; ")
}

// describeTogether describes attributes whose absence is not proven for the same reason.
func describeTogether(list []AttributeAbsence, bindDN string) string {
	first := &list[0]
	if len(list) == 1 {
		return first.Describe(bindDN)
	}
	sameContext := !slices.ContainsFunc(list, func(r AttributeAbsence) bool { return r.Context != first.Context })
	where := func(r *AttributeAbsence) string {
		if r.Context == "" {
			return ""
		}
		return " below '" + r.Context + "'"
	}
	var b strings.Builder
	b.WriteString("the server returned entries")
	if sameContext {
		b.WriteString(where(first))
	}
	b.WriteString(" without these attributes")
	if first.Err != nil {
		fmt.Fprintf(&b, ", and could not be asked whether they are hidden (%v): ", first.Err)
	} else {
		fmt.Fprintf(&b, " and none with them, so it is unknown whether %s can read them: ", clientName(bindDN))
	}
	for i := range list {
		r := &list[i]
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%s (%s", r.Attribute, entryCount(r.Entries))
		if !sameContext {
			b.WriteString(where(r))
		}
		b.WriteString(")")
	}
	return b.String()
}
