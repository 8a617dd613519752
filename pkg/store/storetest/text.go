package storetest

import (
	"context"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"strings"
	"unicode"

	"github.com/davadmin/davadmin/pkg/store"
)

func textTests() []test {
	return []test{
		{"HostileText", testHostileText},
		{"HostileAddresses", testHostileAddresses},
		{"HostileLookups", testHostileLookups},
		{"TextRejected", testTextRejected},
	}
}

// hostileTexts returns texts that are known to cause trouble. All text fields accept
// them.
func hostileTexts() []string {
	return []string{
		"'; DROP TABLE account; --", `"; DELETE FROM collection; --`, "') OR 1=1 --", "$1 $2 ?1 ? :name @p %s %d {{.}} ${x}", "NULL", "null", "1e999", "0x41",
		"\x1b[31mred\x1b[0m\x1b]0;title\a", "\u202Egnp.exe\u202C \u2066x\u2069", "🧑‍👩‍👧‍👦 👍🏽 𝔘𝔫𝔦", "e\u0301 or \u00e9", "a\r\nb\tc\vd\fe\x01\x7f", "\n", " ", "  both ends  ",
		`\ \\ \' \" \N \x00 \u0000 E'\''`, "% _ [a-z] * ^", "%00 %0A + & = a%20b", "\ufeffBOM", "\u2028\u0085\u00a0", "\U0010FFFF\uFFFD\uFFFE", "@", "@example.com:r",
		strings.Repeat("ä", store.MaxText/2), random(store.MaxText),
	}
}

// random returns text of some length that hardly compresses. It is always the same, so
// that a failure can be repeated.
func random(length int) string {
	r := rand.NewChaCha8([32]byte{1, 2, 3})
	raw := make([]byte, length)
	_, _ = r.Read(raw) // it has no errors
	return base64.StdEncoding.EncodeToString(raw)[:length]
}

// name returns a valid name of a collection or a resource that is similar to text. It
// begins with n.
func name(text string, n int) string {
	kept := strings.Map(func(r rune) rune {
		if r == '/' || r < ' ' || r >= 0x7f && r < 0xa0 {
			return -1
		}
		return r
	}, text)
	kept = fmt.Sprintf("%d%s", n, kept)
	if len(kept) > store.MaxName {
		kept = strings.ToValidUTF8(kept[:store.MaxName], "")
	}
	return kept
}

// Every text field stores any text byte for byte.
func testHostileText(s *env) {
	for i, text := range hostileTexts() {
		id := name(text, i)
		a := withHome(id, fmt.Sprintf("hostile%d@example.com", i))
		a.Account.DisplayName = text
		who := store.Person{ID: id, Address: withoutControls(text)} // an address that is only displayed can be any other text
		a.Account.Delegates, a.Account.Owners = []store.Person{who, {ID: "@" + id[1:]}}, []store.Person{who}
		a.Account.SchedulingACL = store.ACL{{Principal: store.Principal{Person: who}, Rights: "fs"}, {Principal: store.Principal{Everyone: true}, Rights: "f"}}
		c := calendar(id, name(text, i))
		c.DisplayName, c.Description, c.TimeZone = text, text, text
		c.ACL = store.ACL{{Principal: store.Principal{Person: who}, Rights: "rw"}}
		m := event(name(text, i))
		m.UID, m.ScheduleTag, m.Text = strings.ToValidUTF8(text[:min(len(text), store.MaxUID)], ""), text, []byte(text)
		x := store.Subscription{Account: id, Owner: store.Person{ID: id, Address: a.Account.Mail()}, Calendar: name(text, i)}
		s.create(a)
		s.update(func(ctx context.Context, w store.Writer) error {
			if err := w.CreateCalendar(ctx, c.Clone()); err != nil {
				return fmt.Errorf("calendar with %.40q: %w", text, err)
			}
			copied := *m
			if err := w.PutComponent(ctx, id, c.Name, &copied, store.Condition{}); err != nil {
				return fmt.Errorf("component with %.40q: %w", text, err)
			}
			followed := x
			return w.Subscribe(ctx, &followed)
		})
		got := s.home(id)
		a.Account.Backend, a.Account.Created, a.Account.Changed, a.Account.Version = Backend, got.Account.Created, got.Account.Changed, got.Account.Version
		s.same(&a.Account, got.Account, fmt.Sprintf("the account with %.40q", text))
		for _, g := range got.Calendars {
			if g.Name == c.Name {
				c.Created, c.Changed, c.Revision, c.Number, c.Version, c.Incarnation = g.Created, g.Changed, g.Revision, g.Number, g.Version, g.Incarnation
				s.same(&c, g, fmt.Sprintf("the calendar with %.40q", text))
			}
		}
		if len(got.Components[c.Name]) != 1 || len(got.Subscriptions) != 1 {
			s.t.Fatalf("%.40q: %d components, %d subscriptions", text, len(got.Components[c.Name]), len(got.Subscriptions))
		}
		g := got.Components[c.Name][0]
		m.ETag, m.Size, m.Created, m.Changed, m.Revision = store.ETagOf(m.Text), int64(len(m.Text)), g.Created, g.Changed, g.Revision
		s.same(m, g, fmt.Sprintf("the component with %.40q", text))
		x.Created = got.Subscriptions[0].Created
		s.same(x, got.Subscriptions[0], fmt.Sprintf("the subscription with %.40q", text))
		s.foundByUID(id, c.Name, m)
	}
}

// withoutControls returns text without its control characters.
func withoutControls(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, text)
}

// foundByUID expects to find a component by its UID, and a deletion with the UID.
func (s *env) foundByUID(account, calendar string, m *store.Component) {
	s.t.Helper()
	s.view(func(ctx context.Context, r store.Reader) error {
		found, err := collect(r.Components(ctx, account, calendar, store.ComponentFilter{UID: m.UID}))
		if err != nil || len(found) != 1 || found[0].Name != m.Name || found[0].Text != nil {
			s.t.Errorf("UID %.40q finds %+v, error %v", m.UID, found, err)
		}
		return nil
	})
	s.update(func(ctx context.Context, w store.Writer) error {
		return w.DeleteComponent(ctx, account, calendar, m.Name, store.Condition{})
	})
	s.view(func(ctx context.Context, r store.Reader) error {
		found, err := collect(r.Deletions(ctx, account))
		want := []*store.Deletion{{Calendar: calendar, Name: m.Name, UID: m.UID, Deleted: s.clock.stamp()}}
		s.same(want, found, fmt.Sprintf("the deletion of UID %.40q", m.UID))
		return err
	})
	s.update(func(ctx context.Context, w store.Writer) error {
		return w.UndeleteComponent(ctx, account, calendar, m.Name)
	})
}

// Unusual but valid addresses are stored and found.
func testHostileAddresses(s *env) {
	addresses := []string{
		"';DROP-TABLE-account;--@example.com", `"a:b;c"@example.com`, `o'hara%_\@example.com`, "\u202Eabc@example.com", "👍🏽@exämple.com", "a+b&c=d%20@example.com",
		"$1@example.com", "?@example.com", "a@b@example.com", strings.Repeat("x", store.MaxAddress-len("@example.com")) + "@example.com", "é@example.com", "e\u0301@example.com",
	}
	for i, address := range addresses {
		a := person(fmt.Sprint(i), address)
		a.Account.NotifyTo, a.Account.DelegateNotifyTo = []string{address, address}, []string{address}
		s.create(a)
		got := s.home(a.Account.ID).Account
		s.same([][]string{{address}, {address, address}, {address}}, [][]string{got.Addresses, got.NotifyTo, got.DelegateNotifyTo}, "addresses")
	}
	s.view(func(ctx context.Context, r store.Reader) error {
		for i, address := range addresses {
			if got, err := r.AccountByAddress(ctx, address); err != nil || got.ID != fmt.Sprint(i) {
				s.t.Errorf("%s belongs to %+v, error %v", address, got, err)
			}
		}
		return nil
	})
}

// A lookup by any text finds something or nothing, and the transaction stays usable.
func testHostileLookups(s *env) {
	s.create(withHome("a"))
	for _, text := range append(hostileTexts(), "\x00", "a\x00b", "\xff\xfe", "\xed\xa0\x80", strings.Repeat("%", 70000), strings.Repeat("a", 70000)) {
		s.update(func(ctx context.Context, w store.Writer) error {
			s.lookFor(ctx, w, text)
			_, err := w.Account(ctx, "a") // the transaction is still usable
			return err
		})
	}
	s.update(func(ctx context.Context, w store.Writer) error {
		return w.PutComponent(ctx, "a", store.DefaultCalendar, event("1.ics"), store.Condition{})
	})
}

// lookFor uses text as an argument of each method of Reader, and of the methods of Writer
// that change something existing.
func (s *env) lookFor(ctx context.Context, w store.Writer, text string) {
	s.t.Helper()
	const cal = store.DefaultCalendar
	for what, found := range map[string]func() (int, error){
		"ids": func() (int, error) {
			all, err := collect(w.Accounts(ctx, store.AccountFilter{IDs: []string{text, text}}))
			return len(all), err
		},
		"domain": func() (int, error) {
			n, err := w.CountAccounts(ctx, store.AccountFilter{Domain: text + "x"})
			return int(n), err
		},
		"match": func() (int, error) {
			n, err := w.CountAccounts(ctx, store.AccountFilter{Match: text + "\u2603"})
			return int(n), err
		},
		"usage": func() (int, error) { u, err := w.Usage(ctx, []string{text}); return len(u), err },
		"calendars of": func() (int, error) {
			all, err := collect(w.Calendars(ctx, text, store.CalendarFilter{}))
			return len(all), err
		},
		"deletions of":     func() (int, error) { all, err := collect(w.Deletions(ctx, text)); return len(all), err },
		"subscriptions of": func() (int, error) { all, err := w.Subscriptions(ctx, text); return len(all), err },
		"types": func() (int, error) {
			all, err := collect(w.Components(ctx, "a", cal, store.ComponentFilter{Types: []string{text}}))
			return len(all), err
		},
		"uid": func() (int, error) {
			all, err := collect(w.Components(ctx, "a", cal, store.ComponentFilter{UID: text + "x"}))
			return len(all), err
		},
	} {
		if n, err := found(); n != 0 || err != nil {
			s.t.Errorf("%s %.40q finds %d, error %v", what, text, n, err)
		}
	}
	for what, err := range map[string]error{
		"account":             errorOf(w.Account(ctx, text)),
		"calendar":            errorOf(w.Calendar(ctx, "a", text)),
		"calendar of":         errorOf(w.Calendar(ctx, text, cal)),
		"usage of calendar":   errorOf(w.CalendarUsage(ctx, "a", text)),
		"component":           errorOf(w.Component(ctx, "a", cal, text)),
		"delete account":      w.DeleteAccount(ctx, text),
		"undelete account":    w.UndeleteAccount(ctx, text),
		"delete calendar":     w.DeleteCalendar(ctx, "a", text),
		"undelete calendar":   w.UndeleteCalendar(ctx, "a", text),
		"delete component":    w.DeleteComponent(ctx, "a", cal, text, store.Condition{}),
		"undelete component":  w.UndeleteComponent(ctx, "a", cal, text),
		"unsubscribe owner":   w.Unsubscribe(ctx, "a", text, cal),
		"unsubscribe from":    w.Unsubscribe(ctx, "a", "a", text),
		"unsubscribe account": w.Unsubscribe(ctx, text, "a", cal),
	} {
		s.wantClass(err, store.ErrNotFound, fmt.Sprintf("%s %.40q", what, text))
	}
	if _, err := w.Readdress(ctx, store.Person{ID: text, Address: "x@example.com"}); err != nil && !isOnly(err, store.ErrInvalid) {
		s.t.Errorf("Readdress for %.40q: got error %v", text, err)
	}
}

// errorOf returns the error of a call with two results.
func errorOf[T any](_ T, err error) error { return err }

// badText returns texts that some engine cannot store.
func badText() []string {
	return []string{"x\x00y", "\xff", "x\xed\xa0\x80", strings.Repeat("x", store.MaxText+1)}
}

// accountFields returns a function for each text field that sets the field.
func accountFields() map[string]func(a *store.NewAccount, text string) {
	people := func(text string) []store.Person { return []store.Person{{ID: text, Address: "x@example.com"}} }
	return map[string]func(*store.NewAccount, string){
		"id":           func(a *store.NewAccount, text string) { a.Account.ID = text },
		"address":      func(a *store.NewAccount, text string) { a.Account.Addresses = []string{text + "@example.com"} },
		"domain":       func(a *store.NewAccount, text string) { a.Account.Addresses = []string{"b@" + text} },
		"display name": func(a *store.NewAccount, text string) { a.Account.DisplayName = text },
		"notify":       func(a *store.NewAccount, text string) { a.Account.NotifyTo = []string{text + "@example.com"} },
		"notify also":  func(a *store.NewAccount, text string) { a.Account.DelegateNotifyTo = []string{text + "@example.com"} },
		"delegate":     func(a *store.NewAccount, text string) { a.Account.Delegates = people(text) },
		"owner":        func(a *store.NewAccount, text string) { a.Account.Owners = people(text) },
		"list": func(a *store.NewAccount, text string) {
			a.Account.SchedulingACL[0].Principal = store.Principal{Person: people(text)[0]}
		},
		"list's domain": func(a *store.NewAccount, text string) {
			a.Account.SchedulingACL[0].Principal = store.Principal{Domain: text}
		},
		"calendar":    func(a *store.NewAccount, text string) { a.Calendars[0].Name = text },
		"shown name":  func(a *store.NewAccount, text string) { a.Calendars[0].DisplayName = text },
		"description": func(a *store.NewAccount, text string) { a.Calendars[1].Description = text },
		"time zone":   func(a *store.NewAccount, text string) { a.Calendars[2].TimeZone = text },
		"colour":      func(a *store.NewAccount, text string) { a.Calendars[0].Colour = text },
		"components":  func(a *store.NewAccount, text string) { a.Calendars[0].Components = []string{text} },
		"calendar's list": func(a *store.NewAccount, text string) {
			a.Calendars[0].ACL = store.ACL{{Principal: store.Principal{Domain: text}, Rights: "r"}}
		},
	}
}

// All engines reject text that some engine cannot store, in every field.
func testTextRejected(s *env) {
	s.create(withHome("a"))
	made := 0
	create := func(set func(*store.NewAccount)) change {
		made++
		a := withHome(fmt.Sprintf("b%d", made)) // unique, so that an account created by mistake does not hide the next
		set(a)
		return func(ctx context.Context, w store.Writer) error { return w.CreateAccount(ctx, clone(a)) }
	}
	for _, bad := range badText() {
		changes := map[string]change{
			"a subscription to " + bad[:1]: func(ctx context.Context, w store.Writer) error {
				return w.Subscribe(ctx, &store.Subscription{Account: "a", Owner: store.Person{ID: "b", Address: "b@example.com"}, Calendar: bad})
			},
		}
		for field, set := range accountFields() {
			changes[fmt.Sprintf("an account with %.6q as %s", bad, field)] = create(func(a *store.NewAccount) { set(a, bad) })
		}
		for field, set := range map[string]func(*store.Component){
			"name": func(m *store.Component) { m.Name = bad }, "uid": func(m *store.Component) { m.UID = bad },
			"type": func(m *store.Component) { m.Type = bad }, "schedule tag": func(m *store.Component) { m.ScheduleTag = bad },
		} {
			m := event("b.ics")
			set(m)
			changes[fmt.Sprintf("a component with %.6q as %s", bad, field)] = func(ctx context.Context, w store.Writer) error {
				return w.PutComponent(ctx, "a", store.DefaultCalendar, m, store.Condition{})
			}
		}
		s.rejectsAll(store.ErrInvalid, changes)
	}
	// Separators of access lists in a domain, and in an address.
	changes := map[string]change{}
	for _, address := range []string{"x\ty@example.com", "x\n@example.com", "\x1f", "x\u0085y@example.com"} {
		who := store.Person{ID: "who", Address: address}
		changes[fmt.Sprintf("the address %q in an access list", address)] = create(func(a *store.NewAccount) { a.Calendars[0].ACL = aclOf([]store.Person{who}, "r") })
		changes[fmt.Sprintf("the address %q in a scheduling list", address)] = create(func(a *store.NewAccount) { a.Account.SchedulingACL = aclOf([]store.Person{who}, "s") })
		changes[fmt.Sprintf("the address %q of a delegate", address)] = create(func(a *store.NewAccount) { a.Account.Delegates = []store.Person{who} })
		changes[fmt.Sprintf("the address %q of an owner", address)] = create(func(a *store.NewAccount) { a.Account.Owners = []store.Person{who} })
	}
	for _, domain := range []string{"x y", "x\ny", "x\n@", "x@y", "a;b"} {
		changes[fmt.Sprintf("the domain %q in an access list", domain)] = create(func(a *store.NewAccount) { accountFields()["calendar's list"](a, domain) })
	}
	s.rejectsAll(store.ErrInvalid, changes)
}
