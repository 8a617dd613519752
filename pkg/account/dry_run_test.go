package account

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/davadmin/davadmin/pkg/store"
)

// unwritable is a store that cannot be changed.
type unwritable struct {
	store.Store
	err error
}

func (s unwritable) Update(context.Context, func(context.Context, store.Writer) error) error {
	return s.err
}

// A dry run that cannot write says why it has to.
func TestDryRunOfAnUnwritableStore(t *testing.T) {
	for _, err := range []error{store.ErrReadOnly, store.ErrFull, store.ErrLocked, store.ErrUnavailable} {
		var dry *DryRunError
		_, got := DryRun(CreateOne)(t.Context(), unwritable{err: fmt.Errorf("x: %w", err)}, nil, false)
		if !errors.Is(got, err) || errors.As(got, &dry) != !errors.Is(err, store.ErrUnavailable) {
			t.Errorf("%v: got %v", err, got)
		}
	}
}
