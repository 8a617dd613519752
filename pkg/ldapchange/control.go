package ldapchange

import (
	"fmt"
	"strings"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"
)

// Object identifiers of the controls that guard a change.
const (
	oidAssertion = "1.3.6.1.1.12"   // RFC 4528
	oidPreRead   = "1.3.6.1.1.13.1" // RFC 4527
)

// control is a critical control of RFC 4511, section 4.1.11.
type control struct {
	oid   string
	value *ber.Packet
}

func (c *control) GetControlType() string { return c.oid }

func (c *control) String() string { return "control " + c.oid }

func (c *control) Encode() *ber.Packet {
	packet := ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSequence, nil, "Control")
	packet.AppendChild(ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, c.oid, "Control Type"))
	packet.AppendChild(ber.NewBoolean(ber.ClassUniversal, ber.TypePrimitive, ber.TagBoolean, true, "Criticality"))
	value := ber.Encode(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, nil, "Control Value")
	value.AppendChild(c.value)
	packet.AppendChild(value)
	return packet
}

// assertion is the control by which the server changes an entry only if a
// filter fits it; nil where there is nothing to assert.
func assertion(filter string) (*control, error) {
	if filter == "" {
		return nil, nil
	}
	compiled, err := ldap.CompileFilter(filter)
	if err != nil {
		return nil, fmt.Errorf("filter %s: %w", filter, err)
	}
	return &control{oid: oidAssertion, value: compiled}, nil
}

// preRead is the control by which the server returns what an entry held before
// it was changed.
func preRead(attributes []string) *control {
	list := ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSequence, nil, "Attributes")
	for _, name := range attributes {
		list.AppendChild(ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, name, "Attribute"))
	}
	return &control{oid: oidPreRead, value: list}
}

// preReadValues reads what the server returned; ok is false where it returned
// nothing of that kind.
func preReadValues(controls []ldap.Control) (v Values, ok bool, err error) {
	for _, c := range controls {
		s, is := c.(*ldap.ControlString)
		if !is || s.ControlType != oidPreRead {
			continue
		}
		packet, err := ber.DecodePacketErr([]byte(s.ControlValue))
		if err != nil {
			return nil, true, fmt.Errorf("what the server says was there before cannot be read: %w", err)
		}
		v, err := entryValues(packet)
		return v, true, err
	}
	return nil, false, nil
}

// entryValues reads a SearchResultEntry, RFC 4511, section 4.5.2.
func entryValues(entry *ber.Packet) (Values, error) {
	bad := fmt.Errorf("what the server says was there before is no entry")
	if len(entry.Children) < 2 {
		return nil, bad
	}
	out := Values{}
	for _, attribute := range entry.Children[1].Children {
		if len(attribute.Children) < 2 {
			return nil, bad
		}
		name := strings.ToLower(attribute.Children[0].Data.String())
		for _, v := range attribute.Children[1].Children {
			out[name] = append(out[name], append([]byte{}, v.Data.Bytes()...))
		}
	}
	return out, nil
}

// exactRule is the matching rule of RFC 4517 that compares letter case. Blanks it
// squeezes, so that it is no proof; what the server read before is one.
const exactRule = ":caseExactMatch:"

// assertFilter says by a filter what must hold, as far as a filter can. plain are
// attributes, in small letters, to which caseExactMatch does not apply.
func assertFilter(expect []Expectation, plain map[string]bool) string {
	var parts []string
	for _, e := range expect {
		rule := exactRule
		if plain[strings.ToLower(e.Name)] {
			rule = ""
		}
		switch e.Need {
		case NeedAbsent:
			parts = append(parts, "(!("+e.Name+"=*))")
		case NeedAll, NeedHas:
			for _, v := range e.Values {
				parts = append(parts, "("+e.Name+rule+"="+escapeFilter(v)+")")
			}
		case NeedLacks:
			for _, v := range e.Values {
				parts = append(parts, "(!("+e.Name+"="+escapeFilter(v)+"))")
			}
		}
	}
	switch len(parts) {
	case 0:
		return ""
	case 1:
		return parts[0]
	}
	return "(&" + strings.Join(parts, "") + ")"
}

// escapeFilter writes a value into a filter, every byte but letters and digits
// as its number.
func escapeFilter(v []byte) string {
	var b strings.Builder
	for _, c := range v {
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, `\%02x`, c)
		}
	}
	return b.String()
}
