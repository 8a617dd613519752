package directory

import (
	"errors"
	"net"
	"os"
	"time"
)

// inlet reads from a connection, below TLS if there is TLS. It enforces the idle
// timeout, and it lets data accumulate: when a server writes each entry separately and
// the reader wakes up for each one, both spend more time on that than on entries.
type inlet struct {
	net.Conn

	idle  time.Duration // the idle timeout; 0: none, and do not accumulate data
	until time.Time     // the read deadline set here

	pacing pacing
	pace   pace      // of the current answer
	seen   progress  // of the current answer
	before int       // entries of earlier pages
	start  time.Time // when this page was requested
	rested time.Time // the end of the last pause
	credit int       // bytes received that can be read without waiting
	block  []byte    // what is read and not passed on; nil if reads are not combined
	rest   []byte    // of block
}

func newInlet(raw net.Conn) *inlet { return &inlet{Conn: raw} }

// watch makes reads fail when nothing is received for the given time.
func (in *inlet) watch(idle time.Duration) { in.idle, in.until = idle, time.Time{} }

// unwatch turns the idle timeout off, so that the caller can set deadlines.
func (in *inlet) unwatch() { in.idle = 0 }

// use sets the connection, on which nothing is pending.
func (in *inlet) use(raw net.Conn) { in.Conn, in.pacing = raw, pacingOf(raw) }

// combine makes the inlet read large blocks, however little is asked for. TLS asks for one
// record at a time, and a server sends each entry as a record.
func (in *inlet) combine() { in.block = make([]byte, tlsBlock) }

const tlsBlock = 64 << 10

// expect announces an answer: whether it may be long, and the maximum number of
// entries in a page, 0 without pages.
func (in *inlet) expect(long bool, page int) {
	in.seen = progress{long: long, page: page}
	in.pace, in.before, in.credit = pace{}, 0, 0
	in.start = time.Now()
}

// nextPage announces another page of the same answer.
func (in *inlet) nextPage() {
	in.before += in.seen.here
	in.seen.here, in.seen.gotHere = 0, 0
	in.start = time.Now()
	if in.pacing.review {
		in.pacing = reviewPacing(in.Conn, in.pacing)
	}
}

// Read reads the data that has arrived, and waits if absent.
func (in *inlet) Read(b []byte) (int, error) {
	if len(in.rest) == 0 {
		if len(b) >= len(in.block) {
			return in.readPaced(b)
		}
		n, err := in.readPaced(in.block)
		if in.rest = in.block[:n]; n == 0 {
			return 0, err
		}
	}
	n := copy(b, in.rest)
	in.rest = in.rest[n:]
	return n, nil
}

// readPaced reads from the connection, after a pause if that lets data accumulate.
func (in *inlet) readPaced(b []byte) (int, error) {
	if in.idle == 0 {
		return in.Conn.Read(b)
	}
	if in.seen.long && in.credit <= 0 {
		in.gather()
	}
	n, err := in.readWatched(b)
	in.seen.got += int64(n)
	in.seen.gotHere += int64(n)
	in.credit -= n
	return n, err
}

// gather waits if that is worthwhile.
func (in *inlet) gather() {
	queued, ok := queuedOf(in.Conn)
	if !ok {
		return
	}
	now := time.Now()
	in.seen.entries, in.seen.elapsed = in.before+in.seen.here, now.Sub(in.start)
	length := in.pace.pause(&in.pacing, &in.seen, queued)
	if length <= 0 {
		return
	}
	if in.pacing.fromLast {
		length -= now.Sub(in.rested)
	}
	if length > 0 {
		rest(length)
	}
	in.rested = time.Now()
	after, _ := queuedOf(in.Conn)
	in.pace.learn(&in.pacing, length, after-queued)
	if in.pacing.untilRead {
		in.credit = after
	}
}

// readWatched fails with os.ErrDeadlineExceeded when nothing is received within the
// idle timeout. It renews the deadline from time to time, not for each read.
func (in *inlet) readWatched(b []byte) (int, error) {
	start := time.Now()
	for now := start; ; now = time.Now() {
		if in.until.Sub(now) < in.idle-min(in.idle/8, time.Second) {
			in.until = now.Add(in.idle)
			if err := in.SetReadDeadline(in.until); err != nil {
				return 0, err
			}
		}
		n, err := in.Conn.Read(b)
		// The deadline was set for an earlier read and may be too early for this one.
		if n > 0 || !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) >= in.idle {
			return n, err
		}
	}
}
