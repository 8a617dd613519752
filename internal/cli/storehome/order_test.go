package storehome

import (
	"context"
	"errors"
	"iter"
	"strconv"
	"strings"
	"testing"

	"github.com/davadmin/davadmin/pkg/store"
)

// counted yields n accounts, and then the error end unless it is nil. It sets ended when the
// iteration has ended.
func counted(n int, end error, ended *bool) iter.Seq2[*store.Account, error] {
	return func(yield func(*store.Account, error) bool) {
		defer func() { *ended = true }()
		for i := range n {
			if !yield(&store.Account{ID: strconv.Itoa(i)}, nil) {
				return
			}
		}
		if end != nil {
			yield(nil, end)
		}
	}
}

func TestAheadReturnsAllInOrder(t *testing.T) {
	broken := errors.New("broken")
	for _, n := range []int{0, 1, 63, 64, 65, 576, 577, 5000} {
		for _, end := range []error{nil, broken} {
			ended, i := false, 0
			var got error
			for a, err := range ahead(t.Context(), counted(n, end, &ended)) {
				if got = err; err != nil {
					continue
				}
				if a.ID != strconv.Itoa(i) {
					t.Fatalf("account %d of %d has the id %s", i, n, a.ID)
				}
				i++
			}
			if i != n || !errors.Is(got, end) || !ended {
				t.Errorf("got %d of %d accounts and error %v, want %v; ended %v", i, n, got, end, ended)
			}
		}
	}
}

// The reader has finished when a stopped iteration returns, so that its transaction can be
// closed.
func TestAheadEndsWithTheIteration(t *testing.T) {
	ended := false
	for range ahead(t.Context(), counted(100000, nil, &ended)) {
		break
	}
	if !ended {
		t.Error("the reader is still running")
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var last error
	n := 0
	for _, err := range ahead(ctx, counted(100000, nil, &ended)) {
		if n++; n == 10 {
			cancel()
		}
		last = err
	}
	if !errors.Is(last, context.Canceled) {
		t.Errorf("a cancelled listing ended with %v after %d accounts", last, n)
	}
}

// A panic of the reader is the error of the iteration.
func TestAheadPanics(t *testing.T) {
	var last error
	for _, err := range ahead(t.Context(), func(func(*store.Account, error) bool) { panic("lost") }) {
		last = err
	}
	if last == nil || !strings.Contains(last.Error(), "internal error: lost") {
		t.Errorf("%v", last)
	}
}
