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

	pacer  pacer
	long   bool // the answer may be long
	page   int  // maximum number of entries in a page; 0 for no pages
	here   int  // entries read of this page
	before int  // entries of earlier pages
	got    int  // bytes read
	credit int  // bytes received that can be read without waiting
}

const (
	// gatherFrom is the number of bytes of an answer that are read at once, so that
	// small answers are not delayed. It is small, because reading immediately at the
	// beginning makes the kernel of the peer send small packets.
	gatherFrom = 4 << 10
	// gatherLeast is the remaining size in bytes of a page for which waiting is not
	// worthwhile.
	gatherLeast = 8 << 10
)

func newInlet(raw net.Conn) *inlet { return &inlet{Conn: raw} }

// watch makes reads fail when nothing is received for the given time.
func (in *inlet) watch(idle time.Duration) { in.idle, in.until = idle, time.Time{} }

// unwatch turns the idle timeout off, so that the caller can set deadlines.
func (in *inlet) unwatch() { in.idle = 0 }

// expect announces an answer: whether it may be long, and the maximum number of
// entries in a page, 0 without pages.
func (in *inlet) expect(long bool, page int) {
	in.long, in.page = long, page
	in.here, in.before, in.got, in.credit = 0, 0, 0, 0
}

// nextPage announces another page of the same answer.
func (in *inlet) nextPage() { in.before, in.here = in.before+in.here, 0 }

// isNearEnd estimates whether little is left of a page. The server then waits for the
// next request.
func (in *inlet) isNearEnd() bool {
	entries := in.before + in.here
	return in.page > 0 && entries > 0 && (in.page-in.here)*(in.got/entries) < gatherLeast
}

// Read reads the data that has arrived, and waits if there is none.
func (in *inlet) Read(b []byte) (int, error) {
	if in.idle == 0 {
		return in.Conn.Read(b)
	}
	if in.long && in.credit <= 0 && in.got >= gatherFrom && !in.isNearEnd() {
		in.credit = in.pacer.gather(in.Conn)
	}
	n, err := in.readWatched(b)
	in.got += n
	in.credit -= n
	return n, err
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
