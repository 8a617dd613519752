package directory

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/go-ldap/ldap/v3"

	"github.com/davadmin/davadmin/internal/ldaptest"
	"github.com/davadmin/davadmin/internal/seed"
	"github.com/davadmin/davadmin/pkg/ldif"
)

// ldifAttributes returns the attributes in lines. A value is the text after ": ",
// unchanged.
func ldifAttributes(lines ...string) []ldif.Attribute {
	var out []ldif.Attribute
	for _, line := range lines {
		name, value, _ := strings.Cut(line, ": ")
		a := ldif.Attribute{Value: []byte(value)}
		base, options, some := strings.Cut(name, ";")
		if a.Name = []byte(base); some {
			a.Options = []byte(options)
		}
		out = append(out, a)
	}
	return out
}

func TestMatches(t *testing.T) {
	attrs := ldifAttributes(
		"objectClass: top", "objectClass: inetOrgPerson", "cn: Anna  Berg ", "cn;lang-de;x-a: Ännchen", "SN: berg",
		"uidNumber: 70", "employeeNumber: 0012", "davStore: ", "description: a*b (c) \\d", "mail;vdcsn-1;deleted: old@x", "o: STRAßE",
		"ou: \u212aelvin", "title: \xffx", "st: -5", "l: 00000000000000000000000000000000012",
	)
	for filter, want := range map[string]bool{
		"": true,
		// Equality, and insignificant differences.
		"(cn=anna berg)": true, "(CN=  ANNA    BERG  )": true, "(cn=annaberg)": false, "(cn=anna)": false,
		"(sn=Berg)": true, "(cn=ännchen)": true, "(cn=ÄNNCHEN)": true, "(ou=kelvin)": true, "(o=straße)": true, "(o=strasse)": false,
		"(title=\\ffX)": true, "(unheard=x)": false, "(!(unheard=x))": true,
		`(description=a\2ab \28c\29 \5cd)`: true, "(davStore=)": true, "(cn~=Anna Berg)": true, "(cn~=Ana Berg)": false,
		"(employeeNumber=12)": false, // compared as text, because the schema is unknown
		// Options.
		"(cn;lang-de=ännchen)": true, "(cn;LANG-DE=ännchen)": true, "(cn;x-a;lang-de=ännchen)": true,
		"(cn;lang-fr=ännchen)": false, "(cn;lang-de=anna berg)": false, "(cn;lang-d=ännchen)": false,
		"(mail=old@x)": false, "(mail=*)": false,
		// Presence.
		"(cn=*)": true, "(davStore=*)": true, "(c=*)": false, "(objectClass=*)": true,
		// Substrings.
		"(cn=ann*)": true, "(cn=*berg)": true, "(cn=*a b*)": true, "(cn=*A   B*)": true, "(cn=a*n*r*g)": true, "(cn=a*x*g)": false,
		"(cn=ann*na berg)": false, "(cn=*berg*berg)": false, `(description=*\2a*)`: true, "(cn= anna*)": true, "(cn=*berg )": true,
		"(davStore=*a*)": false, "(uidNumber=7*)": true,
		// Order.
		"(uidNumber>=8)": true, "(uidNumber>=70)": true, "(uidNumber>=71)": false, "(uidNumber<=070)": true, "(uidNumber<=9)": false,
		"(sn>=ber)": true, "(sn>=BERG)": true, "(sn>=bern)": false, "(sn<=bern)": true, "(sn<=ber)": false, "(unheard>=a)": false,
		"(st>=-6)": true, "(st>=-4)": false, "(st<=0)": true, "(st<=-5)": true, "(st<=-50)": false, "(l>=12)": true, "(l<=12)": true, "(l>=13)": false,
		"(l<=99999999999999999999999999999999999)": true,
		// Logic.
		"(&(cn=anna berg)(sn=berg))": true, "(&(cn=anna berg)(sn=x))": false, "(|(cn=x)(sn=berg))": true, "(|(cn=x)(sn=x))": false,
		"(!(cn=x))": true, "(&)": true, "(|)": false, "(!(|))": true, "(&(objectClass=INETORGPERSON)(!(|(st=1)(st=2))))": true,
	} {
		m, err := compileFilter(filter)
		if err != nil {
			t.Error(err)
			continue
		}
		var scratch []byte
		if got := m.matches(attrs, &scratch); got != want {
			t.Errorf("%s: %v", filter, got)
		}
	}
}

func TestCompileFilterErrors(t *testing.T) {
	for filter, want := range map[string]string{
		"cn=a":                    "does not start with an '('",
		"(cn=a":                   "unexpected end of filter",
		"(cn=a)x":                 "extra at end: x",
		"(cn)":                    "error parsing filter",
		"(&(cn=a)":                "unexpected end of filter",
		"(&(cn=a)x)":              "expected ')' at position 8",
		`(cn=a\zz)`:               "invalid characters for escape",
		"(":                       "position 1",
		"(=a)":                    `"" is not a valid attribute name`,
		"(c n=a)":                 `"c n" is not a valid attribute name`,
		"( cn=a)":                 `" cn" is not a valid attribute name`,
		"(|(sn=a)(ü=a))":          `"ü" is not a valid attribute name`,
		"(cn;=a)":                 `"cn;" is not a valid attribute name`,
		"(cn=**)":                 "consists only of stars",
		"(cn:=a)":                 `":=" require a server`,
		"(!(cn:dn:2.5.13.5:=a))":  `":=" require a server`,
		"(:caseExactMatch:=a\nb)": `":=" require a server`,
		"(\n=x)":                  "is not a valid attribute name",
	} {
		m, err := compileFilter(filter)
		if err == nil || m != nil {
			t.Errorf("%q: no error", filter)
			continue
		}
		if text := err.Error(); !strings.Contains(text, want) || !strings.HasPrefix(text, "filter \"") || strings.Contains(text, "\n") || strings.Contains(text, "ldap:") {
			t.Errorf("%q: %s", filter, text)
		}
	}
}

// filterMaker generates filters, and entries of which they select some.
type filterMaker struct{ *rand.Rand }

func (f filterMaker) pick(list ...string) string { return list[f.IntN(len(list))] }

func (f filterMaker) word() string {
	w := f.pick("anna", "berg", "anna berg", "berg anna x", "änne", "a*b", "(c)", `d\e`, "x,y", "anna=berg", "x", "ü  o")
	if f.IntN(3) == 0 {
		w = strings.ToUpper(w)
	}
	if f.IntN(4) == 0 {
		w = strings.ReplaceAll(w, " ", "   ")
	}
	if f.IntN(8) == 0 {
		w = f.pick(" ", "  ") + w + f.pick("", " ")
	}
	return w
}

func (f filterMaker) name() string {
	return f.pick("cn", "sn", "description", "ou", "CN", "davUniqueId", "mail", "cn;lang-de")
}

func (f filterMaker) text(depth int) string {
	if depth > 0 && f.IntN(3) > 0 {
		op := f.pick("&", "|", "!")
		out := f.text(depth - 1)
		for op != "!" && f.IntN(2) == 0 {
			out += f.text(depth - 1)
		}
		return "(" + op + out + ")"
	}
	switch f.IntN(6) {
	case 0:
		return "(" + f.name() + "=*)"
	case 1:
		parts := []string{f.pick("", "a", "an", "B"), f.pick("nn", "a b", "ER", "ä", "\\2a", "  "), f.pick("", "a", "rg", "x")}
		return "(" + f.pick("cn", "sn", "description", "davUniqueId", "mail") + "=" + strings.Join(parts, "*") + ")"
	case 2:
		return "(uidNumber" + f.pick(">=", "<=", "=") + f.pick("0", "-3", "12", "7") + ")"
	case 3:
		return "(" + f.pick("sn", "description") + f.pick(">=", "<=") + ldap.EscapeFilter(f.word()) + ")"
	case 4:
		return "(objectClass=" + f.pick("inetOrgPerson", "TOP", "organization", "davEntity") + ")"
	}
	return "(" + f.name() + f.pick("=", "=", "~=") + ldap.EscapeFilter(f.word()) + ")"
}

func (f filterMaker) entry(i int) ldaptest.Entry {
	pairs := []string{"objectClass", "inetOrgPerson", "cn", f.word(), "sn", f.word()}
	if f.IntN(2) == 0 {
		pairs = append(pairs, "objectClass", f.pick("top", "davEntity"))
	}
	for _, name := range []string{"description", "ou", "mail", "davUniqueId", "cn;lang-de"} {
		if f.IntN(2) == 0 {
			pairs = append(pairs, name, f.word())
		}
	}
	if f.IntN(2) == 0 {
		pairs = append(pairs, "uidNumber", fmt.Sprint(f.IntN(30)-5))
	}
	return ldaptest.NewEntry(fmt.Sprintf("uid=u%d,o=isp", i), pairs...)
}

// TestMatchesAsAServer compares with the test server, whose evaluation of filters has
// been compared with that of OpenLDAP.
func TestMatchesAsAServer(t *testing.T) {
	f := filterMaker{seed.New(t)}
	var entries []ldaptest.Entry
	records := map[string][]ldif.Attribute{}
	for i := range 120 {
		e := f.entry(i)
		var lines []string
		for _, a := range e.Attrs {
			for _, v := range a.Values {
				lines = append(lines, a.Name+": "+v)
			}
		}
		entries, records[e.DN] = append(entries, e), ldifAttributes(lines...)
	}
	s := ldaptest.Start(t, ldaptest.Options{Entries: append([]ldaptest.Entry{ldaptest.NewEntry("o=isp", "objectClass", "organization", "o", "isp")}, entries...)})
	c, err := ldap.DialURL(s.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	some := 0
	var scratch []byte
	for range 2000 {
		filter := f.text(3)
		res, err := c.Search(ldap.NewSearchRequest("o=isp", ldap.ScopeSingleLevel, ldap.NeverDerefAliases, 0, 0, false, filter, []string{"1.1"}, nil))
		if err != nil {
			t.Fatalf("%s: %v", filter, err)
		}
		var want, got []string
		for _, e := range res.Entries {
			want = append(want, e.DN)
		}
		m, err := compileFilter(filter)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if m.matches(records[e.DN], &scratch) {
				got = append(got, e.DN)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %d entries, the server has %d:\n%q\n%q", filter, len(got), len(want), got, want)
		}
		if len(got) > 0 && len(got) < len(entries) {
			some++
		}
	}
	if some < 500 {
		t.Errorf("only %d filters select some of the entries", some)
	}
}
