package recur

import (
	"math/bits"
	"slices"
)

// clock is a set of times within a period of one day, hour, minute or second, in seconds since
// its beginning: either every combination of hours, minutes and seconds, or a list.
type clock struct {
	hours, minutes, seconds uint64 // bit n is the value n
	list                    []int  // if not nil, the times; sorted
}

// bitsOf returns the set of a list of numbers from 0 to 63.
func bitsOf(list []int) uint64 {
	set := uint64(0)
	for _, n := range list {
		if n >= 0 && n < 64 {
			set |= 1 << n
		}
	}
	return set
}

// size returns the number of times.
func (c *clock) size() int {
	if c.list != nil {
		return len(c.list)
	}
	return bits.OnesCount64(c.hours) * bits.OnesCount64(c.minutes) * bits.OnesCount64(c.seconds)
}

// next returns the first time that is not before a given one. The set must not be empty.
func (c *clock) next(from int) (int, bool) {
	if c.list != nil {
		i, _ := slices.BinarySearch(c.list, from)
		if i == len(c.list) {
			return 0, false
		}
		return c.list[i], true
	}
	if from == 0 {
		return bits.TrailingZeros64(c.hours)*3600 + bits.TrailingZeros64(c.minutes)*60 + bits.TrailingZeros64(c.seconds), true
	}
	h, m, s := from/3600, from/60%60, from%60
	if c.hours>>h&1 != 0 {
		if c.minutes>>m&1 != 0 {
			if rest := c.seconds >> s; rest != 0 {
				return from + bits.TrailingZeros64(rest), true
			}
		}
		if rest := c.minutes >> (m + 1); rest != 0 {
			return h*3600 + (m+1+bits.TrailingZeros64(rest))*60 + bits.TrailingZeros64(c.seconds), true
		}
	}
	if rest := c.hours >> (h + 1); rest != 0 {
		return (h+1+bits.TrailingZeros64(rest))*3600 + bits.TrailingZeros64(c.minutes)*60 + bits.TrailingZeros64(c.seconds), true
	}
	return 0, false
}

// before returns the number of times before a given one.
func (c *clock) before(t int) int {
	if c.list != nil {
		i, _ := slices.BinarySearch(c.list, t)
		return i
	}
	h, m, s := t/3600, t/60%60, t%60
	below := func(set uint64, n int) int { return bits.OnesCount64(set & (1<<n - 1)) }
	seconds := bits.OnesCount64(c.seconds)
	n := below(c.hours, h) * bits.OnesCount64(c.minutes) * seconds
	if c.hours>>h&1 != 0 {
		n += below(c.minutes, m) * seconds
		if c.minutes>>m&1 != 0 {
			n += below(c.seconds, s)
		}
	}
	return n
}

// at returns the time with n times before it.
func (c *clock) at(n int) int {
	if c.list != nil {
		return c.list[n]
	}
	seconds := bits.OnesCount64(c.seconds)
	perHour := bits.OnesCount64(c.minutes) * seconds
	return nthBit(c.hours, n/perHour)*3600 + nthBit(c.minutes, n%perHour/seconds)*60 + nthBit(c.seconds, n%seconds)
}

// nthBit returns the number of the bit that has n set bits below it.
func nthBit(set uint64, n int) int {
	for ; n > 0; n-- {
		set &= set - 1
	}
	return bits.TrailingZeros64(set)
}

// pick reduces the times to those at the given positions (BYSETPOS).
func (c *clock) pick(positions []int) {
	list := make([]int, 0, min(len(positions), 2*maxSetPos))
	for _, i := range positions {
		if n, ok := position(i, c.size()); ok {
			list = append(list, c.at(n))
		}
	}
	slices.Sort(list)
	if list = slices.Compact(list); len(list) < c.size() {
		c.list = list
	}
}

// maxSetPos is the greatest number in BYSETPOS.
const maxSetPos = 366

// position converts a value of BYSETPOS to an index into a set of the given size.
func position(i, size int) (int, bool) {
	switch {
	case i > 0 && i <= min(size, maxSetPos):
		return i - 1, true
	case i < 0 && i >= -min(size, maxSetPos):
		return size + i, true
	}
	return 0, false
}
