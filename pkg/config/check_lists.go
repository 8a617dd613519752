package config

import (
	"context"
	"fmt"
	"strings"

	"github.com/davadmin/davadmin/pkg/finding"
)

// Lists of the LDAP attributes that the server fetches.
const (
	paramUserAttrs   = "base.ldapinfo.userattrs"
	paramDomainAttrs = "base.ldapinfo.domainattrs"
)

// fetchLists returns the parameters that list attributes to fetch.
func fetchLists() []string {
	return []string{paramSubjectAttributes, paramUserAttrs, paramDomainAttrs}
}

// isFetchList reports whether a parameter lists attributes to fetch.
func isFetchList(name string) bool { return contains(fetchLists(), name, false) }

// listChecks returns the checks of the attributes that the server must fetch.
func listChecks() []check {
	const remedy = "add the attribute to davcore.uriinfo.subjectattributes, and keep the others"
	return []check{
		{newRule("uniqueid-not-fetched", finding.Error,
			"the attribute of the unique id is fetched for every account",
			"the server cannot determine which account in its database belongs to whom, and no one can work",
			remedy), missingCheck(needUniqueID), false},
		{newRule("mail-not-fetched", finding.Error,
			"the attributes of mail addresses are fetched for every account",
			"the server finds users, attendees and home collections by mail address, and now it sees no addresses",
			remedy), missingCheck(needMail), false},
		{newRule("localuserattr-not-fetched", finding.Error,
			"the local-user attribute is fetched for every account",
			"the server does not see the attribute on any account, so every account looks like one on the old server",
			remedy), missingCheck(needLocalUser), false},
		{newRule("backend-attribute-not-fetched", finding.Error,
			"the attributes that select the back end are fetched for every account",
			"the server uses the fallback for every account, and users find an empty calendar in the wrong back end",
			remedy), missingCheck(needBackend), false},
		{newRule("list-lost-members", finding.Warning,
			"the lists of attributes to fetch have the members of their defaults",
			"a new value replaces the whole list, so setting it to a single attribute loses all others, and what the server does with them",
			"add the lost members to the list; omit any that is not needed here"),
			checkLostMembers, false},
	}
}

// need is what an attribute is fetched for.
type need int

const (
	needUniqueID need = iota
	needLocalUser
	needMail
	needBackend
)

// fetched describes what must be fetched according to one rule.
type fetched struct {
	attributes []string
	why        string
	from       []string // the parameters that name the attributes
}

// wanted returns the attributes for one purpose. NeededMembers returns the same
// attributes, but each only for its first purpose, so the rules of the other
// purposes would pass although they do not hold.
func (s *checkState) wanted(n need) (fetched, error) {
	switch n {
	case needUniqueID:
		f := fetched{[]string{s.value(paramPermanentUniqueID)}, "the unique id of every account", []string{paramPermanentUniqueID}}
		if f.attributes[0] == "" {
			return f, finding.NotApplicable("%s is set to an empty value", paramPermanentUniqueID)
		}
		return f, nil
	case needLocalUser:
		return fetched{[]string{s.value(paramLocalUserAttr)}, "which marks local users", []string{paramLocalUserAttr}}, s.coexists()
	case needMail:
		from := []string{paramMail, paramAlternateMail}
		return fetched{[]string{s.value(from[0]), s.value(from[1])}, "which contains mail addresses", from}, nil
	case needBackend:
	}
	f := fetched{why: "which selects the back end in a template"}
	for _, a := range s.reg.templateAttributes(s.doc) {
		// A group of the pattern, as in ${1}, is not an attribute.
		if isAttribute(a) && !contains(f.attributes, a, true) {
			f.attributes = append(f.attributes, a)
		}
	}
	if len(f.attributes) == 0 {
		return f, finding.NotApplicable("no template of a back end names an LDAP attribute")
	}
	return f, nil
}

func missingCheck(n need) func(context.Context, *checkState, func(finding.Finding)) error {
	return func(_ context.Context, s *checkState, emit func(finding.Finding)) error {
		want, err := s.wanted(n)
		if err != nil {
			return err
		}
		list := SplitList(s.value(paramSubjectAttributes))
		line := s.line(append([]string{paramSubjectAttributes}, want.from...)...)
		for _, a := range want.attributes {
			if a == "" || contains(list, a, true) {
				continue
			}
			f := s.at(paramSubjectAttributes, line,
				fmt.Sprintf("%s does not contain %s, %s: the server does not fetch it", paramSubjectAttributes, quotedPart(a, a), want.why),
				s.fixAdd(paramSubjectAttributes, a))
			if isAttribute(a) {
				f.Attribute = a
			}
			emit(f)
		}
		return nil
	}
}

func checkLostMembers(_ context.Context, s *checkState, emit func(finding.Finding)) error {
	any := false
	for _, name := range fetchLists() {
		st := s.get(name)
		if st == nil || st.param == nil {
			continue
		}
		any = true
		var lost []string
		for _, m := range s.reg.NeededMembers(s.doc, name) {
			if !m.Vital && !contains(SplitList(st.Value), m.Member, true) && !s.replaced(m.Member) {
				lost = append(lost, m.Member)
			}
		}
		if len(lost) > 0 {
			emit(s.of(st, fmt.Sprintf("%s lacks members of its default list: %s", name, strings.Join(lost, " ")), s.fixAdd(name, lost...)))
		}
	}
	if !any {
		return finding.NotApplicable("no list of attributes to fetch is set; the defaults apply")
	}
	return nil
}

// replaced reports whether an attribute is the default of parameters that all name
// another attribute now, so that nothing needs it any more.
func (s *checkState) replaced(member string) bool {
	named := false
	for _, p := range s.reg.all {
		if p.Type != Attribute || p.Family() || !strings.EqualFold(p.Default, member) {
			continue
		}
		if strings.EqualFold(s.value(p.Name), member) {
			return false
		}
		named = true
	}
	return named
}
