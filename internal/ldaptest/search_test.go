package ldaptest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"
)

func TestScopes(t *testing.T) {
	entries := append(people(2), NewEntry(`cn=Say \2c \"hi\"+sn=B,uid=u000001,ou=People, o=ISP`, "objectClass", "top"))
	for kind, o := range map[string]Options{
		"held":      {Entries: entries},
		"generated": {Generate: slices.Values(entries), Suffixes: []string{"o=isp"}},
		"both":      {Entries: entries[:2], Generate: slices.Values(entries[2:])},
	} {
		s := Start(t, o)
		c := dial(t, s.URL())
		odd := entries[4].DN
		for _, x := range []struct {
			base  string
			scope int
			want  []string
		}{
			{"o=isp", ldap.ScopeBaseObject, []string{"o=isp"}},
			{"O=Isp", ldap.ScopeSingleLevel, []string{entries[1].DN}},
			{"ou=people, o=isp", ldap.ScopeSingleLevel, []string{entries[2].DN, entries[3].DN}},
			{"uid=u000001,ou=people,o=isp", ldap.ScopeWholeSubtree, []string{entries[3].DN, odd}},
			{"uid=u000001,ou=people,o=isp", ldap.ScopeChildren, []string{odd}},
			{`sn=b+cn=SAY \, \"hi\",uid=u000001,ou=people,o=isp`, ldap.ScopeBaseObject, []string{odd}},
			{"", ldap.ScopeWholeSubtree, []string{entries[0].DN, entries[1].DN, entries[2].DN, entries[3].DN, odd}},
		} {
			got := dns(ask(t, c, request(x.base, x.scope, "(objectClass=*)")))
			same(t, fmt.Sprintf("%s: %s, scope %d", kind, x.base, x.scope), got, x.want)
			if x.scope < 3 {
				a := ldapsearch(t, nil, "-x", "-H", s.URL(), "-b", x.base, "-s", []string{"base", "one", "sub"}[x.scope], "1.1")
				same(t, kind+": ldapsearch "+x.base, a.dns, x.want)
			}
		}
		_, err := c.Search(request("uid=none,ou=people,o=isp", ldap.ScopeWholeSubtree, "(objectClass=*)"))
		code(t, kind+": no such base", err, ldap.LDAPResultNoSuchObject)
		_, err = c.Search(request("none", ldap.ScopeWholeSubtree, "(objectClass=*)"))
		code(t, kind+": no DN", err, ldap.LDAPResultInvalidDNSyntax)
	}
}

func TestSelection(t *testing.T) {
	e := NewEntry("cn=a,o=isp", "objectClass", "top", "CN", "a", "cn;lang-de", "ä", "mail", "a@b", "mail", "c@d",
		"entryUUID", "0", "nsUniqueId", "1", "title", "t")
	s := Start(t, Options{Entries: []Entry{e}, Operational: []string{"title"}})
	c := dial(t, s.URL())
	user := []string{"CN", "cn;lang-de", "mail", "objectClass"}
	for _, x := range []struct {
		asked, want []string
	}{
		{nil, user},
		{[]string{"*"}, user},
		{[]string{"1.1"}, []string{}},
		{[]string{"1.1", "mail"}, []string{"mail"}},
		{[]string{"+"}, []string{"entryUUID", "nsUniqueId", "title"}},
		{[]string{"*", "NSUNIQUEID"}, append([]string{"CN", "cn;lang-de", "mail", "nsUniqueId"}, "objectClass")},
		{[]string{"commonName"}, []string{"CN", "cn;lang-de"}},
		{[]string{"cn;lang-de"}, []string{"cn;lang-de"}},
		{[]string{"noSuch"}, []string{}},
	} {
		req := request("cn=a,o=isp", ldap.ScopeBaseObject, "(objectClass=*)", x.asked...)
		got := ask(t, c, req).Entries[0]
		same(t, strings.Join(x.asked, " "), names(got), x.want)
		req.TypesOnly = true
		got = ask(t, c, req).Entries[0]
		same(t, strings.Join(x.asked, " ")+" types", names(got), x.want)
		for _, a := range got.Attributes {
			if len(a.Values) > 0 {
				t.Errorf("%s has values", a.Name)
			}
		}
	}
	got := values(ask(t, c, request("cn=a,o=isp", ldap.ScopeBaseObject, "(objectClass=*)", "mail")).Entries[0])
	same(t, "values", got, map[string][]string{"mail": {"a@b", "c@d"}})
	a := ldapsearch(t, nil, "-x", "-H", s.URL(), "-b", "cn=a,o=isp", "-s", "base", "-A", "*")
	same(t, "ldapsearch -A", a.out, "dn: cn=a,o=isp\nobjectClass:\nCN:\ncn;lang-de:\nmail:\n\n")
}

// TestSizes checks values around each size of the length field of BER.
func TestSizes(t *testing.T) {
	var entries []Entry
	for _, n := range []int{0, 100, 110, 120, 126, 127, 128, 240, 254, 255, 256, 65400, 65500, 65534, 65535, 65536, 70000} {
		entries = append(entries, NewEntry(fmt.Sprintf("cn=%d", n), "cn", fmt.Sprint(n), "description", strings.Repeat("x", n)))
	}
	c := dial(t, Start(t, Options{Entries: entries}).URL())
	res := ask(t, c, request("", ldap.ScopeWholeSubtree, "(cn=*)"))
	for i, e := range res.Entries {
		if e.DN != entries[i].DN || e.GetAttributeValue("description") != entries[i].Attrs[1].Values[0] {
			t.Errorf("entry %s was received as %s with %d octets", entries[i].DN, e.DN, len(e.GetAttributeValue("description")))
		}
	}
	if len(res.Entries) != len(entries) {
		t.Errorf("received %d of %d entries", len(res.Entries), len(entries))
	}
	for _, v := range []int64{0, 1, 127, 128, 255, 256, 32767, 32768, 1<<31 - 1} {
		p := intOctets(v)
		var got int64
		for _, b := range p {
			got = got<<8 | int64(b)
		}
		if got != v || p[0]&0x80 != 0 || len(p) > 1 && p[0] == 0 && p[1]&0x80 == 0 {
			t.Errorf("%d is encoded as %x", v, p)
		}
	}
}

func TestPaging(t *testing.T) {
	for _, n := range []int{0, 1, 13, 14} {
		for _, generated := range []bool{false, true} {
			o := Options{Entries: people(n)}
			if generated {
				o = Options{Entries: o.Entries[:2], Generate: slices.Values(o.Entries[2:])}
			}
			s := Start(t, o)
			c := dial(t, s.URL())
			want := dns(ask(t, c, everybody("1.1")))
			for _, size := range []int{1, 2, 7, 1000} {
				what := fmt.Sprintf("%d entries by %d, generated %t", n, size, generated)
				before := len(s.Searches())
				res, err := c.SearchWithPaging(everybody("1.1"), uint32(size))
				if err != nil {
					t.Fatal(err)
				}
				same(t, what, dns(res), want)
				pages := s.Searches()[before:]
				if len(pages) != max(1, (n+size-1)/size) {
					t.Errorf("%s: %d pages", what, len(pages))
				}
				seen := map[string]bool{}
				for i, p := range pages {
					if len(p.Controls) != 1 || p.Controls[0].PageSize != size || (len(p.Controls[0].Cookie) == 0) != (i == 0) {
						t.Errorf("%s: page %d asked with %+v", what, i, p.Controls)
					}
					seen[string(p.Controls[0].Cookie)] = true
				}
				if len(seen) != len(pages) {
					t.Errorf("%s: %d cookies", what, len(seen))
				}
				a := ldapsearch(t, nil, "-x", "-H", s.URL(), "-b", "ou=people,o=isp", "-s", "one",
					"-E", fmt.Sprintf("!pr=%d/noprompt", size), "(uid=*)", "1.1")
				if a.code != 0 || !slices.Equal(a.dns, want) {
					t.Errorf("%s: ldapsearch gives %d entries, code %d: %s", what, len(a.dns), a.code, a.stderr)
				}
			}
		}
	}
}

// TestCookies checks that a cookie is valid for one page of one search on one
// connection.
func TestCookies(t *testing.T) {
	s := Start(t, Options{Entries: people(5)})
	c, other := dial(t, s.URL()), dial(t, s.URL())
	page := func(c *ldap.Conn, size uint32, cookie []byte, filter string) ([]byte, int, error) {
		req := request("ou=people,o=isp", ldap.ScopeSingleLevel, filter)
		control := ldap.NewControlPaging(size)
		control.SetCookie(cookie)
		req.Controls = []ldap.Control{control}
		res, err := c.Search(req)
		got, _ := ldap.FindControl(res.Controls, ldap.ControlTypePaging).(*ldap.ControlPaging)
		if got == nil {
			return nil, len(res.Entries), err
		}
		return got.Cookie, len(res.Entries), err
	}
	first, _, _ := page(c, 2, nil, "(uid=*)")
	_, _, err := page(other, 2, first, "(uid=*)")
	code(t, "cookie of another connection", err, ldap.LDAPResultUnwillingToPerform)
	_, _, err = page(c, 2, first, "(cn=*)")
	code(t, "cookie of another search", err, ldap.LDAPResultUnwillingToPerform)
	second, n, err := page(c, 1, first, "(uid=*)")
	if n != 1 || err != nil {
		t.Errorf("the second page: %d entries, %v", n, err)
	}
	_, _, err = page(c, 2, first, "(uid=*)")
	code(t, "used cookie", err, ldap.LDAPResultUnwillingToPerform)
	if last, n, err := page(c, 0, second, "(uid=*)"); n != 0 || err != nil || len(last) != 0 {
		t.Errorf("the end of the search: %d entries, cookie %q, %v", n, last, err)
	}
	_, _, err = page(c, 2, second, "(uid=*)")
	code(t, "cookie of an ended search", err, ldap.LDAPResultUnwillingToPerform)
}

func TestNoPaging(t *testing.T) {
	s := Start(t, Options{Entries: people(5), NoPaging: true})
	c := dial(t, s.URL())
	res, err := c.SearchWithPaging(everybody(), 2)
	if err != nil || len(res.Entries) != 5 || len(s.Searches()) != 1 {
		t.Errorf("%d entries in %d pages, %v", len(res.Entries), len(s.Searches()), err)
	}
	a := ldapsearch(t, nil, "-x", "-H", s.URL(), "-b", "o=isp", "-E", "!pr=2/noprompt")
	if a.code != ldap.LDAPResultUnavailableCriticalExtension {
		t.Errorf("critical control: code %d", a.code)
	}
	root := ask(t, c, request("", ldap.ScopeBaseObject, "(objectClass=*)", "supportedControl")).Entries[0]
	if slices.Contains(root.GetAttributeValues("supportedControl"), ldap.ControlTypePaging) {
		t.Error("the control is still listed")
	}
}

// TestLimits checks the limits, which apply to an ordinary user and not to the manager.
// The behavior with pages was observed in OpenLDAP and 389 Directory Server.
func TestLimits(t *testing.T) {
	s := Start(t, Options{
		Entries:         people(50),
		AnonymousLimits: Limits{Size: 5},
		Identities: []Identity{
			{DN: "cn=Manager,o=isp", Password: "secret"},
			{DN: "cn=openldap,o=isp", Password: "x", Limits: Limits{Size: 20}},
			{DN: "cn=389,o=isp", Password: "x", Limits: Limits{Size: 20, SizePerPage: true, LookThrough: 40}},
		},
	})
	negated := request("o=isp", ldap.ScopeWholeSubtree, "(!(davUniqueId=*))", "1.1")
	for _, x := range []struct {
		who     string
		page    uint32
		req     *ldap.SearchRequest
		entries int
		code    int
	}{
		{"", 0, everybody(), 5, 4},
		{"", 2, everybody(), 5, 4},
		{"Manager", 0, everybody(), 50, 0},
		{"Manager", 7, everybody(), 50, 0},
		{"openldap", 0, everybody(), 20, 4},
		{"openldap", 10, everybody(), 20, 4},
		{"389", 0, everybody(), 20, 4},
		{"389", 10, everybody(), 40, 11},
		{"389", 30, everybody(), 20, 4},
		{"389", 0, negated, 2, 11},
		{"389", 0, request("o=isp", ldap.ScopeWholeSubtree, "(uid=u000049)"), 1, 0},
		{"389", 0, request("o=isp", ldap.ScopeWholeSubtree, "(&(objectClass=top)(!(uid=*)))"), 1, 11},
	} {
		c := dial(t, s.URL())
		if x.who != "" {
			password := map[bool]string{true: "secret", false: "x"}[x.who == "Manager"]
			if err := c.Bind("CN="+x.who+", o=isp", password); err != nil {
				t.Fatal(err)
			}
		}
		x.req.Controls = nil
		var res *ldap.SearchResult
		var err error
		if x.page == 0 {
			res, err = c.Search(x.req)
		} else {
			res, err = c.SearchWithPaging(x.req, x.page)
		}
		if resultCode(err) != x.code || len(res.Entries) != x.entries {
			t.Errorf("%s, pages of %d, %s: %d entries, %v", x.who, x.page, x.req.Filter, len(res.Entries), err)
		}
		if _, err := c.Search(request("", ldap.ScopeBaseObject, "(objectClass=*)")); err != nil {
			t.Errorf("the root DSE: %v", err)
		}
	}
	a := ldapsearch(t, nil, "-x", "-H", s.URL(), "-b", "o=isp", "-E", "pr=2/noprompt", "(uid=*)")
	if a.code != 4 || len(a.dns) != 5 {
		t.Errorf("ldapsearch: %d entries, code %d", len(a.dns), a.code)
	}
	a = ldapsearch(t, nil, "-x", "-H", s.URL(), "-b", "o=isp", "-z", "3", "(uid=*)")
	if a.code != 4 || len(a.dns) != 3 {
		t.Errorf("ldapsearch -z 3: %d entries, code %d", len(a.dns), a.code)
	}
}

func TestRootAndSchema(t *testing.T) {
	s := Start(t, Options{Entries: people(1), TLS: true, RootDSE: []Attr{
		{"vendorName", []string{"389 Project"}}, {"supportedExtension", nil}, {"dataversion", []string{"1"}},
	}, EvaluateUnknown: true})
	c := dial(t, s.URL())
	bare := ask(t, c, request("", ldap.ScopeBaseObject, "(objectClass=*)")).Entries[0]
	same(t, "without +", names(bare), []string{"dataversion", "objectClass"})
	root := values(ask(t, c, request("", ldap.ScopeBaseObject, "(objectClass=*)", "+")).Entries[0])
	same(t, "root", root, map[string][]string{
		"namingContexts": {"o=isp"}, "subschemaSubentry": {"cn=Subschema"}, "supportedLDAPVersion": {"3"},
		"supportedControl": {oidManageDSAIT, oidPaging, oidAssertion, oidPreRead}, "vendorName": {"389 Project"}, "vendorVersion": {"1"},
		"supportedSASLMechanisms": {"EXTERNAL"},
	})
	a := ldapsearch(t, nil, "-x", "-H", s.URL(), "-b", "cn=subschema", "-s", "base", "attributeTypes", "objectClasses")
	for _, name := range []string{"'davUniqueId'", "'icsCalendarUser'"} {
		if !strings.Contains(a.out, name) {
			t.Errorf("the schema does not have %s", name)
		}
	}
	without := DefaultSchema().Without("davuniqueid", "DAVENTITY")
	if n := len(DefaultSchema().AttributeTypes) - len(without.AttributeTypes); n != 1 {
		t.Errorf("%d types are missing", n)
	}
	if n := len(DefaultSchema().ObjectClasses) - len(without.ObjectClasses); n != 1 {
		t.Errorf("%d classes are missing", n)
	}
	// In a directory that has not been prepared, no entry is found that lacks an id.
	entries := []Entry{NewEntry("o=isp", "objectClass", "organization", "o", "isp")}
	c = dial(t, Start(t, Options{Schema: &without, Entries: entries}).URL())
	if n := len(ask(t, c, request("o=isp", ldap.ScopeWholeSubtree, "(!(davUniqueId=*))")).Entries); n != 0 {
		t.Errorf("%d entries lack an unknown attribute", n)
	}
}

func TestOtherOperations(t *testing.T) {
	s := Start(t, Options{Entries: people(1)})
	c := dial(t, s.URL())
	dn := "uid=u000000,ou=people,o=isp"
	modify := ldap.NewModifyRequest(dn, nil)
	modify.Replace("cn", []string{"x"})
	code(t, "modify", c.Modify(modify), ldap.LDAPResultStrongAuthRequired)
	code(t, "add", c.Add(ldap.NewAddRequest("cn=x,o=isp", nil)), ldap.LDAPResultStrongAuthRequired)
	code(t, "delete", c.Del(ldap.NewDelRequest(dn, nil)), ldap.LDAPResultStrongAuthRequired)
	code(t, "modifydn", c.ModifyDN(ldap.NewModifyDNRequest(dn, "uid=x", true, "")), ldap.LDAPResultUnwillingToPerform)
	_, err := c.Compare(dn, "cn", "x")
	code(t, "compare", err, ldap.LDAPResultUnwillingToPerform)
	_, err = c.PasswordModify(ldap.NewPasswordModifyRequest(dn, "a", "b"))
	code(t, "extended", err, ldap.LDAPResultProtocolError)
	var ops []string
	for _, r := range s.Log() {
		ops = append(ops, r.Op)
	}
	same(t, "operations", ops, []string{"modify", "add", "delete", "modifydn", "compare", "extended"})
}

func TestReferralsAndAliases(t *testing.T) {
	entries := append(people(1),
		NewEntry("cn=alias,ou=people,o=isp", "objectClass", "alias", "objectClass", "extensibleObject", "aliasedObjectName", "o=isp"),
		NewEntry("ou=away,o=isp", "objectClass", "referral", "ref", "ldap://elsewhere/ou=away,o=isp"))
	c := dial(t, Start(t, Options{Entries: entries}).URL())
	req := request("o=isp", ldap.ScopeWholeSubtree, "(|(uid=*)(objectClass=alias))", "1.1")
	res := ask(t, c, req)
	same(t, "entries", dns(res), []string{entries[2].DN, entries[3].DN})
	same(t, "references", res.Referrals, []string{"ldap://elsewhere/ou=away,o=isp"})
	req.Filter = "(objectClass=referral)"
	req.Controls = []ldap.Control{ldap.NewControlManageDsaIT(true)}
	res = ask(t, c, req)
	same(t, "managed", dns(res), []string{"ou=away,o=isp"})
	_, err := c.Search(request("uid=x,ou=away,o=isp", ldap.ScopeBaseObject, "(objectClass=*)"))
	code(t, "base behind a referral", err, ldap.LDAPResultReferral)
}

func TestAbandon(t *testing.T) {
	s := Start(t, Options{Entries: people(1000), Faults: Faults{SlowEntries: 5 * time.Millisecond}})
	c := dial(t, s.URL())
	// go-ldap does not send Abandon; a bind must end the search, too.
	ctx, cancel := context.WithCancel(t.Context())
	r := c.SearchAsync(ctx, everybody(), 0)
	r.Next()
	cancel()
	if err := c.UnauthenticatedBind(""); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the end of the search", func() bool { return s.Log()[1].Answered })
	if l := s.Log(); l[0].Answered {
		t.Errorf("the search continued: %+v", l[0])
	}
	within(t, "ldapsearch with a time limit", func() {
		a := ldapsearch(t, nil, "-x", "-H", s.URL(), "-b", "o=isp", "-l", "1", "(uid=*)")
		if a.code != ldap.LDAPResultTimeLimitExceeded || len(a.dns) == 0 || len(a.dns) > 900 {
			t.Errorf("code %d after %d entries in a second", a.code, len(a.dns))
		}
	})
	raw := rawDial(t, s)
	within(t, "an abandon", func() {
		want := appendResult(nil, 3, opExtendedResult, Result{}, appendString(nil, 0x8b, ""), nil)
		_, _ = raw.Write(slices.Concat(rawSearch(1), rawSearch(2), rawMessage(9, appendInt(nil, 0x50, 1)), rawMessage(9, appendInt(nil, 0x50, 2)),
			rawMessage(3, appendElement(nil, 0x77, appendString(nil, 0x80, oidWhoAmI)))))
		readTo(t, raw, want)
	})
	if l := s.Searches(); l[len(l)-1].Answered || l[len(l)-2].Answered {
		t.Error("abandoned searches were answered")
	}
}

func rawDial(t testing.TB, s *Server) net.Conn {
	t.Helper()
	raw, err := net.Dial("tcp", strings.TrimPrefix(s.URL(), "ldap://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = raw.Close() })
	return raw
}

func rawMessage(id int64, op []byte) []byte {
	return appendElement(nil, tagSequence, append(appendInt(nil, tagInteger, id), op...))
}

// rawSearch returns a request for all entries.
func rawSearch(id int64) []byte {
	b := appendString(nil, tagOctets, "o=isp")
	b = appendInt(b, tagEnumerated, 2)
	for range 3 {
		b = appendInt(b, tagInteger, 0)
	}
	b = appendElement(b, tagBoolean, []byte{0})
	b = appendString(b, 0x87, "objectClass")
	return rawMessage(id, appendElement(nil, 0x63, appendElement(b, tagSequence, nil)))
}

// TestMalformedRequests checks that data that is not LDAP is answered with an error and
// ends the connection.
func TestMalformedRequests(t *testing.T) {
	s := Start(t, Options{Entries: people(1)})
	for what, b := range map[string][]byte{
		"no message":     {tagSequence, 0},
		"no operation":   rawMessage(1, nil),
		"unknown":        rawMessage(1, appendElement(nil, 0x7e, nil)),
		"short search":   rawMessage(1, appendElement(nil, 0x63, nil)),
		"short bind":     rawMessage(1, appendElement(nil, 0x60, nil)),
		"unknown filter": bytes.Replace(rawSearch(1), []byte{0x87}, []byte{0x8f}, 1),
		"substrings":     bytes.Replace(rawSearch(1), []byte("\x87\x0bobjectClass"), []byte("\xa4\x0b\x04\x02cn\x30\x05\x80\x03abc"), 1),
		"bad paging": appendElement(nil, tagSequence, append(rawSearch(1)[2:],
			appendElement(nil, tagControls, appendPaging(nil, []byte{1}))...)),
		"not BER": []byte("GET / HTTP/1.0\r\n\r\n"),
	} {
		raw := rawDial(t, s)
		within(t, what, func() {
			_, _ = raw.Write(b)
			_ = raw.(*net.TCPConn).CloseWrite()
			_, _ = io.ReadAll(raw)
		})
		_ = raw.Close()
	}
	eventually(t, "the end of the connections", func() bool { return s.Open() == 0 })
	if n := len(ask(t, dial(t, s.URL()), everybody()).Entries); n != 1 {
		t.Errorf("then %d entries", n)
	}
}
