package ldapchange

import (
	"iter"
	"runtime"
	"sync/atomic"

	"github.com/davadmin/davadmin/internal/crash"
)

// ahead yields what seq yields, and lets seq prepare the next item in a goroutine of its
// own. That goroutine has ended when the iteration is over.
func ahead[T any](seq iter.Seq2[T, error]) iter.Seq2[T, error] {
	type item struct {
		value T
		err   error
	}
	return func(yield func(T, error) bool) {
		items, stop := make(chan item), make(chan struct{})
		var running crash.Group
		defer running.Wait()
		defer close(stop)
		running.Go(func() {
			defer close(items)
			for value, err := range seq {
				select {
				case items <- item{value, err}:
				case <-stop:
					return
				}
			}
		})
		for i := range items {
			if !yield(i.value, i.err) {
				return
			}
		}
	}
}

// inParts calls fn for the numbers from 0 to n-1, with a goroutine for each core.
func inParts(n int, fn func(i int)) {
	const size = 32
	var next atomic.Int64
	var running crash.Group
	for range min(runtime.GOMAXPROCS(0), (n+size-1)/size) {
		running.Go(func() {
			for {
				high := int(next.Add(size))
				for i := high - size; i < min(high, n); i++ {
					fn(i)
				}
				if high >= n {
					return
				}
			}
		})
	}
	running.Wait()
}
