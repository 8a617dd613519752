package config

import (
	"hash/maphash"
)

// keyIndex finds the effective entry of a key. It is an open-addressing hash table
// of entry indexes, because a file may contain a million keys, and a map of
// strings would need more memory than the file.
type keyIndex struct {
	seed     maphash.Seed
	slots    []uint32 // index of the entry + 1; 0 is free
	mask     uint64
	distinct int
}

// lookup returns the index, which is built when it is first needed. Building it
// marks the entries that are overridden by a later one.
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
		key := d.keyOf(e)
		slot := x.slot(d, maphash.String(x.seed, key), key)
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

// slot returns the slot of key, which is free if the key is not in the index.
func (x *keyIndex) slot(d *Document, hash uint64, key string) *uint32 {
	for i := hash & x.mask; ; i = (i + 1) & x.mask {
		n := x.slots[i]
		if n == 0 || d.keyIs(&d.entries[n-1], key) {
			return &x.slots[i]
		}
	}
}

func (d *Document) keyIs(e *entry, key string) bool {
	raw := d.rawKey(e)
	if e.flags&keyEscaped == 0 {
		return string(raw) == key
	}
	return d.decode(raw) == key
}

// isOneOf reports whether the key of e is in the set.
func (d *Document) isOneOf(e *entry, keys map[string]bool) bool {
	raw := d.rawKey(e)
	if e.flags&keyEscaped == 0 {
		return keys[string(raw)]
	}
	return keys[d.decode(raw)]
}

// scansBeforeIndex is how many keys are looked up by scanning the entries before
// the index is worth its memory.
const scansBeforeIndex = 16

// find returns the index of the effective entry of key, or -1.
func (d *Document) find(key string) int {
	if d.index == nil && d.scans < scansBeforeIndex {
		d.scans++
		for i := len(d.entries) - 1; i >= 0; i-- {
			if d.keyIs(&d.entries[i], key) {
				return i
			}
		}
		return -1
	}
	x := d.lookup()
	return int(*x.slot(d, maphash.String(x.seed, key), key)) - 1
}
