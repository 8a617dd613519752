package dirgen

import "math/bits"

type kind uint8

const (
	user kind = iota
	group
	resource
)

// period is how many entries have one group and one resource among them. A small
// directory has more of them, so that there is something to plant faults in.
const (
	period      = 200
	leastPeriod = 20
)

// layout says which entry is of which kind. The entries are numbered from 0, and
// so are those of each kind.
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

// locate returns what entry n is, and its number within its kind.
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

// The streams are independent of each other.
const (
	whoStream  = iota // name and domain of an entry
	ofStream          // what it holds
	idStream          // its unique id
	idStream2         // the second half of that
	sideStream        // on which server a user is
	planStream        // where the faults go
	streams
)

const golden = 0x9e3779b97f4a7c15

func newBases(seed uint64) (base [streams]uint64) {
	for i := range base {
		base[i] = mix(seed + mix(uint64(i+1)*golden))
	}
	return base
}

// draw returns number n of a stream. No two numbers of one stream are equal:
// this is the generator splitmix64 (Steele, Lea and Flood, 2014), of which each
// step is a bijection.
func (d *Directory) draw(stream int, n uint64) uint64 { return mix(d.base[stream] + n*golden) }

func mix(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}

// below maps 16 bits of a drawn number, those from the given bit on, to 0..n-1.
func below(r uint64, bit uint, n int) int { return int(r >> bit & 0xffff * uint64(n) >> 16) }

// chance uses 16 bits likewise: it holds in the given percentage of cases.
func chance(r uint64, bit uint, percent int) bool { return below(r, bit, 100) < percent }

// onCS7 tells on which server a user is: of three that follow each other two are
// on Calendar Server 7.
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
