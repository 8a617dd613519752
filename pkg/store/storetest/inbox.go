package storetest

import (
	"context"
	"fmt"
	"strings"

	"github.com/davadmin/davadmin/pkg/store"
)

func inboxTests() []test {
	return []test{{"ItemState", testItemState}, {"ItemRejected", testItemRejected}}
}

// item returns a message for an inbox.
func item(name, method string) *store.Component {
	m := event(name)
	m.UID, m.Method = "uid", method
	return m
}

// The state of an item changes nothing that clients see, and is kept by its deletion.
func testItemState(s *env) {
	s.create(withHome("a"))
	s.update(func(ctx context.Context, w store.Writer) error {
		for i, method := range store.Methods() {
			m := item(fmt.Sprintf("%d.ics", i), method)
			m.Type = store.ItemTypes()[i%len(store.ItemTypes())]
			if err := w.PutComponent(ctx, "a", store.InboxName, m, store.Condition{}); err != nil {
				return fmt.Errorf("%s of %s: %w", method, m.Type, err)
			}
		}
		return nil
	})
	before := s.everything()
	want := before["a"].Components[store.InboxName]
	for i, state := range append(store.ItemStates(), store.Unread, store.Read) {
		s.update(func(ctx context.Context, w store.Writer) error {
			return w.SetItemState(ctx, "a", store.InboxName, "1.ics", state)
		})
		want[1].State = state
		s.same(before, s.everything(), fmt.Sprintf("everything but the state, change %d", i))
	}
	s.update(func(ctx context.Context, w store.Writer) error {
		if err := w.DeleteComponent(ctx, "a", store.InboxName, "1.ics", store.Condition{}); err != nil {
			return err
		}
		return w.UndeleteComponent(ctx, "a", store.InboxName, "1.ics")
	})
	s.view(func(ctx context.Context, r store.Reader) error {
		m, err := r.Component(ctx, "a", store.InboxName, "1.ics")
		if err == nil && (m.State != store.Read || m.Method != store.Methods()[1]) {
			s.t.Errorf("the restored item is %+v", m)
		}
		return err
	})
}

func testItemRejected(s *env) {
	s.create(withHome("a"), withHome("gone"))
	s.update(func(ctx context.Context, w store.Writer) error {
		if err := w.PutComponent(ctx, "a", store.InboxName, item("1.ics", "REQUEST"), store.Condition{}); err != nil {
			return err
		}
		if err := w.PutComponent(ctx, "a", store.DefaultCalendar, event("1.ics"), store.Condition{}); err != nil {
			return err
		}
		return w.DeleteAccount(ctx, "gone")
	})
	put := func(to string, fn func(m *store.Component)) change {
		m := item("2.ics", "REQUEST")
		m.UID = "other"
		fn(m)
		return func(ctx context.Context, w store.Writer) error {
			return w.PutComponent(ctx, "a", to, m, store.Condition{})
		}
	}
	set := func(account, calendar, name string, state store.ItemState) change {
		return func(ctx context.Context, w store.Writer) error {
			return w.SetItemState(ctx, account, calendar, name, state)
		}
	}
	invalid := map[string]change{
		"a method in a calendar": put(store.DefaultCalendar, func(*store.Component) {}), "no method in an inbox": put(store.InboxName, func(m *store.Component) { m.Method = "" }),
		"a state in a calendar":    put(store.DefaultCalendar, func(m *store.Component) { m.Method, m.State = "", store.Read }),
		"a type that has no items": put(store.InboxName, func(m *store.Component) { m.Type = "VAVAILABILITY" }), "an unknown state": put(store.InboxName, func(m *store.Component) { m.State = 9 }),
		"setting an unknown state": set("a", store.InboxName, "1.ics", 9), "setting a state in a calendar": set("a", store.DefaultCalendar, "1.ics", store.Read),
	}
	for _, method := range []string{"request", " ", "REQUEST\r\nX:y", "\x00", "\xff", strings.Repeat("X", 1<<17)} {
		invalid[fmt.Sprintf("method %.20q", method)] = put(store.InboxName, func(m *store.Component) { m.Method = method })
	}
	s.rejectsAll(store.ErrInvalid, invalid)
	s.rejectsAll(store.ErrNotFound, map[string]change{
		"no item": set("a", store.InboxName, "2.ics", store.Read), "a hostile name": set("a", store.InboxName, "\x00", store.Read), "no inbox": set("a", "none", "1.ics", store.Read),
		"no account": set("none", store.InboxName, "1.ics", store.Read),
	})
	s.rejects(store.ErrDeleted, "a deleted account", set("gone", store.InboxName, "1.ics", store.Read))
}
