package storetest

import (
	"context"
	"fmt"

	"github.com/davadmin/davadmin/pkg/store"
)

func messageTests() []test {
	return []test{
		{"InboxMessages", testInboxMessages},
		{"ComponentNames", testComponentNames},
		{"LoadComponents", testLoadComponents},
	}
}

// message returns a message for an inbox.
func message(name, uid, method string) *store.Component {
	m := event(name)
	m.UID, m.Method = uid, method
	return m
}

// An inbox takes several messages with one UID, of all types.
func testInboxMessages(s *env) {
	s.create(withHome("a"))
	put := func(m *store.Component) change {
		return func(ctx context.Context, w store.Writer) error {
			return w.PutComponent(ctx, "a", store.InboxName, m, store.Condition{})
		}
	}
	journal := message("4", "u", "PUBLISH")
	journal.Type = "VJOURNAL"
	for _, m := range []*store.Component{message("1", "u", "REQUEST"), message("2", "u", "REQUEST"), message("3", "u", "CANCEL"), journal} {
		s.update(put(m))
	}
	s.rejects(store.ErrInvalid, "an object without a method in an inbox", put(event("5")))
	s.rejects(store.ErrExists, "another UID of a message", put(message("1", "v", "REQUEST")))
	s.view(func(ctx context.Context, r store.Reader) error {
		got, err := collect(r.Components(ctx, "a", store.InboxName, store.ComponentFilter{UID: "u"}))
		if err != nil {
			return err
		}
		var methods []string
		for _, m := range got {
			methods = append(methods, m.Name+" "+m.Method)
		}
		s.same([]string{"1 REQUEST", "2 REQUEST", "3 CANCEL", "4 PUBLISH"}, methods, "messages with the UID")
		return nil
	})
	// A message is restored with its method.
	s.update(func(ctx context.Context, w store.Writer) error {
		if err := w.DeleteComponent(ctx, "a", store.InboxName, "3", store.Condition{}); err != nil {
			return err
		}
		return w.UndeleteComponent(ctx, "a", store.InboxName, "3")
	})
	s.view(func(ctx context.Context, r store.Reader) error {
		m, err := r.Component(ctx, "a", store.InboxName, "3")
		if err == nil && m.Method != "CANCEL" {
			s.t.Errorf("the restored message is %+v", m)
		}
		return err
	})
	s.rejects(store.ErrInvalid, "a message in a calendar", func(ctx context.Context, w store.Writer) error {
		return w.MoveComponent(ctx, place(store.InboxName, "1"), place(store.DefaultCalendar, "1"), false, store.Condition{})
	})
}

// Components are found by a list of names, and by one of UIDs.
func testComponentNames(s *env) {
	s.create(withHome("a"))
	s.put("1", "2", "3", "4", "5")
	byName := func(list []string) store.ComponentFilter { return store.ComponentFilter{Names: list, WithText: true} }
	byUID := func(list []string) store.ComponentFilter {
		uids := make([]string, len(list))
		for i, name := range list {
			uids[i] = "uid-" + name
		}
		return store.ComponentFilter{UIDs: uids, WithText: true}
	}
	for what, filter := range map[string]func([]string) store.ComponentFilter{"names": byName, "UIDs": byUID} {
		for _, c := range []struct{ ask, want []string }{
			{[]string{}, nil},
			{[]string{"3"}, []string{"3"}},
			{[]string{"4", "none", "2", "4", "a/b", "", "\xff", "1"}, []string{"1", "2", "4"}},
		} {
			s.view(func(ctx context.Context, r store.Reader) error {
				got, err := collect(r.Components(ctx, "a", store.DefaultCalendar, filter(c.ask)))
				var names []string
				for _, m := range got {
					names = append(names, m.Name)
					if len(m.Text) == 0 {
						s.t.Errorf("%s has no text", m.Name)
					}
				}
				s.same(c.want, names, fmt.Sprintf("components by %s %q", what, c.ask))
				return err
			})
		}
		s.view(func(ctx context.Context, r store.Reader) error {
			_, err := collect(r.Components(ctx, "a", store.DefaultCalendar, filter(make([]string, store.MaxNames+1))))
			s.wantClass(err, store.ErrInvalid, "too many "+what)
			return nil
		})
	}
}

// LoadComponents creates the same as PutComponent, all or none.
func testLoadComponents(s *env) {
	const cal = store.DefaultCalendar
	l, ok := s.Store.(store.ComponentLoader)
	if !ok {
		s.t.Skipf("%s does not implement store.ComponentLoader", s.e.Name)
	}
	s.create(withHome("a"), withHome("b"))
	var list []*store.Component
	for _, name := range []string{"3", "1", "2"} {
		m := event(name)
		m.ScheduleTag, m.Recurring, m.Status, m.Transparent, m.Floating = "tag "+name, true, "TENTATIVE", true, true
		list = append(list, m)
	}
	s.update(func(ctx context.Context, w store.Writer) error {
		for _, m := range list {
			copied := *m
			if err := w.PutComponent(ctx, "a", cal, &copied, store.Condition{}); err != nil {
				return err
			}
		}
		return nil
	})
	ctx := s.t.Context()
	if err := l.LoadComponents(ctx, "b", cal, list); err != nil {
		s.t.Fatal(err)
	}
	a, b := s.home("a"), s.home("b")
	s.same(a.Components[cal], b.Components[cal], "loaded components")
	s.same(a.Changes[cal], b.Changes[cal], "changes of loaded components")
	before := s.everything()
	journal := event("5")
	journal.Type = "VJOURNAL"
	for what, c := range map[string]struct {
		class    error
		calendar string
		m        *store.Component
	}{
		"a name that exists":   {store.ErrExists, cal, func() *store.Component { m := event("1"); m.UID = "x"; return m }()},
		"a UID that exists":    {store.ErrExists, cal, func() *store.Component { m := event("x"); m.UID = "uid-1"; return m }()},
		"a type":               {store.ErrInvalid, cal, journal},
		"an invalid component": {store.ErrInvalid, cal, &store.Component{Name: "x"}},
		"an unknown calendar":  {store.ErrNotFound, "none", event("5")},
	} {
		s.wantClass(l.LoadComponents(ctx, "b", c.calendar, []*store.Component{event("4"), c.m}), c.class, "loading "+what)
	}
	s.same(before, s.everything(), "after rejected loads")
	if err := l.LoadComponents(ctx, "b", cal, nil); err != nil {
		s.t.Errorf("loading nothing: %v", err)
	}
	s.same(before, s.everything(), "after loading nothing")
}
