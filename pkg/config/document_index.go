package config

import (
	"hash/maphash"
)

// keyIndex finds the effective entry of a key. It is an open-addressing table
// of entry numbers, because a file may hold a million keys and a map of strings
// would cost more than the file.
type keyIndex struct {
	seed     maphash.Seed
	slots    []uint32 // entry number + 1; 0 is free
	mask     uint64
	distinct int
}

// lookup returns the index, which is built at the first need. Building it marks
// the entries that a later one overrides.
func (d *Document) lookup() *keyIndex {
	if d.index != nil {
		return d.index
	}
	size := 8
	for size < 2*len(d.entries) {
		size *= 2
	}
	x := &keyIndex{seed: maphash.MakeSeed(), slots: make([]uint32, size), mask: uint64(size - 1)}
	for i := range d.entries {
		e := &d.entries[i]
		raw := d.src[e.keyStart:e.keyEnd]
		var slot *uint32
		if e.flags&keyEscaped == 0 {
			slot = x.slot(d, maphash.Bytes(x.seed, raw), raw)
		} else {
			key := []byte(d.decode(raw))
			slot = x.slot(d, maphash.Bytes(x.seed, key), key)
		}
		if *slot != 0 {
			d.entries[*slot-1].flags |= shadowed
		} else {
			x.distinct++
		}
		*slot = uint32(i) + 1
	}
	d.index = x
	return x
}

// slot returns the place of key, free or taken.
func (x *keyIndex) slot(d *Document, hash uint64, key []byte) *uint32 {
	for i := hash & x.mask; ; i = (i + 1) & x.mask {
		n := x.slots[i]
		if n == 0 || d.keyIs(&d.entries[n-1], key) {
			return &x.slots[i]
		}
	}
}

func (d *Document) keyIs(e *entry, key []byte) bool {
	raw := d.src[e.keyStart:e.keyEnd]
	if e.flags&keyEscaped == 0 {
		return string(raw) == string(key)
	}
	return d.decode(raw) == string(key)
}

// find returns the number of the effective entry of key, or -1.
func (x *keyIndex) find(d *Document, key string) int {
	k := []byte(key)
	return int(*x.slot(d, maphash.Bytes(x.seed, k), k)) - 1
}
