package ldapcheck

import (
	"bytes"
	"cmp"
	"context"
	"hash/maphash"
	"iter"
	"maps"
	"math"
	"slices"

	"github.com/davadmin/davadmin/internal/spill"
	"github.com/davadmin/davadmin/pkg/directory"
)

// group is a key with the places of all records that have it, in order.
type group struct {
	key    uint64
	places []uint64
}

// sorted merges one sorter from each worker.
func (a *Audit) sorted(of func(*worker) *spill.Sorter) iter.Seq2[spill.Pair, error] {
	return a.sortedRange(0, math.MaxUint64, of)
}

// sortedRange is like sorted for keys from low to high.
func (a *Audit) sortedRange(low, high uint64, of func(*worker) *spill.Sorter) iter.Seq2[spill.Pair, error] {
	sorters := make([]*spill.Sorter, len(a.workers))
	for i, w := range a.workers {
		sorters[i] = of(w)
	}
	return spill.SortedRange(low, high, sorters...)
}

// groups yields the keys that have at least so many places. A group is valid until
// the next one is yielded.
func (a *Audit) groups(ctx context.Context, least int, of func(*worker) *spill.Sorter) iter.Seq2[group, error] {
	return func(yield func(group, error) bool) {
		var g group
		n := 0
		for p, err := range a.sorted(of) {
			const often = 1 << 12
			if n++; n%often == 0 && err == nil {
				err = ctx.Err()
			}
			if err != nil {
				yield(group{}, err)
				return
			}
			if p.Key != g.key {
				if len(g.places) >= least && !yield(g, nil) {
					return
				}
				g.key, g.places = p.Key, g.places[:0]
			}
			g.places = append(g.places, p.Ref)
		}
		if len(g.places) >= least {
			yield(g, nil)
		}
	}
}

// record reads the record at a place.
func (a *Audit) record(dst []byte, place uint64) ([]byte, error) {
	return a.workers[place&^referenceBit>>placeBits].spool.Read(dst, int64(place&(1<<placeBits-1)))
}

func (a *Audit) holder(place uint64) (*holder, error) {
	b, err := a.record(nil, place)
	if err != nil {
		return nil, err
	}
	return decodeHolder(b)
}

// claim is the set of entries that have one spelling of a value. It contains the
// first of them, with one mail address each, and counts the rest.
type claim struct {
	value   []byte
	holders map[uint64]struct{} // hashes of the DNs
	first   []*holder           // by position
}

// add adds an entry that has the value. Entries with the same DN count once.
func (c *claim) add(a *Audit, h *holder) {
	key := a.hashOf(h.dn)
	if _, ok := c.holders[key]; ok {
		return
	}
	c.holders[key] = struct{}{}
	one := &holder{kind: h.kind, pos: h.pos, file: h.file, line: h.line, dn: bytes.Clone(h.dn), known: h.known}
	if len(h.mails) > 0 {
		one.mails = [][]byte{bytes.Clone(h.mails[0])}
	}
	c.first = append(c.first, one)
	if len(c.first) >= 2*mostDNs {
		c.first = firstHolders(c.first)
	}
}

// hashOf returns the hash by which claims identify an entry.
func (a *Audit) hashOf(dn []byte) uint64 { return maphash.Bytes(a.seed, normalDN(dn)) }

// firstHolders sorts by position, and keeps as many holders as a finding can list.
func firstHolders(list []*holder) []*holder {
	slices.SortFunc(list, func(x, y *holder) int {
		return cmp.Or(compareUint(x.pos, y.pos), bytes.Compare(x.dn, y.dn))
	})
	return slices.Clip(list[:min(len(list), mostDNs)])
}

// claims returns the claims on the values whose hash is the key of the group. The
// outer key is the folded value, which is the same for values that are equal by RFC
// 4518; the inner key is the spelling.
func (a *Audit) claims(g group, valuesOf func(*holder) [][]byte) (map[string]map[string]*claim, error) {
	all := map[string]map[string]*claim{}
	hash := hasher{seed: a.seed}
	var buf, folded []byte
	for i, place := range g.places {
		if i > 0 && place == g.places[i-1] {
			continue // an entry with two equal values
		}
		var err error
		if buf, err = a.record(buf[:0], place); err != nil {
			return nil, err
		}
		h, err := decodeHolder(buf)
		if err != nil {
			return nil, err
		}
		for _, v := range valuesOf(h) {
			if isBlank(v) || hash.loose(v) != g.key {
				continue
			}
			folded = directory.AppendFold(folded[:0], v)
			spellings := all[string(folded)]
			if spellings == nil {
				spellings = map[string]*claim{}
				all[string(folded)] = spellings
			}
			c := spellings[string(v)]
			if c == nil {
				c = &claim{value: bytes.Clone(v), holders: map[uint64]struct{}{}}
				spellings[string(c.value)] = c
			}
			c.add(a, h)
		}
	}
	return all, nil
}

// joinClaims combines several claims into one.
func joinClaims(list []*claim) *claim {
	if len(list) == 1 {
		return list[0]
	}
	all := &claim{value: list[0].value, holders: map[uint64]struct{}{}}
	seen := map[string]bool{}
	for _, c := range list {
		maps.Copy(all.holders, c.holders)
		for _, h := range c.first {
			if k := string(normalDN(h.dn)); !seen[k] {
				seen[k] = true
				all.first = append(all.first, h)
			}
		}
	}
	return all
}

// compareIDs finds unique ids that several entries have.
func (a *Audit) compareIDs(ctx context.Context, w *worker) error {
	ask := a.newAsker(roleID)
	for g, err := range a.groups(ctx, 2, func(w *worker) *spill.Sorter { return w.ids }) {
		if err != nil {
			return err
		}
		all, err := a.claims(g, func(h *holder) [][]byte { return h.ids })
		if err != nil {
			return err
		}
		sets, err := ask.join(ctx, all)
		if err != nil {
			return err
		}
		for _, e := range sets {
			a.compareSpellings(w, e)
		}
	}
	return w.err
}

// compareSpellings reports entries whose values are equal.
func (a *Audit) compareSpellings(w *worker, e *equals) {
	var list []*claim
	var values [][]byte
	for _, v := range slices.Sorted(maps.Keys(e.spellings)) {
		list = append(list, e.spellings[v])
		values = append(values, e.spellings[v].value)
		if a.runs(ruleDuplicate) {
			a.addGroup(w, &fact{rule: ruleDuplicate, attr: roleID, value: e.spellings[v].value}, e.spellings[v])
		}
	}
	if len(list) > 1 && a.runs(ruleCollision) {
		a.addGroup(w, &fact{rule: ruleCollision, code: e.code, by: e.by, attr: roleID, value: values[0], values: values}, joinClaims(list))
	}
}

// addGroup adds the fact that several entries share a value, unless they are one
// entry.
func (a *Audit) addGroup(w *worker, f *fact, c *claim) {
	if len(c.holders) < 2 {
		return
	}
	c.first = firstHolders(c.first)
	first := c.first[0]
	f.kind, f.pos, f.file, f.line, f.count = first.kind, first.pos, first.file, first.line, len(c.holders)
	for i, h := range c.first {
		f.dns = append(f.dns, h.dn)
		if i < mostInFix {
			f.other = append(append(f.other, h.describe(&a.o.Names)...), 0)
		}
	}
	w.add(f)
}

// compareMails finds mail addresses that several entries have, in any spelling. The
// finding shows the spelling of the first entry.
func (a *Audit) compareMails(ctx context.Context, w *worker) error {
	ask := a.newAsker(roleMail, roleAlternate)
	for g, err := range a.groups(ctx, 2, func(w *worker) *spill.Sorter { return w.mails }) {
		if err != nil {
			return err
		}
		all, err := a.claims(g, func(h *holder) [][]byte { return h.mails })
		if err != nil {
			return err
		}
		sets, err := ask.join(ctx, all)
		if err != nil {
			return err
		}
		for _, e := range sets {
			list := slices.SortedFunc(maps.Values(e.spellings), func(x, y *claim) int {
				x.first, y.first = firstHolders(x.first), firstHolders(y.first)
				return cmp.Or(compareUint(x.first[0].pos, y.first[0].pos), bytes.Compare(x.value, y.value))
			})
			a.addGroup(w, &fact{rule: ruleMailDuplicate, code: e.code, by: e.by, attr: roleMail, value: list[0].value}, joinClaims(list))
		}
	}
	return w.err
}
