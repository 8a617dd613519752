package recur

import "github.com/davadmin/davadmin/pkg/ical"

// between returns how many times the rule gives from one time until before another.
func (it *Iterator) between(from, until ical.Civil) int64 {
	it.position(from)
	n := int64(0)
	for n < it.count && it.spend(1) {
		t, ok := it.advance()
		if !ok || t >= until {
			break
		}
		n++
	}
	return n
}
