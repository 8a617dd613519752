package coexist

import (
	"context"
	"slices"

	"github.com/davadmin/davadmin/pkg/finding"
	"github.com/davadmin/davadmin/pkg/ldapcheck"
)

// rule is a rule with the code that looks for its failures: at most one of the
// functions, and none for rules of the audit's catalogue.
type rule struct {
	finding.Rule
	files  func(*Check, emitter) error                  // looks at files alone
	person func(*Check) ldapcheck.Extra                 // looks at each entry
	late   func(context.Context, *Check, emitter) error // looks at what was counted
	probe  func(context.Context, *Check, emitter) error // asks a server
}

type emitter = func(finding.Finding)

func newRule(id string, s finding.Severity, title, why, remedy string) finding.Rule {
	return finding.Rule{ID: id, Severity: s, Title: title, Why: why, Remedy: remedy}
}

// catalogue is every rule, in the order of reports.
func catalogue() []rule {
	return slices.Concat(newServerRules(), mapRules(), oldServerRules(), auditRules(), peopleRules(), cacheRules(), probeRules(), sourceRules())
}

// Rules returns the catalogue.
func Rules() []finding.Rule {
	all := catalogue()
	out := make([]finding.Rule, len(all))
	for i, r := range all {
		out[i] = r.Rule
	}
	return out
}

// auditRules are those rules of the audit without which two servers do not work
// together.
func auditRules() []rule {
	return fromAudit("uniqueid-missing", "uniqueid-empty", "uniqueid-multivalued", "uniqueid-duplicate", "uniqueid-case-collision",
		"davstore-missing", "davstore-present", "davstore-unknown-backend", "davstore-empty", "davstore-multivalued",
		"lockout-ineffective", "lockout-missing", "listed-not-found")
}

// sourceRules are about the reading itself.
func sourceRules() []rule {
	return fromAudit("record-broken", "change-record", "referral-not-followed", "audit-incomplete", finding.CheckNotRun().ID)
}

func fromAudit(ids ...string) []rule {
	all := ldapcheck.Rules()
	out := make([]rule, len(ids))
	for i, id := range ids {
		at := slices.IndexFunc(all, func(r finding.Rule) bool { return r.ID == id })
		out[i].Rule = all[at]
	}
	return out
}

func newServerRules() []rule {
	return []rule{
		{
			Rule: newRule("localuserattr-unset", finding.Error,
				"the new server knows by which attribute its people are marked",
				"without it everybody in the directory counts as hosted here: for people of the old server the new one makes empty accounts and never asks",
				"set davcore.scheduling.localuserattr, to davstore as the guide recommends"),
			files: checkLocalUser,
		},
		{
			Rule: newRule("localuserattr-not-fetched", finding.Error,
				"the new server fetches the mark of its people",
				"it sees the mark on nobody: everybody looks like a person of the old server, and free/busy goes in a loop",
				"add the attribute to davcore.uriinfo.subjectattributes with --add, which keeps the others"),
			files: checkLocalUserFetched,
		},
		{
			Rule: newRule("subjectattributes-cut", finding.Error,
				"the list of fetched attributes has what the server needs",
				"a new value replaces the whole list: logins, the search for addresses and access rights fail when one attribute was given alone",
				"add the lost members with --add"),
			files: checkFetched,
		},
		{
			Rule: newRule("freebusy-closed-to-peer", finding.Error,
				"the new server answers for free/busy without a login",
				"whoever the old server redirects comes without one, and where everyone does not include such callers nothing is known of people hosted here",
				"set davcore.acl.schedulinganonymousall to true"),
			files: checkAnonymous,
		},
		{
			Rule: newRule("whitelist-empty", finding.Warning,
				"the peers of the new server may post to its iSchedule URL",
				"they post without a login, and with an empty list nobody may: the answer is 403",
				"list the addresses of the front ends of the old server, and of the mail servers that hand on invitations, in service.dav.ischedulewhitelist"),
			files: checkWhitelist,
		},
		{
			Rule: newRule("new-server-version", finding.Error,
				"the new server is Calendar Server 7 Update 1 or later",
				"the original release has neither the URL to which the old server redirects nor what asks the old server",
				"upgrade it"),
			files: checkNewVersion,
		},
	}
}

func mapRules() []rule {
	return []rule{
		{
			Rule: newRule("map-missing", finding.Error,
				"where people may be on the old server, there is a domain map that names it",
				"the new server knows who is on the old one and not where to ask: free/busy of all of them stays empty",
				"map each mail domain of people on the old server"),
			late: checkMapMissing,
		},
		{
			Rule: newRule("map-line", finding.Error,
				"the lines of the domain map are in order",
				"the new server does not find the old one for the domain of such a line, or asks in the wrong place",
				"'davadmin domainmap check' tells of each line what is wrong with it"),
			files: checkMapLines,
		},
		{
			Rule: newRule("domain-not-mapped", finding.Error,
				"each mail domain of people on the old server has a line in the domain map",
				"the new server has nobody to ask about them: their free/busy stays empty",
				"map the domain"),
			late: checkDomains,
		},
	}
}

func oldServerRules() []rule {
	return []rule{
		{
			Rule: newRule("old-server-patch", finding.Error,
				"the old server has the patches that coexistence takes",
				"before patch level 37 it does not answer the questions of the new server; the guide's list of minimum software asks for 44 (a warning between the two)",
				"patch it: 121657 is for Solaris on SPARC, 121658 for Solaris on x86, 121659 for Linux"),
			files: checkOldPatch,
		},
		{
			Rule: newRule("ics-conf-line", finding.Warning,
				"the lines of ics.conf that coexistence depends on are written by the rules",
				"what the server makes of such a line is not documented: it may keep its default",
				"write each setting on a line of its own as name = \"value\", in lower case"),
			files: checkIcsLines,
		},
		{
			Rule: newRule("two-settings-on-a-line", finding.Error,
				"no line of ics.conf holds two settings",
				"the server may lose the second, as in the example of the guide, where autoprovisioning of resources stays on",
				"give each setting a line of its own, at the end of the file, where it counts"),
			files: checkTwoSettings,
		},
		{
			Rule: newRule("caldavcompatible-off", finding.Error,
				"the old server answers the questions of the new one",
				"without service.http.caldavcompatible it does not know them: free/busy of its people stays empty",
				"set it to \"yes\" and restart the server"),
			files: checkCompatible,
		},
		{
			Rule: newRule("redirect-wrong", finding.Error,
				"the old server sends questions about other people to the free/busy URL of the new one",
				"a URL without a port, or of another path, leads nowhere: free/busy of people on the new server stays empty",
				"set service.wcap.freebusy.redirecturl to http://HOST:PORT/davserver/wcap/get_freebusy.wcap and restart the server"),
			files: checkRedirect,
		},
		{
			Rule: newRule("redirect-elsewhere", finding.Error,
				"the host to which the old server redirects is the new server",
				"another host does not know the people, and the old server itself would be asked again and again",
				"name a front end of the new server"),
			files: checkRedirectHost,
		},
		{
			Rule: newRule("autoprovision-on", finding.Error,
				"the old server makes no calendars unasked",
				"an invitation or a login makes a calendar there, and whoever has one counts as a person of the old server",
				"set all four settings to \"no\" and restart the server"),
			files: checkAutoprovision,
		},
	}
}

func peopleRules() []rule {
	return []rule{
		{
			Rule: newRule("old-calendars-left", finding.Error,
				"nobody has calendars on both servers",
				"as long as a calendar is on the old server it answers for the person from there: free/busy is stale, and invitations are split",
				"delete the calendars of those who were moved, on the old server"),
			person: oldCalendarsLeft,
		},
		{
			Rule: newRule("redirect-loop", finding.Error,
				"no question about a person goes round in a circle",
				"the old server has no calendar of the person and redirects to the new one, which sees no mark and asks the old one",
				"mark the person as one of the new server, or make a calendar on the old one"),
			person: redirectLoop,
		},
		{
			Rule: newRule("on-neither", finding.Warning,
				"everybody is on one of the servers",
				"the new server takes the person for one of the old server, and that one has no calendar: free/busy is not known, invitations go as mails",
				"mark the person as one of the new server, or make a calendar on the old one"),
			person: onNeither,
		},
	}
}

func cacheRules() []rule {
	return []rule{{
		Rule: newRule("changed-just-now", finding.Warning,
			"no entry was changed so recently that the new server may not have seen it",
			"it remembers what it has read for a while, and routes by that until then",
			"wait as long as the finding says, or clear the caches of the server; then check again"),
		late: checkChanged,
	}}
}

func probeRules() []rule {
	return []rule{
		{
			Rule: newRule("probe-old-server", finding.Error,
				"the old server tells when its people are busy",
				"it is asked as the new server asks: what fails here fails for everybody",
				"follow what the finding says; 'davadmin domainmap probe' asks what the server can do"),
			probe: probeOldServer,
		},
		{
			Rule: newRule("probe-new-server", finding.Error,
				"the new server tells when its people are busy, at the URL to which the old one redirects",
				"it is asked as a client is sent there: what fails here fails for everybody on the old server",
				"follow what the finding says"),
			probe: probeNewServer,
		},
		{
			Rule: newRule("probe-old-to-new", finding.Error,
				"asked about a person of the new server, the old one sends there",
				"this is the way of every question from the old server's people about those who have moved",
				"follow what the finding says"),
			probe: probeOldToNew,
		},
		{
			Rule: newRule("probe-new-to-old", finding.Error,
				"asked about a person of the old server, the new one finds out there",
				"this is the way of every question from those who have moved about the old server's people",
				"follow what the finding says"),
			probe: probeNewToOld,
		},
	}
}
