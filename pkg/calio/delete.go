package calio

import (
	"context"
	"errors"

	"github.com/davadmin/davadmin/pkg/store"
)

// Doomed is a component to delete.
type Doomed struct {
	Name, UID string
	ETag      string // of the content that was selected
	Size      int64
}

// DeleteResult says what became of a component.
type DeleteResult struct {
	Doomed
	Deleted bool
	Reason  string // why it was not deleted
}

// DeleteOptions say how components are deleted.
type DeleteOptions struct {
	Store  store.Store
	Place  Place
	DryRun bool
	// Save, Report and Retry are as in ImportOptions.
	Save   SaveUndo
	Report func(DeleteResult) error
	Retry  func(ctx context.Context, try func(again bool) error) error
}

// Delete deletes components that still have the content with which they were selected. The
// store keeps them until they are purged. Those that the run did not reach are reported as
// not deleted.
func Delete(ctx context.Context, list []Doomed, o DeleteOptions) error {
	if o.Retry == nil {
		o.Retry = func(_ context.Context, try func(bool) error) error { return try(false) }
	}
	var failed error
	for len(list) > 0 {
		n, size := 0, int64(0)
		for n < len(list) && n < undoLines && (n == 0 || size+list[n].Size <= undoBytes) {
			size += list[n].Size
			n++
		}
		results := make([]DeleteResult, n)
		for i, d := range list[:n] {
			results[i] = DeleteResult{Doomed: d, Reason: reasonEnded}
		}
		if failed == nil {
			g := &deletion{o: &o, results: results, tried: map[string]bool{}}
			failed = o.Retry(ctx, func(bool) error { return g.run(ctx) })
		}
		for _, r := range results {
			if err := o.Report(r); err != nil && failed == nil {
				failed = err
			}
		}
		list = list[n:]
	}
	return failed
}

// deletion deletes a group of components.
type deletion struct {
	o       *DeleteOptions
	results []DeleteResult
	tried   map[string]bool // by name: the end of an attempt is unknown
}

func (g *deletion) run(ctx context.Context) error {
	var open []string
	byName := map[string]*DeleteResult{}
	for i := range g.results {
		if r := &g.results[i]; !r.Deleted {
			open = append(open, r.Name)
			byName[r.Name] = r
		}
	}
	var ops []*op
	at := g.o.Place
	err := g.o.Store.View(ctx, func(ctx context.Context, r store.Reader) error {
		ops = nil
		for _, name := range open {
			d := byName[name]
			if d.Deleted, d.Reason = g.tried[name], ""; !d.Deleted {
				d.Reason = "it does not exist any more"
			}
		}
		for c, err := range r.Components(ctx, at.Account, at.Calendar, store.ComponentFilter{Names: open, WithText: true}) {
			if err != nil {
				return err
			}
			d := byName[c.Name]
			if d.Deleted = false; c.ETag != d.ETag {
				d.Reason = "it was changed since"
				continue
			}
			d.Reason = reasonEnded
			ops = append(ops, g.op(c, d))
		}
		return nil
	})
	if err != nil {
		return err
	}
	if g.o.DryRun {
		for _, o := range ops {
			o.settled(nil)
		}
		return nil
	}
	c := &changer{store: g.o.Store, save: g.o.Save, single: []error{store.ErrConflict, store.ErrNotFound}}
	return c.run(ctx, ops, nil)
}

// op returns the change that deletes a component.
func (g *deletion) op(c *store.Component, d *DeleteResult) *op {
	at := g.o.Place
	return &op{
		undo: &UndoLine{
			Kind: ResourceDeleted, Backend: at.Backend, Account: at.Account, Address: at.Address, Calendar: at.Calendar, Name: c.Name, UID: c.UID,
			Before: c.Text, ScheduleTag: c.ScheduleTag,
		},
		do: func(ctx context.Context, w store.Writer) error {
			return w.DeleteComponent(ctx, at.Account, at.Calendar, c.Name, store.Condition{IfETag: c.ETag})
		},
		unknown: func() {
			g.tried[c.Name] = true
			d.Reason = reasonUnknown
		},
		settled: func(err error) {
			switch {
			case err == nil:
				d.Deleted, d.Reason = true, ""
			case errors.Is(err, store.ErrNotFound):
				d.Reason = "it does not exist any more"
			default:
				d.Reason = "it was changed since"
			}
		},
	}
}
