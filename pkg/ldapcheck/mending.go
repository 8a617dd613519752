package ldapcheck

import (
	"iter"

	"github.com/davadmin/davadmin/internal/spill"
	"github.com/davadmin/davadmin/pkg/ldif"
)

// Mending is a change of one entry that mends what was found and needs nobody's
// decision.
type Mending struct {
	DN    string
	Parts []MendingPart // one for each finding
}

// MendingPart is what mends one finding.
type MendingPart struct {
	Rule   string
	Change ldif.Change
	// Present are the values that the attribute has, all of them; where it is nil, the
	// values of Change are not there.
	Present [][]byte
}

// mendable says why a rule's findings can be mended without a decision; nil
// where they cannot.
func (a *Audit) mendable(n ruleNumber) func(f *fact) MendingPart {
	switch n {
	case ruleStorePresent:
		if a.o.CS7 == nil {
			return nil // the person may have moved
		}
		return func(f *fact) MendingPart {
			return MendingPart{Change: ldif.Change{Op: ldif.OpDelete, Name: a.o.Names.LocalUserAttr()}, Present: [][]byte{f.value}}
		}
	case ruleLockIneffective:
		return func(f *fact) MendingPart {
			return MendingPart{Change: ldif.Change{Op: ldif.OpDelete, Name: a.o.Names.Status}, Present: [][]byte{f.other}}
		}
	case ruleClassMissing:
		return func(*fact) MendingPart {
			return MendingPart{Change: ldif.Change{Op: ldif.OpAdd, Name: "objectClass", Values: [][]byte{[]byte(a.o.Names.UniqueIDClass)}}}
		}
	}
	return nil
}

// Mendable returns the rules whose findings Mendings mends, in the order of the
// catalogue.
func (r *Report) Mendable() []string {
	var out []string
	for i := range r.a.table {
		if r.a.mendable(ruleNumber(i)) != nil {
			out = append(out, r.a.table[i].ID)
		}
	}
	return out
}

// Mendings yields what can be mended without a decision, entry by entry in the
// order of the source. An error is the last word: then some are missing.
func (r *Report) Mendings() iter.Seq2[Mending, error] {
	return func(yield func(Mending, error) bool) {
		order := spill.NewSorter(r.a.o.Tmp)
		defer func() { _ = order.Close() }()
		for p, err := range r.a.sorted(func(w *worker) *spill.Sorter { return w.order }) {
			if err == nil && r.a.mendable(ruleNumber(p.Key>>posBits)) != nil {
				err = order.Add(p.Key&(1<<posBits-1), p.Ref)
			}
			if err != nil {
				yield(Mending{}, err)
				return
			}
		}
		order.Sort()
		var m Mending
		at := uint64(0)
		for p, err := range spill.Sorted(order) {
			if err == nil && len(m.Parts) > 0 && p.Key != at {
				if !yield(m, nil) {
					return
				}
				m = Mending{}
			}
			if err == nil {
				at, err = p.Key, r.addPart(&m, p.Ref)
			}
			if err != nil {
				yield(Mending{}, err)
				return
			}
		}
		if len(m.Parts) > 0 {
			yield(m, nil)
		}
	}
}

// addPart adds the finding at a place. One whose name or value was too long to be
// kept whole cannot be mended.
func (r *Report) addPart(m *Mending, place uint64) error {
	b, err := r.record(place)
	if err != nil {
		return err
	}
	f, err := decodeFact(b)
	if err != nil {
		return err
	}
	if len(f.dns) != 1 || !whole(f.dns[0]) || !whole(f.value) || !whole(f.other) {
		return nil
	}
	part := r.a.mendable(f.rule)(f)
	part.Rule = r.a.table[f.rule].ID
	m.DN = string(f.dns[0])
	m.Parts = append(m.Parts, part)
	return nil
}
