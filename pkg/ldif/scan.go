package ldif

import (
	"context"
	"errors"
	"io"

	"github.com/davadmin/davadmin/internal/crash"
)

// Summary is what ScanParallel read.
type Summary struct {
	Bytes  int64 // passed to workers
	Lines  int   // in them
	Search Search
}

// ScanParallel reads all of r as a Reader would, with several workers, and calls fn
// for each record: with rec, or with bad for an invalid one. The set of records that
// fn receives, including Line and Offset, does not depend on workers, but their
// order does. Offset is the position in the input, so it can be used for sorting.
//
// fn is called by several goroutines at once, but never concurrently with the same
// worker, a number from 0 to workers-1, and never after ScanParallel has returned.
// rec is valid until fn returns.
//
// A nil error means that r ended with io.EOF and that fn received everything. An
// error of r is returned after fn has received all records that were complete before
// it. An error of fn, or the end of ctx, is returned after the workers have stopped;
// any records may then be missing, not only the last ones. ScanParallel checks ctx
// between reads: to stop a read that blocks, close r.
func ScanParallel(ctx context.Context, r io.Reader, o Options, workers int,
	fn func(worker int, rec *Record, bad *RecordError) error) (Summary, error) {
	return scanParallel(ctx, r, o, workers, pieceSize, fn)
}

// numbered is a piece with the number of its first line.
type numbered struct {
	piece
	line int
}

func scanParallel(ctx context.Context, r io.Reader, o Options, workers, size int,
	fn func(worker int, rec *Record, bad *RecordError) error) (Summary, error) {
	o = o.withDefaults()
	workers = max(1, workers)
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	s := &scan{
		cut:  cutter{r: r, size: size, limit: o.MaxEntry},
		full: make(chan numbered),
		// One buffer for each worker and one that is being filled. A worker
		// returns its buffer without waiting.
		free: make(chan []byte, workers+1),
	}
	for range workers + 1 {
		s.free <- nil
	}
	searches := make([]Search, workers)
	var wg crash.Group
	for i := range workers {
		wg.Go(func() {
			p := parser{o: o}
			err := crash.Catch(func() error {
				return s.work(ctx, &p, func(rec *Record, bad *RecordError) error { return fn(i, rec, bad) })
			})
			if err != nil {
				stop(err)
			}
			searches[i] = p.search
		})
	}
	sum, err := s.deal(ctx)
	close(s.full)
	wg.Wait()
	for _, found := range searches {
		sum.Search.merge(found)
	}
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return sum, err
}

// scan is the state of one ScanParallel call. Workers receive pieces from full and
// return their buffers to free.
type scan struct {
	cut  cutter
	full chan numbered
	free chan []byte
}

// deal splits the input and passes the pieces to the workers. It returns nil at the
// end of the input.
func (s *scan) deal(ctx context.Context) (Summary, error) {
	sum := Summary{}
	for {
		var buf []byte
		select {
		case buf = <-s.free:
		case <-ctx.Done():
			return sum, context.Cause(ctx)
		}
		p, err := s.cut.next(buf)
		if errors.Is(err, io.EOF) {
			return sum, nil
		}
		if err != nil {
			return sum, err
		}
		n := numbered{piece: p, line: sum.Lines + 1}
		size, lines := int64(len(p.data)), p.lines
		if p.oversize {
			size = p.size
		} else {
			var c lineCounter
			c.add(p.data)
			lines = c.total()
		}
		select {
		case s.full <- n:
		case <-ctx.Done():
			return sum, context.Cause(ctx)
		}
		sum.Bytes += size
		sum.Lines += lines
	}
}

// work parses pieces until full is closed.
func (s *scan) work(ctx context.Context, p *parser, fn func(*Record, *RecordError) error) error {
	for n := range s.full {
		select {
		case <-ctx.Done():
			return nil // ScanParallel returns the cause
		default:
		}
		p.load(n.piece, n.line)
		for {
			rec, bad := p.next()
			if rec == nil && bad == nil {
				break
			}
			if err := fn(rec, bad); err != nil {
				return err
			}
		}
		s.free <- n.data
	}
	return nil
}
