package ldaptest

import (
	"sync"
	"sync/atomic"
)

// tree holds the entries that can be changed. A record is immutable and is replaced in
// its slot, so that a concurrent search sees the entry before or after a change, but
// never in between.
type tree struct {
	// changing is held while an entry is read and changed. Searches do not wait for
	// it.
	changing sync.Mutex

	mu    sync.RWMutex // guards what follows
	slots []*slot      // in the order of search results; never overwritten, only appended to or rebuilt
	gone  int          // number of slots without a record
	index map[string]*slot
	under map[string]int // number of entries below a normal DN, whether that has an entry or not
}

// slot is the place of an entry. It has no record once the entry is deleted.
type slot struct{ atomic.Pointer[record] }

func newTree() *tree {
	return &tree{index: map[string]*slot{}, under: map[string]int{}}
}

// get returns the entry with a normal DN, or nil.
func (t *tree) get(normal string) *record {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if s := t.index[normal]; s != nil {
		return s.Load()
	}
	return nil
}

// all returns the slots of all entries. The caller must not change the slice.
func (t *tree) all() []*slot {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.slots
}

// one is like all for the entry with a DN only.
func (t *tree) one(normal string) []*slot {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if s := t.index[normal]; s != nil {
		return []*slot{s}
	}
	return nil
}

// put adds an entry, or replaces the one with the same DN.
func (t *tree) put(r *record) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.index[r.normal]
	if s == nil {
		s = &slot{}
		t.slots = append(t.slots, s)
		t.index[r.normal] = s
		t.count(r.normal, 1)
	}
	s.Store(r)
}

// remove removes an entry, if it exists.
func (t *tree) remove(normal string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.index[normal]
	if s == nil {
		return
	}
	s.Store(nil)
	delete(t.index, normal)
	t.count(normal, -1)
	if t.gone++; t.gone > 100 && t.gone > len(t.slots)/2 {
		t.compact()
	}
}

// compact rebuilds the list, because searches still use the old one.
func (t *tree) compact() {
	left := make([]*slot, 0, len(t.index))
	for _, s := range t.slots {
		if s.Load() != nil {
			left = append(left, s)
		}
	}
	t.slots, t.gone = left, 0
}

func (t *tree) count(normal string, by int) {
	for up := parentDN(normal); up != ""; up = parentDN(up) {
		if t.under[up] += by; t.under[up] == 0 {
			delete(t.under, up)
		}
	}
}

// hasBelow reports whether there are entries below a DN, which need not have an entry
// itself.
func (t *tree) hasBelow(normal string) bool {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.under[normal] > 0
}

// above returns the nearest entry above a DN, or nil.
func (t *tree) above(normal string) *record {
	for up := parentDN(normal); up != ""; up = parentDN(up) {
		if r := t.get(up); r != nil {
			return r
		}
	}
	return nil
}
