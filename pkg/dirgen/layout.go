package dirgen

import "math/bits"

type kind uint8

const (
	user kind = iota
	group
	resource
)

// period is the number of entries that include one group and one resource. A small
// directory has a shorter period, so that faults can be planted in these.
const (
	period      = 200
	leastPeriod = 20
)

// layout determines the kind of each entry. The entries are numbered from 0, and so
// are those of each kind.
type layout struct {
	period, groupAt, resourceAt int64
	entries                     int64
	users, groups, resources    int64
}

func newLayout(entries int64) layout {
	p := min(period, max(leastPeriod, entries/10))
	l := layout{period: p, groupAt: p / 3, resourceAt: 2 * p / 3, entries: entries}
	whole, rest := entries/p, entries%p
	l.groups, l.resources = whole, whole
	if rest > l.groupAt {
		l.groups++
	}
	if rest > l.resourceAt {
		l.resources++
	}
	l.users = entries - l.groups - l.resources
	return l
}

// locate returns the kind of entry n and its number within the kind.
func (l *layout) locate(n int64) (kind, int64) {
	block, at := n/l.period, n%l.period
	switch at {
	case l.groupAt:
		return group, block
	case l.resourceAt:
		return resource, block
	}
	u := block*(l.period-2) + at
	if at > l.groupAt {
		u--
	}
	if at > l.resourceAt {
		u--
	}
	return user, u
}

// number is the inverse of locate.
func (l *layout) number(k kind, index int64) int64 {
	switch k {
	case group:
		return index*l.period + l.groupAt
	case resource:
		return index*l.period + l.resourceAt
	}
	block, at := index/(l.period-2), index%(l.period-2)
	if at >= l.groupAt {
		at++
	}
	if at >= l.resourceAt {
		at++
	}
	return block*l.period + at
}

// The streams of random numbers. They are independent of each other.
const (
	whoStream  = iota // the name and domain of an entry
	ofStream          // the values of an entry
	idStream          // the first half of a unique id
	idStream2         // the second half
	sideStream        // the server of a user
	planStream        // where the faults are planted
	streams
)

const golden = 0x9e3779b97f4a7c15

func newBases(seed uint64) (base [streams]uint64) {
	for i := range base {
		base[i] = mix(seed + mix(uint64(i+1)*golden))
	}
	return base
}

// draw returns number n of a stream. No two numbers of a stream are equal, because
// each step of the generator, splitmix64 (Steele, Lea and Flood, 2014), is a
// bijection.
func (d *Directory) draw(stream int, n uint64) uint64 { return mix(d.base[stream] + n*golden) }

func mix(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}

// below maps 16 bits of a random number, starting at the given bit, to 0..n-1.
func below(r uint64, bit uint, n int) int { return int(r >> bit & 0xffff * uint64(n) >> 16) }

// chance uses 16 bits in the same way. It is true in the given percentage of cases.
func chance(r uint64, bit uint, percent int) bool { return below(r, bit, 100) < percent }

// onCS7 reports whether a user is on Calendar Server 7. Of each three consecutive
// users, two are.
func (d *Directory) onCS7(user int64) bool {
	if d.o.DayOne {
		return false
	}
	return d.oldOf(user/3) != user%3
}

// oldOf returns which of three users is on Calendar Server 6.
func (d *Directory) oldOf(three int64) int64 {
	hi, _ := bits.Mul64(d.draw(sideStream, uint64(three)), 3)
	return int64(hi)
}

// sides counts the users on each server.
func (d *Directory) sides() (cs6, cs7 int64) {
	users := d.layout.users
	if d.o.DayOne {
		return users, 0
	}
	cs6 = users / 3
	if rest := users % 3; rest > 0 && d.oldOf(users/3) < rest {
		cs6++
	}
	return cs6, users - cs6
}
