package coexist_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/davadmin/davadmin/pkg/coexist"
	"github.com/davadmin/davadmin/pkg/finding"
)

// plant is one fault in a deployment that is in order otherwise.
type plant struct {
	name  string
	do    func(t *testing.T, d *deployment)
	rule  string // the only rule that fails, by one finding
	at    string // place of the finding; file and line, or line and DN
	says  string // a part of the detail
	mends string // a part of the fix
}

// thirteen are the failures of shared free/busy, deduced from the guide: the
// table of section 6.2 of the reference, by its numbers. Those about what a
// server answers are in probe_test.go, too.
func thirteen() []plant {
	const list = "davcore.uriinfo.subjectattributes=cn icsstatus mail mailalternateaddress davuniqueid owner preferredlanguage uid objectclass ou uniquemember memberurl mgrprfc822mailmember\n"
	return []plant{
		{"1 mark not fetched", func(_ *testing.T, d *deployment) { d.properties += list },
			"localuserattr-not-fetched", "davserver.properties:4", "sees it on nobody",
			"davadmin config modify -o davcore.uriinfo.subjectattributes --add davstore"},
		{"2 list replaced by one word", func(_ *testing.T, d *deployment) { d.properties += "davcore.uriinfo.subjectattributes=davstore\n" },
			"subjectattributes-cut", "davserver.properties:4", "does not work without davuniqueid (the unique id of every account), mail (",
			"davadmin config modify -o davcore.uriinfo.subjectattributes --add 'davuniqueid mail "},
		{"3 mark on a person of the old server", func(t *testing.T, d *deployment) {
			swap(t, &d.people, "uid: adam\n", "uid: adam\ndavStore: defaultbackend\n")
		}, "davstore-present", "people.ldif:1 uid=adam,ou=People,o=isp", "on the list of the old server and has davStore", "dn: uid=adam,ou=People,o=isp\nchangetype: modify\ndelete: davStore\n"},
		{"4 no mark on a person of the new server", func(t *testing.T, d *deployment) {
			swap(t, &d.people, "mail: nina@example.com\ndavStore: defaultbackend\n", "mail: nina@example.com\n")
		}, "davstore-missing", "people.ldif:18 uid=nina,ou=People,o=isp", "that one redirects back (ics.conf:5): a loop", "add: davStore\ndavStore: defaultbackend\n"},
		{"5 autoprovisioning on", func(t *testing.T, d *deployment) {
			swap(t, &d.icsConf, `user.invite.autoprovision = "no"`, `user.invite.autoprovision = "yes"`)
		}, "autoprovision-on", "ics.conf:7", `user.invite.autoprovision is "yes"`, `user.invite.autoprovision = "no"`},
		{"6 old calendars left", func(_ *testing.T, d *deployment) {
			d.on6 += "nina@example.com:home: owner=nina@example.com status=enabled\n"
		},
			"old-calendars-left", "people.ldif:18 uid=nina,ou=People,o=isp", "still has calendars on the old one (on6.txt:4)", "cscal delete -o nina@example.com"},
		{"7 lock-out without effect", func(t *testing.T, d *deployment) { swap(t, &d.people, "uid: nina\n", "uid: nina\nicsStatus: active\n") },
			"lockout-ineffective", "people.ldif:18 uid=nina,ou=People,o=isp", "is not looked at because icsStatus is 'active'", "delete: icsStatus\n"},
		{"8 redirect without a port", func(t *testing.T, d *deployment) {
			swap(t, &d.icsConf, "cs7.example.com:8080/dav", "cs7.example.com/dav")
		},
			"redirect-wrong", "ics.conf:5", "has no port", `service.wcap.freebusy.redirecturl = "http://cs7.example.com:8080/davserver/wcap/get_freebusy.wcap"`},
		{"8 redirect to another context", func(t *testing.T, d *deployment) {
			swap(t, &d.icsConf, "/davserver/wcap/get_freebusy.wcap", "/davserver/dav/home")
		}, "redirect-wrong", "ics.conf:5", "has the path '/davserver/dav/home'", `"http://cs7.example.com:8080/davserver/wcap/get_freebusy.wcap"`},
		{"9 no unique id: person of the old server", func(t *testing.T, d *deployment) {
			swap(t, &d.people, "davUniqueId: 00000001-00000000-00000000-000000aa\n", "")
		}, "uniqueid-missing", "people.ldif:1 uid=adam,ou=People,o=isp", "the user has no davUniqueId", "uuidgen"},
		{"9 no unique id: group", func(t *testing.T, d *deployment) {
			swap(t, &d.people, "davUniqueId: 00000006-00000000-00000000-000000aa\n", "")
		}, "uniqueid-missing", "people.ldif:47 cn=staff,ou=Groups,o=isp", "the group has no", "uuidgen"},
		{"9 no unique id: resource", func(t *testing.T, d *deployment) {
			swap(t, &d.people, "davUniqueId: 00000007-00000000-00000000-000000aa\n", "")
		}, "uniqueid-missing", "people.ldif:54 uid=room,ou=Resources,o=isp", "the resource has no", "uuidgen"},
		{"10 ids that differ in letter case", func(t *testing.T, d *deployment) {
			swap(t, &d.people, "00000004-00000000-00000000-000000aa", "00000003-00000000-00000000-000000AA")
		}, "uniqueid-case-collision", "people.ldif:18 uid=nina,ou=People,o=isp uid=noel,ou=People,o=isp", "the directory takes for the same", "uuidgen"},
		{"11 two settings on a line", func(t *testing.T, d *deployment) {
			swap(t, &d.icsConf, "group.invite.autoprovision = \"no\"\nresource", "group.invite.autoprovision = \"no\" resource")
		}, "two-settings-on-a-line", "ics.conf:8", "the line sets resource.invite.autoprovision, too", "group.invite.autoprovision = \"no\"\nresource.invite.autoprovision = \"no\""},
		{"12 changed just now", func(t *testing.T, d *deployment) {
			swap(t, &d.people, "davUniqueId: 00000003-00000000-00000000-000000aa\nmodifyTimestamp: 20261001120000Z", "davUniqueId: 00000003-00000000-00000000-000000aa\nmodifyTimestamp: 20261101115945.25Z")
		}, "changed-just-now", "uid=nina,ou=People,o=isp", "until 2026-11-01T12:00:45Z the new server may go by what they were (davcore.uriinfo.ldapcachettl)", "sleep 45"},
		{"13 everyone excludes callers without a login", func(_ *testing.T, d *deployment) { d.properties += "davcore.acl.schedulinganonymousall=false\n" },
			"freebusy-closed-to-peer", "davserver.properties:4", "learns nothing", "davadmin config modify -o davcore.acl.schedulinganonymousall -v true"},
		{"13 no peer on the white list", func(t *testing.T, d *deployment) {
			swap(t, &d.properties, "service.dav.ischedulewhitelist=192.0.2.6\n", "")
		},
			"whitelist-empty", "davserver.properties:0", "no peer may post", "# davadmin config modify -o service.dav.ischedulewhitelist --add ADDRESS"},
	}
}

// further are the faults that the other rules look for.
func further() []plant {
	return []plant{
		{"no local-user attribute", func(t *testing.T, d *deployment) {
			swap(t, &d.properties, "davcore.scheduling.localuserattr=davstore\n", "")
		}, "localuserattr-unset", "davserver.properties:0", "everybody in the directory counts", "davadmin config modify -o davcore.scheduling.localuserattr -v davstore"},
		{"new server too old", func(_ *testing.T, d *deployment) {
			d.edit = func(o *coexist.Options) { o.NewVersion = coexist.NewVersion{Text: "7.0-0.13", Major: 7} }
		}, "new-server-version", "", "Update 1 at least", ""},
		{"old server without patches", func(_ *testing.T, d *deployment) {
			d.edit = func(o *coexist.Options) { o.OldPatch = coexist.OldPatch{Text: "36", Level: 36} }
		}, "old-server-patch", "", "below 37", ""},
		{"old server with some patches", func(_ *testing.T, d *deployment) {
			d.edit = func(o *coexist.Options) { o.OldPatch = coexist.OldPatch{Text: "121657-37", Level: 37} }
		}, "old-server-patch", "", "below 44", ""},
		{"no domain map", func(_ *testing.T, d *deployment) { d.domainMap = "" },
			"map-missing", "map.properties:0", "counts as a person of the old server", "davadmin domainmap create -d example.com -L http://cs6.example.com:8080/ischedule/\ndavadmin domainmap create -d example.org -L "},
		{"a map without lines", func(_ *testing.T, d *deployment) { d.domainMap = "# nothing\n" },
			"map-missing", "map.properties:0", "no domain is mapped", "davadmin domainmap create -d example.com"},
		{"a broken line of the map", func(_ *testing.T, d *deployment) {
			d.domainMap += "*.example.net=http://cs6.example.com:8080/ischedule/\n"
		},
			"map-line", "map.properties:3", "domain-wildcard", "domainmap"},
		{"a domain that is not mapped", func(t *testing.T, d *deployment) {
			swap(t, &d.domainMap, "example.org=http://cs6.example.com:8080/ischedule/\n", "")
		}, "domain-not-mapped", "map.properties:0", "1 of its people are on the old server, such as olga@EXAMPLE.org", "davadmin domainmap create -d example.org -L http://cs6.example.com:8080/ischedule/"},
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
			"redirect-elsewhere", "ics.conf:5", "leads to www.example.com, and the new server is cs7.example.com", `"http://cs7.example.com:8080/davserver/wcap/get_freebusy.wcap"`},
		{"redirect to the old server itself", func(t *testing.T, d *deployment) { swap(t, &d.icsConf, "//cs7.example.com:", "//CS6.example.com:") },
			"redirect-elsewhere", "ics.conf:5", "which is the old server by the domain map (map.properties:1)", `"http://cs7.example.com:8080/`},
		{"a person on neither, asked about in a circle", func(_ *testing.T, d *deployment) {
			d.on6 = strings.Replace(d.on6, "olga: owner=olga status=enabled\n", "", 1)
		},
			"redirect-loop", "people.ldif:10 uid=olga,ou=People,o=isp", "that one redirects to the new server (ics.conf:5), and the new one asks back (map.properties:2)", "add: davStore\ndavStore: defaultbackend\n"},
		{"a person on neither", func(_ *testing.T, d *deployment) {
			d.people += "dn: uid=new,o=isp\nobjectClass: icsCalendarUser\nuid: new\nmail: new@nowhere.example\ndavUniqueId: 00000008-00000000-00000000-000000aa\n\n"
		}, "on-neither", "people.ldif:63 uid=new,o=isp", "neither davStore nor a calendar", "add: davStore\n"},
		{"a person who can still log in to the old server", func(t *testing.T, d *deployment) { swap(t, &d.people, "icsAllowedServiceAccess: -http:all\n", "") },
			"lockout-missing", "people.ldif:18 uid=nina,ou=People,o=isp", "can still log in to the old server", "icsAllowedServiceAccess: -http:all"},
		{"a back end that is none", func(t *testing.T, d *deployment) {
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
			"uniqueid-empty", "people.ldif:1 uid=adam,ou=People,o=isp", "empty", "uuidgen"},
		{"two ids", func(t *testing.T, d *deployment) {
			swap(t, &d.people, "davUniqueId: 00000001-00000000-00000000-000000aa\n", "davUniqueId: 00000001-00000000-00000000-000000aa\ndavUniqueId: 00000009-00000000-00000000-000000aa\n")
		}, "uniqueid-multivalued", "people.ldif:1 uid=adam,ou=People,o=isp", "several values", "delete: davUniqueId"},
		{"one id for two", func(t *testing.T, d *deployment) {
			swap(t, &d.people, "00000004-00000000-00000000-000000aa", "00000003-00000000-00000000-000000aa")
		}, "uniqueid-duplicate", "people.ldif:18 uid=nina,ou=People,o=isp uid=noel,ou=People,o=isp", "2 entries", "uuidgen"},
		{"somebody on a list without an entry", func(_ *testing.T, d *deployment) { d.on6 += "old: owner=old status=enabled\n" },
			"listed-not-found", "", "'old' is on the list of the old server (on6.txt:4)", ""},
		{"a broken record", func(_ *testing.T, d *deployment) { d.people += "dn: uid=x,o=isp\nnonsense\n\n" },
			"record-broken", "people.ldif:64 uid=x,o=isp", "", ""},
		{"a change among the entries", func(_ *testing.T, d *deployment) { d.people += "dn: uid=x,o=isp\nchangetype: delete\n\n" },
			"change-record", "people.ldif:63 uid=x,o=isp", "", ""},
	}
}

// Each fault, planted alone, is exactly one finding of exactly the rule that is
// about it, at the right place, with what mends it.
func TestEachFaultAloneIsOneFinding(t *testing.T) {
	for _, p := range slices.Concat(thirteen(), further()) {
		t.Run(p.name, func(t *testing.T) {
			d := good()
			p.do(t, d)
			r := d.check(t)
			all := findings(t, r)
			if len(all) != 1 || all[0].Rule != p.rule {
				for _, f := range all {
					t.Errorf("%s at %s: %s", f.Rule, place(f), f.Detail)
				}
				t.Fatalf("%d findings instead of one of %s", len(all), p.rule)
			}
			f := all[0]
			if place(f) != p.at || !strings.Contains(f.Detail, p.says) || !strings.Contains(f.Fix.String(), p.mends) {
				t.Errorf("at  %s\nsays %s\nmends %s\ninstead of\n%+v", place(f), f.Detail, f.Fix.String(), p)
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

func TestEveryRuleHasAPlant(t *testing.T) {
	planted := map[string]bool{}
	for _, p := range slices.Concat(thirteen(), further()) {
		planted[p.rule] = true
	}
	// These need a server, or a source that fails.
	for _, id := range []string{"probe-old-server", "probe-new-server", "probe-old-to-new", "probe-new-to-old", "referral-not-followed", "audit-incomplete", "check-not-run"} {
		planted[id] = true
	}
	for _, r := range coexist.Rules() {
		if !planted[r.ID] {
			t.Errorf("nothing is planted for %s", r.ID)
		}
		if r.Title == "" || r.Why == "" || r.Remedy == "" {
			t.Errorf("%s lacks words: %+v", r.ID, r)
		}
	}
}

// In a sound deployment every rule passes, but for what was not given.
func TestASoundDeploymentPasses(t *testing.T) {
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
	const notAsked = ": not asked for; --probe asks both servers"
	if diff := cmp.Diff([]string{"probe-old-server" + notAsked, "probe-new-server" + notAsked, "probe-old-to-new" + notAsked, "probe-new-to-old" + notAsked}, idle); diff != "" {
		t.Errorf("not passed (-want +got):\n%s", diff)
	}
}

// All thirteen at once are each found.
func TestAllThirteenAtOnce(t *testing.T) {
	d := good()
	want := map[string]bool{}
	for _, p := range thirteen() {
		switch p.name {
		case "2 list replaced by one word", "8 redirect to another context", "7 lock-out without effect", "12 changed just now", "4 no mark on a person of the new server":
			continue // these are at the same place as others
		}
		p.do(t, d)
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

// The example of the guide, printed as it stands there, is the trap.
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
	// What it says to add mends it, without an editor.
	d.icsConf += all[0].Fix.String() + "\n"
	if rest := findings(t, d.check(t)); len(rest) != 0 {
		t.Errorf("still %+v", rest)
	}
}

// What is not known is asked for in a comment: a fix that is pasted as it stands
// must not write a placeholder into a configuration.
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
			if strings.ContainsAny(line[:1], "#!") {
				continue
			}
			for _, word := range []string{"HOST", "PORT", "ADDRESS"} {
				if strings.Contains(line, word) {
					t.Errorf("%s: %s", f.Rule, line)
				}
			}
		}
	}
	if diff := cmp.Diff("! HOST and PORT: any front end of the new server\n! service.wcap.freebusy.redirecturl = \"http://HOST:PORT/davserver/wcap/get_freebusy.wcap\"", fixes["redirect-wrong"]); diff != "" {
		t.Error(diff)
	}
	if !strings.Contains(fixes["map-missing"], "# davadmin domainmap create -d example.com -L http://HOST:PORT/ischedule/") || fixes["whitelist-empty"] == "" {
		t.Errorf("%q", fixes)
	}
}
