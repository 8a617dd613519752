package config

import (
	"slices"
	"strings"
	"testing"
)

func TestCheckTemplate(t *testing.T) {
	const name = "davcore.uriinfo.defaulthomeuri"
	not := func(value, fault string) checkCase {
		return bad(name, value, "'"+value+"' is not a template: "+fault)
	}
	runChecks(t, append(
		good(name, "", "/home/${mail}/", "${davstore,defaultbackend}", "$1/$22", "${1}", "${a,}", "${a,b,c}", "plain", "${cn;lang-de}", "ü${2.5.4.3}"),
		not("${mail", "'}' is missing for the '${' at position 1"),
		not("ü${}", "the name is missing in the '${' at position 2"),
		not("${,x}", "the name is missing in the '${' at position 1"),
		not("${a${b}}", "there is another '${' inside the '${' at position 1"),
		not("${a,${b}}", "there is another '${' inside the '${' at position 1"),
		not("${a b}", "'a b' is neither an attribute nor a number in the '${' at position 1"),
		not("$x", "'$' has neither a digit nor '{' after it at position 1"),
		not("a$", "'$' has neither a digit nor '{' after it at position 2"),
		not("$$1", "'$' has neither a digit nor '{' after it at position 1"),
		not("a}b", "'}' has no '${' before it at position 2"),
	))
}

// The expected results are those of java.util.regex.Pattern in Java 17.
func TestCheckRegex(t *testing.T) {
	const name = "davcore.homeuri.0.uripattern"
	not := func(value, fault string) checkCase {
		return bad(name, value, "'"+value+"' is not a Java regular expression: "+fault)
	}
	runChecks(t, append(
		good(name, "", "^/home/([^/]+)(/|$)", "(?<=a)b", "(?<!a)b", "(?=a)b", "(?!a)b", "(?>a)", "a++b*+c?+", "a*?b+?c??", `(a)\1`, `(?<n>a)\k<n>`,
			"(?i)a", "(?i:a)", "(?s-i)a", "()*", "^*", `\b*`, "a{2}{3}", "[a&&[^b]]", "[[a])]", "[]abc]", "[^]a]", `[\]]`, `[\Q]\E]`, `\Q[(*\E`, `\Q(`,
			`\(\)`, "a}", `\p{L}`, `\c(`, "a|", "||", "(?x) a # (comment", "(?<n", "(?P<a>b", `\Q\E*`, `\c\Q(`, `[\c\]`, "ü(ä)"),
		not("(a", "')' is missing for the '(' at position 1"),
		not("(?=a)(b", "')' is missing for the '(' at position 6"),
		not("(?i:a", "')' is missing for the '(' at position 1"),
		not("(?<n>a", "')' is missing for the '(' at position 1"),
		not("ü)", "there is no '(' for the ')' at position 2"),
		not("(a)b)", "there is no '(' for the ')' at position 5"),
		not("(?i)a)", "there is no '(' for the ')' at position 6"),
		not("[a", "']' is missing for the '[' at position 1"),
		not("[]", "']' is missing for the '[' at position 1"),
		not("[[]a]", "']' is missing for the '[' at position 1"),
		not(`x[a\]`, "']' is missing for the '[' at position 2"),
		not(`a\`, `nothing follows the '\' at position 2`),
		not(`[\`, `nothing follows the '\' at position 2`),
		not("*a", "there is nothing to repeat before the '*' at position 1"),
		not("(+a)", "there is nothing to repeat before the '+' at position 2"),
		not("a|?", "there is nothing to repeat before the '?' at position 3"),
		not("a**", "there is nothing to repeat before the '*' at position 3"),
		not("a+?+", "there is nothing to repeat before the '+' at position 4"),
		not("(?i)*", "there is nothing to repeat before the '*' at position 5"),
		not("(?<=*a)", "there is nothing to repeat before the '*' at position 5"),
	))
}

func TestCheckMailList(t *testing.T) {
	const name = "davcore.virusscan.emailaddress"
	not := func(value, address, hint string) checkCase {
		return bad(name, value, "'"+address+"' is not a mail address (user@domain)"+hint)
	}
	const missing = " | put one comma between two addresses, and none at the end"
	runChecks(t, slices.Concat(
		good(name, "", "a@b.c", "a@b", "a@b.c, d@e.f g@h,i@j", "o'neil+x=y@a-b.c", "ü@müller.example", "用户@例え.jp", "a@xn--mller-kva.example"),
		[]checkCase{
			not("joe", "joe", ""), not("a@b@c", "a@b@c", ""), not("@b", "@b", ""), not("a@", "a@", ""), not("a@b..c", "a@b..c", ""),
			not("a@.b", "a@.b", ""), not("a@b.", "a@b.", ""), not("a@-b.c", "a@-b.c", ""), not("a@b-.c", "a@b-.c", ""), not("a..b@c", "a..b@c", ""),
			not(".a@c", ".a@c", ""), not("a@b_c", "a@b_c", ""), not("a@"+strings.Repeat("b", 64), "a@"+strings.Repeat("b", 64), ""),
			not("a@b.c x", "x", ""), not("a;b@c", "a;b@c", ""),
			not("<a@b.c>", "<a@b.c>", " | use 'a@b.c'"), not("MailTo:A@b.c", "MailTo:A@b.c", " | use 'A@b.c'"), not("İ;", "İ;", ""),
			bad(name, "a@b,", "an address is missing at position 5"+missing),
			bad(name, "ü@b,,a@b", "an address is missing at position 5"+missing),
			bad(name, ",a@b", "an address is missing at position 1"+missing),
		}))
}

func FuzzCheckTemplate(f *testing.F) {
	for _, s := range []string{"/home/${mail}/", "${a,b}", "$1", "${", "}", strings.Repeat("${a,", 1000), strings.Repeat("${a}", 1000)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		problems := bounded(t, s, checkTemplate)
		if problems == nil && strings.Count(s, "${") != strings.Count(s, "}") {
			t.Errorf("%q is accepted", s)
		}
	})
}

func FuzzCheckACL(f *testing.F) {
	for _, s := range []string{"@:r", "@:r;user@x:wd", "@@o^a^r^g", ";", ":", strings.Repeat("@:r;", 1000)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		check := func(s string) []Problem { return checkACL(s, "calendar") }
		if bounded(t, s, check) != nil {
			return
		}
		if n := strings.Count(s, ";") + 1; strings.Count(s, "@") != n || strings.Count(s, ":") != n {
			t.Errorf("%q is accepted", s)
		}
	})
}

func FuzzCheckRegex(f *testing.F) {
	for _, s := range []string{"^/home/([^/]+)(/|$)", `\Q[`, `\c`, "(?i", "[[", strings.Repeat("(", 1000), strings.Repeat("[", 1000), `[\`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) { bounded(t, s, checkRegex) })
}

func FuzzCheckMailList(f *testing.F) {
	for _, s := range []string{"a@b.c, d@e", "mailto:a@b", "İ@b;", ",", strings.Repeat("a@b,", 1000)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if bounded(t, s, checkMailList) == nil && !strings.Contains(s, "@") {
			t.Errorf("%q is accepted", s)
		}
	})
}
