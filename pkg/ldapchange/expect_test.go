package ldapchange

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/davadmin/davadmin/internal/seed"
	"github.com/davadmin/davadmin/pkg/ldif"
)

func bytesOf(values ...string) [][]byte {
	out := make([][]byte, len(values))
	for i, v := range values {
		out[i] = []byte(v)
	}
	return out
}

func TestExpectationsCompareBytes(t *testing.T) {
	now := Values{"davuniqueid": bytesOf("ABC-1"), "objectclass": bytesOf("top", "davEntity")}
	for _, c := range []struct {
		e    Expectation
		says string // "" if it holds
	}{
		{Expectation{"davUniqueId", NeedAll, bytesOf("ABC-1")}, ""},
		{Expectation{"davUniqueId", NeedAll, bytesOf("abc-1")}, "is 'ABC-1', expected 'abc-1'"},
		{Expectation{"davUniqueId", NeedHas, bytesOf("abc-1")}, "expected it to include 'abc-1'"},
		{Expectation{"davUniqueId", NeedLacks, bytesOf("abc-1")}, "is 'ABC-1', expected it not to include 'abc-1'"},
		{Expectation{"davUniqueId", NeedAbsent, nil}, "is 'ABC-1', expected absent"},
		{Expectation{"davStore", NeedAbsent, nil}, ""},
		{Expectation{"davStore", NeedAll, bytesOf("x")}, "is absent, expected 'x'"},
		{Expectation{"objectClass", NeedAll, bytesOf("davEntity", "top")}, ""},
		{Expectation{"objectClass", NeedAll, bytesOf("top")}, "expected 'top'"},
		{Expectation{"objectClass", NeedHas, bytesOf("top")}, ""},
		{Expectation{"objectClass", NeedLacks, bytesOf("person")}, ""},
	} {
		if got := unmet([]Expectation{c.e}, now); (got == "") != (c.says == "") || !strings.Contains(got, c.says) {
			t.Errorf("%+v: %q", c.e, got)
		}
	}
}

func TestAfterRefusesImpossibleChanges(t *testing.T) {
	now := Values{"x": bytesOf("one", "Two  words")}
	for says, c := range map[string]ldif.Modification{
		"has no value 'three' to delete":    {Op: ldif.OpDelete, Name: "X", Values: bytesOf("three")},
		"is absent, so it cannot":           {Op: ldif.OpDelete, Name: "y"},
		"already has the value 'ONE'":       {Op: ldif.OpAdd, Name: "x", Values: bytesOf("ONE")},
		"already has the value 'two words'": {Op: ldif.OpAdd, Name: "x", Values: bytesOf("two words")},
	} {
		if _, why := after([]ldif.Modification{c}, now); !strings.Contains(why, says) {
			t.Errorf("%s: %q", says, why)
		}
	}
	then, why := after([]ldif.Modification{
		{Op: ldif.OpDelete, Name: "x", Values: bytesOf("TWO words")}, {Op: ldif.OpAdd, Name: "x", Values: bytesOf("two")}, {Op: ldif.OpReplace, Name: "y"},
	}, now)
	if why != "" || !sameValues(then.of("x"), bytesOf("one", "two")) || len(then) != 1 {
		t.Errorf("%v, %s", then, why)
	}
	if !sameValues(now.of("x"), bytesOf("one", "Two  words")) {
		t.Errorf("the input was modified: %v", now)
	}
}

// The inverse of any change restores the same bytes. Its expectations hold after the
// change, and fail before it unless the change changes nothing.
func TestInverseRestoresPreviousValues(t *testing.T) {
	word := rapid.SampledFrom([]string{"a", "A", "b", "B ", "c  d", "C d", "e", ""})
	seed.Rapid(t)
	rapid.Check(t, func(t *rapid.T) {
		before := Values{}
		for _, name := range []string{"x", "y"} {
			for _, v := range rapid.SliceOfNDistinct(word, 0, 3, func(s string) string { return like([]byte(s)) }).Draw(t, name) {
				before[name] = append(before[name], []byte(v))
			}
		}
		r := Record{DN: "uid=a,o=isp"}
		for range rapid.IntRange(1, 3).Draw(t, "changes") {
			c := ldif.Modification{Op: rapid.SampledFrom([]ldif.Op{ldif.OpAdd, ldif.OpDelete, ldif.OpReplace}).Draw(t, "op"), Name: rapid.SampledFrom([]string{"x", "Y"}).Draw(t, "name")}
			for _, v := range rapid.SliceOfNDistinct(word, 0, 2, func(s string) string { return like([]byte(s)) }).Draw(t, "values") {
				c.Values = append(c.Values, []byte(v))
			}
			if c.Op == ldif.OpAdd && len(c.Values) == 0 {
				c.Op = ldif.OpDelete
			}
			r.Changes = append(r.Changes, c)
		}
		then, why := after(r.Changes, before)
		if why != "" {
			t.Skip("the directory would refuse it: " + why)
		}
		if !already(&r, then) && !touchesTwice(&r) {
			t.Fatalf("%+v is not recognised as done in %v", r.Changes, then)
		}
		back := inverse(&r, before, then)
		if why := unmet(back.Expect, then); why != "" {
			t.Fatalf("the expectations of the inverse fail: %s", why)
		}
		again, why := after(back.Changes, then)
		if why != "" {
			t.Fatalf("the inverse %+v is refused: %s", back.Changes, why)
		}
		for _, name := range []string{"x", "y"} {
			if !sameValues(again.of(name), before.of(name)) {
				t.Fatalf("%s was %q, became %q, and is restored as %q by %+v", name, before.of(name), then.of(name), again.of(name), back.Changes)
			}
		}
		if len(back.Changes) > 0 && unmet(back.Expect, again) == "" {
			t.Fatalf("the expectations of the inverse %+v hold before the change, in %v", back, before)
		}
	})
}

func touchesTwice(r *Record) bool { return len(r.attributes()) < len(r.Changes) }
