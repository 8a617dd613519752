package directory

import (
	"errors"
	"math"
)

// Identifier octets of RFC 4511, with universal, application and context tags.
const (
	tagInteger  = 0x02
	tagOctets   = 0x04
	tagEnum     = 0x0a
	tagSequence = 0x30
	tagSet      = 0x31
	tagControls = 0xa0 // of a message
	tagReferral = 0xa3 // of a result

	opEntry          = 0x64
	opSearchDone     = 0x65
	opReference      = 0x73
	opExtendedResult = 0x78
	opIntermediate   = 0x79
)

// errMalformed is the error for bytes that are not an LDAP message.
var errMalformed = errors.New("the server sent an invalid LDAP message")

// cut splits b after its first element and returns the identifier octet and the
// content of the element, and the rest of b. ok is false unless the element is
// complete and has a tag of one octet and a definite length, the only form that
// LDAP allows (RFC 4511 section 5.1).
func cut(b []byte) (tag byte, content, rest []byte, ok bool) {
	if len(b) < 2 {
		return 0, nil, nil, false
	}
	n, header := int(b[1]), 2
	if n >= 0x80 {
		if n, header = longLength(b); header == 0 {
			return 0, nil, nil, false
		}
	}
	if n > len(b)-header || b[0]&0x1f == 0x1f {
		return 0, nil, nil, false
	}
	end := header + n
	return b[0], b[header:end:end], b[end:], true
}

// cutTag is like cut for an element that must have the given identifier octet.
func cutTag(b []byte, tag byte) (content, rest []byte, ok bool) {
	have, content, rest, ok := cut(b)
	return content, rest, ok && have == tag
}

// longLength decodes a length whose first octet has the high bit set. It returns the
// length and the size of the header, or 0 for a length that LDAP does not allow, is
// incomplete, or exceeds 2 GiB. Leading zeros are allowed: some libraries write all
// lengths in four octets.
func longLength(b []byte) (n, header int) {
	octets := int(b[1] & 0x7f)
	if octets == 0 || octets > 8 || len(b) < 2+octets {
		return 0, 0
	}
	for _, c := range b[2 : 2+octets] {
		if n > 1<<23-1 {
			return 0, 0
		}
		n = n<<8 | int(c)
	}
	return n, 2 + octets
}

// messageSize returns the size in bytes of the message at the beginning of b,
// including its header, or 0 when more bytes are needed to determine it.
func messageSize(b []byte) (int, error) {
	if len(b) > 0 && b[0] != tagSequence {
		return 0, errMalformed
	}
	if len(b) < 2 {
		return 0, nil
	}
	if b[1] < 0x80 {
		return 2 + int(b[1]), nil
	}
	octets := int(b[1] & 0x7f)
	if octets == 0 || octets > 8 {
		return 0, errMalformed
	}
	if len(b) < 2+octets {
		return 0, nil
	}
	n, header := longLength(b)
	if header == 0 {
		return 0, errMalformed
	}
	// Avoid an overflow on 32-bit machines: the caller rejects a size this large.
	return header + min(n, math.MaxInt32-header), nil
}

// number decodes the content of an INTEGER or ENUMERATED from 0 to 2^31-1, the range
// that servers use.
func number(content []byte) (int, bool) {
	if len(content) == 0 || len(content) > 8 || content[0] >= 0x80 {
		return 0, false
	}
	n := 0
	for _, c := range content {
		n = n<<8 | int(c)
	}
	return n, n <= 1<<31-1
}

// wellFormed reports whether b is a sequence of complete elements. Servers may
// append elements to those that RFC 4511 defines for a message, and a client must
// ignore them.
func wellFormed(b []byte) bool {
	for len(b) > 0 {
		var ok bool
		if _, _, b, ok = cut(b); !ok {
			return false
		}
	}
	return true
}

// message is an LDAPMessage with the parts that all messages have.
type message struct {
	id       int
	op       byte
	body     []byte // of the operation
	controls []byte // elements
}

// parseMessage parses a complete message. The slices it returns are parts of b.
func parseMessage(b []byte) (m message, ok bool) {
	b, rest, ok := cutTag(b, tagSequence)
	if !ok || len(rest) > 0 {
		return m, false
	}
	id, b, ok := cutTag(b, tagInteger)
	if !ok {
		return m, false
	}
	if m.id, ok = number(id); !ok {
		return m, false
	}
	if m.op, m.body, b, ok = cut(b); !ok || len(b) == 0 {
		return m, ok
	}
	tag, controls, rest, ok := cut(b)
	if ok && tag == tagControls {
		m.controls, b = controls, rest
	}
	return m, ok && wellFormed(m.controls) && wellFormed(b)
}

// resultFields are the fields of an LDAPResult.
type resultFields struct {
	code     int
	matched  []byte
	message  []byte
	referral []string
}

// parseResult parses the body of a message that ends an operation.
func parseResult(b []byte) (r resultFields, ok bool) {
	code, b, ok := cutTag(b, tagEnum)
	if !ok {
		return r, false
	}
	if r.code, ok = number(code); !ok {
		return r, false
	}
	if r.matched, b, ok = cutTag(b, tagOctets); !ok {
		return r, false
	}
	if r.message, b, ok = cutTag(b, tagOctets); !ok {
		return r, false
	}
	if urls, rest, found := cutTag(b, tagReferral); found {
		if r.referral, ok = parseURLs(urls); !ok {
			return r, false
		}
		b = rest
	}
	return r, wellFormed(b)
}

// parseURLs parses a list of octet strings.
func parseURLs(b []byte) (urls []string, ok bool) {
	for len(b) > 0 {
		url, rest, ok := cutTag(b, tagOctets)
		if !ok {
			return nil, false
		}
		urls, b = append(urls, string(url)), rest
	}
	return urls, true
}

// oidPaging is the OID of the paged results control (RFC 2696).
const oidPaging = "1.2.840.113556.1.4.319"

// parsePaging returns the cookie of the paged results control among controls. found
// is false when there is no such control, ok is false when controls or this control
// are malformed.
func parsePaging(controls []byte) (cookie []byte, found, ok bool) {
	value, found, ok := findControl(controls, oidPaging)
	if !found || !ok {
		return nil, found, ok
	}
	cookie, ok = parsePagingValue(value)
	return cookie, true, ok
}

func parsePagingValue(b []byte) (cookie []byte, ok bool) {
	b, rest, ok := cutTag(b, tagSequence)
	if !ok || len(rest) > 0 {
		return nil, false
	}
	// Skip the estimate of the number of entries.
	if _, b, ok = cutTag(b, tagInteger); !ok {
		return nil, false
	}
	cookie, b, ok = cutTag(b, tagOctets)
	return cookie, ok && len(b) == 0
}
