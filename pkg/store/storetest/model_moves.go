package storetest

import (
	"context"
	"fmt"
	"slices"

	"pgregory.net/rapid"

	"github.com/davadmin/davadmin/pkg/store"
)

func drawMoveComponent(t *rapid.T, d draw) action {
	from := store.Place{Account: d.id, Calendar: d.calendar, Name: d.resource}
	to := store.Place{
		Account:  rapid.SampledFrom([]string{d.id, d.id, "b"}).Draw(t, "target account"),
		Calendar: rapid.SampledFrom(modelCalendars()).Draw(t, "target calendar"),
		Name:     rapid.SampledFrom(modelResources()).Draw(t, "target resource"),
	}
	replace, cond := rapid.Bool().Draw(t, "replace"), condition(t, d)
	cond.IfAbsent = false // moving with IfAbsent is meaningless
	return action{
		what:   fmt.Sprintf("move %v to %v, replace=%v, if %+v", from, to, replace, cond),
		engine: func(ctx context.Context, w store.Writer) error { return w.MoveComponent(ctx, from, to, replace, cond) },
		model:  func(m *model) error { return m.moveComponent(from, to, replace, cond) },
	}
}

func drawRenameCalendar(t *rapid.T, d draw) action {
	to := rapid.SampledFrom(modelCalendars()).Draw(t, "new name")
	return action{
		what:   fmt.Sprintf("rename calendar %s of %s to %s", d.calendar, d.id, to),
		engine: func(ctx context.Context, w store.Writer) error { return w.RenameCalendar(ctx, d.id, d.calendar, to) },
		model:  func(m *model) error { return m.renameCalendar(d.id, d.calendar, to) },
	}
}

func drawMoveCalendar(t *rapid.T, d draw) action {
	account := rapid.SampledFrom(modelIDs()).Draw(t, "new owner")
	to := rapid.SampledFrom(modelCalendars()).Draw(t, "new name")
	return action{
		what: fmt.Sprintf("move calendar %s of %s to %s of %s", d.calendar, d.id, to, account),
		engine: func(ctx context.Context, w store.Writer) error {
			return w.MoveCalendar(ctx, d.id, d.calendar, account, to)
		},
		model: func(m *model) error { return m.moveCalendar(d.id, d.calendar, account, to, d.serial) },
	}
}

func (m *model) moveComponent(from, to store.Place, replace bool, cond store.Condition) error {
	if from == to {
		return store.ErrInvalid
	}
	// The first error is that of the place which is locked first.
	places := []store.Place{from, to}
	slices.SortFunc(places, func(a, b store.Place) int {
		return cmpStrings(a.Account+"\x00"+a.Calendar, b.Account+"\x00"+b.Calendar)
	})
	for _, p := range places {
		if _, err := m.calendar(p.Account, p.Calendar); err != nil {
			return err
		}
	}
	source, _ := m.calendar(from.Account, from.Calendar)
	target, _ := m.calendar(to.Account, to.Calendar)
	x, there := source.components[from.Name]
	replaced, taken := target.components[to.Name]
	switch {
	case !source.meets(from.Name, cond):
		return store.ErrConflict
	case !there:
		return store.ErrNotFound
	case taken && !replace, target.hasUID(x.UID, to.Name) && (source != target || source.components[from.Name].UID != x.UID):
		return store.ErrExists
	case !slices.Contains(target.Components, x.Type):
		return store.ErrInvalid
	}
	if taken {
		target.trash = append(target.trash, modelTrash{Component: replaced, deleted: m.now, change: len(target.log), properties: target.properties[to.Name]})
		delete(target.properties, to.Name)
		target.change(to.Name, true)
	}
	source.trash = append(source.trash, modelTrash{Component: store.Component{Name: from.Name}, deleted: m.now, change: len(source.log), trace: true})
	source.change(from.Name, true)
	delete(source.components, from.Name)
	properties := source.properties[from.Name]
	delete(source.properties, from.Name)
	x.Name = to.Name
	target.components[to.Name] = x
	if properties != nil {
		target.properties[to.Name] = properties
	}
	target.change(to.Name, false)
	return nil
}

func (m *model) renameCalendar(account, name, to string) error {
	c, err := m.calendar(account, name)
	switch {
	case err != nil:
		return err
	case m.accounts[account].calendar(to) != nil:
		return store.ErrExists
	}
	c.Name = to
	m.follow(account, name, account, to)
	return nil
}

func (m *model) moveCalendar(account, name, toAccount, to string, serial int) error {
	if account == toAccount {
		return store.ErrInvalid
	}
	c, err := m.calendar(account, name)
	if err != nil {
		return err
	}
	b, err := m.active(toAccount)
	switch {
	case err != nil:
		return err
	case b.calendar(to) != nil:
		return store.ErrExists
	}
	a := m.accounts[account]
	a.calendars = slices.DeleteFunc(a.calendars, func(x *modelCalendar) bool { return x == c })
	c.Account, c.Name, c.serial = toAccount, to, serial
	b.calendars = append(b.calendars, c)
	m.follow(account, name, toAccount, to)
	return nil
}

// follow changes the subscriptions to a calendar that was moved.
func (m *model) follow(account, name, toAccount, to string) {
	for id, a := range m.accounts {
		was, is := [2]string{account, name}, [2]string{toAccount, to}
		x, there := a.subscriptions[was]
		if !there {
			continue
		}
		delete(a.subscriptions, was)
		delete(a.subscriptions, is)
		if id != toAccount {
			x.Owner, x.Calendar = store.Person{ID: toAccount, Address: m.accounts[toAccount].Mail()}, to
			a.subscriptions[is] = x
		}
	}
}
