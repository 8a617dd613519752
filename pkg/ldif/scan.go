package ldif

import (
	"context"
	"errors"
	"io"
	"sync"
)

// Summary is what ScanParallel has read.
type Summary struct {
	Bytes  int64 // given to workers
	Lines  int   // in them
	Search Search
}

// ScanParallel reads all of r as a Reader would, with several workers, and gives
// each record to fn: either rec, or bad where one is broken. What fn is given in
// total, Line and Offset included, does not depend on workers; the order does.
// Offset grows with the place in the input and sorts what was found.
//
// fn is called by several goroutines at once, but never twice at once with the
// same worker, a number from 0 to workers-1, and never after ScanParallel has
// returned. rec is good until fn returns.
//
// A nil error means that r ended with io.EOF and that fn was given everything.
// An error of r is returned when all records that were complete before it have
// been given to fn. An error of fn, or the end of ctx, is returned once the
// workers have stopped, and then records anywhere before the last one may be
// missing. ScanParallel looks at ctx between reads: who must be able to stop a
// read that waits has to close r.
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
		// gives its buffer back without waiting.
		free: make(chan []byte, workers+1),
	}
	for range workers + 1 {
		s.free <- nil
	}
	searches := make([]Search, workers)
	var wg sync.WaitGroup
	for i := range workers {
		wg.Go(func() {
			p := parser{o: o}
			if err := s.work(ctx, &p, func(rec *Record, bad *RecordError) error { return fn(i, rec, bad) }); err != nil {
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

// scan is the work of one ScanParallel: pieces go to the workers in full
// buffers, which come back free.
type scan struct {
	cut  cutter
	full chan numbered
	free chan []byte
}

// deal cuts the input and gives the pieces to the workers. It returns nil at
// the end of the input.
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

// work reads pieces until there are none.
func (s *scan) work(ctx context.Context, p *parser, fn func(*Record, *RecordError) error) error {
	for n := range s.full {
		select {
		case <-ctx.Done():
			return nil // ScanParallel says why
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
