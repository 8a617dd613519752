package directory

import (
	"context"
	"io"

	"github.com/davadmin/davadmin/internal/crash"
)

// ahead reads in a goroutine of its own, a few blocks ahead of its reader. So
// decompressing runs in parallel with parsing, and a pipe without data does not block a
// reader that has to stop.
type ahead struct {
	ctx  context.Context
	full chan aheadBlock
	free chan []byte
	stop chan struct{}
	done chan struct{} // closed when the goroutine has ended; nil if Close does not wait for it

	current aheadBlock
	rest    []byte // of current
}

type aheadBlock struct {
	data []byte
	err  error // of the read after data
}

const blocksAhead = 3

// newAhead starts reading what open returns, and closes that at the end. wait makes
// Close wait for the goroutine; it must be false when a read can block forever.
func newAhead(ctx context.Context, open func() (io.ReadCloser, error), wait bool) *ahead {
	a := &ahead{
		ctx:  ctx,
		full: make(chan aheadBlock, blocksAhead),
		free: make(chan []byte, blocksAhead),
		stop: make(chan struct{}),
	}
	for range blocksAhead {
		a.free <- nil
	}
	if wait {
		a.done = make(chan struct{})
	}
	crash.Go(func() error {
		a.run(open)
		return nil
	}, func(err error) {
		if err != nil {
			select {
			case a.full <- aheadBlock{err: err}:
			case <-a.stop:
			}
		}
		if a.done != nil {
			close(a.done)
		}
	})
	return a
}

func (a *ahead) run(open func() (io.ReadCloser, error)) {
	r, err := open()
	if err != nil {
		a.full <- aheadBlock{err: err} // the channel has room for the first block
		return
	}
	defer r.Close()
	for {
		var buf []byte
		select {
		case buf = <-a.free:
		case <-a.stop:
			return
		}
		if buf == nil {
			buf = make([]byte, readSize)
		}
		n, err := fillHalf(r, buf)
		select {
		case a.full <- aheadBlock{buf[:n], err}:
		case <-a.stop:
			return
		}
		if err != nil {
			return
		}
	}
}

// fillHalf reads until b is at least half full, because waking another goroutine for a
// few bytes is expensive.
func fillHalf(r io.Reader, b []byte) (n int, err error) {
	for idle := 0; n < len(b)/2 && err == nil; {
		var m int
		m, err = r.Read(b[n:])
		n += m
		if idle++; m > 0 {
			idle = 0
		}
		if idle == 100 && err == nil {
			err = io.ErrNoProgress
		}
	}
	return n, err
}

func (a *ahead) Read(b []byte) (int, error) {
	for len(a.rest) == 0 {
		if a.current.err != nil {
			return 0, a.current.err
		}
		if a.current.data != nil {
			a.free <- a.current.data[:cap(a.current.data)]
			a.current.data = nil
		}
		select {
		case a.current = <-a.full:
			a.rest = a.current.data
		case <-a.ctx.Done():
			a.current.err = context.Cause(a.ctx)
		}
	}
	n := copy(b, a.rest)
	a.rest = a.rest[n:]
	return n, nil
}

// Close ends the goroutine.
func (a *ahead) Close() error {
	close(a.stop)
	if a.done != nil {
		<-a.done
	}
	return nil
}
