package ical

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/davadmin/davadmin/internal/seed"
)

// contentsOf returns the content of the lines of a text.
func contentsOf(text string) []string {
	var list []string
	for p := range ContentLines(text) {
		list = append(list, p.Content())
	}
	return list
}

func TestContentLinesAreUnfolded(t *testing.T) {
	for text, want := range map[string][]string{
		"":                     nil,
		"\r\n\n":               nil,
		" \r\n":                nil,
		"A:b":                  {"A:b"},
		" A:b\r\n":             {"A:b"},
		"A:b\r\n\tc\n  d\nE:f": {"A:bc d", "E:f"},
		"A:b\r\n \r\n c\r\n":   {"A:bc"},
		"A:\xc3\r\n \xa4\r\n":  {"A:ä"},      // folded inside a character
		"A:b\r\n\r\n c":        {"A:b", "c"}, // the line before it is empty
		"BEGIN:A\nnothing\n":   {"BEGIN:A", "nothing"},
	} {
		if diff := cmp.Diff(want, contentsOf(text)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	}
}

// Lines survive folding and unfolding.
func TestContentLinesOfWrittenText(t *testing.T) {
	seed.Rapid(t)
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.StringOfN(rapid.RuneFrom([]rune("aä€😀;:\",= \t")), 0, 400, -1), 1, 4).Draw(t, "values")
		c := NewComponent("VCALENDAR")
		want := []string{"BEGIN:VCALENDAR"}
		for _, value := range values {
			c.Add("X", value)
			want = append(want, "X:"+value)
		}
		want = append(want, "END:VCALENDAR")
		text := c.String()
		for _, text := range []string{text, strings.ReplaceAll(text, "\r\n", "\n")} {
			if got := contentsOf(text); !slices.Equal(got, want) {
				t.Fatalf("wrote %q, read %q", want, got)
			}
		}
	})
}

func TestContentLinesAreSplit(t *testing.T) {
	for line, want := range map[string]*Component{
		"A:b":                          oneProperty("A", "b"),
		"a:":                           oneProperty("A", ""),
		"a : b":                        oneProperty("A", " b"),
		"A:b:c;d=e":                    oneProperty("A", "b:c;d=e"),
		"A;b=c;D=\"e;f:g\",h:i":        oneProperty("A", "i", Param{"B", []string{"c"}}, Param{"D", []string{"e;f:g", "h"}}),
		"A;B=:c":                       oneProperty("A", "c", Param{"B", []string{""}}),
		"ATTENDEE;CN=\"x\":mailto:a@b": oneProperty("ATTENDEE", "mailto:a@b", Param{"CN", []string{"x"}}),
		"A" + strings.Repeat(";B=c", maxLineParams) + ":d": oneProperty("A", "d", slices.Repeat([]Param{{"B", []string{"c"}}}, maxLineParams)...),
		":b": nil, "A": nil, "A;B": nil, "A;B=c": nil, "A;B:c": nil, "A;B=\"c:d": nil, ";B=c:d": nil, "A;\"=c:d": nil, "A;B=c;:d": nil, "A B:c": nil,
		"A" + strings.Repeat(";B=c", maxLineParams+1) + ":d": nil,
	} {
		n := 0
		for p := range ContentLines(line) {
			n++
			switch {
			case want == nil && (p.Name != "" || p.Content() != line || len(slices.Collect(p.Params())) > 0):
				t.Errorf("%q: %q, %q", line, p.Name, p.Content())
			case want != nil && (p.Name != want.Name || p.Value() != want.Value(p.Name) || p.Line != 1):
				t.Errorf("%q: %q, %q", line, p.Name, p.Value())
			case want != nil:
				if diff := cmp.Diff(slices.Collect(want.Properties[0].Params()), slices.Collect(p.Params())); diff != "" {
					t.Errorf("%q (-want +got):\n%s", line, diff)
				}
			}
		}
		if n != 1 {
			t.Errorf("%q: %d lines", line, n)
		}
	}
}

// oneProperty returns a component with the name of its only property.
func oneProperty(name, value string, params ...Param) *Component {
	c := NewComponent(name)
	c.Add(name, value, params...)
	return c
}
