package ldapcheck

import (
	"bytes"
	"errors"
	"iter"
	"slices"

	"github.com/davadmin/davadmin/internal/spill"
	"github.com/davadmin/davadmin/pkg/directory"
	"github.com/davadmin/davadmin/pkg/finding"
)

// Report is the result of an audit. Its findings are on disk, because there may be as
// many as entries. It must not be used by several goroutines at once.
type Report struct {
	// Outcomes are the outcomes of the rules, in the order of the catalogue.
	Outcomes []finding.Outcome
	// Kinds counts the entries that were checked, by kind.
	Kinds [directory.Domain + 1]int
	// Problems counts the records that the source could not return as entries.
	Problems int
	// Complete means that everything was read; otherwise Ended is the reason.
	Complete bool
	Ended    error
	// UnreadList means that rules were not run because of Options.UnreadCS7. The others cover
	// everything if Complete is set.
	UnreadList bool

	a *Audit
}

// Accounts returns how many users, groups and resources were checked.
func (r *Report) Accounts() int {
	n := 0
	for _, k := range people() {
		n += r.Kinds[k]
	}
	return n
}

// Count returns how many findings have exactly this severity.
func (r *Report) Count(s finding.Severity) int {
	n := 0
	for _, w := range r.a.workers {
		for _, c := range w.counts {
			n += c[s]
		}
	}
	return n
}

// Worst returns the highest severity among the findings; ok is false when there
// are none.
func (r *Report) Worst() (s finding.Severity, ok bool) {
	for _, s := range []finding.Severity{finding.Error, finding.Warning, finding.Info} {
		if r.Count(s) > 0 {
			return s, true
		}
	}
	return finding.Info, false
}

// Findings yields the findings in the order of the rules, and those of a rule in the
// order of the source. It yields at most so many findings of each rule, 0 for all. An
// error ends the iteration; then findings are missing.
func (r *Report) Findings(most int) iter.Seq2[finding.Finding, error] {
	return func(yield func(finding.Finding, error) bool) {
		rule, given := -1, 0
		for records, err := range r.records(most) {
			if err != nil {
				yield(finding.Finding{}, err)
				return
			}
			for _, b := range records {
				if int(b[0]) != rule {
					rule, given = int(b[0]), 0
				}
				if given++; most > 0 && given > most {
					break
				}
				f, err := decodeFact(b)
				if err != nil {
					yield(finding.Finding{}, err)
					return
				}
				if !yield(r.a.finding(f), nil) {
					return
				}
			}
		}
	}
}

// mostSorted is how many facts with the same key are sorted among themselves. Only an
// entry with that many references has more; these are already in the order of the
// values.
const mostSorted = 1000

// records yields the facts with the same key together, sorted, because the order in
// which they were added depends on timing. It skips the facts of a rule after the
// first most; 0 is all.
func (r *Report) records(most int) iter.Seq2[[][]byte, error] {
	return func(yield func([][]byte, error) bool) {
		for i := range r.a.table {
			if n := ruleNumber(i); r.a.dropped[n] == "" && r.counted(n) > 0 && !r.recordsOf(n, most, yield) {
				return
			}
		}
	}
}

// counted returns how many facts of a rule were added.
func (r *Report) counted(n ruleNumber) int {
	count := 0
	for _, w := range r.a.workers {
		for _, c := range w.counts[n] {
			count += c
		}
	}
	return count
}

// recordsOf yields what records yields for one rule. It returns false when the iteration
// is over.
func (r *Report) recordsOf(n ruleNumber, most int, yield func([][]byte, error) bool) bool {
	var records [][]byte
	var key uint64
	seen := 0
	large := false // the key has too many facts to sort
	flush := func() bool {
		if !large {
			slices.SortFunc(records, bytes.Compare)
		}
		ok := len(records) == 0 || yield(records, nil)
		records = nil
		return ok
	}
	for p, err := range r.a.sortedRange(factKey(n, 0), factKey(n, 1<<posBits-1), func(w *worker) *spill.Sorter { return w.order }) {
		if err != nil {
			yield(nil, err)
			return false
		}
		if p.Key != key {
			if !flush() {
				return false
			}
			key, large = p.Key, false
		}
		if most > 0 && seen >= most && (large || len(records) == 0) {
			break
		}
		b, err := r.record(p.Ref)
		if err != nil {
			yield(nil, err)
			return false
		}
		seen++
		records = append(records, b)
		if len(records) == mostSorted {
			large = true
		}
		if large && !flush() {
			return false
		}
	}
	return flush()
}

// record returns the record of the fact at a place.
func (r *Report) record(place uint64) ([]byte, error) {
	if place&missingBit != 0 {
		return r.a.missingRecord(place)
	}
	b, err := r.a.workers[place>>placeBits].facts.Read(nil, int64(place&(1<<placeBits-1)))
	if err == nil && (len(b) == 0 || int(b[0]) >= len(r.a.table)) {
		err = spill.ErrDamaged
	}
	return b, err
}

// finding returns the finding that describes a fact.
func (a *Audit) finding(f *fact) finding.Finding {
	out := finding.Finding{Rule: a.table[f.rule].ID, Severity: f.severity}
	for _, dn := range f.dns {
		out.DN = append(out.DN, string(dn))
	}
	switch names := a.o.Names.attributes(f.attr); {
	case f.rule == ruleAbsence || f.rule == ruleIncomplete:
		out.Attribute, f.value = string(f.value), nil
	case f.attr == roleMember || f.attr == roleOwner:
		out.Attribute = string(f.other)
	case len(names) > 0:
		out.Attribute = names[0]
	}
	out.Value, out.ComparedBy = string(f.value), f.by.String()
	if f.line > 0 {
		out.Where = &finding.Where{File: a.fileName(f.file), Line: f.line}
	}
	out.Detail, out.Fix = a.table[f.rule].describe(a, f)
	if f.count > len(f.dns) && len(f.dns) >= mostDNs {
		out.Detail += "; only the first of them are listed"
	}
	return out
}

// Close removes the temporary files. The report must not be used afterwards.
func (r *Report) Close() error {
	if r.a == nil {
		return errors.New("the report is closed")
	}
	return r.a.close()
}
