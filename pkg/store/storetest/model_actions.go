package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"pgregory.net/rapid"

	"github.com/davadmin/davadmin/pkg/store"
)

// action is a change of the store and the same change of the model. Both must return
// an error of the same class.
type action struct {
	what   string
	engine change
	model  func(m *model) error
}

// There are only a few names, so that actions often affect the same things.
func modelIDs() []string       { return []string{"a", "a", "a", "A", "b"} }
func modelCalendars() []string { return []string{"work", "work", "work", "Work"} }
func modelResources() []string { return []string{"1.ics", "1.ics", "2.ics"} }

// firstActions returns actions that create the account and the calendar that most other
// actions change.
func firstActions() []action {
	d := draw{id: modelIDs()[0], calendar: modelCalendars()[0]}
	return []action{createAccount(store.Account{ID: d.id, Kind: store.User, Addresses: []string{"a@example.com"}}), drawCreateCalendar(nil, d)}
}

// drawAction draws an action. serial must be unique.
func drawAction(t *rapid.T, serial int) action {
	d := draw{
		id: rapid.SampledFrom(modelIDs()).Draw(t, "id"), calendar: rapid.SampledFrom(modelCalendars()).Draw(t, "calendar"),
		resource: rapid.SampledFrom(modelResources()).Draw(t, "resource"), serial: serial,
		word: rapid.SampledFrom(hostileTexts()[:16]).Draw(t, "word"),
	}
	// Rapid draws the first ones most often.
	kinds := [...]func(*rapid.T, draw) action{
		drawPut, drawPut, drawDeleteComponent, drawUndeleteComponent, drawPut, drawPurge, drawUpdateAccount, drawUpdateCalendar, drawSubscribe, drawUnsubscribe,
		drawReaddress, drawDeleteCalendar, drawUndeleteCalendar, drawCreateCalendar, drawMoveComponent, drawRenameCalendar, drawMoveCalendar,
		drawDeleteAccount, drawUndeleteAccount, drawCreateAccount,
		drawSetProperties, drawAddAttachment, drawDeleteAttachment, drawUndeleteAttachment, drawAddOutgoing, drawClaim, drawSent, drawSetProperties,
	}
	return kinds[rapid.IntRange(0, len(kinds)-1).Draw(t, "kind")](t, d)
}

// draw contains the values for an action.
type draw struct {
	id, calendar, resource, word string
	serial                       int
}

func (d draw) account(t *rapid.T) store.Account {
	addresses := rapid.SampledFrom([][]string{{"a@example.com"}, {"A@Example.com", "b@example.com"}, {"b@example.com"}, {"c@example.com", "d@example.com"}, {"d@EXAMPLE.com"}}).Draw(t, "addresses")
	return store.Account{
		ID: d.id, Kind: rapid.SampledFrom(store.Kinds()).Draw(t, "account kind"), Addresses: addresses, DisplayName: d.word, Notify: d.serial%2 == 0,
		SchedulingACL: drawACL(t, "s", "n", "fsm", "m"), Delegates: drawPeople(t, "delegates"), Owners: drawPeople(t, "owners"),
	}
}

func drawCreateAccount(t *rapid.T, d draw) action {
	return createAccount(d.account(t))
}

func createAccount(a store.Account) action {
	return action{
		what: fmt.Sprintf("create account %s %v", a.ID, a.Addresses),
		engine: func(ctx context.Context, w store.Writer) error {
			return w.CreateAccount(ctx, &store.NewAccount{Account: *a.Clone()})
		},
		model: func(m *model) error { return m.createAccount(*a.Clone()) },
	}
}

func drawUpdateAccount(t *rapid.T, d draw) action {
	a, stale := d.account(t), rapid.IntRange(0, 4).Draw(t, "stale") == 0
	return action{
		what: fmt.Sprintf("update account %s %v stale=%v", a.ID, a.Addresses, stale),
		engine: func(ctx context.Context, w store.Writer) error {
			b := a.Clone()
			if now, err := w.Account(ctx, a.ID); err == nil {
				b.Version = now.Version
			}
			if stale {
				b.Version--
			}
			return w.UpdateAccount(ctx, b)
		},
		model: func(m *model) error { return m.updateAccount(*a.Clone(), stale) },
	}
}

func drawDeleteAccount(_ *rapid.T, d draw) action {
	return action{
		what:   "delete account " + d.id,
		engine: func(ctx context.Context, w store.Writer) error { return w.DeleteAccount(ctx, d.id) },
		model:  func(m *model) error { return m.deleteAccount(d.id) },
	}
}

func drawUndeleteAccount(_ *rapid.T, d draw) action {
	return action{
		what:   "undelete account " + d.id,
		engine: func(ctx context.Context, w store.Writer) error { return w.UndeleteAccount(ctx, d.id) },
		model:  func(m *model) error { return m.undeleteAccount(d.id) },
	}
}

func drawCreateCalendar(_ *rapid.T, d draw) action {
	c := calendar(d.id, d.calendar)
	c.Description = d.word
	return action{
		what:   fmt.Sprintf("create calendar %s of %s", c.Name, c.Account),
		engine: func(ctx context.Context, w store.Writer) error { return w.CreateCalendar(ctx, c.Clone()) },
		model:  func(m *model) error { return m.createCalendar(*c.Clone(), d.serial) },
	}
}

func drawUpdateCalendar(t *rapid.T, d draw) action {
	stale, acl := rapid.IntRange(0, 4).Draw(t, "stale") == 0, drawACL(t, "r", "n", "rw", "a")
	return action{
		what: fmt.Sprintf("update calendar %s of %s stale=%v", d.calendar, d.id, stale),
		engine: func(ctx context.Context, w store.Writer) error {
			c, err := w.Calendar(ctx, d.id, d.calendar)
			if err != nil {
				other := calendar(d.id, d.calendar)
				c = &other
			}
			c.DisplayName, c.ACL = d.word, slices.Clone(acl)
			if stale {
				c.Version--
			}
			return w.UpdateCalendar(ctx, c)
		},
		model: func(m *model) error { return m.updateCalendar(d.id, d.calendar, d.word, acl, stale) },
	}
}

func drawDeleteCalendar(_ *rapid.T, d draw) action {
	return action{
		what:   fmt.Sprintf("delete calendar %s of %s", d.calendar, d.id),
		engine: func(ctx context.Context, w store.Writer) error { return w.DeleteCalendar(ctx, d.id, d.calendar) },
		model:  func(m *model) error { return m.deleteCalendar(d.id, d.calendar) },
	}
}

func drawUndeleteCalendar(_ *rapid.T, d draw) action {
	return action{
		what:   fmt.Sprintf("undelete calendar %s of %s", d.calendar, d.id),
		engine: func(ctx context.Context, w store.Writer) error { return w.UndeleteCalendar(ctx, d.id, d.calendar) },
		model:  func(m *model) error { return m.undeleteCalendar(d.id, d.calendar) },
	}
}

// condition draws a condition. Its ETag is that of one of two texts.
func condition(t *rapid.T, d draw) store.Condition {
	text := rapid.SampledFrom(modelTexts(d.resource)).Draw(t, "text of the condition")
	return rapid.SampledFrom([]store.Condition{{}, {IfETag: store.ETagOf([]byte(text))}, {IfAbsent: true}}).Draw(t, "condition")
}

func modelTexts(resource string) []string {
	return []string{"one " + resource, "two\r\n\xff" + resource}
}

func drawPut(t *rapid.T, d draw) action {
	x := event(d.resource)
	x.UID = rapid.SampledFrom([]string{"uid-1", x.UID, x.UID}).Draw(t, "uid")
	x.Type = rapid.SampledFrom([]string{"VEVENT", "VEVENT", "VTODO", "VJOURNAL"}).Draw(t, "type")
	x.Text = []byte(rapid.SampledFrom(modelTexts(d.resource)).Draw(t, "text"))
	x.ScheduleTag = d.word
	cond := condition(t, d)
	return action{
		what: fmt.Sprintf("put %s with %s, %s into %s of %s if %+v", x.Name, x.UID, x.Type, d.calendar, d.id, cond),
		engine: func(ctx context.Context, w store.Writer) error {
			copied := *x
			return w.PutComponent(ctx, d.id, d.calendar, &copied, cond)
		},
		model: func(m *model) error { return m.putComponent(d.id, d.calendar, *x, cond) },
	}
}

func drawDeleteComponent(t *rapid.T, d draw) action {
	cond := condition(t, d)
	cond.IfAbsent = false // deleting with IfAbsent is meaningless
	return action{
		what: fmt.Sprintf("delete %s in %s of %s if %+v", d.resource, d.calendar, d.id, cond),
		engine: func(ctx context.Context, w store.Writer) error {
			return w.DeleteComponent(ctx, d.id, d.calendar, d.resource, cond)
		},
		model: func(m *model) error { return m.deleteComponent(d.id, d.calendar, d.resource, cond) },
	}
}

func drawUndeleteComponent(_ *rapid.T, d draw) action {
	return action{
		what: fmt.Sprintf("undelete %s in %s of %s", d.resource, d.calendar, d.id),
		engine: func(ctx context.Context, w store.Writer) error {
			return w.UndeleteComponent(ctx, d.id, d.calendar, d.resource)
		},
		model: func(m *model) error { return m.undeleteComponent(d.id, d.calendar, d.resource) },
	}
}

func drawSubscribe(t *rapid.T, d draw) action {
	x := store.Subscription{Account: d.id, Owner: store.Person{ID: rapid.SampledFrom(append(modelIDs(), similar()[1])).Draw(t, "owner"), Address: "x@example.com"}, Calendar: d.calendar}
	return action{
		what: fmt.Sprintf("subscribe %s to %s of %s", d.id, d.calendar, x.Owner.ID),
		engine: func(ctx context.Context, w store.Writer) error {
			copied := x
			return w.Subscribe(ctx, &copied)
		},
		model: func(m *model) error { return m.subscribe(x) },
	}
}

func drawUnsubscribe(t *rapid.T, d draw) action {
	owner := rapid.SampledFrom(modelIDs()).Draw(t, "owner")
	return action{
		what:   fmt.Sprintf("unsubscribe %s from %s of %s", d.id, d.calendar, owner),
		engine: func(ctx context.Context, w store.Writer) error { return w.Unsubscribe(ctx, d.id, owner, d.calendar) },
		model:  func(m *model) error { return m.unsubscribe(d.id, owner, d.calendar) },
	}
}

// drawPurge draws a purge of what is older than some seconds, with a limit of 1 to 3.
func drawPurge(t *rapid.T, _ draw) action {
	age := time.Duration(rapid.IntRange(-1, 20).Draw(t, "age")) * time.Second
	limit := rapid.IntRange(1, 3).Draw(t, "limit")
	var before time.Time
	return action{
		what: fmt.Sprintf("purge what is older than %v, limit %d", age, limit),
		model: func(m *model) error {
			before = m.now.Add(-age)
			m.purge(before)
			return nil
		},
		engine: func(ctx context.Context, w store.Writer) error {
			expected, err := w.Purgeable(ctx, before)
			if err != nil {
				return err
			}
			if err := checkToPurge(ctx, w, before, expected); err != nil {
				return err
			}
			var sum store.Purged
			for range 1000 {
				done, err := w.Purge(ctx, before, limit)
				if err != nil {
					return err
				}
				if done.None() && sum != expected {
					return fmt.Errorf("purged %+v, but Purgeable announced %+v", sum, expected)
				}
				if done.None() {
					return nil
				}
				sum.Add(done)
			}
			return errors.New("the purge never ends")
		},
	}
}

// checkToPurge checks that the accounts and calendars to purge are listed, each once.
func checkToPurge(ctx context.Context, r store.Reader, before time.Time, expected store.Purged) error {
	seen := map[store.ToPurge]bool{}
	var accounts, calendars int64
	for p, err := range r.ToPurge(ctx, before) {
		switch {
		case err != nil:
			return err
		case seen[*p], !p.Deleted.Before(before):
			return fmt.Errorf("%+v is not to be purged before %v, or listed twice", p, before)
		case p.Calendar == "":
			accounts++
		default:
			calendars++
		}
		seen[*p] = true
	}
	if accounts != expected.Accounts || calendars > expected.Calendars {
		return fmt.Errorf("%d accounts and %d calendars are listed of %+v", accounts, calendars, expected)
	}
	return nil
}
