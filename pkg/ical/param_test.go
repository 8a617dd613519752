package ical

import (
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/davadmin/davadmin/internal/seed"
	"github.com/davadmin/davadmin/internal/tier"
)

func TestParams(t *testing.T) {
	for line, want := range map[string][]Param{
		"X:a":                            nil,
		"X;A=b:a":                        {{"A", []string{"b"}}},
		"X;a=b;C=:a":                     {{"A", []string{"b"}}, {"C", []string{""}}},
		"X;A=b,\"c,;:\",:a":              {{"A", []string{"b", "c,;:", ""}}},
		"X;A=\"\":a":                     {{"A", []string{""}}},
		"X;A=Doe, Jane;B=c:mailto:a;b=c": {{"A", []string{"Doe", " Jane"}}, {"B", []string{"c"}}},
		`X;A="First \"Nick\" Last":a`:    {{"A", []string{`First "Nick" Last`}}},
		`X;A="C:\dir\":a`:                {{"A", []string{`C:\dir\`}}},
		`X;A=^'a^n^^^b^:a`:               {{"A", []string{"\"a\n^^b^"}}},
		`X;A="late: 10 min\; sorry":a`:   {{"A", []string{`late: 10 min\; sorry`}}},
		"X; A=b;C =d:a":                  {{"A", []string{"b"}}, {"C", []string{"d"}}},
		"X;A:a":                          {{"A", []string{""}}},
		"X;TZID=\"(UTC+01:00) A, B\":a":  {{"TZID", []string{"(UTC+01:00) A, B"}}},
		"X;A==b=:a":                      {{"A", []string{"=b="}}},
	} {
		p := &mustParse(t, "BEGIN:VCALENDAR\r\n"+line+"\r\nEND:VCALENDAR", Options{}).Properties[0]
		got := slices.Collect(p.Params())
		if !slices.EqualFunc(got, want, func(a, b Param) bool { return a.Name == b.Name && slices.Equal(a.Values, b.Values) }) {
			t.Errorf("%s: %q, not %q", line, got, want)
		}
		for _, q := range want {
			if p.Param(q.Name) != q.Values[0] || !p.HasParam(q.Name) {
				t.Errorf("%s: %s is %q", line, q.Name, p.Param(q.Name))
			}
		}
		if p.Param("NONE") != "" || p.HasParam("NONE") || p.HasParam("X") {
			t.Errorf("%s: has a parameter that it has not", line)
		}
		if p.Content() != line {
			t.Errorf("%s: %q", line, p.Content())
		}
	}
	zero := &Property{}
	if zero.Param("A") != "" || zero.Value() != "" || zero.RemoveParam("A") != 0 {
		t.Error("a zero Property")
	}
	zero.SetParam("A", "b")
	zero.SetValue("c")
}

// checkParam checks that a parameter is read as it was set.
func checkParam(t *testing.T, values []string) {
	t.Helper()
	c := NewComponent("VCALENDAR")
	p := c.Add("X", "value", Param{"A", []string{"first"}}, Param{"B", values})
	p.SetParam("A", values...)
	again, problems, err := Parse(c.String(), Options{})
	if err != nil || problems != nil {
		t.Fatalf("%q: %v %v", c, problems, err)
	}
	for i := range values {
		values[i] = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(values[i])
		values[i] = strings.Map(func(r rune) rune {
			if r < 0x20 && r != '\t' && r != '\n' || r == 0x7f {
				return -1
			}
			return r
		}, strings.ToValidUTF8(values[i], "\ufffd"))
	}
	got := slices.Collect(again.Properties[0].Params())
	if again.Value("X") != "value" || len(got) != 2 || !slices.Equal(got[0].Values, values) || !slices.Equal(got[1].Values, values) {
		t.Fatalf("%q is read as %q from %q", values, got, c)
	}
}

func TestParamsRoundTrip(t *testing.T) {
	r := seed.New(t)
	for range tier.Rounds(t, 20_000, 200_000) {
		values := make([]string, 1+r.IntN(3))
		for i := range values {
			values[i] = randomBytes(r, "^'n\"\\,;:=\r\n \tü\x00a")
		}
		checkParam(t, values)
	}
}

func FuzzParams(f *testing.F) {
	f.Add("X;A=b,\"c\":d", "a^'b\"")
	f.Add("0;\":", "0")
	f.Add("X;=\";A\\\"=:", "\r\n")
	f.Fuzz(func(t *testing.T, line, value string) {
		checkParam(t, []string{value, value})
		c, _, err := Parse("BEGIN:VCALENDAR\r\n"+line+"\r\nEND:VCALENDAR\r\n", Options{Lenient: true})
		if err != nil || len(c.Properties) == 0 {
			return
		}
		p := &c.Properties[0]
		before := p.Value()
		for q := range p.Params() {
			if !p.HasParam(q.Name) || p.Param(q.Name) != q.Values[0] && strings.Count(strings.ToUpper(line), q.Name) < 2 {
				t.Errorf("%q: %q", line, q)
			}
		}
		p.SetParam("X-NEW", value)
		if p.Value() != before || !p.HasParam("X-NEW") {
			t.Errorf("%q becomes %q", line, p.Content())
		}
		if p.RemoveParam("X-NEW"); p.Value() != before {
			t.Errorf("%q becomes %q", line, p.Content())
		}
	})
}

func FuzzReader(f *testing.F) {
	for _, w := range wilds {
		f.Add(strings.ReplaceAll(w.text, "|", "\n"), uint16(20))
	}
	f.Fuzz(func(t *testing.T, text string, limit uint16) {
		o := Options{Lenient: true, Limits: Limits{Line: int(limit) + 1, Size: 10 * (int(limit) + 1), Properties: 10, Components: 5, Depth: 3}}
		all, problems, err := readAll(t, strings.NewReader(text), o)
		chunked, same, again := readAll(t, &pieceReader{text, int(limit)%7 + 1}, o)
		if describe(all) != describe(chunked) || len(problems) != len(same) || (err == nil) != (again == nil) {
			t.Errorf("%s %v %v differs from %s %v %v", describe(all), problems, err, describe(chunked), same, again)
		}
		for _, c := range all {
			size := len(c.String())
			if size > o.Limits.Size {
				t.Errorf("a component has %d bytes", size)
			}
			ending := "\r\n"
			if !strings.Contains(text, "\n") {
				ending = "\r"
			}
			inside := "BEGIN:VCALENDAR" + ending + strings.TrimSuffix(c.String(), "\r") + ending + "END:VCALENDAR" + ending
			if single, _, err := Parse(inside, Options{Lenient: true}); err != nil || len(single.Components) != 1 || contents(single.Components[0]) != contents(c) {
				t.Errorf("%q is read again as %q, %v", c, single, err)
			}
		}
	})
}

// pieceReader returns a few bytes at a time.
type pieceReader struct {
	text string
	n    int
}

func (r *pieceReader) Read(b []byte) (int, error) {
	if r.text == "" {
		return 0, io.EOF
	}
	n := copy(b[:min(len(b), r.n)], r.text)
	r.text = r.text[n:]
	return n, nil
}

// Only ASCII letters have another case in names: strings.ToUpper makes an I of a dotless i, and an S
// of a long s.
func TestNamesInOtherLetters(t *testing.T) {
	c := mustParse(t, "BEGIN:VCALENDAR|BEGIN:X-A|DTSTART;TZıD=b;\x90=c;tzid=d:20260302T090000|UID:1|END:X-A|BEGIN:VTıMEZONE|END:VCALENDAR", Options{Lenient: true})
	if len(c.Components) != 1 || c.Components[0].Name != "X-A" {
		t.Fatalf("%q", c)
	}
	p := c.Components[0].Get("DTSTART")
	var names []string
	for q := range p.Params() {
		names = append(names, q.Name)
		if p.Param(q.Name) != q.Values[0] {
			t.Errorf("%q: %q", q.Name, p.Param(q.Name))
		}
	}
	if strings.Join(names, "|") != "TZıD|\x90|TZID" {
		t.Errorf("%q", names)
	}
	if n := c.Components[0].Remove("uıd"); n != 0 {
		t.Errorf("%d removed", n)
	}
	if n := p.RemoveParam("tzıd"); n != 0 && p.Param("TZID") == "" {
		t.Errorf("%d removed: %q", n, p.Content())
	}
}
