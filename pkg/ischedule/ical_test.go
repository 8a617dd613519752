package ischedule

import (
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/davadmin/davadmin/internal/seed"
)

func seconds() *rapid.Generator[time.Time] {
	return rapid.Map(rapid.Int64Range(-60e9, 250e9), func(s int64) time.Time { return time.Unix(s, 0).UTC() })
}

func TestTimeRoundTrip(t *testing.T) {
	seed.Rapid(t)
	rapid.Check(t, func(t *rapid.T) {
		when := seconds().Draw(t, "time")
		zone := time.FixedZone("", rapid.IntRange(-14*3600, 14*3600).Draw(t, "zone"))
		text := formatTime(when.In(zone))
		if got, err := parseTime(text); err != nil || !got.Equal(when) || got.Location() != time.UTC {
			t.Fatalf("%v is formatted as %s and parsed as %v, %v", when, text, got, err)
		}
	})
}

func TestPeriodForms(t *testing.T) {
	seed.Rapid(t)
	rapid.Check(t, func(t *rapid.T) {
		want := Period{Start: seconds().Draw(t, "start")}
		days, hours, mins, secs := rapid.IntRange(0, 3000).Draw(t, "d"), rapid.IntRange(0, 99).Draw(t, "h"), rapid.IntRange(0, 99).Draw(t, "m"), rapid.IntRange(0, 99).Draw(t, "s")
		want.End = want.Start.AddDate(0, 0, days).Add(time.Duration(hours)*time.Hour + time.Duration(mins)*time.Minute + time.Duration(secs)*time.Second)
		start := formatTime(want.Start)
		forms := []string{
			fmt.Sprintf("%s/P%dDT%dH%dM%dS", start, days, hours, mins, secs),
			strings.ToLower(fmt.Sprintf(" %s/+P%dDT%dH%dM%dS ", start, days, hours, mins, secs)),
			fmt.Sprintf("%s/P%dW%dDT%dH%dM%dS", start, days/7, days%7, hours, mins, secs),
			fmt.Sprintf("%s/PT%dS", start, ((days*24+hours)*60+mins)*60+secs),
		}
		if want.End.Year() <= 9999 {
			forms = append(forms, start+"/"+formatTime(want.End))
		}
		for _, form := range forms {
			got, err := parsePeriod(form)
			if err != nil || !got.Start.Equal(want.Start) || !got.End.Equal(want.End) {
				t.Fatalf("%q is %v, %v, not %v", form, got, err, want)
			}
		}
	})
}

func TestInvalidPeriods(t *testing.T) {
	const start = "20040902T100000Z/"
	for _, text := range []string{
		"", "/", "20040902T100000Z", start, start + "P", start + "PT", start + "P1DT", start + "P1", start + "P1H", start + "PT1D", start + "-PT1H", start + "P-1D",
		start + "PT1H1H", start + "PT1M1H", start + "PT1234567890S", start + "P9999999W", start + "P1D/P1D", start + "20040902T110000", start + "20040902",
		start + "20040902T095959Z", "20040902T100000/PT1H", "20040932T100000Z/PT1H", "20040902T240000Z/PT1H", "2004-09-02T10:00:00Z/PT1H", start + "P1Y", start + " P1D",
	} {
		if got, err := parsePeriod(text); err == nil {
			t.Errorf("%q is %v", text, got)
		}
	}
	// A leap second is read as the second before it.
	if got, err := parsePeriod("20161231T235960Z/PT1S"); err != nil || !got.Start.Equal(time.Date(2016, 12, 31, 23, 59, 59, 0, time.UTC)) {
		t.Errorf("%v, %v", got, err)
	}
}

func TestBusyTypes(t *testing.T) {
	for text, want := range map[string]BusyType{"": Busy, "busy": Busy, "BUSY-TENTATIVE": Tentative, "Busy-Unavailable": Unavailable, "X-LUNCH": Busy, "OOF": Busy, "free": free} {
		if got := parseBusyType(text); got != want {
			t.Errorf("%q is %q", text, got)
		}
	}
}

// An address becomes a URI that is one item of a header and of a calendar, and can
// be read back from it.
func TestAddressRoundTrip(t *testing.T) {
	seed.Rapid(t)
	rapid.Check(t, func(t *rapid.T) {
		address := rapid.StringOfN(rapid.OneOf(rapid.RuneFrom([]rune("ab@%,;:\"<>?#&= ä")), rapid.Rune()), 1, 20, 150).Draw(t, "local") + "@" +
			rapid.StringOfN(rapid.RuneFrom([]rune("ab.-ü")), 1, 20, 150).Draw(t, "domain")
		uri, err := calendarAddress(address)
		if err != nil {
			if strings.IndexFunc(address, func(r rune) bool { return r < ' ' || r == 0x7f }) < 0 {
				t.Fatalf("%q: %v", address, err)
			}
			return
		}
		if strings.ContainsAny(uri, ",; \"<>?#\r\n") || strings.IndexFunc(uri, func(r rune) bool { return r <= ' ' || r >= 0x7f }) >= 0 || strings.Count(uri, "@") != 1 {
			t.Fatalf("%q is %q", address, uri)
		}
		for _, form := range []string{uri, " MAILTO:" + uri[len("mailto:"):] + "?subject=x "} {
			if got := mailAddress(form); got != address {
				t.Fatalf("%q became %q and then %q", address, form, got)
			}
		}
	})
	for uri, want := range map[string]string{"a@b.c": "a@b.c", "": "", "mailto:": "", "mailto:%zz@b": "%zz@b", "http://x/?y": "http://x/?y", "a%40b@c": "a%40b@c"} {
		if got := mailAddress(uri); got != want {
			t.Errorf("%q is %q", uri, got)
		}
	}
}

func TestClip(t *testing.T) {
	seed.Rapid(t)
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.String().Draw(t, "s") + strings.Repeat(string(rapid.Rune().Draw(t, "r")), rapid.IntRange(0, 600).Draw(t, "n"))
		got := clip(s)
		body, cut := strings.CutSuffix(got, "…")
		if len(s) <= maxText && got != s || len(s) > maxText && (!cut || !strings.HasPrefix(s, body) || len(body) > maxText || len(body) < maxText-3) || !utf8.ValidString(got) {
			t.Fatalf("%q became %q", s, got)
		}
	})
}
