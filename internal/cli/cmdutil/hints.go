package cmdutil

import (
	"slices"
	"strings"

	"github.com/davadmin/davadmin/internal/ui"
)

// Hints builds the command lines that messages suggest, so that each works when it is
// pasted: words are quoted, and the home is named if this run was given one.
type Hints struct {
	global *Globals
	args   []string
	// clifile is the file given with -F.
	clifile string
	// suggested, if not nil, is called with each command line.
	suggested func(line string)
}

// Line returns a command line of davadmin: an operation, its action, which may be empty, and
// more words, which are quoted for a shell. The options that named the home and the clifile of
// this run, if any, come after the action.
func (h *Hints) Line(operation, action string, words ...string) string {
	all := []string{"davadmin", operation}
	if action != "" {
		all = append(all, action)
	}
	if h.global.Home != "" {
		all = append(all, "--home", quoteInside(h.global.Home))
	}
	if h.clifile != "" {
		all = append(all, "-F", quoteInside(h.clifile))
	}
	for _, w := range words {
		all = append(all, quoteInside(w))
	}
	return h.join(all)
}

// Again returns the command line of this run with more words appended.
func (h *Hints) Again(more ...string) string { return h.Instead(slices.Concat(h.args, more)...) }

// Instead returns a command line of davadmin with the words, which contain the options of
// this run.
func (h *Hints) Instead(words ...string) string {
	all := []string{"davadmin"}
	for _, w := range words {
		all = append(all, quoteInside(w))
	}
	return h.join(all)
}

// join returns the words as a line, and reports it.
func (h *Hints) join(words []string) string {
	line := strings.Join(words, " ")
	if h.suggested != nil {
		h.suggested(line)
	}
	return line
}

// quoteInside is Quote with double quotes where they mean the same, because messages
// often put a command line in single quotes.
func quoteInside(word string) string {
	q := Quote(word)
	if strings.HasPrefix(q, "'") && !strings.ContainsAny(q[1:len(q)-1], "'\"$`\\!") {
		return `"` + q[1:len(q)-1] + `"`
	}
	return q
}

// Quote quotes a word for a shell. A word that cannot be quoted safely is replaced by a
// placeholder in quotes.
func Quote(word string) string {
	q, err := ui.ShellQuote(word)
	if err != nil {
		return "'...'"
	}
	return q
}
