package directory

import (
	"context"
	"errors"
)

// Handlers are the functions that Read calls for what a source yields. An error
// returned by any of them ends the reading.
type Handlers struct {
	// Entry is called for each entry, which is valid only until Entry returns. It
	// must not be nil.
	Entry func(*Entry) error

	// Problem is called for each problem that the source met and continued after.
	// When it is nil, the first problem ends the reading with the *Problem as the
	// error.
	Problem func(*Problem) error

	// Restart is called when the source starts again from the beginning. The caller
	// must then discard everything that it has collected: all entries and problems
	// are delivered again. When it is nil, a restart ends the reading with the
	// *RestartError as the error.
	Restart func(*RestartError) error
}

// Read reads everything that q asks of src and calls h for it, always from the
// calling goroutine and in the order of the source. It returns nil only when the
// source has delivered everything: the error of a handler, and the last error of
// the source, an *IncompleteError for one that ended short, are returned as they
// are.
func Read(ctx context.Context, src Source, q Query, h Handlers) error {
	for e, err := range src.Entries(ctx, q) {
		if err == nil {
			err = h.Entry(e)
		} else {
			err = h.handle(err)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// handle calls the handler for an error that a source yielded. It returns the error
// itself when it is the last one, or when there is no handler for it. An
// *IncompleteError is always the last one, whatever its cause.
func (h *Handlers) handle(err error) error {
	if _, ok := errors.AsType[*IncompleteError](err); ok {
		return err
	}
	if restart, ok := errors.AsType[*RestartError](err); ok && h.Restart != nil {
		return h.Restart(restart)
	}
	if problem, ok := errors.AsType[*Problem](err); ok && h.Problem != nil {
		return h.Problem(problem)
	}
	return err
}
