package ldaptest

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/go-ldap/ldap/v3"

	"github.com/davadmin/davadmin/internal/seed"
)

// oracle evaluates a filter for an entry: -1, 0 (undefined) or 1. It is generated together
// with the text of the filter and shares no code with the server.
type oracle func(Entry) int

// maker generates random filters and entries.
type maker struct {
	*rand.Rand
	// slapd restricts filters to those that OpenLDAP evaluates in the same way. OpenLDAP
	// has no order for strings, compares approximately by sound, and rejects empty
	// strings.
	slapd bool
}

func (m maker) pick(list ...string) string { return list[m.IntN(len(list))] }

// word returns values many of which are equal except for case and blanks.
func (m maker) word() string {
	w := m.pick("anna", "berg", "anna berg", "berg anna x", "änne", "a*b", "(c)", `d\e`, "x,y", "anna=berg", "x")
	if m.IntN(3) == 0 {
		w = strings.ToUpper(w)
	}
	if m.IntN(4) == 0 {
		w = strings.ReplaceAll(w, " ", "   ")
	}
	if m.IntN(8) == 0 {
		w = m.pick(" ", "  ") + w + m.pick("", " ")
	}
	return w
}

func (m maker) member() string {
	return m.pick("uid=a,ou=people,o=isp", "UID=A, ou=People,  o=ISP", `cn=x\,y,o=isp`, `cn=x\2cy,O=isp`, "uid=b,o=isp")
}

func (m maker) entry(i int) Entry {
	e := NewEntry(fmt.Sprintf("uid=u%d,o=isp", i), "objectClass", "inetOrgPerson", "objectClass", "extensibleObject",
		"uid", fmt.Sprintf("u%d", i), "cn", fmt.Sprintf("c%d", m.IntN(5)), "sn", m.word())
	add := func(name string, value func() string) {
		seen := map[string]bool{}
		a := Attr{Name: name}
		for range m.IntN(4) {
			v := value()
			n, _ := newRule(name)(v)
			if !seen[n] {
				a.Values = append(a.Values, v)
			}
			seen[n] = true
		}
		if len(a.Values) > 0 {
			e.Attrs = append(e.Attrs, a)
		}
	}
	add("description", m.word)
	add("ou", m.word)
	add("member", m.member)
	add("userPassword", m.word)
	if m.IntN(2) == 0 {
		e.Attrs = append(e.Attrs, Attr{"uidNumber", []string{strconv.Itoa(m.IntN(30) - 5)}})
	}
	if m.IntN(2) == 0 {
		e.Attrs = append(e.Attrs, Attr{"davUniqueId", []string{m.word()}})
	}
	if m.IntN(2) == 0 {
		e.Attrs = append(e.Attrs, Attr{"icsCalendar", []string{m.word()}})
	}
	return e
}

// newRule is the matching rule of the oracle.
func newRule(name string) func(string) (string, bool) {
	blanks := func(v string) string { return strings.Join(strings.Fields(v), " ") }
	switch name {
	case "uidNumber":
		return func(v string) (string, bool) {
			n, err := strconv.Atoi(v)
			return strconv.Itoa(n), err == nil
		}
	case "member":
		return func(v string) (string, bool) {
			dn, err := ldap.ParseDN(v)
			if err != nil {
				return "", false
			}
			return strings.ToLower(dn.String()), true
		}
	case "icsCalendar":
		return func(v string) (string, bool) { return blanks(v), true }
	case "userPassword":
		return func(v string) (string, bool) { return v, true }
	}
	return func(v string) (string, bool) { return strings.ToLower(blanks(v)), true }
}

func valuesOf(e Entry, name string) []string {
	for _, a := range e.Attrs {
		if strings.EqualFold(a.Name, name) {
			return a.Values
		}
	}
	return nil
}

func three(b bool) int {
	if b {
		return 1
	}
	return -1
}

func (m maker) filter(depth int) (string, oracle) {
	if depth > 0 && m.IntN(3) > 0 {
		return m.combined(depth)
	}
	switch m.IntN(6) {
	case 0:
		name := m.pick("description", "MEMBER", "uidNumber", "davUniqueId", "objectClass", "nothingKnown")
		return "(" + name + "=*)", func(e Entry) int {
			if name == "nothingKnown" {
				return 0
			}
			return three(len(valuesOf(e, name)) > 0)
		}
	case 1:
		return m.substrings()
	case 2:
		return m.ordered()
	case 3:
		v := m.word()
		ok, _ := newRule("icsCalendar")(v)
		return "(description:caseExactMatch:=" + ldap.EscapeFilter(v) + ")", func(e Entry) int {
			return three(slices.ContainsFunc(valuesOf(e, "description"), func(have string) bool {
				n, _ := newRule("icsCalendar")(have)
				return n == ok
			}))
		}
	}
	return m.equality()
}

func (m maker) combined(depth int) (string, oracle) {
	op := m.pick("&", "|", "!")
	texts, oracles := "", []oracle{}
	n := 1 + m.IntN(3)
	if op == "!" {
		n = 1
	}
	for range n {
		s, o := m.filter(depth - 1)
		texts, oracles = texts+s, append(oracles, o)
	}
	return "(" + op + texts + ")", func(e Entry) int {
		var all []int
		for _, o := range oracles {
			all = append(all, o(e))
		}
		switch op {
		case "&":
			return slices.Min(all)
		case "|":
			return slices.Max(all)
		}
		return -all[0]
	}
}

func (m maker) equality() (string, oracle) {
	name := m.pick("cn", "sn", "description", "ou", "userPassword", "uidNumber", "member", "davUniqueId", "icsCalendar", "nothingKnown")
	v := m.word()
	switch name {
	case "uidNumber":
		v = m.pick("0", "-3", "12", "7", "no number")
	case "member":
		v = m.member()
	case "cn":
		v = m.pick("c1", "C2", " c3 ")
	}
	op := m.pick("=", "=", "~=")
	if m.slapd {
		op = "="
	}
	norm := newRule(name)
	want, ok := norm(v)
	return "(" + name + op + ldap.EscapeFilter(v) + ")", func(e Entry) int {
		if name == "nothingKnown" || !ok {
			return 0
		}
		return three(slices.ContainsFunc(valuesOf(e, name), func(have string) bool {
			n, _ := norm(have)
			return n == want
		}))
	}
}

func (m maker) ordered() (string, oracle) {
	name, v := "uidNumber", m.pick("0", "-3", "12", "7")
	if !m.slapd && m.IntN(2) == 0 {
		name, v = "sn", m.word()
	}
	op := m.pick(">=", "<=")
	norm := newRule(name)
	want, _ := norm(v)
	return "(" + name + op + ldap.EscapeFilter(v) + ")", func(e Entry) int {
		return three(slices.ContainsFunc(valuesOf(e, name), func(have string) bool {
			n, _ := norm(have)
			less, equal := n < want, n == want
			if name == "uidNumber" {
				a, _ := strconv.Atoi(n)
				b, _ := strconv.Atoi(want)
				less = a < b
			}
			return equal || less == (op == "<=")
		}))
	}
}

func (m maker) substrings() (string, oracle) {
	name := m.pick("sn", "description", "uid", "davUniqueId")
	piece := func() string {
		return m.pick("a", "AN", "nna", "na b", "berg", "RG", "u", "*b", "(", `\e`, "ä", "x", "1")
	}
	text, expr := "", "(?s)^"
	for i := range 2 + m.IntN(3) {
		if i > 0 {
			text, expr = text+"*", expr+".*"
		}
		if i > 0 && m.IntN(2) == 0 {
			continue
		}
		if p := piece(); i > 0 || m.IntN(2) == 0 {
			text, expr = text+ldap.EscapeFilter(p), expr+regexp.QuoteMeta(strings.ToLower(p))
		}
	}
	text = regexp.MustCompile(`\*+`).ReplaceAllString(text, "*")
	if text == "*" {
		text, expr = "*a*", "a"
	}
	re := regexp.MustCompile(expr + "$")
	if expr == "a" {
		re = regexp.MustCompile(expr)
	}
	norm := newRule(name)
	return "(" + name + "=" + text + ")", func(e Entry) int {
		return three(slices.ContainsFunc(valuesOf(e, name), func(have string) bool {
			n, _ := norm(have)
			return re.MatchString(n)
		}))
	}
}

func (m maker) entries(n int) []Entry {
	out := []Entry{NewEntry("o=isp", "objectClass", "organization", "o", "isp")}
	for i := range n {
		out = append(out, m.entry(i))
	}
	return out
}

func expect(entries []Entry, o oracle) []string {
	out := []string{}
	for _, e := range entries[1:] {
		if o(e) == 1 {
			out = append(out, e.DN)
		}
	}
	slices.Sort(out)
	return out
}

func found(t *testing.T, c *ldap.Conn, filter string) []string {
	t.Helper()
	got := dns(ask(t, c, request("o=isp", ldap.ScopeSingleLevel, filter, "1.1")))
	slices.Sort(got)
	return got
}

func TestFilters(t *testing.T) {
	m := maker{Rand: seed.New(t)}
	entries := m.entries(150)
	s := Start(t, Options{Entries: entries})
	c := dial(t, s.URL())
	some := 0
	for range 1500 {
		f, o := m.filter(3)
		want := expect(entries, o)
		if len(want) > 0 && len(want) < 150 {
			some++
		}
		same(t, f, found(t, c, f), want)
	}
	// Filters that match all entries or none prove little.
	if some < 300 {
		t.Errorf("only %d filters match some of the entries", some)
	}
	for range 30 {
		f, o := m.filter(2)
		a := ldapsearch(t, nil, "-x", "-H", s.URL(), "-b", "o=isp", "-s", "one", f, "1.1")
		slices.Sort(a.dns)
		same(t, "ldapsearch "+f, a.dns, expect(entries, o))
	}
}

func TestFilterCases(t *testing.T) {
	entries := []Entry{
		NewEntry("o=isp", "objectClass", "top"),
		NewEntry("cn=a,ou=Sales,o=isp", "objectClass", "top", "cn;lang-de", "Anna", "telephoneNumber", "+49 89-1234", "uidNumber", "7"),
		NewEntry("cn=b,o=isp", "objectClass", "top", "cn", "Bernd", "davStore", "", "uidNumber", "70"),
	}
	both := func(o Options) (*ldap.Conn, *ldap.Conn) {
		strict := Start(t, o)
		o.EvaluateUnknown = true
		return dial(t, strict.URL()), dial(t, Start(t, o).URL())
	}
	strict, lenient := both(Options{Entries: entries})
	for filter, want := range map[string][]string{
		"(cn=anna)":                        {"a"},
		"(CommonName=anna)":                {"a"},
		"(2.5.4.3=anna)":                   {"a"},
		"(cn;lang-de=ANNA)":                {"a"},
		"(cn;lang-fr=anna)":                {},
		"(telephoneNumber=+49891234)":      {"a"},
		"(uidNumber>=08)":                  {"b"},
		"(uidNumber=07)":                   {"a"},
		"(davStore=)":                      {"b"},
		"(davStore=*)":                     {"b"},
		"(!(davStore=*))":                  {"a", "isp"},
		"(ou:dn:=sales)":                   {"a"},
		"(ou:=sales)":                      {},
		"(:caseIgnoreMatch:=anna)":         {"a"},
		"(cn:2.5.13.5:=anna)":              {},
		"(cn:noSuchRule:=anna)":            {},
		"(!(cn:noSuchRule:=anna))":         {},
		"(uidNumber=7*)":                   {},
		"(!(uidNumber=7*))":                {},
		"(&(cn=*)(!(cn=anna)))":            {"b"},
		"(|(unheard=x)(cn=anna))":          {"a"},
		"(objectClass=TOP)":                {"a", "b", "isp"},
		"(&(objectClass=*)(!(unheard=x)))": {},
		"(!(unheard=*))":                   {},
	} {
		got := dns(ask(t, strict, request("o=isp", ldap.ScopeWholeSubtree, filter)))
		for i, dn := range got {
			_, got[i], _ = strings.Cut(strings.Split(dn, ",")[0], "=")
		}
		slices.Sort(got)
		same(t, filter, got, want)
	}
	if n := len(ask(t, lenient, request("o=isp", ldap.ScopeWholeSubtree, "(!(unheard=*))")).Entries); n != 3 {
		t.Errorf("a lenient server gives %d entries without the unknown attribute", n)
	}
}

// TestFilterText checks that the log shows filters in the usual notation.
func TestFilterText(t *testing.T) {
	s := Start(t, Options{})
	c := dial(t, s.URL())
	filters := []string{
		"(&(a=b)(|(c=*)(!(d>=1))))", "(a=x*y*z)", "(a=*y*)", "(a=x*)", "(a=*z)", "(a~=b)", "(a<=b)",
		`(a=\28\29\2a\5c)`, "(a:dn:caseExactMatch:=b)", "(:2.5.13.2:=b)", "(a:=b)",
	}
	for _, f := range filters {
		_, _ = c.Search(request("", ldap.ScopeBaseObject, f))
	}
	var got []string
	for _, r := range s.Log() {
		got = append(got, r.Filter)
	}
	same(t, "filters", got, filters)
}
