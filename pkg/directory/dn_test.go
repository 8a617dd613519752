package directory

import (
	"bytes"
	"strings"
	"testing"

	"github.com/go-ldap/ldap/v3"
	"pgregory.net/rapid"
)

func TestNormalDN(t *testing.T) {
	for dn, want := range map[string]string{
		"":                                      "",
		"  ":                                    "",
		"o=isp":                                 "o=isp",
		" UID = U1 , OU = People ,O=ISP ":       "uid=u1,ou=people,o=isp",
		"uid=u1;o=isp":                          "uid=u1,o=isp",
		"cn=Anna   Berg,o=isp":                  "cn=anna berg,o=isp",
		`cn=Berg\, Anna,o=isp`:                  `cn=berg\2c anna,o=isp`,
		`cn=Berg\2C Anna,o=isp`:                 `cn=berg\2c anna,o=isp`,
		`cn="Berg, Anna" ,o=isp`:                `cn=berg\2c anna,o=isp`,
		`cn="a\"b",o=isp`:                       `cn=a\22b,o=isp`,
		`cn=a"b`:                                `cn=a\22b`,
		`cn=a\;b;o=isp`:                         `cn=a\3bb,o=isp`,
		`cn=\#a#,o=isp`:                         `cn=\23a#,o=isp`,
		`cn="#a"`:                               `cn=\23a`,
		`cn=\ a\ ,o=isp`:                        "cn=a,o=isp",
		`cn=a\20\20b`:                           "cn=a b",
		`cn=a=b`:                                `cn=a\3db`,
		`cn=a\=b`:                               `cn=a\3db`,
		`cn=a\\b`:                               `cn=a\5cb`,
		`cn=a\+b+sn=B`:                          `cn=a\2bb+sn=b`,
		"sn=B + cn=a,o=isp":                     "cn=a+sn=b,o=isp",
		"cn=Änne,o=isp":                         "cn=änne,o=isp",
		`cn=\C3\84nne,o=isp`:                    "cn=änne,o=isp",
		"cn=ΣΑΣ":                                "cn=σασ",
		"cn=σας":                                "cn=σας",
		"cn=\xff\xfeA":                          "cn=\xff\xfea",
		"OID.2.5.4.3=a":                         "cn=a",
		"userId=a,0.9.2342.19200300.100.1.25=b": "uid=a,dc=b",
		"OID.1.2.3=a":                           "1.2.3=a",
		"o=":                                    "o=",
		"o=,dc=x":                               "o=,dc=x",
		"1.3.6.1=#04024869":                     "1.3.6.1=#04024869",
		`cn=a\zb`:                               "cn=azb",
		"nsuniqueid=a-b+uid=x,cn=a_b,ou=x;o=y":  "nsuniqueid=a-b+uid=x,cn=a_b,ou=x,o=y",
	} {
		got, err := AppendNormalDN([]byte("front "), []byte(dn))
		if err != nil || string(got) != "front "+want {
			t.Errorf("the normal form of %q is %q, %v, want %q", dn, got, err, want)
		}
		again, err := AppendNormalDN(nil, []byte(want))
		if err != nil || string(again) != want {
			t.Errorf("the normal form of the normal form %q is %q, %v", want, again, err)
		}
	}
	for _, dn := range []string{
		"isp", "o=isp,", ",o=isp", "=isp", "o=isp,,c=de", "o=a\\", `o="a`, `o="a"b`, "o isp", "ü=x", "o=a+", "o=a+,c=de", "(o=a)",
	} {
		got, err := AppendNormalDN([]byte("front "), []byte(dn))
		if err == nil || string(got) != "front " {
			t.Errorf("the normal form of %q is %q, %v", dn, got, err)
		}
	}
}

// dnText generates DNs in many spellings, with few different values.
func dnText() *rapid.Generator[string] {
	types := rapid.SampledFrom([]string{"cn", "CN", "ou", "Ou", "o"})
	value := rapid.SampledFrom([]string{"a", "A", "b", "isp", "ISP", "a b", "A  B", `a\,b`, `a\2Cb`, `a\2cB`, "ä", "Ä", `\C3\A4`, `a\+b`, `\#a`, "x;", `x\;y`})
	blank := rapid.SampledFrom([]string{"", "", "", " ", "  "})
	return rapid.Custom(func(t *rapid.T) string {
		var b strings.Builder
		for i := range rapid.IntRange(0, 4).Draw(t, "rdns") {
			if i > 0 {
				b.WriteString(blank.Draw(t, "blank") + "," + blank.Draw(t, "blank"))
			}
			for j := range rapid.SampledFrom([]int{1, 1, 1, 1, 2}).Draw(t, "parts") {
				if j > 0 {
					b.WriteString(blank.Draw(t, "blank") + "+" + blank.Draw(t, "blank"))
				}
				b.WriteString(types.Draw(t, "type") + blank.Draw(t, "blank") + "=" + blank.Draw(t, "blank") + strings.TrimSuffix(value.Draw(t, "value"), ";"))
			}
		}
		return b.String()
	})
}

// TestBasesAgreeWithGoLDAP compares with the DN type of go-ldap.
func TestBasesAgreeWithGoLDAP(t *testing.T) {
	rapidChecks(t, "3000")
	inside := map[Scope]int{}
	squeeze := func(dn *ldap.DN) *ldap.DN {
		for _, rdn := range dn.RDNs {
			for _, a := range rdn.Attributes {
				a.Value = strings.Join(strings.Fields(a.Value), " ") // which go-ldap does not do
			}
		}
		return dn
	}
	rapid.Check(t, func(t *rapid.T) {
		dn := dnText().Draw(t, "dn")
		list := rapid.SliceOfN(dnText(), 1, 3).Draw(t, "bases")
		if i := rapid.IntRange(-1, len(dn)).Draw(t, "cut"); i >= 0 && strings.Contains(dn[i:], ",") {
			// A base that is probably above dn.
			list = append(list, strings.Trim(dn[i+strings.Index(dn[i:], ",")+1:], " "))
			if _, err := ldap.ParseDN(list[len(list)-1]); err != nil {
				list = list[:len(list)-1]
			}
		}
		scope := rapid.SampledFrom([]Scope{Subtree, OneLevel, BaseOnly}).Draw(t, "scope")
		parsed, err := ldap.ParseDN(dn)
		if err != nil {
			t.Fatal(err)
		}
		parsed = squeeze(parsed)
		want := false
		for _, base := range list {
			above, err := ldap.ParseDN(base)
			if err != nil {
				t.Fatal(err)
			}
			above = squeeze(above)
			depth := len(parsed.RDNs) - len(above.RDNs)
			below := above.AncestorOfFold(parsed) || above.EqualFold(parsed)
			want = want || below && (scope == Subtree || scope == OneLevel && depth == 1 || scope == BaseOnly && depth == 0)
		}
		b, err := newBases(list, scope)
		if err != nil {
			t.Fatal(err)
		}
		var scratch []byte
		got, err := b.contains([]byte(dn), &scratch)
		if err != nil || got != want {
			t.Fatalf("%q at or below %q in scope %d: %v, %v, want %v", dn, list, scope, got, err, want)
		}
		if got {
			inside[scope]++
		}
	})
	for _, scope := range []Scope{Subtree, OneLevel, BaseOnly} {
		if inside[scope] < 50 {
			t.Errorf("only %d DNs were in scope %d", inside[scope], scope)
		}
	}
}

func TestBases(t *testing.T) {
	for _, c := range []struct {
		base  string
		scope Scope
		dn    string
		want  bool
	}{
		{"o=isp", Subtree, "o=isp", true},
		{"o=isp", Subtree, "uid=a,ou=b,o=isp", true},
		{"o=isp", Subtree, "UID=A, OU=B, O=ISP", true},
		{"O = Isp", Subtree, "uid=a,o=isp", true},
		{"o=isp", Subtree, "uid=a,oo=isp", false},
		{"o=isp", Subtree, "uid=a,o=isp2", false},
		{"o=isp", Subtree, `uid=a\,o=isp`, false},
		{"o=isp", Subtree, `uid="a,o=isp"`, false},
		{"o=isp", Subtree, `uid="a,o=isp",o=isp`, true},
		{"o=isp", Subtree, "uid=a+o=isp", false},
		{"o=isp", Subtree, "uid=x=o=isp", false},
		{"o=isp", Subtree, "", false},
		{"o=isp", OneLevel, "o=isp", false},
		{"o=isp", OneLevel, "ou=b,o=isp", true},
		{"o=isp", OneLevel, "ou=b, o=isp", true},
		{"o=isp", OneLevel, `ou=b\,c,o=isp`, true},
		{"o=isp", OneLevel, `ou=b\;c,o=isp`, true},
		{"o=isp", OneLevel, "uid=a,ou=b,o=isp", false},
		{"o=isp", OneLevel, "uid=a;ou=b,o=isp", false},
		{"o=isp", BaseOnly, "o=isp", true},
		{"o=isp", BaseOnly, "ou=b,o=isp", false},
		{"", Subtree, "", true},
		{"", Subtree, "o=isp", true},
		{"", OneLevel, "o=isp", true},
		{"", OneLevel, "ou=b,o=isp", false},
		{"", OneLevel, "", false},
		{"", BaseOnly, "", true},
		{"", BaseOnly, "o=isp", false},
		{`cn=a\,b,o=isp`, Subtree, `uid=x,cn=A\2Cb,o=isp`, true},
	} {
		b, err := newBases([]string{c.base}, c.scope)
		if err != nil {
			t.Fatal(err)
		}
		var scratch []byte
		got, err := b.contains([]byte(c.dn), &scratch)
		if err != nil || got != c.want {
			t.Errorf("%q for base %q, scope %d: %v, %v", c.dn, c.base, c.scope, got, err)
		}
	}
	if _, err := newBases([]string{"o=isp", "isp"}, Subtree); err == nil || !strings.Contains(err.Error(), `"isp"`) {
		t.Errorf("an invalid base DN: %v", err)
	}
	b, err := newBases(nil, BaseOnly)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := b.contains([]byte("no DN"), new([]byte)); !got || err != nil {
		t.Errorf("without a base: %v, %v", got, err)
	}
}

func FuzzNormalDN(f *testing.F) {
	for _, s := range []string{"o=isp", `cn="a,b"+sn=\C3\A4 , o=x`, `cn=a\`, "a=\xff"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, dn []byte) {
		normal, err := AppendNormalDN(nil, dn)
		if err != nil {
			if normal != nil {
				t.Fatalf("%q and %v", normal, err)
			}
			return
		}
		again, err := AppendNormalDN(nil, normal)
		if err != nil || string(again) != string(normal) {
			t.Fatalf("the normal form of %q is %q, and that of the latter is %q, %v", dn, normal, again, err)
		}
	})
}

// TestNamesInDNs requires that all names of an attribute type mean the same in a DN.
func TestNamesInDNs(t *testing.T) {
	for _, a := range newTypeSchema(nil).list {
		if a.operational || len(a.names) == 2 && a.names[1] != "2.5.4.4" {
			continue // the only other name is the OID, and hardly anything else names entries
		}
		want, err := AppendNormalDN(nil, []byte(a.names[0]+"=x"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range a.names {
			if got, err := AppendNormalDN(nil, []byte(name+"=x")); err != nil || string(got) != string(want) {
				t.Errorf("%s: %q, want %q (%v)", name, got, want, err)
			}
		}
	}
}

// TestUnicodeInDNs compares DNs as OpenLDAP does.
func TestUnicodeInDNs(t *testing.T) {
	normal := func(dn string) string {
		out, err := AppendNormalDN(nil, []byte(dn))
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	for _, pair := range [][2]string{{"cn=Zu\u0308rich,o=x", "CN=ZÜRICH, O=X"}, {"cn=\uff21\uff42", "cn=ab"}, {"cn=\u212a", "cn=k"}, {`cn=Z\75\cc\88rich`, "cn=zürich"}} {
		if normal(pair[0]) != normal(pair[1]) {
			t.Errorf("%q and %q differ", pair[0], pair[1])
		}
	}
	for _, pair := range [][2]string{{"cn=straße", "cn=strasse"}, {"cn=soft\u00adhyphen", "cn=softhyphen"}, {"cn=ς", "cn=σ"}, {"cn=u", "cn=ü"}} {
		if normal(pair[0]) == normal(pair[1]) {
			t.Errorf("%q and %q are the same", pair[0], pair[1])
		}
	}
}

// What is taken for a valid DN without a look at its parts is valid, and ordinary DNs are
// found to be plain.
func TestPlainDN(t *testing.T) {
	for dn, want := range map[string]bool{
		"uid=u1,ou=People,o=example.com,o=isp": true, "cn=A B,o=isp": true, "mail=a_b@x.example": true, "x-y=1": true,
		"": false, "uid": false, "uid=": false, "=x": false, "1a=x": false, "-a=x": false, "uid=a,": false, "uid=a,,o=b": false, "uid= a": false, "uid=a ": false,
		"uid=a, o=b": false, "uid=a+cn=b": false, `uid=a\,b`: false, "uid=J\xfc": false, "uid=#04": false, "uid=a;o=b": false, "2.5.4.3=a": false,
	} {
		if got := isPlainDN([]byte(dn)); got != want {
			t.Errorf("%q: %v", dn, got)
		}
	}
	rapidChecks(t, "3000")
	rapid.Check(t, func(t *rapid.T) {
		dn := []byte(rapid.StringMatching(`[a-c1A\-=,. +\\#@_\x{e4};"]{0,24}|((uid|UserID|x-1)=[aB. ]{1,5},?){1,3}`).Draw(t, "dn"))
		fold := rapid.Bool().Draw(t, "fold")
		want, plain, err := appendParsedDN([]byte("before "), dn, fold)
		if isPlainDN(dn) && err != nil {
			t.Fatalf("%q: %v", dn, err)
		}
		got, ok := appendPlainDN([]byte("before "), dn)
		if ok && (err != nil || !plain || !bytes.Equal(got, want)) || !ok && string(got) != "before " {
			t.Fatalf("%q is %q, want %q (%v, %v)", dn, got, want, plain, err)
		}
	})
}
