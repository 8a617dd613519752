package directory

import (
	"bytes"
	"strings"
)

// deletedClass marks an entry that 389 Directory Server and its ancestors keep
// after its deletion. A search does not give it, a replica's export does.
const deletedClass = "nsTombstone"

// classes finds the Selection that an object class belongs to. Looking up may be
// done by several goroutines at once.
type classes struct {
	byName names
	none   int // more than the number of any Selection
}

// deletedSelection is the number of a selection that stands before all others,
// and that nobody asked for.
const deletedSelection = -1

func newClasses(selections []Selection) *classes {
	c := &classes{none: len(selections)}
	for i, s := range selections {
		for _, class := range s.Classes {
			c.byName.add(strings.Trim(class, " \t"), i)
		}
	}
	// Places begin at 0 in a table of names.
	c.byName.add(deletedClass, c.none+1)
	return c
}

// find returns the number of the first Selection that names the object class
// value, none without one, and deletedSelection for an entry that is no more.
// The least of what it returns for the classes of an entry is the entry's.
func (c *classes) find(value []byte) int {
	if n := len(value); n > 0 && (value[0] <= ' ' || value[n-1] <= ' ') {
		value = bytes.Trim(value, " \t")
	}
	if !c.byName.may(value) {
		return c.none
	}
	switch n := c.byName.findBase(value); {
	case n < 0:
		return c.none
	case n > c.none:
		return deletedSelection
	default:
		return n
	}
}
