package cmdutil

import (
	"errors"
	"iter"

	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/store"
)

// errStopped ends a producer whose records nobody wants any more.
var errStopped = errors.New("the listing was stopped")

// PrintProduced prints the records that produce emits, each as soon as it comes, in bounded
// memory. If produce fails before the first record, nothing is printed, not even the
// beginning of a JSON document, unless the error says that the list is incomplete, or that a
// store cannot be read.
func PrintProduced[T any](l List[T], c *Console, format ui.Format, produce func(emit func(T) error) error) error {
	c.EndWithReader()
	next, stop := iter.Pull2(sequence(produce))
	defer stop()
	first, err, ok := next()
	var incomplete *IncompleteError
	var partly *PartialError
	if err != nil && !errors.As(err, &incomplete) && !errors.As(err, &partly) && !store.IsUnusable(err) {
		return err
	}
	return l.Print(c, format, func(yield func(T, error) bool) {
		for n, record := 1, first; ok; n++ {
			if !yield(record, err) || err != nil {
				return
			}
			flushEarly(c, n)
			record, err, ok = next()
		}
	})
}

// sequence returns what produce emits, and the error that ended it, as a sequence.
func sequence[T any](produce func(emit func(T) error) error) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		err := produce(func(record T) error {
			if !yield(record, nil) {
				return errStopped
			}
			return nil
		})
		if err != nil && !errors.Is(err, errStopped) {
			var none T
			yield(none, err)
		}
	}
}

// flushEarly writes what is buffered after the first records, so that someone at a terminal
// sees them while the rest is read. A table is laid out after its first 200 rows.
func flushEarly(c *Console, printed int) {
	if printed == 50 || printed == 200 {
		_ = c.Streams.Flush() // the next write returns the error again
	}
}
