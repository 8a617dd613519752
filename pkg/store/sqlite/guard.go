package sqlite

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/davadmin/davadmin/internal/crash"
	"github.com/davadmin/davadmin/pkg/store"
)

// guard interrupts a connection when a context ends or when a statement takes too long.
// It does not look at the clock for each step, which would cost more than many a step, but
// from time to time: a statement may take up to an eighth more than the limit.
type guard struct {
	done  chan struct{} // closed to interrupt
	limit time.Duration
	steps atomic.Uint64 // of the statements, begun and ended: odd while one is running
	leave func() bool   // no longer listens to the context

	mu      sync.Mutex
	timer   *time.Timer
	seen    uint64    // steps when the guard last looked
	since   time.Time // when it first saw this number
	stopped bool
	cause   error // why done was closed; may be read after that
}

func newGuard(ctx context.Context, limit time.Duration) *guard {
	g := &guard{done: make(chan struct{}), limit: limit}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.timer = crash.AfterFunc(g.interval(), g.look)
	g.leave = context.AfterFunc(ctx, func() { g.interrupt(ctx.Err()) })
	return g
}

// interval is the time after which the guard looks again.
func (g *guard) interval() time.Duration { return max(g.limit/8, time.Millisecond) }

// look interrupts the connection if it has been in the same step for too long.
func (g *guard) look() {
	g.mu.Lock()
	n := g.steps.Load()
	if n != g.seen || n%2 == 0 {
		g.seen, g.since = n, time.Now()
	}
	late := n%2 == 1 && time.Since(g.since) >= g.limit
	if !late && !g.stopped {
		g.timer.Reset(g.interval())
	}
	g.mu.Unlock()
	if late {
		g.interrupt(fmt.Errorf("%w (%s)", store.ErrTimeLimit, g.limit))
	}
}

// interrupt interrupts the connection, unless it was interrupted before or the guard has
// ended.
func (g *guard) interrupt(cause error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.cause == nil && !g.stopped {
		g.cause = cause
		close(g.done)
	}
}

// begin and pause mark the time in which the limit is in force.
func (g *guard) begin() {
	if g != nil {
		g.steps.Add(1)
	}
}

func (g *guard) pause() {
	if g != nil {
		g.steps.Add(1)
	}
}

// stop ends the guard. It no longer interrupts anything.
func (g *guard) stop() {
	g.leave()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.stopped = true
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
