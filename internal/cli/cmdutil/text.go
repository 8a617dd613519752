package cmdutil

import (
	"fmt"
	"strings"

	"github.com/davadmin/davadmin/internal/ui"
)

// MaxShown is how much of a value a report for people shows, in bytes.
const MaxShown = 4096

// TabLine returns a line of plain output: sanitised cells, which contain no tabs, separated
// by tabs.
func TabLine(cells []string) string {
	safe := make([]string, len(cells))
	for i, c := range cells {
		safe[i] = ui.Sanitize(c)
	}
	return strings.Join(safe, "\t")
}

func countCell(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n)
}

// Plural returns a count with a noun, as in "1 error" or "2 errors".
func Plural(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}

// EntryCount returns a number of entries with the noun.
func EntryCount(n int) string {
	if n == 1 {
		return "1 entry"
	}
	return fmt.Sprintf("%d entries", n)
}

// maskURLs returns a message with **** in place of the password in every scheme://user:password@host.
// In contrast to config.MaskURLPassword, a password ends at a blank, because messages
// continue after a URL.
func maskURLs(s string) string {
	var out strings.Builder
	for {
		i := strings.Index(s, "://")
		if i < 0 {
			return out.String() + s
		}
		i += len("://")
		out.WriteString(s[:i])
		s = s[i:]
		run := s
		if end := strings.IndexAny(s, " \t\r\n"); end >= 0 {
			run = s[:end]
		}
		colon, at := strings.IndexByte(run, ':'), strings.LastIndexByte(run, '@')
		if colon >= 0 && colon < at {
			out.WriteString(s[:colon+1] + "****")
			s = s[at:]
		}
	}
}

// YesNo returns a flag as a word.
func YesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
