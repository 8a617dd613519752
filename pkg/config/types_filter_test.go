package config

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/davadmin/davadmin/pkg/finding"
	"pgregory.net/rapid"
)

func TestCheckFilter(t *testing.T) {
	const name = "davcore.uriinfo.subjectsearchfilter"
	not := func(value, fault string) checkCase {
		return bad(name, value, "'"+value+"' is not an LDAP filter: "+fault)
	}
	deep := func(n int) string { return strings.Repeat("(!", n) + "(a=b)" + strings.Repeat(")", n) }
	runChecks(t, slices.Concat(
		good(name, "", "(|(uid=%s*)(cn=*%s*)(mail=*%s*))", "(uid=%U)", "(&(uid=%U)(!(mail=%o))(x>=%V))", "(mail=$1)", "(mail=${mail,x)y})",
			"(a=)", "(a=*)", "(a=**)", "(a=b c)", "(a=ü)", `(a=\28\2A\29)`, "(a<=1)", "(a~=b)", "(cn;lang-de=x)", "(2.5.4.3=x)",
			"(cn:dn:2.4.6.8.10:=x)", "(cn:DN:=x)", "(:caseExactMatch:=x)", "(:dn:2.4.6:=x)", "(cn:=x)", "(cn:dnRule:=x)", "(a=b=c)", "(a=$)",
			"(memberURL=ldap:///o=isp??sub?)", deep(49)),
		[]checkCase{
			not("(uid=%s", "')' is missing at position 8"),
			not("(", "an attribute is missing at position 2"),
			not("()", "nothing comes before the ')' at position 2"),
			not("(&())", "nothing comes before the ')' at position 4"),
			not("(=x)", "an attribute is missing at position 2"),
			not("((a=b))", "an attribute is missing at position 2"),
			not("(a)", "'=' is missing at position 3"),
			not("(a>1)", "'=' is missing at position 4"),
			not("(ü=ä)", "'ü' is not an attribute at position 2"),
			not("(a b=c)", "'a b' is not an attribute at position 2"),
			not("(${a}=c)", "'${a}' is not an attribute at position 2"),
			not("(&)", "a filter is missing at position 3"),
			not("(&(a=b)x)", "')' is missing at position 8"),
			not("(& (a=b))", "a filter is missing at position 3"),
			not("(!a=b)", "'(' is missing at position 3"),
			not("(!(a=b)(c=d))", "')' is missing at position 8"),
			not("(uid=ü)x", "text follows the last ')' at position 8"),
			not("(a=b))", "text follows the last ')' at position 6"),
			not("(a=(b))", `'(' must be written as \28 at position 4`),
			not("(a>=*)", `'*' must be written as \2a after this operator at position 5`),
			not("(a:=*)", `'*' must be written as \2a after this operator at position 5`),
			not(`(a=\2g)`, `'\' is not followed by two hexadecimal digits at position 4`),
			not(`(a=\2`, `'\' is not followed by two hexadecimal digits at position 4`),
			not("(a:b)", "':=' is missing at position 3"),
			not("(:=x)", "a matching rule is missing at position 2"),
			not("(:dn:=x)", "a matching rule is missing at position 5"),
			not("(cn::=x)", "a matching rule is missing at position 4"),
			not("(cn:x_y:=v)", "a matching rule is missing at position 4"),
			not("(a=${mail)", "'}' is missing for the '${' at position 4"),
			not("(a=${})", "the name is missing in the '${' at position 4"),
			not("uid=%s", "'(' is missing at position 1 | use '(uid=%s)'"),
			not("&(a=b)(c=d)", "'(' is missing at position 1 | use '(&(a=b)(c=d))'"),
			not("uid", "'(' is missing at position 1"),
			not("a=b)(c=d", "'(' is missing at position 1"),
			not(deep(52)[:104], "there are more than 50 levels at position 101"),
			bad(name, "(uid=%u)", "warning: '%u' is not a placeholder (%s, %U, %V or %o) | use '%U'"),
			bad(name, "(uid=100%)", `warning: '%' is not a placeholder (%s, %U, %V or %o) | write \25 for a percent sign`),
			bad(name, "(a=%üb)", `warning: '%ü' is not a placeholder (%s, %U, %V or %o) | write \25 for a percent sign`),
			bad(name, " (a=b)", "the value begins or ends with a blank | use '(a=b)'"),
		}))
}

// drawFilter generates a filter of RFC 4515.
func drawFilter(t *rapid.T, depth int) string {
	kind := rapid.IntRange(0, 5).Draw(t, "kind")
	if depth == 0 || kind > 2 {
		attribute := rapid.SampledFrom([]string{"a", "mail", "cn;lang-de", "2.5.4.3"}).Draw(t, "attribute")
		value := strings.Join(rapid.SliceOfN(rapid.SampledFrom([]string{"x", "ü", "=", " ", `\28`, "%s", "$1", "${m,a)}"}), 0, 4).Draw(t, "value"), "")
		if kind == 3 {
			return "(" + attribute + "=*" + value + "*)"
		}
		return "(" + attribute + rapid.SampledFrom([]string{"=", ">=", "<=", "~=", ":=", ":dn:2.4.6:="}).Draw(t, "operator") + value + ")"
	}
	if kind == 0 {
		return "(!" + drawFilter(t, depth-1) + ")"
	}
	parts := ""
	for range rapid.IntRange(1, 3).Draw(t, "parts") {
		parts += drawFilter(t, depth-1)
	}
	return "(" + []string{"", "&", "|"}[kind] + parts + ")"
}

func TestFilterProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		filter := drawFilter(t, 4)
		if problems := checkFilter(filter); problems != nil {
			t.Fatalf("%q is refused: %v", filter, problems)
		}
		for _, broken := range []string{filter[:len(filter)-1], filter + ")", filter + filter, "(" + filter + ")", filter[1:]} {
			if problems := checkFilter(broken); len(problems) != 1 || problems[0].Severity != finding.Error {
				t.Fatalf("%q, made invalid from %q, is accepted: %v", broken, filter, problems)
			}
		}
	})
}

// bounded fails if the time of a check grows faster than linearly.
func bounded(t *testing.T, value string, check func(string) []Problem) []Problem {
	start := time.Now()
	problems := check(value)
	if spent := time.Since(start); spent > time.Second && len(value) < 1<<16 {
		t.Errorf("%d bytes took %v", len(value), spent)
	}
	return problems
}

func FuzzCheckFilter(f *testing.F) {
	for _, s := range []string{
		"(|(uid=%s*)(cn=*%s*)(mail=*%s*))", "(a:dn:2.4:=x)", "(!(a=\\28))", "(a=${b})", strings.Repeat("(&", 100), strings.Repeat("(a=%", 1000), "a=b",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		problems := bounded(t, s, checkFilter)
		if problems == nil && (!strings.HasPrefix(s, "(") || !strings.HasSuffix(s, ")")) {
			t.Errorf("%q is accepted", s)
		}
	})
}
