package directory

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/davadmin/davadmin/internal/ldaptest"
)

func TestLiveEntries(t *testing.T) {
	const n = 2500
	s := ldaptest.Start(t, ldaptest.Options{Entries: liveTree(n), Unix: true})
	for _, url := range []string{s.URL(), s.LDAPIURL()} {
		for _, page := range []int{0, 1000, 2500, 7000} {
			before := len(s.Searches())
			l := openLive(t, Options{URLs: []string{url}, PageSize: page})
			for range 2 {
				requireComplete(t, readLive(t.Context(), l, liveUsers()), userTexts(n)...)
			}
			searches := s.Searches()[before:]
			want := 2
			if page > 0 {
				want = 2 * ((n + page - 1) / page)
			}
			if len(searches) != want {
				t.Errorf("pages of %d: %d searches", page, len(searches))
			}
			for _, r := range searches {
				if r.Connection != searches[0].Connection || r.Deref != 0 || r.SizeLimit != 0 || r.TimeLimit != 0 || r.TypesOnly ||
					!slices.Equal(r.Attributes, []string{"uid", "objectClass"}) || r.Filter != "(objectClass=icsCalendarUser)" || r.DN != "o=isp" || r.Scope != 2 {
					t.Errorf("%+v", r)
				}
				if (len(r.Controls) == 1) != (page > 0) || page > 0 && (r.Controls[0].PageSize != page || !r.Controls[0].Critical) {
					t.Errorf("controls %+v", r.Controls)
				}
			}
			if l.Name() != url {
				t.Errorf("the name is %s", l.Name())
			}
		}
	}
}

// TestSelections checks that the first matching Selection determines the kind of an
// entry, and that no entry is delivered twice.
func TestSelections(t *testing.T) {
	entry := func(name string, classes ...string) ldaptest.Entry {
		e := ldaptest.NewEntry("cn="+name+",o=isp", "cn", name, "mail", name+"@example.org", "description;lang-en", "about "+name, "description", "")
		e.Attrs = append(e.Attrs, ldaptest.Attr{Name: "objectClass", Values: classes})
		return e
	}
	entries := []ldaptest.Entry{
		ldaptest.NewEntry("o=isp", "objectClass", "organization", "o", "isp"),
		entry("user", "inetOrgPerson", "icsCalendarUser"),
		entry("room", "icsCalendarResource"),
		entry("both", "icsCalendarResource", "icsCalendarUser"),
		entry("group", "groupOfNames", "davEntity"),
		entry("urls", "GROUPOFURLS"),
		entry("all", "icsCalendarUser", "icsCalendarResource", "groupOfNames"),
		entry("none", "person"),
	}
	q := Query{
		Attributes: []string{"MAIL", "Description", "cn"},
		Selections: []Selection{
			{Kind: Resource, Classes: []string{"ICScalendarResource"}, Attributes: 1 << 1},
			{Kind: User, Classes: []string{" icsCalendarUser ", "icscalendaruser", "icsCalendarResource"}, Attributes: 1 | 1<<2},
			{Kind: Group, Classes: []string{"groupOfNames", "groupOfURLs", "icsCalendarUser"}},
			{Kind: Domain, Classes: []string{"icsCalendarUser"}, Attributes: 1},
			{Kind: Domain, Attributes: 1},
		},
		Others: true,
	}
	wanted := []string{
		`0:0 user "cn=user,o=isp" cn="user" MAIL="user@example.org"`,
		`0:0 resource "cn=room,o=isp" Description="about room" Description=""`,
		`0:0 resource "cn=both,o=isp" Description="about both" Description=""`,
		`0:0 group "cn=group,o=isp"`,
		`0:0 group "cn=urls,o=isp"`,
		`0:0 resource "cn=all,o=isp" Description="about all" Description=""`,
	}
	others := []string{`0:0 other "cn=none,o=isp"`, `0:0 other "o=isp"`}
	without := func(names ...string) *ldaptest.Schema {
		s := ldaptest.DefaultSchema().Without(names...)
		return &s
	}
	for _, c := range []struct {
		name    string
		byClass bool
		schema  *ldaptest.Schema
	}{
		{"selected by the server", true, nil}, {"selected by the reader", false, nil},
		{"one unknown to the server", true, without("icsCalendarResource")}, {"one unknown to the reader", false, without("icsCalendarResource")},
	} {
		s := ldaptest.Start(t, ldaptest.Options{Entries: entries, Schema: c.schema})
		var notes []string
		l, err := Open(t.Context(), Options{URLs: []string{s.URL()}, ByClass: c.byClass, Note: func(n string) { notes = append(notes, n) }})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = l.Close() })
		got := readLive(t.Context(), l, q)
		have := texts(got.items)
		for i := range have { // the order of attributes depends on the server
			have[i] = strings.Replace(have[i], ` MAIL="user@example.org" cn="user"`, ` cn="user" MAIL="user@example.org"`, 1)
		}
		want := slices.Clone(wanted)
		if !c.byClass {
			want = append(want, others...)
		}
		slices.Sort(want)
		slices.Sort(have)
		if got.err != nil || !slices.Equal(have, want) {
			t.Errorf("%s: %v\n%s", c.name, got.err, strings.Join(have, "\n"))
		}
		if len(notes) > 0 || s.Connections() != 1 {
			t.Errorf("%s: notes %q, %d connections", c.name, notes, s.Connections())
		}
	}
}

// TestLiveEverywhere checks that bases, scope and filter do not restrict a Selection with
// Everywhere, and that no entry is delivered twice.
func TestLiveEverywhere(t *testing.T) {
	s := ldaptest.Start(t, ldaptest.Options{Entries: liveTree(5)})
	q := liveUsers()
	q.Selections = append(q.Selections, Selection{Kind: Group, Classes: []string{"groupOfNames"}, Everywhere: true},
		Selection{Kind: Domain, Classes: []string{"organization", "icsCalendarUser"}, Everywhere: true})
	group, domain := `0:0 group "cn=all,ou=people,o=isp"`, `0:0 domain "o=isp"`
	for _, byClass := range []bool{true, false} {
		l, err := Open(t.Context(), Options{URLs: []string{s.URL()}, ByClass: byClass})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = l.Close() })
		for name, c := range map[string]struct {
			change func(*Query)
			want   []string
		}{
			"all":    {func(*Query) {}, append(userTexts(5), group, domain)},
			"filter": {func(q *Query) { q.Filter = "(uid=u0003)" }, append(userTexts(4)[3:], group, domain)},
			"base":   {func(q *Query) { q.Bases = []string{"uid=u0000,ou=people,o=isp"} }, append(userTexts(1), group, domain)},
			"scope":  {func(q *Query) { q.Scope = OneLevel; q.Bases = []string{"o=isp"} }, []string{group, domain}},
		} {
			q := q
			c.change(&q)
			got := readLive(t.Context(), l, q)
			have := texts(got.items)
			slices.Sort(have)
			slices.Sort(c.want)
			if got.err != nil || !slices.Equal(have, c.want) {
				t.Errorf("ByClass %v, %s: %v\n%s", byClass, name, got.err, strings.Join(have, "\n"))
			}
		}
	}
}

// TestLimitAsksForLess checks that a narrower search is tried when a search for all
// entries reaches a limit of the server.
func TestLimitAsksForLess(t *testing.T) {
	tree := liveTree(600)
	for i := range 400 {
		tree = append(tree, ldaptest.NewEntry(fmt.Sprintf("cn=device%d,o=isp", i), "objectClass", "person", "cn", "device", "sn", "device"))
	}
	for name, limits := range map[string]ldaptest.Limits{"size": {Size: 700}, "too little": {Size: 550}} {
		s := ldaptest.Start(t, ldaptest.Options{Entries: tree, Identities: []ldaptest.Identity{{DN: managerDN, Password: "secret", Limits: limits}}})
		l, err := Open(t.Context(), asManager(Options{URLs: []string{s.URL()}}))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = l.Close() })
		got := readLive(t.Context(), l, liveUsers())
		if len(got.restarts) != 1 || ResultCode(got.restarts[0]) != 4 {
			t.Errorf("%s: restarts %v", name, got.restarts)
		}
		if name == "too little" {
			requireShort(t, liveOutcome{items: got.items, err: got.err}, 550, 4, "Size Limit Exceeded")
			continue
		}
		requireComplete(t, liveOutcome{items: got.items, err: got.err}, userTexts(600)...)
	}
}

// TestReferralEntries checks a server that returns a referral as an entry.
func TestReferralEntries(t *testing.T) {
	q := liveUsers()
	plan, err := newLivePlan(q)
	if err != nil {
		t.Fatal(err)
	}
	e := wireEntry{dn: "ou=away,o=isp", attrs: []wireAttr{{"objectClass", []string{"Referral", "extensibleObject"}}, {"ref", []string{"ldap://other/"}}}}
	var got []error
	r := liveRun{l: &Live{dialer: &dialer{}}, plan: plan, yield: func(e *Entry, err error) bool { got = append(got, err); return true }}
	r.reader = entryReader{plan: plan, unasked: func([]byte) {}}
	m, ok := parseMessage(messageOf(5, e.packet()))
	if !ok {
		t.Fatal("the message cannot be parsed")
	}
	if err := r.entry(m.body); err != nil {
		t.Fatal(err)
	}
	var p *Problem
	if len(got) != 1 || !errors.As(got[0], &p) || p.Kind != Referral || string(p.DN) != e.dn {
		t.Errorf("%v", got)
	}
}

// TestCheaperWay checks that the kind of search depends on the entries of the server, and
// that the result does not.
func TestCheaperWay(t *testing.T) {
	few := liveTree(30)
	for i := range 600 {
		few = append(few, ldaptest.NewEntry(fmt.Sprintf("cn=device%d,o=isp", i), "objectClass", "person", "cn", "device", "sn", "device"))
	}
	// The first entries are the sample, so the devices precede the people.
	slices.Reverse(few[2:])
	for name, c := range map[string]struct {
		entries []ldaptest.Entry
		users   int
		filter  string
	}{
		"mostly people": {liveTree(600), 600, "(objectClass=*)"},
		"few people":    {few, 30, "(objectClass=icsCalendarUser)"},
		"a small tree":  {liveTree(2), 2, "(objectClass=*)"},
	} {
		s := ldaptest.Start(t, ldaptest.Options{Entries: c.entries})
		l, err := Open(t.Context(), Options{URLs: []string{s.URL()}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = l.Close() })
		got := readLive(t.Context(), l, liveUsers())
		have := texts(got.items)
		slices.Sort(have)
		if got.err != nil || !slices.Equal(have, userTexts(c.users)) {
			t.Errorf("%s: %v, %d entries", name, got.err, len(have))
		}
		searches := s.Searches()
		if last := searches[len(searches)-1]; last.Filter != c.filter || last.SizeLimit != 0 {
			t.Errorf("%s: %+v", name, last)
		}
	}
}

func TestLiveFilters(t *testing.T) {
	s := ldaptest.Start(t, ldaptest.Options{Entries: liveTree(20)})
	var notes []string
	l := openLive(t, Options{URLs: []string{s.URL()}, Note: func(n string) { notes = append(notes, n) }})
	q := liveUsers()
	q.Filter, q.Selections[0].Filter = "(|(uid=u0003)(uid=u0007))", "(!(mail=u0007@example.org))"
	requireComplete(t, readLive(t.Context(), l, q), userTexts(4)[3:]...)
	if f := s.Searches()[0].Filter; f != "(&(|(uid=u0003)(uid=u0007))(!(mail=u0007@example.org))(objectClass=icsCalendarUser))" {
		t.Error(f)
	}
	// A class is used as a value, whatever characters it contains.
	q = liveUsers()
	q.Selections[0].Classes = []string{"*", "a)(b=*", "x\\", "icsCalendarUser"}
	requireComplete(t, readLive(t.Context(), l, q), userTexts(20)...)

	connections := s.Connections()
	for name, change := range map[string]func(*Query){
		"filter":             func(q *Query) { q.Filter = "(uid=u1" },
		"two filters":        func(q *Query) { q.Filter = "(uid=u1)(uid=u2)" },
		"selection's filter": func(q *Query) { q.Selections[0].Filter = "uid=u1" },
		"base":               func(q *Query) { q.Bases = []string{"people"} },
		"scope":              func(q *Query) { q.Scope = 7 },
		"attributes":         func(q *Query) { q.Attributes = make([]string, 65) },
	} {
		q := liveUsers()
		change(&q)
		got := readLive(t.Context(), l, q)
		if got.err == nil || asIncomplete(got.err) || len(got.items) > 0 {
			t.Errorf("%s: %v", name, got.err)
		}
	}
	if s.Connections() != connections || len(notes) > 0 {
		t.Errorf("an unnecessary connection was made; notes %q", notes)
	}
	// An empty query returns nothing.
	requireComplete(t, readLive(t.Context(), l, Query{Others: true}))
}

func TestBasesOfALiveDirectory(t *testing.T) {
	tree := append(liveTree(2),
		ldaptest.NewEntry("dc=example,dc=org", "objectClass", "icsCalendarUser", "uid", "domain"),
		ldaptest.NewEntry("ou=rooms\\, large,o=isp", "objectClass", "icsCalendarUser", "uid", "rooms"),
		ldaptest.NewEntry("cn=1,ou=rooms\\, large,o=isp", "objectClass", "icsCalendarUser", "uid", "room1"))
	s := ldaptest.Start(t, ldaptest.Options{Entries: tree})
	l := openLive(t, Options{URLs: []string{s.URL()}})
	for _, c := range []struct {
		bases []string
		scope Scope
		asked []string
		uids  string
	}{
		{nil, Subtree, []string{"o=isp", "dc=example,dc=org"}, "u0000 u0001 rooms room1 domain"},
		{[]string{"o=isp", "OU = people , O=ISP", "o=isp"}, Subtree, []string{"o=isp"}, "u0000 u0001 rooms room1"},
		{[]string{"ou=people,o=isp", "ou=rooms\\, large,o=isp"}, Subtree, []string{"ou=people,o=isp", "ou=rooms\\, large,o=isp"}, "u0000 u0001 rooms room1"},
		{[]string{"cn=1,ou=rooms\\2c large,o=isp", "OU=Rooms\\2C Large, o=isp"}, Subtree, []string{"OU=Rooms\\2C Large, o=isp"}, "rooms room1"},
		{[]string{"o=isp", "ou=people,o=isp"}, OneLevel, []string{"o=isp", "ou=people,o=isp"}, "rooms u0000 u0001"},
		{[]string{"uid=u0001,ou=people,o=isp", "o=isp", "UID=U0001,ou=people,o=isp"}, BaseOnly, []string{"uid=u0001,ou=people,o=isp", "o=isp"}, "u0001"},
	} {
		before := len(s.Searches())
		q := liveUsers()
		q.Bases, q.Scope = c.bases, c.scope
		got := readLive(t.Context(), l, q)
		var uids []string
		for _, i := range got.items {
			_, uid, _ := strings.Cut(i.text, `uid="`)
			uids = append(uids, strings.TrimSuffix(uid, `"`))
		}
		if got.err != nil || strings.Join(uids, " ") != c.uids {
			t.Errorf("%q: %q, %v", c.bases, uids, got.err)
		}
		var asked []string
		for _, r := range s.Searches()[before:] {
			asked = append(asked, r.DN)
			if want := map[Scope]int{Subtree: 2, OneLevel: 1, BaseOnly: 0}[c.scope]; r.Scope != want {
				t.Errorf("scope %d", r.Scope)
			}
		}
		if !slices.Equal(asked, c.asked) {
			t.Errorf("%q: searched %q", c.bases, asked)
		}
	}
	// A missing base is an error, not an empty result.
	q := liveUsers()
	q.Bases = []string{"ou=people,o=isp", "ou=none,o=isp", "dc=example,dc=org"}
	got := readLive(t.Context(), l, q)
	requireShort(t, got, 2, 32, "No Such Object")
	if !strings.Contains(got.err.Error(), "ou=none,o=isp") {
		t.Errorf("the error does not contain the base: %v", got.err)
	}
	many := liveUsers()
	for range 50 {
		for i := range 2 {
			many.Bases = append(many.Bases, fmt.Sprintf("uid=u%04d,ou=people,o=isp", i))
		}
	}
	requireComplete(t, readLive(t.Context(), l, many), userTexts(2)...)

	nameless := ldaptest.Start(t, ldaptest.Options{Entries: tree, RootDSE: []ldaptest.Attr{{Name: "namingContexts"}}})
	l = openLive(t, Options{URLs: []string{nameless.URL()}})
	if got := readLive(t.Context(), l, liveUsers()); got.err == nil || !strings.Contains(got.err.Error(), "a base DN is required") {
		t.Errorf("%v", got.err)
	}
}

func TestReferences(t *testing.T) {
	tree := append(liveTree(4), ldaptest.NewEntry("ou=away,o=isp", "objectClass", "referral", "ou", "away", "ref", "ldap://away/ou=away,o=isp"))
	s := ldaptest.Start(t, ldaptest.Options{Entries: tree, Faults: ldaptest.Faults{ReferenceEvery: 3, References: []string{"ldap://a/", "ldap://b/"}}})
	l := openLive(t, Options{URLs: []string{s.URL()}, PageSize: 2})
	got := readLive(t.Context(), l, liveUsers())
	want := slices.Insert(userTexts(4), 3, `0:0 referral "": a part of the tree below "o=isp" is on another server: ldap://a/ or ldap://b/`)
	requireComplete(t, got, append(want, `0:0 referral "": a part of the tree below "o=isp" is on another server: ldap://away/ou=away,o=isp`)...)
	for _, err := range l.Entries(t.Context(), liveUsers()) {
		if p, ok := errors.AsType[*Problem](err); ok {
			if !slices.Equal(p.URLs, []string{"ldap://a/", "ldap://b/"}) {
				t.Errorf("URLs %q", p.URLs)
			}
			break // also allowed here
		}
	}
	q := liveUsers()
	q.Bases = []string{"ou=x,ou=away,o=isp"}
	requireShort(t, readLive(t.Context(), l, q), 0, 10, "ldap://away/ou=away,o=isp")
	if _, err := l.Exists(t.Context(), "ou=away,o=isp"); ResultCode(err) != 10 {
		t.Errorf("Exists of a referral: %v", err)
	}
}

func TestNoPaging(t *testing.T) {
	s := ldaptest.Start(t, ldaptest.Options{Entries: liveTree(20), NoPaging: true})
	var notes []string
	l := openLive(t, Options{URLs: []string{s.URL()}, PageSize: 7, Note: func(n string) { notes = append(notes, n) }})
	for range 2 {
		requireComplete(t, readLive(t.Context(), l, liveUsers()), userTexts(20)...)
	}
	if len(notes) != 1 || !strings.Contains(notes[0], "paged results") || len(s.Searches()) != 2 {
		t.Errorf("notes %q, %d searches", notes, len(s.Searches()))
	}
}

// TestValues checks that values of any size and with any bytes arrive unchanged.
func TestValues(t *testing.T) {
	large := strings.Repeat("0123456789abcdef", 1<<18) // 4 MiB
	odd := "\x00\xff\x80 \n"
	many := make([]string, 5000)
	for i := range many {
		many[i] = fmt.Sprintf("v%d", i)
	}
	e := ldaptest.NewEntry("cn=x,o=isp", "objectClass", "icsCalendarUser", "cn", "x", "description", odd, "sn", "", "mail", large)
	e.Attrs = append(e.Attrs, ldaptest.Attr{Name: "mailAlternateAddress", Values: many})
	tree := append(liveTree(3), e)
	s := ldaptest.Start(t, ldaptest.Options{Entries: append(tree, livePerson(3))})
	for _, page := range []int{0, 1} {
		l := openLive(t, Options{URLs: []string{s.URL()}, PageSize: page})
		q := Query{Attributes: []string{"description", "sn", "mail", "mailAlternateAddress"}, Selections: []Selection{{Kind: User, Classes: []string{"icsCalendarUser"}, Attributes: 15}}}
		found, last := false, ""
		for e, err := range l.Entries(t.Context(), q) {
			if err != nil {
				t.Fatal(err)
			}
			last = string(e.DN)
			if last != "cn=x,o=isp" {
				continue
			}
			found = true
			values := map[int][]string{}
			for _, v := range e.Values {
				if v.Data == nil {
					t.Error("a value is nil")
				}
				values[v.Attr] = append(values[v.Attr], string(v.Data))
			}
			if !reflect.DeepEqual(values, map[int][]string{0: {odd}, 1: {""}, 2: {large}, 3: many}) {
				t.Error("the values differ")
			}
		}
		if !found || last != "uid=u0003,ou=people,o=isp" {
			t.Errorf("found %v, the last item is %s", found, last)
		}
	}
}

// TestUnaskedAttributes checks an attribute that is returned under another name.
func TestUnaskedAttributes(t *testing.T) {
	s := ldaptest.Start(t, ldaptest.Options{Entries: liveTree(20)})
	var notes []string
	l := openLive(t, Options{URLs: []string{s.URL()}, Note: func(n string) { notes = append(notes, n) }})
	q := liveUsers()
	q.Attributes, q.Selections[0].Attributes = []string{"surname", "uid"}, 3
	requireComplete(t, readLive(t.Context(), l, q), userTexts(20)...)
	if len(notes) != 1 || !strings.Contains(notes[0], `"sn"`) {
		t.Errorf("notes %q", notes)
	}
}

// A range of values that a server returns is reported.
func TestLiveRangedValues(t *testing.T) {
	s := ldaptest.Start(t, ldaptest.Options{Entries: []ldaptest.Entry{
		ldaptest.NewEntry("o=isp", "objectClass", "organization", "o", "isp"),
		ldaptest.NewEntry("cn=g,o=isp", "objectClass", "groupOfNames", "cn;range=0-1", "a", "cn;range=0-1", "b"),
	}})
	l, err := Open(t.Context(), Options{URLs: []string{s.URL()}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	got, err := entriesOf(t, l, peopleQuery())
	want := "cn;range=0-1: the server returned only a part of the values of cn; the entry has more"
	if err != nil || len(got) != 3 || !strings.HasSuffix(got[1].text, want) || !strings.HasSuffix(got[2].text, `cn="a" cn="b"`) {
		t.Errorf("%q, %v", texts(got), err)
	}
}
