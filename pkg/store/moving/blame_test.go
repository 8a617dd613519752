package moving_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"testing"

	"github.com/davadmin/davadmin/pkg/store"
	"github.com/davadmin/davadmin/pkg/store/moving"
)

// naming is a store whose errors name it, and which may fail to receive accounts.
type naming struct {
	store.Store
	broken error
}

func (s naming) View(ctx context.Context, fn func(context.Context, store.Reader) error) error {
	if err := s.Store.View(ctx, fn); err != nil {
		return fmt.Errorf("of %s: %w", s.Backend(), err)
	}
	return nil
}

func (s naming) Update(ctx context.Context, fn func(context.Context, store.Writer) error) error {
	err := s.Store.Update(ctx, func(ctx context.Context, w store.Writer) error {
		return fn(ctx, brokenWriter{w, w.(store.MoveWriter), s.broken})
	})
	if err != nil {
		return fmt.Errorf("of %s: %w", s.Backend(), err)
	}
	return nil
}

type brokenWriter struct {
	store.Writer
	store.MoveWriter
	broken error
}

func (w brokenWriter) Receive(ctx context.Context, m store.Move, rows iter.Seq2[store.Row, error]) (store.MoveSum, error) {
	if w.broken != nil {
		return store.MoveSum{}, w.broken
	}
	return w.MoveWriter.Receive(ctx, m, rows)
}

// An error of the store that receives an account is not said to be that of the other one.
func TestErrorOfTheReceivingStore(t *testing.T) {
	from, to := naming{onFile(t, "one"), nil}, naming{onFile(t, "two"), fmt.Errorf("%w: no answer", store.ErrUnavailable)}
	create(t, from.Store, "a")
	_, err := moving.Move(t.Context(), from, to, "a", moving.Options{})
	if !errors.Is(err, store.ErrUnavailable) || !strings.Contains(err.Error(), "of two: ") || strings.Contains(err.Error(), "of one: ") {
		t.Errorf("%v", err)
	}
}
