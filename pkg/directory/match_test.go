package directory

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/go-ldap/ldap/v3"

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
		"ou: \u212aelvin", "title: \xffx", "gidNumber: -5", "createTimestamp: 20240101000000.5Z",
	)
	for filter, want := range map[string]bool{
		"": true,
		// Equality, and insignificant differences.
		"(cn=anna berg)": true, "(CN=  ANNA    BERG  )": true, "(cn=annaberg)": false, "(cn=anna)": false,
		"(sn=Berg)": true, "(cn=ännchen)": true, "(cn=ÄNNCHEN)": true, "(ou=kelvin)": true, "(o=straße)": true, "(o=strasse)": false,
		"(title=\\ffX)": false, "(unheard=x)": false,
		`(description=a\2ab \28c\29 \5cd)`: true, "(davStore=)": false,
		"(employeeNumber=12)": false, // text, not a number
		// Options.
		"(cn;lang-de=ännchen)": true, "(cn;LANG-DE=ännchen)": true, "(cn;x-a;lang-de=ännchen)": true,
		"(cn;lang-fr=ännchen)": false, "(cn;lang-de=anna berg)": false, "(cn;lang-d=ännchen)": false,
		"(mail=old@x)": false, "(mail=*)": false,
		// Presence.
		"(cn=*)": true, "(davStore=*)": true, "(c=*)": false, "(objectClass=*)": true,
		// Substrings.
		"(cn=ann*)": true, "(cn=*berg)": true, "(cn=*a b*)": true, "(cn=*A   B*)": true, "(cn=a*n*r*g)": true, "(cn=a*x*g)": false,
		"(cn=ann*na berg)": false, "(cn=*berg*berg)": false, `(description=*\2a*)`: true, "(cn= anna*)": true, "(cn=*berg )": true,
		"(davStore=*a*)": false, "(uidNumber=7*)": false,
		// Order.
		"(uidNumber>=8)": true, "(uidNumber>=70)": true, "(uidNumber>=71)": false, "(uidNumber<=070)": false, "(uidNumber<=70)": true, "(uidNumber<=9)": false,
		"(sn>=ber)": false, "(sn<=z)": false, "(unheard>=a)": false, "(!(sn>=ber))": false,
		"(gidNumber>=-6)": true, "(gidNumber>=-4)": false, "(gidNumber<=0)": true, "(gidNumber<=-5)": true, "(gidNumber<=-50)": false,
		"(createTimestamp>=20240101000000Z)": true, "(createTimestamp<=202401010030+0100)": false, "(createTimestamp=20240101003000.50+0030)": true, "(createTimestamp=2024010100.5Z)": false, "(createTimestamp>=2024)": false,
		// Logic.
		"(&(cn=anna berg)(sn=berg))": true, "(&(cn=anna berg)(sn=x))": false, "(|(cn=x)(sn=berg))": true, "(|(cn=x)(sn=x))": false,
		"(!(cn=x))": true, "(&)": true, "(|)": false, "(!(|))": true, "(&(objectClass=INETORGPERSON)(!(|(uidNumber=1)(uidNumber=2))))": true,
	} {
		m, err := compileFilter(filter, nil, nil)
		if err != nil {
			t.Error(err)
			continue
		}
		var s matchState
		if got, err := m.matches(&ldif.Record{Attributes: attrs}, &s); got != want || err != nil {
			t.Errorf("%s: %v, %v", filter, got, err)
		}
	}
}

func TestCompileFilterErrors(t *testing.T) {
	for filter, want := range map[string]string{
		"cn=a":                  "does not start with an '('",
		"(cn=a":                 "unexpected end of filter",
		"(cn=a)x":               "extra at end: x",
		"(cn)":                  "error parsing filter",
		"(&(cn=a)":              "unexpected end of filter",
		"(&(cn=a)x)":            "expected ')' at position 8",
		`(cn=a\zz)`:             "invalid characters for escape",
		"(":                     "position 1",
		"(=a)":                  `"" is not a valid attribute name`,
		"(c n=a)":               `"c n" is not a valid attribute name`,
		"( cn=a)":               `" cn" is not a valid attribute name`,
		"(|(sn=a)(ü=a))":        `"ü" is not a valid attribute name`,
		"(cn;=a)":               `"cn;" is not a valid attribute name`,
		"(cn=**)":               "consists only of stars",
		`(cn=\20*)`:             "has only spaces",
		`(cn=a*\20\20)`:         "has only spaces",
		"(cn:noSuch:=a)":        `"nosuch" in a comparison with ":=" requires a server`,
		"(uid:integerMatch:=1)": `whether the rule "integermatch" applies to uid depends on the server`,
		"(!(cn~=a))":            `depends on the server`,
		"(userCertificate=a)":   `certificateexactmatch by which usercertificate is compared requires a server`,
		"(\n=x)":                "is not a valid attribute name",
	} {
		m, err := compileFilter(filter, nil, nil)
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
	return f.pick("cn", "sn", "description", "ou", "CN", "davUniqueId", "mail", "cn;lang-de", "surname", "name", "2.5.4.3")
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
		return "(objectClass=" + f.pick("inetOrgPerson", "PERSON", "organization", "davEntity", "2.5.6.7") + ")"
	}
	switch f.IntN(8) {
	case 0:
		return "(telephoneNumber=" + f.pick("1234", "12-34", "*12*", "12*5", `\2812\2934`, "ä") + ")"
	case 1:
		return "(seeAlso=" + f.pick("cn=ANNA,o=ISP", "CN=x+SN=y, o=isp", "cn=x,o=isp", "x", "*") + ")"
	case 2:
		return "(" + f.pick("cn", "name", "", "description", "surname") + ":" + f.pick("caseExactMatch", "2.5.13.2") + ":=" + ldap.EscapeFilter(f.word()) + ")"
	}
	return "(" + f.name() + "=" + ldap.EscapeFilter(f.word()) + ")"
}

func (f filterMaker) entry(i int) string {
	text := fmt.Sprintf("dn: uid=u%d,o=isp\nobjectClass: inetOrgPerson\nobjectClass: davEntity\nobjectClass: extensibleObject\nuid: u%d\ncn: %s\nsn: %s\n", i, i, f.word(), f.word())
	for _, name := range []string{"description", "ou", "davUniqueId", "cn;lang-de"} {
		if f.IntN(2) == 0 {
			text += name + ": " + f.word() + "\n"
		}
	}
	if f.IntN(2) == 0 {
		text += "mail: " + f.pick("anna", "BERG@x", "a b", "x  y") + "\n"
	}
	if f.IntN(2) == 0 {
		text += "telephoneNumber: " + f.pick("12-34", "12 34", "+12 34 5", "(12)34") + "\n"
	}
	if f.IntN(2) == 0 {
		text += "seeAlso: " + f.pick("cn=anna,o=isp", "CN=Anna, O=isp", "cn=x+sn=y,o=isp", "sn=Y+commonName=x,o=isp") + "\n"
	}
	if f.IntN(2) == 0 {
		text += "uidNumber: " + fmt.Sprint(f.IntN(30)-5) + "\n"
	}
	return text + "\n"
}
