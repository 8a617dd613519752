package cmdutil

import (
	"strings"

	"github.com/davadmin/davadmin/internal/ui"
)

// Quote makes a word safe to paste into a shell; a word that cannot be made
// safe appears as a placeholder that no shell takes for something else.
func Quote(word string) string {
	q, err := ui.ShellQuote(word)
	if err != nil {
		return "'...'"
	}
	return q
}

// WithHome puts --home into the davadmin commands of a suggestion when this run
// was told its home that way, so that the suggestion works as it stands.
func (h *Hints) WithHome(suggestion string) string {
	if h.home == "" {
		return suggestion
	}
	for _, op := range []string{
		"davadmin config modify", "davadmin config revert", "davadmin config diff",
		"davadmin domainmap create", "davadmin domainmap modify", "davadmin domainmap delete", "davadmin domainmap revert", "davadmin domainmap list",
		"davadmin ldap apply", "davadmin ldap undo",
		"davadmin passfile create", "davadmin passfile modify", "davadmin passfile delete", "davadmin passfile list", "davadmin passfile history", "davadmin passfile revert",
		"davadmin ldappool create", "davadmin ldappool modify", "davadmin ldappool delete", "davadmin ldappool list",
		"davadmin account delete", "davadmin account modify", "davadmin account subscribe", "davadmin account unsubscribe", "davadmin account delcomponent", "davadmin account repair",
		"davadmin calendar delete", "davadmin calendar modify", "davadmin db init", "davadmin db schema_fullupgrade",
		"davadmin coexist apply", "davadmin coexist verify", "davadmin coexist status", "davadmin coexist rollback", "davadmin coexist check",
	} {
		suggestion = strings.ReplaceAll(suggestion, op, op+" "+h.home)
	}
	return suggestion
}

// Hints builds the command lines that messages suggest.
type Hints struct {
	args []string
	home string
}

// Again is the command line of this run with something more.
func (h *Hints) Again(more string) string {
	words := []string{"davadmin"}
	for _, w := range h.args {
		words = append(words, Quote(w))
	}
	return strings.Join(append(words, more), " ")
}
