package ldapcheck_test

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/davadmin/davadmin/pkg/cs6"
	"github.com/davadmin/davadmin/pkg/directory"
	"github.com/davadmin/davadmin/pkg/finding"
	"github.com/davadmin/davadmin/pkg/ldapcheck"
	"github.com/davadmin/davadmin/pkg/ldif"
)

const (
	hexID  = "0a1b2c3d-4e5f6071-8293a4b5-c6d7e8f9"
	hexID2 = "1a1b2c3d-4e5f6071-8293a4b5-c6d7e8f9"
	uuidID = "6f0c1e2a-9b3d-4c5e-8f70-1a2b3c4d5e6f"
)

// user returns a user without faults; lines replace those of the same attribute,
// "+name" adds one, and "-name" removes it.
func user(uid string, lines ...string) string {
	return entry("uid="+uid+",ou=People,o=isp", []string{
		"objectClass: icsCalendarUser", "objectClass: davEntity", "uid: " + uid, "mail: " + uid + "@example.com",
		"davUniqueId: " + idFor(uid),
	}, lines)
}

func group(cn string, lines ...string) string {
	return entry("cn="+cn+",ou=Groups,o=isp", []string{
		"objectClass: groupOfUniqueNames", "objectClass: davEntity", "mail: " + cn + "@example.com", "davUniqueId: " + idFor(cn),
	}, lines)
}

func resource(cn string, lines ...string) string {
	return entry("cn="+cn+",ou=Resources,o=isp", []string{
		"objectClass: icsCalendarResource", "objectClass: davEntity", "mail: " + cn + "@example.com", "davUniqueId: " + idFor(cn),
	}, lines)
}

// idFor returns a well-formed id that is different for each name.
func idFor(name string) string {
	h := uint32(2166136261)
	for _, c := range []byte(name) {
		h = (h ^ uint32(c)) * 16777619
	}
	return fmt.Sprintf("%08x-00000000-00000000-%08x", h, len(name))
}

func entry(dn string, usual, lines []string) string {
	changed := map[string]bool{}
	var added []string
	for _, l := range lines {
		name, _, _ := strings.Cut(strings.TrimPrefix(l, "-"), ":")
		if !strings.HasPrefix(l, "+") {
			changed[strings.ToLower(name)] = true
		}
		if !strings.HasPrefix(l, "-") {
			added = append(added, strings.TrimPrefix(l, "+"))
		}
	}
	var b strings.Builder
	b.WriteString("dn: " + dn + "\n")
	for _, l := range usual {
		if name, _, _ := strings.Cut(l, ":"); !changed[strings.ToLower(name)] {
			b.WriteString(l + "\n")
		}
	}
	for _, l := range added {
		b.WriteString(l + "\n")
	}
	return b.String() + "\n"
}

func people(t *testing.T, list string) *cs6.UserSet {
	t.Helper()
	set := cs6.NewUserSet(cs6.SetOptions{})
	for p, err := range cs6.ReadUsers(strings.NewReader(list), cs6.ListOptions{Name: "list"}) {
		if err == nil {
			err = set.Add(p)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return set
}

func auditText(t *testing.T, o ldapcheck.Options, text string) (*ldapcheck.Report, []finding.Finding) {
	t.Helper()
	files := directory.NewFiles(directory.FilesOptions{Paths: []string{"-"}, Stdin: strings.NewReader(text)})
	o.FileName = files.FileName
	return auditSource(t, o, files)
}

// brief returns what a case compares of a finding: the rule, the first RDN of each
// entry, and the value.
func brief(f finding.Finding) string {
	var names []string
	for _, dn := range f.DN {
		rdn, _, _ := strings.Cut(dn, ",")
		_, name, _ := strings.Cut(rdn, "=")
		names = append(names, name)
	}
	return strings.TrimRight(fmt.Sprintf("%s %s %s", f.Rule, strings.Join(names, "+"), f.Value), " ")
}

type ruleCase struct {
	name     string
	text     string
	options  func(t *testing.T, o *ldapcheck.Options)
	want     []string // all findings, except those of every case
	contains []string // in the detail or the fix of the first finding
}

func known(list ...string) func(*testing.T, *ldapcheck.Options) {
	return func(_ *testing.T, o *ldapcheck.Options) { o.Backends = list }
}

func lists(six, seven string) func(*testing.T, *ldapcheck.Options) {
	return func(t *testing.T, o *ldapcheck.Options) {
		if six != "" {
			o.CS6 = people(t, six)
		}
		if seven != "" {
			o.CS7 = people(t, seven)
		}
	}
}

func ruleCases() []ruleCase {
	return slices.Concat(uniqueIDCases(), storeCases(), mailCases(), accessCases(), referenceCases(), listCases())
}

func uniqueIDCases() []ruleCase {
	return []ruleCase{
		{name: "a healthy directory", text: user("a") + group("g", "+uniqueMember: uid=a,ou=People,o=isp") + resource("r", "+owner: UID=A, OU=People, o=ISP") + user("b", "davUniqueId: "+uuidID)},
		{name: "missing", text: user("a", "-davUniqueId") + group("g", "-davUniqueId") + resource("r", "-davUniqueId", "objectClass: icsCalendarResource") + user("ok"),
			want:     []string{"uniqueid-missing a", "uniqueid-missing g", "uniqueid-missing r"},
			contains: []string{"the user has no davUniqueId", `new-id "dn: uid=a,ou=People,o=isp\nchangetype: modify\nadd: davUniqueId\ndavUniqueId: NEW-ID\n-\n\n"`}},
		{name: "missing with its class", text: user("a", "-davUniqueId", "objectClass: icsCalendarUser"), want: []string{"uniqueid-missing a"},
			contains: []string{`add: objectClass\nobjectClass: davEntity\n-\nadd: davUniqueId\n`}},
		{name: "empty", text: user("a", "davUniqueId:") + user("b", "davUniqueId:   ") + user("c", "davUniqueId:: ICAg"),
			want: []string{"uniqueid-empty a", "uniqueid-empty b", "uniqueid-empty c"}},
		{name: "two values", text: user("a", "davUniqueId: "+hexID, "davUniqueId: x"), want: []string{"uniqueid-multivalued a"},
			contains: []string{"several values: '" + hexID + "', 'x'", "delete: davUniqueId\ndavUniqueId: x\n-"}},
		{name: "one value and an empty one", text: user("a", "davUniqueId: "+hexID, "+davUniqueId:")},
		{name: "same id", text: user("a", "davUniqueId: "+hexID) + group("g", "davUniqueId: "+hexID) + resource("r", "davUniqueId: "+hexID) + user("b", "davUniqueId: "+hexID2),
			want: []string{"uniqueid-duplicate a+g+r " + hexID}, contains: []string{"3 entries have the davUniqueId", "dn: uid=a,", "dn: cn=g,"}},
		{name: "same of several values", text: user("a", "davUniqueId: "+hexID, "davUniqueId: "+hexID2) + user("b", "davUniqueId: "+hexID2),
			want: []string{"uniqueid-multivalued a", "uniqueid-duplicate a+b " + hexID2}},
		{name: "both values shared", text: user("a", "davUniqueId: "+hexID, "davUniqueId: "+hexID2) + user("b", "davUniqueId: "+hexID2, "davUniqueId: "+hexID),
			want: []string{"uniqueid-multivalued a", "uniqueid-multivalued b", "uniqueid-duplicate a+b " + hexID, "uniqueid-duplicate a+b " + hexID2}},
		{name: "only letter case", text: user("a", "davUniqueId: "+hexID) + user("b", "davUniqueId: "+strings.ToUpper(hexID)),
			want: []string{"uniqueid-case-collision a+b " + strings.ToUpper(hexID)}},
		{name: "only blanks", text: user("a", "davUniqueId: my id") + user("b", "davUniqueId:: IG15ICAgSUQg"),
			want: []string{"uniqueid-case-collision a+b  my   ID", "uniqueid-malformed a my id", "uniqueid-malformed b  my   ID"}},
		{name: "case and the same", text: user("a", "davUniqueId: "+hexID) + user("b", "davUniqueId: "+strings.ToUpper(hexID)) + user("c", "davUniqueId: "+hexID),
			want: []string{"uniqueid-duplicate a+c " + hexID, "uniqueid-case-collision a+b+c " + strings.ToUpper(hexID)}},
		{name: "non-ASCII letters", text: user("a", "davUniqueId:: "+"w4Rn") + user("b", "davUniqueId:: "+"w6RH"),
			want: []string{"uniqueid-case-collision a+b Äg", "uniqueid-malformed a Äg", "uniqueid-malformed b äG"}},
		{name: "malformed", text: user("a", "davUniqueId: jdoe") + user("b", "davUniqueId: "+hexID[:34]) + user("c", "davUniqueId: "+strings.ReplaceAll(hexID, "a", "g")) + user("d", "davUniqueId: {"+uuidID+"}"),
			want: []string{"uniqueid-malformed a jdoe", "uniqueid-malformed b " + hexID[:34], "uniqueid-malformed c " + strings.ReplaceAll(hexID, "a", "g"), "uniqueid-malformed d {" + uuidID + "}"}},
		{name: "a custom format", text: user("a", "davUniqueId: jdoe-1") + user("b", "davUniqueId: jdoe"),
			options: func(_ *testing.T, o *ldapcheck.Options) { o.IDPattern = regexp.MustCompile(`^[a-z]+-[0-9]$`) },
			want:    []string{"uniqueid-malformed b jdoe"}},
		{name: "operational", text: user("a", "+nsUniqueId: "+hexID), options: func(_ *testing.T, o *ldapcheck.Options) { o.Names.UniqueID, o.Names.UniqueIDClass = "nsUniqueID", "" },
			want: []string{"uniqueid-unstable  nsUniqueID"}},
		{name: "no class", text: user("a", "objectClass: icsCalendarUser") + user("b", "-davUniqueId", "objectClass: icsCalendarUser"),
			want: []string{"uniqueid-missing b", "uniqueid-class-missing a " + idFor("a")}, contains: []string{"the user has no davUniqueId"}},
		{name: "the id is the uid", text: user("a") + user("b", "uid: A"), options: func(_ *testing.T, o *ldapcheck.Options) { o.Names.UniqueID, o.Names.UniqueIDClass = "UID", "" },
			want: []string{"uniqueid-case-collision a+b A", "uniqueid-malformed a a", "uniqueid-malformed b A"}},
	}
}

func storeCases() []ruleCase {
	return []ruleCase{
		{name: "unknown back end", text: user("a", "+davStore: DefaultBackend") + user("b", "+davStore: store9") + group("g", "+davStore: store9"), options: known("defaultbackend"),
			want: []string{"davstore-unknown-backend b store9", "davstore-unknown-backend g store9"}, contains: []string{"(configured: defaultbackend)", "replace: davStore\ndavStore: defaultbackend\n-"}},
		{name: "empty and two back ends", text: user("a", "davStore:") + user("b", "davStore: s1", "davStore: s9"), options: known("s1", "s2"),
			want: []string{"davstore-empty a", "davstore-multivalued b"}},
		{name: "not on the new server", text: user("a") + user("b", "+davStore: defaultbackend", "+icsAllowedServiceAccess: -http:all") + resource("r"), options: lists("", "a@example.com\nb@example.com\nr@example.com\n"),
			want:     []string{"davstore-missing a", "davstore-missing r", "lockout-missing a"},
			contains: []string{"add: davStore\ndavStore: defaultbackend\n-"}},
		{name: "on the new server too early", text: user("a", "+davStore: defaultbackend") + user("b"), options: lists("a\nb\n", ""),
			want: []string{"davstore-present a defaultbackend"}, contains: []string{"delete: davStore\n-"}},
		{name: "another local user attribute", text: user("a", "+davStore: s1") + user("b", "+xcs7user: yes", "+icsAllowedServiceAccess: -http:all"),
			options: func(t *testing.T, o *ldapcheck.Options) { o.Names.Local = "xcs7user"; o.CS7 = people(t, "a\nb\n") },
			want:    []string{"davstore-missing a", "lockout-missing a"}, contains: []string{"add: xcs7user\nxcs7user: true\n-"}},
	}
}

func mailCases() []ruleCase {
	return []ruleCase{
		{name: "no address", text: user("a", "-mail") + group("g", "mail:") + user("b"), want: []string{"mail-missing a", "mail-missing g"}},
		{name: "broken addresses", text: user("a", "mail: a.example.com") + user("b", "mail: b@@example.com") + user("c", "mail: c @example.com") + user("d", "mail: d@") + user("e", "mail: e@x..com") +
			user("f", "+mailAlternateAddress: f@-x.com") + user("g", "+mailAlternateAddress: @example.com") + user("h", "mail: .h@example.com") + user("i", `mail: "i i"@example.com`) + user("j", "mail: j@[192.0.2.1]") + user("k", "mail:: a0DDpC5kZQ=="),
			want: []string{"mail-malformed a a.example.com", "mail-malformed b b@@example.com", "mail-malformed c c @example.com", "mail-malformed d d@", "mail-malformed e e@x..com",
				"mail-malformed f f@-x.com", "mail-malformed h .h@example.com", `mail-malformed i "i i"@example.com`, "mail-malformed k k@ä.de"},
			contains: []string{"it contains no @"}},
		{name: "one address twice", text: user("a") + user("b", "+mailAlternateAddress: A@Example.com") + user("c", "+mailAlternateAddress: c@example.com") + group("g", "mail: b@example.com"),
			want: []string{"mail-duplicate a+b a@example.com", "mail-duplicate b+g b@example.com"}},
	}
}

func accessCases() []ruleCase {
	return []ruleCase{
		{name: "ineffective lock-out", text: user("a", "+icsAllowedServiceAccess: -HTTP:ALL", "+icsStatus: active") + user("b", "+icsAllowedServiceAccess: -http:all") +
			user("c", "+icsAllowedServiceAccess: -http:all", "+icsStatus: inactive") + user("d", "+icsAllowedServiceAccess: +imap:all", "+icsStatus: active") +
			user("e", "+icsAllowedServiceAccess: +imap:*$-http:*", "+icsStatus: Active") + user("f", "+icsAllowedServiceAccess: -http:192.0.2.1", "+icsStatus: active") +
			user("g", "+icsAllowedServiceAccess: -http:all", "+icsStatus: foo") + user("h", "+icsAllowedServiceAccess: -http:all", "+icsStatus: active", "+inetUserStatus: deleted"),
			want: []string{"lockout-ineffective a -HTTP:ALL", "lockout-ineffective e +imap:*$-http:*", "status-unknown g foo"}, contains: []string{"delete: icsStatus\n-"}},
		{name: "no lock-out", text: user("a", "+davStore: x") + user("b", "+davStore: x", "+icsStatus: active") + user("c", "+davStore: x", "+icsAllowedServiceAccess: -http:all") +
			user("d", "+davStore: x", "+icsStatus: active", "+icsAllowedServiceAccess: -http:all") + user("e", "+davStore: x", "+icsAllowedServiceAccess: +imap:all"),
			options:  lists("", "a\nb\nc\nd\ne\n"),
			want:     []string{"lockout-ineffective d -http:all", "lockout-missing a", "lockout-missing b", "lockout-missing e"},
			contains: []string{"not evaluated because icsStatus is 'active'"}},
		{name: "lock-outs of several values", text: user("a", "+davStore: x", "+icsAllowedServiceAccess: +imap:all", "+icsAllowedServiceAccess: +pop:all") + user("b", "+davStore: x", "+icsStatus: unheard"),
			options: lists("", "a\nb\n"), want: []string{"lockout-missing a", "status-unknown b unheard"}, contains: []string{"it is '+imap:all', '+pop:all'\n\x00"}},
		{name: "statuses", text: user("a", "+icsStatus: enabled") + user("b", "+inetUserStatus: ACTIVE", "+icsStatus: deleted") + resource("r", "+inetResourceStatus: on") + user("c", "+inetUserStatus:"),
			want: []string{"status-unknown a enabled", "status-unknown r on", "status-unknown c"}, contains: []string{"replace: icsStatus\nicsStatus: active\n-", "# if the person should have access"}},
		{name: "locked out and marked", text: user("a", "+davStore: x", "+inetUserStatus: inactive") + user("b", "+inetUserStatus: inactive") + resource("r", "+davStore: x", "+inetResourceStatus: deleted", "+icsStatus: inactive"),
			want: []string{"status-inactive-with-davstore a inactive", "status-inactive-with-davstore r deleted"}},
	}
}

func referenceCases() []ruleCase {
	return []ruleCase{
		{name: "members and owners", text: "dn: o=isp\nobjectClass: organization\n\n" + user("a") + "dn: cn=plain,o=isp\nobjectClass: person\n\n" +
			group("g", "+uniqueMember: uid=a,ou=people,o=ISP", "+uniqueMember: cn=plain,o=isp", "+uniqueMember: uid=gone,ou=People,o=isp", "+uniqueMember: uid=x,o=elsewhere", "+uniqueMember: uid=a,ou=People,o=isp#'0101'B") +
			resource("r", "+owner: uid=gone,o=isp", "+owner: uid=a,ou=People,o=isp"),
			want:     []string{"group-member-dangling g uid=gone,ou=People,o=isp", "group-member-dangling g uid=x,o=elsewhere", "resource-owner-dangling r uid=gone,o=isp"},
			contains: []string{"delete: uniqueMember\nuniqueMember: uid=gone,ou=People,o=isp\n-"}},
		{name: "odd members", text: "dn: o=isp\nobjectClass: organization\n\n" + user("a") + "dn: uid=bad,ou=People,o=isp\nmail:: %%%\n\n" +
			group("g", "+uniqueMember: 0.9.2342.19200300.100.1.1=a,organizationalUnitName=People,o=isp", "+uniqueMember: uid=bad,ou=People,o=isp", "+uniqueMember: john", "+uniqueMember: uid=gone,o=isp#'1'B", "+member: uid=gone,o=isp"),
			options: func(_ *testing.T, o *ldapcheck.Options) { o.Names.Members = []string{"uniqueMember", "member"} },
			want:    []string{"group-member-dangling g uid=gone,o=isp", "group-member-dangling g uid=gone,o=isp#'1'B", "group-member-dangling g john", "record-broken bad"}},
		{name: "unused members", text: "dn: o=isp\nobjectClass: organization\n\ndn: ou=People,o=isp\nobjectClass: organizationalUnit\n\n" + user("a") + group("g", "+uniqueMember: uid=a,ou=People,o=isp"),
			options: func(_ *testing.T, o *ldapcheck.Options) { o.Filter = "(objectClass=groupOfUniqueNames)" }},
		{name: "unused domains", text: "dn: o=one,o=isp\nobjectClass: sunManagedOrganization\nsunPreferredDomain: example.com\n\n" + user("a"),
			options: func(_ *testing.T, o *ldapcheck.Options) { o.Bases = []string{"ou=People,o=isp"} }},
		{name: "a known domain", text: "dn: o=one,o=isp\nobjectClass: sunManagedOrganization\nsunPreferredDomain: EXAMPLE.com\n\n" + user("a")},
		{name: "domains", text: "dn: o=one,o=isp\nobjectClass: sunManagedOrganization\nsunPreferredDomain: one.example\nassociatedDomain: One.Example.NET\n\n" +
			"dn: dc=two,dc=example,o=internet\nobjectClass: inetDomain\ninetDomainBaseDN: o=two,o=isp\n\n" +
			user("a", "mail: a@one.example") + user("b", "mail: b@one.example.net") + user("c", "mail: c@TWO.example") + user("d", "mail: d@three.example") + user("e", "mail: e@Three.example") + user("f", "mail: f@default.example"),
			options: func(_ *testing.T, o *ldapcheck.Options) { o.Domains = []string{"default.example"} },
			want:    []string{"domain-unknown d three.example"}, contains: []string{"which 2 accounts use"}},
	}
}

func listCases() []ruleCase {
	return []ruleCase{
		{name: "on both lists", text: user("a", "+davStore: x") + user("b"), options: lists("a\nb@example.com\n", "a@example.com\n"), want: []string{"listed-twice a a@example.com"}},
		{name: "on one list each", text: user("a", "+davStore: x", "+icsAllowedServiceAccess: -http:all") + user("b"), options: lists("b\n", "a\n")},
		{name: "only on a list", text: user("a"), options: lists("a\nnobody@example.com\n", ""), want: []string{"listed-not-found  nobody@example.com"}, contains: []string{"(list:2)"}},
		{name: "listed by a second address, and twice", text: user("a", "mail: first@example.com", "mail: second@example.com", "+davStore: x"), options: lists("", "second@example.com\na\n"),
			want: []string{"lockout-missing a"}},
		{name: "repeated", text: user("a") + user("b") + user("a", "mail: other@example.com"), want: []string{"entry-repeated a"}, contains: []string{"occurs 2 times"}},
		{name: "replication conflicts", text: user("a") + group("g", "+uniqueMember: nsuniqueid=1+uid=a,ou=People,o=isp") +
			entry("nsuniqueid=1+uid=a,ou=People,o=isp", []string{"objectClass: icsCalendarUser", "uid: a", "mail: a@example.com", "davUniqueId: " + idFor("a")}, nil) +
			user("b", "-davUniqueId", "+nsds5ReplConflict: namingConflict uid=b,o=isp") + entry(`cn=c\0ACNF:1,o=isp`, []string{"objectClass: icsCalendarUser"}, nil) +
			"dn: nsuniqueid=2+ou=x,o=isp\nou: x\n\n",
			want: []string{"replication-conflict 1+uid=a", "replication-conflict b namingConflict uid=b,o=isp", `replication-conflict c\0ACNF:1`}, contains: []string{"the user is a replication conflict entry; no other rule checked it"}},
		{name: "a conflict entry is not repaired", text: user("a") + user("b", "-davUniqueId", "+nsds5ReplConflict: x"), options: func(_ *testing.T, o *ldapcheck.Options) { o.Rules = []string{"uniqueid-missing"} }},
		{name: "more values", text: user("a") + group("g", "+uniqueMember;range=0-0: uid=a,ou=People,o=isp"), want: []string{"values-incomplete g"}, contains: []string{"uniqueMember;range=0-0: the server returned only a part of the values of uniqueMember"}},
		{name: "an addition", text: user("a") + "dn: uid=b,o=isp\nchangetype: add\nuid: b\n\n", want: []string{"change-record b"},
			contains: []string{"a change record that adds an entry (changetype: add)", "read-additions"}},
		{name: "another version", text: "version: 2\n" + user("a") + group("g", "+uniqueMember: uid=gone,o=isp"), want: []string{"group-member-dangling g uid=gone,o=isp", "record-broken"}},
		{name: "only another version", text: "version: 2\n\n" + user("a"), want: []string{"record-broken"}, contains: []string{"unknown LDIF version \"2\": the records were read as those of version 1\n"}},
		{name: "an invalid DN", text: user("a") + entry("uid=J\xfcrg,o=isp", []string{"objectClass: icsCalendarUser"}, nil), want: []string{"record-broken J\xfcrg"}, contains: []string{"the DN is not valid UTF-8"}},
		{name: "a referral", text: user("a") + "dn: ou=away,o=isp\nobjectClass: referral\nobjectClass: extensibleObject\nref: ldap://other/ou=away,o=isp\n\n", want: []string{"referral-not-followed away"}},
		{name: "broken and changed", text: user("a") + "dn: uid=x,o=isp\nno colon\n\ndn: uid=y,o=isp\nchangetype: delete\n\n" + user("b"),
			want: []string{"record-broken x", "change-record y"}, contains: []string{"no rule checked the entry"}},
	}
}

func TestRules(t *testing.T) {
	for _, c := range ruleCases() {
		t.Run(c.name, func(t *testing.T) {
			o := ldapcheck.Options{Names: ldapcheck.DefaultNames(), Tmp: t.TempDir()}
			if c.options != nil {
				c.options(t, &o)
			}
			r, findings := auditText(t, o, c.text)
			var got []string
			for _, f := range findings {
				got = append(got, brief(f))
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
			if !r.Complete {
				t.Errorf("not complete: %v", r.Ended)
			}
			for _, want := range c.contains {
				if len(findings) == 0 || !strings.Contains(findings[0].Detail+"\n"+findings[0].Fix.String()+"\x00", want) {
					t.Errorf("the first finding does not contain %q: %+v", want, findings)
				}
			}
		})
	}
}

// Every rule has a case in which it fails and one in which it passes. The rules about
// a server or an incomplete source have their own tests.
func TestEveryRuleHasCases(t *testing.T) {
	failed, passed := map[string]bool{}, map[string]bool{}
	for _, c := range ruleCases() {
		o := ldapcheck.Options{Names: ldapcheck.DefaultNames(), Tmp: t.TempDir()}
		if c.options != nil {
			c.options(t, &o)
		}
		r, _ := auditText(t, o, c.text)
		for _, out := range r.Outcomes {
			failed[out.Rule] = failed[out.Rule] || out.Result == finding.Failed
			passed[out.Rule] = passed[out.Rule] || out.Result == finding.Passed
		}
	}
	elsewhere := []string{"schema-missing", "index-missing", "referral-not-followed", "absence-not-proven", "audit-incomplete", "check-not-run"}
	for _, r := range ldapcheck.Rules() {
		if slices.Contains(elsewhere, r.ID) {
			continue
		}
		if !failed[r.ID] || !passed[r.ID] {
			t.Errorf("%s: failed %v, passed %v", r.ID, failed[r.ID], passed[r.ID])
		}
	}
}

// Each fix is LDIF that reads as a change of that entry, or such LDIF with a new id.
func TestFixesWork(t *testing.T) {
	hostile := "dn: uid=it's 50%\\,\\\\n $(reboot) `x`,o=isp\nobjectClass: icsCalendarUser\nmail: h@example.com\nuid: h\n\n" +
		"dn:: dWlkPWXMgQrigJIsbz1pc3A=\nobjectClass: icsCalendarUser\nmail: i@example.com\n\n"
	texts := []ruleCase{{name: "hostile names", text: hostile}}
	texts = append(texts, ruleCases()...)
	checked := 0
	for _, c := range texts {
		o := ldapcheck.Options{Names: ldapcheck.DefaultNames(), Tmp: t.TempDir()}
		if c.options != nil {
			c.options(t, &o)
		}
		_, findings := auditText(t, o, c.text)
		for _, f := range findings {
			text := f.Fix.String()
			for _, step := range f.Fix.Steps {
				if step.Task.Do == finding.NewID {
					text = step.Task.Before + hexID + step.Task.After
				}
			}
			if text == "" || f.Rule == "uniqueid-unstable" || f.Rule == "change-record" {
				continue
			}
			reader := ldif.NewReader(strings.NewReader(text), ldif.Options{})
			for i := 0; ; i++ {
				rec, err := reader.Next()
				if err != nil {
					if i == 0 {
						t.Errorf("%s: %s: invalid LDIF: %v:\n%s", c.name, f.Rule, err, text)
					}
					break
				}
				checked++
				if rec.Kind != ldif.KindModify || !slices.Contains(f.DN, string(rec.DN)) || len(rec.Changes) == 0 {
					t.Errorf("%s: %s: %s of %q:\n%s", c.name, f.Rule, rec.Kind, rec.DN, text)
				}
			}
		}
	}
	if checked < 20 {
		t.Errorf("only %d fixes were checked", checked)
	}
}

// A value that is too long to be kept in full is not in a fix, which would change
// another value.
func TestLongValuesAreNotInFixes(t *testing.T) {
	long := strings.Repeat("x", 10_000)
	text := user("a", "davUniqueId: "+hexID, "davUniqueId: "+long) + user("b", "davUniqueId: "+long, "davUniqueId: "+hexID) +
		group("g", "+uniqueMember: uid="+long+",o=isp") + user("c", "+davStore: s", "+icsAllowedServiceAccess: "+long)
	_, findings := auditText(t, ldapcheck.Options{Names: ldapcheck.DefaultNames(), CS7: people(t, "c\n")}, text)
	want := []string{"uniqueid-multivalued a", "uniqueid-multivalued b", "uniqueid-duplicate a+b", "uniqueid-duplicate a+b", "lockout-missing c", "group-member-dangling g"}
	var got []string
	for _, f := range findings {
		rule, names, _ := strings.Cut(brief(f), " ")
		names, _, _ = strings.Cut(names, " ")
		got = append(got, rule+" "+names)
		wantFix := ""
		switch {
		case rule == "uniqueid-multivalued" && names == "b":
			wantFix = "davUniqueId: " + hexID + "\n"
		case rule == "uniqueid-duplicate":
			wantFix = "new-id"
		}
		if (f.Fix.String() == "") != (wantFix == "") || !strings.Contains(f.Fix.String(), wantFix) || strings.Contains(f.Fix.String(), "xxxx") {
			t.Errorf("%s %s: %.300q", rule, names, f.Fix.String())
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestRulesCanBeSelected(t *testing.T) {
	text := user("a", "-davUniqueId", "-mail") + user("b", "davUniqueId: x")
	for _, c := range []struct {
		rules []string
		want  []string
	}{
		{nil, []string{"uniqueid-missing a", "uniqueid-malformed b x", "mail-missing a"}},
		{[]string{"uniqueid-*"}, []string{"uniqueid-missing a", "uniqueid-malformed b x"}},
		{[]string{"mail-missing", "uniqueid-m?ssing"}, []string{"uniqueid-missing a", "mail-missing a"}},
		{[]string{"davstore-empty"}, nil},
	} {
		r, findings := auditText(t, ldapcheck.Options{Names: ldapcheck.DefaultNames(), Rules: c.rules}, text)
		var got []string
		for _, f := range findings {
			got = append(got, brief(f))
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%v (-want +got):\n%s", c.rules, diff)
		}
		if len(r.Outcomes) != len(ldapcheck.Rules()) {
			t.Errorf("%v: %d outcomes", c.rules, len(r.Outcomes))
		}
	}
	_, err := ldapcheck.New(ldapcheck.Options{Names: ldapcheck.DefaultNames(), Rules: []string{"uniqueid-mising"}})
	if !errors.Is(err, ldapcheck.ErrRule) || !strings.Contains(err.Error(), "did you mean 'uniqueid-missing'?") {
		t.Errorf("a mistyped rule: %v", err)
	}
	if _, err := ldapcheck.New(ldapcheck.Options{Names: ldapcheck.DefaultNames(), Rules: []string{"[a"}}); !errors.Is(err, ldapcheck.ErrRule) {
		t.Errorf("a broken pattern: %v", err)
	}
}
