package config

import (
	"fmt"
	"strings"

	"github.com/davadmin/davadmin/pkg/finding"
)

func checkAttribute(value string) []Problem {
	if isAttribute(value) {
		return nil
	}
	hint := ""
	if strings.ContainsAny(value, " \t,") {
		hint = "give only one attribute"
	}
	return failure(notAttribute(value), hint)
}

func checkAttributeList(value string) []Problem {
	var problems []Problem
	times := map[string]int{}
	for _, name := range SplitList(value) {
		folded := strings.ToLower(name)
		times[folded]++
		switch {
		case times[folded] == 2:
			problems = append(problems, Problem{Severity: finding.Warning, Text: quoted(name) + " is in the list more than once"})
		case times[folded] == 1 && !isAttribute(name):
			hint := ""
			if strings.Contains(name, ",") {
				hint = "separate the names by blanks"
			}
			problems = append(problems, failure(notAttribute(name), hint)...)
		}
	}
	return problems
}

func notAttribute(value string) string {
	return quoted(value) + " is not an attribute name (a letter, then letters, digits and hyphens) or OID"
}

// isAttribute reports whether s is an attribute description: RFC 4512 section 1.4
// defines descr and numericoid, section 2.5 the options.
func isAttribute(s string) bool {
	name, options, more := strings.Cut(s, ";")
	if !isDescr(name) && !isNumericOID(name) {
		return false
	}
	for more {
		var option string
		option, options, more = strings.Cut(options, ";")
		if option == "" || !allKeyChars(option) {
			return false
		}
	}
	return true
}

func isDescr(s string) bool { return s != "" && isLetter(s[0]) && allKeyChars(s) }

func isNumericOID(s string) bool {
	parts := 0
	for more := true; more; parts++ {
		var number string
		number, s, more = strings.Cut(s, ".")
		if number == "" || strings.Trim(number, "0123456789") != "" || len(number) > 1 && number[0] == '0' {
			return false
		}
	}
	return parts > 1
}

func allKeyChars(s string) bool {
	for i := range len(s) {
		if !isLetter(s[i]) && !isDigit(s[i]) && s[i] != '-' {
			return false
		}
	}
	return true
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// aclLetters returns the letters for the rights in an ACL of this kind. Those of a
// calendar are none, read, write, write and delete, all; those of scheduling are
// none, free/busy, free/busy and invite, act for.
func aclLetters(kind string) string {
	switch kind {
	case "calendar":
		return "nrwda"
	case "scheduling":
		return "nfsm"
	}
	return "nrwdafsm"
}

// checkACL checks the access rules of Calendar Server 7 and later.
func checkACL(value, kind string) []Problem {
	start := 0
	for rule := range strings.SplitSeq(value, ";") {
		if text, hint := checkACE(rule, kind); text != "" {
			return failure(fmt.Sprintf("%s %s", text, at(value, start)), hint)
		}
		start += len(rule) + 1
	}
	return nil
}

// checkACE returns what is wrong with one rule, in words that its position can be
// appended to.
func checkACE(rule, kind string) (text, hint string) {
	principal, letters, found := strings.Cut(rule, ":")
	switch {
	case rule == "":
		return "an access rule is missing", "put one ; between two rules, and none at the end"
	case strings.Contains(rule, "^"):
		return quoted(rule) + " is an access rule of Calendar Server 6", "write it as principal:letters"
	case !found:
		return quoted(rule) + " is not an access rule (principal:letters)", ""
	case !isPrincipal(principal):
		return quoted(principal) + " is not a principal (@, @domain or user@domain)", ""
	case letters == "":
		return "the letters are missing after " + quoted(principal+":"), "use " + aclHint(kind)
	case strings.Trim(letters, aclLetters(kind)) != "":
		if strings.Trim(strings.ToLower(letters), aclLetters(kind)) == "" {
			return quoted(rule) + " has letters that are not in lower case", "use " + quoted(strings.ToLower(letters))
		}
		return fmt.Sprintf("%s has letters other than %s", quoted(rule), aclHint(kind)), ""
	}
	return "", ""
}

func aclHint(kind string) string { return orList(strings.Split(aclLetters(kind), "")) }

func isPrincipal(s string) bool {
	user, domain, ok := strings.Cut(s, "@")
	if !ok || strings.ContainsAny(s, " \t") || strings.Contains(domain, "@") {
		return false
	}
	return user == "" || domain != ""
}
