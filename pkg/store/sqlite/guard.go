package sqlite

import (
	"context"
	"fmt"
	"time"

	"github.com/davadmin/davadmin/internal/crash"
	"github.com/davadmin/davadmin/pkg/store"
)

// guard interrupts a connection when a context ends or when a statement takes too long.
type guard struct {
	done  chan struct{} // closed to interrupt
	ended chan struct{} // closed when the guard ends
	limit time.Duration
	timer *time.Timer
	cause error // why done was closed; may be read after that
}

func newGuard(ctx context.Context, limit time.Duration) *guard {
	g := &guard{done: make(chan struct{}), ended: make(chan struct{}), limit: limit, timer: time.NewTimer(limit)}
	g.timer.Stop()
	crash.Go(func() error {
		select {
		case <-g.ended:
			return nil
		case <-ctx.Done():
			g.cause = ctx.Err()
		case <-g.timer.C:
			g.cause = fmt.Errorf("%w (%s)", store.ErrTimeLimit, limit)
		}
		close(g.done)
		return nil
	}, func(error) {})
	return g
}

// begin starts the limit of time of a statement.
func (g *guard) begin() {
	if g != nil {
		g.timer.Reset(g.limit)
	}
}

// pause ends the limit of time.
func (g *guard) pause() {
	if g != nil {
		g.timer.Stop()
	}
}

// stop ends the guard. It no longer interrupts anything.
func (g *guard) stop() {
	g.timer.Stop()
	close(g.ended)
}

// interrupted returns why the connection was interrupted, or nil.
func (g *guard) interrupted() error {
	if g == nil {
		return nil
	}
	select {
	case <-g.done:
		return g.cause
	default:
		return nil
	}
}
