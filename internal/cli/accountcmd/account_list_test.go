package accountcmd

import (
	"context"
	"errors"
	"iter"
	"strconv"
	"testing"

	"github.com/davadmin/davadmin/pkg/store"
)

// counted yields n accounts, and then an error if there is one.
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

func TestAheadGivesAllInOrder(t *testing.T) {
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
					t.Fatalf("%d of %d is %s", i, n, a.ID)
				}
				i++
			}
			if i != n || !errors.Is(got, end) || !ended {
				t.Errorf("%d of %d, %v instead of %v, ended %v", i, n, got, end, ended)
			}
		}
	}
}

// Who breaks off finds the reader at its end: its transaction can be closed.
func TestAheadEndsWithTheIteration(t *testing.T) {
	ended := false
	for range ahead(t.Context(), counted(100000, nil, &ended)) {
		break
	}
	if !ended {
		t.Error("the reader goes on")
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
		t.Errorf("a listing that was stopped ends with %v after %d", last, n)
	}
}
