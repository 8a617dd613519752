package ldif

import (
	"bytes"
	"strconv"
)

// change parses the rest of a change record, after its changetype: line. The
// attributes parsed so far are that line and the controls before it.
func (p *parser) change(kind []byte) *RecordError {
	for _, a := range p.attrs[:len(p.attrs)-1] {
		p.rec.Controls = append(p.rec.Controls, a.Value)
	}
	p.attrs = p.attrs[:0]
	kind = bytes.TrimRight(kind, " \t")
	switch {
	case is(kind, "add"):
		p.rec.Kind = KindAdd
		return p.added()
	case is(kind, "delete"):
		p.rec.Kind = KindDelete
		return p.endOfRecord()
	case is(kind, "modify"):
		p.rec.Kind = KindModify
		return p.modify()
	case is(kind, "moddn"), is(kind, "modrdn"):
		p.rec.Kind = KindModDN
		return p.modDN()
	}
	return p.fault("unknown changetype %s", quote(kind))
}

// added parses the attributes of an entry to add.
func (p *parser) added() *RecordError {
	for {
		a, bad := p.readAttribute()
		switch {
		case bad != nil:
			return bad
		case a == nil:
			p.rec.Attributes = p.attrs
			return nil
		case is(a.Name, "dn"):
			return p.fault("a second DN: is a blank line missing?")
		}
	}
}

// readAttribute reads the next line of the record into attrs and returns it; nil at
// the end of the record.
func (p *parser) readAttribute() (*Attribute, *RecordError) {
	line, ok := p.readLine()
	if !ok {
		return nil, nil
	}
	if bad := p.attribute(line); bad != nil {
		return nil, bad
	}
	return &p.attrs[len(p.attrs)-1], nil
}

// endOfRecord returns an error when the record has another line.
func (p *parser) endOfRecord() *RecordError {
	if line, ok := p.readLine(); ok {
		return p.fault("unexpected line %s at the end of a %s record", quote(line), p.rec.Kind)
	}
	return nil
}

// modDN parses newrdn:, deleteoldrdn: and the optional newsuperior:, in that order.
func (p *parser) modDN() *RecordError {
	for _, want := range []string{"newrdn", "deleteoldrdn", "newsuperior"} {
		a, bad := p.readAttribute()
		switch {
		case bad != nil:
			return bad
		case a == nil && want == "newsuperior":
			return nil
		case a == nil || !is(a.Name, want) || a.Options != nil:
			return p.fault("%s: is missing", want)
		}
		switch want {
		case "newrdn":
			p.rec.NewRDN = a.Value
		case "deleteoldrdn":
			v := bytes.TrimRight(a.Value, " \t")
			if len(v) != 1 || v[0] != '0' && v[0] != '1' {
				return p.fault("deleteoldrdn: must be 0 or 1")
			}
			p.rec.DeleteOldRDN = v[0] == '1'
		case "newsuperior":
			p.rec.NewSuperior = a.Value
		}
	}
	return p.endOfRecord()
}

// modify parses the modifications of a modify record: "op: name", values, "-". The last
// "-" may be missing, as ldapmodify allows.
func (p *parser) modify() *RecordError {
	for {
		a, bad := p.readAttribute()
		if a == nil || bad != nil {
			return bad
		}
		op, known := opOf(a)
		name := bytes.TrimRight(a.Value, " \t")
		if !known {
			return p.fault("add:, delete:, replace: or increment: expected, found %s", quote(a.Name))
		}
		if !isDescription(string(name)) {
			return p.fault("%s is not a valid attribute name", quote(name))
		}
		c := p.addModification(op, string(name))
		if bad := p.modificationValues(c); bad != nil {
			return bad
		}
	}
}

// addModification appends to the changes of the record. It reuses the value lists
// of earlier records.
func (p *parser) addModification(op Op, name string) *Modification {
	n := len(p.rec.Changes)
	if n < cap(p.rec.Changes) {
		p.rec.Changes = p.rec.Changes[:n+1]
	} else {
		p.rec.Changes = append(p.rec.Changes, Modification{})
	}
	c := &p.rec.Changes[n]
	c.Op, c.Name, c.Values = op, name, c.Values[:0]
	return c
}

// modificationValues parses the values of c and the "-" after them.
func (p *parser) modificationValues(c *Modification) *RecordError {
	for {
		line, ok := p.readLine()
		p.unended = !ok
		if !ok || len(line) > 0 && line[0] == '-' && len(skipBlanks(line[1:])) == 0 {
			return nil
		}
		if bad := p.attribute(line); bad != nil {
			return bad
		}
		a := &p.attrs[len(p.attrs)-1]
		name := a.Name
		if a.Options != nil {
			// The options follow the name and a ';' in the same line.
			name = line[:len(a.Name)+1+len(a.Options)]
		}
		if !is(name, c.Name) {
			return p.fault("a value of %s in the list of values to %s of %s", quote(name), c.Op, strconv.Quote(c.Name))
		}
		c.Values = append(c.Values, a.Value)
	}
}

func opOf(a *Attribute) (Op, bool) {
	for _, op := range []Op{OpAdd, OpDelete, OpReplace, OpIncrement} {
		if a.Options == nil && is(a.Name, op.String()) {
			return op, true
		}
	}
	return 0, false
}

// isDescription reports whether the reader accepts s as the name of an attribute
// with options.
func isDescription(s string) bool {
	i := 0
	for i < len(s) && isNameByte(s[i]) {
		i++
	}
	if i == 0 || i < len(s) && s[i] != ';' {
		return false
	}
	for ; i < len(s); i++ {
		if s[i] <= ' ' || s[i] > '~' || s[i] == ':' {
			return false
		}
	}
	return true
}
