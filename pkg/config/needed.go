package config

import (
	"strings"
)

// Names of parameters that refer to each other.
const (
	paramSubjectAttributes = "davcore.uriinfo.subjectattributes"
	paramPermanentUniqueID = "davcore.uriinfo.permanentuniqueid"
	paramLocalUserAttr     = "davcore.scheduling.localuserattr"
	paramMail              = "davcore.ldapattr.mail"
	paramAlternateMail     = "davcore.ldapattr.mailalternateaddress"
)

// backendTemplate ends the names of the templates of back ends.
const backendTemplate = ".backendid"

// backendTemplates returns the prefixes of the families of templates of back ends.
func backendTemplates() []string { return []string{"davcore.homeuri.", "davcore.principalsuri."} }

// Needed is a member that the server needs in a list.
type Needed struct {
	Member string
	Why    string
	// Vital is set if the server fails without the member, not only some of its
	// functions.
	Vital bool
}

// NeededMembers returns the members that the list with this name must have
// according to the other settings in d: the attributes that
// davcore.uriinfo.subjectattributes must fetch for every account, and the default
// members of the other lists.
//
// Sources: the post-configuration and coexistence chapters of the Installation
// and Configuration Guide for the unique id and the local-user attribute; the
// registry's default list for the rest.
func (r *Registry) NeededMembers(d *Document, name string) []Needed {
	p, ok := r.Lookup(name)
	if !ok || !p.List {
		return nil
	}
	var out []Needed
	add := func(member, why string, vital bool) {
		for _, n := range out {
			if strings.EqualFold(n.Member, member) {
				return
			}
		}
		if member != "" {
			out = append(out, Needed{Member: member, Why: why, Vital: vital})
		}
	}
	if name == paramSubjectAttributes {
		add(r.Effective(d, paramPermanentUniqueID), "the unique id of every account", true)
		add(r.Effective(d, paramLocalUserAttr), "marks local users", true)
		add(r.Effective(d, paramMail), "the mail address", true)
		add(r.Effective(d, paramAlternateMail), "additional mail addresses", true)
		for _, a := range r.templateAttributes(d) {
			add(a, "selects the back end", true)
		}
	}
	if strings.HasSuffix(name, "attributes") || strings.HasSuffix(name, "attrs") {
		for _, m := range SplitList(p.Default) {
			add(m, "of the default list", false)
		}
	}
	return out
}

// templateAttributes returns the LDAP attributes that are named in the back-end
// templates of the URI families, as in ${davstore,defaultbackend}.
func (r *Registry) templateAttributes(d *Document) []string {
	var out []string
	for _, family := range backendTemplates() {
		set := false
		for key, value := range d.All() {
			if strings.HasPrefix(key, family) && strings.HasSuffix(key, backendTemplate) {
				set = true
				out = append(out, attributesIn(value)...)
			}
		}
		if p, ok := r.Lookup(family + "*" + backendTemplate); ok && !set {
			out = append(out, attributesIn(p.Default)...)
		}
	}
	return out
}

// attributesIn returns the LDAP attributes in a template.
func attributesIn(template string) []string {
	var out []string
	for {
		_, rest, found := strings.Cut(template, "${")
		if !found {
			return out
		}
		inner, after, closed := strings.Cut(rest, "}")
		if !closed {
			return out
		}
		attribute, _, _ := strings.Cut(inner, ",")
		if isAttribute(attribute) { // ${1} is a group of the pattern
			out = append(out, attribute)
		}
		template = after
	}
}
