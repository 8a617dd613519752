package directory

import "time"

// pacing is how long a reader pauses before it reads more of a long answer, so that data
// can accumulate.
//
// OpenLDAP writes each entry separately, and as long as the window of the connection is
// open, its kernel sends each as a packet of its own: a million entries cost a million
// packets and wake-ups, which take longer than making the entries. When the window is
// closed the kernel combines what waits. So the reader must have a small window and stay
// away for longer than it takes to fill it. The values were found by measurements.
type pacing struct {
	// atOnce is the number of bytes that are read without a pause. It must be much less
	// than half of the window: a kernel waits for half of the window before it sends more,
	// so that reader and server would wait for each other.
	atOnce   int
	longest  time.Duration // the first pause
	shortest time.Duration
	worth    int // bytes that a pause must bring, or the next one is shorter
	// toEnd makes no pause longer than the rest of the page is expected to take.
	toEnd bool
	// untilRead makes the next pause begin only after all that had arrived was read.
	untilRead bool
	// fromLast counts a pause from the end of the previous one.
	fromLast bool
	// review reports whether to check, before each page, that the window is large enough.
	review bool
}

// smallWindow is the pacing of a connection with a window of some 64 KiB. Four
// milliseconds are about five times what a server needs to fill it.
func smallWindow() pacing {
	return pacing{atOnce: 2 << 10, longest: 4 * time.Millisecond, shortest: 500 * time.Microsecond, worth: 8 << 10, toEnd: true}
}

// largeWindow is the pacing of a connection to a distant server, whose window the kernel
// adapts. A longer pause would accumulate so much that the kernel enlarges the window,
// after which each entry is a packet again.
func largeWindow() pacing {
	return pacing{atOnce: always, longest: 500 * time.Microsecond, shortest: 500 * time.Microsecond, toEnd: true, untilRead: true, fromLast: true}
}

// unixSocket is the pacing of a Unix domain socket, which can hold only a few hundred
// entries, however small these are.
func unixSocket() pacing {
	return pacing{atOnce: always, longest: 200 * time.Microsecond, shortest: 200 * time.Microsecond, untilRead: true, fromLast: true}
}

const (
	// always, as atOnce, makes the reader pause however much has arrived.
	always = 1 << 30
	// gatherFrom is the number of bytes of an answer that are read without a pause, so
	// that small answers are not delayed. It is small, because reading immediately at
	// the beginning makes the kernel of the peer send small packets.
	gatherFrom = 4 << 10
	// gatherLeast is the remaining size in bytes of a page for which a pause is not
	// worthwhile: the server would wait for the next request.
	gatherLeast = 8 << 10
)

// progress is what is known of an answer before a read.
type progress struct {
	long    bool          // the answer may be long
	got     int64         // bytes received
	entries int           // entries in them
	page    int           // maximum number of entries in a page; 0 without pages
	here    int           // entries received of this page
	gotHere int64         // bytes received of this page
	elapsed time.Duration // since this page was requested
}

// left estimates the number of bytes of the page that are not received yet. It returns
// false if that is unknown.
func (p *progress) left() (int64, bool) {
	if p.page == 0 || p.entries == 0 {
		return 0, false
	}
	return int64(max(p.page-p.here, 0)) * (p.got / int64(p.entries)), true
}

// pace chooses the pauses before the reads of one answer. The zero value is ready for use.
type pace struct{ length time.Duration }

// pause returns how long to wait before the next read; queued is the number of bytes that
// can be read without waiting. It returns 0 for small answers and near the end of a page.
func (c *pace) pause(k *pacing, p *progress, queued int) time.Duration {
	if !p.long || p.got < gatherFrom || queued >= k.atOnce {
		return 0
	}
	if c.length == 0 || c.length > k.longest {
		c.length = k.longest
	}
	left, known := p.left()
	left -= int64(queued)
	switch {
	case !known:
		return c.length
	case left < gatherLeast:
		return 0
	case !k.toEnd || p.gotHere <= 0:
		return c.length
	}
	rest := float64(p.elapsed) * float64(left) / float64(p.gotHere)
	return time.Duration(min(rest, float64(c.length)))
}

// learn changes the length of the pauses after one of the given length, during which so
// many bytes arrived. So a server that sends little is hardly slowed down.
func (c *pace) learn(k *pacing, waited time.Duration, arrived int) {
	switch {
	case arrived >= k.worth:
		c.length = min(2*c.length, k.longest)
	case waited >= c.length:
		c.length = max(c.length/2, k.shortest)
	}
}
