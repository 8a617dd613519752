package cs6

import (
	"bytes"
	"encoding/binary"
	"hash/maphash"

	"github.com/davadmin/davadmin/internal/spill"
)

const (
	pageSize = 1 << 16 // items per page
	maxName  = pageSize - binary.MaxVarintLen32

	// maxSpelling is the maximum length of a spelling that folds to maxName bytes: no
	// character shrinks to less than a third.
	maxSpelling = 3 * maxName
)

// pages is a list that grows without being copied, so that at most one page is
// unused. Only the first page grows like a slice, so that small lists stay small.
type pages[T any] struct {
	all [][]T
}

// size returns the number of items, including the unused ends of pages.
func (p *pages[T]) size() uint64 {
	if len(p.all) == 0 {
		return 0
	}
	last := len(p.all) - 1
	return uint64(last)*pageSize + uint64(len(p.all[last]))
}

// add appends items next to each other on one page, and returns where they begin.
// There must be at most pageSize of them.
func (p *pages[T]) add(row ...T) uint32 {
	switch {
	case len(p.all) == 0:
		p.all = append(p.all, nil)
	case len(p.all[len(p.all)-1])+len(row) > pageSize:
		p.all = append(p.all, make([]T, 0, pageSize))
	}
	at := p.size()
	last := len(p.all) - 1
	p.all[last] = append(p.all[last], row...)
	return uint32(at)
}

func (p *pages[T]) at(i uint32) *T { return &p.all[i/pageSize][i%pageSize] }

// from returns the rest of the page of i, beginning at i.
func (p *pages[T]) from(i uint32) []T { return p.all[i/pageSize][i%pageSize:] }

// store saves the spelling of a name, preceded by its length.
func (s *UserSet) store(folded []byte) uint32 {
	var buf [256]byte
	return s.text.add(spill.AppendText(buf[:0], folded)...)
}

// folded returns the spelling of a name.
func (s *UserSet) folded(n *name) []byte {
	d := spill.NewDecoder(s.text.from(n.at))
	return d.Bytes()
}

// slot returns the slot of a name, which is free if the name is not in the set.
func (s *UserSet) slot(folded []byte) uint64 {
	mask := uint64(len(s.slots) - 1)
	for i := maphash.Bytes(s.seed, folded) & mask; ; i = (i + 1) & mask {
		n := s.slots[i]
		if n == 0 || string(s.folded(s.names.at(n-1))) == string(folded) {
			return i
		}
	}
}

// grow doubles the hash table.
func (s *UserSet) grow() {
	size := 2 * len(s.slots)
	s.slots = nil // it can be rebuilt from the names, so it is freed first
	s.slots = make([]uint32, size)
	mask := uint64(size - 1)
	for number := range uint32(s.names.size()) {
		i := maphash.Bytes(s.seed, s.folded(s.names.at(number))) & mask
		for s.slots[i] != 0 {
			i = (i + 1) & mask
		}
		s.slots[i] = number + 1
	}
}

// appendUser appends the key of a user id. A user id with an @ already contains its
// domain.
func appendUser[T text](s *UserSet, dst []byte, uid, domain T) []byte {
	dst = appendFold(dst, uid)
	if bytes.IndexByte(dst, '@') >= 0 {
		return dst
	}
	at := len(dst)
	dst = append(dst, '@')
	if len(domain) == 0 {
		dst = appendFold(dst, s.defaultDomain)
	} else {
		dst = appendFold(dst, domain)
	}
	if dst[len(dst)-1] == '.' {
		dst = dst[:len(dst)-1]
	}
	if len(dst) == at+1 {
		return dst[:at] // no domain
	}
	return dst
}

// findUser returns the name of a user id in a domain.
func findUser[T text](s *UserSet, uid, domain T) (*name, bool) {
	if len(uid) == 0 || len(domain) == 0 && s.defaultDomain == "" || len(uid)+len(domain) > maxSpelling {
		return nil, false
	}
	var buf [256]byte
	return s.lookup(appendUser(s, buf[:0], uid, domain), isUser)
}

// find returns the name with the spelling addr.
func find[T text](s *UserSet, addr T, kind nameFlags) (*name, bool) {
	if len(addr) == 0 || len(addr) > maxSpelling {
		return nil, false
	}
	var buf [256]byte
	return s.lookup(appendFold(buf[:0], addr), kind)
}

// lookup returns a name of that kind.
func (s *UserSet) lookup(folded []byte, kind nameFlags) (*name, bool) {
	n := s.slots[s.slot(folded)]
	if n == 0 {
		return nil, false
	}
	found := s.names.at(n - 1)
	return found, found.flags&kind != 0
}
