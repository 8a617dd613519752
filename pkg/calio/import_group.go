package calio

import (
	"context"
	"errors"
	"fmt"

	"github.com/davadmin/davadmin/pkg/calobj"
	"github.com/davadmin/davadmin/pkg/store"
)

// plan is what a round does with the objects of a group.
type plan struct {
	calendar bool // it must be created
	create   []*planned
	replace  []*planned
	postpone bool // there was not enough memory to look at all of them
}

// planned is an object with what is needed to write it.
type planned struct {
	*importing
	name   string
	before *store.Component // with its text; nil if it is created
}

const (
	// maxRounds bounds how often an object is tried again because another program changed
	// the calendar at the same time.
	maxRounds = 8
	// planBytes bounds the replaced texts that are in memory.
	planBytes = 16 << 20
)

// write writes a group. Objects that were not written have no final result after an error.
func (m *Importer) write(ctx context.Context, group []*importing) error {
	for races := 0; ; {
		var open []*importing
		for _, x := range group {
			if !x.done {
				open = append(open, x)
			}
		}
		if len(open) == 0 {
			return nil
		}
		if races >= maxRounds {
			for _, x := range open {
				x.reject("another program changed the calendar at the same time, again and again")
			}
			return nil
		}
		postponed := false
		err := m.o.Retry(ctx, func(bool) error {
			p, err := m.plan(ctx, open)
			if err != nil {
				return err
			}
			postponed = p.postpone
			return m.apply(ctx, p)
		})
		if err != nil {
			return err
		}
		if !postponed {
			races++
		}
	}
}

// plan looks up what the calendar has of the objects. Those that need no change get their
// result.
func (m *Importer) plan(ctx context.Context, open []*importing) (*plan, error) {
	p := &plan{}
	err := m.o.Store.View(ctx, func(ctx context.Context, r store.Reader) error {
		*p = plan{}
		at := m.o.Place
		calendar, err := r.Calendar(ctx, at.Account, at.Calendar)
		missing := errors.Is(err, store.ErrNotFound) && m.o.Create != nil && !m.made
		switch {
		case missing:
			p.calendar, calendar = true, m.calendar()
		case err != nil:
			return err
		}
		var accepted []*importing
		for _, x := range open {
			if err := store.Accepts(calendar.Kind, calendar.Components, x.object.Component(ResourceName(x.result.UID, 0))); err != nil {
				x.reject(itemReason(err))
			} else if !x.done {
				accepted = append(accepted, x)
			}
		}
		return m.planAgainst(ctx, r, p, accepted, missing)
	})
	return p, err
}

// planAgainst plans what to do with objects that the calendar accepts.
func (m *Importer) planAgainst(ctx context.Context, r store.Reader, p *plan, open []*importing, missing bool) error {
	had := map[string]*store.Component{}
	if !missing {
		uids := make([]string, len(open))
		for i, x := range open {
			uids[i] = x.result.UID
		}
		for c, err := range r.Components(ctx, m.o.Place.Account, m.o.Place.Calendar, store.ComponentFilter{UIDs: uids}) {
			if err != nil {
				return err
			}
			had[c.UID] = c
		}
	}
	var fresh []*planned
	size := int64(0)
	for _, x := range open {
		c := had[x.result.UID]
		switch {
		case c == nil:
			fresh = append(fresh, &planned{importing: x})
			continue
		case c.ETag == x.object.ETag():
			x.same(c.Name)
			continue
		case size+c.Size > planBytes && size > 0:
			p.postpone = true
			continue
		}
		size += c.Size
		full, err := r.Component(ctx, m.o.Place.Account, m.o.Place.Calendar, c.Name)
		if err != nil {
			return err
		}
		m.resolve(p, x, full)
	}
	if missing {
		for _, x := range fresh {
			x.name = ResourceName(x.result.UID, 0)
		}
	} else if err := m.chooseNames(ctx, r, fresh); err != nil {
		return err
	}
	p.create = fresh
	if m.o.DryRun {
		p.dryRun()
	}
	return nil
}

// same sets the result of an object that the calendar has with the same content.
func (x *importing) same(name string) {
	x.result.Name = name
	if x.tried != "" {
		x.finish(x.tried, "")
		return
	}
	x.finish(Unchanged, "")
}

// resolve decides about an object of which the calendar has another text.
func (m *Importer) resolve(p *plan, x *importing, c *store.Component) {
	x.result.Name = c.Name
	if sameComponents(c.Text, x.object) {
		x.finish(Unchanged, "")
		return
	}
	switch m.o.Conflict {
	case Replace:
	case Newer:
		if old, err := calobj.Parse(c.Text, calobj.Options{Lenient: true}); err == nil && calobj.CompareNewness(x.object, old) <= 0 {
			x.finish(Skipped, "the calendar has this UID with another content, and the file is not newer")
			return
		}
	case Fail:
		x.reject("the calendar has this UID with another content")
		return
	default:
		x.finish(Skipped, "the calendar has this UID with another content")
		return
	}
	p.replace = append(p.replace, &planned{importing: x, name: c.Name, before: c})
}

// chooseNames gives new objects the names of their resources, which no other one has.
func (m *Importer) chooseNames(ctx context.Context, r store.Reader, fresh []*planned) error {
	open := fresh
	for number := 0; len(open) > 0; number++ {
		if number > maxNumbers {
			return fmt.Errorf("no free name was found for the UID '%.100s'", open[0].result.UID)
		}
		names := make([]string, len(open))
		for i, x := range open {
			x.name = ResourceName(x.result.UID, number)
			names[i] = x.name
		}
		taken := map[string]bool{}
		for c, err := range r.Components(ctx, m.o.Place.Account, m.o.Place.Calendar, store.ComponentFilter{Names: names}) {
			if err != nil {
				return err
			}
			taken[c.Name] = true
		}
		var again []*planned
		for _, x := range open {
			if taken[x.name] {
				again = append(again, x)
			}
		}
		open = again
	}
	return nil
}

// maxNumbers bounds the numbers of names that are tried. Only somebody who wants that takes
// more than one.
const maxNumbers = 100

// dryRun sets the results that a run would have.
func (p *plan) dryRun() {
	for _, x := range p.create {
		x.result.Name = x.name
		x.finish(Created, "")
	}
	for _, x := range p.replace {
		x.finish(Replaced, "")
	}
	p.create, p.replace, p.calendar = nil, nil, false
}

// calendar returns the calendar to create.
func (m *Importer) calendar() *store.Calendar {
	c := m.o.Create.Clone()
	c.Account, c.Name = m.o.Place.Account, m.o.Place.Calendar
	return c
}

// apply makes the changes of a plan.
func (m *Importer) apply(ctx context.Context, p *plan) error {
	c := &changer{store: m.o.Store, save: m.o.Save, single: []error{store.ErrExists, store.ErrConflict, store.ErrInvalid}}
	if p.calendar && len(p.create) > 0 {
		if err := m.createCalendar(ctx, c); err != nil {
			return err
		}
	}
	if err := m.create(ctx, c, p.create); err != nil {
		return err
	}
	ops := make([]*op, len(p.replace))
	for i, x := range p.replace {
		ops[i] = m.op(x, Replaced, store.Condition{IfETag: x.before.ETag})
	}
	return c.run(ctx, ops, nil)
}

// createCalendar creates the calendar, unless another program was faster.
func (m *Importer) createCalendar(ctx context.Context, c *changer) error {
	at := m.o.Place
	var failed error
	err := c.run(ctx, []*op{{
		undo:    &UndoLine{Kind: CalendarCreated, Backend: at.Backend, Account: at.Account, Address: at.Address, Calendar: at.Calendar},
		do:      func(ctx context.Context, w store.Writer) error { return w.CreateCalendar(ctx, m.calendar()) },
		unknown: func() {},
		settled: func(err error) {
			if m.made = err == nil; !errors.Is(err, store.ErrExists) {
				failed = err
			}
		},
	}}, nil)
	if err == nil {
		err = failed
	}
	return err
}

// create creates objects, all at once if the store can do that.
func (m *Importer) create(ctx context.Context, c *changer, list []*planned) error {
	ops := make([]*op, len(list))
	named := make([]calobj.Named, len(list))
	for i, x := range list {
		ops[i] = m.op(x, Created, store.Condition{IfAbsent: true})
		named[i] = calobj.Named{Name: x.name, Object: x.object}
	}
	var bulk func(context.Context) error
	if loader, ok := m.o.Store.(store.ComponentLoader); ok && len(list) > 1 {
		bulk = func(ctx context.Context) error {
			_, err := calobj.Load(ctx, loader, m.o.Place.Account, m.o.Place.Calendar, named)
			return err
		}
	}
	return c.run(ctx, ops, bulk)
}

// op returns the change that writes an object.
func (m *Importer) op(x *planned, outcome Outcome, condition store.Condition) *op {
	at := m.o.Place
	undo := &UndoLine{
		Kind: ResourceCreated, Backend: at.Backend, Account: at.Account, Address: at.Address, Calendar: at.Calendar,
		Name: x.name, UID: x.result.UID, After: x.object.ETag(),
	}
	put := calobj.PutOptions{Condition: condition}
	if x.before != nil {
		undo.Kind, undo.Before, undo.ScheduleTag = ResourceReplaced, x.before.Text, x.before.ScheduleTag
		put.ScheduleTag = x.before.ScheduleTag
	}
	return &op{
		undo: undo,
		do: func(ctx context.Context, w store.Writer) error {
			_, err := calobj.Put(ctx, w, store.Place{Account: at.Account, Calendar: at.Calendar, Name: x.name}, x.object, put)
			return err
		},
		unknown: func() { x.tried = outcome },
		settled: func(err error) {
			switch {
			case err == nil:
				x.result.Name = x.name
				x.finish(outcome, "")
			case errors.Is(err, store.ErrInvalid):
				x.reject(itemReason(err))
			}
			// After any other error, another program was faster: the next round finds out.
		},
	}
}

// itemReason returns why a store does not accept an object.
func itemReason(err error) string {
	var invalid *store.InvalidError
	if errors.As(err, &invalid) {
		return invalid.Error()
	}
	return err.Error()
}
