package recur

import (
	"sync/atomic"
	"time"

	"github.com/davadmin/davadmin/pkg/ical"
)

// Zone is a time zone: which offset from UTC holds at each instant.
//
// It is exact from the beginning of year 0 to the end of year 9999; before and after, the first
// and the last offset hold. A Zone is safe for concurrent use, must not be copied, and uses a bounded amount of
// memory, whatever is asked.
type Zone struct {
	name   string
	offset int32 // if there is no source
	source source

	location *time.Location // if it is from the time zone database

	// Before first, the offset is the same as at first. From cycle on, the offsets repeat every
	// 400 years, as the calendar does; maxInstant if they do not.
	first, cycle int64

	// blocks are the parts of time that were looked up, from the one that contains first. There
	// is one for every instant between first and the end of the first cycle, so that nothing is
	// computed twice.
	blocks []atomic.Pointer[block]
}

// source finds the changes of the offset of a zone. It is safe for concurrent use.
type source interface {
	// load appends the changes in [from, to) to the block, in which only the number is set.
	load(b *block, from, to int64)
}

// The sizes of blocks.
const (
	// blockShift makes blocks of 2^28 s, 8.5 years. A zone with summer time has about 17 changes
	// in that time.
	blockShift = 28
	// maxBlocks is the maximum number of blocks of a zone, 5,100 years.
	maxBlocks = 600
	// maxChanges is the maximum number of changes in a block. Only hostile zones have more; the
	// rest of their block has the last of these offsets.
	maxChanges = 128
	// usualChanges is enough for summer time.
	usualChanges = 18
)

// cycleLength is the length of 400 years in seconds.
const cycleLength = 146097 * ical.SecondsPerDay

// The instants within which zones are exact.
const (
	minInstant = -62167219200 - 2*ical.SecondsPerDay // 0000-01-01
	maxInstant = 253402300800 + 2*ical.SecondsPerDay // 10000-01-01
)

// maxOffset is the maximum distance of an offset from UTC in seconds.
const maxOffset = ical.SecondsPerDay - 1

// block is a part of time in a zone.
type block struct {
	number  int64
	times   []int64 // of changes, ascending
	offsets []int32 // offsets[0] holds from the beginning, offsets[i+1] from times[i]
}

// start appends the offset at the beginning of the block.
func (b *block) start(offset int32) { b.offsets = append(b.offsets[:0], offset) }

// change appends a change, unless the offset is the same or there are too many.
func (b *block) change(at int64, offset int32) {
	last := len(b.times) - 1
	switch {
	case last >= 0 && b.times[last] == at:
		b.offsets[last+1] = offset
		if b.offsets[last] == offset {
			b.times, b.offsets = b.times[:last], b.offsets[:last+1]
		}
	case b.offsets[last+1] != offset && len(b.times) < maxChanges:
		b.times = append(b.times, at)
		b.offsets = append(b.offsets, offset)
	}
}

// find returns the index of the offset that holds at an instant within the block.
func (b *block) find(unix int64) int {
	low, high := 0, len(b.times)
	for low < high {
		if middle := int(uint(low+high) / 2); b.times[middle] <= unix {
			low = middle + 1
		} else {
			high = middle
		}
	}
	return low
}

// end returns when offset i of the block ends. The last one ends with the block, which need
// not be a change.
func (b *block) end(i int) int64 {
	if i < len(b.times) {
		return b.times[i]
	}
	return (b.number + 1) << blockShift
}

// limit sets the instants before which and from which nothing new happens: that of the first
// change, and one from which all changes follow rules that depend on the calendar only.
func (z *Zone) limit(first, cycle int64) {
	// The margin is more than the two days around an instant that reading a civil time needs.
	z.first = max(minInstant, first-7*ical.SecondsPerDay)
	z.cycle = min(maxInstant, cycle+7*ical.SecondsPerDay)
}

// blockCount returns how many blocks the zone can need. A lookup may look two days ahead.
func (z *Zone) blockCount() int64 {
	end := min(maxInstant, z.cycle+cycleLength) + 7*ical.SecondsPerDay
	return end>>blockShift - z.first>>blockShift + 1
}

// fold returns the instant in the cycle, or the limits of the zone, at which the same offset
// holds as at the given one, and the difference.
func (z *Zone) fold(unix int64) (same, difference int64) {
	same = max(z.first, min(maxInstant, unix))
	if same >= z.cycle {
		same -= (same - z.cycle) / cycleLength * cycleLength
	}
	return same, unix - same
}

// utcZone is never changed.
var utcZone = Zone{name: "UTC"}

// UTC returns the zone UTC.
func UTC() *Zone { return &utcZone }

// FixedZone returns a zone that always has the same offset, in seconds east of UTC. Offsets of
// a day or more are cut to less than a day.
func FixedZone(name string, offset int) *Zone {
	return &Zone{name: name, offset: int32(max(-maxOffset, min(maxOffset, offset)))}
}

// Location returns the zone for package time; nil if it is not one of the database, nor UTC.
func (z *Zone) Location() *time.Location {
	if z == UTC() {
		return time.UTC
	}
	return z.location
}

// Name returns the name of the zone: that of the tz database if it is from there, otherwise as
// it was given or found.
func (z *Zone) Name() string { return z.name }

// at returns the block that contains an instant. It is computed again each time if the instant
// is not one that fold returns, nor soon after it.
func (z *Zone) at(unix int64) *block {
	number := unix >> blockShift
	index := number - z.first>>blockShift
	kept := index >= 0 && index < int64(len(z.blocks))
	if kept {
		if b := z.blocks[index].Load(); b != nil {
			return b
		}
	}
	b := &block{number: number, times: make([]int64, 0, usualChanges), offsets: make([]int32, 0, usualChanges+1)}
	z.source.load(b, number<<blockShift, (number+1)<<blockShift)
	if kept {
		z.blocks[index].Store(b)
	}
	return b
}

// Offset returns the offset at an instant, in seconds east of UTC. It does not allocate, except
// where a part of time is new to the zone.
func (z *Zone) Offset(unix int64) int {
	if z.source == nil {
		return int(z.offset)
	}
	unix, _ = z.fold(unix)
	b := z.at(unix)
	return int(b.offsets[b.find(unix)])
}

// Civil returns the civil time at an instant.
func (z *Zone) Civil(unix int64) ical.Civil { return ical.Civil(unix + int64(z.Offset(unix))) }

// Unix returns the instant of a civil time (RFC 5545, 3.3.5): the first one of a time that the
// clock shows twice, and for a time that the clock skips, the one with the offset before the
// gap, so that 02:30 is 03:30 where the clock was put forward at 02:00.
func (z *Zone) Unix(c ical.Civil) int64 {
	if z.source == nil {
		return int64(c) - int64(z.offset)
	}
	// Every offset that ended a day before this instant ended before the clock showed c. From
	// there on, the first offset whose end is after c holds, unless it begins after c too.
	t := max(minInstant, min(maxInstant, int64(c)))
	start, difference := z.fold(t - ical.SecondsPerDay)
	t -= difference
	b := z.at(start)
	i := b.find(start)
	offset := b.offsets[i]
	for ; ; i++ {
		if i == len(b.offsets) {
			b, i = z.at(b.end(i)), 0
		}
		end := b.end(i)
		if unix := t - int64(b.offsets[i]); unix < end {
			if unix >= start {
				offset = b.offsets[i]
			}
			return int64(c) - int64(offset)
		}
		offset, start = b.offsets[i], end
	}
}
