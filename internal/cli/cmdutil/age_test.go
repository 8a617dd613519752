package cmdutil

import (
	"errors"
	"testing"
	"time"
)

func TestParseAge(t *testing.T) {
	for s, want := range map[string]time.Duration{
		"0d": 0, "0s": 0, "1d": 24 * time.Hour, "365d": 8760 * time.Hour, "8w": 56 * 24 * time.Hour,
		"12h": 12 * time.Hour, "90m": 90 * time.Minute, "30s": 30 * time.Second, "1h30m": 90 * time.Minute,
		"36500d": 36500 * 24 * time.Hour,
	} {
		got, err := ParseAge(s)
		if err != nil || got != want {
			t.Errorf("parseAge(%q) = %v, %v; want %v", s, got, err, want)
		}
	}
	for _, s := range []string{"", "d", "w", "1", "-1d", "-1h", "+1d", "1.5d", "1y", "1 d", "1d ", "d1", "1d1h", "99999999999999999999d", "9999999999h", "20000w", "65535w"} {
		got, err := ParseAge(s)
		var usage *UsageError
		if !errors.As(err, &usage) {
			t.Errorf("parseAge(%q) = %v, %v", s, got, err)
		}
	}
}

func TestDurationText(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0 seconds", time.Second: "1 second", 90 * time.Second: "90 seconds", 2 * time.Minute: "2 minutes", 36 * time.Hour: "36 hours",
		24 * time.Hour: "1 day", 720 * time.Hour: "30 days", 1500 * time.Millisecond: "1.5 seconds",
	} {
		if got := DurationText(d); got != want {
			t.Errorf("%s: %s, want %s", d, got, want)
		}
	}
}
