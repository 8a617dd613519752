package coexist_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/davadmin/davadmin/pkg/coexist"
	"github.com/davadmin/davadmin/pkg/finding"
)

// fault is one fault in an otherwise correct deployment.
type fault struct {
	name   string
	plant  func(t *testing.T, d *deployment)
	rule   string // the only rule that fails, with one finding
	at     string // location in the finding: file and line, or file, line and DN
	detail string // a part of the detail
	fix    string // a part of the fix
}

// thirteenFaults returns the thirteen failures of free/busy between the two servers
// that were derived from the guide, with the numbers of the table in section 6.2 of
// the reference. Those about the answers of servers are also in probe_test.go.
func thirteenFaults() []fault {
	const list = "davcore.uriinfo.subjectattributes=cn icsstatus mail mailalternateaddress davuniqueid owner preferredlanguage uid objectclass ou uniquemember memberurl mgrprfc822mailmember\n"
	return []fault{
		{"1 mark not fetched", func(_ *testing.T, d *deployment) { d.properties += list },
			"localuserattr-not-fetched", "davserver.properties:4", "sees the attribute on no entry",
			"edit-parameters add davcore.uriinfo.subjectattributes=davstore"},
		{"2 list replaced by one word", func(_ *testing.T, d *deployment) { d.properties += "davcore.uriinfo.subjectattributes=davstore\n" },
			"subjectattributes-cut", "davserver.properties:4", "does not work without davuniqueid (the unique id of every account), mail (",
			"edit-parameters add davcore.uriinfo.subjectattributes=davuniqueid mail "},
		{"3 mark on a user of the old server", func(t *testing.T, d *deployment) {
			swap(t, &d.people, "uid: adam\n", "uid: adam\ndavStore: defaultbackend\n")
		}, "davstore-present", "people.ldif:1 uid=adam,ou=People,o=isp", "on the list of the old server and has davStore", "dn: uid=adam,ou=People,o=isp\nchangetype: modify\ndelete: davStore\n"},
		{"4 no mark on a user of the new server", func(t *testing.T, d *deployment) {
			swap(t, &d.people, "mail: nina@example.com\ndavStore: defaultbackend\n", "mail: nina@example.com\n")
		}, "davstore-missing", "people.ldif:18 uid=nina,ou=People,o=isp", "the old server redirects back (ics.conf:5): a loop", "add: davStore\ndavStore: defaultbackend\n"},
		{"5 autoprovisioning on", func(t *testing.T, d *deployment) {
			swap(t, &d.icsConf, `user.invite.autoprovision = "no"`, `user.invite.autoprovision = "yes"`)
		}, "autoprovision-on", "ics.conf:7", `user.invite.autoprovision is "yes"`, `user.invite.autoprovision = "no"`},
		{"6 old calendars left", func(_ *testing.T, d *deployment) {
			d.on6 += "nina@example.com:home: owner=nina@example.com status=enabled\n"
		},
			"old-calendars-left", "people.ldif:18 uid=nina,ou=People,o=isp", "still has calendars on the old server (on6.txt:4)", "cscal delete -o nina@example.com"},
		{"7 lock-out without effect", func(t *testing.T, d *deployment) { swap(t, &d.people, "uid: nina\n", "uid: nina\nicsStatus: active\n") },
			"lockout-ineffective", "people.ldif:18 uid=nina,ou=People,o=isp", "is not evaluated because icsStatus is 'active'", "delete: icsStatus\n"},
		{"8 redirect without a port", func(t *testing.T, d *deployment) {
			swap(t, &d.icsConf, "cs7.example.com:8080/dav", "cs7.example.com/dav")
		},
			"redirect-wrong", "ics.conf:5", "has no port", `service.wcap.freebusy.redirecturl = "http://cs7.example.com:8080/davserver/wcap/get_freebusy.wcap"`},
		{"8 redirect to another context", func(t *testing.T, d *deployment) {
			swap(t, &d.icsConf, "/davserver/wcap/get_freebusy.wcap", "/davserver/dav/home")
		}, "redirect-wrong", "ics.conf:5", "has the path '/davserver/dav/home'", `"http://cs7.example.com:8080/davserver/wcap/get_freebusy.wcap"`},
		{"9 no unique id: user of the old server", func(t *testing.T, d *deployment) {
			swap(t, &d.people, "davUniqueId: 00000001-00000000-00000000-000000aa\n", "")
		}, "uniqueid-missing", "people.ldif:1 uid=adam,ou=People,o=isp", "the user has no davUniqueId", "new-id"},
		{"9 no unique id: group", func(t *testing.T, d *deployment) {
			swap(t, &d.people, "davUniqueId: 00000006-00000000-00000000-000000aa\n", "")
		}, "uniqueid-missing", "people.ldif:47 cn=staff,ou=Groups,o=isp", "the group has no", "new-id"},
		{"9 no unique id: resource", func(t *testing.T, d *deployment) {
			swap(t, &d.people, "davUniqueId: 00000007-00000000-00000000-000000aa\n", "")
		}, "uniqueid-missing", "people.ldif:54 uid=room,ou=Resources,o=isp", "the resource has no", "new-id"},
		{"10 ids that differ in letter case", func(t *testing.T, d *deployment) {
			swap(t, &d.people, "00000004-00000000-00000000-000000aa", "00000003-00000000-00000000-000000AA")
		}, "uniqueid-case-collision", "people.ldif:18 uid=nina,ou=People,o=isp uid=noel,ou=People,o=isp", "the same to the directory", "new-id"},
		{"11 two settings on a line", func(t *testing.T, d *deployment) {
			swap(t, &d.icsConf, "group.invite.autoprovision = \"no\"\nresource", "group.invite.autoprovision = \"no\" resource")
		}, "two-settings-on-a-line", "ics.conf:8", "the line also sets resource.invite.autoprovision", "group.invite.autoprovision = \"no\"\nresource.invite.autoprovision = \"no\""},
		{"12 changed just now", func(t *testing.T, d *deployment) {
			swap(t, &d.people, "davUniqueId: 00000003-00000000-00000000-000000aa\nmodifyTimestamp: 20261001120000Z", "davUniqueId: 00000003-00000000-00000000-000000aa\nmodifyTimestamp: 20261101115945.25Z")
		}, "changed-just-now", "uid=nina,ou=People,o=isp", "until 2026-11-01T12:00:45Z the new server may use their old values (davcore.uriinfo.ldapcachettl)", "sleep 45"},
		{"13 everyone excludes callers without a login", func(_ *testing.T, d *deployment) { d.properties += "davcore.acl.schedulinganonymousall=false\n" },
			"freebusy-closed-to-peer", "davserver.properties:4", "queries without a login return nothing", "edit-parameters set davcore.acl.schedulinganonymousall=true"},
		{"13 no peer on the whitelist", func(t *testing.T, d *deployment) {
			swap(t, &d.properties, "service.dav.ischedulewhitelist=192.0.2.6\n", "")
		},
			"whitelist-empty", "davserver.properties:0", "not even the old server, can post", "# edit-parameters add service.dav.ischedulewhitelist=ADDRESS"},
	}
}

// otherFaults returns the faults that the other rules find.
func otherFaults() []fault {
	return []fault{
		{"no local-user attribute", func(t *testing.T, d *deployment) {
			swap(t, &d.properties, "davcore.scheduling.localuserattr=davstore\n", "")
		}, "localuserattr-unset", "davserver.properties:0", "treats everyone in the directory as its own user", "edit-parameters set davcore.scheduling.localuserattr=davstore"},
		{"new server too old", func(_ *testing.T, d *deployment) {
			d.edit = func(o *coexist.Options) { o.NewVersion = coexist.NewVersion{Text: "7.0-0.13", Major: 7} }
		}, "new-server-version", "", "requires Update 1 or later", ""},
		{"old server without patches", func(_ *testing.T, d *deployment) {
			d.edit = func(o *coexist.Options) { o.OldPatch = coexist.OldPatch{Text: "36", Level: 36} }
		}, "old-server-patch", "", "below 37", ""},
		{"old server with some patches", func(_ *testing.T, d *deployment) {
			d.edit = func(o *coexist.Options) { o.OldPatch = coexist.OldPatch{Text: "121657-37", Level: 37} }
		}, "old-server-patch", "", "below 44", ""},
		{"no domain map", func(_ *testing.T, d *deployment) { d.domainMap = "" },
			"map-missing", "map.properties:0", "counts as a user of the old server", "create-domain example.com http://cs6.example.com:8080/ischedule/\ncreate-domain example.org "},
		{"a map without lines", func(_ *testing.T, d *deployment) { d.domainMap = "# nothing\n" },
			"map-missing", "map.properties:0", "no domain is mapped", "create-domain example.com"},
		{"an invalid line in the map", func(_ *testing.T, d *deployment) {
			d.domainMap += "*.example.net=http://cs6.example.com:8080/ischedule/\n"
		},
			"map-line", "map.properties:3", "domain-wildcard", "domain"},
		{"a domain that is not mapped", func(t *testing.T, d *deployment) {
			swap(t, &d.domainMap, "example.org=http://cs6.example.com:8080/ischedule/\n", "")
		}, "domain-not-mapped", "map.properties:0", "1 of its users is on the old server, such as olga@EXAMPLE.org", "create-domain example.org http://cs6.example.com:8080/ischedule/"},
		{"a mapped domain that nobody has", func(_ *testing.T, d *deployment) {
			d.domainMap += "exampel.org=http://cs6.example.com:8080/ischedule/\n"
		}, "mapped-domain-unused", "map.properties:3", "exampel.org is mapped, but of the users, groups and resources that were read (7), none has an address in it", "delete-domain exampel.org"},
		{"a line of ics.conf without quotes", func(t *testing.T, d *deployment) {
			swap(t, &d.icsConf, `local.autoprovision ="no"`, `local.autoprovision =no`)
		}, "ics-conf-line", "ics.conf:6", "double quotes", `local.autoprovision = "no"`},
		{"old server closed to the new one", func(t *testing.T, d *deployment) {
			swap(t, &d.icsConf, "service.http.caldavcompatible = \"yes\"\n", "")
		}, "caldavcompatible-off", "ics.conf:0", "is not set", `service.http.caldavcompatible = "yes"`},
		{"no redirect", func(t *testing.T, d *deployment) {
			swap(t, &d.icsConf, "service.wcap.freebusy.redirecturl = \"http://cs7.example.com:8080/davserver/wcap/get_freebusy.wcap\"\n", "")
		}, "redirect-wrong", "ics.conf:0", "is not set", `service.wcap.freebusy.redirecturl = "http://cs7.example.com:8080/davserver/wcap/get_freebusy.wcap"`},
		{"redirect to another host", func(t *testing.T, d *deployment) { swap(t, &d.icsConf, "//cs7.example.com:", "//www.example.com:") },
			"redirect-elsewhere", "ics.conf:5", "redirects to www.example.com, but the new server is cs7.example.com", `"http://cs7.example.com:8080/davserver/wcap/get_freebusy.wcap"`},
		{"redirect to the old server itself", func(t *testing.T, d *deployment) { swap(t, &d.icsConf, "//cs7.example.com:", "//CS6.example.com:") },
			"redirect-elsewhere", "ics.conf:5", "which is the old server according to the domain map (map.properties:1)", `"http://cs7.example.com:8080/`},
		{"a user on neither server, with a loop", func(_ *testing.T, d *deployment) {
			d.on6 = strings.Replace(d.on6, "olga: owner=olga status=enabled\n", "", 1)
		},
			"redirect-loop", "people.ldif:10 uid=olga,ou=People,o=isp", "the old server redirects to the new server (ics.conf:5), which queries the old server again (map.properties:2)", "add: davStore\ndavStore: defaultbackend\n"},
		{"a user on neither server", func(_ *testing.T, d *deployment) {
			d.people += "dn: uid=new,o=isp\nobjectClass: icsCalendarUser\nuid: new\nmail: new@nowhere.example\ndavUniqueId: 00000008-00000000-00000000-000000aa\n\n"
		}, "on-neither", "people.ldif:63 uid=new,o=isp", "neither davStore nor a calendar", "add: davStore\n"},
		{"a user who can still log in to the old server", func(t *testing.T, d *deployment) { swap(t, &d.people, "icsAllowedServiceAccess: -http:all\n", "") },
			"lockout-missing", "people.ldif:18 uid=nina,ou=People,o=isp", "can still log in to the old server", "icsAllowedServiceAccess: -http:all"},
		{"an unknown back end", func(t *testing.T, d *deployment) {
			swap(t, &d.people, "mail: nina@example.com\ndavStore: defaultbackend\n", "mail: nina@example.com\ndavStore: store7\n")
		}, "davstore-unknown-backend", "people.ldif:18 uid=nina,ou=People,o=isp", "store7", "replace: davStore\n"},
		{"an empty mark", func(t *testing.T, d *deployment) {
			swap(t, &d.people, "mail: room@example.com\ndavStore: defaultbackend\n", "mail: room@example.com\ndavStore:\n")
		}, "davstore-empty", "people.ldif:54 uid=room,ou=Resources,o=isp", "empty", "davStore"},
		{"two back ends", func(t *testing.T, d *deployment) {
			swap(t, &d.people, "mail: nina@example.com\ndavStore: defaultbackend\n", "mail: nina@example.com\ndavStore: defaultbackend\ndavStore: other\n")
		}, "davstore-multivalued", "people.ldif:18 uid=nina,ou=People,o=isp", "several values", "davStore: other"},
		{"an empty id", func(t *testing.T, d *deployment) {
			swap(t, &d.people, "davUniqueId: 00000001-00000000-00000000-000000aa\n", "davUniqueId: \n")
		},
			"uniqueid-empty", "people.ldif:1 uid=adam,ou=People,o=isp", "empty", "new-id"},
		{"two ids", func(t *testing.T, d *deployment) {
			swap(t, &d.people, "davUniqueId: 00000001-00000000-00000000-000000aa\n", "davUniqueId: 00000001-00000000-00000000-000000aa\ndavUniqueId: 00000009-00000000-00000000-000000aa\n")
		}, "uniqueid-multivalued", "people.ldif:1 uid=adam,ou=People,o=isp", "several values", "delete: davUniqueId"},
		{"one id for two users", func(t *testing.T, d *deployment) {
			swap(t, &d.people, "00000004-00000000-00000000-000000aa", "00000003-00000000-00000000-000000aa")
		}, "uniqueid-duplicate", "people.ldif:18 uid=nina,ou=People,o=isp uid=noel,ou=People,o=isp", "2 entries", "new-id"},
		{"a user on a list without an entry", func(_ *testing.T, d *deployment) { d.on6 += "old: owner=old status=enabled\n" },
			"listed-not-found", "", "'old' is on the list of the old server (on6.txt:4)", ""},
		{"an invalid record", func(_ *testing.T, d *deployment) { d.people += "dn: uid=x,o=isp\nnonsense\n\n" },
			"record-broken", "people.ldif:64 uid=x,o=isp", "", ""},
		{"a change among the entries", func(_ *testing.T, d *deployment) { d.people += "dn: uid=x,o=isp\nchangetype: delete\n\n" },
			"change-record", "people.ldif:63 uid=x,o=isp", "", ""},
		{"a replication conflict entry", func(_ *testing.T, d *deployment) {
			d.people += "dn: nsuniqueid=1+uid=adam,ou=People,o=isp\nobjectClass: icsCalendarUser\nuid: adam\nmail: adam@example.com\n\n"
		}, "replication-conflict", "people.ldif:63 nsuniqueid=1+uid=adam,ou=People,o=isp", "is a replication conflict entry", ""},
		{"an attribute with more values", func(t *testing.T, d *deployment) {
			swap(t, &d.people, "mail: room@example.com\n", "mail;range=0-0: room@example.com\n")
		}, "values-incomplete", "people.ldif:54 uid=room,ou=Resources,o=isp", "mail;range=0-0: the server returned only a part", ""},
	}
}

// Each fault, planted alone, gives exactly one finding of its rule, with the right
// location and the right fix.
func TestEachFaultAloneIsOneFinding(t *testing.T) {
	for _, p := range slices.Concat(thirteenFaults(), otherFaults()) {
		t.Run(p.name, func(t *testing.T) {
			d := good()
			p.plant(t, d)
			r := d.check(t)
			all := findings(t, r)
			if len(all) != 1 || all[0].Rule != p.rule {
				for _, f := range all {
					t.Errorf("%s at %s: %s", f.Rule, place(f), f.Detail)
				}
				t.Fatalf("%d findings, want one of %s", len(all), p.rule)
			}
			f := all[0]
			if place(f) != p.at || !strings.Contains(f.Detail, p.detail) || !strings.Contains(f.Fix.String(), p.fix) {
				t.Errorf("at %q, detail %q, fix %q; want at %q, detail %q, fix %q", place(f), f.Detail, f.Fix, p.at, p.detail, p.fix)
			}
			for _, o := range r.Outcomes {
				want := o.Rule == p.rule
				if (o.Result == finding.Failed) != want || (o.Count > 0) != want {
					t.Errorf("outcome %+v", o)
				}
			}
		})
	}
}

func TestEveryRuleHasAFault(t *testing.T) {
	planted := map[string]bool{}
	for _, p := range slices.Concat(thirteenFaults(), otherFaults()) {
		planted[p.rule] = true
	}
	// Other tests cover these, which need a server or a source that fails.
	for _, id := range []string{"probe-old-server", "probe-new-server", "probe-old-to-new", "probe-new-to-old", "probe-compare-old", "probe-compare-new", "referral-not-followed", "absence-not-proven", "audit-incomplete", "check-not-run"} {
		planted[id] = true
	}
	for _, r := range coexist.Rules() {
		if !planted[r.ID] {
			t.Errorf("no fault is planted for %s", r.ID)
		}
		if r.Title == "" || r.Why == "" || r.Remedy == "" {
			t.Errorf("%s lacks a text: %+v", r.ID, r)
		}
	}
}

// Somebody on both lists without the mark is still a user of the old server, so that the check
// never suggests deleting the calendars there: such as after the rollback of a wave whose users
// still have an account.
func TestCalendarsInUseAreNotDeleted(t *testing.T) {
	d := good()
	d.on6 += "nina@example.com:home: owner=nina@example.com status=enabled\n"
	swap(t, &d.people, "mail: nina@example.com\ndavStore: defaultbackend\n", "mail: nina@example.com\n")
	n := 0
	for _, f := range findings(t, d.check(t)) {
		if strings.Contains(f.Fix.String(), "cscal delete") {
			t.Errorf("suggested: %s", f.Fix)
		}
		if f.Rule == "old-calendars-left" {
			n++
			if want := "on the lists of both servers but has no davStore, so the calendars on the old server (on6.txt:4) are in use: do not delete them"; !strings.Contains(f.Detail, want) {
				t.Errorf("detail %q", f.Detail)
			}
			if f.Fix.Type != finding.FixLDIF {
				t.Errorf("fix %s %s", f.Fix.Type, f.Fix)
			}
		}
	}
	if n != 1 {
		t.Errorf("%d findings", n)
	}
}

// The fix of a fault has the type of its text.
func TestFixTypes(t *testing.T) {
	types := map[string]finding.FixType{
		"localuserattr-unset": finding.FixParameter, "localuserattr-not-fetched": finding.FixParameter, "subjectattributes-cut": finding.FixParameter,
		"freebusy-closed-to-peer": finding.FixParameter, "whitelist-empty": finding.FixParameter,
		"map-missing": finding.FixCommand, "mapped-domain-unused": finding.FixCommand, "domain-not-mapped": finding.FixCommand, "changed-just-now": finding.FixCommand,
		"ics-conf-line": finding.FixICSConf, "two-settings-on-a-line": finding.FixICSConf, "caldavcompatible-off": finding.FixICSConf,
		"redirect-wrong": finding.FixICSConf, "redirect-elsewhere": finding.FixICSConf, "autoprovision-on": finding.FixICSConf,
		"old-calendars-left": finding.FixOldServerCommand, "redirect-loop": finding.FixLDIF, "on-neither": finding.FixLDIF,
	}
	for _, p := range slices.Concat(thirteenFaults(), otherFaults()) {
		want, ok := types[p.rule]
		if !ok {
			continue // a rule of another package, or one without a fix
		}
		d := good()
		p.plant(t, d)
		for _, f := range findings(t, d.check(t)) {
			if f.Fix.Type != want || f.Fix.IsZero() {
				t.Errorf("%s: type %q, want %q: %s", p.name, f.Fix.Type, want, f.Fix)
			}
		}
		delete(types, p.rule)
	}
	if len(types) > 0 {
		t.Errorf("not found: %v", types)
	}
}

// A correct deployment passes every rule, except those that need more input.
func TestCorrectDeploymentPasses(t *testing.T) {
	d := good()
	d.edit = func(o *coexist.Options) {
		o.OldPatch, o.NewVersion = coexist.OldPatch{Text: "121659-44", Level: 44}, coexist.NewVersion{Text: "7u1", Major: 7, Update: 1}
	}
	r := d.check(t)
	for _, f := range findings(t, r) {
		t.Errorf("%s at %s: %s", f.Rule, place(f), f.Detail)
	}
	var idle []string
	for _, o := range r.Outcomes {
		if o.Result != finding.Passed {
			idle = append(idle, o.Rule+": "+o.Reason)
		}
	}
	const notAllowed = ": needs permission to query both servers"
	if diff := cmp.Diff([]string{"probe-old-server" + notAllowed, "probe-new-server" + notAllowed, "probe-old-to-new" + notAllowed, "probe-new-to-old" + notAllowed,
		"probe-compare-old" + notAllowed, "probe-compare-new" + notAllowed, "absence-not-proven: needs a directory server instead of a file"}, idle); diff != "" {
		t.Errorf("not passed (-want +got):\n%s", diff)
	}
}

// Each rule that lacks input says which.
func TestNeeds(t *testing.T) {
	d := good()
	d.properties, d.icsConf, d.on6, d.on7 = "", "", "", ""
	needs := map[string]finding.Need{
		"localuserattr-unset": finding.NeedNewServerHome, "map-missing": finding.NeedNewServerHome, "map-line": finding.NeedNewServerHome, "domain-not-mapped": finding.NeedNewServerHome, "mapped-domain-unused": finding.NeedNewServerHome,
		"new-server-version": finding.NeedNewServerVersion, "old-server-patch": finding.NeedOldServerPatch,
		"ics-conf-line": finding.NeedIcsConf, "redirect-wrong": finding.NeedIcsConf, "redirect-elsewhere": finding.NeedIcsConf, "autoprovision-on": finding.NeedIcsConf,
		"old-calendars-left": finding.NeedNewServerList, "redirect-loop": finding.NeedOldServerList, "on-neither": finding.NeedOldServerList, "probe-old-server": finding.NeedProbe,
	}
	for _, o := range d.check(t).Outcomes {
		if want, ok := needs[o.Rule]; ok && (o.Result != finding.NotRun || !slices.Contains(o.Needs, want)) {
			t.Errorf("%s needs %v, want %s: %+v", o.Rule, o.Needs, want, o)
		}
	}
}

// All thirteen faults at once are each found.
func TestAllThirteenAtOnce(t *testing.T) {
	d := good()
	want := map[string]bool{}
	for _, p := range thirteenFaults() {
		switch p.name {
		case "2 list replaced by one word", "8 redirect to another context", "7 lock-out without effect", "12 changed just now", "4 no mark on a user of the new server":
			continue // these change the same lines as others
		}
		p.plant(t, d)
		want[p.rule] = true
	}
	got := map[string]bool{}
	for _, f := range findings(t, d.check(t)) {
		got[f.Rule] = true
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rules (-want +got):\n%s", diff)
	}
}

// The example of the guide, exactly as printed, has two settings on one line.
func TestTheExampleOfTheGuideIsATrap(t *testing.T) {
	d := good()
	d.icsConf = `service.http.caldavcompatible = "yes"
service.wcap.freebusy.redirecturl = "http://cs7.example.com:8080/davserver/wcap/get_freebusy.wcap"
local.autoprovision ="no" 
user.invite.autoprovision = "no" 
group.invite.autoprovision = "no" resource.invite.autoprovision = "no"
`
	all := findings(t, d.check(t))
	if len(all) != 1 || all[0].Rule != "two-settings-on-a-line" || place(all[0]) != "ics.conf:5" {
		t.Fatalf("%+v", all)
	}
	// Appending the fix repairs the file.
	d.icsConf += all[0].Fix.String() + "\n"
	if rest := findings(t, d.check(t)); len(rest) != 0 {
		t.Errorf("still %+v", rest)
	}
}

// A fix with a placeholder is a comment, so that pasting it does not write the
// placeholder into a configuration.
func TestFixesWithPlaceholdersAreComments(t *testing.T) {
	d := good()
	d.properties = "davcore.scheduling.localuserattr=davstore\n"
	d.domainMap = ""
	d.icsConf = "service.http.caldavcompatible = \"yes\"\nlocal.autoprovision = \"no\"\nuser.invite.autoprovision = \"no\"\n" +
		"group.invite.autoprovision = \"no\"\nresource.invite.autoprovision = \"no\"\n"
	fixes := map[string]string{}
	for _, f := range findings(t, d.check(t)) {
		fixes[f.Rule] = f.Fix.String()
		for line := range strings.Lines(f.Fix.String()) {
			if strings.HasPrefix(line, "#") {
				continue
			}
			for _, word := range []string{"HOST", "PORT", "ADDRESS"} {
				if strings.Contains(line, word) {
					t.Errorf("%s: %s", f.Rule, line)
				}
			}
		}
	}
	if diff := cmp.Diff("# HOST and PORT: any front end of the new server\n# service.wcap.freebusy.redirecturl = \"http://HOST:PORT/davserver/wcap/get_freebusy.wcap\"", fixes["redirect-wrong"]); diff != "" {
		t.Error(diff)
	}
	if !strings.Contains(fixes["map-missing"], "# create-domain example.com http://HOST:PORT/ischedule/") || fixes["whitelist-empty"] == "" {
		t.Errorf("%q", fixes)
	}
}
