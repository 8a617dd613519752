package storetest

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/davadmin/davadmin/pkg/store"
)

// model is a store in memory. It implements the comments of pkg/store with maps and
// slices, as simply as possible. It has no versions and revisions, whose values are up
// to the engine.
type model struct {
	now      time.Time
	accounts map[string]*modelAccount
}

type modelAccount struct {
	store.Account
	calendars     []*modelCalendar // including deleted ones, in the order of creation
	subscriptions map[[2]string]store.Subscription
	modelExtras
}

type modelCalendar struct {
	store.Calendar
	serial     int // unique among all calendars of the test
	components map[string]store.Component
	properties map[string][]store.Property // by name of the resource; "" for the calendar
	trash      []modelTrash                // in the order of deletion
	log        []modelChange
	forgotten  int // changes at the start of log, up to the last deletion that was purged
}

type modelTrash struct {
	store.Component
	deleted    time.Time
	change     int  // position of the deletion in the log
	trace      bool // of a component that was moved away
	properties []store.Property
}

type modelChange struct {
	name    string
	deleted bool
}

func newModel() *model { return &model{accounts: map[string]*modelAccount{}} }

// clone returns a copy of the model, so that a transaction can be rolled back. Texts and
// access lists are shared, because they are never changed in place.
func (m *model) clone() *model {
	out := &model{now: m.now, accounts: map[string]*modelAccount{}}
	for id, a := range m.accounts {
		b := *a
		b.calendars = nil
		for _, c := range a.calendars {
			d := *c
			d.components = make(map[string]store.Component, len(c.components))
			for name, x := range c.components {
				d.components[name] = x
			}
			d.trash, d.log, d.properties = slices.Clone(c.trash), slices.Clone(c.log), maps.Clone(c.properties)
			b.calendars = append(b.calendars, &d)
		}
		b.subscriptions = make(map[[2]string]store.Subscription, len(a.subscriptions))
		for key, x := range a.subscriptions {
			b.subscriptions[key] = x
		}
		b.modelExtras = a.modelExtras.clone()
		out.accounts[id] = &b
	}
	return out
}

// active returns an account that can be changed.
func (m *model) active(id string) (*modelAccount, error) {
	a := m.accounts[id]
	switch {
	case a == nil:
		return nil, store.ErrNotFound
	case !a.Active():
		return nil, store.ErrDeleted
	}
	return a, nil
}

// taken reports whether an active account, except for the one with the id but, has one
// of the addresses.
func (m *model) taken(addresses []string, but string) bool {
	for id, a := range m.accounts {
		for _, has := range a.Addresses {
			if id != but && a.Active() && slices.ContainsFunc(addresses, func(x string) bool { return store.FoldAddress(x) == store.FoldAddress(has) }) {
				return true
			}
		}
	}
	return false
}

func (m *model) createAccount(a store.Account) error {
	for id := range m.accounts {
		if store.FoldID(id) == store.FoldID(a.ID) {
			return store.ErrExists
		}
	}
	if m.taken(a.Addresses, a.ID) {
		return store.ErrExists
	}
	a.Backend, a.Created = Backend, m.now
	m.accounts[a.ID] = &modelAccount{Account: a, subscriptions: map[[2]string]store.Subscription{}}
	return nil
}

func (m *model) updateAccount(a store.Account, stale bool) error {
	was, err := m.active(a.ID)
	switch {
	case err != nil:
		return err
	case stale:
		return store.ErrConflict
	case m.taken(a.Addresses, a.ID):
		return store.ErrExists
	}
	a.Backend, a.Created = was.Backend, was.Created
	was.Account = a
	return nil
}

func (m *model) deleteAccount(id string) error {
	a, err := m.active(id)
	if err == nil {
		a.Deleted = m.now
	}
	return err
}

func (m *model) undeleteAccount(id string) error {
	a := m.accounts[id]
	switch {
	case a == nil:
		return store.ErrNotFound
	case a.Active():
		return store.ErrConflict
	case m.taken(a.Addresses, id):
		return store.ErrExists
	}
	a.Deleted = time.Time{}
	return nil
}

// calendar returns the collection with a name that is not deleted, or nil.
func (a *modelAccount) calendar(name string) *modelCalendar {
	for _, c := range a.calendars {
		if c.Name == name && c.Calendar.Deleted.IsZero() {
			return c
		}
	}
	return nil
}

// calendar returns a collection that can be changed.
func (m *model) calendar(account, name string) (*modelCalendar, error) {
	a, err := m.active(account)
	if err != nil {
		return nil, err
	}
	if c := a.calendar(name); c != nil {
		return c, nil
	}
	return nil, store.ErrNotFound
}

func (m *model) createCalendar(c store.Calendar, serial int) error {
	a, err := m.active(c.Account)
	switch {
	case err != nil:
		return err
	case a.calendar(c.Name) != nil:
		return store.ErrExists
	}
	c.Created = m.now
	a.calendars = append(a.calendars, &modelCalendar{Calendar: c, serial: serial, components: map[string]store.Component{}, properties: map[string][]store.Property{}})
	return nil
}

func (m *model) updateCalendar(account, name, shown string, acl store.ACL, stale bool) error {
	c, err := m.calendar(account, name)
	switch {
	case err != nil:
		return err
	case stale:
		return store.ErrConflict
	}
	c.DisplayName, c.ACL = shown, acl
	return nil
}

func (m *model) deleteCalendar(account, name string) error {
	c, err := m.calendar(account, name)
	if err == nil {
		c.Calendar.Deleted = m.now
	}
	return err
}

func (m *model) undeleteCalendar(account, name string) error {
	a, err := m.active(account)
	if err != nil {
		return err
	}
	var last *modelCalendar
	for _, c := range a.calendars {
		if c.Name == name && !c.Calendar.Deleted.IsZero() && (last == nil || !c.Calendar.Deleted.Before(last.Calendar.Deleted)) {
			last = c
		}
	}
	switch {
	case last == nil:
		return store.ErrNotFound
	case a.calendar(name) != nil:
		return store.ErrExists
	}
	last.Calendar.Deleted = time.Time{}
	return nil
}

// hasUID reports whether a component, except for the one with the name but, has a UID.
func (c *modelCalendar) hasUID(uid, but string) bool {
	for name, x := range c.components {
		if x.UID == uid && name != but {
			return true
		}
	}
	return false
}

// change adds a change to the log.
func (c *modelCalendar) change(name string, deleted bool) {
	c.log = append(c.log, modelChange{name, deleted})
}

// meets reports whether a condition is met.
func (c *modelCalendar) meets(name string, cond store.Condition) bool {
	x, there := c.components[name]
	return !(cond.IfAbsent && there || cond.IfETag != "" && (!there || store.ETagOf(x.Text) != cond.IfETag))
}

func (m *model) putComponent(account, calendar string, x store.Component, cond store.Condition) error {
	c, err := m.calendar(account, calendar)
	switch {
	case err != nil:
		return err
	case !slices.Contains(c.Components, x.Type):
		return store.ErrInvalid
	case !c.meets(x.Name, cond):
		return store.ErrConflict
	case c.hasUID(x.UID, x.Name), c.components[x.Name].UID != "" && c.components[x.Name].UID != x.UID:
		return store.ErrExists
	}
	x.Created, x.Changed = m.now, m.now
	if was, there := c.components[x.Name]; there {
		x.Created = was.Created
	}
	c.components[x.Name] = x
	c.change(x.Name, false)
	return nil
}

func (m *model) deleteComponent(account, calendar, name string, cond store.Condition) error {
	c, err := m.calendar(account, calendar)
	if err != nil {
		return err
	}
	x, there := c.components[name]
	switch {
	case !c.meets(name, cond):
		return store.ErrConflict
	case !there:
		return store.ErrNotFound
	}
	delete(c.components, name)
	c.trash = append(c.trash, modelTrash{Component: x, deleted: m.now, change: len(c.log), properties: c.properties[name]})
	delete(c.properties, name)
	c.change(name, true)
	return nil
}

func (m *model) undeleteComponent(account, calendar, name string) error {
	c, err := m.calendar(account, calendar)
	if err != nil {
		return err
	}
	last := -1
	for i, x := range c.trash {
		if x.Name == name && !x.trace {
			last = i
		}
	}
	if last < 0 {
		return store.ErrNotFound
	}
	x, properties := c.trash[last].Component, c.trash[last].properties
	if _, there := c.components[name]; there || c.hasUID(x.UID, name) {
		return store.ErrExists
	}
	c.trash = slices.Delete(c.trash, last, last+1)
	c.components[name] = x
	c.properties[name] = properties
	c.change(name, false)
	return nil
}

func (m *model) subscribe(x store.Subscription) error {
	a, err := m.active(x.Account)
	if err != nil {
		return err
	}
	key := [2]string{x.Owner.ID, x.Calendar}
	if _, there := a.subscriptions[key]; there {
		return store.ErrExists
	}
	x.Created = m.now
	a.subscriptions[key] = x
	return nil
}

func (m *model) unsubscribe(account, owner, calendar string) error {
	a, err := m.active(account)
	if err != nil {
		return err
	}
	key := [2]string{owner, calendar}
	if _, there := a.subscriptions[key]; !there {
		return store.ErrNotFound
	}
	delete(a.subscriptions, key)
	return nil
}

// purge removes what was deleted before a time, and the changes before it.
func (m *model) purge(before time.Time) {
	old := func(at time.Time) bool { return !at.IsZero() && at.Before(before) }
	for id, a := range m.accounts {
		if old(a.Deleted) {
			delete(m.accounts, id)
			for _, b := range m.accounts {
				for key := range b.subscriptions {
					if key[0] == id {
						delete(b.subscriptions, key)
					}
				}
			}
			continue
		}
		a.purgeAttachments(old)
		a.calendars = slices.DeleteFunc(a.calendars, func(c *modelCalendar) bool { return old(c.Calendar.Deleted) })
		for _, c := range a.calendars {
			c.trash = slices.DeleteFunc(c.trash, func(x modelTrash) bool {
				if old(x.deleted) {
					c.forgotten = max(c.forgotten, x.change+1)
				}
				return old(x.deleted)
			})
		}
	}
}

// deletions returns the components that can be restored.
func (a *modelAccount) deletions() []*store.Deletion {
	var out []*store.Deletion
	for _, c := range a.calendars {
		if !c.Calendar.Deleted.IsZero() {
			continue
		}
		for _, x := range c.trash {
			if !x.trace {
				out = append(out, &store.Deletion{Calendar: c.Name, Name: x.Name, UID: x.UID, Deleted: x.deleted})
			}
		}
	}
	slices.SortStableFunc(out, func(a, b *store.Deletion) int {
		return cmp.Or(b.Deleted.Compare(a.Deleted), cmp.Compare(a.Calendar, b.Calendar), cmp.Compare(a.Name, b.Name))
	})
	return out
}

// since returns what has changed after the first seen changes, in the format of
// follower.
func (c *modelCalendar) since(seen int) []string {
	var out []string
	for i := len(c.log) - 1; i >= seen; i-- {
		name := c.log[i].name
		if slices.Contains(out, name) || slices.Contains(out, "-"+name) {
			continue
		}
		if c.log[i].deleted {
			name = "-" + name
		}
		out = append(out, name)
	}
	slices.Reverse(out)
	return out
}
