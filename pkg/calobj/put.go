package calobj

import (
	"context"

	"github.com/davadmin/davadmin/pkg/store"
)

// PutOptions are what a store keeps of a component that is not in its text, and the condition
// of the change.
type PutOptions struct {
	ScheduleTag string          // RFC 6638, 3.2.10
	State       store.ItemState // of a message in an inbox
	Condition   store.Condition
}

// Put writes an object into a collection, and returns the component as it was stored. The
// errors are those of store.Writer.PutComponent.
func Put(ctx context.Context, w store.Writer, at store.Place, o *Object, p PutOptions) (*store.Component, error) {
	c := o.Component(at.Name)
	c.ScheduleTag, c.State = p.ScheduleTag, p.State
	if err := w.PutComponent(ctx, at.Account, at.Calendar, c, p.Condition); err != nil {
		return nil, err
	}
	return c, nil
}

// Named is an object with the name of its resource.
type Named struct {
	Name   string
	Object *Object
}

// Load creates objects in a calendar at once, see store.ComponentLoader, and returns the
// components as they were stored.
func Load(ctx context.Context, l store.ComponentLoader, account, calendar string, objects []Named) ([]*store.Component, error) {
	components := make([]*store.Component, len(objects))
	for i, o := range objects {
		components[i] = o.Object.Component(o.Name)
	}
	if err := l.LoadComponents(ctx, account, calendar, components); err != nil {
		return nil, err
	}
	return components, nil
}
