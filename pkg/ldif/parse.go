package ldif

import (
	"bytes"
	"encoding/base64"
	"fmt"
)

// parser parses the records of one piece after another.
type parser struct {
	o    Options
	data []byte // of the piece; unfolding writes to it
	base int64  // offset of data
	pos  int    // of the next line
	lf   int    // of the first LF at or after pos, once searched for
	cr   int    // the same for CR
	head piece  // the beginning of a record over the limit, which is then the whole piece
	end  piece  // the piece with which the input ends, until its end was parsed

	nextLine int // number of the line at pos
	line     int // number of the last line read
	start    int // offset in data of the last line read

	first     int // offset in data of the first line of the record
	firstLine int
	rec       Record
	attrs     []Attribute
	comments  [][]byte
	decoded   []byte // values of the record that were encoded in base64
	search    Search
	unended   bool // the last modification has no "-" after its values
}

// load sets the text to parse. line is the number of its first line.
func (p *parser) load(next piece, line int) {
	p.data, p.base, p.pos, p.lf, p.cr = next.data, next.offset, 0, -1, -1
	p.nextLine = line
	p.head, p.end = next, piece{}
	if next.last {
		p.end = next
	}
	if next.offset == 0 {
		p.begin()
	}
}

// begin handles what can occur only at the start of a file.
func (p *parser) begin() {
	if bytes.HasPrefix(p.data, []byte("\xef\xbb\xbf")) {
		p.pos = 3
		if len(p.data) == 3 {
			p.nextLine++
		}
	}
	p.search.ResultExpected = bytes.HasPrefix(p.data[p.pos:], []byte("# extended LDIF"))
	p.search.EndExpected = bytes.HasPrefix(p.data[p.pos:], []byte("version: 1\n\n#\n# LDAPv3\n"))
}

// offset returns the offset of the next line in the input.
func (p *parser) offset() int64 { return p.base + int64(p.pos) }

// next returns the next record of the piece, or an error when it is invalid, or
// neither at the end of the piece. The error for an input that was cut off replaces
// the record in which it ends.
func (p *parser) next() (*Record, *RecordError) {
	rec, bad := p.nextRecord()
	if !p.end.last || p.pos < len(p.data) {
		return rec, bad
	}
	why := ""
	switch {
	case p.end.open:
		why = "the last line has no line ending"
	case rec != nil && (rec.Kind == KindContent || rec.Kind == KindAdd) && len(rec.Attributes) == 0:
		why = "the last record has a DN but no attributes, and no blank line ends it"
	case rec != nil && rec.Kind == KindModify && len(rec.Changes) == 0:
		why = "the last record has a DN but no changes, and no blank line ends it"
	case rec != nil && rec.Kind == KindModify && p.unended:
		// Values may be missing, and a deletion without values deletes all.
		why = "neither a line \"-\" nor a blank line ends the last change"
	}
	p.end = piece{}
	if why == "" {
		return rec, bad
	}
	if bad == nil {
		if rec == nil { // it ends in a comment or in blanks
			p.start = 1 + max(bytes.LastIndexByte(p.data, '\n'), bytes.LastIndexByte(p.data, '\r'))
			p.line = p.nextLine - 1
			p.begins()
			p.rec.DN = nil
		}
		bad = p.fault("")
	}
	bad.Cut, bad.Detail = true, why
	return nil, bad
}

// nextRecord is next for an input that ends with a complete record.
func (p *parser) nextRecord() (*Record, *RecordError) {
	if p.head.oversize {
		return nil, p.oversized()
	}
	for p.skipBlank() {
		from := p.pos
		p.comments = p.comments[:0]
		line, ok := p.readLine()
		if !ok {
			continue // a paragraph of comments
		}
		p.begins()
		p.rec.DN = nil
		found, bad := p.record(line)
		if bad != nil && !bad.Version {
			p.skipRecord()
		}
		if p.pos-from > p.o.MaxEntry {
			bad = p.tooLarge()
		}
		if bad != nil {
			return nil, bad
		}
		if found {
			p.rec.Comments = p.comments
			return &p.rec, nil
		}
	}
	return nil, nil
}

// begins records that the last line read is the first one of a record.
func (p *parser) begins() { p.first, p.firstLine = p.start, p.line }

// tooLarge returns the error for the last record read, which is over the limit. It
// hides other faults, because which of them were found depends on the limit.
func (p *parser) tooLarge() *RecordError {
	return p.fail(p.firstLine, "the record has more than %d bytes: no blank line ends it", p.o.MaxEntry)
}

// oversized returns the error for a record over the limit. The piece is its beginning.
func (p *parser) oversized() *RecordError {
	head, line := p.head, p.nextLine
	p.head = piece{}
	p.rec.DN = nil
	p.first, p.firstLine = p.pos, line
	if p.skipBlank() {
		text, ok := p.readLine()
		if ok {
			p.begins()
		}
		if ok && isVersion(text) {
			if text, ok = p.readLine(); ok {
				p.begins()
			}
		}
		// A line at the very end of the piece may be incomplete.
		if ok && p.pos < len(p.data) && isDN(text) && p.readDN(text) != nil {
			p.rec.DN = nil
		}
	}
	bad := p.tooLarge()
	p.base, p.data, p.pos = head.offset+head.size, nil, 0
	p.nextLine = line + head.lines
	return bad
}

// fail returns the error for a fault in line.
func (p *parser) fail(line int, format string, args ...any) *RecordError {
	return &RecordError{
		File: p.o.Name, Line: line, Offset: p.base + int64(p.first), DN: string(p.rec.DN),
		Detail: fmt.Sprintf(format, args...),
	}
}

// fault returns the error for a fault in the last line read.
func (p *parser) fault(format string, args ...any) *RecordError {
	return p.fail(p.line, format, args...)
}

// record parses the paragraph that begins with line. found reports whether it is a
// record: a version line, or what ldapsearch prints about its search, is not.
func (p *parser) record(line []byte) (found bool, bad *RecordError) {
	if isVersion(line) {
		if v := bytes.TrimSpace(line[len("version:"):]); string(v) != "1" {
			bad := p.fault("unknown LDIF version %s: the records were read as those of version 1", quote(v))
			bad.Version = true
			return false, bad
		}
		var ok bool
		if line, ok = p.readLine(); !ok {
			return false, nil
		}
		p.begins()
	}
	p.forget()
	if !isDN(line) {
		return false, p.searchParagraph(line)
	}
	p.rec.Line, p.rec.Offset = p.line, p.base+int64(p.start)
	if bad := p.readDN(line); bad != nil {
		return false, bad
	}
	return true, p.body()
}

// forget prepares for a new record. It releases the memory of a very large one.
func (p *parser) forget() {
	const spare = 4 << 20
	if p.decoded = p.decoded[:0]; cap(p.decoded) > spare {
		p.decoded = nil
	}
	if p.attrs = p.attrs[:0]; cap(p.attrs) > spare/64 {
		p.attrs = nil
	}
	r := &p.rec
	r.Kind, r.Attributes, r.Changes, r.Controls = KindContent, nil, r.Changes[:0], r.Controls[:0]
	r.NewRDN, r.DeleteOldRDN, r.NewSuperior = nil, false, nil
}

// readDN parses a "dn:" or "dn::" line.
func (p *parser) readDN(line []byte) *RecordError {
	if len(line) > p.o.MaxLine {
		return p.fault("the line has more than %d bytes", p.o.MaxLine)
	}
	rest := line[len("dn:"):]
	if len(rest) > 0 && rest[0] == ':' {
		dn, err := p.fromBase64(rest[1:])
		if err != nil {
			return p.fault("the DN is not valid base64: %v", err)
		}
		p.rec.DN = dn
		return nil
	}
	if len(rest) > 0 && rest[0] == '<' {
		return p.fault("the DN is a URL, which is not allowed")
	}
	p.rec.DN = skipBlanks(rest)
	return nil
}

// body parses the lines after the DN.
func (p *parser) body() *RecordError {
	head := true // all lines so far are control: lines
	for {
		if !head {
			p.plainLines()
		}
		line, ok := p.readLine()
		if !ok {
			break
		}
		if bad := p.attribute(line); bad != nil {
			if line[0] == '-' && lacksChangeType(p.attrs) {
				return p.fault("the line \"changetype: modify\" is missing after the DN")
			}
			return bad
		}
		a := &p.attrs[len(p.attrs)-1]
		if head {
			if is(a.Name, "changetype") && a.Options == nil {
				return p.change(a.Value)
			}
			head = is(a.Name, "control")
		}
		if len(a.Name) == 2 && is(a.Name, "dn") {
			return p.fault("a second DN: is a blank line missing?")
		}
	}
	p.rec.Attributes = p.attrs
	return nil
}

// attribute parses a line as an attribute and appends it to attrs.
func (p *parser) attribute(line []byte) *RecordError {
	i := 0
	for i < len(line) && nameBytes[line[i]] {
		i++
	}
	if i == len(line) || i == 0 || line[i] != ':' && line[i] != ';' {
		return p.fault("%s is not the beginning of \"name: value\"", quote(line))
	}
	if len(line) > p.o.MaxLine {
		return p.fault("the line has more than %d bytes", p.o.MaxLine)
	}
	if len(p.attrs) == maxValues {
		return p.fault("the record has more than %d values", maxValues)
	}
	name := line[:i:i]
	var options []byte
	if line[i] == ';' {
		at := i + 1
		for i = at; i < len(line) && line[i] != ':'; i++ {
			if line[i] <= ' ' || line[i] > '~' {
				break
			}
		}
		if i == len(line) || line[i] != ':' {
			return p.fault("%s is not the beginning of \"name;options: value\"", quote(line))
		}
		options = line[at:i:i]
	}
	value := line[i+1 : len(line) : len(line)]
	if len(value) > 0 {
		switch value[0] {
		case ' ', '\t':
			value = skipBlanks(value)
		case ':':
			v, err := p.fromBase64(value[1:])
			if err != nil {
				return p.fault("the value of %s is not valid base64: %v", quote(name), err)
			}
			value = v
		case '<':
			v, bad := p.fromURL(name, value[1:])
			if bad != nil {
				return bad
			}
			value = v
		}
	}
	p.attrs = append(p.attrs, Attribute{Name: name, Options: options, Value: value})
	return nil
}

// fromBase64 decodes s. The result is valid until the next record.
func (p *parser) fromBase64(s []byte) ([]byte, error) {
	s = bytes.Trim(s, " \t")
	if len(s) == 0 {
		return []byte{}, nil
	}
	n := base64.StdEncoding.DecodedLen(len(s))
	if cap(p.decoded)-len(p.decoded) < n {
		// The values decoded so far keep the old array.
		p.decoded = make([]byte, 0, max(n, 2*cap(p.decoded), 4<<10))
	}
	at := len(p.decoded)
	v := p.decoded[at : at+n : at+n]
	m, err := base64.StdEncoding.Decode(v, s)
	if err != nil {
		return nil, err
	}
	p.decoded = p.decoded[:at+m]
	return v[:m:m], nil
}

// isDN reports whether a line begins with "dn:".
func isDN(line []byte) bool {
	return len(line) >= 3 && line[2] == ':' && line[0]|0x20 == 'd' && line[1]|0x20 == 'n'
}

func isVersion(line []byte) bool {
	return len(line) >= len("version:") && bytes.EqualFold(line[:len("version:")], []byte("version:"))
}

// is reports whether a name is the given word, in any case.
func is(name []byte, word string) bool {
	return len(name) == len(word) && bytes.EqualFold(name, []byte(word))
}

func skipBlanks(b []byte) []byte {
	i := 0
	for i < len(b) && (b[i] == ' ' || b[i] == '\t') {
		i++
	}
	return b[i:len(b):len(b)]
}

// quote returns the beginning of b, quoted, for a message.
func quote(b []byte) string {
	const most = 40
	if len(b) > most {
		return fmt.Sprintf("%q…", b[:most])
	}
	return fmt.Sprintf("%q", b)
}
