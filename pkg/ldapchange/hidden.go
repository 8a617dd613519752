package ldapchange

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/davadmin/davadmin/pkg/directory"
)

// hiding counts the entries with values that the server does not show. The zero value
// has none.
type hiding struct {
	asked int
	found *directory.HiddenError // nil for none
}

// absentFrom returns the attributes that a record changes and of which the entry shows
// no value. Object classes are always shown: without them there is no entry.
func absentFrom(r *Record, now Values) []string {
	var out []string
	for _, name := range r.attributes() {
		if len(now.of(name)) == 0 && !strings.EqualFold(name, "objectClass") {
			out = append(out, name)
		}
	}
	return out
}

// askHidden asks about every entry that is to be changed, with the identity that
// changes it, whether the attributes that seem to be absent are only hidden.
func (a *Applier) askHidden(ctx context.Context, looks []look) error {
	var list []int
	for i := range looks {
		if l := &looks[i]; l.err == nil && l.why == "" && !l.already && len(l.absent) > 0 {
			list = append(list, i)
		}
	}
	var failed atomic.Pointer[error]
	views := make([][]directory.AttributeView, len(list))
	a.each(ctx, len(list), func(s **session, i int) {
		l := &looks[list[i]]
		err := a.retry(ctx, s, func(s *session) (err error) {
			views[i], err = s.c.View(context.WithoutCancel(ctx), l.record.DN, l.absent)
			s.lost = s.lost || directory.IsLost(err)
			return err
		})
		if err != nil {
			failed.Store(&err)
		}
	})
	switch err := failed.Load(); {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return *err
	}
	for i, number := range list {
		a.hidden.take(&looks[number], views[i], a.o.Directory.BindDN)
	}
	return nil
}

// take counts what the server answered about an entry.
func (h *hiding) take(l *look, views []directory.AttributeView, bindDN string) {
	h.asked++
	for i, v := range views {
		hides := v.Present && !v.Shown
		switch {
		case !hides && v.Rights != directory.RightsDenied:
			continue
		case h.found == nil:
			h.found = &directory.HiddenError{Attribute: l.absent[i], BindDN: bindDN, DN: l.record.DN, As: v.As}
		}
		if hides {
			h.found.Hidden++
		}
		return
	}
}

// err returns the error for a plan that must not be applied, because entries have
// values that the server does not show.
func (h *hiding) err() error {
	if h.found == nil {
		return nil
	}
	h.found.Asked = h.asked
	return fmt.Errorf("%w: %w; the whole plan is refused, and nothing was changed", ErrConflict, h.found)
}
