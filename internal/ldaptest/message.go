package ldaptest

import (
	ber "github.com/go-asn1-ber/asn1-ber"
)

func parseMessage(p *ber.Packet) (*message, error) {
	c, err := children(p, 2)
	if err != nil {
		return nil, err
	}
	id, err := number(c[0])
	if err != nil || c[1].ClassType != ber.ClassApplication {
		return nil, errMalformed
	}
	m := &message{id: id, op: c[1]}
	if len(c) > 2 && c[2].ClassType == ber.ClassContext && c[2].Tag == 0 {
		for _, one := range c[2].Children {
			control, err := parseControl(one)
			if err != nil {
				return nil, err
			}
			m.controls = append(m.controls, control)
		}
	}
	return m, nil
}

func parseControl(p *ber.Packet) (Control, error) {
	c, err := children(p, 1)
	if err != nil {
		return Control{}, err
	}
	out := Control{OID: text(c[0])}
	for _, part := range c[1:] {
		switch part.Tag {
		case ber.TagBoolean:
			out.Critical = text(part) != "\x00"
		case ber.TagOctetString:
			out.Value = []byte(text(part))
		}
	}
	if out.OID == oidPaging {
		return out, out.readPaging()
	}
	return out, nil
}

func (c *Control) readPaging() error {
	p, err := ber.DecodePacketErr(c.Value)
	if err != nil {
		return errMalformed
	}
	parts, err := children(p, 2)
	if err != nil {
		return err
	}
	size, err := number(parts[0])
	c.PageSize, c.Cookie = int(size), []byte(text(parts[1]))
	return err
}

func (m *message) control(oid string) *Control {
	for i := range m.controls {
		if m.controls[i].OID == oid {
			return &m.controls[i]
		}
	}
	return nil
}

// appendResult appends a message that ends an operation. extra follows the fields that
// all results have; controls are encoded.
func appendResult(b []byte, id int64, tag byte, res Result, extra, controls []byte) []byte {
	var op []byte
	op = appendInt(op, tagEnumerated, int64(res.Code))
	op = appendString(op, tagOctets, res.MatchedDN)
	op = appendString(op, tagOctets, res.Message)
	if len(res.Referrals) > 0 {
		op = appendElement(op, tagReferral, appendURLs(nil, res.Referrals))
	}
	op = append(op, extra...)

	var msg []byte
	msg = appendInt(msg, tagInteger, id)
	msg = appendElement(msg, tag, op)
	if len(controls) > 0 {
		msg = appendElement(msg, tagControls, controls)
	}
	return appendElement(b, tagSequence, msg)
}

func appendURLs(b []byte, urls []string) []byte {
	for _, u := range urls {
		b = appendString(b, tagOctets, u)
	}
	return b
}

func appendReference(b []byte, id int64, urls []string) []byte {
	msg := appendInt(nil, tagInteger, id)
	msg = appendElement(msg, opReference, appendURLs(nil, urls))
	return appendElement(b, tagSequence, msg)
}

// appendNotice appends a notice of disconnection.
func appendNotice(b []byte, res Result) []byte {
	return appendResult(b, 0, opExtendedResult, res, appendString(nil, 0x8a, oidNotice), nil)
}

// appendPaging appends a paged results control with that value.
func appendPaging(b, value []byte) []byte {
	return appendControl(b, oidPaging, value)
}

// pagingValue returns the value of the paged results control. It has no total, because
// most servers do not know it.
func pagingValue(cookie string) []byte {
	value := appendInt(nil, tagInteger, 0)
	value = appendString(value, tagOctets, cookie)
	return appendElement(nil, tagSequence, value)
}
