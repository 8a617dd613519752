package cmdutil

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// ParseAge parses the value of --older: an age such as 365d, 8w or 12h.
func ParseAge(s string) (time.Duration, error) {
	if s == "" {
		return 0, Usagef("missing --older AGE, such as --older 365d")
	}
	for suffix, unit := range map[string]time.Duration{"d": 24 * time.Hour, "w": 7 * 24 * time.Hour} {
		if number, ok := strings.CutSuffix(s, suffix); ok {
			n, err := strconv.ParseUint(number, 10, 63)
			if err != nil || n > uint64(math.MaxInt64/unit) {
				return 0, Usagef("--older: '%s' is not a valid age (such as 365d, 8w or 12h)", s)
			}
			return time.Duration(n) * unit, nil
		}
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 {
		return 0, Usagef("--older: '%s' is not a valid age (such as 365d, 8w or 12h)", s)
	}
	return d, nil
}

// DurationText returns a duration in words, in the largest unit in which it is a whole
// number: "30 days", "36 hours", "90 seconds".
func DurationText(d time.Duration) string {
	for _, u := range []struct {
		unit time.Duration
		word string
	}{{24 * time.Hour, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}, {time.Second, "second"}} {
		if d != 0 && d%u.unit == 0 {
			return Plural(int(d/u.unit), u.word)
		}
	}
	if d == 0 {
		return "0 seconds"
	}
	return fmt.Sprintf("%g seconds", d.Seconds())
}
