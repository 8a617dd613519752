package sqlite

import (
	"container/list"
	"context"
	"sync"
)

// line lends the connection that writes to one caller after the other, in the order in
// which they came. It opens the connection when it is first needed and keeps it.
type line struct {
	connect func() (*connection, error)

	mu      sync.Mutex
	waiting list.List   // of *ticket
	lent    bool        // somebody has the connection, or opens it
	c       *connection // while nobody has it; nil if it has to be opened
	closed  bool
}

// ticket is the place of a caller in the line.
type ticket struct {
	joins bool      // the caller can continue the transaction of others
	ready chan turn // of one, so that nobody waits for a caller to take its turn
}

// turn is what a caller gets: the connection, which nobody else uses until the caller
// gives it back or passes it on.
type turn struct {
	c *connection // nil if it has to be opened
	g *group      // whose transaction is open; nil if none is
}

func newLine(connect func() (*connection, error)) *line { return &line{connect: connect} }

// take waits for the turn of the caller, or until ctx ends. With joins, the transaction of
// a group may be open.
func (l *line) take(ctx context.Context, joins bool) (turn, error) {
	if err := ctx.Err(); err != nil {
		return turn{}, err
	}
	got, err := l.wait(ctx, joins)
	if err != nil || got.c != nil {
		return got, err
	}
	if got.c, err = l.open(); err != nil {
		l.give(nil)
	}
	return got, err
}

// wait waits for the turn of the caller. Its connection may have to be opened.
func (l *line) wait(ctx context.Context, joins bool) (turn, error) {
	l.mu.Lock()
	if !l.lent {
		defer l.mu.Unlock()
		l.lent = true
		got := turn{c: l.c}
		l.c = nil
		return got, nil
	}
	t := &ticket{joins: joins, ready: make(chan turn, 1)}
	place := l.waiting.PushBack(t)
	l.mu.Unlock()
	select {
	case got := <-t.ready:
		return got, nil
	case <-ctx.Done():
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case got := <-t.ready: // the turn came meanwhile, and others depend on it
		return got, nil
	default:
		l.waiting.Remove(place)
		return turn{}, ctx.Err()
	}
}

// open opens the connection for the caller whose turn it is.
func (l *line) open() (*connection, error) {
	l.mu.Lock()
	closed := l.closed
	l.mu.Unlock()
	if closed {
		return nil, errClosed
	}
	return l.connect()
}

// pass gives the connection to the next caller, with the transaction of the group g. It
// returns false if nobody waits, or if the next caller needs a transaction of its own.
func (l *line) pass(c *connection, g *group) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	next := l.waiting.Front()
	if next == nil || !next.Value.(*ticket).joins {
		return false
	}
	l.waiting.Remove(next)
	next.Value.(*ticket).ready <- turn{c, g}
	return true
}

// give gives the connection back, or nil if it could not be opened.
func (l *line) give(c *connection) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if c != nil && (c.broken || l.closed) {
		_ = c.close()
		c = nil
	}
	next := l.waiting.Front()
	if next == nil {
		l.lent, l.c = false, c
		return
	}
	l.waiting.Remove(next)
	next.Value.(*ticket).ready <- turn{c: c}
}

// close closes the connection, or has it closed when it is given back.
func (l *line) close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	c := l.c
	l.c = nil
	if c == nil {
		return nil
	}
	return c.close()
}
