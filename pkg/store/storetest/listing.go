package storetest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/text/unicode/norm"

	"github.com/davadmin/davadmin/internal/seed"
	"github.com/davadmin/davadmin/pkg/store"
)

func listingTests() []test {
	return []test{
		{"Listing", testListing},
		{"ListingText", testListingText},
		{"ListingManyIDs", testManyIDs},
	}
}

// crowdSize is the number of accounts in the listings: more than an engine reads at
// once.
const crowdSize = 2600

// createCrowd creates random accounts that often have equal values in the fields that a
// filter or a sort order uses, and returns them as they are in the store.
func (s *env) createCrowd() []*store.Account {
	s.t.Helper()
	r := seed.New(s.t)
	pick := func(words ...string) string { return words[r.IntN(len(words))] }
	var all []*store.Account
	for i := 0; i < crowdSize; {
		s.update(func(ctx context.Context, w store.Writer) error {
			for range crowdSize / 13 {
				id := fmt.Sprintf("%s-%04d", pick("a", "B", "\u00e9", "z"), r.IntN(10000)*10000+i)
				a := person(id, fmt.Sprintf("%s%d.%04d@%s", pick("anna", "Bert", "\u00c9mile", "zoe"), r.IntN(50), i, pick("example.com", "EXAMPLE.com", "mail.example.com", "example.org")))
				a.Account.Kind = store.Kinds()[r.IntN(4)]
				a.Account.DisplayName = pick("", "Same", "same", "\u00c4nne", "Zoe 100%", "Zoe 100_", `back\slash`)
				if err := w.CreateAccount(ctx, a); err != nil {
					return err
				}
				a.Account.Backend, a.Account.Created, a.Account.Changed = Backend, s.clock.stamp(), s.clock.stamp()
				all = append(all, &a.Account)
				i++
			}
			return nil
		})
	}
	for round := range 4 { // change some accounts, and delete others
		s.update(func(ctx context.Context, w store.Writer) error {
			for i := round; i < crowdSize; i += 40 {
				a, err := w.Account(ctx, all[i].ID)
				if err == nil && round%2 == 0 {
					err = w.DeleteAccount(ctx, a.ID)
				} else if err == nil {
					err = w.UpdateAccount(ctx, a)
				}
				if err != nil {
					return err
				}
			}
			return nil
		})
	}
	s.view(func(ctx context.Context, r store.Reader) (err error) {
		for i, a := range all {
			if all[i], err = r.Account(ctx, a.ID); err != nil {
				return err
			}
		}
		return nil
	})
	return all
}

// listed returns the ids that a listing must return: an independent implementation of
// the filter.
func listed(all []*store.Account, f store.AccountFilter) []string {
	lower := func(s string) string {
		return strings.Map(func(r rune) rune {
			if 'A' <= r && r <= 'Z' {
				return r + 'a' - 'A'
			}
			return r
		}, s)
	}
	fold := func(s string) string {
		if strings.Trim(f.Match, asciiText()) == "" {
			return lower(s)
		}
		return strings.ToLower(strings.ToUpper(norm.NFC.String(s)))
	}
	var kept []*store.Account
	for _, a := range all {
		_, domain, _ := strings.Cut(a.Addresses[0], "@")
		ok := (f.State == store.AnyState || (f.State == store.OnlyDeleted) == !a.Deleted.IsZero()) &&
			(f.IDs == nil || slices.Contains(f.IDs, a.ID)) &&
			(len(f.Kinds) == 0 || slices.Contains(f.Kinds, a.Kind)) &&
			(f.Domain == "" || lower(domain) == lower(f.Domain)) &&
			(strings.Contains(fold(a.Addresses[0]), fold(f.Match)) || strings.Contains(fold(a.DisplayName), fold(f.Match))) &&
			(f.Before.IsZero() || a.Created.Before(f.Before))
		if ok {
			kept = append(kept, a)
		}
	}
	slices.SortFunc(kept, func(a, b *store.Account) int {
		order := 0
		switch f.Order {
		case store.ByMail:
			order = cmp.Compare(a.Addresses[0], b.Addresses[0])
		case store.ByName:
			order = cmp.Compare(a.DisplayName, b.DisplayName)
		case store.ByCreated:
			order = a.Created.Compare(b.Created)
		case store.ByChanged:
			order = a.Changed.Compare(b.Changed)
		case store.ByID:
		}
		return cmp.Or(order, cmp.Compare(a.ID, b.ID))
	})
	if f.Reverse {
		slices.Reverse(kept)
	}
	if f.Limit > 0 && len(kept) > f.Limit {
		kept = kept[:f.Limit]
	}
	var ids []string
	for _, a := range kept {
		ids = append(ids, a.ID)
	}
	return ids
}

// Listings are filtered, sorted and limited as the filter says.
func testListing(s *env) {
	all := s.createCrowd()
	middle := all[crowdSize/2].Created
	filters := []store.AccountFilter{
		{}, {Limit: 1}, {Limit: 2099},
		{State: store.OnlyDeleted}, {State: store.AnyState},
		{IDs: []string{}}, {IDs: []string{all[7].ID, all[3].ID, all[7].ID, "nobody", all[0].ID}}, {IDs: []string{all[0].ID}, State: store.OnlyDeleted},
		{Kinds: []store.Kind{store.Group}}, {Kinds: []store.Kind{store.Location, store.User, store.User}},
		{Domain: "example.com"}, {Domain: "Example.COM", Limit: 10}, {Domain: "ample.com"}, {Domain: "%"}, {Domain: "none.example"},
		{Match: "BERT1"}, {Match: "same"}, {Match: "100%"}, {Match: "100_"}, {Match: `K\S`}, {Match: "\u00c9"}, {Match: "\u00e9"}, {Match: "none at all"}, {Match: "@mail."},
		{Before: middle}, {Before: middle.Add(time.Microsecond)}, {Before: time.Unix(1, 0)},
		{Kinds: []store.Kind{store.User}, State: store.AnyState, Domain: "EXAMPLE.org", Match: "zoe", Before: middle, Limit: 50},
	}
	for _, f := range filters {
		s.wantListing(all, f)
	}
	for _, order := range []store.AccountOrder{store.ByMail, store.ByID, store.ByName, store.ByCreated, store.ByChanged} {
		for _, reverse := range []bool{false, true} {
			s.wantListing(all, store.AccountFilter{Order: order, Reverse: reverse, Kinds: []store.Kind{store.User, store.Group}, State: store.AnyState})
			s.wantListing(all, store.AccountFilter{Order: order, Reverse: reverse, Limit: 37})
			s.wantAlone(store.AccountFilter{Order: order, Reverse: reverse})
			s.wantAlone(store.AccountFilter{Order: order, Reverse: reverse, Domain: "example.org", State: store.AnyState})
			s.wantAlone(store.AccountFilter{Order: order, Reverse: reverse, Match: "zoe4", Limit: 9})
		}
	}
	s.readWhileListing(all)
	s.endListing(all)
}

// wantListing compares a listing and its count with the result of listed.
func (s *env) wantListing(all []*store.Account, f store.AccountFilter) {
	s.t.Helper()
	s.view(func(ctx context.Context, r store.Reader) error {
		got := []string{}
		found, err := collect(r.Accounts(ctx, f))
		for _, a := range found {
			got = append(got, a.ID)
		}
		want := listed(all, f)
		if err != nil || !slices.Equal(want, got) {
			s.t.Errorf("%+v lists %d accounts, error %v; want %d", f, len(got), err, len(want))
			s.same(want, got, "the listing")
		}
		unlimited := f
		unlimited.Limit = 0
		if n, err := r.CountAccounts(ctx, f); err != nil || n != int64(len(listed(all, unlimited))) {
			s.t.Errorf("%+v counts %d accounts, error %v", f, n, err)
		}
		return nil
	})
}

// wantAlone expects that a listing with Alone set returns the same accounts, and with
// Brief set the same accounts with fewer fields.
func (s *env) wantAlone(f store.AccountFilter) {
	s.t.Helper()
	s.view(func(ctx context.Context, r store.Reader) error {
		want, err := collect(r.Accounts(ctx, f))
		if err != nil {
			return err
		}
		f.Alone = true
		got, err := collect(r.Accounts(ctx, f))
		if err != nil {
			return err
		}
		s.same(want, got, fmt.Sprintf("listing with %+v", f))
		f.WithoutRights = true
		without := make([]*store.Account, len(want))
		for i, a := range want {
			without[i] = a.Clone()
			without[i].SchedulingACL, without[i].Delegates, without[i].Owners = nil, nil, nil
		}
		if got, err = collect(r.Accounts(ctx, f)); err != nil {
			return err
		}
		s.same(without, got, fmt.Sprintf("listing with %+v", f))
		f.Brief = true
		for i, a := range want {
			brief := &store.Account{ID: a.ID, Kind: a.Kind, Addresses: a.Addresses[:1], Backend: a.Backend, Deleted: a.Deleted}
			want[i] = brief
		}
		if got, err = collect(r.Accounts(ctx, f)); err == nil {
			s.same(want, got, fmt.Sprintf("listing with %+v", f))
		}
		return err
	})
}

// readWhileListing calls other methods while it reads a listing.
func (s *env) readWhileListing(all []*store.Account) {
	s.t.Helper()
	f := store.AccountFilter{Order: store.ByName}
	s.view(func(ctx context.Context, r store.Reader) error {
		var got []string
		for a, err := range r.Accounts(ctx, f) {
			if err != nil {
				return err
			}
			got = append(got, a.ID)
			if len(got)%97 != 0 {
				continue
			}
			if b, err := r.Account(ctx, a.ID); err != nil || b.Version != a.Version {
				s.t.Errorf("account '%s' during the listing: %+v, error %v", a.ID, b, err)
			}
			if _, err := r.Usage(ctx, []string{a.ID}); err != nil {
				return err
			}
			n := 0
			for _, err := range r.Accounts(ctx, store.AccountFilter{Order: store.ByID, Reverse: true}) {
				if n++; err != nil || n == 5 {
					break
				}
				if calendars, err := collect(r.Calendars(ctx, a.ID, store.CalendarFilter{})); err != nil || len(calendars) > 0 {
					s.t.Errorf("calendars during the listing: %v, error %v", calendars, err)
				}
			}
			if n != 5 {
				s.t.Errorf("a listing during the listing ends after %d accounts", n)
			}
		}
		if !slices.Equal(listed(all, f), got) {
			s.t.Errorf("a listing with other calls in between has the wrong order, or the wrong number of accounts (%d)", len(got))
		}
		return nil
	})
}

// endListing stops reading listings early, with break and by cancelling the context.
func (s *env) endListing(all []*store.Account) {
	s.t.Helper()
	s.view(func(ctx context.Context, r store.Reader) error {
		for range 5 {
			n := 0
			for _, err := range r.Accounts(ctx, store.AccountFilter{}) {
				if n++; err != nil || n == 3 {
					break
				}
			}
			if _, err := r.Account(ctx, all[0].ID); err != nil || n != 3 {
				s.t.Errorf("after a listing that was stopped after %d accounts: %v", n, err)
			}
		}
		return nil
	})
	ctx, cancel := context.WithCancel(s.t.Context())
	defer cancel()
	err := s.View(ctx, func(ctx context.Context, r store.Reader) error {
		n, errs := 0, 0
		for _, err := range r.Accounts(ctx, store.AccountFilter{State: store.AnyState}) {
			if err != nil {
				errs++
				continue // a sequence must end after its first error
			}
			if n++; n == 100 {
				cancel()
			}
		}
		if errs > 1 || errs == 0 && n < crowdSize {
			s.t.Errorf("a listing with a cancelled context has %d accounts and %d errors", n, errs)
		}
		return nil
	})
	if err != nil && !errors.Is(err, context.Canceled) {
		s.t.Errorf("a view with a cancelled context: got error %v", err)
	}
}

// asciiText returns all ASCII characters.
func asciiText() string {
	var b []byte
	for c := range byte(0x80) {
		b = append(b, c)
	}
	return string(b)
}

// Text is sorted byte by byte, whatever the collation of the database is.
func testListingText(s *env) {
	words := []string{"", " ", "!", "A", "B", "Z", "_", "a", "a b", "aB", "ab", "ä", "z", "{", "\u00c4", "\u00df", "ss", "e\u0301", "\u00e9", "日本", "𝔘", "\ufffd", "Stra\u00dfe", "\u03a3\u039f\u03a6\u039f\u03a3", "\u03c3\u03bf\u03c6\u03cc\u03c2 Zu\u0308rich", "-a", "a-", "A1", "a10", "a2", "\x1b[31m", "\n"}
	var all []*store.Account
	for i, word := range words {
		a := withHome(fmt.Sprintf("%s#%d", name(word, 1)[1:], i), fmt.Sprintf("%sx%d@example.com", strings.ReplaceAll(name(word, 1)[1:], " ", ""), i))
		a.Account.DisplayName = word
		s.create(a)
		all = append(all, &a.Account)
		a.Account.Created = s.clock.stamp()
	}
	for _, order := range []store.AccountOrder{store.ByMail, store.ByID, store.ByName} {
		s.wantListing(all, store.AccountFilter{Order: order})
		s.wantListing(all, store.AccountFilter{Order: order, Reverse: true})
	}
	for _, word := range words {
		s.wantListing(all, store.AccountFilter{Match: word})
	}
	for _, text := range []string{"\u00c9", "E\u0301", "STRA\u1e9eE", "\u03c3\u03bf\u03c6\u03bf\u03c3", "Z\u00dcRICH", "\u00fcrich", "u\u0308r"} {
		s.wantListing(all, store.AccountFilter{Match: text})
	}
	many := ""
	for r := range rune(60) {
		many += string('\u4e00' + r)
	}
	s.update(func(ctx context.Context, r store.Writer) error {
		if _, err := r.CountAccounts(ctx, store.AccountFilter{Match: many}); !errors.Is(err, store.ErrInvalid) {
			s.t.Errorf("%d different letters: %v", 60, err)
		}
		return nil
	})
	var names []string
	s.update(func(ctx context.Context, w store.Writer) error {
		for i, word := range words {
			n := name(word, 1)
			if slices.Contains(names, n) {
				continue
			}
			names = append(names, n)
			m := event(n)
			m.UID = fmt.Sprint(i)
			c := calendar(all[0].ID, n)
			x := store.Subscription{Account: all[0].ID, Owner: store.Person{ID: n, Address: "x@example.com"}, Calendar: n}
			if err := errors.Join(w.CreateCalendar(ctx, &c), w.PutComponent(ctx, all[0].ID, store.DefaultCalendar, m, store.Condition{}), w.Subscribe(ctx, &x)); err != nil {
				return err
			}
		}
		return nil
	})
	slices.Sort(names)
	h := s.home(all[0].ID)
	var calendars, components, owners []string
	for _, c := range h.Calendars {
		if strings.HasPrefix(c.Name, "1") {
			calendars = append(calendars, c.Name)
		}
	}
	for _, m := range h.Components[store.DefaultCalendar] {
		components = append(components, m.Name)
	}
	for _, x := range h.Subscriptions {
		owners = append(owners, x.Owner.ID)
	}
	s.same([][]string{names, names, names}, [][]string{calendars, components, owners}, "names of calendars, components and owners")
}

// A filter may contain MaxIDs ids, and not one more. Usage accepts any number.
func testManyIDs(s *env) {
	const many = store.MaxIDs
	s.create(withHome("id 7"), withHome("id 999"), withHome("another"))
	ids := make([]string, many)
	for i := range ids {
		ids[i] = fmt.Sprintf("id %d", i)
	}
	s.view(func(ctx context.Context, r store.Reader) error {
		f := store.AccountFilter{IDs: ids, Order: store.ByID}
		found, err := collect(r.Accounts(ctx, f))
		if err != nil || len(found) != 2 || found[0].ID != "id 7" || found[1].ID != "id 999" {
			s.t.Errorf("%d ids select %d accounts, error %v", many, len(found), err)
		}
		if n, err := r.CountAccounts(ctx, f); err != nil || n != 2 {
			s.t.Errorf("%d ids count %d accounts, error %v", many, n, err)
		}
		f.IDs = append(f.IDs, "one more")
		if _, err := r.CountAccounts(ctx, f); !errors.Is(err, store.ErrInvalid) {
			s.t.Errorf("%d ids: got error %v", len(f.IDs), err)
		}
		usage, err := r.Usage(ctx, slices.Concat(ids, ids, ids))
		s.same(map[string]store.Usage{"id 7": {Calendars: 4}, "id 999": {Calendars: 4}}, usage, "usage of the accounts")
		return err
	})
}
