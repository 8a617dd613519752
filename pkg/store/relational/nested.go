package relational

import (
	"context"

	"github.com/davadmin/davadmin/pkg/store"
)

// inside is the key of a context for a transaction of a store.
type inside struct{ store store.Store }

// Enter returns the context for a transaction of a store, or store.ErrNested if ctx belongs
// to another transaction of it.
func Enter(ctx context.Context, s store.Store) (context.Context, error) {
	if ctx.Value(inside{s}) != nil {
		return nil, store.ErrNested
	}
	return context.WithValue(ctx, inside{s}, true), nil
}
