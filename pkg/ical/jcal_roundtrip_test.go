package ical

import (
	"encoding/json"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/davadmin/davadmin/internal/icaltest"
	"github.com/davadmin/davadmin/internal/seed"
)

// meaning is what a component says, however it is written. It is computed without the code that
// knows jCal.
type meaning struct {
	Name       string
	Properties []string
	Components []meaning
}

func meaningOf(c *Component) meaning {
	m := meaning{Name: c.Name}
	for i := range c.Properties {
		m.Properties = append(m.Properties, meaningOfProperty(&c.Properties[i]))
	}
	for _, child := range c.Components {
		m.Components = append(m.Components, meaningOf(child))
	}
	return m
}

func meaningOfProperty(p *Property) string {
	params := map[string][]string{}
	for q := range p.Params() {
		params[q.Name] = append(params[q.Name], q.Values...)
	}
	rule := registry().properties[p.Name]
	kind := "none"
	if rule != nil {
		kind, _, _ = strings.Cut(rule.types, " ")
	}
	if declared := params["VALUE"]; len(declared) > 0 {
		kind = strings.ToUpper(declared[0])
	}
	delete(params, "VALUE")
	var values []string
	switch value := p.Value(); {
	case kind == "TEXT" && rule != nil && rule.traits&isList != 0:
		for v := range SplitValues(value) {
			values = append(values, UnescapeText(v))
		}
	case kind == "TEXT":
		values = []string{UnescapeText(value)}
	case kind == "RECUR":
		values = strings.Split(value, ";")
		slices.Sort(values)
	default:
		values = []string{value}
	}
	out, _ := json.Marshal([]any{p.Name, params, kind, values})
	return string(out)
}

// genValue draws a value of a type, as RFC 5545 writes it.
func genValue(t *rapid.T, kind string) string {
	digits := func(low, high, n int) string {
		return fmt.Sprintf("%0*d", n, rapid.IntRange(low, high).Draw(t, "n"))
	}
	date := func() string { return digits(0, 9999, 4) + digits(1, 12, 2) + digits(1, 28, 2) }
	clock := func() string { return digits(0, 23, 2) + digits(0, 59, 2) + digits(0, 60, 2) }
	z := func() string { return rapid.SampledFrom([]string{"", "Z"}).Draw(t, "z") }
	duration := func() string {
		return rapid.SampledFrom([]string{"PT0S", "P1D", "P2W", "PT15M", "P1DT2H", "PT1H0M5S", "-PT5M", "+P1D"}).Draw(t, "duration")
	}
	switch kind {
	case "DATE":
		return date()
	case "DATE-TIME":
		return date() + "T" + clock() + z()
	case "TIME":
		return clock() + z()
	case "DURATION":
		return duration()
	case "PERIOD":
		utc := z()
		start := date() + "T" + clock() + utc + "/"
		if rapid.Bool().Draw(t, "end") {
			return start + date() + "T" + clock() + utc
		}
		return start + duration()
	case "INTEGER":
		return fmt.Sprint(rapid.Int32().Draw(t, "integer"))
	case "FLOAT":
		return rapid.StringMatching(`-?(0|[1-9][0-9]{0,8})(\.[0-9]{1,9})?`).Draw(t, "float")
	case "BOOLEAN":
		return rapid.SampledFrom([]string{"TRUE", "FALSE"}).Draw(t, "boolean")
	case "UTC-OFFSET":
		return rapid.StringMatching(`\+(0[0-9]|1[0-4])[0-5][0-9]([0-5][0-9])?`).Draw(t, "offset")
	case "BINARY":
		return rapid.StringMatching(`([A-Za-z0-9+/]{4}){1,9}`).Draw(t, "binary")
	case "RECUR":
		parts := []string{"FREQ=" + rapid.SampledFrom([]string{"DAILY", "YEARLY"}).Draw(t, "freq")}
		for _, part := range []string{"COUNT=3", "INTERVAL=2", "BYDAY=MO,-1SU", "BYMONTH=1,12", "BYMONTHDAY=-1", "BYSETPOS=1,-1", "WKST=SU", "UNTIL=" + date(), "X-A=b,c"} {
			if rapid.Bool().Draw(t, part) {
				parts = append(parts, part)
			}
		}
		return strings.Join(parts, ";")
	case "TEXT":
		return EscapeText(genText(t))
	}
	return rapid.StringMatching(`[a-z]{1,5}:[!-~äö😀]{1,20}`).Draw(t, "uri")
}

func genText(t *rapid.T) string {
	return rapid.StringOfN(rapid.OneOf(rapid.RuneFrom([]rune("a ,;:\\\"^'\n\tä😀\u2028")), rapid.Rune().Filter(func(r rune) bool { return r >= ' ' && r != 0x7f })), 0, 30, -1).Draw(t, "text")
}

// genProperty adds a property with valid parameters and values.
func genProperty(t *rapid.T, c *Component) {
	all := registry().list
	var params []Param
	for _, name := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"X-A", "CN", "MEMBER", "LANGUAGE", "TZID", "NEW_ONE"}), 0, 3, rapid.ID[string]).Draw(t, "params") {
		q := Param{Name: name}
		for range rapid.IntRange(1, 3).Draw(t, "values") {
			q.Values = append(q.Values, genText(t))
		}
		params = append(params, q)
	}
	if rapid.Bool().Draw(t, "unknown") {
		kind := rapid.SampledFrom(append([]string{"", "X-TYPE"}, typeNames[:]...)).Draw(t, "type")
		value := genValue(t, kind)
		if kind != "" {
			params = append(params, Param{Name: "VALUE", Values: []string{kind}})
		}
		c.Add("X-"+rapid.StringMatching(`[A-Z0-9-]{1,9}`).Draw(t, "name"), value, params...)
		return
	}
	rule := all[rapid.IntRange(0, len(all)-1).Draw(t, "property")]
	kind := rapid.SampledFrom(strings.Fields(rule.types)).Draw(t, "type")
	value := genValue(t, kind)
	separator := ""
	switch {
	case rule.traits&isList != 0:
		separator = ","
	case rule.name == "GEO":
		value += ";" + genValue(t, kind)
	case rule.name == "REQUEST-STATUS":
		separator = ";"
	}
	for n := rapid.IntRange(0, 3).Draw(t, "more"); separator != "" && n > 0; n-- {
		value += separator + genValue(t, kind)
	}
	if rule.traits&isExplicit != 0 || !strings.HasPrefix(rule.types, kind) || kind == "DATE" || rapid.Bool().Draw(t, "declared") {
		params = append(params, Param{Name: "VALUE", Values: []string{kind}})
	}
	c.Add(rule.name, value, params...)
}

func genComponent(t *rapid.T, name string, depth int) *Component {
	c := NewComponent(name)
	for range rapid.IntRange(0, 6).Draw(t, "properties") {
		genProperty(t, c)
	}
	for range rapid.IntRange(0, 2).Draw(t, "components") {
		if depth < 3 {
			names := []string{"VALARM", "X-NEW", "VEVENT"}
			c.AddComponent(genComponent(t, rapid.SampledFrom(names[:3-min(depth, 1)]).Draw(t, "component"), depth+1))
		}
	}
	return c
}

// iCalendar, jCal and iCalendar again mean the same, and jCal, iCalendar and jCal again are the
// same text.
func TestJCalRoundTrip(t *testing.T) {
	seed.Rapid(t)
	rapid.Check(t, func(t *rapid.T) {
		written := genComponent(t, "VCALENDAR", 0).String()
		c, problems, err := Parse(written, Options{})
		if err != nil || len(problems) > 0 {
			t.Fatalf("%q: %v, %+v", written, err, problems)
		}
		first, err := AppendJSON(nil, c)
		if err != nil || !json.Valid(first) {
			t.Fatalf("%v: %s", err, first)
		}
		back, problems, err := ParseJSON(first, Options{})
		if err != nil || len(problems) > 0 {
			t.Fatalf("%s: %v, %+v", first, err, problems)
		}
		again, problems, err := Parse(back.String(), Options{})
		if err != nil || len(problems) > 0 {
			t.Fatalf("%q: %v, %+v", back, err, problems)
		}
		if diff := cmp.Diff(meaningOf(c), meaningOf(again)); diff != "" {
			t.Fatalf("%s (-want +got)\n%s", first, diff)
		}
		second, err := AppendJSON(nil, again)
		if err != nil || string(second) != string(first) {
			t.Fatalf("%v\n%s\n%s", err, first, second)
		}
	})
}

// A large calendar as people have it keeps its meaning.
func TestJCalOfGeneratedCalendar(t *testing.T) {
	text, counts := icaltest.Text(icaltest.Typical(1, 2000))
	c, _, err := Parse(text, Options{})
	if err != nil {
		t.Fatal(err)
	}
	var tree any
	b := toJSON(t, c)
	if err := json.Unmarshal([]byte(b), &tree); err != nil {
		t.Fatal(err)
	}
	if got := len(tree.([]any)[2].([]any)); got != counts.Events+counts.Zones {
		t.Errorf("%d components, not %d events and %d zones", got, counts.Events, counts.Zones)
	}
	if strings.Contains(b, `"unknown"`) {
		t.Error("a value has no type")
	}
	back, _, err := ParseJSON([]byte(b), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(meaningOf(c), meaningOf(back)); diff != "" {
		t.Error("(-want +got)\n" + diff)
	}
}

// Text that wants to use much memory or time does not get it.
func TestParseJSONLimits(t *testing.T) {
	const n = 1 << 20
	fill := func(unit string) string { return strings.Repeat(unit, n/len(unit)) }
	property := func(s string) string { return `["vcalendar",[` + s + `],[]]` }
	for name, c := range map[string]struct {
		text, code string
		o          Limits
	}{
		"open arrays":       {fill("["), "limit-depth", Limits{}},
		"open components":   {fill(`["vcalendar",[],[`), "limit-depth", Limits{}},
		"arrays in a value": {property(`["a",{},"text",` + fill("[")), "limit-depth", Limits{}},
		"objects":           {property(`["a",{},"text",` + fill(`{"a":`)), "limit-depth", Limits{}},
		"parameters":        {property(`["a",{` + fill(`"b":"",`) + `"c":""},"text",""]`), "limit-parameters", Limits{}},
		"values":            {property(`["a",{"b":[` + fill(`"",`) + `""]},"text",""]`), "limit-parameters", Limits{}},
		"many lists":        {property(`["a",{` + fill(`"b":["","","","","","","","","","","","","","","","","","","","","","",""],`) + `"c":""},"text",""]`), "limit-parameters", Limits{}},
		"properties":        {property(fill(`["a",{},"b","c"],`) + `["d",{},"e","f"]`), "limit-properties", Limits{Properties: 1000}},
		"components":        {`["vcalendar",[],[` + fill(`["a",[],[]],`) + `["b",[],[]]]]`, "limit-components", Limits{Components: 1000}},
		"a long value":      {property(`["a",{},"text","` + fill("x") + `"]`), "limit-line", Limits{Line: 1000}},
		"many values":       {property(`["a",{},"text"` + fill(`,"x"`) + `]`), "limit-line", Limits{Line: 1000}},
		"size":              {property(`["a",{},"text","` + fill("x") + `"]`), "limit-size", Limits{Size: 1000}},
		"a long string":     {`["vcalendar",[["a",{},"text","` + fill(`\n`), "json", Limits{}},
		"line endings":      {fill("\n"), "no-calendar", Limits{}},
		"many errors":       {property(fill("1,\n") + "1"), "", Limits{Properties: 2 << 20}},
		"broken text":       {property(fill("[\"summary\",{},\"text\",\"\xff\"],") + "1"), "", Limits{}},
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, problems, err := ParseJSON([]byte(c.text), Options{Limits: c.o, Lenient: true})
			runtime.ReadMemStats(&after)
			if used := after.TotalAlloc - before.TotalAlloc; used > 40*n {
				t.Errorf("%d MiB for 1 MiB of text", used>>20)
			}
			last := Problem{}
			if len(problems) > 0 {
				last = problems[len(problems)-1]
			}
			if c.code != "" && (err == nil || last.Code != c.code && last.Code != "more-problems") || c.code == "" && (err != nil || last.Code != "more-problems") {
				t.Errorf("%v, %+v", err, last)
			}
		})
	}
}

func FuzzParseJSON(f *testing.F) {
	for _, s := range []string{
		"", `["vcalendar",[],[]]`, jcalOf(`["rrule",{},"recur",{"freq":"DAILY","until":"2026-12-31","byday":["MO"]}]`), jcalOf(`["geo",{"a":["b","c"]},"float",[1e1,2]]`),
		jcalOf(`["rdate",{"tzid":"a"},"period",["2026-03-02T09:00:00","PT1H"]],["x",{"value":"b"},"unknown","\ud83d\ude00\n"]`), `["vcalendar",[["priority",{},"integer",null,[[]],{}]],[]]`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, lenient := range []bool{false, true} {
			c, problems, err := ParseJSON(text, Options{Lenient: lenient})
			if err != nil {
				continue
			}
			if !lenient && (len(problems) > 0 || !json.Valid(text)) {
				t.Fatalf("accepted: %+v", problems)
			}
			if len(c.String()) > 64*len(text)+1000 {
				t.Fatalf("%d bytes become %d", len(text), len(c.String()))
			}
			read, _, err := Parse(c.String(), Options{})
			if err != nil {
				t.Fatalf("%q: %v", c, err)
			}
			requireStable(t, read)
		}
	})
}

func FuzzAppendJSON(f *testing.F) {
	for _, s := range []string{
		calText(eventOf("SUMMARY:a", "RRULE:FREQ=DAILY;UNTIL=20261231", `CATEGORIES:a\,b,c`, "GEO:1;2", "ATTENDEE;CN=a,b;cn=\"c\":d")...), "BEGIN:VCALENDAR\nX;VALUE=:\nDTSTART;VALUE=DATE:x\nEND:VCALENDAR",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if c, _, err := Parse(s, Options{Lenient: true}); err == nil {
			requireStable(t, c)
		}
	})
}

// requireStable requires that jCal which was read and written once does not change any more.
func requireStable(t *testing.T, c *Component) {
	first, err := AppendJSON(nil, c)
	if err != nil {
		return
	}
	for range 3 {
		back, _, err := ParseJSON(first, Options{Lenient: true, Limits: Limits{Size: 1 << 30, Properties: 1 << 30}})
		if err != nil {
			t.Fatalf("%s: %v", first, err)
		}
		second, err := AppendJSON(nil, back)
		if err != nil || !json.Valid(second) {
			t.Fatalf("%s: %v", second, err)
		}
		if string(second) == string(first) {
			return
		}
		first = second
	}
	t.Fatalf("changes each time: %s", first)
}
