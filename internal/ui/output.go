package ui

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"sync"
	"syscall"
	"time"

	"github.com/davadmin/davadmin/internal/crash"
)

// outputGrace is how long output is still written after the context has ended, from the
// first write that sees it. So a run that is stopped can report what it did, but neither a
// reader that does not read nor a long report delays its end.
const outputGrace = 700 * time.Millisecond

// OutputError is the error of output that could not be written.
type OutputError struct{ Err error }

func (e *OutputError) Error() string {
	return "the output could not be written: " + e.Err.Error()
}

func (e *OutputError) Unwrap() error { return e.Err }

// ReaderGone reports whether the reader of the output closed it, as head does.
func (e *OutputError) ReaderGone() bool { return errors.Is(e.Err, syscall.EPIPE) }

// Output writes the output of a run. Its first error is an *OutputError, which every later
// call returns again. But when the reader has closed the output, Write drops the rest, unless
// EndWithReader was called. A write that blocks ends soon after the context has ended.
// It is safe for concurrent use.
type Output struct {
	mu        sync.Mutex
	buf       *bufio.Writer
	pipe      *pipe
	err       *OutputError
	continues bool
	ends      bool
}

// NewOutput returns an Output to w. It has a buffer of that many bytes; with 0 every write
// is passed on at once.
func NewOutput(ctx context.Context, w io.Writer, buffer int) *Output {
	p := &pipe{ctx: ctx, w: w}
	o := &Output{pipe: p}
	if buffer > 0 {
		o.buf = bufio.NewWriterSize(p, buffer)
	}
	return o
}

// Continue makes Write drop what cannot be written instead of returning an error, so that
// work goes on whose result is more than its output.
func (o *Output) Continue() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.continues = true
}

// EndWithReader makes Write return an error when the reader has closed the output, so that
// a long listing ends.
func (o *Output) EndWithReader() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.ends = true
}

// Write writes or buffers b.
func (o *Output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	n := len(b)
	// After an error the writer below may still be using its data.
	if o.err == nil {
		var err error
		if o.buf != nil {
			_, err = o.buf.Write(b)
		} else {
			_, err = o.pipe.Write(b)
		}
		o.keep(err)
	}
	if o.err != nil && !o.continues && (o.ends || !o.err.ReaderGone()) {
		return 0, o.err
	}
	return n, nil
}

// Flush writes what is buffered. It returns the first error of all writes, even after
// Continue.
func (o *Output) Flush() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err == nil && o.buf != nil {
		o.keep(o.buf.Flush())
	}
	if o.err == nil {
		return nil
	}
	return o.err
}

func (o *Output) keep(err error) {
	if err != nil {
		o.err = &OutputError{err}
	}
}

// pipe is the writer below the buffer.
type pipe struct {
	ctx     context.Context
	w       io.Writer
	stopped time.Time // when a write first saw that ctx had ended; zero before
}

// Write writes b in a goroutine, which is left behind when it takes too long.
func (p *pipe) Write(b []byte) (int, error) {
	b = bytes.Clone(b) // the caller may reuse b, but the goroutine may still be using it
	done := make(chan error, 1)
	crash.Go(func() error {
		_, err := p.w.Write(b)
		return err
	}, func(err error) { done <- err })
	end := p.ctx.Done()
	var late <-chan time.Time
	for {
		select {
		case err := <-done:
			if err == nil && late != nil && p.left() <= 0 {
				return len(b), p.tooLate()
			}
			return len(b), err
		case <-end:
			end = nil
			t := time.NewTimer(p.left())
			defer t.Stop()
			late = t.C
		case <-late:
			return 0, p.tooLate()
		}
	}
}

// left returns the time that output is still written.
func (p *pipe) left() time.Duration {
	if p.stopped.IsZero() {
		p.stopped = time.Now()
	}
	return outputGrace - time.Since(p.stopped)
}

func (p *pipe) tooLate() error {
	return &unreadError{p.ctx.Err()}
}

// unreadError is returned for output that a stopped run did not wait for.
type unreadError struct{ ended error }

func (e *unreadError) Error() string { return "it was not read before the run was stopped" }

func (e *unreadError) Unwrap() error { return e.ended }

// Guard returns the streams of a run that ends with ctx: Out gets a buffer, and no write
// outlasts ctx for long. If the streams are already guarded, it returns them.
func (s *Streams) Guard(ctx context.Context) *Streams {
	guarded := *s
	if s.Output == nil {
		guarded.Output = NewOutput(ctx, s.Out, 32<<10)
		guarded.Out, guarded.Err = guarded.Output, NewOutput(ctx, s.Err, 0)
	}
	return &guarded
}
