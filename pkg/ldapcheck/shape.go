package ldapcheck

import (
	"bytes"
	"unicode/utf8"
)

// isUniqueIDShape reports whether a value is four groups of eight hexadecimal
// digits, the form of nsUniqueId, or a UUID (RFC 9562, in any letter case).
func isUniqueIDShape(v []byte) bool {
	switch len(v) {
	case 35:
		return isHex(v[0:8]) && v[8] == '-' && isHex(v[9:17]) && v[17] == '-' && isHex(v[18:26]) && v[26] == '-' && isHex(v[27:])
	case 36:
		return isHex(v[0:8]) && v[8] == '-' && isHex(v[9:13]) && v[13] == '-' && isHex(v[14:18]) && v[18] == '-' &&
			isHex(v[19:23]) && v[23] == '-' && isHex(v[24:])
	}
	return false
}

func isHex(v []byte) bool {
	all := hexByte
	for _, c := range v {
		all &= byteClasses[c]
	}
	return all != 0
}

// The classes of bytes.
const (
	hexByte   uint8 = 1 << iota // hexadecimal digits
	atomByte                    // atext in RFC 5322 section 3.2.3
	labelByte                   // letters, digits and the hyphen in a domain
)

// byteClasses contains the classes of each byte.
var byteClasses = makeByteClasses()

func makeByteClasses() (t [256]uint8) {
	for i := range t {
		c := byte(i)
		if c-'0' < 10 || (c|0x20)-'a' < 6 {
			t[i] |= hexByte
		}
		if c-'0' < 10 || (c|0x20)-'a' < 26 || bytes.IndexByte([]byte("!#$%&'*+-/=?^_`{|}~"), c) >= 0 {
			t[i] |= atomByte
		}
		if c-'0' < 10 || (c|0x20)-'a' < 26 || c == '-' {
			t[i] |= labelByte
		}
	}
	return t
}

// addressFault returns why a value is not a mail address according to RFC 5321
// section 4.1.2, "" if it is. Non-ASCII characters are a fault, because the syntax of
// the attribute does not allow them.
func addressFault(v []byte) string {
	at := bytes.LastIndexByte(v, '@')
	if at > 0 && isLocalPart(v[:at]) && v[0] != '"' {
		if bad := domainFault(v[at+1:]); bad == "" {
			return "" // by far the most common case
		}
	}
	for _, c := range v {
		if c >= 0x80 {
			return "it contains non-ASCII characters"
		}
		if c <= ' ' || c == 0x7f {
			return "it contains a space or a control character"
		}
	}
	switch {
	case at < 0:
		return "it contains no @"
	case at == 0:
		return "there is nothing before the @"
	case !isLocalPart(v[:at]):
		return "the part before the last @ is not a valid local part"
	}
	return domainFault(v[at+1:])
}

// isForeign reports whether a value is a mail address but for non-ASCII characters,
// which directories compare although the syntax of the attribute does not allow them.
func isForeign(v []byte) bool {
	at, foreign := bytes.LastIndexByte(v, '@'), false
	for _, c := range v {
		if c <= ' ' || c == 0x7f {
			return false
		}
		foreign = foreign || c >= utf8.RuneSelf
	}
	return foreign && at > 0 && at < len(v)-1
}

func isLocalPart(v []byte) bool {
	const most = 64
	if len(v) > most {
		return false
	}
	if v[0] == '"' {
		return isQuotedString(v)
	}
	dot := true
	for _, c := range v {
		if c == '.' {
			if dot {
				return false
			}
			dot = true
			continue
		}
		dot = false
		if byteClasses[c]&atomByte == 0 {
			return false
		}
	}
	return !dot
}

func isQuotedString(v []byte) bool {
	if len(v) < 2 || v[len(v)-1] != '"' {
		return false
	}
	for i := 1; i < len(v)-1; i++ {
		switch v[i] {
		case '"':
			return false
		case '\\':
			if i++; i == len(v)-1 {
				return false
			}
		}
	}
	return true
}

// domainFault returns why a value is not the domain of a mail address, "" if it is.
func domainFault(v []byte) string {
	const most, mostLabel = 253, 63
	if len(v) > 2 && v[0] == '[' && v[len(v)-1] == ']' {
		return "" // an address literal
	}
	if len(v) == 0 {
		return "there is no domain after the @"
	}
	if len(v) > most {
		return "the domain is too long"
	}
	for start, i := 0, 0; ; i++ {
		if i < len(v) && v[i] != '.' {
			if byteClasses[v[i]]&labelByte == 0 {
				return "the domain contains an invalid character"
			}
			continue
		}
		switch label := v[start:i]; {
		case len(label) == 0:
			return "the domain contains an empty label"
		case len(label) > mostLabel:
			return "a label of the domain is too long"
		case label[0] == '-' || label[len(label)-1] == '-':
			return "a label of the domain begins or ends with a hyphen"
		}
		if i == len(v) {
			return ""
		}
		start = i + 1
	}
}

// alternateFault is addressFault for an alternate address, where "@domain" means all
// addresses in a domain.
func alternateFault(v []byte) string {
	if len(v) > 1 && v[0] == '@' {
		return domainFault(v[1:])
	}
	return addressFault(v)
}

// DeniesHTTP reports whether a value of icsAllowedServiceAccess denies http to all
// clients. The value is a list of rules separated by '$', each +service:clients or
// -service:clients, in any letter case (Sun Java Communications Suite 5 Schema
// Reference). A rule for some clients only does not lock the person out.
func DeniesHTTP(v []byte) bool {
	for rule := range bytes.SplitSeq(v, []byte{'$'}) {
		rule = bytes.Trim(rule, " ")
		if len(rule) == 0 || rule[0] != '-' {
			continue
		}
		service, clients, found := bytes.Cut(rule[1:], []byte{':'})
		if found && isWord(service, "http", "all", "*") && isWord(clients, "all", "*") {
			return true
		}
	}
	return false
}

func isWord(v []byte, words ...string) bool {
	v = trimmed(v)
	for _, w := range words {
		if len(v) == len(w) && bytes.EqualFold(v, []byte(w)) {
			return true
		}
	}
	return false
}

// status is the meaning of a status attribute. A more severe status is greater.
type status int

const (
	statusAbsent status = iota
	statusActive
	statusOff     // inactive, deleted or removed
	statusUnknown // a word that the servers do not know
)

func statusOf(values [][]byte) status {
	if len(values) == 0 {
		return statusAbsent
	}
	worst := statusActive
	for _, v := range values {
		switch {
		case string(v) == "active", isWord(v, "active"): // the first is nearly always true
		case isWord(v, "inactive", "deleted", "removed"):
			worst = max(worst, statusOff)
		default:
			worst = statusUnknown
		}
	}
	return worst
}
