package directory

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/bits"
	"strings"
)

// names finds the place of an attribute in Query.Attributes. It is asked for
// each line of a file, so that a name is compared as two words, which hold all
// of it if it has up to 16 bytes. Looking up may be done by several goroutines
// at once.
type names struct {
	mays   [32]uint32 // for the low bits of a length: first letters of names with it
	heads  [256]int16 // first of list for a hash, 1 more than its index; 0 for none
	list   []nameSlot
	places []int // of each attribute of the query: that of the first with its name
}

type nameSlot struct {
	first, last uint64 // as from ends
	folded      string // in small letters
	place       int
	next        int16 // of the same hash, as in heads
}

// newNames makes a table of names. Of several that are the same the first place
// counts. Options are cut off: asking for one of "cn" asks for all of them.
func newNames(attributes []string) *names {
	n := &names{}
	for place, spelling := range attributes {
		spelling, _, _ = strings.Cut(spelling, ";")
		n.places = append(n.places, n.add(spelling, place))
	}
	return n
}

// add puts a name into the table unless it is there, and returns its place; -1
// for an empty name.
func (n *names) add(spelling string, place int) int {
	folded := []byte(foldASCII(spelling))
	if have := n.findBase(folded); have >= 0 || spelling == "" || len(n.list) == 1<<15-1 {
		return have
	}
	first, last := ends(folded)
	head := &n.heads[hashEnds(first, last)]
	n.list = append(n.list, nameSlot{first, last, string(folded), place, *head})
	*head = int16(len(n.list))
	n.mays[len(folded)&31] |= 1 << (folded[0] & 31)
	return place
}

// find returns the place in Query.Attributes of an attribute, with or without
// options, or -1.
func (n *names) find(name []byte) int {
	if i := bytes.IndexByte(name, ';'); i >= 0 {
		name = name[:i]
	}
	return n.findBase(name)
}

// findBase is find for a name that has no options.
func (n *names) findBase(name []byte) int {
	have := n.lookup(name)
	if have == nil || !equalFolded(name, have.folded) {
		return -1
	}
	return have.place
}

// findValid is findBase for a name that holds nothing but what isDescriptionByte
// allows.
func (n *names) findValid(name []byte) int {
	if !n.may(name) {
		return -1
	}
	have := n.lookup(name)
	if have == nil || len(name) > 16 && !equalFolded(name, have.folded) {
		return -1
	}
	return have.place
}

// may reports whether the table can have the name, by its length and its first
// letter: most that it does not have end here.
func (n *names) may(name []byte) bool {
	return len(name) > 0 && n.mays[len(name)&31]>>(name[0]&31)&1 != 0
}

// lookup returns the name that has the length and the ends of the given one.
func (n *names) lookup(given []byte) *nameSlot {
	if !n.may(given) {
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

// firsts returns bits of Query.Attributes with those of names that stand there
// more than once moved to the first of their places, which is what find returns.
func (n *names) firsts(bits uint64) uint64 {
	var out uint64
	for i, place := range n.places {
		if bits>>i&1 != 0 && place >= 0 {
			out |= 1 << place
		}
	}
	return out
}

// ends returns the first and the last eight bytes of a name, which overlap in a
// short one, in a form that is the same for names that differ in case alone. The
// name is not empty.
func ends(name []byte) (first, last uint64) {
	const small = 0x2020202020202020 // makes letters small, and other bytes no letters
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

// equalFolded reports whether b, with its ASCII letters made small, is folded.
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

// foldASCII makes the ASCII letters of s small and leaves all else.
func foldASCII(s string) string {
	b := []byte(s)
	for i, c := range b {
		b[i] = lowerASCII(c)
	}
	return string(b)
}

// check refuses what no source can answer.
func (q *Query) check() error {
	if len(q.Attributes) > MaxAttributes {
		return fmt.Errorf("a query can name %d attributes, not %d", MaxAttributes, len(q.Attributes))
	}
	if q.Scope < Subtree || q.Scope > BaseOnly {
		return fmt.Errorf("a query cannot have scope %d", q.Scope)
	}
	return nil
}
