package config

import (
	"fmt"
	"strings"
	"unicode"
)

// checkTemplate checks the $n and ${name,default} of a template.
func checkTemplate(value string) []Problem {
	for i := 0; i < len(value); {
		n, fault := 1, ""
		switch {
		case strings.HasPrefix(value[i:], "${"):
			n, fault = placeholder(value[i:])
		case value[i] == '$' && (i+1 == len(value) || !isDigit(value[i+1])):
			fault = "'$' has neither a digit nor '{' after it"
		case value[i] == '}':
			fault = "'}' has no '${' before it"
		}
		if fault != "" {
			return failure(fmt.Sprintf("%s is not a template: %s %s", quoted(value), fault, at(value, i)), "")
		}
		i += n
	}
	return nil
}

// placeholder reads the ${name} or ${name,default} at the beginning of s and
// returns its length, or 0 and a description of the fault.
func placeholder(s string) (length int, fault string) {
	end := strings.IndexByte(s, '}')
	if end < 0 {
		return 0, "'}' is missing for the '${'"
	}
	body := s[len("${"):end]
	name, _, _ := strings.Cut(body, ",")
	switch {
	case name == "":
		return 0, "the name is missing in the '${'"
	case strings.Contains(body, "${"):
		return 0, "there is another '${' inside the '${'"
	case !isAttribute(name) && strings.Trim(name, "0123456789") != "":
		return 0, quoted(name) + " is neither an attribute nor a number in the '${'"
	}
	return end + 1, ""
}

// checkMailList checks addresses separated by blanks or commas.
func checkMailList(value string) []Problem {
	start := 0
	for part := range strings.SplitSeq(value, ",") {
		addresses := strings.Fields(part)
		if len(addresses) == 0 {
			return failure("an address is missing "+at(value, start), "put one comma between two addresses, and none at the end")
		}
		for _, a := range addresses {
			if !isMailAddress(a) {
				return correctable(quoted(a)+" is not a mail address (user@domain)", bareAddress(a))
			}
		}
		start += len(part) + 1
	}
	return nil
}

// bareAddress returns a mail address without the brackets, semicolon or mailto:
// around it. It returns an empty string if nothing was around it, or if the rest is
// not an address.
func bareAddress(a string) string {
	bare := strings.Trim(a, "<>;")
	if strings.HasPrefix(asciiLower(bare), "mailto:") {
		bare = bare[len("mailto:"):]
	}
	if bare == a || !isMailAddress(bare) {
		return ""
	}
	return bare
}

// isMailAddress reports whether s is an addr-spec of RFC 5322 section 3.4.1. It
// does not accept the quoted, bracketed and obsolete forms, but does accept the
// letters of all scripts (RFC 6532).
func isMailAddress(s string) bool {
	local, domain, ok := strings.Cut(s, "@")
	if !ok {
		return false
	}
	for atom := range strings.SplitSeq(local, ".") {
		if atom == "" || strings.ContainsFunc(atom, func(c rune) bool { return !isAtomChar(c) }) {
			return false
		}
	}
	for label := range strings.SplitSeq(domain, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		if strings.ContainsFunc(label, func(c rune) bool { return !isLabelChar(c) }) {
			return false
		}
	}
	return true
}

func isAtomChar(c rune) bool {
	if c < 0x80 {
		return isLetter(byte(c)) || isDigit(byte(c)) || strings.ContainsRune("!#$%&'*+-/=?^_`{|}~", c)
	}
	return unicode.IsGraphic(c) && !unicode.IsSpace(c)
}

func isLabelChar(c rune) bool {
	if c < 0x80 {
		return isLetter(byte(c)) || isDigit(byte(c)) || c == '-'
	}
	return unicode.IsLetter(c) || unicode.IsMark(c) || unicode.IsDigit(c)
}
