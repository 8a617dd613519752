package sqlite

import (
	"context"
	"errors"
	"sync"
)

// errClosed is returned by a store that was closed.
var errClosed = errors.New("the store is closed")

// pool lends connections of one kind, a limited number at once. It opens them when they
// are needed and keeps them.
type pool struct {
	connect func() (*connection, error)
	slots   chan struct{} // contains a token for each connection that is lent

	mu     sync.Mutex
	idle   []*connection
	closed bool
}

func newPool(most int, connect func() (*connection, error)) *pool {
	return &pool{connect: connect, slots: make(chan struct{}, most)}
}

// take lends a connection. It waits until there is one, or until ctx ends.
func (p *pool) take(ctx context.Context) (*connection, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	select {
	case p.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	c, err := p.next()
	if err != nil {
		<-p.slots
	}
	return c, err
}

// next returns a connection that nobody uses, or opens one.
func (p *pool) next() (*connection, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, errClosed
	}
	if n := len(p.idle); n > 0 {
		c := p.idle[n-1]
		p.idle = p.idle[:n-1]
		return c, nil
	}
	return p.connect()
}

// give returns a connection that take lent.
func (p *pool) give(c *connection) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c.broken || p.closed {
		_ = c.close()
	} else {
		p.idle = append(p.idle, c)
	}
	<-p.slots
}

// close closes the connections. Those that are lent are closed when they are given back.
func (p *pool) close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	var errs []error
	for _, c := range p.idle {
		errs = append(errs, c.close())
	}
	p.idle = nil
	return errors.Join(errs...)
}
