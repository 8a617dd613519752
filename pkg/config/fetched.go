package config

import (
	"fmt"
	"strings"
)

// notFetched returns a warning for each attribute that a changed parameter names and that
// the server does not fetch, so that it sees the attribute on no entry. d contains all
// edits.
func (r *Registry) notFetched(d *Document, w resolvedRequest) []Warning {
	list := SplitList(r.Effective(d, paramSubjectAttributes))
	var out []Warning
	for _, a := range namedAttributes(w.Name, w.value) {
		if !isAttribute(a) || contains(list, a, true) {
			continue
		}
		list = append(list, a) // one warning is enough
		out = append(out, Warning{
			Name: w.Name, Missing: a, List: paramSubjectAttributes,
			Text: fmt.Sprintf("%s does not contain %s, so the server does not fetch it and sees it on no entry", paramSubjectAttributes, a),
		})
	}
	return out
}

// namedAttributes returns the attributes in the value of a parameter that the server needs
// for every account.
func namedAttributes(name, value string) []string {
	switch name {
	case paramPermanentUniqueID, paramLocalUserAttr, paramMail, paramAlternateMail:
		return []string{value}
	}
	for _, family := range backendTemplates() {
		if strings.HasPrefix(name, family) && strings.HasSuffix(name, backendTemplate) {
			return attributesIn(value)
		}
	}
	return nil
}
