package directory

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// AppendNormalDN appends the form in which DNs of the same entry are equal byte
// for byte, and returns dst as it was when dn is no DN.
//
// The form has no blanks around ',', '+' and '=', small letters, one blank for
// several in a value and none at its ends, and the parts of an RDN sorted. What
// means something in a DN is escaped in a value as \2c and so on, and nothing
// else is: so a ',' does nothing but separate, and an entry lies below another
// if its DN ends with a comma and the other's. Besides
// RFC 4514 the quotes, semicolons and "OID." of RFC 2253 are read, and unescaped
// characters that can only be meant as they stand. Of the attributes that RFC 4514
// lists, long names and numbers become the short ones; no other schema is known, so other
// names of an attribute remain different, and values are compared without
// regard to case, whatever they are.
func AppendNormalDN(dst, dn []byte) ([]byte, error) {
	p := dnParser{in: dn, out: slices.Grow(dst, len(dn))}
	if p.skipBlanks(); p.at == len(dn) {
		return dst, nil
	}
	for {
		if err := p.rdn(); err != nil {
			return dst, err
		}
		if p.at == len(dn) {
			return p.out, nil
		}
		p.at++
		p.out = append(p.out, ',')
	}
}

type dnParser struct {
	in  []byte
	at  int
	out []byte
}

// rdn reads up to the separator behind an RDN.
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

// part reads "name=value", and the blanks around it.
func (p *dnParser) part() error {
	p.skipBlanks()
	start := p.at
	for p.at < len(p.in) && isDescriptionByte(p.in[p.at]) {
		p.at++
	}
	name := p.in[start:p.at]
	p.skipBlanks()
	if len(name) == 0 || p.at == len(p.in) || p.in[p.at] != '=' {
		return fmt.Errorf("no \"name=value\" at byte %d of the DN", start+1)
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
	p.out = hideSpecial(AppendFold(p.out, value), start, isHex)
	return nil
}

// plainValue reads a value of ASCII text without quotes and escapes, as nearly
// all are, up to the separator behind it, and appends its normal form. On any
// other it does nothing and returns false.
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
		case c == '\\', c == '=', c == '"', c >= utf8.RuneSelf:
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

// shortName returns the short name of the attribute that a long name or an OID
// in small letters stands for (RFC 4514 section 3, RFC 4519), "" for others.
func shortName(name []byte) string {
	if len(name) < len("userid") {
		return "" // nearly all that there are
	}
	switch string(name) {
	case "2.5.4.3", "commonname":
		return "cn"
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
	}
	return ""
}

// value reads up to the separator behind a value, and returns it without
// quotes and escapes.
func (p *dnParser) value() ([]byte, error) {
	quoted := p.at < len(p.in) && p.in[p.at] == '"'
	if quoted {
		p.at++
	}
	start := p.at
	var plain []byte // once something was escaped
	for ; p.at < len(p.in); p.at++ {
		switch c := p.in[p.at]; {
		case c == '\\':
			if plain == nil {
				plain = make([]byte, 0, len(p.in)-start)
			}
			plain = append(plain, p.in[start:p.at]...)
			c, size := unescape(p.in[p.at+1:])
			if size == 0 {
				return nil, errors.New("a backslash ends the DN")
			}
			plain = append(plain, c)
			p.at += size
			start = p.at + 1
		case quoted && c == '"':
			plain = p.joined(plain, start)
			p.at++
			p.skipBlanks()
			if p.at < len(p.in) && !isSeparator(p.in[p.at]) {
				return nil, fmt.Errorf("text behind a quoted value at byte %d of the DN", p.at+1)
			}
			return plain, nil
		case !quoted && isSeparator(c):
			return p.joined(plain, start), nil
		}
	}
	if quoted {
		return nil, errors.New("a quote is not closed in the DN")
	}
	return p.joined(plain, start), nil
}

// joined returns plain and what was read since start, which nearly always is all.
func (p *dnParser) joined(plain []byte, start int) []byte {
	if plain == nil {
		return p.in[start:p.at]
	}
	return append(plain, p.in[start:p.at]...)
}

// unescape returns what stands behind a backslash, and its size; 0 where
// nothing does.
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

// hideSpecial escapes in out, from start on, what means something in a DN. A '#'
// does at the beginning of a value, where it is meant if the value isHex.
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

// isDescriptionByte tells the characters of an attribute's name or number.
func isDescriptionByte(c byte) bool {
	return (c|0x20)-'a' < 26 || c-'0' < 10 || c == '-' || c == '.' || c == '_'
}

// bases tells which DNs lie at or below one of several. It may be used by
// several goroutines at once.
type bases struct {
	scope  Scope
	normal []string
	plain  []string // as spelled, where a DN can be compared with it as text
}

func newBases(list []string, scope Scope) (*bases, error) {
	b := &bases{scope: scope}
	for _, base := range list {
		normal, err := AppendNormalDN(nil, []byte(base))
		if err != nil {
			return nil, fmt.Errorf("base %q: %w", base, err)
		}
		b.normal = append(b.normal, string(normal))
		if base = strings.Trim(base, " "); base != "" && !strings.ContainsAny(base, `\"`) {
			b.plain = append(b.plain, base)
		}
	}
	return b, nil
}

// contains reports whether the entry is one of those asked for. scratch is
// memory that is used anew each time. The error says why dn is no DN.
func (b *bases) contains(dn []byte, scratch *[]byte) (bool, error) {
	if len(b.normal) == 0 {
		return true, nil
	}
	if bytes.IndexByte(dn, '\\') < 0 && bytes.IndexByte(dn, '"') < 0 {
		// Without escapes each comma separates, and most DNs end with the very
		// bytes of their base.
		for _, base := range b.plain {
			if above, ok := cutSuffix(dn, base); ok && b.reaches(above) {
				return true, nil
			}
		}
	}
	normal, err := AppendNormalDN((*scratch)[:0], dn)
	if err != nil {
		return false, err
	}
	*scratch = normal
	for _, base := range b.normal {
		if above, ok := cutSuffix(normal, base); ok && b.reaches(above) {
			return true, nil
		}
	}
	return false, nil
}

// cutSuffix returns what of dn stands in front of base, without the comma
// between them.
func cutSuffix(dn []byte, base string) (above []byte, ok bool) {
	n := len(dn) - len(base)
	switch {
	case base == "":
		return dn, true
	case n < 0 || string(dn[n:]) != base:
		return nil, false
	case n == 0:
		return nil, true
	}
	return dn[:n-1], dn[n-1] == ','
}

// reaches reports whether an entry is in scope whose DN has the given RDNs in
// front of the base.
func (b *bases) reaches(above []byte) bool {
	switch b.scope {
	case BaseOnly:
		return len(above) == 0
	case OneLevel:
		return len(above) > 0 && !bytes.ContainsAny(above, ",;")
	default:
		return true
	}
}
