package config

import (
	"slices"
	"strings"
	"testing"

	"github.com/davadmin/davadmin/pkg/finding"
)

// checkCase is a value of a parameter with its expected problems, each in the form
// "text" or "text | hint", and preceded by "warning: " if it is a warning.
type checkCase struct {
	name, value string
	want        []string
}

func good(name string, values ...string) []checkCase {
	var cases []checkCase
	for _, v := range values {
		cases = append(cases, checkCase{name: name, value: v})
	}
	return cases
}

func runChecks(t *testing.T, cases []checkCase) {
	t.Helper()
	r := mustRegistry(t)
	for _, c := range cases {
		p, ok := r.Lookup(c.name)
		if !ok {
			t.Fatalf("%s is not in the registry", c.name)
		}
		var got []string
		for _, problem := range p.Check(c.value) {
			text := problem.Text
			if problem.Hint != "" {
				text += " | " + problem.Hint
			}
			if problem.Severity != finding.Error {
				text = problem.Severity.String() + ": " + text
			}
			got = append(got, text)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s %q:\n got %q\nwant %q", c.name, c.value, got, c.want)
		}
	}
}

func bad(name, value string, want ...string) checkCase {
	return checkCase{name: name, value: value, want: want}
}

func TestCheckNumber(t *testing.T) {
	const (
		unlimited = "davcore.serverlimits.maxcontentlength"
		results   = "davcore.serverlimits.maxresults"
		sure      = "base.ldapinfo.cachesize"
		guess     = "base.ldapinfo.ugldap.ldappoolsize"
	)
	runChecks(t, slices.Concat(
		good(unlimited, "0", "-1", "+5", "2147483647", "-2147483648"),
		good(sure, "1", "1000000"), good(guess, "1", "100"), good(results, "1", "2147483647"),
		[]checkCase{
			bad(results, "many", "'many' is not an integer (1 to 2147483647)"),
			bad(results, "0", "warning: '0' is out of range (1 to 2147483647); this range is a guess"),
			bad(results, "99999999999", "'99999999999' is out of range (-2147483648 to 2147483647)"),
			bad(results, "", "the value is empty instead of an integer (1 to 2147483647)"),
			bad(results, " 5", "the value begins or ends with a blank | use '5'"),
			bad(results, " ", "the value begins or ends with a blank | remove the blanks"),
			bad(results, "5\n", "the value contains the control character U+000A at position 2 | give a value of one line"),
			bad(unlimited, "1_000", "'1_000' is not an integer | give the number of bytes"),
			bad(unlimited, "3000000000", "'3000000000' is out of range (-2147483648 to 2147483647)"),
			bad(unlimited, "", "the value is empty instead of an integer"),
			bad(sure, "0", "'0' is out of range (1 to 1000000)"),
			bad(sure, "99999999999", "'99999999999' is out of range (1 to 1000000)"),
			bad(sure, "0x10", "'0x10' is not an integer (1 to 1000000) | give the number of entries"),
			bad(guess, "101", "warning: '101' is out of range (1 to 100); this range is a guess"),
			bad("base.ldapinfo.schemalevel", "3", "'3' is out of range (1 to 2)"),
			bad("davcore.autocreate.calattendantuserflags", "x", "'x' is not an integer (0 to 7)"),
			bad("store.dav.some.attachstoreport", "65536", "'65536' is out of range (0 to 65535)"),
		}))
}

func TestCheckLong(t *testing.T) {
	low := int64(0)
	p := &Parameter{Name: "x", Type: Long, Min: &low, ValueCertainty: CertaintySeen}
	if got, want := p.Range(), "0 to 9223372036854775807"; got != want {
		t.Errorf("Range() = %q, want %q", got, want)
	}
	if problems := p.Check("9223372036854775807"); problems != nil {
		t.Error(problems)
	}
	for value, want := range map[string]string{
		"9223372036854775808": "'9223372036854775808' is out of range (0 to 9223372036854775807)",
		"-1":                  "'-1' is out of range (0 to 9223372036854775807)",
	} {
		if problems := p.Check(value); len(problems) != 1 || problems[0].Text != want || problems[0].Severity != finding.Error {
			t.Errorf("%s: %v, want %s", value, problems, want)
		}
	}
}

func TestCheckBoolean(t *testing.T) {
	const name = "davcore.attachment.enable"
	word := func(w, hint string) checkCase {
		return bad(name, w, "'"+w+"' is not a boolean ('true' or 'false') | use '"+hint+"'")
	}
	runChecks(t, append(good(name, "true", "false", "TRUE", "False"),
		word("yes", "true"), word("On", "true"), word("1", "true"), word("no", "false"), word("OFF", "false"), word("0", "false"),
		bad(name, "maybe", "'maybe' is not a boolean ('true' or 'false')"),
		bad(name, "", "the value is empty instead of 'true' or 'false'"),
		bad(name, "true ", "the value begins or ends with a blank | use 'true'"),
	))
}

func TestCheckLogLevel(t *testing.T) {
	const name = "log.dav.errors.loglevel"
	level := func(w, hint string) checkCase {
		return bad(name, w, "'"+w+"' is not a log level (SEVERE, WARNING, INFO, CONFIG, FINE, FINER, FINEST or OFF)"+hint)
	}
	runChecks(t, append(good(name, logLevels()...),
		level("warning", " | use 'WARNING'"), level("ERROR", " | use 'SEVERE'"), level("WARN", " | use 'WARNING'"),
		level("debug", " | use 'FINE'"), level("TRACE", " | use 'FINEST'"), level("none", " | use 'OFF'"), level("LOUD", ""), level("800", ""),
		bad(name, "", "the value is empty instead of a log level"),
	))
}

func TestCheckOneLine(t *testing.T) {
	const path, text = "log.dav.errors.logdir", "base.ldapinfo.dcroot"
	runChecks(t, slices.Concat(
		good(path, "", "logs", "/var/opt/a b", "C:\\logs", "/größe"),
		good(text, "", " o=isp ", "a\tb", "\ufffd"),
		good("store.document.password", "", " x ", "'"),
		[]checkCase{
			bad(path, "a\x00b", "the value contains the control character U+0000 at position 2 | give a value of one line"),
			bad(path, "/ü/y\nz", "the value contains the control character U+000A at position 5 | give a value of one line"),
			bad(path, " /x", "the value begins or ends with a blank | use '/x'"),
			bad(path, "a\xff", "the value is not valid UTF-8 at position 2"),
			bad(text, "a\x1b[2J", "the value contains the control character U+001B at position 2 | give a value of one line"),
			bad(text, "a\u0085", "the value contains the control character U+0085 at position 2 | give a value of one line"),
			bad("store.document.password", "secret\n", "the value contains the control character U+000A at position 7 | give a value of one line"),
		}))
}

func TestCheckChoices(t *testing.T) {
	const name = "davcore.virusscan.clivirusaction"
	runChecks(t, append(good(name, "", "delete"),
		bad(name, "Delete", "warning: 'Delete' is not 'delete' or empty; this list is a guess")))
	p := &Parameter{Type: String, Choices: []string{"a", "b", "c"}, ValueCertainty: CertaintyRemembered}
	if got := p.Check("d"); len(got) != 1 || got[0].Severity != finding.Error || got[0].Text != "'d' is not 'a', 'b' or 'c'" {
		t.Error(got)
	}
}

func TestCheckAttribute(t *testing.T) {
	const name, list = "davcore.scheduling.localuserattr", "davcore.uriinfo.subjectattributes"
	not := func(value, hint string) checkCase {
		return bad(name, value, "'"+value+"' is not an attribute name (a letter, then letters, digits and hyphens) or OID"+hint)
	}
	runChecks(t, slices.Concat(
		good(name, "", "davstore", "davStore", "x-1", "1.2.840.113556", "0.9.2342", "cn;lang-de", "cn;lang-de;x-y", "2.5.4.3;binary"),
		good(list, "", "cn", "cn  mail;lang-de\t2.5.4.3"),
		[]checkCase{
			not("dav store", " | give only one attribute"), not("mail,cn", " | give only one attribute"),
			not("1.02", ""), not("2", ""), not("1..2", ""), not("1.2.", ""), not("cn;", ""), not(";x", ""), not("9x", ""), not("-x", ""),
			not("dav_store", ""), not("däv", ""), not("[x", ""), not("@", ""),
			bad(list, "cn Mail mail", "warning: 'mail' is in the list more than once"),
			bad(list, "cn,mail", "'cn,mail' is not an attribute name (a letter, then letters, digits and hyphens) or OID | separate the names by blanks"),
			bad(list, "cn CN cn x_y x_y", "warning: 'CN' is in the list more than once",
				"'x_y' is not an attribute name (a letter, then letters, digits and hyphens) or OID", "warning: 'x_y' is in the list more than once"),
			bad(list, "cn mail ", "the value begins or ends with a blank | use 'cn mail'"),
		}))
}

func TestCheckACL(t *testing.T) {
	const calendar, scheduling = "davcore.acl.defaultcalendaracl", "davcore.acl.defaultschedulingacl"
	runChecks(t, slices.Concat(
		good(calendar, "", "@:r", "@:r;user@x:wd", "@x.com:a;@:n"),
		good(scheduling, "@:s", "@:f;boss@x:m"),
		[]checkCase{
			bad(calendar, "@:s", "'@:s' has letters other than n, r, w, d or a at position 1"),
			bad(calendar, "@:rxr", "'@:rxr' has letters other than n, r, w, d or a at position 1"),
			bad(scheduling, "a@b:m;@:r", "'@:r' has letters other than n, f, s or m at position 7"),
			bad(calendar, "@:R", "'@:R' has letters that are not in lower case at position 1 | use 'r'"),
			bad(calendar, "@:", "the letters are missing after '@:' at position 1 | use n, r, w, d or a"),
			bad(calendar, "r", "'r' is not an access rule (principal:letters) at position 1"),
			bad(calendar, "joe:r", "'joe' is not a principal (@, @domain or user@domain) at position 1"),
			bad(calendar, "a@b@c:r", "'a@b@c' is not a principal (@, @domain or user@domain) at position 1"),
			bad(calendar, "a@:r", "'a@' is not a principal (@, @domain or user@domain) at position 1"),
			bad(calendar, "@:r; a@b:w", "' a@b' is not a principal (@, @domain or user@domain) at position 5"),
			bad(calendar, "@:r;", "an access rule is missing at position 5 | put one ; between two rules, and none at the end"),
			bad(calendar, ";@:r", "an access rule is missing at position 1 | put one ; between two rules, and none at the end"),
			bad(calendar, "@@o^a^r^g", "'@@o^a^r^g' is an access rule of Calendar Server 6 at position 1 | write it as principal:letters"),
		}))
	if got := checkACL("@:rs", ""); got != nil {
		t.Errorf("an ACL without a kind: %v", got)
	}
}

func TestDescribe(t *testing.T) {
	for _, typ := range []Type{
		String, Integer, Long, Boolean, Password, LogLevel, FilePath, URL, MailList, Attribute, AttributeList, ACL, Filter, Regex, Template,
	} {
		if d := typ.Describe(); d == "" || strings.Contains(d, "\n") {
			t.Errorf("%s: %q", typ, d)
		}
	}
	if d := Type("other").Describe(); d != "" {
		t.Errorf("an unknown type is described as %q", d)
	}
}
