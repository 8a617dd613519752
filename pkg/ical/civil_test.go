package ical

import (
	"testing"
	"time"

	"github.com/davadmin/davadmin/internal/seed"
	"github.com/davadmin/davadmin/internal/tier"
)

// The standard library judges, in UTC, where no hour is skipped or repeated.
func TestCivil(t *testing.T) {
	r := seed.New(t)
	for range tier.Rounds(t, 200_000, 2_000_000) {
		year, month, day := r.IntN(12_000)-1000, time.Month(r.IntN(60)-20), r.IntN(1000)-400
		hour, minute, second := r.IntN(100)-40, r.IntN(200)-80, r.IntN(200)-80
		c := CivilOf(year, month, day, hour, minute, second)
		want := time.Date(year, month, day, hour, minute, second, 0, time.UTC)
		if int64(c) != want.Unix() {
			t.Fatalf("%d-%d-%d %d:%d:%d is %d, not %d", year, month, day, hour, minute, second, c, want.Unix())
		}
		y, m, d := c.Date()
		h, mi, s := c.Clock()
		if wy, wm, wd := want.Date(); y != wy || m != wm || d != wd {
			t.Fatalf("%d is %d-%d-%d, not %v", c, y, m, d, want)
		}
		if wh, wmi, ws := want.Clock(); h != wh || mi != wmi || s != ws {
			t.Fatalf("%d is %d:%d:%d, not %v", c, h, mi, s, want)
		}
		if c.Weekday() != want.Weekday() {
			t.Fatalf("%v is a %v", want, c.Weekday())
		}
		if midnight := time.Date(y, m, d, 0, 0, 0, 0, time.UTC); int64(c.Day()) != midnight.Unix() || DayOf(y, m, d) != c.Day() {
			t.Fatalf("the day of %v begins at %d", want, c.Day())
		}
		if n := r.IntN(100_000) - 50_000; int64(c.AddDays(n)) != want.AddDate(0, 0, n).Unix() {
			t.Fatalf("%v and %d days are %d", want, n, c.AddDays(n))
		}
		if want.Year() >= 0 && want.Year() <= 9999 && c.String() != want.Format("20060102T150405") {
			t.Fatalf("%v is written as %s", want, c)
		}
	}
}

func TestCivilString(t *testing.T) {
	for want, c := range map[string]Civil{
		"19700101T000000":  0,
		"19691231T235959":  -1,
		"20240229T120000":  CivilOf(2024, 2, 29, 12, 0, 0),
		"00000101T000000":  DayOf(0, 1, 1),
		"-00011231T000000": DayOf(-1, 12, 31),
		"100000101T000000": DayOf(10_000, 1, 1),
	} {
		if got := c.String(); got != want {
			t.Errorf("got %s, not %s", got, want)
		}
	}
}
