package directory

// Object identifiers of the controls of a ModifyRequest.
const (
	OIDAssertion = "1.3.6.1.1.12"   // RFC 4528
	OIDPreRead   = "1.3.6.1.1.13.1" // RFC 4527
	oidPreRead   = OIDPreRead
)

// Identifier octets of RFC 4511 that are used only in modify requests.
const (
	tagBoolean       = 0x01
	opModifyRequest  = 0x66
	opModifyResponse = 0x67

	filterAnd        = 0xa0
	filterNot        = 0xa2
	filterEqual      = 0xa3
	filterPresent    = 0x87
	filterExtensible = 0xa9
	matchRule        = 0x81
	matchType        = 0x82
	matchValue       = 0x83
)

// appendElement appends an element: its identifier octet, its length and its content.
func appendElement(dst []byte, tag byte, content []byte) []byte {
	dst = append(dst, tag)
	switch n := len(content); {
	case n < 0x80:
		dst = append(dst, byte(n))
	case n < 1<<8:
		dst = append(dst, 0x81, byte(n))
	case n < 1<<16:
		dst = append(dst, 0x82, byte(n>>8), byte(n))
	default:
		dst = append(dst, 0x84, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
	}
	return append(dst, content...)
}

// appendNumber appends an integer that is not negative.
func appendNumber(dst []byte, tag byte, n int) []byte {
	content := []byte{byte(n)}
	for n >>= 8; n > 0; n >>= 8 {
		content = append([]byte{byte(n)}, content...)
	}
	if content[0] >= 0x80 {
		content = append([]byte{0}, content...)
	}
	return appendElement(dst, tag, content)
}

// appendModifyRequest appends the message with a modify request.
func appendModifyRequest(dst []byte, id int, m *ModifyRequest) []byte {
	var changes []byte
	for _, c := range m.Changes {
		var values []byte
		for _, v := range c.Values {
			values = appendElement(values, tagOctets, v)
		}
		attribute := appendElement(appendElement(nil, tagOctets, []byte(c.Name)), tagSet, values)
		change := appendElement(appendNumber(nil, tagEnum, int(c.Op)), tagSequence, attribute)
		changes = appendElement(changes, tagSequence, change)
	}
	op := appendElement(appendElement(nil, tagOctets, []byte(m.DN)), tagSequence, changes)
	body := appendElement(appendNumber(nil, tagInteger, id), opModifyRequest, op)
	if controls := m.controls(); len(controls) > 0 {
		body = appendElement(body, tagControls, controls)
	}
	return appendElement(dst, tagSequence, body)
}

// controls returns the controls of the request. All are critical, so that a server
// that does not support one must refuse the request.
func (m *ModifyRequest) controls() []byte {
	var out []byte
	add := func(oid string, value []byte) {
		c := appendElement(appendElement(nil, tagOctets, []byte(oid)), tagBoolean, []byte{0xff})
		out = appendElement(out, tagSequence, appendElement(c, tagOctets, value))
	}
	if len(m.Assert) > 0 {
		add(OIDAssertion, appendConditions(nil, m.Assert))
	}
	if len(m.PreRead) > 0 {
		var names []byte
		for _, name := range m.PreRead {
			names = appendElement(names, tagOctets, []byte(name))
		}
		add(OIDPreRead, appendElement(nil, tagSequence, names))
	}
	return out
}

// appendConditions appends a filter that is true when all conditions hold.
func appendConditions(dst []byte, list []Condition) []byte {
	if len(list) == 1 {
		return appendCondition(dst, &list[0])
	}
	var all []byte
	for i := range list {
		all = appendCondition(all, &list[i])
	}
	return appendElement(dst, filterAnd, all)
}

func appendCondition(dst []byte, c *Condition) []byte {
	var f []byte
	switch {
	case c.Value == nil:
		f = appendElement(nil, filterPresent, []byte(c.Name))
	case c.Rule == "":
		f = appendElement(nil, filterEqual, appendElement(appendElement(nil, tagOctets, []byte(c.Name)), tagOctets, c.Value))
	default:
		m := appendElement(appendElement(nil, matchRule, []byte(c.Rule)), matchType, []byte(c.Name))
		f = appendElement(nil, filterExtensible, appendElement(m, matchValue, c.Value))
	}
	if c.Not {
		return appendElement(dst, filterNot, f)
	}
	return append(dst, f...)
}

// findControl returns the value of the control with the OID want. found is false
// when there is no such control, ok is false when controls or this control are
// malformed.
func findControl(controls []byte, want string) (value []byte, found, ok bool) {
	for len(controls) > 0 {
		control, rest, ok := cutTag(controls, tagSequence)
		if !ok {
			return nil, false, false
		}
		controls = rest
		oid, fields, ok := cutTag(control, tagOctets)
		if !ok {
			return nil, false, false
		}
		if string(oid) != want {
			continue
		}
		tag, value, rest, ok := cut(fields)
		if ok && tag == tagBoolean { // criticality
			tag, value, _, ok = cut(rest)
		}
		return value, true, ok && tag == tagOctets
	}
	return nil, false, true
}
