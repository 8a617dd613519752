package sqlite

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/davadmin/davadmin/pkg/store"
)

// guard interrupts a connection when a context ends or when a statement takes too long.
type guard struct {
	done   chan struct{} // closed to interrupt
	detach func() bool   // from the context
	limit  time.Duration
	timer  *time.Timer

	once  sync.Once
	cause error // why done was closed; may be read after that
}

func newGuard(ctx context.Context, limit time.Duration) *guard {
	g := &guard{done: make(chan struct{}), limit: limit}
	g.detach = context.AfterFunc(ctx, func() { g.interrupt(ctx.Err()) })
	g.timer = time.AfterFunc(limit, func() {
		g.interrupt(fmt.Errorf("%w (%s)", store.ErrTimeLimit, limit))
	})
	g.timer.Stop()
	return g
}

func (g *guard) interrupt(cause error) {
	g.once.Do(func() {
		g.cause = cause
		close(g.done)
	})
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
	g.detach()
	g.timer.Stop()
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
