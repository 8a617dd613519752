package config

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/davadmin/davadmin/pkg/finding"
)

// identityChecks are about the attribute that keys the accounts.
func identityChecks() []check {
	return []check{
		{newRule("uniqueid-unstable", finding.Error,
			"the unique id is an attribute that nobody but the administrators changes",
			"the directory itself gives its operational attributes: an entry that is deleted and made anew, or moved to another directory, gets another value, and its account is cut off from its calendars",
			"give every entry a davUniqueId that takes over the present value, then change the parameter; changing the parameter alone loses all data"),
			checkUnstable, false},
		{newRule("uniqueid-localuser-same", finding.Error,
			"the unique id and the mark of people hosted here are different attributes",
			"people on the old server need a unique id as well, and with it they would all count as hosted here",
			"mark the people hosted here by an attribute of its own; the guide uses davStore"),
			checkSameAttribute, false},
	}
}

// operationalAttributes are those that directory servers maintain, in lower
// case: of Oracle, 389, OpenLDAP, OpenDJ, IBM, Novell and Microsoft.
func operationalAttributes() []string {
	return []string{
		"createtimestamp", "creatorsname", "distinguishedname", "ds-entry-unique-id", "entrycsn", "entrydn", "entryid", "entryuuid", "guid",
		"hassubordinates", "ibm-entryuuid", "localentryid", "modifiersname", "modifytimestamp", "nsuniqueid", "numsubordinates",
		"objectguid", "objectsid", "orclguid", "parentid", "pwdchangedtime", "structuralobjectclass", "subschemasubentry",
		"usnchanged", "usncreated", "whenchanged", "whencreated",
	}
}

func checkUnstable(_ context.Context, s *checkState, emit func(finding.Finding)) error {
	name, _, _ := strings.Cut(s.value(paramPermanentUniqueID), ";")
	if IsOperationalAttribute(name) {
		emit(s.at(paramPermanentUniqueID, s.line(paramPermanentUniqueID), fmt.Sprintf(
			"%s is %s, which the directory gives anew whenever an entry is made anew; do not change it before every entry has a davUniqueId with the present value",
			paramPermanentUniqueID, quoted(name)), ""))
	}
	return nil
}

func checkSameAttribute(_ context.Context, s *checkState, emit func(finding.Finding)) error {
	if err := s.coexists(); err != nil {
		return err
	}
	if local := s.value(paramLocalUserAttr); strings.EqualFold(local, s.value(paramPermanentUniqueID)) {
		fix := ""
		if !strings.EqualFold(local, "davstore") {
			fix = s.fixSet(paramLocalUserAttr, "davstore")
		}
		emit(s.at(paramLocalUserAttr, s.line(paramLocalUserAttr, paramPermanentUniqueID), fmt.Sprintf(
			"%s is %s, as is %s: everybody with a unique id counts as hosted here, the people on the old server included",
			paramLocalUserAttr, told(local, local), paramPermanentUniqueID), fix))
	}
	return nil
}

// coexists says why the rules about two servers have nothing to look at; nil
// when they have.
func (s *checkState) coexists() error {
	if s.value(paramLocalUserAttr) == "" {
		return finding.NotApplicable("%s is not set: no old server is in use beside this one", paramLocalUserAttr)
	}
	return nil
}

// IsOperationalAttribute reports whether directory servers maintain an attribute
// themselves. Letter case and options do not matter.
func IsOperationalAttribute(name string) bool {
	name, _, _ = strings.Cut(name, ";")
	return slices.Contains(operationalAttributes(), strings.ToLower(strings.TrimSpace(name)))
}
