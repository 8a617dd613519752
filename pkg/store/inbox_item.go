package store

import (
	"context"
	"slices"
	"strings"
)

// InboxWriter changes items of inboxes.
type InboxWriter interface {
	// SetItemState sets the state of an item of an inbox. It changes neither the ETag nor
	// the revision nor the times of the item, which is still the same message: clients
	// need not read it again. ErrNotFound for the collection and the item; ErrDeleted for
	// the account; ErrInvalid for a state, and for a collection that is not an inbox.
	SetItemState(ctx context.Context, account, calendar, name string, state ItemState) error
}

// ItemTypes returns the component types of scheduling messages (RFC 5546, 3). An
// inbox takes them, whatever types it is said to accept.
func ItemTypes() []string { return []string{"VEVENT", "VTODO", "VJOURNAL", "VFREEBUSY", "VPOLL"} }

// checkItem returns an *InvalidError if an inbox cannot take a component.
func (c *Component) checkItem() error {
	switch {
	case !slices.Contains(ItemTypes(), c.Type):
		return &InvalidError{Field: "type", Value: c.Type, Reason: "is not the component type of a message (" + strings.Join(ItemTypes(), ", ") + ")"}
	case !slices.Contains(ItemStates(), c.State):
		return &InvalidError{Field: "state", Value: c.State.String(), Reason: "is not a valid state"}
	}
	return checkMethod(c.Method)
}
