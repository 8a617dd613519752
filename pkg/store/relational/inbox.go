package relational

import (
	"context"
	"fmt"
	"slices"

	"github.com/davadmin/davadmin/pkg/store"
)

// SetItemState implements store.Writer.
func (s *Session) SetItemState(ctx context.Context, account, calendar, name string, state store.ItemState) error {
	if !slices.Contains(store.ItemStates(), state) {
		return &store.InvalidError{Field: "state", Value: state.String(), Reason: "is not a valid state"}
	}
	c, err := s.writableCalendar(ctx, account, calendar)
	switch {
	case err != nil:
		return err
	case c.Kind != store.Inbox:
		return &store.InvalidError{Field: "calendar", Value: calendar, Reason: "is not an inbox, so its components have no state"}
	case store.CheckName("resource", name) != nil:
		return fmt.Errorf("component %s: %w", name, store.ErrNotFound)
	}
	if err := s.holdCollection(ctx, c); err != nil {
		return err
	}
	missing := fmt.Errorf("component %s: %w", name, store.ErrNotFound)
	return s.mustChange(ctx, missing, "UPDATE component SET state = $4 WHERE account = $1 AND number = $2 AND name = $3", account, c.Number, name, int64(state))
}
