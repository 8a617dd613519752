package directory

import (
	"bytes"
	"strings"
)

// deletedClass marks an entry that 389 Directory Server and its ancestors keep
// after its deletion. A search does not give it, a replica's export does.
const deletedClass = "nsTombstone"

// referralClass marks an entry below which another server goes on (RFC 3296). An
// export has such entries, a search gives a reference in their place.
const referralClass = "referral"

// classes finds the Selection that an object class belongs to. Looking up may be
// done by several goroutines at once.
type classes struct {
	byName names
	none   int // more than the number of any Selection
	rest   int // the Selection of entries whose classes none names; none without one
}

// deletedSelection is the number of a selection that stands before all others,
// and that nobody asked for.
const deletedSelection = -2

// referralSelection is that of entries of the class referral.
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
	// Places begin at 0 in a table of names.
	c.byName.add(deletedClass, c.none+1)
	c.byName.add(referralClass, c.none+2)
	return c
}

// selection returns the number of the Selection of an entry, given the least of
// what find returned for its classes.
func (c *classes) selection(least int) int {
	if least == c.none {
		return c.rest
	}
	return least
}

// find returns the number of the first Selection that names the object class
// value, none without one, deletedSelection for an entry that is no more, and
// referralSelection for one that stands for a part of another server. The least
// of what it returns for the classes of an entry is the entry's.
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
	case n == c.none+1:
		return deletedSelection
	case n == c.none+2:
		return referralSelection
	default:
		return n
	}
}
