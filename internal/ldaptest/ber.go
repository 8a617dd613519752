package ldaptest

import (
	"errors"

	ber "github.com/go-asn1-ber/asn1-ber"
)

// The identifier octets that this server writes.
const (
	tagBoolean    = 0x01
	tagInteger    = 0x02
	tagOctets     = 0x04
	tagEnumerated = 0x0a
	tagSequence   = 0x30
	tagSet        = 0x31
	tagControls   = 0xa0 // [0] of the message
	tagReferral   = 0xa3 // [3] of a result
)

// appendHeader appends the identifier and the length of an element with n octets of
// content.
func appendHeader(b []byte, tag byte, n int) []byte {
	switch {
	case n < 0x80:
		return append(b, tag, byte(n))
	case n < 1<<8:
		return append(b, tag, 0x81, byte(n))
	case n < 1<<16:
		return append(b, tag, 0x82, byte(n>>8), byte(n))
	default:
		return append(b, tag, 0x84, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
	}
}

// sizeOf returns the size of an element with n octets of content.
func sizeOf(n int) int {
	switch {
	case n < 0x80:
		return n + 2
	case n < 1<<8:
		return n + 3
	case n < 1<<16:
		return n + 4
	default:
		return n + 6
	}
}

func appendString(b []byte, tag byte, s string) []byte {
	return append(appendHeader(b, tag, len(s)), s...)
}

func appendElement(b []byte, tag byte, content []byte) []byte {
	return append(appendHeader(b, tag, len(content)), content...)
}

// appendInt appends an integer that is not negative; LDAP has no others.
func appendInt(b []byte, tag byte, v int64) []byte {
	return append(appendHeader(b, tag, intSize(v)), intOctets(v)...)
}

func intSize(v int64) int {
	n := 1
	for v >>= 7; v != 0; v >>= 8 {
		n++
	}
	return n
}

func intOctets(v int64) []byte {
	n := intSize(v)
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(v >> (8 * (n - 1 - i)))
	}
	return b
}

var errMalformed = errors.New("malformed request")

// text returns the content of a primitive element.
func text(p *ber.Packet) string { return p.Data.String() }

// number returns the content of an INTEGER or ENUMERATED.
func number(p *ber.Packet) (int64, error) {
	v, err := ber.ParseInt64(p.Data.Bytes())
	if err != nil || p.TagType != ber.TypePrimitive {
		return 0, errMalformed
	}
	return v, nil
}

// children returns the elements of p, or an error when there are fewer than n.
func children(p *ber.Packet, n int) ([]*ber.Packet, error) {
	if p.TagType != ber.TypeConstructed || len(p.Children) < n {
		return nil, errMalformed
	}
	return p.Children, nil
}
