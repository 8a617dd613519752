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
