package directory

import (
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/go-ldap/ldap/v3"

	"github.com/davadmin/davadmin/internal/seed"
	"github.com/davadmin/davadmin/internal/servertest"
	"github.com/davadmin/davadmin/pkg/ldif"
)

// filterEntries are entries with values of every syntax, and with pairs of values that
// some comparisons take for equal and others do not.
const filterEntries = `dn: o=isp
objectClass: organization
o: isp
telephoneNumber: +49 30 901-820

dn: ou=People,o=isp
objectClass: organizationalUnit
ou: People
postalAddress: Main Street 1$10115 Berlin
x121Address: 12 34 56
internationaliSDNNumber: 000 123

dn: uid=anna,ou=People,o=isp
objectClass: inetOrgPerson
objectClass: icsCalendarUser
objectClass: davEntity
uid: anna
cn: Anna  Berg
cn;lang-de: Ännchen
sn: Berg
givenName: Anna
mail: Anna@X.example
mailAlternateAddress: a.berg@x.example
davUniqueId: ID-1
davStore: defaultbackend
icsStatus: Active
telephoneNumber: +49 30 1234-567
mobile: +49 (170) 555
manager: cn=Boss\, The,ou=People,o=isp
seeAlso: OU=people, O=ISP
employeeNumber: 0012
userPassword: Secret
preferredLanguage: de
description: a*b (c) \d
labeledURI: http://X.example/Anna
title: soft` + "\u00ad" + `hyphen

dn: uid=bert,ou=People,o=isp
objectClass: inetOrgPerson
objectClass: posixAccount
objectClass: shadowAccount
uid: bert
cn: Bert
sn: ΣΟΦΟΣ
sn: Straße
givenName: Zürich
mail: bert@x.example
uidNumber: 70
gidNumber: -5
homeDirectory: /home/Bert
loginShell: /bin/sh
gecos: Bert  B
shadowMax: 99
telephoneNumber: 4930901820
title: ﬁne ℡ Ｗide
description: Kelvin İstanbul

dn: cn=Boss\, The,ou=People,o=isp
objectClass: person
cn: Boss, The
sn: The  Boss
telephoneNumber: 1234567
seeAlso: uid=anna,ou=People,o=isp
description: none

dn: cn=x+uid=multi,ou=People,o=isp
objectClass: organizationalRole
objectClass: dcObject
objectClass: uidObject
cn: x
uid: multi
dc: Multi
description: two  parts

dn: cn=Group,o=isp
objectClass: groupOfUniqueNames
cn: Group
uniqueMember: UID=Anna, OU=People, O=isp
uniqueMember: uid=bert,ou=People,o=isp#'0101'B
owner: uid=anna,ou=People,o=isp

dn: cn=Names,o=isp
objectClass: groupOfNames
cn: Names
member: uid=anna,ou=people,o=isp
member: cn=boss\2C the,ou=people,o=isp
businessCategory: Z

dn: cn=Posix,o=isp
objectClass: posixGroup
cn: Posix
gidNumber: 1200
memberUid: Anna
memberUid: bert

dn: cn=Room,o=isp
objectClass: icsCalendarResource
objectClass: inetResource
cn: Room 1
mail: room@x.example
inetResourceStatus: active
`

// serverFilters are filters that slapd answers, by what they compare.
func serverFilters() []string {
	return []string{
		// Text, and what is insignificant in it.
		"(cn=anna berg)", "(cn=  ANNA    BERG  )", "(cn=annaberg)", "(cn=anna)", "(uid=ANNA)", "(cn=ännchen)", "(cn=ÄNNCHEN)",
		"(title=fine tel wide)", "(title=FINE TEL WIDE)", "(title=ﬁne*)", "(givenName=Zu\u0308rich)", "(givenName=ZU\u0308RICH)", "(givenName=zu*)", "(givenName=*\u0308*)",
		"(sn=strasse)", "(sn=STRAßE)", "(sn=σοφος)", "(sn=σοφοσ)", "(sn=ΣΟΦΟΣ)", "(title=softhyphen)", "(title=soft\u00adhyphen)",
		"(description=\u212aelvin i*)", "(description=kelvin istanbul)", "(description=kelvin i\u0307stanbul)",
		"(cn=anna\u00a0berg)", "(cn=anna\u3000berg)", "(cn=anna\tberg)", "(cn=)", "(cn= )", `(cn=\ff)`, `(description=a\2ab \28c\29 \5cd)`,
		// Names of attributes, subtypes and options.
		"(commonName=bert)", "(2.5.4.3=bert)", "(surname=berg)", "(userid=anna)", "(rfc822Mailbox=anna@x.example)", "(gn=anna)", "(0.9.2342.19200300.100.1.1=anna)",
		"(name=berg)", "(name=room 1)", "(name=*)", "(distinguishedName=uid=anna,ou=people,o=isp)", "(distinguishedName=*)",
		"(cn;lang-de=ännchen)", "(cn;LANG-DE=ännchen)", "(cn;lang-fr=*)", "(cn;lang-de=*)", "(name;lang-de=*)", "(mobileTelephoneNumber=+4917 0 555)",
		// Distinguished names.
		"(manager=CN=boss\\5c, the, OU=people, O=isp)", "(manager=cn=Boss\\5c2C The,ou=People,o=isp)", "(manager=cn=\"Boss, The\",ou=People,o=isp)", "(manager=commonName=boss\\5c,  the,ou=people,o=isp)",
		"(manager=2.5.4.3=boss\\5c, the,ou=people,o=isp)", "(seeAlso=ou=people,o=isp)", "(manager=not a dn)", "(!(manager=not a dn))", "(manager=*)", "(manager=cn=*)", "(seeAlso=*o=isp)", "(manager>=cn=a)",
		"(uniqueMember=uid=anna,ou=people,o=isp)", "(uniqueMember=uid=bert,ou=people,o=isp)", "(uniqueMember=uid=bert,ou=people,o=isp#'0101'B)", "(uniqueMember=uid=bert,ou=people,o=isp#'01'B)", "(uniqueMember=uid=anna,ou=people,o=isp#'01'B)",
		"(member=cn=boss\\5c, the,ou=people,o=isp)", "(member=)", "(owner=UID=ANNA,OU=PEOPLE,O=ISP)", "(entryDN=UID=anna, ou=people, o=isp)", "(entryDN=*)", "(!(entryDN=o=isp))", "(entryDN=uid=*)",
		// Telephone numbers, and strings of digits.
		"(telephoneNumber=+49301234567)", "(telephoneNumber=+49-30-1234 567)", "(telephoneNumber=4930901820)", "(telephoneNumber=*1234567)", "(telephoneNumber=*12-34*)", "(telephoneNumber=ä)", "(telephoneNumber=)", "(telephoneNumber=1_2)", "(!(telephoneNumber=ä))",
		"(x121Address=123456)", "(x121Address=1 23456)", "(x121Address=*34*)", "(x121Address=a)", "(internationaliSDNNumber=000123)", `(mobile=+49 \28170\29 555)`, `(mobile=+49\28170\29555)`,
		// Numbers.
		"(uidNumber=70)", "(uidNumber=070)", "(uidNumber=+70)", "(uidNumber= 70)", "(uidNumber=abc)", "(!(uidNumber=abc))", "(uidNumber>=8)", "(uidNumber>=71)", "(uidNumber<=70)", "(uidNumber<=9)", "(gidNumber>=-6)", "(gidNumber<=-5)",
		"(gidNumber>=-4)", "(gidNumber=-0)", "(gidNumber=-5)", "(uidNumber=7*)", "(uidNumber=*)", "(uidNumber>=99999999999999999999999999)", "(uidNumber<=99999999999999999999999999)", "(shadowMax>=1)", "(!(shadowMax>=1))", "(uidNumber=)", "(uidNumber=-)",
		// Order without an ordering rule.
		"(sn>=a)", "(!(sn>=a))", "(cn<=z)", "(mail>=a)", "(uid>=a)", "(|(sn>=a)(uid=anna))", "(&(sn>=a)(uid=anna))", "(davUniqueId>=a)", "(employeeNumber>=1)", "(telephoneNumber>=1)",
		// IA5 strings, and strings whose case counts.
		"(mail=ANNA@x.EXAMPLE)", "(mail=anna*)", "(mail=*X.example)", "(mail=*a@x*)", "(mail=müller)", "(!(mail=müller))", "(mail=*ü*)", "(gecos=bert b)", "(gecos=*t b*)", "(gecos=bert *)", "(gecos=* b)", "(gecos=* *)", "(dc=multi)",
		"(homeDirectory=/home/Bert)", "(homeDirectory=/home/bert)", "(loginShell=/bin/sh)", "(memberUid=anna)", "(memberUid=Anna)", "(memberUid=An*)", "(memberUid=an*)", "(labeledURI=http://x.example/anna)", "(labeledURI=http://X.example/Anna)", "(labeledURI=*Anna)",
		// Substrings.
		"(cn=ann*)", "(cn=*berg)", "(cn=*a b*)", "(cn=*A   B*)", "(cn=a*n*r*g)", "(cn=a*x*g)", "(cn=ann*na berg)", "(cn= anna*)", "(cn=*berg )", "(cn=* *)", "(cn=anna *)", "(cn=* berg)", `(description=*\2a*)`, "(description=*  *)", "(icsStatus=act*)", "(davUniqueId=id*)", "(cn=a* *g)",
		// Other syntaxes.
		"(userPassword=Secret)", "(userPassword=secret)", "(userPassword=Sec*)", "(preferredLanguage=DE)", "(jpegPhoto=x)", "(!(jpegPhoto=x))", "(jpegPhoto=*)", "(!(jpegPhoto=*))", "(postalAddress=main street 1$10115 berlin)", "(postalAddress=main  street 1$ 10115 berlin)", "(postalAddress=*berlin)", "(postalAddress=main*)",
		"(facsimileTelephoneNumber=1)", "(employeeNumber=12)", "(employeeNumber=0012)", "(c=de)", "(supportedApplicationContext=1.2.3)", "(x500UniqueIdentifier='01'B)", "(!(x500UniqueIdentifier='01'B))", "(!(x500UniqueIdentifier=01))",
		// Object classes.
		"(objectClass=person)", "(objectClass=PERSON)", "(objectClass=2.5.6.6)", "(objectClass=organizationalPerson)", "(objectClass=top)", "(objectClass=*)", "(objectClass=inetOrgPerson)", "(objectClass=2.16.840.1.113730.3.2.2)", "(!(objectClass=person))", "(objectClass=person*)", "(2.5.4.0=person)", "(!(2.5.4.0=*))",
		"(objectClass=noSuchClass)", "(|(objectClass=noSuchClass)(uid=anna))", "(objectClass=davEntity)", "(objectClass=)", "(objectClass=1.2.3.4)",
		// Attributes that nobody knows.
		"(unheard=x)", "(unheard=*)", "(|(unheard=x)(uid=anna))", "(&(unheard=x)(uid=anna))", "(&(!(unheard=x))(uid=nobody))", "(|(!(unheard=x))(objectClass=*))",
		// Three-valued logic.
		"(&)", "(|)", "(!(&))", "(!(|))", "(!(!(uid=anna)))", "(!(|(sn>=a)(uid=anna)))", "(!(&(sn>=a)(uid=anna)))", "(&(!(uid=anna))(!(sn>=a)))", "(|(!(uid=anna))(!(sn>=a)))", "(!(&(mail=ü)(uid=bert)))", "(|(&(mail=ü)(uid=bert))(!(cn=*)))",
		"(&(objectClass=person)(!(|(uid=anna)(uid=bert))))", "(!(cn=x))", "(!(c=*))",
		// Extensible matches.
		"(cn:caseExactMatch:=Bert)", "(cn:caseExactMatch:=bert)", "(cn:2.5.13.5:=Bert)", "(cn:=BERT)", "(cn:caseIgnoreMatch:=BERT)", "(:caseExactMatch:=Bert)", "(:caseIgnoreMatch:=bert)", "(ou:dn:=people)", "(ou:dn:caseExactMatch:=people)", "(ou:dn:caseExactMatch:=People)", "(:dn:caseExactMatch:=People)",
		"(name:dn:=people)", "(cn:dn:=x)", "(uid:dn:=multi)", "(o:dn:=isp)", "(cn:dn:=boss, the)", "(member:distinguishedNameMatch:=UID=anna,ou=people,o=isp)", "(:distinguishedNameMatch:=UID=anna,ou=people,o=isp)", "(uidNumber:integerMatch:=70)", "(uidNumber:=70)", "(:integerMatch:=70)", "(mail:caseExactIA5Match:=Anna@X.example)",
		"(mail:caseExactIA5Match:=anna@x.example)", "(!(cn:caseExactMatch:=Bert))", "(:telephoneNumberMatch:=1234567)", "(telephoneNumber:=1234 567)", "(objectClass:=person)", "(manager:dn:=o=isp)", "(jpegPhoto:=x)", "(:octetStringMatch:=Secret)", "(cn;lang-de:caseExactMatch:=Ännchen)", "(:booleanMatch:=TRUE)",
		"(:generalizedTimeMatch:=20240101000000Z)", "(sn:caseExactMatch:=)", "(:numericStringMatch:=123456)", "(dc:caseIgnoreIA5Match:=MULTI)", "(:uniqueMemberMatch:=uid=anna,ou=people,o=isp)", "(userPassword:octetStringMatch:=Secret)",
	}
}

// serverOnly are filters that cannot be evaluated without a server, because the answer is
// not in the file.
func serverOnly() []string {
	return []string{
		"(!(unheard=x))", "(!(unheard=*))", "(!(objectClass=noSuchClass))", "(|(!(unheard=x))(uid=anna))",
		"(hasSubordinates=TRUE)", "(subschemaSubentry=*)", "(modifyTimestamp>=20200101000000Z)", "(!(createTimestamp=*))", "(structuralObjectClass=person)", "(entryUUID=*)", "(creatorsName=*)",
		"(cn~=bert)", "(mail~=bert)", "(cn:caseIgnoreSubstringsMatch:=bert)", "(uid:integerMatch:=1)", "(uidNumber:integerBitAndMatch:=2)", "(userCertificate=x)", "(cn:noSuchMatch:=x)", "(objectClass:objectIdentifierMatch:=person)",
	}
}

// TestFiltersWithSlapd compares what filters choose from a file with what slapd chooses.
func TestFiltersWithSlapd(t *testing.T) {
	file := filepath.Join(t.TempDir(), "entries.ldif")
	if err := os.WriteFile(file, []byte(toLDIF(t, filterEntries)), 0o600); err != nil {
		t.Fatal(err)
	}
	s := servertest.Slapd(t, servertest.SlapdOptions{Options: servertest.Options{LDIF: file, AnonymousRead: true}})
	conn, err := ldap.DialURL(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	some := 0
	for _, filter := range serverFilters() {
		want := slapdChooses(t, conn, filter)
		got, err := fileChooses(t, file, filter)
		if err != nil {
			t.Errorf("%s: %v; slapd chooses %q", filter, err, want)
		} else if !slices.Equal(got, want) {
			t.Errorf("%s chooses %q, slapd %q", filter, got, want)
		}
		if len(want) > 0 && len(want) < strings.Count(filterEntries, "dn: ") {
			some++
		}
	}
	if some < 60 {
		t.Errorf("only %d filters choose some of the entries", some)
	}
	for _, filter := range serverOnly() {
		if got, err := fileChooses(t, file, filter); err == nil {
			t.Errorf("%s chooses %q without an error; slapd %q", filter, got, slapdChooses(t, conn, filter))
		}
	}
}

// TestRandomFiltersWithSlapd compares generated filters over generated entries.
func TestRandomFiltersWithSlapd(t *testing.T) {
	f := filterMaker{seed.New(t)}
	const entries, filters = 100, 800
	text := "dn: o=isp\nobjectClass: organization\no: isp\n\n"
	for i := range entries {
		text += f.entry(i)
	}
	file := filepath.Join(t.TempDir(), "entries.ldif")
	if err := os.WriteFile(file, []byte(toLDIF(t, text)), 0o600); err != nil {
		t.Fatal(err)
	}
	s := servertest.Slapd(t, servertest.SlapdOptions{Options: servertest.Options{LDIF: file, AnonymousRead: true}})
	conn, err := ldap.DialURL(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	some := 0
	for range filters {
		filter := f.text(3)
		want := slapdChooses(t, conn, filter)
		got, err := fileChooses(t, file, filter)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %d entries, %v; slapd has %d:\n%q\n%q", filter, len(got), err, len(want), got, want)
		}
		if len(got) > 0 && len(got) < entries {
			some++
		}
	}
	if some < filters/4 {
		t.Errorf("only %d filters choose some of the entries", some)
	}
}

// fileChooses returns the normal DNs of the entries that a filter chooses, sorted.
func fileChooses(t *testing.T, file, filter string) ([]string, error) {
	t.Helper()
	q := Query{Filter: filter, Selections: []Selection{{Kind: User, Any: true}}}
	var out []string
	err := Read(t.Context(), NewFiles(FilesOptions{Paths: []string{file}}), q, Handlers{Entry: func(e *Entry) error {
		out = append(out, normalText(t, string(e.DN)))
		return nil
	}})
	slices.Sort(out)
	return out, err
}

// slapdChooses returns the normal DNs of the entries that the server finds, sorted.
func slapdChooses(t *testing.T, conn *ldap.Conn, filter string) []string {
	t.Helper()
	res, err := conn.Search(ldap.NewSearchRequest("o=isp", ldap.ScopeWholeSubtree, ldap.NeverDerefAliases, 0, 0, false, filter, []string{"1.1"}, nil))
	if err != nil {
		t.Fatalf("%s: %v", filter, err)
	}
	var out []string
	for _, e := range res.Entries {
		out = append(out, normalText(t, e.DN))
	}
	slices.Sort(out)
	return out
}

func normalText(t *testing.T, dn string) string {
	t.Helper()
	out, err := AppendNormalDN(nil, []byte(dn))
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// toLDIF returns text with the values that LDIF requires to be encoded so encoded.
func toLDIF(t *testing.T, text string) string {
	t.Helper()
	var b strings.Builder
	for line := range strings.Lines(text) {
		name, value, ok := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		if ok && strings.ContainsFunc(value, func(r rune) bool { return r > '~' }) {
			fmt.Fprintf(&b, "%s:: %s\n", name, base64.StdEncoding.EncodeToString([]byte(value)))
			continue
		}
		b.WriteString(line)
	}
	return b.String()
}

func record(lines ...string) *ldif.Record {
	return &ldif.Record{DN: []byte("uid=a,o=isp"), Line: 1, Attributes: ldifAttributes(lines...)}
}

func TestFilterErrorNamesTheEntry(t *testing.T) {
	m, err := compileFilter("(!(modifyTimestamp=*))", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	var s matchState
	_, err = m.matches(record("cn: a"), &s)
	var of *FilterError
	if !errors.As(err, &of) || of.DN != "uid=a,o=isp" || of.Item != "modifytimestamp" {
		t.Errorf("%v", err)
	}
	// An export with the operational attributes shows that an entry lacks one of them.
	for lines, want := range map[string]bool{
		"createTimestamp: 20240101000000Z\ncreatorsName: cn=x": true, "pwdReset: TRUE\ncreatorsName: cn=x\nentryUUID: x": false,
	} {
		m, err := compileFilter("(!(pwdReset=TRUE))", nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		got, err := m.matches(record(strings.Split(lines, "\n")...), &s)
		if err != nil || got != want {
			t.Errorf("%s: %v, %v", lines, got, err)
		}
	}
}
