package ldapcheck

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"iter"
	"slices"

	"github.com/davadmin/davadmin/internal/spill"
	"github.com/davadmin/davadmin/pkg/directory"
	"github.com/davadmin/davadmin/pkg/finding"
)

// compareDNs finds repeated entries, and references to DNs without an entry, in one
// pass over all DNs.
//
// DNs are compared by a keyed hash of 64 bits: among a million entries, a dangling
// reference is missed with a probability of about 1 in 10 million million. What is
// reported is certain.
func (a *Audit) compareDNs(ctx context.Context, w *worker) error {
	unmet := spill.NewSorter(a.o.Tmp) // the position of a reference, and its place
	defer func() { _ = unmet.Close() }()
	for g, err := range a.groups(ctx, 1, func(w *worker) *spill.Sorter { return w.dns }) {
		if err != nil {
			return err
		}
		// Entries are sorted before references, which have referenceBit, and these
		// before unreadable, which means a record that could not be read.
		entries := len(g.places)
		for entries > 0 && g.places[entries-1]&referenceBit != 0 {
			entries--
		}
		met := entries > 0 || g.places[len(g.places)-1] == referenceBit|unreadable
		if entries > 1 && a.runs(ruleEntryRepeated) {
			if err := a.compareHolders(w, g.key, g.places[:entries]); err != nil {
				return err
			}
		}
		if met || a.partial { // a missing entry may be in what was not read
			continue
		}
		if err := a.noteUnmet(unmet, g.places); err != nil {
			return err
		}
	}
	if a.o.Server != nil {
		return a.askReferences(ctx, w, unmet)
	}
	return a.placeReferences(w, unmet)
}

// compareHolders reports the entries with the same DN among those at the places, which
// share the hash key. An entry that is recorded under two hashes is looked at under that
// of its folded DN.
func (a *Audit) compareHolders(w *worker, key uint64, places []uint64) error {
	type repeated struct {
		first *holder
		count int
	}
	same := map[string]repeated{}
	for _, place := range places {
		h, err := a.holder(place)
		if err != nil {
			return err
		}
		if folded, normal := appendFoldedDN(nil, h.dn); !normal && maphash.Bytes(a.seed, folded) != key {
			continue
		}
		k := string(normalDN(h.dn))
		r := same[k]
		if r.count++; r.first == nil || h.pos < r.first.pos {
			r.first = h
		}
		same[k] = r
	}
	for _, r := range same {
		if h := r.first; r.count > 1 {
			w.add(&fact{rule: ruleEntryRepeated, kind: h.kind, pos: h.pos, file: h.file, line: h.line, count: r.count, dns: [][]byte{h.dn}})
		}
	}
	return w.err
}

func (a *Audit) noteUnmet(unmet *spill.Sorter, places []uint64) error {
	for _, place := range places {
		f, err := a.reference(place)
		if err != nil {
			return err
		}
		if err := unmet.Add(f.pos, place); err != nil {
			return err
		}
	}
	return nil
}

func (a *Audit) reference(place uint64) (*fact, error) {
	b, err := a.record(nil, place)
	if err != nil {
		return nil, err
	}
	return decodeFact(b)
}

// references yields the references in unmet, in the order of the entries. A reference
// that is recorded under two hashes is unmet only if both are. The code of a value that
// is not a valid DN is codeNoDN.
func (a *Audit) references(unmet *spill.Sorter) iter.Seq2[*fact, error] {
	return func(yield func(*fact, error) bool) {
		var before spill.Pair
		for p, err := range spill.Sorted(unmet) {
			var f *fact
			if err == nil {
				f, err = a.reference(p.Ref)
			}
			if err == nil {
				if _, normal := appendFoldedDN(nil, uidless(f.value)); !normal && isComplete(f.value) && p != before {
					before = p
					continue
				}
				before = spill.Pair{}
			}
			if err == nil {
				switch _, bad := directory.AppendNormalDN(nil, uidless(f.value)); {
				case !isComplete(f.value):
					f.code, f.severity = codeOutside, finding.Info
				case bad != nil:
					f.code = codeNoDN
				}
			}
			if !yield(f, err) || err != nil {
				return
			}
		}
	}
}

// askReferences asks the server for each DN, because not every entry was read: a
// member need not be a calendar user.
func (a *Audit) askReferences(ctx context.Context, w *worker, unmet *spill.Sorter) error {
	const remembered, often = 100_000, 1000
	known := map[uint64]bool{}
	done := 0
	for f, err := range a.references(unmet) {
		if err != nil {
			return err
		}
		if done++; done%often == 0 {
			a.enter(fmt.Sprintf("looking up DNs, %d of %d", done, unmet.Len()))
		}
		if f.code != codePlain {
			w.add(f)
			continue
		}
		dn := uidless(f.value)
		key := a.hashOf(dn)
		exists, asked := known[key]
		if !asked {
			exists, err = a.o.Server.Exists(ctx, string(dn))
			switch {
			case err == nil:
				if len(known) < remembered {
					known[key] = exists
				}
			case directory.ResultCode(err) != 0 || errors.Is(err, directory.ErrHidden):
				// The response of the server is about this DN alone.
				f.code, f.severity, exists = codeOutside, finding.Info, false
			default:
				return err
			}
		}
		if !exists {
			w.add(f)
		}
	}
	return w.err
}

// placeReferences reports DNs below an entry that was read as dangling. A file need
// not contain the whole directory, so other DNs may exist.
func (a *Audit) placeReferences(w *worker, unmet *spill.Sorter) error {
	above := spill.NewSorter(a.o.Tmp) // the hash of an ancestor's DN, and the number of the reference
	defer func() { _ = above.Close() }()
	number := uint64(0)
	for f, err := range a.references(unmet) {
		if err != nil {
			return err
		}
		folded, _ := appendFoldedDN(nil, uidless(f.value))
		for dn := parentOf(folded); len(dn) > 0; dn = parentOf(dn) {
			if err := above.Add(maphash.Bytes(a.seed, dn), number); err != nil {
				return err
			}
		}
		number++
	}
	inside, err := a.findAncestors(above, number)
	if err != nil {
		return err
	}
	unsure := slices.ContainsFunc(a.workers, func(w *worker) bool { return w.unnamed })
	number = 0
	for f, err := range a.references(unmet) {
		if err != nil {
			return err
		}
		if f.code == codePlain && (!inside[number] || unsure) {
			f.code, f.severity = codeOutside, finding.Info
		}
		number++
		w.add(f)
	}
	return w.err
}

// findAncestors returns, for each numbered reference, whether any ancestor of its DN
// has an entry.
func (a *Audit) findAncestors(above *spill.Sorter, count uint64) ([]bool, error) {
	inside := make([]bool, count)
	next, stop := iter.Pull2(spill.Sorted(above))
	defer stop()
	name, err, more := next()
	for p, entryErr := range a.sorted(func(w *worker) *spill.Sorter { return w.dns }) {
		if entryErr != nil {
			return nil, entryErr
		}
		if p.Ref&referenceBit != 0 {
			continue
		}
		for more && err == nil && name.Key <= p.Key {
			if name.Key == p.Key {
				inside[name.Ref] = true
			}
			name, err, more = next()
		}
		if err != nil || !more {
			break
		}
	}
	return inside, err
}

// parentOf returns the parent of a DN in normal form, empty at the root.
func parentOf(dn []byte) []byte {
	for i := range dn {
		if dn[i] == ',' {
			return dn[i+1:]
		}
	}
	return nil
}
