package relational

import (
	"context"
	"fmt"

	"github.com/davadmin/davadmin/pkg/store"
)

// MoveComponent implements store.Writer.
func (s *Session) MoveComponent(ctx context.Context, from, to store.Place, replace bool, cond store.Condition) error {
	for _, place := range []store.Place{from, to} {
		if err := store.CheckName("resource", place.Name); err != nil {
			return err
		}
	}
	if from == to {
		return &store.InvalidError{Field: "resource", Value: to.Name, Reason: "is already there"}
	}
	source, target, err := s.lockBoth(ctx, from, to)
	if err != nil {
		return err
	}
	replaced, err := s.checkMove(ctx, source, target, from, to, replace, cond)
	if err != nil {
		return err
	}
	if replaced {
		if err := s.discard(ctx, target, to.Name, target.revision-1); err != nil {
			return err
		}
	}
	if err := s.leaveTrace(ctx, source, from.Name); err != nil {
		return err
	}
	err = s.mustChange(ctx, store.ErrConflict, "UPDATE component SET account = $4, number = $5, name = $6, revision = $7 WHERE account = $1 AND number = $2 AND name = $3",
		source.account, source.number, from.Name, target.account, target.number, to.Name, target.revision)
	if err != nil {
		return fmt.Errorf("move component %s: %w", from.Name, err)
	}
	return nil
}

// lockBoth locks the collections of a move. They get a revision for the trace in the source,
// and in the target one for what is replaced and then one for what arrives. All moves lock
// in the same order, so that no two wait for each other.
func (s *Session) lockBoth(ctx context.Context, from, to store.Place) (source, target *locked, err error) {
	if from.Account == to.Account && from.Calendar == to.Calendar {
		both, err := s.lock(ctx, from.Account, from.Calendar, 3)
		return both, both, err
	}
	lock := func(place store.Place, n int64, put **locked) func() error {
		return func() error {
			c, err := s.lock(ctx, place.Account, place.Calendar, n)
			*put = c
			return err
		}
	}
	first, second := lock(from, 1, &source), lock(to, 2, &target)
	if to.Account < from.Account || to.Account == from.Account && to.Calendar < from.Calendar {
		first, second = second, first
	}
	if err := first(); err != nil {
		return nil, nil, err
	}
	if err := second(); err != nil {
		for _, c := range []*locked{source, target} {
			if c != nil {
				err = s.release(ctx, c, err)
			}
		}
		return nil, nil, err
	}
	return source, target, nil
}

// checkMove reports whether a move replaces a component. If the component cannot be moved,
// it releases the collections and returns the error.
func (s *Session) checkMove(ctx context.Context, source, target *locked, from, to store.Place, replace bool, cond store.Condition) (replaced bool, err error) {
	was, _, err := s.occupants(ctx, source, from.Name, "", "")
	if err != nil {
		return false, fmt.Errorf("move component %s: %w", from.Name, err)
	}
	var same, other *resource
	if was != nil {
		if same, other, err = s.occupants(ctx, target, to.Name, was.uid, was.method); err != nil {
			return false, fmt.Errorf("move component %s: %w", from.Name, err)
		}
	}
	if source == target && other != nil && other.name == from.Name {
		other = nil
	}
	err = was.meets(from.Name, cond)
	switch {
	case err != nil:
	case was == nil:
		err = fmt.Errorf("component %s: %w", from.Name, store.ErrNotFound)
	case same != nil && !replace:
		err = &store.ExistsError{What: "component", Value: to.Name}
	case other != nil:
		err = other.taken()
	default:
		err = store.Accepts(target.kind, target.components, &store.Component{Type: was.typ, Method: was.method})
	}
	if err == nil {
		return same != nil, nil
	}
	err = s.release(ctx, source, err)
	if source != target {
		err = s.release(ctx, target, err)
	}
	return false, err
}

// leaveTrace tells those who synchronise the source of a move that a component is gone. The
// trace has no content and cannot be restored.
func (s *Session) leaveTrace(ctx context.Context, c *locked, name string) error {
	revision := c.revision - c.got + 1 // the first one
	_, err := s.exec(ctx, `INSERT INTO trash (account, number, revision, name, deleted, moved, uid, type, method, state, schedule_tag, status, transparent, start_at, end_at,
		long, floating, recurring, etag, size, created, changed, text) VALUES ($1, $2, $3, $4, $5, 1, '', '', '', 0, '', '', 0, 0, 0, 0, 0, 0, '', 0, $5, $5, $6)`,
		c.account, c.number, revision, name, s.stamp, []byte{})
	if err != nil {
		return fmt.Errorf("leave a trace of component %s: %w", name, err)
	}
	return nil
}
