package ldapcheck_test

import (
	"context"
	"encoding/base64"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/davadmin/davadmin/internal/servertest"
	"github.com/davadmin/davadmin/pkg/directory"
	"github.com/davadmin/davadmin/pkg/finding"
	"github.com/davadmin/davadmin/pkg/ldapcheck"
)

// in64 returns a line of LDIF with an encoded value.
func in64(name, value string) string {
	return name + ":: " + base64.StdEncoding.EncodeToString([]byte(value))
}

// compared returns brief and how the values were compared.
func compared(findings []finding.Finding) []string {
	var out []string
	for _, f := range findings {
		if f.Rule == "uniqueid-malformed" || f.Rule == "mail-malformed" {
			continue
		}
		out = append(out, strings.TrimSpace(f.Rule+" "+strings.Join(f.DN, "+")+" "+f.ComparedBy))
	}
	slices.Sort(out)
	return out
}

// pairs are values, those of one line in the two entries of a pair.
var pairs = []struct {
	name, a, b string
	rfc4518    bool // equal by RFC 4518
	slapd      bool // equal by OpenLDAP
}{
	{"composition", "Z\u00fcrich", "Zu\u0308rich", true, true},
	{"case", "\u00c4g", "\u00e4G", true, true},
	{"compatibility", "\ufb01ne\uff11", "FINE1", true, true},
	{"no-break blank", "one\u00a0two", "one two", true, true},
	{"final sigma", "id-\u03c3\u03c2", "id-\u03c3\u03c3", true, false},
	{"soft hyphen", "soft\u00adhyphen", "softhyphen", true, false},
	{"sharp s", "stra\u00dfe", "STRASSE", true, false},
	{"tabulator", "tab\tulator", "tab ulator", true, false},
	{"zero width joiner", "zero\u200dwidth", "zerowidth", true, false},
	{"dotted i", "\u0130x", "ix", false, true},
	{"accent", "m\u00fcller", "muller", false, false},
}

func TestComparisonOfFiles(t *testing.T) {
	for _, p := range pairs {
		t.Run(p.name, func(t *testing.T) {
			local := func(v string) string {
				return strings.Map(func(r rune) rune {
					if r == ' ' || r == '\t' || r == '\u00a0' {
						return -1 // which no address contains
					}
					return r
				}, v) + "@example.com"
			}
			text := user("a", in64("davUniqueId", p.a), in64("mail", local(p.a))) + user("b", in64("davUniqueId", p.b), in64("mail", local(p.b)))
			_, findings := auditText(t, ldapcheck.Options{Names: ldapcheck.DefaultNames()}, text)
			const who = " uid=a,ou=People,o=isp+uid=b,ou=People,o=isp"
			var want []string
			if local(p.a) == local(p.b) {
				want = append(want, "mail-duplicate"+who)
			} else if p.rfc4518 {
				want = append(want, "mail-duplicate"+who+" rfc4518")
			}
			if p.rfc4518 {
				want = append(want, "uniqueid-case-collision"+who+" rfc4518")
			}
			if diff := cmp.Diff(want, compared(findings)); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
		})
	}
}

// TestReferencesInUnicode requires that a member is dangling only if no comparison finds
// its entry.
func TestReferencesInUnicode(t *testing.T) {
	for _, p := range pairs {
		t.Run(p.name, func(t *testing.T) {
			for _, names := range [][2]string{{p.a, p.b}, {p.b, p.a}} {
				text := "dn: o=isp\nobjectClass: organization\n\n" + in64("dn", "cn="+names[0]+",o=isp") + "\nobjectClass: person\n\n" +
					group("g", "+"+in64("uniqueMember", "CN="+names[1]+", O=isp")) + resource("r", "+"+in64("owner", "cn="+names[1]+",o=isp"))
				_, findings := auditText(t, ldapcheck.Options{Names: ldapcheck.DefaultNames()}, text)
				var want []string
				if !p.rfc4518 && !p.slapd {
					want = []string{"group-member-dangling cn=g,ou=Groups,o=isp", "resource-owner-dangling cn=r,ou=Resources,o=isp"}
				}
				if diff := cmp.Diff(want, compared(findings)); diff != "" {
					t.Errorf("findings (-want +got):\n%s", diff)
				}
			}
		})
	}
}

// TestRepeatedInUnicode requires that an entry under two hashes is reported once, and
// that DNs which only one comparison takes for equal are two entries.
func TestRepeatedInUnicode(t *testing.T) {
	for _, p := range pairs {
		entryOf := func(v string) string { return in64("dn", "cn="+v+",o=isp") + "\nobjectClass: person\n\n" }
		_, findings := auditText(t, ldapcheck.Options{Names: ldapcheck.DefaultNames()}, user("x")+entryOf(p.a)+entryOf(p.b)+entryOf(p.a))
		if want := 1; len(findings) != want || findings[0].Rule != "entry-repeated" {
			t.Errorf("%s: %+v", p.name, findings)
		}
		_, findings = auditText(t, ldapcheck.Options{Names: ldapcheck.DefaultNames()}, user("x")+entryOf(p.a)+entryOf(p.b))
		if repeated := len(findings) > 0; repeated != (p.rfc4518 && p.slapd) {
			t.Errorf("%s: %+v", p.name, findings)
		}
	}
}

// TestComparisonAsksTheServer requires that a directory is asked about pairs that not
// every comparison takes for equal, and about no others.
func TestComparisonAsksTheServer(t *testing.T) {
	for _, p := range pairs {
		for _, equal := range []bool{false, true} {
			s := &server{equal: equal, indexes: []string{"eq", "pres"}}
			steps := []step{person("a", p.a), person("b", p.b)}
			_, findings := auditSource(t, ldapcheck.Options{Names: ldapcheck.DefaultNames(), Server: s}, &script{steps: steps})
			var want []string
			odd := p.rfc4518 != p.slapd || p.name == "accent" // the accent is what some other directory may ignore
			switch {
			case odd && equal:
				want = []string{"uniqueid-case-collision uid=a,o=isp+uid=b,o=isp directory"}
			case p.rfc4518:
				want = []string{"uniqueid-case-collision uid=a,o=isp+uid=b,o=isp rfc4518"}
			}
			if diff := cmp.Diff(want, compared(findings)); diff != "" {
				t.Errorf("%s, %v: findings (-want +got):\n%s", p.name, equal, diff)
			}
			if asked := len(s.compared) == 1; asked != odd || len(s.compared) > 1 {
				t.Errorf("%s: asked %q", p.name, s.compared)
			}
			apart := slices.ContainsFunc(findings, func(f finding.Finding) bool { return strings.Contains(f.Detail, "although this directory") })
			if apart != (odd && !equal && p.rfc4518) {
				t.Errorf("%s, %v: %+v", p.name, equal, findings)
			}
		}
	}
}

// TestComparisonWithSlapd audits the pairs on a live server.
func TestComparisonWithSlapd(t *testing.T) {
	text := "dn: o=isp\nobjectClass: organization\no: isp\n\ndn: ou=People,o=isp\nobjectClass: organizationalUnit\nou: People\n\n"
	var want []string
	for i, p := range pairs {
		for j, v := range []string{p.a, p.b} {
			uid := string(rune('a'+i)) + string(rune('0'+j))
			text += user(uid, "objectClass: inetOrgPerson", "objectClass: icsCalendarUser", "objectClass: davEntity", "+cn: x", "+sn: x", in64("davUniqueId", v))
		}
		by := map[[2]bool]string{{true, true}: "rfc4518", {true, false}: "rfc4518", {false, true}: "directory"}[[2]bool{p.rfc4518, p.slapd}]
		if by != "" {
			uid := "uid=" + string(rune('a'+i))
			want = append(want, "uniqueid-case-collision "+uid+"0,ou=People,o=isp+"+uid+"1,ou=People,o=isp "+by)
		}
	}
	file := filepath.Join(t.TempDir(), "pairs.ldif")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s := servertest.Slapd(t, servertest.SlapdOptions{Options: servertest.Options{LDIF: file}})
	live, err := directory.Open(t.Context(), directory.Options{URLs: []string{s.LDAPIURL}, BindDN: s.ManagerDN, Password: func(context.Context) ([]byte, error) { return []byte(servertest.Password), nil }})
	if err != nil {
		t.Fatal(err)
	}
	defer live.Close()
	_, findings := auditSource(t, ldapcheck.Options{Names: ldapcheck.DefaultNames(), Server: live, Rules: []string{"uniqueid-*"}}, live)
	if diff := cmp.Diff(want, compared(findings)); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
}
