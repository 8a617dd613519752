package ldif

// plainLines parses lines of the form "name: value", as nearly all are, and appends them
// to attrs. It stops before any other line, such as one that is folded or encoded, has
// options or ends with CR, before a line that is invalid or begins with "dn:", and before
// the blank line that ends the record.
func (p *parser) plainLines() {
	data, pos := p.data, p.pos
	if p.cr < pos {
		p.cr = indexFrom(data, pos, '\r')
	}
	for len(p.attrs) < maxValues {
		if p.lf < pos {
			p.lf = indexFrom(data, pos, '\n')
		}
		end := p.lf
		if end == len(data) || end > p.cr || end-pos > p.o.MaxLine || end+1 < len(data) && isBlank(data[end+1]) {
			break
		}
		line := data[pos : end+1 : end+1] // with the LF, at which both loops below end
		n := 0
		for nameBytes[line[n]] {
			n++
		}
		if n == 0 || line[n] != ':' || isDN(line) {
			break
		}
		value := line[n+1:]
		if c := value[0]; c == ' ' {
			if value = value[1:]; isBlank(value[0]) {
				break
			}
		} else if c == ':' || c == '<' || c == '\t' {
			break
		}
		last := len(value) - 1
		p.attrs = append(p.attrs, Attribute{Name: line[:n:n], Value: value[:last:last]})
		p.start, p.line = pos, p.nextLine
		p.nextLine++
		pos = end + 1
	}
	p.pos = pos
}

// nameBytes contains the bytes for which isNameByte returns true. Most bytes of a file
// that are looked at one by one are parts of names.
var nameBytes = makeNameBytes()

func makeNameBytes() (t [256]bool) {
	for i := range t {
		t[i] = isNameByte(byte(i))
	}
	return t
}

// isNameByte reports whether c can be part of an attribute name or object identifier.
func isNameByte(c byte) bool {
	return (c|0x20)-'a' < 26 || c-'0' < 10 || c == '-' || c == '.' || c == '_'
}
