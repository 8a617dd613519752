package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/davadmin/davadmin/pkg/store"
)

func propertyTests() []test {
	return []test{
		{"Properties", testProperties},
		{"PropertiesKept", testPropertiesKept},
		{"PropertiesNotInherited", testPropertiesNotInherited},
		{"PropertiesRejected", testPropertiesRejected},
		{"PropertiesConcurrent", testPropertiesConcurrent},
	}
}

// places returns the places in the account of withContent.
func places(id string) []store.PropertyPlace {
	return []store.PropertyPlace{{Account: id}, {Account: id, Calendar: "work"}, {Account: id, Calendar: "work", Resource: "1.ics"}}
}

func property(namespace, local, value string) store.Property {
	return store.Property{PropertyName: store.PropertyName{Namespace: namespace, Local: local}, Value: value}
}

// set returns the changes that set properties.
func set(list ...store.Property) []store.PropertyChange {
	var out []store.PropertyChange
	for _, p := range list {
		out = append(out, store.PropertyChange{Property: p})
	}
	return out
}

// setProperties sets a property of each place, whose value is that of valueOf.
func (s *env) setProperties(list []store.PropertyPlace) {
	s.t.Helper()
	s.update(func(ctx context.Context, w store.Writer) error {
		for _, p := range list {
			if err := w.SetProperties(ctx, p, set(valueOf(p))); err != nil {
				return err
			}
		}
		return nil
	})
}

func valueOf(p store.PropertyPlace) store.Property {
	return property("urn:x", "place", "<p>"+p.String()+"</p>")
}

// wantProperties expects the properties of a place.
func (s *env) wantProperties(p store.PropertyPlace, want []store.Property, what string) {
	s.t.Helper()
	s.view(func(ctx context.Context, r store.Reader) error {
		got, err := r.Properties(ctx, p)
		if err != nil {
			return fmt.Errorf("%s: %s: %w", what, p, err)
		}
		s.same(want, got, what+": properties of "+p.String())
		return nil
	})
}

// wantSet expects the properties of setProperties.
func (s *env) wantSet(list []store.PropertyPlace, what string) {
	s.t.Helper()
	for _, p := range list {
		s.wantProperties(p, []store.Property{valueOf(p)}, what)
	}
}

// Each place has its own properties. Changes are made in their order, and change nothing
// else.
func testProperties(s *env) {
	s.withContent("a")
	before := s.everything()
	for _, p := range places("a") {
		s.wantProperties(p, nil, "at first")
	}
	var hostile []store.Property
	for i, text := range hostileTexts() {
		if !strings.ContainsAny(text, "\x00\x01\a\v\f\x1b\uFFFE") && len(text) < 1000 {
			hostile = append(hostile, property(fmt.Sprintf("urn:%03d", i), "x", text))
		}
	}
	for _, p := range places("a") {
		s.update(func(ctx context.Context, w store.Writer) error { return w.SetProperties(ctx, p, set(hostile...)) })
		s.wantProperties(p, hostile, "hostile values")
		first, second := hostile[0], hostile[1]
		first.Value = strings.Repeat("v", store.MaxPropertyValue)
		s.update(func(ctx context.Context, w store.Writer) error {
			changes := []store.PropertyChange{{Property: second, Remove: true}, {Property: property("urn:none", "x", ""), Remove: true}}
			changes = append(changes, set(property("", "a", ""), first)...)
			if err := w.SetProperties(ctx, p, append(changes, set(property("", "b", "ä"))...)); err != nil {
				return err
			}
			return w.SetProperties(ctx, p, nil)
		})
		want := append([]store.Property{property("", "a", ""), property("", "b", "ä"), first}, hostile[2:]...)
		s.wantProperties(p, want, "after changes")
	}
	after := s.everything()
	for id, h := range after {
		h.Extras.Properties = before[id].Extras.Properties
		after[id] = h
	}
	s.same(before, after, "everything but the properties")
	s.update(func(ctx context.Context, w store.Writer) error {
		for _, p := range hostile[2:] {
			if err := w.SetProperties(ctx, places("a")[0], []store.PropertyChange{{Property: p, Remove: true}}); err != nil {
				return err
			}
		}
		return nil
	})
}

// Properties are kept by other changes of the place, by its deletion and by its
// restoration.
func testPropertiesKept(s *env) {
	s.withContent("a")
	list := places("a")
	s.setProperties(list)
	for _, step := range []struct {
		what string
		fn   change
	}{
		{"another version of the resource", func(ctx context.Context, w store.Writer) error {
			m := event("1.ics")
			m.Text = append(m.Text, "\r\n"...)
			return w.PutComponent(ctx, "a", "work", m, store.Condition{})
		}},
		{"changed settings", func(ctx context.Context, w store.Writer) error {
			a, err := w.Account(ctx, "a")
			if err != nil {
				return err
			}
			c, err := w.Calendar(ctx, "a", "work")
			if err != nil {
				return err
			}
			a.DisplayName, c.DisplayName = "other", "other"
			return errors.Join(w.UpdateAccount(ctx, a), w.UpdateCalendar(ctx, c))
		}},
		{"a deleted and restored resource", func(ctx context.Context, w store.Writer) error {
			if err := w.DeleteComponent(ctx, "a", "work", "1.ics", store.Condition{}); err != nil {
				return err
			}
			_, err := w.Properties(ctx, list[2])
			s.wantClass(err, store.ErrNotFound, "a deleted resource")
			return w.UndeleteComponent(ctx, "a", "work", "1.ics")
		}},
		{"a deleted and restored collection", func(ctx context.Context, w store.Writer) error {
			if err := w.DeleteCalendar(ctx, "a", "work"); err != nil {
				return err
			}
			for _, p := range list[1:] {
				_, err := w.Properties(ctx, p)
				s.wantClass(err, store.ErrNotFound, "a deleted collection")
			}
			return w.UndeleteCalendar(ctx, "a", "work")
		}},
		{"a deleted and restored account", func(ctx context.Context, w store.Writer) error {
			return errors.Join(w.DeleteAccount(ctx, "a"), w.UndeleteAccount(ctx, "a"))
		}},
	} {
		s.update(step.fn)
		s.wantSet(list, step.what)
	}
}

// Something else of the same name has no properties.
func testPropertiesNotInherited(s *env) {
	s.withContent("a")
	list := places("a")
	s.setProperties(list)
	s.update(func(ctx context.Context, w store.Writer) error {
		if err := w.DeleteComponent(ctx, "a", "work", "1.ics", store.Condition{}); err != nil {
			return err
		}
		return w.PutComponent(ctx, "a", "work", event("1.ics"), store.Condition{})
	})
	s.wantProperties(list[2], nil, "a new resource")
	s.wantSet(list[:2], "a new resource in it")
	s.update(func(ctx context.Context, w store.Writer) error {
		if err := w.DeleteComponent(ctx, "a", "work", "1.ics", store.Condition{}); err != nil {
			return err
		}
		if err := w.UndeleteComponent(ctx, "a", "work", "1.ics"); err != nil { // the new one
			return err
		}
		if err := w.DeleteCalendar(ctx, "a", "work"); err != nil {
			return err
		}
		c := calendar("a", "work")
		return w.CreateCalendar(ctx, &c)
	})
	s.wantProperties(list[1], nil, "a new collection")
	s.update(func(ctx context.Context, w store.Writer) error { return w.DeleteAccount(ctx, "a") })
	s.wantProperties(list[0], []store.Property{valueOf(list[0])}, "the home of a deleted account")
	s.purge()
	s.create(person("a"))
	s.wantProperties(list[0], nil, "a new account")
}

func testPropertiesRejected(s *env) {
	s.withContent("a")
	s.withContent("gone")
	s.setProperties(places("gone"))
	s.update(func(ctx context.Context, w store.Writer) error { return w.DeleteAccount(ctx, "gone") })
	one := set(property("urn:x", "y", "z"))
	setAt := func(p store.PropertyPlace, changes ...store.PropertyChange) change {
		return func(ctx context.Context, w store.Writer) error { return w.SetProperties(ctx, p, changes) }
	}
	missing := map[string]change{}
	for _, p := range []store.PropertyPlace{
		{}, {Account: "none"}, {Account: "A"}, {Account: "a\x00"}, {Account: "a", Calendar: "none"}, {Account: "a", Calendar: "gone"}, {Account: "a", Calendar: "\xff"},
		{Account: "a", Resource: "1.ics"}, {Account: "a", Calendar: "work", Resource: "2.ics"}, {Account: "a", Calendar: "work", Resource: "\x00"}, {Account: "a", Calendar: "gone", Resource: "1.ics"},
	} {
		missing[fmt.Sprintf("%q", p)] = setAt(p, one...)
		missing[fmt.Sprintf("reading %q", p)] = func(ctx context.Context, w store.Writer) error { _, err := w.Properties(ctx, p); return err }
	}
	s.rejectsAll(store.ErrNotFound, missing)
	deleted, invalid := map[string]change{}, map[string]change{}
	for _, p := range places("gone") {
		deleted[p.String()] = setAt(p, one...)
	}
	s.rejectsAll(store.ErrDeleted, deleted)
	var many, large []store.PropertyChange
	for i := range store.MaxProperties + 1 {
		many = append(many, set(property("urn:x", fmt.Sprintf("x%d", i), "v"))...)
	}
	for i := range store.MaxPropertyBytes / store.MaxPropertyValue {
		large = append(large, set(property("urn:x", fmt.Sprintf("x%d", i), strings.Repeat("v", store.MaxPropertyValue)))...)
	}
	for _, p := range places("a") {
		for what, changes := range map[string][]store.PropertyChange{
			"no name": set(property("x", "", "")), "a name that is not UTF-8": set(property("x", "\xff", "")), "a value with NUL": set(property("x", "y", "\x00")),
			"too many": many, "too large": large, "the last one is invalid": append(slices.Clone(one), set(property("x", "y z", ""))...),
		} {
			invalid[p.String()+": "+what] = setAt(p, changes...)
		}
	}
	s.rejectsAll(store.ErrInvalid, invalid)
	s.rejects(store.ErrListing, "while a listing is being read", func(ctx context.Context, w store.Writer) error {
		for _, err := range w.Accounts(ctx, store.AccountFilter{}) {
			if err != nil {
				return err
			}
			return w.SetProperties(ctx, places("a")[1], one)
		}
		return nil
	})
	s.wantProperties(places("a")[0], nil, "after rejected changes")
}

// No property is lost when several writers set theirs at once.
func testPropertiesConcurrent(s *env) {
	const writers, times = 6, 5
	s.withContent("a")
	handles := []store.Store{s.Store, s.open()}
	ctx := s.t.Context()
	for _, p := range places("a") {
		errs := concurrently(writers, func(i int) error {
			for n := range times {
				err := handles[i%2].Update(ctx, func(ctx context.Context, w store.Writer) error {
					return w.SetProperties(ctx, p, set(property("urn:x", fmt.Sprintf("x%d-%d", i, n), "v")))
				})
				if err != nil {
					return err
				}
			}
			return nil
		})
		if err := errors.Join(errs...); err != nil {
			s.t.Fatal(err)
		}
		s.view(func(ctx context.Context, r store.Reader) error {
			got, err := r.Properties(ctx, p)
			if len(got) != writers*times {
				s.t.Errorf("%s: found %d of %d properties", p, len(got), writers*times)
			}
			return err
		})
	}
}
