package directory

import (
	"bytes"
	"strings"
)

// deletedClass is the class of an entry that 389 Directory Server and its ancestors
// keep after its deletion. A search does not return it, but the export of a replica
// contains it.
const deletedClass = "nsTombstone"

// referralClass is the class of an entry whose subtree is on another server (RFC
// 3296). An export contains such entries; a search returns a reference instead.
const referralClass = "referral"

// classes finds the Selection that an object class belongs to. Lookups are safe for
// concurrent use.
type classes struct {
	byName names
	none   int // the number for "no Selection", greater than that of any Selection
	rest   int // number of the Selection with Any, for entries of other classes; none without one
}

// deletedSelection is the number of an internal selection, before all others, for
// entries of deletedClass.
const deletedSelection = -2

// referralSelection is the number of an internal selection for entries of
// referralClass.
const referralSelection = -1

func newClasses(selections []Selection) *classes {
	c := &classes{none: len(selections), rest: len(selections)}
	for i, s := range selections {
		if s.Any {
			c.rest = min(c.rest, i)
		}
		for _, class := range s.Classes {
			c.byName.add(strings.Trim(class, " \t"), i)
		}
	}
	// A table of names cannot hold negative numbers.
	c.byName.add(deletedClass, c.none+1)
	c.byName.add(referralClass, c.none+2)
	return c
}

// selection returns the number of the Selection of an entry, given the lowest number
// that find returned for its classes.
func (c *classes) selection(least int) int {
	if least == c.none {
		return c.rest
	}
	return least
}

// find returns the number of the first Selection that names the object class value,
// or none, or deletedSelection or referralSelection for their classes. The lowest
// number that it returns for the classes of an entry is that of the entry.
func (c *classes) find(value []byte) int {
	if n := len(value); n > 0 && (value[0] <= ' ' || value[n-1] <= ' ') {
		value = bytes.Trim(value, " \t")
	}
	if !c.byName.mayContain(value) {
		return c.none
	}
	switch n := c.byName.findBase(value); {
	case n < 0:
		return c.none
	case n == c.none+1:
		return deletedSelection
	case n == c.none+2:
		return referralSelection
	default:
		return n
	}
}
