package ldapchange

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/davadmin/davadmin/pkg/directory"
)

// connectRetrying connects to the server, and waits up to Options.RetryFor for the first
// connection while the server is down or busy.
func (a *Applier) connectRetrying(ctx context.Context) (*session, error) {
	var until time.Time
	for pause := firstPause; ; pause = min(2*pause, longPause) {
		s, err := connect(ctx, a.o.Directory)
		if err == nil || len(a.sessions) > 0 || ctx.Err() != nil || !isDown(err) {
			return s, err
		}
		if until.IsZero() {
			until = time.Now().Add(a.o.RetryFor)
			if a.o.Waiting != nil {
				a.o.Waiting(err, a.o.RetryFor)
			}
		}
		left := time.Until(until)
		if left <= 0 {
			return nil, fmt.Errorf("gave up after %v: %w", a.o.RetryFor, err)
		}
		if err := sleep(ctx, min(pause, left)); err != nil {
			return nil, err
		}
	}
}

// isDown reports whether err may end without a change of the options or of the server's
// settings: nothing listens there, or the server is busy. A name that does not exist is
// more likely a typing error.
func isDown(err error) bool {
	if code := directory.ResultCode(err); code == codeBusy || code == codeUnavailable {
		return true
	}
	var connect *directory.ConnectError
	var name *net.DNSError
	return errors.As(err, &connect) && connect.Op == directory.OpConnect && !(errors.As(err, &name) && name.IsNotFound)
}
