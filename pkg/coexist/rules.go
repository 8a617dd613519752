package coexist

import (
	"context"
	"slices"

	"github.com/davadmin/davadmin/pkg/finding"
	"github.com/davadmin/davadmin/pkg/ldapcheck"
)

// rule is a rule with the function that checks it: at most one of the functions is
// set, and none for the rules of pkg/ldapcheck.
type rule struct {
	finding.Rule
	files   func(*Check, emitter) error                  // checks files alone
	entries func(*Check) ldapcheck.Extra                 // checks each entry
	late    func(context.Context, *Check, emitter) error // checks the counts
	probe   func(context.Context, *Check, emitter) error // queries a server
}

type emitter = func(finding.Finding)

func newRule(id string, s finding.Severity, title, why, remedy string) finding.Rule {
	return finding.Rule{ID: id, Severity: s, Title: title, Why: why, Remedy: remedy}
}

// editTask returns the task that changes one parameter.
func editTask(name string, op finding.EditOp, value string) finding.Task {
	return finding.Task{Do: finding.EditParameters, Edits: []finding.ParameterEdit{{Name: name, Op: op, Value: value}}}
}

// withTask returns a rule with the task that fixes its failures. The parts in capital
// letters have to be replaced.
func withTask(task finding.Task, r finding.Rule) finding.Rule {
	r.Task = task
	return r
}

// catalogue returns every rule, in the order of reports.
func catalogue() []rule {
	return slices.Concat(newServerRules(), mapRules(), oldServerRules(), auditRules(), peopleRules(), cacheRules(), probeRules(), sourceRules())
}

// Rules returns every rule, in the order of reports.
func Rules() []finding.Rule {
	all := catalogue()
	out := make([]finding.Rule, len(all))
	for i, r := range all {
		out[i] = r.Rule
	}
	return out
}

// auditRules returns the rules of pkg/ldapcheck that coexistence depends on.
func auditRules() []rule {
	return fromAudit("uniqueid-missing", "uniqueid-empty", "uniqueid-multivalued", "uniqueid-duplicate", "uniqueid-case-collision",
		"davstore-missing", "davstore-present", "davstore-unknown-backend", "davstore-empty", "davstore-multivalued",
		"lockout-ineffective", "lockout-missing", "listed-not-found", "replication-conflict")
}

// sourceRules returns the rules about reading the directory.
func sourceRules() []rule {
	return fromAudit("record-broken", "change-record", "referral-not-followed", "absence-not-proven", "values-incomplete", "audit-incomplete", finding.CheckNotRun().ID)
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
			Rule: withTask(editTask(paramLocalUser, finding.EditSet, "davstore"), newRule("localuserattr-unset", finding.Error,
				"the new server knows which attribute marks its users",
				"without it, the new server treats everyone in the directory as its own user: it creates empty accounts for users of the old server and never queries the old server",
				"set davcore.scheduling.localuserattr; the guide recommends davstore")),
			files: checkLocalUser,
		},
		{
			Rule: withTask(editTask(paramFetched, finding.EditAdd, "ATTRIBUTE"), newRule("localuserattr-not-fetched", finding.Error,
				"the new server fetches the attribute that marks its users",
				"otherwise it sees the attribute on no entry: everyone looks like a user of the old server, and free/busy queries loop",
				"add the attribute to davcore.uriinfo.subjectattributes, and keep the other members")),
			files: checkLocalUserFetched,
		},
		{
			Rule: withTask(editTask(paramFetched, finding.EditAdd, "ATTRIBUTE"), newRule("subjectattributes-cut", finding.Error,
				"the list of fetched attributes contains everything that the server needs",
				"a new value replaces the whole list: if only one attribute was given, logins, address searches and access rights fail",
				"add the missing members to the list")),
			files: checkFetched,
		},
		{
			Rule: withTask(editTask(paramAnonymous, finding.EditSet, "true"), newRule("freebusy-closed-to-peer", finding.Error,
				"the new server answers free/busy queries without a login",
				"clients that the old server redirects arrive without a login; if access for everyone excludes them, they learn nothing about users of the new server",
				"set davcore.acl.schedulinganonymousall to true")),
			files: checkAnonymous,
		},
		{
			Rule: withTask(editTask(paramWhitelist, finding.EditAdd, "ADDRESS"), newRule("whitelist-empty", finding.Warning,
				"the peers of the new server may post to its iSchedule URL",
				"they post without a login, and an empty list allows nobody to: the answer is 403",
				"add the addresses of the old server's front ends, and of the mail servers that forward invitations, to service.dav.ischedulewhitelist")),
			files: checkWhitelist,
		},
		{
			Rule: newRule("new-server-version", finding.Error,
				"the new server is Calendar Server 7 Update 1 or later",
				"the original release has neither the URL to which the old server redirects nor the code that queries the old server",
				"upgrade the new server"),
			files: checkNewVersion,
		},
	}
}

func mapRules() []rule {
	return []rule{
		{
			Rule: withTask(finding.Task{Do: finding.CreateDomain, Domain: "DOMAIN", URL: placeholderURL}, newRule("map-missing", finding.Error,
				"if users may be on the old server, a domain map names that server",
				"the new server knows who is on the old server but not where to query it: free/busy of all these users is empty",
				"map each mail domain that has users on the old server")),
			late: checkMapMissing,
		},
		{
			Rule: newRule("map-line", finding.Error,
				"the lines of the domain map are valid",
				"for the domain of an invalid line, the new server does not find the old server, or queries the wrong URL",
				"correct the line as the finding says"),
			files: checkMapLines,
		},
		{
			Rule: withTask(finding.Task{Do: finding.CreateDomain, Domain: "DOMAIN", URL: placeholderURL}, newRule("domain-not-mapped", finding.Error,
				"each mail domain with users on the old server has a line in the domain map",
				"the new server has no server to query about these users: their free/busy is empty",
				"map the domain")),
			late: checkDomains,
		},
		{
			Rule: withTask(finding.Task{Do: finding.DeleteDomain, Domain: "DOMAIN"}, newRule("mapped-domain-unused", finding.Warning,
				"in each domain of the domain map, an entry of the directory has an address",
				"the new server queries the old one only about people in the directory, so the line has no effect: the domain may be misspelled, or its users have left",
				"correct the domain, or remove its line")),
			late: checkMappedUnused,
		},
	}
}

func oldServerRules() []rule {
	return []rule{
		{
			Rule: newRule("old-server-patch", finding.Error,
				"the old server has the patches that coexistence requires",
				"below patch level 37 it does not answer the queries of the new server; the guide's list of minimum software requires 44 (a level in between is a warning)",
				"install the patch: 121657 for Solaris on SPARC, 121658 for Solaris on x86, 121659 for Linux"),
			files: checkOldPatch,
		},
		{
			Rule: newRule("ics-conf-line", finding.Warning,
				"the lines of ics.conf that coexistence depends on are well-formed",
				"how the server treats a malformed line is not documented: it may keep the default",
				"write each setting on its own line as name = \"value\", in lower case"),
			files: checkIcsLines,
		},
		{
			Rule: newRule("two-settings-on-a-line", finding.Error,
				"no line of ics.conf contains two settings",
				"the server may ignore the second setting; in the example of the guide, autoprovisioning of resources then stays on",
				"write each setting on its own line at the end of the file, where it takes effect"),
			files: checkTwoSettings,
		},
		{
			Rule: newRule("caldavcompatible-off", finding.Error,
				"the old server answers the queries of the new server",
				"without service.http.caldavcompatible it does not recognize them: free/busy of its users is empty",
				"set service.http.caldavcompatible to \"yes\" and restart the old server"),
			files: checkCompatible,
		},
		{
			Rule: newRule("redirect-wrong", finding.Error,
				"the old server redirects queries about other users to the free/busy URL of the new server",
				"a URL without a port, or with another path, does not work: free/busy of users on the new server is empty",
				"set service.wcap.freebusy.redirecturl to http://HOST:PORT/davserver/wcap/get_freebusy.wcap and restart the old server"),
			files: checkRedirect,
		},
		{
			Rule: newRule("redirect-elsewhere", finding.Error,
				"the host to which the old server redirects is the new server",
				"any other host does not know these users; if it is the old server itself, that server queries itself again and again",
				"redirect to a front end of the new server"),
			files: checkRedirectHost,
		},
		{
			Rule: newRule("autoprovision-on", finding.Error,
				"the old server does not create calendars automatically",
				"otherwise an invitation or a login creates a calendar there, and anyone with a calendar there counts as a user of the old server",
				"set all four settings to \"no\" and restart the old server"),
			files: checkAutoprovision,
		},
	}
}

func peopleRules() []rule {
	return []rule{
		{
			Rule: newRule("old-calendars-left", finding.Error,
				"no user has calendars on both servers",
				"while a calendar is on the old server, that server answers for the user from it: free/busy is stale, and invitations are split between the servers",
				"on the old server, delete the calendars of the users who have been moved"),
			entries: oldCalendarsLeft,
		},
		{
			Rule: newRule("redirect-loop", finding.Error,
				"no free/busy query about a user loops between the servers",
				"the old server has no calendar of the user and redirects to the new server; there the user has no mark, so it queries the old server",
				"mark the user for the new server, or create a calendar on the old server"),
			entries: redirectLoop,
		},
		{
			Rule: newRule("on-neither", finding.Warning,
				"every user is on one of the servers",
				"the new server treats the user as a user of the old server, which has no calendar of the user: free/busy is unknown, and invitations are sent by mail",
				"mark the user for the new server, or create a calendar on the old server"),
			entries: onNeither,
		},
	}
}

func cacheRules() []rule {
	return []rule{{
		Rule: newRule("changed-just-now", finding.Warning,
			"no entry was changed so recently that the new server may still use the old values",
			"the new server caches entries, and routes by the cached values until they expire",
			"wait as long as the finding says, or clear the caches of the server; then check again"),
		late: checkChanged,
	}}
}

func probeRules() []rule {
	return []rule{
		{
			Rule: newRule("probe-old-server", finding.Error,
				"the old server returns free/busy of its users",
				"the query is the one that the new server sends: what fails here fails for everyone",
				"follow the advice in the finding"),
			probe: probeOldServer,
		},
		{
			Rule: newRule("probe-new-server", finding.Error,
				"the new server returns free/busy of its users, at the URL to which the old server redirects",
				"the query is the one that a redirected client sends: what fails here fails for everyone on the old server",
				"follow the advice in the finding"),
			probe: probeNewServer,
		},
		{
			Rule: newRule("probe-old-to-new", finding.Error,
				"when queried about a user of the new server, the old server redirects there",
				"every query from users of the old server about users who have moved takes this path",
				"follow the advice in the finding"),
			probe: probeOldToNew,
		},
		{
			Rule: newRule("probe-new-to-old", finding.Error,
				"when queried about a user of the old server, the new server gets the answer from there",
				"every query from users who have moved about users of the old server takes this path",
				"follow the advice in the finding"),
			probe: probeNewToOld,
		},
		{
			Rule: newRule("probe-compare-old", finding.Info,
				"both servers return the same busy times of a user of the old server",
				"if the new server answers from elsewhere, such as calendars of its own, it shows wrong free times; a difference that the known rules of the servers explain is a note, any other one is an error",
				"follow the advice in the finding"),
			probe: probeCompareOld,
		},
		{
			Rule: newRule("probe-compare-new", finding.Info,
				"both servers return the same busy times of a user of the new server",
				"if the old server answers from elsewhere, such as calendars that were not deleted, it shows wrong free times; a difference that the known rules of the servers explain is a note, any other one is an error",
				"follow the advice in the finding"),
			probe: probeCompareNew,
		},
	}
}
