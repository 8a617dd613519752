package cs6

import (
	"strings"
	"unicode"
)

// splitCalendarID reads userid[@domain][:calendar-name].
func splitCalendarID(calid string) (uid, domain, bad string) {
	user, _, _ := strings.Cut(calid, ":")
	if user == "" {
		return "", "", "a calendar id begins with a user id"
	}
	return splitUser(user)
}

// splitUser reads userid[@domain]. bad says why it is none.
func splitUser(user string) (uid, domain, bad string) {
	uid, domain, found := strings.Cut(user, "@")
	switch {
	case found && strings.Contains(domain, "@"):
		return "", "", "more than one @"
	case found && uid == "":
		return "", "", "nothing before the @"
	case !isUserID(uid):
		return "", "", "neither an address nor a user id"
	case found && !isDomain(domain):
		return "", "", "no domain behind the @"
	}
	return uid, domain, ""
}

// isUserID refuses what no directory would take for a user id and what tells of
// another format: rules, patterns, DNs, names in brackets.
func isUserID(s string) bool {
	telling := false
	for _, r := range s {
		if r < 0x80 && strings.IndexByte(":;,=<>()[]\"\\`|*@", byte(r)) >= 0 || !unicode.IsPrint(r) || unicode.IsSpace(r) {
			return false
		}
		telling = telling || unicode.IsLetter(r) || unicode.IsDigit(r)
	}
	return telling
}

// isDomain takes labels of letters, digits and hyphens, in any script.
func isDomain(s string) bool {
	label := 0
	for _, r := range s {
		switch {
		case r == '.' && label == 0:
			return false
		case r == '.':
			label = 0
		case r == '-' || r == '_' || unicode.In(r, unicode.L, unicode.M, unicode.Nd):
			label++
		default:
			return false
		}
	}
	return label > 0
}

// cutMailto removes the scheme of a mailto: URI, in any case.
func cutMailto(word string) string {
	const scheme = "mailto:"
	if len(word) > len(scheme) && strings.EqualFold(word[:len(scheme)], scheme) {
		return word[len(scheme):]
	}
	return word
}

// cutKey splits a property at its first ':' or '='. The key comes back without
// what does not matter in it.
func cutKey(text string) (key string, sep byte, value string, ok bool) {
	const most = 40
	at := strings.IndexAny(text, ":=")
	if at <= 0 || at > most {
		return "", 0, "", false
	}
	key, ok = foldKey(text[:at])
	return key, text[at], text[at+1:], ok
}

// foldKey returns a name in lower case and without blanks, hyphens and
// underscores; ok tells whether it can be a name at all.
func foldKey(name string) (key string, ok bool) {
	b := make([]byte, 0, len(name))
	for _, c := range []byte(name) {
		switch {
		case 'A' <= c && c <= 'Z':
			b = append(b, c+'a'-'A')
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '.':
			b = append(b, c)
		case c == ' ' || c == '\t' || c == '-' || c == '_':
		default:
			return "", false
		}
	}
	return string(b), len(b) > 0 && 'a' <= b[0] && b[0] <= 'z'
}

// keyKind says what a property or a column tells about a person.
type keyKind int

const (
	otherKey    keyKind = iota
	calendarKey         // the calendar id
	ownerKey            // the user id of the primary owner
	addressKey          // a mail address
	accountKey          // a mail address, perhaps a user id
	uidKey
	statusKey
	knownKey // a name that tells nothing, but is known to be one
)

// kindOf sorts a folded key.
func kindOf(key string) keyKind {
	switch key {
	case "calid", "calendarid", "relativecalid":
		return calendarKey
	case "owner", "primaryowner":
		return ownerKey
	case "mail", "email", "mailaddress", "emailaddress", "address":
		return addressKey
	case "account", "accountname", "user", "username":
		return accountKey
	case "uid", "userid":
		return uidKey
	case "status", "state", "accountstatus", "icsstatus":
		return statusKey
	case "acl", "aces", "categories", "charset", "characterset", "created", "description",
		"displayname", "doublebooking", "language", "lastmodified", "name", "otherowners", "owners", "timezone":
		return knownKey
	}
	return otherKey
}

// isOff reads a status; known is false for words that mean nothing here.
func isOff(status string) (off, known bool) {
	switch strings.ToLower(status) {
	case "enabled", "active":
		return false, true
	case "disabled", "inactive", "deleted", "removed":
		return true, true
	}
	return false, false
}

// unquote removes a pair of double quotes around a value.
func unquote(s string) string {
	if len(s) >= 2 && s[0] == '"' && s[len(s)-1] == '"' {
		return trimBlanks(s[1 : len(s)-1])
	}
	return s
}
