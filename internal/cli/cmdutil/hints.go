package cmdutil

import (
	"slices"
	"strings"

	"github.com/davadmin/davadmin/internal/ui"
)

// Hints builds the command lines that messages suggest, so that each works when it is
// pasted: words are quoted, and the home is named where this run was told which one.
type Hints struct {
	global *Globals
	args   []string
	// clifile is the file given with -F, once it turned out to name the home.
	clifile string
	// suggested, if not nil, is called with each command line.
	suggested func(line string)
}

// Line returns a command line of davadmin: an operation, its action, and more words. The
// words are quoted where a shell needs it; the option that named the home of this run
// comes after the action.
func (h *Hints) Line(operation, action string, words ...string) string {
	all := []string{"davadmin", operation, action}
	switch {
	case h.global.Home != "":
		all = append(all, "--home", Quote(h.global.Home))
	case h.clifile != "":
		all = append(all, "-F", Quote(h.clifile))
	}
	for _, w := range words {
		all = append(all, Quote(w))
	}
	return h.join(all)
}

// Again returns the command line of this run with more words at its end.
func (h *Hints) Again(more ...string) string {
	all := []string{"davadmin"}
	for _, w := range slices.Concat(h.args, more) {
		all = append(all, Quote(w))
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

// Quote makes a word safe to paste into a shell; a word that cannot be made
// safe appears as a placeholder that no shell takes for something else.
func Quote(word string) string {
	q, err := ui.ShellQuote(word)
	if err != nil {
		return "'...'"
	}
	return q
}
