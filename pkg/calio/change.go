package calio

import (
	"context"
	"errors"
	"slices"

	"github.com/davadmin/davadmin/pkg/store"
)

// SaveUndo saves undo lines and syncs them to disk before the changes that they undo. forget
// removes the lines of the last call, if the changes were not made.
type SaveUndo func(lines []string) (forget func() error, err error)

// op is a change of one resource.
type op struct {
	undo *UndoLine
	do   func(ctx context.Context, w store.Writer) error
	// settled is called once: with nil if the change was made, or with an error of the kind
	// that concerns only this resource.
	settled func(err error)
	// unknown is called if it is unknown whether the change was made: the next look at the
	// store finds out.
	unknown func()
}

// changer makes changes, with their undo saved before.
type changer struct {
	store store.Store
	save  SaveUndo
	// single are the errors that concern one resource; any other ends the run.
	single []error
}

// run makes changes in one transaction: that of bulk or, if bulk is nil, an Update. If one of
// them fails, it makes them one by one. After an error, those that were not settled were not
// made, or it is unknown.
func (c *changer) run(ctx context.Context, ops []*op, bulk func(ctx context.Context) error) error {
	if len(ops) == 0 {
		return nil
	}
	lines := make([]string, len(ops))
	for i, o := range ops {
		lines[i] = o.undo.String()
	}
	forget, err := c.save(lines)
	if err != nil {
		return err
	}
	if bulk != nil {
		err = bulk(ctx)
	} else {
		err = c.store.Update(ctx, func(ctx context.Context, w store.Writer) error {
			for _, o := range ops {
				if err := o.do(ctx, w); err != nil {
					return err
				}
			}
			return nil
		})
	}
	var unknown *store.CommitUnknown
	switch {
	case err == nil:
		for _, o := range ops {
			o.settled(nil)
		}
		return nil
	case errors.As(err, &unknown):
		for _, o := range ops {
			o.unknown()
		}
		return err // the lines may be needed
	}
	if ferr := forget(); ferr != nil {
		return errors.Join(err, ferr)
	}
	if !c.concernsOne(err) {
		return err
	}
	if len(ops) == 1 && bulk == nil {
		ops[0].settled(err)
		return nil
	}
	for _, o := range ops {
		if err := c.run(ctx, []*op{o}, nil); err != nil {
			return err
		}
	}
	return nil
}

func (c *changer) concernsOne(err error) bool {
	return slices.ContainsFunc(c.single, func(of error) bool { return errors.Is(err, of) })
}
