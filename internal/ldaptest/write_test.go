package ldaptest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"

	"github.com/davadmin/davadmin/pkg/ldif"
)

const personDN = "uid=u000000,ou=people,o=isp"

// writable starts a server with persons and a manager.
func writable(t testing.TB, o Options) *Server {
	t.Helper()
	if o.Entries == nil && o.Generate == nil {
		o.Entries = people(3)
	}
	o.Identities = append(o.Identities, Identity{DN: managerDN, Password: "secret"})
	return Start(t, o)
}

// manager connects and binds as the manager.
func manager(t *testing.T, s *Server) *ldap.Conn {
	t.Helper()
	c := dial(t, s.URL())
	if err := c.Bind(managerDN, "secret"); err != nil {
		t.Fatal(err)
	}
	return c
}

func modify(c *ldap.Conn, dn string, changes ...ldap.Change) error {
	req := ldap.NewModifyRequest(dn, nil)
	req.Changes = changes
	return c.Modify(req)
}

func retitle(c *ldap.Conn, to string) error {
	return modify(c, personDN, change("replace", "title", to))
}

// TestChangesAreSeen checks that every client sees a change at once, in every kind of
// search.
func TestChangesAreSeen(t *testing.T) {
	s := writable(t, Options{})
	c, other := manager(t, s), dial(t, s.URL())
	if err := retitle(c, "Head"); err != nil {
		t.Fatal(err)
	}
	same(t, "a search by the new value", dns(ask(t, other, request("o=isp", ldap.ScopeWholeSubtree, "(title=HEAD)"))), []string{personDN})
	same(t, "the value", s.Values(personDN, "Title"), []string{"Head"})
	if err := c.Add(ldap.NewAddRequest("uid=new,ou=people,o=isp", nil)); err != nil {
		t.Fatal(err)
	}
	if err := c.Del(ldap.NewDelRequest("uid=u000001,ou=people,o=isp", nil)); err != nil {
		t.Fatal(err)
	}
	same(t, "all", dns(ask(t, other, everybody())), []string{personDN, "uid=u000002,ou=people,o=isp", "uid=new,ou=people,o=isp"})
	_, err := other.Search(request("uid=u000001,ou=people,o=isp", ldap.ScopeBaseObject, "(objectClass=*)"))
	code(t, "a deleted entry", err, ldap.LDAPResultNoSuchObject)
	// A deleted entry can be added again, and is then the last one.
	if err := c.Add(addRequest(person(1))); err == nil {
		t.Error("entryUUID was accepted from a client")
	}
	s.Put(person(1))
	if got := dns(ask(t, other, everybody())); len(got) != 4 || got[3] != person(1).DN {
		t.Errorf("after the entry was added again: %q", got)
	}
}

// TestChangesBetweenPages checks that a search with pages returns each entry as it is
// when its turn comes.
func TestChangesBetweenPages(t *testing.T) {
	s := writable(t, Options{Entries: people(400)})
	c := manager(t, s)
	page := ldap.NewControlPaging(150)
	req := everybody("uid", "title")
	req.Controls = []ldap.Control{page}
	var got []string
	for i := 0; ; i++ {
		res := ask(t, c, req)
		got = append(got, dns(res)...)
		next, _ := ldap.FindControl(res.Controls, ldap.ControlTypePaging).(*ldap.ControlPaging)
		if len(next.Cookie) == 0 {
			break
		}
		page.SetCookie(next.Cookie)
		if i == 0 {
			// So many that the list of entries is rebuilt.
			for k := range 300 {
				s.Remove(person(k).DN)
			}
			s.Put(person(500))
		}
	}
	// The first entry of the second page had been found before.
	if len(got) != 251 || got[150] != person(150).DN || got[151] != person(300).DN || got[250] != person(399).DN {
		t.Errorf("received %d entries: %q", len(got), got)
	}
	if n := len(ask(t, c, everybody("1.1")).Entries); n != 101 {
		t.Errorf("%d entries at the end", n)
	}
	if n := len(s.tree.all()); n > 250 {
		t.Errorf("%d slots for 103 entries", n)
	}
}

// TestConcurrentChanges checks that no change is lost, and that no client sees a partial
// change, when many clients change and search at once.
func TestConcurrentChanges(t *testing.T) {
	const clients, rounds = 6, 60
	s := writable(t, Options{Entries: append(people(2), NewEntry("cn=count,o=isp", "cn", "count", "uidNumber", "0", "gidNumber", "0"))})
	var wait sync.WaitGroup
	var stop, torn atomic.Bool
	conns := make([]*ldap.Conn, clients+2)
	for i := range conns {
		conns[i] = manager(t, s)
	}
	for i, c := range conns[:clients] {
		wait.Go(func() {
			for done := 0; done < rounds; {
				have := s.Values("cn=count,o=isp", "uidNumber")[0]
				n, _ := strconv.Atoi(have)
				next := fmt.Sprint(n + 1)
				req := ldap.NewModifyRequest("cn=count,o=isp", []ldap.Control{assert("(uidNumber=" + have + ")")})
				req.Replace("uidNumber", []string{next})
				req.Replace("gidNumber", []string{next})
				err := c.Modify(req)
				switch {
				case err == nil:
					done++
				case !ldap.IsErrorWithCode(err, ldap.LDAPResultAssertionFailed):
					t.Errorf("modify: %v", err)
					return
				}
				e := NewEntry(fmt.Sprintf("cn=%d-%d,o=isp", i, done), "cn", "x")
				_ = c.Add(addRequest(e))
				_ = c.Del(ldap.NewDelRequest(e.DN, nil))
			}
		})
	}
	var readers sync.WaitGroup
	for _, c := range conns[clients:] {
		readers.Go(func() {
			for !stop.Load() {
				for _, e := range ask(t, c, request("o=isp", ldap.ScopeWholeSubtree, "(uidNumber=*)")).Entries {
					if e.GetAttributeValue("uidNumber") != e.GetAttributeValue("gidNumber") {
						torn.Store(true)
					}
				}
			}
		})
	}
	wait.Wait()
	stop.Store(true)
	readers.Wait()
	same(t, "the count", s.Values("cn=count,o=isp", "uidNumber"), []string{fmt.Sprint(clients * rounds)})
	if torn.Load() {
		t.Error("a partial change was seen")
	}
}

// TestOfferedControls checks that the server supports exactly the controls that the root
// DSE lists.
func TestOfferedControls(t *testing.T) {
	for _, x := range []struct {
		o             Options
		assert, reads bool
	}{{Options{}, true, true}, {Options{NoAssertion: true}, false, true}, {Options{NoPreRead: true}, true, false}, {Options{NoAssertion: true, NoPreRead: true}, false, false}} {
		s := writable(t, x.o)
		c := manager(t, s)
		root := ask(t, c, request("", ldap.ScopeBaseObject, "(objectClass=*)", "supportedControl")).Entries[0].GetAttributeValues("supportedControl")
		if slices.Contains(root, oidAssertion) != x.assert || slices.Contains(root, oidPreRead) != x.reads {
			t.Errorf("%+v: the root DSE lists %q", x, root)
		}
		for _, y := range []struct {
			control *ldap.ControlString
			offered bool
			want    string
		}{
			{assert("(cn=nobody)").(*ldap.ControlString), x.assert, "code 122"},
			{preRead("sn").(*ldap.ControlString), x.reads, "code 0, was " + personDN + ` sn: ["u000000"]`},
		} {
			want := y.want
			if !y.offered {
				want = "code 12"
			}
			same(t, "critical", outcome(c, personDN, []ldap.Control{y.control}, change("replace", "title", "x")), want)
			if !y.offered {
				want = "code 0"
			}
			y.control.Criticality = false
			same(t, "not critical", outcome(c, personDN, []ldap.Control{y.control}, change("replace", "title", "y")), want)
		}
		req := everybody()
		req.Controls = []ldap.Control{preRead("sn")}
		_, err := c.Search(req)
		code(t, "a search that reads before", err, ldap.LDAPResultUnavailableCriticalExtension)
	}
}

func TestBusyAndRefused(t *testing.T) {
	s := writable(t, Options{Faults: Faults{BusyModify: 2, BusyMore: 1, RefuseDNs: []string{"UID=u000001, ou=people,o=isp"}}})
	c := manager(t, s)
	var codes []int
	for i := range 5 {
		codes = append(codes, resultCode(retitle(c, fmt.Sprint(i))))
	}
	same(t, "codes", codes, []int{0, ldap.LDAPResultBusy, ldap.LDAPResultBusy, 0, 0})
	code(t, "a modify that is refused", modify(c, person(1).DN, change("add", "title", "x")), ldap.LDAPResultInsufficientAccessRights)
	code(t, "a delete that is refused", c.Del(ldap.NewDelRequest(person(1).DN, nil)), ldap.LDAPResultInsufficientAccessRights)
	fired(t, s, "BusyModify", 2)
	fired(t, s, "RefuseDNs", 2)
	s.SetFaults(Faults{ReadOnly: true})
	code(t, "read-only", retitle(c, "x"), ldap.LDAPResultUnwillingToPerform)
	fired(t, s, "ReadOnly", 1)
	s.SetFaults(Faults{ReferTo: []string{"ldap://a.example", "ldaps://b.example/o=isp"}})
	err := retitle(c, "x")
	code(t, "replica", err, ldap.LDAPResultReferral)
	same(t, "replica", referrals(err), []string{"ldap://a.example/" + personDN, "ldaps://b.example/o=isp"})
	fired(t, s, "ReferTo", 1)
	// Searches still work.
	if n := len(ask(t, c, everybody()).Entries); n != 3 {
		t.Errorf("%d entries", n)
	}
	same(t, "the entry", s.Values(personDN, "title"), []string{"4"})
	// The count starts again.
	s.SetFaults(Faults{BusyModify: 1})
	code(t, "busy again", retitle(c, "x"), ldap.LDAPResultBusy)
}

// TestLostAnswers checks that the client cannot tell from the end of the connection
// whether a change was made.
func TestLostAnswers(t *testing.T) {
	s := writable(t, Options{TLS: true})
	for _, x := range []struct {
		name   string
		faults Faults
		made   bool
	}{{"DropBeforeModify", Faults{DropBeforeModify: 2}, false}, {"DropAfterModify", Faults{DropAfterModify: 2}, true}} {
		s.SetFaults(x.faults)
		s.Replace(personDN, "title", "before")
		first, second := manager(t, s), manager(t, s)
		if err := retitle(first, "first"); err != nil {
			t.Error(err)
		}
		if err := retitle(second, "second"); err == nil || resultCode(err) >= 0 && resultCode(err) < ldap.ErrorNetwork {
			t.Errorf("%s: %v", x.name, err)
		}
		want := "first"
		if x.made {
			want = "second"
		}
		same(t, x.name, s.Values(personDN, "title"), []string{want})
		fired(t, s, x.name, 1)
		if err := retitle(first, "third"); err != nil {
			t.Errorf("%s: the other connection: %v", x.name, err)
		}
	}
	s.SetFaults(Faults{StallAfterModify: 1})
	c := manager(t, s)
	c.SetTimeout(200 * time.Millisecond)
	code(t, "no answer", retitle(c, "stalled"), ldap.ErrorNetwork)
	same(t, "no answer", s.Values(personDN, "title"), []string{"stalled"})
	open := s.Open()
	within(t, "closing the connection", func() { _ = c.Close() })
	eventually(t, "the end of the connection", func() bool { return s.Open() < open })
	// Faults of the first connections do not affect the others.
	s.SetFaults(Faults{FirstConnections: 1, ReadOnly: true})
	code(t, "the first", retitle(manager(t, s), "x"), ldap.LDAPResultUnwillingToPerform)
	if err := retitle(manager(t, s), "x"); err != nil {
		t.Errorf("the second: %v", err)
	}
}

// TestHooks checks changes by another client before and after a modify request.
func TestHooks(t *testing.T) {
	s := writable(t, Options{})
	var seen []string
	s.SetFaults(Faults{
		OnModify:    func(dn string) { seen = append(seen, "on "+dn); s.Replace(dn, "title", "theirs") },
		AfterModify: func(dn string) { seen = append(seen, "after "+dn); s.Replace(dn, "title", "theirs again") },
	})
	c := manager(t, s)
	s.Replace(personDN, "title", "ours")
	same(t, "an assertion", outcome(c, personDN, []ldap.Control{assert("(title=ours)")}, change("replace", "title", "new")), "code 122")
	same(t, "a pre-read", outcome(c, personDN, []ldap.Control{preRead("title")}, change("replace", "title", "new")), "code 0, was "+personDN+` title: ["theirs"]`)
	same(t, "the value", s.Values(personDN, "title"), []string{"theirs again"})
	same(t, "the calls", seen, []string{"on " + personDN, "after " + personDN, "on " + personDN, "after " + personDN})
	s.SetFaults(Faults{OnModify: func(dn string) { s.Remove(dn) }})
	same(t, "a removed entry", outcome(c, personDN, nil, change("replace", "title", "new")), "code 32 below ou=people,o=isp")
}

// TestDirect checks the methods that read and change entries directly.
func TestDirect(t *testing.T) {
	s := writable(t, Options{})
	e, ok := s.Entry("UID=u000000, OU=people, O=isp")
	if !ok || e.DN != personDN || len(e.Attrs) != len(person(0).Attrs) {
		t.Fatalf("the entry is %+v", e)
	}
	e.Attrs[0].Values[0] = "spoilt"
	if v := s.Values(personDN, "objectClass"); v[0] != "top" {
		t.Errorf("a change of the copy changed the entry: %q", v)
	}
	given := []string{"b", "a"}
	s.Replace(personDN, "userid", given...)
	given[0] = "spoilt"
	s.Replace(personDN, "sn")
	s.Replace(personDN, "cn;LANG-DE", "Ä")
	got := s.Entries()
	if len(got) != 5 || got[2].DN != personDN {
		t.Errorf("the entries are %+v", got)
	}
	same(t, "values", []any{s.Values(personDN, "uid"), s.Values(personDN, "sn"), s.Values(personDN, "CN;lang-de"), s.Values("cn=none", "sn")}, []any{[]string{"b", "a"}, []string{}, []string{"Ä"}, []string{}})
	if _, ok := s.Entry("cn=none"); ok {
		t.Error("found an entry that does not exist")
	}
	s.Put(NewEntry(personDN, "cn", "other"))
	same(t, "another entry", s.Entries()[2], NewEntry(personDN, "cn", "other"))

	outside, err := New(Options{Listen: "127.0.0.1:0", Entries: people(1)})
	if err != nil {
		t.Fatal(err)
	}
	defer outside.Stop()
	if n := len(ask(t, dial(t, outside.URL()), everybody()).Entries); n != 1 {
		t.Errorf("%d entries outside of a test", n)
	}
	for what, do := range map[string]func(){
		"replaced": func() { outside.Replace("cn=none", "cn", "x") }, "removed": func() { outside.Remove("cn=none") },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("an entry that does not exist was %s", what)
				}
			}()
			do()
		}()
	}
	if _, err := New(Options{Listen: "nowhere"}); err == nil {
		t.Error("the server does not listen")
	}
}

func TestTimestamps(t *testing.T) {
	at := func(s *Server, name string) string { return strings.Join(s.Values(personDN, name), " ") }
	s := writable(t, Options{})
	c := manager(t, s)
	if err := retitle(c, "x"); err != nil || at(s, "modifyTimestamp")+at(s, "modifiersName") != "" {
		t.Errorf("%v; an entry without a time has %q, %q", err, at(s, "modifyTimestamp"), at(s, "modifiersName"))
	}
	s.Replace(personDN, "modifyTimestamp", "20000101000000Z")
	s.Replace(personDN, "title", "by somebody else")
	if then, err := time.Parse("20060102150405Z", at(s, "modifyTimestamp")); err != nil || time.Since(then) > time.Minute {
		t.Errorf("the time is %q", at(s, "modifyTimestamp"))
	}
	s = writable(t, Options{Timestamps: true})
	c = manager(t, s)
	if err := retitle(c, "x"); err != nil || len(at(s, "modifyTimestamp")) != 15 || at(s, "modifiersName") != managerDN {
		t.Errorf("%v; the entry has %q, %q", err, at(s, "modifyTimestamp"), at(s, "modifiersName"))
	}
	dn := "uid=new,ou=people,o=isp"
	if err := c.Add(addRequest(NewEntry(dn, "objectClass", "person"))); err != nil || len(s.Values(dn, "createTimestamp")) != 1 || len(s.Values(dn, "modifyTimestamp")) != 1 {
		t.Errorf("%v; the new entry is %+v", err, s.Entries())
	}
	found := ask(t, c, request(dn, ldap.ScopeBaseObject, "(objectClass=*)")).Entries[0]
	same(t, "what is sent unasked", names(found), []string{"objectClass", "uid"})
}

// TestNotForChanges checks servers on which nothing can be changed.
func TestNotForChanges(t *testing.T) {
	s := writable(t, Options{Generate: slices.Values(people(2)), Suffixes: []string{"o=isp"}})
	code(t, "a generated entry", retitle(manager(t, s), "x"), ldap.LDAPResultUnwillingToPerform)
	s = writable(t, Options{RequireTLS: true, TLS: true})
	code(t, "without TLS", retitle(dial(t, s.URL()), "x"), ldap.LDAPResultConfidentialityRequired)
	s = writable(t, Options{EvaluateUnknown: true})
	c := manager(t, s)
	same(t, "an unknown type where all are taken", outcome(c, personDN, []ldap.Control{assert("(!(unheardOf=*))"), preRead("unheardOf")}, change("add", "unheardOf", "a", "b")), "code 0, was "+personDN+" ")
	same(t, "an unknown value", outcome(c, personDN, nil, change("add", "unheardof", "A")), "code 20")
}

// TestWriteLog checks the log of changes.
func TestWriteLog(t *testing.T) {
	s := writable(t, Options{})
	c := manager(t, s)
	_ = outcome(c, personDN, []ldap.Control{assert("(cn=x)"), preRead("a", "b")}, change("add", "title", "x", "y"), change("delete", "SN"))
	_ = c.Add(addRequest(NewEntry("cn=x,o=isp", "cn", "x")))
	_ = c.Del(ldap.NewDelRequest("cn=x,o=isp", nil))
	log := s.Log()[1:]
	for i := range log {
		log[i].Controls = nil
	}
	same(t, "the log", log, []Request{
		{Connection: 1, ID: 2, Op: "modify", As: managerDN, DN: personDN, Assertion: "(cn=x)", PreRead: []string{"a", "b"},
			Changes: []ldif.Modification{{Op: ldif.OpAdd, Name: "title", Values: [][]byte{[]byte("x"), []byte("y")}}, {Op: ldif.OpDelete, Name: "SN"}}, Answered: true, Code: 17},
		{Connection: 1, ID: 3, Op: "add", As: managerDN, DN: "cn=x,o=isp", Changes: []ldif.Modification{{Op: ldif.OpAdd, Name: "cn", Values: [][]byte{[]byte("x")}}}, Answered: true},
		{Connection: 1, ID: 4, Op: "delete", As: managerDN, DN: "cn=x,o=isp", Answered: true},
	})
}

// TestMalformedWrites checks that malformed requests are answered with an error and
// change nothing.
func TestMalformedWrites(t *testing.T) {
	s := writable(t, Options{})
	c := manager(t, s)
	name := appendString(nil, tagOctets, personDN)
	list := func(inner ...byte) []byte { return appendElement(slices.Clone(name), tagSequence, inner) }
	for i, op := range [][]byte{
		appendElement(nil, 0x66, nil), appendElement(nil, 0x66, name), appendElement(nil, 0x66, list(tagSequence, 0)), appendElement(nil, 0x66, list(tagOctets, 0)),
		appendElement(nil, 0x66, list(tagSequence, 5, tagEnumerated, 1, 9, tagSequence, 0)), appendElement(nil, 0x66, list(tagSequence, 5, tagEnumerated, 1, 0, tagSequence, 0)),
		appendElement(nil, 0x66, list(tagSequence, 5, tagEnumerated, 1, 0, tagOctets, 0)), appendElement(nil, 0x68, list(tagSequence, 0)), appendElement(nil, 0x68, name),
	} {
		raw := rawDial(t, s)
		if _, err := raw.Write(rawMessage(1, op)); err != nil {
			t.Fatal(err)
		}
		p, err := ber.ReadPacket(raw)
		if err != nil {
			t.Errorf("%d: %v", i, err)
			continue
		}
		if got, _ := number(p.Children[1].Children[0]); got != ldap.LDAPResultProtocolError {
			t.Errorf("%d: code %d", i, got)
		}
	}
	for _, value := range []string{"", "\x30", "\x04\x00", "\xa0\xff", "\xa9\x00", "\x87"} {
		for _, oid := range []string{oidAssertion, oidPreRead} {
			got := outcome(c, personDN, []ldap.Control{ldap.NewControlString(oid, true, value)}, change("add", "title", "x"))
			if got == "code -1" || got == "code 200" {
				t.Errorf("%s %q: %s", oid, value, got)
			}
		}
	}
	if err := retitle(c, "still there"); err != nil {
		t.Error(err)
	}
}
