package ldapcheck

import (
	"iter"

	"github.com/davadmin/davadmin/internal/spill"
	"github.com/davadmin/davadmin/pkg/ldif"
)

// Repair is a change of one entry that repairs what was found and does not require a
// decision by a person.
type Repair struct {
	DN    string
	Parts []RepairPart // one for each finding
}

// RepairPart is the repair of one finding.
type RepairPart struct {
	Rule   string
	Change ldif.Modification
	// Present are all values that the attribute has. If it is nil, the attribute does
	// not have the values of Change.
	Present [][]byte
}

// repairOf returns the function that returns the repair of a finding of a rule, nil
// if the rule's findings require a decision.
func (a *Audit) repairOf(n ruleNumber) func(f *fact) RepairPart {
	switch n {
	case ruleStorePresent:
		if a.o.CS7 == nil {
			return nil // the person may have been moved
		}
		return func(f *fact) RepairPart {
			return RepairPart{Change: ldif.Modification{Op: ldif.OpDelete, Name: a.o.Names.LocalUserAttr()}, Present: [][]byte{f.value}}
		}
	case ruleLockIneffective:
		return func(f *fact) RepairPart {
			return RepairPart{Change: ldif.Modification{Op: ldif.OpDelete, Name: a.o.Names.Status}, Present: [][]byte{f.other}}
		}
	case ruleClassMissing:
		return func(*fact) RepairPart {
			return RepairPart{Change: ldif.Modification{Op: ldif.OpAdd, Name: "objectClass", Values: [][]byte{[]byte(a.o.Names.UniqueIDClass)}}}
		}
	}
	return nil
}

// Repairable returns the rules whose findings Repairs repairs, in the order of the
// catalogue.
func (r *Report) Repairable() []string {
	var out []string
	for i := range r.a.table {
		if r.a.repairOf(ruleNumber(i)) != nil {
			out = append(out, r.a.table[i].ID)
		}
	}
	return out
}

// Repairs yields the repairs that do not require a decision, entry by entry in the
// order of the source. An error ends the iteration; then some are missing.
func (r *Report) Repairs() iter.Seq2[Repair, error] {
	return func(yield func(Repair, error) bool) {
		order := spill.NewSorter(r.a.o.Tmp)
		defer func() { _ = order.Close() }()
		for p, err := range r.a.sorted(func(w *worker) *spill.Sorter { return w.order }) {
			if err == nil && r.a.dropped[p.Key>>posBits] == "" && r.a.repairOf(ruleNumber(p.Key>>posBits)) != nil {
				err = order.Add(p.Key&(1<<posBits-1), p.Ref)
			}
			if err != nil {
				yield(Repair{}, err)
				return
			}
		}
		order.Sort()
		var m Repair
		at := uint64(0)
		for p, err := range spill.Sorted(order) {
			if err == nil && len(m.Parts) > 0 && p.Key != at {
				if !yield(m, nil) {
					return
				}
				m = Repair{}
			}
			if err == nil {
				at, err = p.Key, r.addPart(&m, p.Ref)
			}
			if err != nil {
				yield(Repair{}, err)
				return
			}
		}
		if len(m.Parts) > 0 {
			yield(m, nil)
		}
	}
}

// addPart adds the repair of the finding at a place. A finding whose DN or value was
// too long to be kept in full cannot be repaired.
func (r *Report) addPart(m *Repair, place uint64) error {
	b, err := r.record(place)
	if err != nil {
		return err
	}
	f, err := decodeFact(b)
	if err != nil {
		return err
	}
	if len(f.dns) != 1 || !isComplete(f.dns[0]) || !isComplete(f.value) || !isComplete(f.other) {
		return nil
	}
	part := r.a.repairOf(f.rule)(f)
	part.Rule = r.a.table[f.rule].ID
	m.DN = string(f.dns[0])
	m.Parts = append(m.Parts, part)
	return nil
}
