package directory

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/bits"
	"strings"
)

// names finds the index of an attribute in Query.Attributes. It is called for each
// line of a file, so names are compared as two words, which contain the complete name
// if it has up to 16 bytes. Lookups are safe for concurrent use.
type names struct {
	first  [32]uint32 // by the low bits of a length: bit set of the first letters of such names
	heads  [256]int16 // by hash: 1 plus the index of the first slot in list; 0 for none
	list   []nameSlot
	places []int // of each attribute of the query: the index of the first with the same name
}

type nameSlot struct {
	first, last uint64 // result of ends
	folded      string // in lower case
	place       int
	next        int16 // next slot with the same hash, as in heads
}

// newNames returns a table of names. A name that occurs several times has the first of
// its indexes. Options are removed: "cn;lang-de" means all values of "cn".
func newNames(attributes []string) *names {
	n := &names{}
	for place, spelling := range attributes {
		spelling, _, _ = strings.Cut(spelling, ";")
		n.places = append(n.places, n.add(spelling, place))
	}
	return n
}

// add adds a name to the table unless it is already in it, and returns its index, or
// -1 for an empty name.
func (n *names) add(spelling string, place int) int {
	folded := []byte(foldASCII(spelling))
	if have := n.findBase(folded); have >= 0 || spelling == "" || len(n.list) == 1<<15-1 {
		return have
	}
	first, last := ends(folded)
	head := &n.heads[hashEnds(first, last)]
	n.list = append(n.list, nameSlot{first, last, string(folded), place, *head})
	*head = int16(len(n.list))
	n.first[len(folded)&31] |= 1 << (folded[0] & 31)
	return place
}

// find returns the index in Query.Attributes of an attribute, with or without
// options, or -1.
func (n *names) find(name []byte) int {
	if i := bytes.IndexByte(name, ';'); i >= 0 {
		name = name[:i]
	}
	return n.findBase(name)
}

// findBase is like find for a name without options.
func (n *names) findBase(name []byte) int {
	have := n.lookup(name)
	if have == nil || !equalFolded(name, have.folded) {
		return -1
	}
	return have.place
}

// findValid is like findBase for a name that contains only characters allowed by
// isDescriptionByte.
func (n *names) findValid(name []byte) int {
	if !n.mayContain(name) {
		return -1
	}
	have := n.lookup(name)
	if have == nil || len(name) > 16 && !equalFolded(name, have.folded) {
		return -1
	}
	return have.place
}

// mayContain reports whether the table can contain the name, judging by its length
// and its first letter. This rules out most names that the table does not contain.
func (n *names) mayContain(name []byte) bool {
	return len(name) > 0 && n.first[len(name)&31]>>(name[0]&31)&1 != 0
}

// lookup returns the slot of a name with the same length and ends as the given one.
func (n *names) lookup(given []byte) *nameSlot {
	if !n.mayContain(given) {
		return nil
	}
	first, last := ends(given)
	i := n.heads[hashEnds(first, last)]
	for i != 0 {
		have := &n.list[i-1]
		if have.first == first && have.last == last && len(given) == len(have.folded) {
			return have
		}
		i = have.next
	}
	return nil
}

// firstPlaces returns the bit set of attributes with the bit of a repeated name moved to
// the first of its indexes, which is the one that find returns.
func (n *names) firstPlaces(bits uint64) uint64 {
	var out uint64
	for i, place := range n.places {
		if bits>>i&1 != 0 && place >= 0 {
			out |= 1 << place
		}
	}
	return out
}

// ends returns the first and the last eight bytes of a name, which overlap in a short
// one, in a form that is the same for names that differ only in case. The name must
// not be empty.
func ends(name []byte) (first, last uint64) {
	const small = 0x2020202020202020 // turns upper case into lower case, and no other byte into a letter
	switch n := len(name); {
	case n >= 8:
		first, last = binary.LittleEndian.Uint64(name), binary.LittleEndian.Uint64(name[n-8:])
	case n >= 4:
		first, last = uint64(binary.LittleEndian.Uint32(name)), uint64(binary.LittleEndian.Uint32(name[n-4:]))
	case n >= 2:
		first, last = uint64(binary.LittleEndian.Uint16(name)), uint64(binary.LittleEndian.Uint16(name[n-2:]))
	default:
		first = uint64(name[0])
	}
	return first | small, last | small
}

func hashEnds(first, last uint64) uint8 {
	return uint8((first ^ bits.RotateLeft64(last, 29)) * 0x9e3779b97f4a7c15 >> 56)
}

// equalFolded reports whether b, with its ASCII letters in lower case, equals folded.
func equalFolded(b []byte, folded string) bool {
	if len(b) != len(folded) {
		return false
	}
	for i := range len(folded) {
		if lowerASCII(b[i]) != folded[i] {
			return false
		}
	}
	return true
}

func lowerASCII(c byte) byte {
	if c-'A' < 26 {
		c += 'a' - 'A'
	}
	return c
}

// foldASCII returns s with its ASCII letters in lower case.
func foldASCII(s string) string {
	b := []byte(s)
	for i, c := range b {
		b[i] = lowerASCII(c)
	}
	return string(b)
}

// check returns an error for a query that no source can answer.
func (q *Query) check() error {
	if len(q.Attributes) > MaxAttributes {
		return fmt.Errorf("a query can name at most %d attributes, not %d", MaxAttributes, len(q.Attributes))
	}
	if q.Scope < Subtree || q.Scope > BaseOnly {
		return fmt.Errorf("%d is not a valid scope", q.Scope)
	}
	return nil
}
