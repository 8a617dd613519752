package account

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/davadmin/davadmin/internal/seed"
	"github.com/davadmin/davadmin/pkg/store"
)

// texts generates values with characters that have a meaning in batch lines.
func texts() *rapid.Generator[string] {
	return rapid.OneOf(rapid.String(), rapid.StringOf(rapid.SampledFrom([]rune(",=\\nr\n\r\t ;:'\"%é\u202e\x1b#"))))
}

func someProperties(known []PropertyInfo) *rapid.Generator[Properties] {
	return rapid.Custom(func(t *rapid.T) Properties {
		var out Properties
		for _, p := range rapid.Permutation(known).Draw(t, "known")[:rapid.IntRange(0, 4).Draw(t, "n")] {
			if p.Name != "set-ace" {
				out = append(out, Property{p.Name, texts().Draw(t, p.Name)})
			}
		}
		return out
	})
}

// inBatch returns a line as it is read from a file.
func inBatch(line string) string { return strings.Trim(line, " \t\r\n") }

// An undo line is read as it was written, whatever its values contain.
func TestPropertiesRoundTrip(t *testing.T) {
	seed.Rapid(t)
	rapid.Check(t, func(t *rapid.T) {
		p := someProperties(AccountProperties()).Draw(t, "properties")
		id := rapid.StringN(1, 40, 200).Draw(t, "id")
		if store.CheckID(id) != nil {
			t.Skip()
		}
		line := RequestLine(id, p)
		if strings.ContainsAny(line, "\r\n") {
			t.Fatalf("two lines: %q", line)
		}
		r, err := ParseRequest(inBatch(line), AccountProperties(), Recorded)
		if err != nil || r.ID != id || !slices.Equal(r.Properties, p) {
			t.Fatalf("%q: %+v, %v", line, r, err)
		}
	})
}

func TestCalendarLineRoundTrip(t *testing.T) {
	seed.Rapid(t)
	rapid.Check(t, func(t *rapid.T) {
		p := someProperties(CalendarProperties()).Draw(t, "properties")
		name := texts().Draw(t, "name")
		if store.CheckName("calendar", name) != nil {
			t.Skip()
		}
		line := CalendarLine("ID;:,=%", name, p)
		who, rest, _ := strings.Cut(inBatch(line), ":")
		r, err := ParseRequest(who, nil, Recorded)
		if err != nil || r.ID != "ID;:,=%" {
			t.Fatalf("%q: %+v, %v", line, r, err)
		}
		gotName, got, err := ParseCalendarLine(rest, Recorded)
		if err != nil || gotName != name || !slices.Equal(got, p) {
			t.Fatalf("%q: %q, %+v, %v", line, gotName, got, err)
		}
	})
}

func TestCollectionURIRoundTrip(t *testing.T) {
	seed.Rapid(t)
	rapid.Check(t, func(t *rapid.T) {
		u := CollectionURI{Owner: rapid.StringMatching(`[a-z0-9!#$%&'*+/=?^_{|}~.-]{1,20}@[a-z]{1,9}\.example`).Draw(t, "owner"), Calendar: texts().Draw(t, "name")}
		if store.CheckAddress(u.Owner) != nil || store.CheckName("calendar", u.Calendar) != nil {
			t.Skip()
		}
		for _, text := range []string{u.String(), strings.TrimSuffix(u.String(), "/"), "https://cal.example.com:8443/davserver/dav" + u.String()} {
			if got, err := ParseCollectionURI(text); err != nil || got != u {
				t.Fatalf("%q: %+v, %v", text, got, err)
			}
		}
	})
	for _, text := range []string{"", "/", "/home/a@example.com/", "/home/a@example.com/x/y/", "/home/nobody/x/", "/home/a@example.com/a%2Fb/", "/home/a@example.com/%zz/", "/home/a@example.com/../x/",
		"/principals/a@example.com/x/", "/home/a@example.com/%00/", "http://[::1/home/a@example.com/x/"} {
		if got, err := ParseCollectionURI(text); err == nil {
			t.Errorf("%q: %+v", text, got)
		}
	}
}

// An undo line names the same person, whoever has the address by then.
func TestPersonRefs(t *testing.T) {
	seed.Rapid(t)
	rapid.Check(t, func(t *rapid.T) {
		p := store.Person{ID: texts().Draw(t, "id"), Address: "x@example.com"}
		if store.CheckID(p.ID) != nil || len(url.QueryEscape(p.ID)) > 200 {
			t.Skip()
		}
		acl := store.ACL{{Principal: store.Principal{Person: p}, Rights: "m"}, {Principal: store.Principal{Everyone: true}, Rights: "f"}}
		properties := Properties{{"acl", aclWithRefs(acl).String()}, {"delegates", personRefs([]store.Person{p, p})}}
		if asked, err := properties.Addresses(store.SchedulingACL); err != nil || len(asked) != 0 {
			t.Fatalf("looks up %q, %v", asked, err)
		}
		a := store.Account{}
		if err := properties.Apply(&a, nil); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(a.SchedulingACL, acl) || !slices.Equal(a.Delegates, []store.Person{p, p}) {
			t.Fatalf("%+v", a)
		}
	})
	// An ID that is too long for an address, and a person without an ID.
	for _, p := range []store.Person{{ID: strings.Repeat("x", 500), Address: "x@example.com"}, {Address: "x@example.com"}} {
		if got := personRef(p); got != p.Address {
			t.Errorf("%q", got)
		}
	}
	for _, word := range []string{"id=", "id=/", "id=x/", "id=/x@example.com", "id=%zz/x@example.com", "x@example.com", "id=x@example.com"} {
		if p, exact := parsePersonRef(word); exact {
			t.Errorf("%q: %+v", word, p)
		}
	}
}

func TestParsePropertiesRefuses(t *testing.T) {
	both := []string{"kind", "kind=user,kind=user", "Kind=user", "colour=x", "=x", "acl=@:f,set-ace=@:s"}
	for form, more := range map[Form][]string{Typed: {",kind=user", "displayname=x,notifemial=0"}, Recorded: {"displayname=a,b"}} {
		for _, text := range slices.Concat(both, more) {
			if p, err := ParseProperties(text, AccountProperties(), form); err == nil {
				t.Errorf("%q in form %d: %+v", text, form, p)
			}
		}
	}
	if p, err := ParseProperties(" , kind=user ,,", AccountProperties(), Recorded); err != nil || len(p) != 1 || p[0].Value != "user " {
		t.Errorf("%+v, %v", p, err)
	}
	for _, line := range []string{"", ":kind=user", "nobody", "id=", "id=%zz", "id=%00", "a b@example.com", "a@example.com:kind"} {
		if r, err := ParseRequest(line, AccountProperties(), Typed); err == nil {
			t.Errorf("%q: %+v", line, r)
		}
	}
	_, err := ParseProperties("displayname=x,notifemial=0", AccountProperties(), Typed)
	if want := `unknown property 'notifemial'; did you mean notifemail? Write \, for a comma in a value`; err == nil || err.Error() != want {
		t.Errorf("%v", err)
	}
}

// What people type has one rule for commas and backslashes.
func TestParseTyped(t *testing.T) {
	for text, want := range map[string]string{
		"displayname=Smith, John": "Smith, John", `displayname=Smith\, John`: "Smith, John", `displayname=C:\new`: `C:\new`, `displayname=a\n`: `a\n`,
		"displayname=x,notifemail=0": "x", "displayname=x,": "x,", "displayname=a=b,c=d": "a=b,c=d",
	} {
		p, err := ParseProperties(text, AccountProperties(), Typed)
		if err != nil || p[0].Value != want {
			t.Errorf("%q: %+v, %v", text, p, err)
		}
	}
}
