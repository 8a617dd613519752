package store_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/davadmin/davadmin/internal/seed"
	"github.com/davadmin/davadmin/pkg/store"
)

func everyone(rights string) store.ACE {
	return store.ACE{Principal: store.Principal{Everyone: true}, Rights: rights}
}

func domain(name, rights string) store.ACE {
	return store.ACE{Principal: store.Principal{Domain: name}, Rights: rights}
}

func address(mail, rights string) store.ACE {
	return store.ACE{Principal: store.Principal{Person: store.Person{Address: mail}}, Rights: rights}
}

func person(id, mail, rights string) store.ACE {
	return store.ACE{Principal: store.Principal{Person: store.Person{ID: id, Address: mail}}, Rights: rights}
}

func TestParseACL(t *testing.T) {
	for text, want := range map[string]store.ACL{
		"":                                       nil,
		" ;; ; ":                                 nil,
		"@:r":                                    {everyone("r")},
		"@Example.COM:rw":                        {domain("example.com", "rw")},
		"User@Example.com:a":                     {address("User@Example.com", "a")},
		" a@example.com : wr ; @ : n ;":          {address("a@example.com", "rw"), everyone("n")},
		"a@example.com:dddrr":                    {address("a@example.com", "rd")},
		`"a:b"@example.com:r`:                    {address(`"a:b"@example.com`, "r")},
		"@:n;@example.com:r;b@example.com:rwda;": {everyone("n"), domain("example.com", "r"), address("b@example.com", "rwda")},
	} {
		got, err := store.ParseACL(text, store.CalendarACL)
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" || err != nil {
			t.Errorf("%q: %v (-want +got):\n%s", text, err, diff)
		}
	}
	got, err := store.ParseACL("@:sf;a@example.com:msf", store.SchedulingACL)
	if diff := cmp.Diff(store.ACL{everyone("fs"), address("a@example.com", "fsm")}, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func TestParseACLRefused(t *testing.T) {
	for text, want := range map[string]string{
		"@":                               "has no ':'",
		"a@example.com":                   "has no ':'",
		"somebody:r":                      "is not a valid principal",
		":r":                              "is not a valid principal",
		"a@:r":                            "is not a valid mail address",
		"a b@example.com:r":               "spaces",
		"@exa mple.com:r":                 "has no valid domain",
		"@:":                              `use n for "no rights"`,
		"@:x":                             "a letter other than n, r, w, d, a",
		"@:R":                             "a letter other than n, r, w, d, a",
		"@:f":                             "a letter other than n, r, w, d, a",
		"@:r\x1b[31m":                     "a letter other than n, r, w, d, a",
		"@:rn":                            `combines n ("no rights") with other rights`,
		"@:r;@:w":                         "is listed twice",
		"A@example.com:r;a@Example.com:w": "is listed twice",
		"@example.com:r;@EXAMPLE.com:r":   "is listed twice",
	} {
		got, err := store.ParseACL(text, store.CalendarACL)
		var invalid *store.InvalidError
		if got != nil || !errors.As(err, &invalid) || !errors.Is(err, store.ErrInvalid) || invalid.Field != "acl" || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is parsed as %v, %v; want an error that contains '%s'", text, got, err, want)
		}
	}
	for _, letters := range []string{"r", "w", "d", "a", "fr"} {
		if _, err := store.ParseACL("@:"+letters, store.SchedulingACL); !errors.Is(err, store.ErrInvalid) {
			t.Errorf("%s in a scheduling list: got error %v", letters, err)
		}
	}
}

func TestMergeACL(t *testing.T) {
	was := store.ACL{everyone("r"), domain("example.com", "rw"), person("1", "a@example.com", "r"), person("2", "b@example.com", "r")}
	for changes, want := range map[string]store.ACL{
		"":                  was,
		"@:n":               {everyone("n"), was[1], was[2], was[3]},
		"@:":                {was[1], was[2], was[3]},
		"@EXAMPLE.com:":     {was[0], was[2], was[3]},
		"A@example.com:":    {was[0], was[1], was[3]},
		"new@example.com:a": {was[0], was[1], was[2], was[3], address("new@example.com", "a")},
		"new@example.com:":  was,
		"@:;@example.com:d": {domain("example.com", "d"), was[2], was[3]},
	} {
		parsed, err := store.ParseACEs(changes, store.CalendarACL)
		if err != nil {
			t.Errorf("%q: %v", changes, err)
			continue
		}
		before := slices.Clone(was)
		got := was.Merge(parsed)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", changes, diff)
		}
		if diff := cmp.Diff(before, was); diff != "" {
			t.Fatalf("merging %q changes the original list:\n%s", changes, diff)
		}
	}
	// If both have ids, the ids decide: the address may belong to another person now.
	moved := was.Merge(store.ACL{person("3", "a@example.com", "w"), person("2", "new@example.com", "d")})
	want := store.ACL{was[0], was[1], was[2], person("2", "new@example.com", "d"), person("3", "a@example.com", "w")}
	if diff := cmp.Diff(want, moved); diff != "" {
		t.Errorf("by ids (-want +got):\n%s", diff)
	}
	if _, err := store.ParseACEs("@:x", store.CalendarACL); err == nil || !strings.Contains(err.Error(), "set-ace") {
		t.Errorf("an invalid change: got error %v", err)
	}
}

// anyID draws a valid id.
func anyID() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.StringMatching(`[a-zA-Z0-9@ ;:%+&=\\/'"_-]{1,20}`), rapid.String(),
	).Filter(func(s string) bool { return store.CheckID(s) == nil })
}

// anyACE draws a valid entry.
func anyACE(letters string) *rapid.Generator[store.ACE] {
	return rapid.Custom(func(t *rapid.T) store.ACE {
		a := store.ACE{Rights: letters[:1]}
		if pick := rapid.SliceOfN(rapid.Bool(), len(letters), len(letters)).Draw(t, "letters"); slices.Contains(pick[1:], true) {
			a.Rights = ""
			for i := 1; i < len(letters); i++ {
				if pick[i] {
					a.Rights += letters[i : i+1]
				}
			}
		}
		switch rapid.IntRange(0, 4).Draw(t, "who") {
		case 0:
			a.Principal.Everyone = true
		case 1:
			a.Principal.Domain = rapid.StringMatching(`[a-zäß0-9.%+&-]{1,12}`).Draw(t, "domain")
		default:
			a.Principal.ID = anyID().Draw(t, "id")
			a.Principal.Address = rapid.OneOf(rapid.String(), rapid.Just(""), rapid.Just("a b\n@:r;")).Draw(t, "address")
		}
		return a
	})
}

// The text form of a list is parsed as the same list, except for the ids.
func TestACLText(t *testing.T) {
	seed.Rapid(t)
	rapid.Check(t, func(t *rapid.T) {
		var want store.ACL
		for i := range rapid.IntRange(0, 5).Draw(t, "entries") {
			a := anyACE("nfsm").Draw(t, "entry")
			if a.Principal.ID != "" {
				a.Principal.Person = store.Person{Address: fmt.Sprintf("person%d@example.com", i)}
			}
			if merged := want.Merge(store.ACL{a}); len(merged) > len(want) { // omit duplicates
				want = merged
			}
		}
		got, err := store.ParseACL(want.String(), store.SchedulingACL)
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" || err != nil {
			t.Fatalf("%q: %v (-want +got):\n%s", want.String(), err, diff)
		}
	})
}

// The most exact entry for a person decides.
func TestACLReads(t *testing.T) {
	for _, c := range []struct {
		list          store.ACL
		reads, others bool
	}{
		{nil, false, false},
		{store.ACL{everyone("r")}, true, false},
		{store.ACL{everyone("r"), person("x", "x@example.com", "n")}, false, false},
		{store.ACL{everyone("n"), domain("example.com", "r")}, true, false},
		{store.ACL{everyone("r"), domain("example.com", "n")}, false, false},
		{store.ACL{everyone("n"), person("x", "old@example.com", "w")}, true, false},
		{store.ACL{everyone("n"), person("g", "group@example.com", "r")}, false, true},
		{store.ACL{everyone("n"), address("X@example.com", "a")}, true, false},
		{store.ACL{domain("other.example", "a")}, false, false},
	} {
		if reads, others := c.list.Reads("x", []string{"x@example.com"}); reads != c.reads || others != c.others {
			t.Errorf("%s: reads %v, others %v", c.list, reads, others)
		}
	}
}
