package directory

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"unicode/utf8"
)

// AppendNormalDN appends the normal form of dn to dst. DNs of the same entry have the
// same normal form, byte for byte. When dn is not a valid DN it returns dst unchanged
// and an error.
//
// The normal form has no blanks around ',', '+' and '=', lower-case letters, a single
// blank for several in a value and none at its ends, and sorted parts of an RDN. In a
// value exactly the characters with a meaning in a DN are escaped, as \2c and so on.
// So every ',' is a separator, and an entry is below another one if its DN ends with
// a comma and the DN of the other.
//
// Besides RFC 4514, the quotes, semicolons and "OID." of RFC 2253 are accepted, and
// unescaped characters whose meaning is unambiguous. Attributes that name entries have
// one name, whichever of their names in RFC 4519 and 4524, or OID, dn contains; names
// that only a server knows remain different. All values are compared without regard to
// case, in Unicode Normalization Form KC.
func AppendNormalDN(dst, dn []byte) ([]byte, error) {
	out, _, err := appendDN(dst, dn, false)
	return out, err
}

// AppendFoldedDN appends a form like that of AppendNormalDN in which the values are
// folded by AppendFold. normal reports whether the other form has the same bytes, as it
// has for nearly every DN. DNs with the same form in one or the other way can belong to
// the same entry.
func AppendFoldedDN(dst, dn []byte) (out []byte, normal bool, err error) {
	out, plain, err := appendDN(dst, dn, true)
	if err != nil || plain {
		return out, plain, err
	}
	other, err := AppendNormalDN(nil, dn)
	return out, err == nil && bytes.Equal(other, out[len(dst):]), err
}

// appendDN appends the normal form of a DN, or with fold the other one. plain reports
// that all values are plain ASCII text, for which both are the same.
func appendDN(dst, dn []byte, fold bool) (out []byte, plain bool, err error) {
	if out, ok := appendPlainDN(dst, dn); ok {
		return out, true, nil
	}
	return appendParsedDN(dst, dn, fold)
}

// appendParsedDN is appendDN for any DN.
func appendParsedDN(dst, dn []byte, fold bool) (out []byte, plain bool, err error) {
	p := dnParser{in: dn, out: slices.Grow(dst, len(dn)), fold: fold, plain: true}
	if p.skipBlanks(); p.at == len(dn) {
		return dst, true, nil
	}
	for {
		if err := p.rdn(); err != nil {
			return dst, false, err
		}
		if p.at == len(dn) {
			return p.out, p.plain, nil
		}
		p.at++
		p.out = append(p.out, ',')
	}
}

// appendValidDN is like AppendNormalDN, and returns an error for a DN that is not UTF-8,
// too.
func appendValidDN(dst, dn []byte) ([]byte, error) {
	if !utf8.Valid(dn) {
		return dst, errors.New("the DN is not valid UTF-8, so no server accepts it")
	}
	out, err := AppendNormalDN(dst, dn)
	if err != nil {
		err = fmt.Errorf("the DN is invalid: %w", err)
	}
	return out, err
}

// DNBase64 returns a DN in base64 if it is not valid UTF-8, and "" otherwise. JSON
// text cannot express other bytes: two DNs that differ only in them are the same text.
func DNBase64(dn string) string {
	if utf8.ValidString(dn) {
		return ""
	}
	return base64.StdEncoding.EncodeToString([]byte(dn))
}

// ConflictAttribute is the attribute by which 389 Directory Server and its ancestors
// mark a replication conflict entry.
const ConflictAttribute = "nsds5ReplConflict"

// IsConflictDN reports whether a DN is that of a replication conflict entry: one of
// two entries that were created with the same DN on two replicas. 389 Directory Server
// and its ancestors give it an RDN of its nsuniqueid and the original RDN; Active
// Directory appends a line feed, "CNF:" and its GUID to the value of the RDN.
func IsConflictDN(dn []byte) bool {
	const unique, cnf = "nsuniqueid=", `\0acnf:`
	if bytes.IndexByte(dn, '+') < 0 && bytes.IndexByte(dn, '\\') < 0 {
		return false // true of nearly all entries
	}
	parts, marked := 1, false
	for i, start := 0, 0; i < len(dn) && dn[i] != ','; i++ {
		switch rest := dn[i:]; {
		case i == start && hasPrefixFold(rest, unique):
			marked = true
		case dn[i] == '+':
			parts++
			start = i + 1
		case dn[i] == '\\':
			if hasPrefixFold(rest, cnf) {
				return true
			}
			i++
		}
	}
	return marked && parts > 1
}

func hasPrefixFold(b []byte, prefix string) bool {
	return len(b) >= len(prefix) && bytes.EqualFold(b[:len(prefix)], []byte(prefix))
}

type dnParser struct {
	in    []byte
	at    int
	out   []byte
	fold  bool // see appendDN
	plain bool
}

// rdn parses up to the separator after an RDN.
func (p *dnParser) rdn() error {
	start, parts := len(p.out), 1
	for {
		if err := p.part(); err != nil {
			return err
		}
		if p.at == len(p.in) || p.in[p.at] != '+' {
			break
		}
		p.at++
		p.out = append(p.out, '+')
		parts++
	}
	if parts > 1 {
		sorted := bytes.Split(bytes.Clone(p.out[start:]), []byte{'+'})
		slices.SortFunc(sorted, bytes.Compare)
		copy(p.out[start:], bytes.Join(sorted, []byte{'+'}))
	}
	return nil
}

// part parses "name=value" and the blanks around it.
func (p *dnParser) part() error {
	p.skipBlanks()
	start := p.at
	for p.at < len(p.in) && isDescriptionByte(p.in[p.at]) {
		p.at++
	}
	name := p.in[start:p.at]
	p.skipBlanks()
	if len(name) == 0 || p.at == len(p.in) || p.in[p.at] != '=' {
		return fmt.Errorf("\"name=value\" expected at byte %d of the DN", start+1)
	}
	p.at++
	p.skipBlanks()
	if len(name) > 4 && bytes.EqualFold(name[:4], []byte("oid.")) {
		name = name[4:]
	}
	at := len(p.out)
	for _, c := range name {
		p.out = append(p.out, lowerASCII(c))
	}
	if short := shortName(p.out[at:]); short != "" {
		p.out = append(p.out[:at], short...)
	}
	p.out = append(p.out, '=')
	if p.plainValue() {
		return nil
	}
	isHex := p.at < len(p.in) && p.in[p.at] == '#'
	value, err := p.value()
	if err != nil {
		return err
	}
	start = len(p.out)
	if p.plain = false; p.fold {
		p.out = AppendFold(p.out, value)
	} else {
		p.out = appendServerFold(p.out, trimmed(value), true)
	}
	p.out = hideSpecial(p.out, start, isHex)
	return nil
}

// plainValue parses a value of ASCII text without quotes and escapes, as nearly all
// are, up to the separator after it, and appends its normal form. For any other value
// it does nothing and returns false.
func (p *dnParser) plainValue() bool {
	out := p.out
	start := len(out)
	i := p.at
loop:
	for ; i < len(p.in); i++ {
		switch c := p.in[i]; {
		case c-'a' < 26, c-'0' < 10:
			out = append(out, c)
		case c-'A' < 26:
			out = append(out, c+'a'-'A')
		case isSeparator(c):
			break loop
		case c == ' ':
			if out[len(out)-1] != ' ' {
				out = append(out, c)
			}
		case c == '\\', c == '=', c == '"', c < ' ', c >= 0x7f:
			return false
		default:
			out = append(out, c)
		}
	}
	if n := len(out); n > start && out[n-1] == ' ' {
		out = out[:n-1]
	}
	p.at, p.out = i, out
	return true
}

// shortestAlias is the length of the shortest name for which shortName returns another.
const shortestAlias = len("userid")

// shortName returns the usual name of an attribute for another name or its OID, given in
// lower case (RFC 4519, RFC 4524, RFC 2985), and "" for others.
func shortName(name []byte) string {
	if len(name) < shortestAlias {
		return "" // true of nearly all names
	}
	switch string(name) {
	case "2.5.4.3", "commonname":
		return "cn"
	case "2.5.4.4", "surname":
		return "sn"
	case "2.5.4.42", "givenname":
		return "gn"
	case "2.5.4.7", "localityname":
		return "l"
	case "2.5.4.8", "stateorprovincename":
		return "st"
	case "2.5.4.10", "organizationname":
		return "o"
	case "2.5.4.11", "organizationalunitname":
		return "ou"
	case "2.5.4.6", "countryname":
		return "c"
	case "2.5.4.9", "streetaddress":
		return "street"
	case "0.9.2342.19200300.100.1.25", "domaincomponent":
		return "dc"
	case "0.9.2342.19200300.100.1.1", "userid":
		return "uid"
	case "0.9.2342.19200300.100.1.3", "rfc822mailbox":
		return "mail"
	case "1.2.840.113549.1.9.1", "emailaddress", "pkcs9email":
		return "email"
	}
	return shortTelephone(name)
}

// shortTelephone is shortName for attributes that rarely name an entry.
func shortTelephone(name []byte) string {
	switch string(name) {
	case "2.5.4.23", "facsimiletelephonenumber":
		return "fax"
	case "0.9.2342.19200300.100.1.5", "favouritedrink":
		return "drink"
	case "0.9.2342.19200300.100.1.20", "hometelephonenumber":
		return "homephone"
	case "0.9.2342.19200300.100.1.41", "mobiletelephonenumber":
		return "mobile"
	case "0.9.2342.19200300.100.1.42", "pagertelephonenumber":
		return "pager"
	case "0.9.2342.19200300.100.1.43", "friendlycountryname":
		return "co"
	case "2.5.4.1", "aliasedentryname":
		return "aliasedobjectname"
	}
	return ""
}

// value parses up to the separator after a value, and returns the value without
// quotes and escapes.
func (p *dnParser) value() ([]byte, error) {
	quoted := p.at < len(p.in) && p.in[p.at] == '"'
	if quoted {
		p.at++
	}
	start := p.at
	var plain []byte // not nil once something was escaped
	for ; p.at < len(p.in); p.at++ {
		switch c := p.in[p.at]; {
		case c == '\\':
			if plain == nil {
				plain = make([]byte, 0, len(p.in)-start)
			}
			plain = append(plain, p.in[start:p.at]...)
			c, size := unescape(p.in[p.at+1:])
			if size == 0 {
				return nil, errors.New("the DN ends with a backslash")
			}
			plain = append(plain, c)
			p.at += size
			start = p.at + 1
		case quoted && c == '"':
			plain = p.joined(plain, start)
			p.at++
			p.skipBlanks()
			if p.at < len(p.in) && !isSeparator(p.in[p.at]) {
				return nil, fmt.Errorf("unexpected text after a quoted value at byte %d of the DN", p.at+1)
			}
			return plain, nil
		case !quoted && isSeparator(c):
			return p.joined(plain, start), nil
		}
	}
	if quoted {
		return nil, errors.New("the DN has an unclosed quote")
	}
	return p.joined(plain, start), nil
}

// joined returns plain followed by the input since start, which is nearly always the
// whole value.
func (p *dnParser) joined(plain []byte, start int) []byte {
	if plain == nil {
		return p.in[start:p.at]
	}
	return append(plain, p.in[start:p.at]...)
}

// unescape returns the character that is escaped after a backslash and the size of
// the escape, or size 0 if nothing follows the backslash.
func unescape(b []byte) (c byte, size int) {
	if len(b) >= 2 {
		var out [1]byte
		if _, err := hex.Decode(out[:], b[:2]); err == nil {
			return out[0], 2
		}
	}
	if len(b) == 0 {
		return 0, 0
	}
	return b[0], 1
}

// hideSpecial escapes in out, from start on, the characters with a meaning in a DN. A
// '#' has one only at the beginning of a value, and stays if the value isHex.
func hideSpecial(out []byte, start int, isHex bool) []byte {
	if !bytes.ContainsAny(out[start:], `,+=;"\#`) {
		return out
	}
	value := bytes.Clone(out[start:])
	out = out[:start]
	for i, c := range value {
		switch c {
		case ',', '+', '=', ';', '"', '\\', '#':
			if c == '#' && (i > 0 || isHex) {
				break
			}
			out = append(out, '\\', "0123456789abcdef"[c>>4], "0123456789abcdef"[c&15])
			continue
		}
		out = append(out, c)
	}
	return out
}

func (p *dnParser) skipBlanks() {
	for p.at < len(p.in) && p.in[p.at] == ' ' {
		p.at++
	}
}

func isSeparator(c byte) bool { return c == ',' || c == ';' || c == '+' }

// isDescriptionByte reports whether c can be part of an attribute name or OID.
func isDescriptionByte(c byte) bool {
	return (c|0x20)-'a' < 26 || c-'0' < 10 || c == '-' || c == '.' || c == '_'
}
