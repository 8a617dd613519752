package ical

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/davadmin/davadmin/internal/icaltest"
	"github.com/davadmin/davadmin/internal/seed"
	"github.com/davadmin/davadmin/internal/tier"
)

// pieces are what random texts are made of.
var pieces = []string{
	"BEGIN:VCALENDAR\r\n", "END:VCALENDAR\r\n", "BEGIN:VEVENT\r\n", "END:VEVENT\r\n", "BEGIN:VALARM\n", "END:VALARM\n",
	"begin:vtodo\r\n", "end:vtodo\r\n", "BEGIN:X-A\r\n", "END:X-A\r\n", "BEGIN:VEV\r\n ENT\r\n", "\r\n", "\n", "\r", " ", "\t", ":", ";",
	"UID:1\r\n", "SUMMARY:a b\r\n", "SUMMARY;LANGUAGE=de:ü\n", "no colon\r\n", "X;A=\"b:c\":d\r\n", "X;A=\"b:d\r\n", "DESCRIPTION:long\r\n er\n \tand longer\r\n",
	"A;ENCODING=QUOTED-PRINTABLE:=C3=BC=\r\n", "more=\r\n", "VERSION:6.0\r\n X-NSCP-A:b\r\n", " X-S1CS-B;C=d:e\r\n", "\x00", "\x7f", "\xff", "\xc3\r\n \xbc", "\ufeff", "=", "\"",
}

// randomText returns a text that is often nearly a calendar.
func randomText(r *rand.Rand) string {
	var b strings.Builder
	if r.IntN(4) > 0 {
		b.WriteString("BEGIN:VCALENDAR\r\n")
	}
	for range r.IntN(30) {
		b.WriteString(pieces[r.IntN(len(pieces))])
	}
	if r.IntN(4) > 0 {
		b.WriteString("\r\nEND:VCALENDAR\r\n")
	}
	return b.String()
}

// checkIdentity checks what holds for each text: it is written as it was read, and a Reader finds
// the same.
func checkIdentity(text string) error {
	for _, o := range []Options{{}, {Lenient: true}} {
		c, problems, err := Parse(text, o)
		if (c == nil) != (err != nil) {
			return fmt.Errorf("%v and %w", c, err)
		}
		if err != nil {
			if o.Lenient && problems[len(problems)-1].Code != "no-calendar" && problems[len(problems)-1].Code != "utf-16" && !strings.HasPrefix(problems[len(problems)-1].Code, "limit-") {
				return fmt.Errorf("lenient: %w", err)
			}
			continue
		}
		got := c.String()
		outside := 0
		several := false
		for _, p := range problems {
			if p.Code == "text-outside-calendar" {
				outside++
			}
			several = several || p.Code == "more-calendars"
		}
		switch {
		case !o.Lenient && got != strings.TrimPrefix(strings.TrimLeft(text, "\r\n"), "\ufeff") && got != text:
			return fmt.Errorf("written as %q", got)
		case !strings.Contains(text, got):
			return fmt.Errorf("lenient: written as %q", got)
		case outside == 0 && !several && len(got) < len(text)-len(leading(text)):
			return fmt.Errorf("lenient: something is missing in %q", got)
		}
		if err := checkReader(text, o, c, problems); err != nil {
			return err
		}
	}
	return nil
}

// leading returns the blank lines and the byte order mark before a text.
func leading(text string) string {
	rest := strings.TrimLeft(text, "\r\n")
	rest = strings.TrimLeft(strings.TrimPrefix(rest, "\ufeff"), "\r\n")
	return text[:len(text)-len(rest)]
}

// checkReader compares a Reader with Parse.
func checkReader(text string, o Options, c *Component, problems []Problem) error {
	r := NewReader(strings.NewReader(text), o)
	for i := 0; ; i++ {
		child, err := r.Next()
		if err != nil {
			if i < len(c.Components) {
				return fmt.Errorf("after %d components of %d, the Reader returns %w", i, len(c.Components), err)
			}
			return nil
		}
		if i >= len(c.Components) {
			if problems == nil {
				return fmt.Errorf("the Reader returns one more component: %q", child)
			}
			return nil
		}
		if got, want := child.String(), c.Components[i].String(); got != want {
			return fmt.Errorf("the Reader returns %q, not %q", got, want)
		}
	}
}

func TestIdentity(t *testing.T) {
	r := seed.New(t)
	accepted, lenient := 0, 0
	for range tier.Rounds(t, 20_000, 200_000) {
		text := randomText(r)
		if err := checkIdentity(text); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		if _, problems, err := Parse(text, Options{}); err == nil {
			accepted++
		} else if _, _, err := Parse(text, Options{Lenient: true}); err == nil && len(problems) > 0 {
			lenient++
		}
	}
	t.Logf("%d texts are accepted, %d more with Lenient", accepted, lenient)
	if accepted < 10 || lenient < 100 {
		t.Error("too few texts are accepted for the test to say something")
	}
}

// Generated calendars are read without problems, and with the numbers that the generator states.
func TestGenerated(t *testing.T) {
	for _, newline := range []string{"\r\n", "\n"} {
		o := icaltest.Typical(seed.New(t).Uint64(), tier.Rounds(t, 2000, 100_000))
		o.Newline = newline
		text, counts := icaltest.Text(o)
		c, problems, err := Parse(text, Options{Limits: Limits{Properties: 1 << 30, Components: 1 << 30}})
		if err != nil || problems != nil {
			t.Fatal(err, problems)
		}
		if c.String() != text {
			t.Fatal("the text differs")
		}
		var got icaltest.Counts
		uids := map[string]bool{}
		got.Properties = len(c.Properties)
		for _, child := range c.Components {
			got.Properties += len(child.Properties)
			for _, part := range child.Components {
				got.Properties += len(part.Properties)
				if part.Name == "VALARM" {
					got.Alarms++
				}
			}
			switch child.Name {
			case "VTIMEZONE":
				got.Zones++
			case "VEVENT":
				got.Events++
				uids[child.Value("UID")] = true
				if child.Get("RRULE") != nil {
					got.Recurring++
				}
				if child.Get("RECURRENCE-ID") != nil {
					got.Overrides++
				}
			}
		}
		if got.UIDs = len(uids); got != counts {
			t.Errorf("got %+v, not %+v", got, counts)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(simple)
	for _, w := range wilds {
		f.Add(strings.ReplaceAll(w.text, "|", "\r\n"))
	}
	for _, piece := range pieces {
		f.Add("BEGIN:VCALENDAR\r\n" + piece + "END:VCALENDAR\r\n")
	}
	f.Fuzz(func(t *testing.T, text string) {
		if err := checkIdentity(text); err != nil {
			t.Error(err)
		}
	})
}
