package ical

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/davadmin/davadmin/internal/seed"
	"github.com/davadmin/davadmin/internal/tier"
)

func mustParse(t *testing.T, text string, o Options) *Component {
	t.Helper()
	c, problems, err := Parse(strings.ReplaceAll(text, "|", "\r\n"), o)
	if err != nil {
		t.Fatal(err, problems)
	}
	return c
}

const editable = "BEGIN:VCALENDAR||VERSION:2.0|BEGIN:VEVENT|UID:1|summary;x=\"a:b\";language=de:Old| er|||DTSTART:20260302T090000Z|SUMMARY:second||BEGIN:VALARM|ACTION:AUDIO|END:VALARM|||END:VEVENT|END:VCALENDAR|"

// An edit changes its own lines and no others.
func TestEdit(t *testing.T) {
	for name, test := range map[string]struct {
		edit      func(calendar, event *Component)
		old, new_ string // the part of editable that changes
	}{
		"set a value": {
			func(_, e *Component) { e.Get("SUMMARY").SetValue("New") },
			"summary;x=\"a:b\";language=de:Old| er|", "summary;x=\"a:b\";language=de:New|",
		},
		"set the same value": {func(_, e *Component) { e.Get("SUMMARY").SetValue("Older") }, "", ""},
		"set a property": {
			func(_, e *Component) { e.Set("Summary", "New", Param{"altrep", []string{"a;b"}}) },
			"summary;x=\"a:b\";language=de:Old| er|||DTSTART:20260302T090000Z|SUMMARY:second|",
			"SUMMARY;ALTREP=\"a;b\":New|||DTSTART:20260302T090000Z|",
		},
		"set a property to what it is": {func(_, e *Component) { e.Set("UID", "1") }, "", ""},
		"set a new property":           {func(_, e *Component) { e.Set("CLASS", "PUBLIC") }, "|SUMMARY:second|", "|SUMMARY:second|CLASS:PUBLIC|"},
		"add before the components":    {func(_, e *Component) { e.Add("class", "PUBLIC") }, "|SUMMARY:second|", "|SUMMARY:second|CLASS:PUBLIC|"},
		"remove, blank lines stay": {
			func(_, e *Component) { e.Remove("DTSTART") },
			"|||DTSTART:20260302T090000Z|SUMMARY", "|||SUMMARY",
		},
		"remove before a component": {
			func(_, e *Component) { e.Get("DTSTART").SetValue("x"); e.Remove("dtstart"); e.Remove("SUMMARY") },
			"summary;x=\"a:b\";language=de:Old| er|||DTSTART:20260302T090000Z|SUMMARY:second||BEGIN:VALARM", "|||BEGIN:VALARM",
		},
		"remove a component": {
			func(_, e *Component) { e.RemoveComponent(e.Components[0]) },
			"|BEGIN:VALARM|ACTION:AUDIO|END:VALARM|||END", "|||END",
		},
		"set a parameter": {
			func(_, e *Component) { e.Get("SUMMARY").SetParam("LANGUAGE", "a^b", "c,\"\n") },
			"language=de:Old| er", "language=a^^b,\"c,^'^n\":Older",
		},
		"add a parameter": {
			func(_, e *Component) { e.Get("DTSTART").SetParam("x-a", "") },
			"DTSTART:", "DTSTART;X-A=:",
		},
		"remove a parameter": {
			func(_, e *Component) { e.Get("SUMMARY").RemoveParam("X") },
			"summary;x=\"a:b\";language=de:Old| er", "summary;language=de:Older",
		},
		"remove a parameter that is not there": {func(_, e *Component) { e.Get("SUMMARY").RemoveParam("Y") }, "", ""},
		"add a component": {
			func(c, _ *Component) {
				todo := NewComponent("vtodo")
				todo.Add("UID", "2")
				c.AddComponent(todo)
			},
			"END:VEVENT|", "END:VEVENT|BEGIN:VTODO|UID:2|END:VTODO|",
		},
		"add to the calendar": {func(c, _ *Component) { c.Add("METHOD", "X") }, "VERSION:2.0|", "VERSION:2.0|METHOD:X|"},
	} {
		for _, ending := range []string{"\r\n", "\n"} {
			text := strings.ReplaceAll(editable, "|", ending)
			c := mustParse(t, text, Options{})
			test.edit(c, c.Components[0])
			want := strings.Replace(text, strings.ReplaceAll(test.old, "|", ending), strings.ReplaceAll(test.new_, "|", ending), 1)
			if test.old != "" && want == text {
				t.Fatalf("%s: the test replaces nothing", name)
			}
			if got := c.String(); got != want {
				t.Errorf("%s:\ngot  %q\nwant %q", name, got, want)
			}
		}
	}
}

func TestEditAtTheEnd(t *testing.T) {
	c := mustParse(t, "BEGIN:VCALENDAR|X-A:1|X-B:2||END:VCALENDAR", Options{})
	c.Remove("X-B")
	c.Add("X-C", "3")
	if got := c.String(); got != "BEGIN:VCALENDAR\r\nX-A:1\r\nX-C:3\r\n\r\nEND:VCALENDAR" {
		t.Errorf("%q", got)
	}
	// The input ends within a line: the new one begins on its own.
	c = mustParse(t, "BEGIN:VCALENDAR\nX-A:1", Options{Lenient: true})
	c.Add("X-B", "2")
	if got := c.String(); got != "BEGIN:VCALENDAR\nX-A:1\nX-B:2\n" {
		t.Errorf("%q", got)
	}
	// The input ends between CR and LF.
	for _, text := range []string{"BEGIN:VEVENT\r\nEND:VEVENT\r", "BEGIN:VEVENT\nEND:VEVENT\r"} {
		event, err := NewReader(strings.NewReader("BEGIN:VCALENDAR\n"+text), Options{Lenient: true}).Next()
		if err != nil {
			t.Fatal(err)
		}
		c = NewComponent("VCALENDAR")
		c.AddComponent(event)
		if got := c.String(); got != "BEGIN:VCALENDAR\r\n"+text+"\nEND:VCALENDAR\r\n" {
			t.Errorf("%q", got)
		}
	}
	c = mustParse(t, "BEGIN:VCALENDAR\rX-A:1\rEND:VCALENDAR", Options{Lenient: true})
	c.Add("X-B", "2")
	if got := c.String(); got != "BEGIN:VCALENDAR\rX-A:1\rX-B:2\rEND:VCALENDAR" {
		t.Errorf("%q", got)
	}
}

func TestNew(t *testing.T) {
	c := NewComponent("vcalendar")
	event := NewComponent("VEVENT")
	event.Add("ATTENDEE", "mailto:a@example.com", Param{"CN", []string{"Doe, \"J\"\r\nNL;\x00"}}, Param{"MEMBER", []string{"mailto:b", "c"}})
	if !c.AddComponent(event) {
		t.Error("not added")
	}
	c.Add("VERSION", "2.0\r\nX-EVIL:1\x00\n")
	want := "BEGIN:VCALENDAR\r\nVERSION:2.0\\nX-EVIL:1\\n\r\nBEGIN:VEVENT\r\n" +
		"ATTENDEE;CN=\"Doe, ^'J^'^nNL;\";MEMBER=\"mailto:b\",c:mailto:a@example.com\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
	if got := c.String(); got != want {
		t.Errorf("got\n%s\nnot\n%s", got, want)
	}
	p := mustParse(t, c.String(), Options{}).Components[0].Get("ATTENDEE")
	if p.Param("CN") != "Doe, \"J\"\nNL;" || !slices.Equal(slices.Collect(p.Params())[1].Values, []string{"mailto:b", "c"}) {
		t.Errorf("%q", slices.Collect(p.Params()))
	}
	for _, name := range []string{"", "A B", "A:B", "A;B", "A\r\nB", "A=B", "\"A\"", "Ä", "BEGIN", "end"} {
		if IsName(name) || NewComponent(name) != nil || event.Add(name, "x") != nil || event.Set(name, "x") != nil ||
			event.Add("X", "x", Param{name, nil}) != nil || event.Properties[0].SetParam(name, "x") ||
			event.AddComponent(NewComponent(name)) || event.AddComponent(&Component{Name: name}) {
			t.Errorf("%q is accepted", name)
		}
	}
	if c.AddComponent(c) || c.RemoveComponent(NewComponent("X")) || c.String() != want {
		t.Errorf("changed: %q", c)
	}
}

func TestFold(t *testing.T) {
	const head = "X:"
	for _, test := range []struct {
		value string
		lines []int // their lengths
	}{
		{strings.Repeat("a", 73), []int{75}},
		{strings.Repeat("a", 74), []int{75, 2}},
		{strings.Repeat("a", 73+74), []int{75, 75}}, // no empty continuation
		{strings.Repeat("a", 73+74+1), []int{75, 75, 2}},
		{strings.Repeat("ü", 37), []int{74, 3}},        // 2 + 2·36 bytes fit
		{strings.Repeat("😀", 20), []int{74, 9}},        // 2 + 4·18
		{strings.Repeat("語", 30), []int{74, 19}},       // 2 + 3·24
		{strings.Repeat(" ", 80), []int{75, 8}},        // blanks are kept
		{strings.Repeat("a", 72) + "😀", []int{74, 5}},  // the rune begins in the last place
		{strings.Repeat("a", 69) + "😀", []int{75}},     // the rune ends in the last place
		{strings.Repeat("a", 70) + "é😀", []int{74, 5}}, // 2+70+2
	} {
		c := NewComponent("X")
		c.Add("X", test.value)
		text := c.String()
		var lengths []int
		for line := range strings.SplitSeq(strings.TrimSuffix(text, "\r\nEND:X\r\n")[len("BEGIN:X\r\n"):], "\r\n") {
			lengths = append(lengths, len(line))
			if !utf8.ValidString(line) {
				t.Errorf("a rune is cut: %q", line)
			}
		}
		if !slices.Equal(lengths, test.lines) {
			t.Errorf("%q: %d, not %d", head+test.value, lengths, test.lines)
		}
		if got := mustParse(t, "BEGIN:VCALENDAR\r\n"+text+"END:VCALENDAR", Options{}).Components[0].Value("X"); got != test.value {
			t.Errorf("read as %q", got)
		}
	}
	// Bytes that are not UTF-8 cannot stop the folding.
	text := "BEGIN:VCALENDAR\r\nX:" + strings.Repeat("\x80", 300) + "\r\nEND:VCALENDAR"
	c := mustParse(t, text, Options{Lenient: true})
	c.Get("X").SetParam("Y", "z")
	again := mustParse(t, c.String(), Options{Lenient: true})
	if again.Value("X") != strings.Repeat("\x80", 300) || again.Get("X").Param("Y") != "z" {
		t.Errorf("%q", c)
	}
}

// Random edits of random components: what is written is what is read again, and lines of others
// keep their bytes.
func TestRandomEdits(t *testing.T) {
	r := seed.New(t)
	for range tier.Rounds(t, 3000, 30_000) {
		text := strings.ReplaceAll(editable, "|", []string{"\r\n", "\n"}[r.IntN(2)])
		c := mustParse(t, text, Options{})
		event := c.Components[0]
		var untouched []string
		for i := range event.Properties {
			if i%2 == 0 {
				untouched = append(untouched, event.Properties[i].raw)
			}
		}
		for range 1 + r.IntN(6) {
			randomEdit(r, event)
		}
		got := c.String()
		again, problems, err := Parse(got, Options{})
		if err != nil {
			t.Fatalf("%q: %v", got, err)
		}
		for _, p := range problems {
			if p.Code != "blank-line" && p.Code != "property-after-component" {
				t.Fatalf("%q: %v", got, p.Error())
			}
		}
		if want, got := contents(c), contents(again); want != got {
			t.Fatalf("read again as\n%s\nnot\n%s", got, want)
		}
		for line := range strings.SplitSeq(got, "\n") {
			if len(strings.TrimSuffix(line, "\r")) > 75 || line == " " {
				t.Fatalf("line %q", line)
			}
		}
		if strings.Contains(text, "\r") != strings.Contains(got, "\r") || strings.Count(got, "\r\n") != strings.Count(got, "\r") {
			t.Fatalf("other line endings: %q", got)
		}
		for _, raw := range untouched {
			name, _, _ := strings.Cut(strings.TrimLeft(raw, "\r\n"), ":")
			if p := event.Get(strings.ToUpper(name)); p != nil && !p.edited && !strings.Contains(got, raw) {
				t.Fatalf("%q is lost in %q", raw, got)
			}
		}
	}
}

var values = []string{
	"", "a", "ü,;:\"", strings.Repeat("long ", 40), strings.Repeat("語", 60), "two\r\nlines", "x\x00\x1b", "\xff\xfe", "^'^n^^", "\rA", "END:VEVENT\n", " ", "\t", "=", "a\\,b",
}

func randomEdit(r *rand.Rand, c *Component) {
	any := func() string { return values[r.IntN(len(values))] }
	name := []string{"UID", "summary", "DTSTART", "X-NEW"}[r.IntN(4)]
	param := []string{"LANGUAGE", "x", "X-P"}[r.IntN(3)]
	switch r.IntN(8) {
	case 0:
		c.Add(name, any(), Param{param, []string{any(), any()}})
	case 1:
		c.Set(name, any(), Param{param, []string{any()}})
	case 2:
		c.Remove(name)
	case 3:
		child := NewComponent("X-" + name)
		child.Add(name, any())
		c.AddComponent(child)
	case 4:
		if len(c.Components) > 0 {
			c.RemoveComponent(c.Components[r.IntN(len(c.Components))])
		}
	case 5:
		if p := c.Get(strings.ToUpper(name)); p != nil {
			p.SetValue(any())
		}
	case 6:
		if p := c.Get(strings.ToUpper(name)); p != nil {
			p.SetParam(param, any(), any())
		}
	case 7:
		if p := c.Get(strings.ToUpper(name)); p != nil {
			p.RemoveParam(param)
		}
	}
}

// contents describes a component by the methods that read it.
func contents(c *Component) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s{", c.Name)
	for i := range c.Properties {
		p := &c.Properties[i]
		fmt.Fprintf(&b, "%s %q %q\n", p.Name, slices.Collect(p.Params()), p.Value())
	}
	for _, child := range c.Components {
		b.WriteString(contents(child))
	}
	return b.String() + "}"
}
