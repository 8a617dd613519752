package config

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestSplitList(t *testing.T) {
	for value, want := range map[string][]string{
		"": nil, "  \t": nil, "a": {"a"}, " a  b\tc ": {"a", "b", "c"}, "a,b c": {"a,b", "c"}, "a\u00a0b": {"a\u00a0b"},
	} {
		if got := SplitList(value); !slices.Equal(got, want) {
			t.Errorf("SplitList(%q) = %q, want %q", value, got, want)
		}
	}
}

func TestEditList(t *testing.T) {
	for _, c := range []struct {
		op, value, members string
		fold               bool
		want               string
		done               []string
	}{
		{"add", "cn mail", "davstore", true, "cn mail davstore", []string{"davstore"}},
		{"add", "cn  mail", "MAIL", true, "cn  mail", nil},
		{"add", "cn mail", "MAIL", false, "cn mail MAIL", []string{"MAIL"}},
		{"add", " cn  mail cn ", "uid ou uid", true, "cn mail uid ou", []string{"uid", "ou"}},
		{"add", "", "a", false, "a", []string{"a"}},
		{"add", "a", "", false, "a", nil},
		{"remove", "cn mail uid", "MAIL", true, "cn uid", []string{"mail"}},
		{"remove", "cn mail uid", "MAIL", false, "cn mail uid", nil},
		{"remove", "mail cn  Mail uid", "mail uid", true, "cn", []string{"mail", "uid"}},
		{"remove", "cn", "cn", true, "", []string{"cn"}},
		{"remove", " a  b ", "c", false, " a  b ", nil},
	} {
		edit := AddToList
		if c.op == "remove" {
			edit = RemoveFromList
		}
		got, done := edit(c.value, []string{c.members}, c.fold)
		if got != c.want || !slices.Equal(done, c.done) {
			t.Errorf("%s %q, %q: %q, %q, want %q, %q", c.op, c.value, c.members, got, done, c.want, c.done)
		}
	}
	got := LostMembers("cn davstore mail Mail uid", "DAVSTORE ou", true)
	if want := []string{"cn", "mail", "uid"}; !slices.Equal(got, want) {
		t.Errorf("LostMembers = %q, want %q", got, want)
	}
}

func TestListProperties(t *testing.T) {
	word := rapid.StringMatching(`[abAB]{1,2}`)
	rapid.Check(t, func(t *rapid.T) {
		fold := rapid.Bool().Draw(t, "fold")
		key := func(m string) string {
			if fold {
				return strings.ToLower(m)
			}
			return m
		}
		members := rapid.SliceOfDistinct(word, key).Draw(t, "members")
		changes := rapid.SliceOf(word).Draw(t, "changes")
		value := strings.Join(members, " ")

		more, added := AddToList(value, changes, fold)
		if got := SplitList(more); !slices.Equal(got, append(slices.Clone(members), added...)) {
			t.Fatalf("added %q to %q: %q", added, members, got)
		}
		seen := map[string]bool{}
		for _, m := range SplitList(more) {
			if seen[key(m)] {
				t.Fatalf("%q is in %q twice", m, more)
			}
			seen[key(m)] = true
		}
		for _, m := range changes {
			if !seen[key(m)] {
				t.Fatalf("%q is not in %q", m, more)
			}
		}
		if again, none := AddToList(more, changes, fold); again != more || none != nil {
			t.Fatalf("added once more: %q, %q", again, none)
		}
		if back, gone := RemoveFromList(more, added, fold); back != value || !slices.Equal(gone, added) {
			t.Fatalf("removed %q again: %q, want %q", gone, back, value)
		}
		less, removed := RemoveFromList(value, changes, fold)
		if lost := LostMembers(value, less, fold); !slices.Equal(lost, removed) {
			t.Fatalf("removed %q, lost %q", removed, lost)
		}
		if lost := LostMembers(value, more, fold); lost != nil {
			t.Fatalf("lost %q by adding", lost)
		}
	})
}
