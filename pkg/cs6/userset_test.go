package cs6

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/davadmin/davadmin/internal/seed"
)

func setOf(t testing.TB, o SetOptions, lists ...string) *UserSet {
	t.Helper()
	s := NewUserSet(o)
	for i, list := range lists {
		for p, err := range ReadUsers(strings.NewReader(list), ListOptions{Name: fmt.Sprintf("list%d", i+1)}) {
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Add(p); err != nil {
				t.Fatal(err)
			}
		}
	}
	return s
}

// dirEntry is an Entry made of strings.
type dirEntry struct {
	UID, Mail  string
	Alternates []string
	Domain     string
}

func (d dirEntry) bytes() Entry {
	e := Entry{UID: []byte(d.UID), Mail: []byte(d.Mail), Domain: []byte(d.Domain)}
	for _, addr := range d.Alternates {
		e.Alternates = append(e.Alternates, []byte(addr))
	}
	return e
}

func TestFind(t *testing.T) {
	const list = "John.Doe@Example.com\n" +
		"kate@example.com: owner=Kate status=disabled\n" +
		"kate@example.com:work: owner=kate status=disabled\n" +
		"bob: owner=bob status=disabled\n" +
		"bob:old: owner=bob status=enabled\n" +
		"\nmail: ann.lee@example.org\nuid: alee\n"
	s := setOf(t, SetOptions{}, list, "JOHN.DOE@example.com\nstraße\n")
	if s.Len() != 5 || s.Names() != 6 {
		t.Errorf("%d users, %d names, want 5 and 6", s.Len(), s.Names())
	}
	for _, c := range []struct {
		name  string
		entry dirEntry
		want  Match
		ok    bool
	}{
		{"mail, any case", dirEntry{UID: "x", Mail: "john.doe@EXAMPLE.COM"}, Match{By: ByMail, File: "list1", Line: 1}, true},
		{"a word with an @ may be a user id", dirEntry{UID: "john.doe", Domain: "example.com", Mail: "jd@example.com"}, Match{By: ByUIDDomain, File: "list1", Line: 1}, true},
		{"alternate mail", dirEntry{UID: "jd", Mail: "jd@example.com", Alternates: []string{"", "j@example.com", "john.doe@example.com"}}, Match{By: ByAlternate, File: "list1", Line: 1}, true},
		{"owner in a domain", dirEntry{UID: "KATE", Domain: "Example.Com."}, Match{By: ByUIDDomain, Number: 1, File: "list1", Line: 2, Calendars: 2, Disabled: true}, true},
		{"the domain of the mail address", dirEntry{UID: "kate", Mail: "k@example.com"}, Match{By: ByUIDDomain, Number: 1, File: "list1", Line: 2, Calendars: 2, Disabled: true}, true},
		{"an owner is not a mail address", dirEntry{UID: "other", Mail: "kate@example.com"}, Match{}, false},
		{"another domain", dirEntry{UID: "kate", Domain: "example.org"}, Match{}, false},
		{"owner without a domain", dirEntry{UID: "bob", Domain: "example.org"}, Match{By: ByUID, Number: 2, File: "list1", Line: 4, Calendars: 2}, true},
		{"one user, two names", dirEntry{UID: "alee", Mail: "a@example.net", Domain: "example.org"}, Match{By: ByUIDDomain, Number: 3, File: "list1", Line: 7}, true},
		{"a user id that is an address", dirEntry{UID: "John.Doe@example.com", Domain: "example.com"}, Match{By: ByUIDDomain, File: "list1", Line: 1}, true},
		{"other scripts", dirEntry{UID: "STRAẞE", Domain: "example.com"}, Match{By: ByUID, Number: 5, File: "list2", Line: 2}, true},
		{"nothing known", dirEntry{}, Match{}, false},
		{"a catch-all address", dirEntry{UID: "none", Alternates: []string{"@example.com"}}, Match{}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, ok := s.Find(c.entry.bytes())
			if diff := cmp.Diff(c.want, got); diff != "" || ok != c.ok {
				t.Errorf("found %v, want %v (-want +got):\n%s", ok, c.ok, diff)
			}
		})
	}
}

func TestHasUID(t *testing.T) {
	const list = "jdoe: owner=jdoe status=enabled\nkate@example.org: owner=kate status=enabled\n"
	plain := setOf(t, SetOptions{}, list)
	hosted := setOf(t, SetOptions{DefaultDomain: "Example.com"}, list)
	for _, c := range []struct {
		uid, domain   string
		plain, hosted bool
	}{
		{"jdoe", "", true, true},
		{"jdoe", "example.com", true, true},
		{"jdoe", "example.org", true, false},
		{"kate", "example.org", true, true},
		{"kate", "", false, false},
		{"KATE", "EXAMPLE.ORG.", true, true},
		{"kate@example.org", "", true, true},
		{"", "example.com", false, false},
		{"", "", false, false},
	} {
		if got := plain.HasUID(c.uid, c.domain); got != c.plain {
			t.Errorf("HasUID(%q, %q) is %v, want %v", c.uid, c.domain, got, c.plain)
		}
		if got := hosted.HasUID(c.uid, c.domain); got != c.hosted {
			t.Errorf("with a default domain, HasUID(%q, %q) is %v, want %v", c.uid, c.domain, got, c.hosted)
		}
	}
	if m, ok := hosted.Find(dirEntry{UID: "jdoe", Mail: "john@vanity.example"}.bytes()); !ok || m.By != ByUID {
		t.Errorf("an entry without a domain is not in the default domain: %+v", m)
	}
	if plain.HasMail("kate@example.org") || plain.HasMail("") {
		t.Error("an owner is treated as a mail address")
	}
}

func TestAllUsers(t *testing.T) {
	s := setOf(t, SetOptions{}, "A@example.com\nmail: B@example.com\nuid: beth\n\nx: owner=x status=disabled\nx:y: owner=X status=disabled\n")
	var got []ListedUser
	var numbers []int
	for n, p := range s.All() {
		got, numbers = append(got, p), append(numbers, n)
	}
	want := []ListedUser{
		{Address: "a@example.com", UID: "a", Domain: "example.com", File: "list1", Line: 1},
		{Address: "b@example.com", UID: "beth", Domain: "example.com", File: "list1", Line: 2},
		{UID: "x", Calendars: 2, Disabled: true, File: "list1", Line: 5},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]int{0, 1, 3}, numbers); diff != "" {
		t.Errorf("numbers (-want +got):\n%s", diff)
	}
}

func TestSetRefusesLongNames(t *testing.T) {
	s := NewUserSet(SetOptions{})
	if err := s.Add(ListedUser{UID: strings.Repeat("x", maxName)}); err != nil {
		t.Errorf("the longest name: %v", err)
	}
	for _, p := range []ListedUser{
		{UID: strings.Repeat("x", maxName+1)},
		{UID: "short", Address: strings.Repeat("x", maxName) + "@"},
	} {
		if err := s.Add(p); !errors.Is(err, ErrSetFull) {
			t.Errorf("a name that is too long: error %v", err)
		}
	}
	if err := s.Add(ListedUser{Domain: "example.com", Calendars: 3}); err != nil || s.Len() != 1 || s.HasUID("short", "") {
		t.Errorf("%v, %d users", err, s.Len())
	}
	if !s.HasUID(strings.Repeat("X", maxName), "") {
		t.Error("the longest name is not found")
	}
	// U+212A is three bytes and folds to one.
	if _, ok := s.Find(dirEntry{UID: strings.Repeat("\u212a", maxName)}.bytes()); ok {
		t.Error("a different name of that length is found")
	}
	if err := s.Add(ListedUser{UID: strings.Repeat("k", maxName)}); err != nil {
		t.Fatal(err)
	}
	if _, ok := s.Find(dirEntry{UID: strings.Repeat("\u212a", maxName)}.bytes()); !ok {
		t.Error("the longest name in its longest spelling is not found")
	}
	if _, ok := s.Find(dirEntry{UID: strings.Repeat("k", 1<<20), Mail: strings.Repeat("k", 1<<20)}.bytes()); ok {
		t.Error("a name longer than any in the set is found")
	}
}

// The set gives the same results as a map for any input in any order, across many
// pages and resizes of the table.
func TestSetIsAMap(t *testing.T) {
	seed.Rapid(t)
	rapid.Check(t, func(t *rapid.T) {
		s := NewUserSet(SetOptions{})
		calendars := map[string]int{}
		enabled := map[string]bool{}
		wide := strings.Repeat("n", rapid.SampledFrom([]int{0, 1, 200, 8_000}).Draw(t, "width"))
		n := rapid.IntRange(0, 300).Draw(t, "n")
		for range n {
			uid := rapid.StringMatching(`[a-cA-CäÄkK]{1,2}`).Draw(t, "uid") + wide
			off := rapid.Bool().Draw(t, "off")
			if err := s.Add(ListedUser{UID: uid, Calendars: 1, Disabled: off}); err != nil {
				t.Fatal(err)
			}
			key := foldSlow(calendars, uid)
			calendars[key]++
			enabled[key] = enabled[key] || !off
		}
		if s.Len() != len(calendars) {
			t.Fatalf("%d users, want %d", s.Len(), len(calendars))
		}
		for uid, want := range calendars {
			m, ok := s.Find(dirEntry{UID: strings.ToUpper(uid)}.bytes())
			if !ok || m.Calendars != want || m.Disabled == enabled[uid] {
				t.Fatalf("%.10q: %+v, want %d calendars, enabled %v", uid, m, want, enabled[uid])
			}
		}
		if s.HasUID("d"+wide, "") || s.HasUID("abc"+wide, "") {
			t.Fatal("the set contains a user who was never added")
		}
	})
}

// foldSlow returns the known key that equals uid except for letter case, else uid.
func foldSlow(known map[string]int, uid string) string {
	for key := range known {
		if strings.EqualFold(key, uid) {
			return key
		}
	}
	return uid
}

func TestFoldAgreesWithEqualFold(t *testing.T) {
	alphabet := []rune("aAkKK\u212asSſßẞäÄσςΣiIİıǅǆǄ@.1\ufffd")
	seed.Rapid(t)
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.StringOfN(rapid.OneOf(rapid.SampledFrom(alphabet), rapid.Rune()), 0, 4, -1)
		a, b := word.Draw(t, "a"), word.Draw(t, "b")
		// A list brings strings, a directory bytes.
		if got := string(appendFold(nil, a)) == string(appendFold(nil, []byte(b))); got != strings.EqualFold(a, b) {
			t.Fatalf("%q and %q fold to the same: %v", a, b, got)
		}
	})
	if string(appendFold(nil, "A\xff")) == string(appendFold(nil, "A\xfe")) || string(appendFold(nil, "\xff")) == string(appendFold(nil, "\ufffd")) {
		t.Error("different invalid bytes fold to the same")
	}
}

func TestFindAllocatesNothing(t *testing.T) {
	s := setOf(t, SetOptions{}, "jdoe@example.com\nkate\n")
	for _, e := range []dirEntry{
		{UID: "nobody", Mail: "nobody@example.com", Alternates: []string{"n@example.com"}},
		{UID: "KÄTHE", Mail: "käthe@bücher.example", Domain: "Bücher.example."},
		{UID: "kate", Mail: "nobody@example.com"},
	} {
		entry := e.bytes()
		if n := testing.AllocsPerRun(100, func() { s.Find(entry) }); n != 0 {
			t.Errorf("%+v: %v allocations", e, n)
		}
	}
}
