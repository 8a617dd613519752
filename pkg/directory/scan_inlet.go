package directory

import (
	"errors"
	"net"
	"os"
	"time"
)

// inlet reads from a connection, under TLS where there is TLS. It watches that
// something comes, and it lets data gather: a server that writes each entry by
// itself, and a reader that wakes for each, are busy with each other more than
// with entries.
type inlet struct {
	net.Conn

	idle  time.Duration // how long nothing may come; 0: for ever, and no gathering
	until time.Time     // the deadline of reads, as far as it was set here

	pacer  pacer
	long   bool // much may come
	page   int  // entries of a page at most; 0 for no pages
	here   int  // entries of this page that were read
	before int  // entries of earlier pages
	got    int  // bytes of all that was read
	credit int  // bytes that are there and can be read without waiting
}

const (
	// gatherFrom is how many bytes an answer must have so far for more of it to
	// be waited for. Small answers come at once. It is not much: whoever reads at
	// once in the beginning teaches the peer's kernel to send small packets.
	gatherFrom = 4 << 10
	// gatherLeast is when it is not worth while to wait for the rest of a page.
	gatherLeast = 8 << 10
)

func newInlet(raw net.Conn) *inlet { return &inlet{Conn: raw} }

// watch makes reads fail when nothing comes for the given time.
func (in *inlet) watch(idle time.Duration) { in.idle, in.until = idle, time.Time{} }

// unwatch leaves deadlines to others.
func (in *inlet) unwatch() { in.idle = 0 }

// expect says that an answer begins, whether it may be long, and how many
// entries it has at most when they come in pages.
func (in *inlet) expect(long bool, page int) {
	in.long, in.page = long, page
	in.here, in.before, in.got, in.credit = 0, 0, 0, 0
}

// nextPage says that another page of the same answer begins.
func (in *inlet) nextPage() { in.before, in.here = in.before+in.here, 0 }

// isNearEnd tells whether little of a page is to come, as far as that can be told:
// the server waits for the next request then.
func (in *inlet) isNearEnd() bool {
	entries := in.before + in.here
	return in.page > 0 && entries > 0 && (in.page-in.here)*(in.got/entries) < gatherLeast
}

// Read reads what is there, and waits until something is.
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

// readWatched fails with os.ErrDeadlineExceeded when nothing comes for the time
// that is allowed. The deadline is set anew now and then, not for each read.
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
		// A deadline set for an earlier read may be too early for this one.
		if n > 0 || !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) >= in.idle {
			return n, err
		}
	}
}
