package config

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/davadmin/davadmin/pkg/finding"
)

// identityChecks returns the checks of the attribute that identifies the accounts.
func identityChecks() []check {
	return []check{
		{newRule("uniqueid-unstable", finding.Error,
			"the unique id is an attribute that only administrators change",
			"the directory server sets operational attributes itself: an entry that is deleted and re-created, or moved to another directory, gets another value, and its account loses its calendars",
			"give every entry a davUniqueId with the current value, then change the parameter; changing the parameter alone loses all data"),
			checkUnstable, false},
		{newRule("uniqueid-localuser-same", finding.Error,
			"the unique id and the local-user attribute are different attributes",
			"users on the old server need a unique id as well, and with it they would all be treated as local",
			"use a separate attribute to mark local users; the guide uses davStore"),
			checkSameAttribute, false},
	}
}

// operationalAttributes returns the attributes that the directory servers of
// Oracle, 389, OpenLDAP, OpenDJ, IBM, Novell and Microsoft maintain, in lower
// case.
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
			"%s is %s, which the directory server sets again whenever an entry is re-created; do not change it before every entry has a davUniqueId with the current value",
			paramPermanentUniqueID, quoted(name)), finding.Fix{}))
	}
	return nil
}

func checkSameAttribute(_ context.Context, s *checkState, emit func(finding.Finding)) error {
	if err := s.coexists(); err != nil {
		return err
	}
	if local := s.value(paramLocalUserAttr); strings.EqualFold(local, s.value(paramPermanentUniqueID)) {
		fix := finding.Fix{}
		if !strings.EqualFold(local, "davstore") {
			fix = s.fixSet(paramLocalUserAttr, "davstore")
		}
		emit(s.at(paramLocalUserAttr, s.line(paramLocalUserAttr, paramPermanentUniqueID), fmt.Sprintf(
			"%s is %s, and so is %s: everyone with a unique id is treated as local, including the users on the old server",
			paramLocalUserAttr, quotedPart(local, local), paramPermanentUniqueID), fix))
	}
	return nil
}

// coexists returns an error that says why the rules about two servers do not
// apply, or nil if they do.
func (s *checkState) coexists() error {
	if s.value(paramLocalUserAttr) == "" {
		return finding.NotApplicable("%s is not set: no old server is in use alongside this one", paramLocalUserAttr)
	}
	return nil
}

// IsOperationalAttribute reports whether directory servers maintain an attribute
// themselves. Letter case and attribute options are ignored.
func IsOperationalAttribute(name string) bool {
	name, _, _ = strings.Cut(name, ";")
	return slices.Contains(operationalAttributes(), strings.ToLower(strings.TrimSpace(name)))
}
