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

func fetchLists() []string {
	return []string{paramSubjectAttributes, paramUserAttrs, paramDomainAttrs}
}

func isFetchList(name string) bool { return contains(fetchLists(), name, false) }

// listChecks are about the attributes that the server must fetch.
func listChecks() []check {
	const remedy = "add the attribute to davcore.uriinfo.subjectattributes with --add, which keeps the others"
	return []check{
		{newRule("uniqueid-not-fetched", finding.Error,
			"the attribute of the unique id is fetched for every person",
			"the server cannot tell which account in its database belongs to whom, and no one can work",
			remedy), missingCheck(needUniqueID), false},
		{newRule("mail-not-fetched", finding.Error,
			"the attributes of mail addresses are fetched for every person",
			"the server finds people, attendees and homes by their mail addresses, and now it sees none",
			remedy), missingCheck(needMail), false},
		{newRule("localuserattr-not-fetched", finding.Error,
			"the attribute that says who is hosted here is fetched for every person",
			"the server sees it on nobody, so everybody looks like a user of the old server",
			remedy), missingCheck(needLocalUser), false},
		{newRule("backend-attribute-not-fetched", finding.Error,
			"the attributes that choose the back end are fetched for every person",
			"the server takes the fallback for everybody, and people find an empty calendar in the wrong back end",
			remedy), missingCheck(needBackend), false},
		{newRule("list-lost-members", finding.Warning,
			"the lists of attributes to fetch have the members of their defaults",
			"a new value replaces the whole list, so giving a single attribute loses all others and what the server does with them",
			"add the lost members with --add; leave out one that is not needed here"),
			checkLostMembers, false},
	}
}

// need says what an attribute is fetched for.
type need int

const (
	needUniqueID need = iota
	needLocalUser
	needMail
	needBackend
)

// fetched is what one rule wants to be fetched: attributes, why, and the
// parameters that name them.
type fetched struct {
	attributes []string
	why        string
	from       []string
}

// wanted lists the attributes for a purpose. NeededMembers has the same ones,
// but names each for its first purpose only, and the rules of the others would
// pass though they do not hold.
func (s *checkState) wanted(n need) (fetched, error) {
	switch n {
	case needUniqueID:
		f := fetched{[]string{s.value(paramPermanentUniqueID)}, "which is the unique id of every account", []string{paramPermanentUniqueID}}
		if f.attributes[0] == "" {
			return f, finding.NotApplicable("%s is set to nothing", paramPermanentUniqueID)
		}
		return f, nil
	case needLocalUser:
		return fetched{[]string{s.value(paramLocalUserAttr)}, "which says who is hosted here", []string{paramLocalUserAttr}}, s.coexists()
	case needMail:
		from := []string{"davcore.ldapattr.mail", "davcore.ldapattr.mailalternateaddress"}
		return fetched{[]string{s.value(from[0]), s.value(from[1])}, "which holds mail addresses", from}, nil
	case needBackend:
	}
	f := fetched{why: "by which a template chooses the back end"}
	for _, a := range s.reg.templateAttributes(s.doc) {
		// The name of a group of the pattern, as in ${1}, is no attribute.
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
				fmt.Sprintf("%s does not name %s, %s: the server does not fetch it", paramSubjectAttributes, told(a, a), want.why),
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
		return finding.NotApplicable("no list of attributes to fetch is set; their defaults hold")
	}
	return nil
}

// replaced reports whether an attribute is the default of parameters that all
// name another one now, so that nothing needs it.
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
