package ldaptest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"

	"github.com/davadmin/davadmin/internal/seed"
	"github.com/davadmin/davadmin/internal/servertest"
)

const (
	managerDN = "cn=Manager,o=isp"
	victimDN  = "uid=v,o=isp"
)

func assert(filter string) ldap.Control {
	p, err := ldap.CompileFilter(filter)
	if err != nil {
		panic(filter + ": " + err.Error())
	}
	return ldap.NewControlString(oidAssertion, true, string(p.Bytes()))
}

func preRead(names ...string) ldap.Control {
	p := ber.NewSequence("")
	for _, n := range names {
		p.AppendChild(ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, n, ""))
	}
	return ldap.NewControlString(oidPreRead, true, string(p.Bytes()))
}

func change(op, name string, values ...string) ldap.Change {
	ops := map[string]uint{"add": ldap.AddAttribute, "delete": ldap.DeleteAttribute, "replace": ldap.ReplaceAttribute, "increment": ldap.IncrementAttribute}
	return ldap.Change{Operation: ops[op], Modification: ldap.PartialAttribute{Type: name, Vals: values}}
}

// outcome returns everything that a client sees of a modify request, as text.
func outcome(c *ldap.Conn, dn string, controls []ldap.Control, changes ...ldap.Change) string {
	req := ldap.NewModifyRequest(dn, controls)
	req.Changes = changes
	res, err := c.ModifyWithResult(req)
	out := fmt.Sprintf("code %d", resultCode(err))
	if e, ok := err.(*ldap.Error); ok && e.MatchedDN != "" { //nolint:errorlint // go-ldap does not wrap it
		out += " below " + e.MatchedDN
	}
	if res == nil {
		return out
	}
	for _, control := range res.Controls {
		s, ok := control.(*ldap.ControlString)
		if !ok || s.ControlType != oidPreRead {
			out += " and " + control.String()
			continue
		}
		p, err := ber.DecodePacketErr([]byte(s.ControlValue))
		if err != nil || p.ClassType != ber.ClassApplication || p.Tag != ldap.ApplicationSearchResultEntry || len(p.Children) != 2 {
			return out + " and an invalid entry"
		}
		e := ldap.Entry{DN: text(p.Children[0])}
		for _, a := range p.Children[1].Children {
			attr := &ldap.EntryAttribute{Name: text(a.Children[0])}
			for _, v := range a.Children[1].Children {
				attr.Values = append(attr.Values, text(v))
			}
			e.Attributes = append(e.Attributes, attr)
		}
		out += ", was " + asText(&e)
	}
	return out
}

// asText returns an entry as text, which is the same for equal entries.
func asText(e *ldap.Entry) string {
	var lines []string
	for _, a := range e.Attributes {
		for i, v := range a.Values {
			// slapd rewrites DNs.
			if n, err := normalDN(v); err == nil && strings.EqualFold(a.Name, "member") {
				a.Values[i] = n
			}
		}
		slices.Sort(a.Values)
		lines = append(lines, fmt.Sprintf("%s: %q", a.Name, a.Values))
	}
	slices.Sort(lines)
	return e.DN + " " + strings.Join(lines, ", ")
}

// now returns the current entry.
func now(t *testing.T, c *ldap.Conn, dn string) string {
	t.Helper()
	res, err := c.Search(request(dn, ldap.ScopeBaseObject, "(objectClass=*)"))
	if err != nil {
		return fmt.Sprintf("code %d", resultCode(err))
	}
	return asText(res.Entries[0])
}

func addRequest(e Entry) *ldap.AddRequest {
	req := ldap.NewAddRequest(e.DN, nil)
	for _, a := range e.Attrs {
		req.Attribute(a.Name, a.Values)
	}
	return req
}

// victim is the entry that the tests modify.
func victim() Entry {
	return NewEntry(victimDN, "objectClass", "inetOrgPerson", "objectClass", "extensibleObject", "objectClass", "davEntity",
		"uid", "v", "uid", "second", "cn", "Anna Berg", "cn", "A. Berg", "cn;lang-de", "Änne", "sn", "Berg",
		"mail", "Anna@Example.org", "description", "Some  Text", "davUniqueId", "ABC", "uidNumber", "7",
		"member", "uid=a,ou=people,o=isp", "telephoneNumber", "+49 89-1234", "jpegPhoto", "\xff\xd8", "userPassword", "Secret",
		"icsCalendar", "anna:Main")
}

// both starts a slapd and a test server with the same entries, and binds to each as the
// manager.
func both(t *testing.T, entries []Entry) (ours, theirs *ldap.Conn) {
	t.Helper()
	theirs = dial(t, startSlapd(t, entries))
	ours = dial(t, Start(t, Options{Entries: entries, Identities: []Identity{{DN: managerDN, Password: servertest.Password}}}).URL())
	for _, c := range []*ldap.Conn{ours, theirs} {
		if err := c.Bind(managerDN, servertest.Password); err != nil {
			t.Fatal(err)
		}
	}
	return ours, theirs
}

type modification struct {
	dn       string // victimDN if empty
	controls []ldap.Control
	changes  []ldap.Change
}

func with(controls ...ldap.Control) func(...ldap.Change) modification {
	return func(changes ...ldap.Change) modification {
		return modification{controls: controls, changes: changes}
	}
}

func TestModifyLikeSlapd(t *testing.T) {
	base := []Entry{NewEntry("o=isp", "objectClass", "organization", "o", "isp"), victim(),
		NewEntry("ou=r,o=isp", "objectClass", "referral", "objectClass", "extensibleObject", "ou", "r", "ref", "ldap://other/ou=r,o=isp")}
	ours, theirs := both(t, base)
	for i, m := range modifications() {
		what := fmt.Sprintf("%d: %v %s", i, m.changes, m.controls)
		dn := m.dn
		if dn == "" {
			dn = victimDN
		}
		if got, want := outcome(ours, dn, m.controls, m.changes...), outcome(theirs, dn, m.controls, m.changes...); got != want {
			t.Errorf("%s: %s\nslapd: %s", what, got, want)
		}
		if got, want := now(t, ours, victimDN), now(t, theirs, victimDN); got != want {
			t.Errorf("%s: the entry is\n%s\nslapd has\n%s", what, got, want)
		}
		for _, c := range []*ldap.Conn{ours, theirs} {
			if err := c.Del(ldap.NewDelRequest(victimDN, nil)); err != nil {
				t.Fatal(err)
			}
			if err := c.Add(addRequest(victim())); err != nil {
				t.Fatal(err)
			}
		}
		if got, want := now(t, ours, victimDN), now(t, theirs, victimDN); got != want {
			t.Fatalf("after adding it again the entry is\n%s\nslapd has\n%s", got, want)
		}
	}
}

func modifications() []modification {
	plain := with()
	all := with(preRead())
	out := []modification{
		plain(), // no change
		// One change.
		plain(change("add", "cn", "New")), plain(change("add", "cn", "ANNA   berg ")), plain(change("add", "cn")), plain(change("add", "cn", "x", " X")),
		plain(change("add", "commonName", "alias")), plain(change("add", "surname", "x")), plain(change("add", "CN;lang-de", "x")), plain(change("add", "cn;lang-fr", "Anna Berg")),
		plain(change("add", "TITLE", "x")), plain(change("add", "l", "X", "Y")), plain(change("add", "unheardOf", "x")),
		plain(change("add", "davUniqueId", "x")), plain(change("add", "davStore", "x", "y")), plain(change("add", "davUniqueId", "abc")),
		plain(change("add", "uidNumber", "x")), plain(change("add", "uidNumber", "07")), plain(change("add", "uidNumber", "8")), plain(change("add", "gidNumber", "-0")),
		plain(change("add", "gidNumber", "07")), plain(change("add", "gidNumber", "+7")), plain(change("add", "gidNumber", "-7")), plain(change("add", "gidNumber", "")),
		plain(change("add", "member", "no dn")), plain(change("add", "member", "UID=A, ou=People,o=ISP")), plain(change("add", "member", "uid=b,o=isp")),
		plain(change("add", "seeAlso", "")), plain(change("add", "uniqueMember", "uid=b,o=isp", "uid=b,o=isp#'01'B")),
		plain(change("add", "telephoneNumber", "+49 89 1234")), plain(change("add", "telephoneNumber", "+498912345")), plain(change("add", "telephoneNumber", "+49_89")), plain(change("add", "telephoneNumber", "")),
		plain(change("add", "mail", "ä@example.org")), plain(change("add", "mail", "ANNA@EXAMPLE.ORG")), plain(change("add", "mail", "")), plain(change("add", "description", "")), plain(change("add", "description", "\xff")), plain(change("add", "description", " ")),
		plain(change("add", "description", "some text")), plain(change("add", "description", "sometext")),
		plain(change("add", "jpegPhoto", "\xff\xd9")), plain(change("add", "userPassword", "secret")), plain(change("add", "userPassword", "Secret")), plain(change("add", "icsCalendar", "anna:main")),
		plain(change("add", "objectClass", "inetUser")), plain(change("add", "objectClass", "INETORGPERSON")), plain(change("add", "objectClass", "unheardOf")),
		plain(change("add", "modifyTimestamp", "20200101000000Z")), plain(change("replace", "entryUUID", "00000000-0000-4000-8000-000000000000")), plain(change("delete", "createTimestamp")),
		plain(change("delete", "cn", "anna berg")), plain(change("delete", "cn", "Nobody")), plain(change("delete", "cn", "anna berg", "A. Berg")), plain(change("delete", "cn;lang-de", "änne")),
		plain(change("delete", "cn", "Änne")), plain(change("delete", "description")), plain(change("delete", "title")), plain(change("delete", "title", "x")), plain(change("delete", "unheardOf")),
		plain(change("delete", "jpegPhoto", "\xff\xd8")), plain(change("delete", "jpegPhoto")), plain(change("delete", "jpegPhoto", "x")), plain(change("delete", "userPassword", "secret")),
		plain(change("delete", "uidNumber", "x")), plain(change("delete", "uidNumber", "7")), plain(change("delete", "member", "UID=A,  OU=people,o=isp")), plain(change("delete", "member", "no dn")),
		plain(change("delete", "description", "some text", "SOME TEXT")), plain(change("delete", "userid", "SECOND")), plain(change("delete", "uid")), plain(change("delete", "uid", "V")),
		plain(change("replace", "cn", "New", "Other")), plain(change("replace", "description")), plain(change("replace", "title")), plain(change("replace", "unheardOf")), plain(change("replace", "cn", "x", "X")),
		plain(change("replace", "davUniqueId", "x", "y")), plain(change("replace", "davUniqueId", "abc")), plain(change("replace", "uid", "x")), plain(change("replace", "uid", "V")), plain(change("replace", "jpegPhoto", "\xff", "\xfe")),
		plain(change("replace", "jpegPhoto", "\xff", "\xff")),
		// Several changes: all or none, each applied to the result of the previous one.
		plain(change("add", "title", "x"), change("delete", "title", "X"), change("add", "title", "y")),
		plain(change("add", "title", "x"), change("delete", "cn", "Nobody")), plain(change("add", "title", "x"), change("add", "unheardOf", "x")),
		plain(change("add", "davUniqueId", "new"), change("delete", "davUniqueId", "abc")), plain(change("delete", "davUniqueId", "abc"), change("add", "davUniqueId", "new")),
		plain(change("delete", "davUniqueId"), change("delete", "davUniqueId")), plain(change("replace", "davUniqueId"), change("replace", "davUniqueId")),
		plain(change("delete", "uid"), change("add", "uid", "V", "w")), plain(change("delete", "cn", "ANNA BERG"), change("add", "cn", "ANNA BERG")),
		plain(change("add", "cn", "x"), change("add", "commonName", "X")), plain(change("replace", "cn", "x"), change("delete", "cn", "x"), change("replace", "cn", "y")),
		// Attribute names.
		{dn: "uid=none,o=isp", changes: []ldap.Change{change("add", "cn", "x")}}, {dn: "uid=x,uid=none,o=isp", changes: []ldap.Change{change("add", "cn", "x")}},
		{dn: "o=other", changes: []ldap.Change{change("add", "cn", "x")}}, {dn: "o=other", changes: []ldap.Change{change("add", "unheardOf", "x")}}, {dn: "uid=none,o=isp", changes: []ldap.Change{change("add", "unheardOf", "x")}},
		{dn: "no dn", changes: []ldap.Change{change("add", "unheardOf", "x")}}, {dn: "", changes: nil}, {dn: "cn=Subschema", changes: []ldap.Change{change("add", "cn", "x")}},
		{dn: "UID = V, O=ISP", changes: []ldap.Change{change("add", "title", "x")}, controls: []ldap.Control{preRead("cn")}},
		{dn: "ou=r,o=isp", changes: []ldap.Change{change("add", "description", "x")}}, {dn: "uid=x,ou=r,o=isp", changes: []ldap.Change{change("add", "description", "x")}},
		{dn: "ou=r,o=isp", changes: []ldap.Change{change("add", "description", "x")}, controls: []ldap.Control{ldap.NewControlManageDsaIT(true), preRead("description")}},
		// Controls.
		all(change("add", "title", "x")), all(change("add", "cn", "Anna Berg")), with(preRead("1.1"))(change("add", "title", "x")), with(preRead("*"))(change("delete", "cn")),
		with(preRead("title", "CN", "sn", "noValue"))(change("add", "title", "x")), with(preRead("davUniqueId", "davStore"))(change("replace", "davUniqueId", "x")), with(preRead("cn;lang-de"))(change("delete", "cn;lang-de")),
		with(preRead("title"))(change("add", "title", "x")), with(ldap.NewControlString(oidPreRead, false, string([]byte{tagSequence, 0})))(change("add", "title", "x")),
		with(ldap.NewControlString(oidPreRead, true, ""))(change("add", "title", "x")), with(ldap.NewControlString(oidAssertion, true, ""))(change("add", "title", "x")),
		with(ldap.NewControlString(oidAssertion, false, string([]byte{0x87, 2, 'c', 'n'})))(change("add", "title", "x")),
		with(ldap.NewControlString("1.2.3.4", true, ""))(change("add", "title", "x")), with(ldap.NewControlString("1.2.3.4", false, ""))(change("add", "title", "x")),
		with(assert("(cn=nobody)"), preRead("cn"))(change("add", "title", "x")), with(assert("(cn=ANNA BERG)"), preRead("cn"))(change("add", "title", "x")),
		with(assert("(cn=nobody)"))(change("add", "unheardOf", "x")), with(assert("(cn=nobody)"))(change("add", "cn", "Anna Berg")),
		{dn: "uid=none,o=isp", changes: []ldap.Change{change("add", "cn", "x")}, controls: []ldap.Control{assert("(cn=nobody)")}},
	}
	for _, f := range assertions() {
		out = append(out, with(assert(f), preRead("title"))(change("add", "title", "x")))
	}
	return out
}

// assertions are true, false and undefined filters about victim, and their negations.
func assertions() []string {
	var out []string
	for _, f := range []string{
		"(davUniqueId=abc)", "(davUniqueId:caseExactMatch:=ABC)", "(davUniqueId:caseExactMatch:=abc)", "(davUniqueId:caseExactMatch:= ABC )", "(davUniqueId:2.5.13.5:=ABC)", "(davUniqueId:caseIgnoreMatch:=abc)",
		"(davStore:caseExactMatch:=x)", "(davStore=*)", "(davUniqueId=*)", "(description:caseExactMatch:=Some Text)", "(description:caseExactMatch:=some text)", "(davUniqueId:octetStringMatch:=ABC)",
		"(mail:caseExactMatch:=Anna@Example.org)", "(mail:caseExactIA5Match:=Anna@Example.org)", "(mail:caseExactIA5Match:=anna@example.org)", "(mail:caseIgnoreMatch:=anna@example.org)", "(davUniqueId:caseExactIA5Match:=ABC)",
		"(uidNumber:caseExactMatch:=7)", "(uidNumber:integerMatch:=7)", "(uidNumber:integerMatch:=x)", "(objectClass:caseExactMatch:=davEntity)", "(objectClass=davEntity)",
		"(objectClass=inetUser)", "(member:caseExactMatch:=uid=a,ou=people,o=isp)", "(member:distinguishedNameMatch:=UID=a,ou=people,o=isp)", "(telephoneNumber:caseExactMatch:=+49 89-1234)", "(telephoneNumber:telephoneNumberMatch:=+49891234)",
		"(userPassword:caseExactMatch:=Secret)", "(userPassword:octetStringMatch:=Secret)", "(userPassword:octetStringMatch:=secret)", "(icsCalendar:caseIgnoreMatch:=ANNA:main)", "(icsCalendar=anna:main)", "(icsCalendar:caseExactMatch:=anna:Main)",
		"(unheardOf=x)", "(unheardOf=*)", "(unheardOf:caseExactMatch:=x)", "(cn:unheardOf:=x)", "(cn:caseExactMatch:=Anna Berg)", "(cn:caseExactMatch:=Änne)", "(uid:dn:caseExactMatch:=v)", "(o:dn:caseExactMatch:=isp)", "(o:dn:caseExactMatch:=ISP)",
		"(uidNumber:2.5.13.14:=7)", "(davUniqueId:integerMatch:=7)", "(telephoneNumber:2.5.13.20:=+49 891234)", "(telephoneNumber:caseIgnoreMatch:=+49 89-1234)", "(member:2.5.13.1:=UID=a,ou=people,o=isp)", "(member:uniqueMemberMatch:=uid=a,ou=people,o=isp)",
		"(uniqueMember:distinguishedNameMatch:=o=isp)", "(uniqueMember:2.5.13.23:=o=isp)", "(userPassword:2.5.13.17:=Secret)", "(description:2.5.13.17:=Some  Text)", "(mail:1.3.6.1.4.1.1466.109.114.2:=ANNA@example.org)", "(mail:1.3.6.1.4.1.1466.109.114.1:=ANNA@example.org)",
		"(davUniqueId:numericStringMatch:=1)", "(telephoneNumber:numericStringMatch:=1)", "(uidNumber:numericStringMatch:=7)", "(davUniqueId:caseIgnoreListMatch:=a)", "(davUniqueId:booleanMatch:=TRUE)", "(createTimestamp:2.5.13.27:=20000101000000Z)", "(davUniqueId:generalizedTimeMatch:=20000101000000Z)",
		"(jpegPhoto:octetStringMatch:=x)", "(jpegPhoto=*)", "(c:caseExactMatch:=DE)",
		"(&(davUniqueId:caseExactMatch:=ABC)(!(davStore=*)))", "(|(unheardOf=x)(cn=Anna Berg))", "(&(unheardOf=x)(cn=Anna Berg))", "(&)", "(|)",
	} {
		out = append(out, f, "(!"+f+")")
	}
	return out
}

// TestRandomModifiesLikeSlapd checks that random modify requests have the same result
// codes and produce the same entries as with slapd.
func TestRandomModifiesLikeSlapd(t *testing.T) {
	m := maker{Rand: seed.New(t), slapd: true}
	const n = 8
	ours, theirs := both(t, m.entries(n))
	codes := map[string]int{}
	for range 1500 {
		dn := fmt.Sprintf("uid=u%d,o=isp", m.IntN(n+1))
		var changes []ldap.Change
		for range 1 + m.IntN(3) {
			changes = append(changes, m.change())
		}
		controls := []ldap.Control{preRead(m.pick("description", "*", "ou", "member"))}
		if m.IntN(3) == 0 {
			f, _ := m.filter(1)
			controls = append(controls, assert(f))
		}
		got, want := outcome(ours, dn, controls, changes...), outcome(theirs, dn, controls, changes...)
		if got != want {
			t.Fatalf("%s, %v: %s\nslapd: %s", dn, changes, got, want)
		}
		if got, want := now(t, ours, dn), now(t, theirs, dn); got != want {
			t.Fatalf("%s, %v: the entry is\n%s\nslapd has\n%s", dn, changes, got, want)
		}
		codes[strings.SplitAfterN(got, " ", 3)[1]]++
	}
	t.Logf("how often which result came: %v", codes)
}

// change returns a random change. Many of them fail.
func (m maker) change() ldap.Change {
	name := m.pick("description", "ou", "description", "ou", "member", "userPassword", "uidNumber", "davUniqueId", "icsCalendar", "nothingKnown")
	c := change(m.pick("add", "delete", "replace"), name)
	values := m.IntN(3)
	for range values {
		v := m.word()
		switch name {
		case "uidNumber":
			v = m.pick("0", "-3", "12", "7", "no number")
		case "member":
			v = m.pick(m.member(), "no dn")
		}
		c.Modification.Vals = append(c.Modification.Vals, v)
	}
	return c
}
