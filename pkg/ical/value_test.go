package ical

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/davadmin/davadmin/internal/seed"
	"github.com/davadmin/davadmin/internal/tier"
)

func TestParseTime(t *testing.T) {
	for s, want := range map[string]Time{
		"20260302":             {DayOf(2026, 3, 2), Date},
		"20260302T090000":      {CivilOf(2026, 3, 2, 9, 0, 0), Local},
		"20260302T090000Z":     {CivilOf(2026, 3, 2, 9, 0, 0), UTC},
		" 20260302t235960z\t":  {CivilOf(2026, 3, 2, 23, 59, 59), UTC},
		"20240229":             {DayOf(2024, 2, 29), Date},
		"20000229":             {DayOf(2000, 2, 29), Date},
		"00000101":             {DayOf(0, 1, 1), Date},
		"99991231T235959":      {CivilOf(9999, 12, 31, 23, 59, 59), Local},
		"16010101T000000":      {CivilOf(1601, 1, 1, 0, 0, 0), Local},
		"19700101T000000Z":     {0, UTC},
		"  19700101T000000Z  ": {0, UTC},
	} {
		if got, err := ParseTime(s); err != nil || got != want {
			t.Errorf("%q is %v (%v), not %v", s, got, err, want)
		}
	}
	for _, s := range []string{
		"", " ", "2026", "2026030", "202603022", "20260302T", "20260302T0900", "20260302T09000", "20260302T090000X", "20260302 090000",
		"20260302T240000", "20260302T096000", "20260302T090061", "20260002", "20261302", "20260300", "20260431", "20260229", "19000229",
		"2026-03-02", "+2026032", "-0260302", "20260302T-90000", "2026030\u0662", "20260302T090000ZZ", "20260302T090000+", "0x260302",
	} {
		if got, err := ParseTime(s); err == nil {
			t.Errorf("%q is accepted as %v", s, got)
		}
	}
}

func TestParseDuration(t *testing.T) {
	for s, want := range map[string]Duration{
		"PT0S": {}, "P0D": {}, "PT1S": {0, 1}, "PT15M": {0, 900}, "PT1H": {0, 3600}, "P1D": {1, 0}, "P1W": {7, 0},
		"P15DT5H0M20S": {15, 5*3600 + 20}, "-PT15M": {0, -900}, "+P1DT12H": {1, 43200}, "-P2W": {-14, 0}, "pt1h30m": {0, 5400},
		"P1W2D": {9, 0}, "P1WT1H": {7, 3600}, "PT1H20S": {0, 3620}, "P1DT": {1, 0}, " PT5M ": {0, 300}, "PT36H": {0, 36 * 3600}, "P3660000D": {3660000, 0},
	} {
		if got, err := ParseDuration(s); err != nil || got != want {
			t.Errorf("%q is %v (%v), not %v", s, got, err, want)
		}
	}
	for _, s := range []string{
		"", "P", "PT", "-", "+P", "1D", "P1", "PT1", "P1H", "P1M", "P1Y", "PT1D", "PT1W", "PT-22H0M0S", "P-1D", "--P1D", "P1DT1H1H", "PT1M1H",
		"P1D1W", "PTT1H", "P1DTT1H", "PT1.5H", "P3660001D", "P999999999999W", "P9999999999999D", "PT999999999999H", "P 1D", "P1D ,", "PDT1H", "15M", "P\x111D",
	} {
		if got, err := ParseDuration(s); err == nil {
			t.Errorf("%q is accepted as %v", s, got)
		}
	}
	for want, d := range map[string]Duration{
		"PT0S": {}, "P1D": {1, 0}, "P2W": {14, 0}, "-P1W": {-7, 0}, "PT15M": {0, 900}, "-PT1H30M": {0, -5400}, "PT1H0M20S": {0, 3620}, "P7DT1S": {7, 1}, "-P1DT2H": {-1, -7200},
	} {
		if got := d.String(); got != want {
			t.Errorf("%v is written as %s, not %s", [2]int64{d.Days, d.Seconds}, got, want)
		}
		if d.IsPositive() != (want[0] == 'P' && want != "PT0S") {
			t.Errorf("%s: positive: %v", want, d.IsPositive())
		}
	}
}

func TestParsePeriod(t *testing.T) {
	nine := Time{CivilOf(2026, 3, 2, 9, 0, 0), UTC}
	for s, want := range map[string]Period{
		"20260302T090000Z/20260302T100000Z": {Start: nine, End: Time{nine.Civil + 3600, UTC}, HasEnd: true},
		"20260302T090000Z/PT1H":             {Start: nine, Duration: Duration{0, 3600}},
		"20260302T090000/P1D":               {Start: Time{nine.Civil, Local}, Duration: Duration{1, 0}},
	} {
		if got, err := ParsePeriod(s); err != nil || got != want {
			t.Errorf("%q is %v (%v)", s, got, err)
		}
	}
	for _, s := range []string{
		"", "/", "20260302T090000Z", "20260302T090000Z/", "/PT1H", "20260302/PT1H", "20260302T090000Z/20260302T100000", "20260302T090000/20260303",
		"20260302T090000Z/PT1H/PT1H", "20260302T090000Z-PT1H",
	} {
		if got, err := ParsePeriod(s); err == nil {
			t.Errorf("%q is accepted as %v", s, got)
		}
	}
}

func TestValuesRoundTrip(t *testing.T) {
	r := seed.New(t)
	for range tier.Rounds(t, 50_000, 1_000_000) {
		tm := Time{Civil: DayOf(r.IntN(10_000), 1, 1+r.IntN(365)), Form: TimeForm(r.IntN(3))}
		if tm.Form != Date {
			tm.Civil += Civil(r.IntN(86400))
		}
		if got, err := ParseTime(tm.String()); err != nil || got != tm {
			t.Fatalf("%v is read as %v, %v", tm, got, err)
		}
		d := Duration{Days: r.Int64N(MaxDuration), Seconds: r.Int64N(200_000)}
		switch r.IntN(4) {
		case 0:
			d.Days = 0
		case 1:
			d.Seconds = 0
		case 2:
			d.Days, d.Seconds = -d.Days, -d.Seconds
		}
		if got, err := ParseDuration(d.String()); err != nil || got != d {
			t.Fatalf("%v is read as %v, %v", d, got, err)
		}
	}
}

func FuzzParseTime(f *testing.F) {
	for _, s := range []string{"20260302", "20260302T090000Z", "20240229T235960", " 99991231t000000z"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := ParseTime(s)
		if err != nil {
			return
		}
		want := strings.ToUpper(strings.Trim(s, " \t"))
		if len(want) > 13 && want[13:15] == "60" {
			want = want[:13] + "59" + want[15:]
		}
		if got.String() != want {
			t.Errorf("%q is read as %v", s, got)
		}
	})
}

func FuzzParseDuration(f *testing.F) {
	for _, s := range []string{"P1W", "-P15DT5H0M20S", "+PT1H20S", "p1w2dt3h4m5s", "PT-1H"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, err := ParseDuration(s)
		if err != nil {
			return
		}
		if d.Days > MaxDuration || d.Days < -MaxDuration || d.Days > 0 && d.Seconds < 0 || d.Days < 0 && d.Seconds > 0 {
			t.Errorf("%q is %d days and %d seconds", s, d.Days, d.Seconds)
		}
		if again, err := ParseDuration(d.String()); err != nil || again != d {
			t.Errorf("%q is %v, which is read as %v, %v", s, d, again, err)
		}
	})
}

func TestText(t *testing.T) {
	for value, want := range map[string]string{
		"": "", "a": "a", `a\nb\Nc`: "a\nb\nc", `\\n`: `\n`, `\;\,\\`: `;,\`, `\x\"\:`: `\x\"\:`, `end\`: `end\`, "a,b;c": "a,b;c",
	} {
		if got := UnescapeText(value); got != want {
			t.Errorf("%q means %q, not %q", value, got, want)
		}
	}
	for text, want := range map[string]string{
		"": "", "a\nb\r\nc\rd": `a\nb\nc\nd`, `;,\`: `\;\,\\`, "\x00a\tb\x1b\x7f": "a\tb", "\r\n": `\n`, "\n\r": `\n\n`, "ü:\"": "ü:\"",
	} {
		if got := EscapeText(text); got != want {
			t.Errorf("%q is written as %q, not %q", text, got, want)
		}
	}
	for list, want := range map[string]string{
		"": "[]", "a": "[a]", "a,b": "[a][b]", `a\,b,c`: `[a\,b][c]`, `a\\,b`: `[a\\][b]`, ",": "[][]", `a\`: `[a\]`, "a,": "[a][]",
	} {
		got := ""
		for value := range SplitValues(list) {
			got += "[" + value + "]"
		}
		if got != want {
			t.Errorf("%q is split as %s, not %s", list, got, want)
		}
		for range SplitValues(list) {
			break
		}
	}
	r := seed.New(t)
	for range tier.Rounds(t, 20_000, 500_000) {
		text := randomBytes(r, "\\;,:\nnN ab\tü")
		if got := UnescapeText(EscapeText(text)); got != text {
			t.Fatalf("%q becomes %q", text, got)
		}
	}
}

func randomBytes(r *rand.Rand, from string) string {
	letters := []rune(from)
	var b strings.Builder
	for range r.IntN(12) {
		b.WriteRune(letters[r.IntN(len(letters))])
	}
	return b.String()
}
