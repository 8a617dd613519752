package ldaptest

import (
	"sync"
	"sync/atomic"
)

// tree holds the entries that can be changed. A record never changes: another
// one takes its place in the slot, so that a search which goes on meanwhile
// sees the entry as it was or as it is, and nothing in between.
type tree struct {
	// changing is held by who changes an entry, from the look at what it is to
	// the change. Searches do not wait for it.
	changing sync.Mutex

	mu    sync.RWMutex // guards what follows
	slots []*slot      // in the order in which they are served; never overwritten, only appended to or made anew
	gone  int          // slots without a record
	index map[string]*slot
	under map[string]int // by normal name, there or not: how many entries are below it
}

// slot is the place of an entry. It has no record once the entry is deleted.
type slot struct{ atomic.Pointer[record] }

func newTree() *tree {
	return &tree{index: map[string]*slot{}, under: map[string]int{}}
}

// get returns the entry of a normal name, nil without one.
func (t *tree) get(normal string) *record {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if s := t.index[normal]; s != nil {
		return s.Load()
	}
	return nil
}

// all returns the places of all entries. The caller changes nothing in it.
func (t *tree) all() []*slot {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.slots
}

// one is all with nothing but the entry of a name.
func (t *tree) one(normal string) []*slot {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if s := t.index[normal]; s != nil {
		return []*slot{s}
	}
	return nil
}

// put adds an entry, or puts it in the place of the one of its name.
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

// remove takes an entry away, if it is there.
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

// compact makes the list anew: searches still have the old one.
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

// hasBelow tells whether entries are below a name, which may itself be none.
func (t *tree) hasBelow(normal string) bool {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.under[normal] > 0
}

// above returns the nearest entry above a name, nil without any.
func (t *tree) above(normal string) *record {
	for up := parentDN(normal); up != ""; up = parentDN(up) {
		if r := t.get(up); r != nil {
			return r
		}
	}
	return nil
}
