package ldapcheck

import (
	"bytes"
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
	all := hexOctet
	for _, c := range v {
		all &= octets[c]
	}
	return all != 0
}

// What an octet can be a part of.
const (
	hexOctet   uint8 = 1 << iota
	atomOctet        // atext in RFC 5322 section 3.2.3
	labelOctet       // letters, digits and the hyphen of a domain
)

// octets tells for each octet what it can be a part of.
var octets = makeOctets()

func makeOctets() (t [256]uint8) {
	for i := range t {
		c := byte(i)
		if c-'0' < 10 || (c|0x20)-'a' < 6 {
			t[i] |= hexOctet
		}
		if c-'0' < 10 || (c|0x20)-'a' < 26 || bytes.IndexByte([]byte("!#$%&'*+-/=?^_`{|}~"), c) >= 0 {
			t[i] |= atomOctet
		}
		if c-'0' < 10 || (c|0x20)-'a' < 26 || c == '-' {
			t[i] |= labelOctet
		}
	}
	return t
}

// addressFault says why a value is no mail address of RFC 5321 section 4.1.2,
// "" when it is one. Characters beyond ASCII are a fault: the attribute's
// syntax does not have them.
func addressFault(v []byte) string {
	at := bytes.LastIndexByte(v, '@')
	if at > 0 && isLocalPart(v[:at]) && v[0] != '"' {
		if bad := domainFault(v[at+1:]); bad == "" {
			return "" // by far the most usual case
		}
	}
	for _, c := range v {
		if c >= 0x80 {
			return "it has characters beyond ASCII"
		}
		if c <= ' ' || c == 0x7f {
			return "it has a blank or a control character"
		}
	}
	switch {
	case at < 0:
		return "it has no @"
	case at == 0:
		return "nothing stands before the @"
	case !isLocalPart(v[:at]):
		return "what stands before the last @ is no local part"
	}
	return domainFault(v[at+1:])
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
		if octets[c]&atomOctet == 0 {
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

// domainFault says why a value is no domain of a mail address, "" when it is.
func domainFault(v []byte) string {
	const most, mostLabel = 253, 63
	if len(v) > 2 && v[0] == '[' && v[len(v)-1] == ']' {
		return "" // an address literal
	}
	if len(v) == 0 {
		return "no domain stands behind the @"
	}
	if len(v) > most {
		return "the domain is too long"
	}
	for start, i := 0, 0; ; i++ {
		if i < len(v) && v[i] != '.' {
			if octets[v[i]]&labelOctet == 0 {
				return "the domain has a character that no domain has"
			}
			continue
		}
		switch label := v[start:i]; {
		case len(label) == 0:
			return "the domain has a dot too many"
		case len(label) > mostLabel:
			return "a part of the domain is too long"
		case label[0] == '-' || label[len(label)-1] == '-':
			return "a part of the domain begins or ends with a hyphen"
		}
		if i == len(v) {
			return ""
		}
		start = i + 1
	}
}

// alternateFault is addressFault for a further address, where "@domain" stands
// for all of a domain.
func alternateFault(v []byte) string {
	if len(v) > 1 && v[0] == '@' {
		return domainFault(v[1:])
	}
	return addressFault(v)
}

// DeniesHTTP reports whether a value of icsAllowedServiceAccess shuts a person
// out of the web: rules joined by '$', each +service:clients or
// -service:clients, in any letter case (Sun Java Communications Suite 5 Schema
// Reference). A rule for some clients only shuts nobody out.
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
	v = bytes.Trim(v, " ")
	for _, w := range words {
		if len(v) == len(w) && bytes.EqualFold(v, []byte(w)) {
			return true
		}
	}
	return false
}

// status is what a status attribute says, what matters more being more.
type status int

const (
	statusAbsent status = iota
	statusActive
	statusOff     // inactive, deleted or removed
	statusUnknown // a word that no server knows
)

func statusOf(values [][]byte) status {
	if len(values) == 0 {
		return statusAbsent
	}
	worst := statusActive
	for _, v := range values {
		switch {
		case isWord(v, "active"):
		case isWord(v, "inactive", "deleted", "removed"):
			worst = max(worst, statusOff)
		default:
			worst = statusUnknown
		}
	}
	return worst
}
