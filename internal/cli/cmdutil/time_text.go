package cmdutil

import "time"

// TimeText returns a time as it is printed, or "" for the zero time.
func TimeText(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
