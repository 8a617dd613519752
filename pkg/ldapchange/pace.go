package ldapchange

import (
	"context"
	"sync"
	"time"
)

// pacer lets a number of changes a second pass.
type pacer struct {
	rate float64 // 0 is no limit
	mu   sync.Mutex
	next time.Time
}

// wait returns when the next change may be sent, or ctx ends.
func (p *pacer) wait(ctx context.Context) error {
	if p.rate <= 0 {
		return nil
	}
	p.mu.Lock()
	now := time.Now()
	if p.next.Before(now) {
		p.next = now
	}
	at := p.next
	p.next = at.Add(time.Duration(float64(time.Second) / p.rate))
	p.mu.Unlock()
	return sleep(ctx, at.Sub(now))
}

// sleep waits, or returns why ctx ended.
func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
