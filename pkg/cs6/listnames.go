package cs6

import (
	"strings"
	"unicode"

	"github.com/davadmin/davadmin/internal/listfile"
)

// splitCalendarID reads userid[@domain][:calendar-name].
func splitCalendarID(calid string) (uid, domain, bad string) {
	user, _, _ := strings.Cut(calid, ":")
	if user == "" {
		return "", "", "a calendar id begins with a user id"
	}
	return splitUser(user)
}

// splitUser reads userid[@domain]. bad says why it is invalid.
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
		return "", "", "no valid domain after the @"
	}
	return uid, domain, ""
}

// isUserID reports whether s can be a user id. It refuses text that no directory
// would accept as one and text that indicates another format: rules, patterns, DNs,
// names in brackets.
func isUserID(s string) bool {
	hasLetterOrDigit := false
	for _, r := range s {
		if r < 0x80 && strings.IndexByte(":;,=<>()[]\"\\`|*@", byte(r)) >= 0 || !unicode.IsPrint(r) || unicode.IsSpace(r) {
			return false
		}
		hasLetterOrDigit = hasLetterOrDigit || unicode.IsLetter(r) || unicode.IsDigit(r)
	}
	return hasLetterOrDigit
}

// isDomain reports whether s consists of labels of letters, digits, hyphens and
// underscores, in any script.
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

// cutKey splits a property at its first ':' or '='. The key is folded by foldKey.
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
// underscores; ok reports whether it can be a name.
func foldKey(name string) (key string, ok bool) { return listfile.FoldKey(name) }

// keyKind says what a property or a column contains.
type keyKind int

const (
	otherKey    keyKind = iota
	calendarKey         // the calendar id
	ownerKey            // the user id of the primary owner
	addressKey          // a mail address
	accountKey          // a mail address, perhaps a user id
	uidKey
	statusKey
	knownKey // a known property that is not used
)

// kindOf returns the kind of a folded key.
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

// isOff reports whether a status means disabled; known is false for other words.
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
