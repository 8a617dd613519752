package icaljudge

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/davadmin/davadmin/internal/icaltest"
	"github.com/davadmin/davadmin/internal/seed"
	"github.com/davadmin/davadmin/pkg/ical"
)

func parse(t *testing.T, text string) *ical.Component {
	t.Helper()
	calendar, problems, err := ical.Parse(text, ical.Options{})
	if err != nil || len(problems) > 0 {
		t.Fatalf("%v, %v", err, problems)
	}
	return calendar
}

// rewritten returns a copy in which pkg/ical wrote every line itself.
func rewritten(c *ical.Component) *ical.Component {
	n := ical.NewComponent(c.Name)
	for i := range c.Properties {
		p := &c.Properties[i]
		n.Add(p.Name, p.Value(), slices.Collect(p.Params())...)
	}
	for _, child := range c.Components {
		n.AddComponent(rewritten(child))
	}
	return n
}

// generated returns a calendar of icaltest with all that it can make.
func generated(t *testing.T, random *rand.Rand, newline string) *ical.Component {
	t.Helper()
	text, counts := icaltest.Text(icaltest.Options{
		Seed: random.Uint64(), Events: 300, Recurring: 30, Overrides: 40, AllDay: 20, Attendees: 40, Alarms: 40, Attachments: 5, Newline: newline,
	})
	calendar := parse(t, text)
	if calendar.String() != text {
		t.Fatal("what was not edited has changed")
	}
	items, events := 0, 0
	for _, it := range ours(calendar) {
		if it.Name != "BEGIN" && it.Name != "END" {
			items++
		}
		if it.Name == "BEGIN" && it.Value == "VEVENT" {
			events++
		}
	}
	if items != counts.Properties || events != counts.Events {
		t.Fatalf("%d properties and %d events: %+v", items, events, counts)
	}
	return calendar
}

// words are pieces of hostile text.
var words = []string{
	"a", "Größe", "日本語", "👩‍⚕️", "مرحبا", " ", "  ", ",", ";", ":", "\n", "^", "^n", "^^", "^'", "=", "'", "%41", "&amp;", "BEGIN:VEVENT", "ı", "\u00a0", "\u2028",
	strings.Repeat("long ", 30), strings.Repeat("é", 80), strings.Repeat("x", 75),
}

// backslashes says where a reader can be given text that contains backslashes.
type backslashes struct{ inTexts, inParams bool }

func (b backslashes) text(random *rand.Rand) string {
	if b.inTexts {
		return phrase(random, `"`, `\`, `\n`, `\,`, `\\;`)
	}
	return phrase(random, `"`)
}

func (b backslashes) param(random *rand.Rand) string {
	if b.inParams {
		return phrase(random, `"`, `"quoted"`, `\`, `\n`, `\,`, `\\;`)
	}
	return phrase(random, `"`, `"quoted"`)
}

// phrase returns a text of up to eight words between angle brackets.
func phrase(random *rand.Rand, more ...string) string {
	list := slices.Concat(words, more)
	var b strings.Builder
	b.WriteByte('<')
	for range random.IntN(8) {
		b.WriteString(list[random.IntN(len(list))])
	}
	b.WriteByte('>')
	return b.String()
}

// edited changes, adds and removes properties and parameters of a generated calendar in all ways,
// and returns the values that were given, sorted.
func edited(t *testing.T, random *rand.Rand, b backslashes) (*ical.Component, []string) {
	t.Helper()
	calendar := generated(t, random, "\r\n")
	var given []string
	for event := range calendar.Children("VEVENT") {
		title, label := b.text(random), b.param(random)
		event.Set("SUMMARY", ical.EscapeText(title), ical.Param{Name: "X-LABEL", Values: []string{label}})
		comment := b.text(random)
		event.Add("COMMENT", ical.EscapeText(comment), ical.Param{Name: "LANGUAGE", Values: []string{"ja"}})
		name := b.param(random)
		event.Add("ATTENDEE", "mailto:new@example.com", ical.Param{Name: "CN", Values: []string{name}})
		event.Remove("CLASS")
		if p := event.Get("LOCATION"); p != nil {
			p.SetValue(ical.EscapeText(b.text(random)))
			p.SetParam("ALTREP", "https://example.com/a;b,c:d")
		}
		if p := event.Get("DTSTART"); p != nil {
			p.SetParam("X-PLACE", b.param(random))
		}
		given = append(given, title, label, comment, name)
	}
	if len(given) < 1000 {
		t.Fatalf("only %d values were given", len(given))
	}
	slices.Sort(given)
	return calendar, given
}

// givenIn returns the values of edited that a reader found, sorted.
func givenIn(items []item) []string {
	var found []string
	for _, it := range items {
		switch it.Name {
		case "SUMMARY":
			found = append(found, it.Value)
		case "COMMENT":
			found = append(found, it.Value)
			continue
		}
		for _, p := range it.Params {
			if value, ok := strings.CutPrefix(p, "X-LABEL="); ok {
				found = append(found, value)
			} else if value, ok := strings.CutPrefix(p, "CN="); ok && it.Value == "mailto:new@example.com" {
				found = append(found, value)
			}
		}
	}
	slices.Sort(found)
	return found
}

// judged is what all judges get.
func judged(t *testing.T, b backslashes, test func(t *testing.T, calendar *ical.Component, given []string)) {
	random := seed.New(t)
	for _, c := range [][2]string{{"as it was read", "\r\n"}, {"with LF", "\n"}} {
		calendar := generated(t, random, c[1])
		t.Run(c[0], func(t *testing.T) { test(t, calendar, nil) })
	}
	calendar := generated(t, random, "\r\n")
	t.Run("written again", func(t *testing.T) { test(t, rewritten(calendar), nil) })
	calendar, given := edited(t, random, b)
	t.Run("edited", func(t *testing.T) { test(t, calendar, given) })
}

func TestLibicalReadsObjects(t *testing.T) {
	j := libical(t)
	judged(t, backslashes{true, true}, func(t *testing.T, calendar *ical.Component, given []string) {
		text := calendar.String()
		got := theirs(j.ask(t, text, "", nil))
		want := zonesByName(ours(calendar))
		for i := range want {
			// libical drops blanks at the end of a value. They are part of it: RFC 5545, 3.1.
			want[i].Value = strings.TrimRight(want[i].Value, " ")
		}
		same(t, want, zonesByName(got))
		if given != nil && !slices.Equal(given, givenIn(got)) {
			t.Error("what was given is not what was read")
		}
	})
}

func TestPythonReadsObjects(t *testing.T) {
	j := python(t)
	// icalendar 4.0.3 replaces \n, \, and \; one after the other, so that an escaped backslash before
	// one of these letters is read as the beginning of an escape (RFC 5545, 3.3.11), and it
	// unescapes parameters, which have no such escapes (3.2).
	judged(t, backslashes{false, false}, func(t *testing.T, calendar *ical.Component, given []string) {
		text := calendar.String()
		got := theirs(j.ask(t, text, "", nil))
		same(t, sorted(ours(calendar)), sorted(got))
		if given != nil && !slices.Equal(given, givenIn(got)) {
			t.Error("what was given is not what was read")
		}
	})
}

// sorted sorts the properties of each component: Python returns those of one name together.
func sorted(items []item) []item {
	begin := 0
	for i, it := range items {
		if it.Name == "BEGIN" || it.Name == "END" {
			slices.SortStableFunc(items[begin:i], func(a, b item) int { return strings.Compare(a.Name, b.Name) })
			begin = i + 1
		}
	}
	return items
}

// zonesByName sorts the VTIMEZONEs of a calendar, which precede all other components, by their
// TZID: libical keeps an order of its own.
func zonesByName(items []item) []item {
	var zones [][]item
	first := -1
	for i := 0; i < len(items); i++ {
		if items[i].Name == "BEGIN" && items[i].Value == "VTIMEZONE" {
			if first < 0 {
				first = i
			}
			n := 1 + slices.IndexFunc(items[i:], func(it item) bool { return it.Name == "END" && it.Value == "VTIMEZONE" })
			zones = append(zones, items[i:i+n])
			i += n - 1
		}
	}
	slices.SortFunc(zones, func(a, b []item) int { return strings.Compare(a[1].Value, b[1].Value) })
	list := slices.Concat(zones...)
	return slices.Replace(slices.Clone(items), first, first+len(list), list...)
}
