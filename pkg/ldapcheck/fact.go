package ldapcheck

import (
	"encoding/binary"
	"errors"
	"strings"

	"github.com/davadmin/davadmin/pkg/directory"
	"github.com/davadmin/davadmin/pkg/finding"
)

// What is kept of hostile text: enough to know it by.
const (
	mostValue  = 8 << 10 // octets of a value, or of a DN
	mostValues = 16      // of an attribute
	mostDNs    = 10_000  // DNs of one finding
)

// fact is a finding before it has words: findings may be as many as entries, so
// they are kept small and on disk, and worded when they are read.
type fact struct {
	rule     ruleNumber
	severity finding.Severity
	code     byte // what exactly, where a rule knows several things
	kind     directory.Kind
	pos      uint64 // of the entry, or the first of several
	file     int
	line     int
	count    int // of entries, where dns does not list them all
	dns      [][]byte
	attr     role
	value    []byte   // the value at fault
	values   [][]byte // all that the attribute has, where that matters
	other    []byte   // what else the words need
}

func appendBytes(dst, v []byte) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(v))), v...)
}

// whole tells that nothing of a value that was kept is missing.
func whole(v []byte) bool { return len(v) < mostValue }

func clip(v []byte, most int) []byte {
	if len(v) > most {
		return v[:most:most]
	}
	return v
}

// append writes the fact behind dst.
func (f *fact) append(dst []byte) []byte {
	// Facts at one position come in the order of these octets: what matters more first.
	dst = append(dst, byte(f.rule), byte(finding.Error-f.severity), f.code, byte(f.kind), byte(f.attr))
	dst = binary.AppendUvarint(dst, f.pos)
	dst = binary.AppendUvarint(dst, uint64(f.file))
	dst = binary.AppendUvarint(dst, uint64(f.line))
	dst = binary.AppendUvarint(dst, uint64(f.count))
	dst = binary.AppendUvarint(dst, uint64(len(f.dns)))
	for _, dn := range f.dns {
		dst = appendBytes(dst, clip(dn, mostValue))
	}
	values := f.values[:min(len(f.values), mostValues)]
	dst = binary.AppendUvarint(dst, uint64(len(values)))
	for _, v := range values {
		dst = appendBytes(dst, clip(v, mostValue))
	}
	dst = appendBytes(dst, clip(f.value, mostValue))
	return appendBytes(dst, clip(f.other, mostValue))
}

var errDamaged = errors.New("a temporary file is damaged")

// decoder reads what append functions wrote; the first fault stays.
type decoder struct {
	b   []byte
	bad bool
}

func (d *decoder) octet() byte {
	if len(d.b) == 0 {
		d.bad = true
		return 0
	}
	c := d.b[0]
	d.b = d.b[1:]
	return c
}

func (d *decoder) number() uint64 {
	n, size := binary.Uvarint(d.b)
	if size <= 0 {
		d.bad = true
		return 0
	}
	d.b = d.b[size:]
	return n
}

func (d *decoder) bytes() []byte {
	n := d.number()
	if n > uint64(len(d.b)) {
		d.bad = true
		return nil
	}
	v := d.b[:n:n]
	d.b = d.b[n:]
	return v
}

// list reads a number of texts.
func (d *decoder) list() [][]byte {
	n := d.number()
	if n > uint64(len(d.b)) {
		d.bad = true
		return nil
	}
	out := make([][]byte, n)
	for i := range out {
		out[i] = d.bytes()
	}
	return out
}

func (d *decoder) err() error {
	if d.bad {
		return errDamaged
	}
	return nil
}

// decodeFact reads what append wrote. The fact holds parts of b.
func decodeFact(b []byte) (*fact, error) {
	d := decoder{b: b}
	f := &fact{}
	f.rule, f.severity, f.code = ruleNumber(d.octet()), finding.Error-finding.Severity(d.octet()), d.octet()
	f.kind, f.attr = directory.Kind(d.octet()), role(d.octet())
	f.pos, f.file, f.line, f.count = d.number(), int(d.number()), int(d.number()), int(d.number())
	f.dns, f.values = d.list(), d.list()
	f.value, f.other = d.bytes(), d.bytes()
	if err := d.err(); err != nil {
		return nil, err
	}
	return f, nil
}

// holder is an entry as the second look sees it: what a group of duplicates, or
// a reference, has to say about who it is.
type holder struct {
	kind  directory.Kind
	pos   uint64
	file  int
	line  int
	dn    []byte
	ids   [][]byte
	mails [][]byte
	known holderFlags
}

// holderFlags are what else is known of an entry, for whoever has to decide which
// of several keeps a value.
type holderFlags byte

const (
	holderMarked holderFlags = 1 << iota // it is marked as one of the new server's
	holderShut                           // a status keeps it out
	holderOn6                            // it is on the list of the old server
	holderOn7                            // it is on the list of the new server
)

// flags is asked for nearly every entry.
func (s *subject) flags() (f holderFlags) {
	if s.filled(roleLocal) {
		f |= holderMarked
	}
	if s.shutByStatus() {
		f |= holderShut
	}
	if s.in6 {
		f |= holderOn6
	}
	if s.in7 {
		f |= holderOn7
	}
	return f
}

// describe says in words what is known; "" for nothing.
func (h *holder) describe(n *Names) string {
	var words []string
	if len(h.mails) > 0 {
		words = append(words, shown(h.mails[0]))
	}
	for _, w := range []struct {
		flag holderFlags
		text string
	}{
		{holderMarked, "has " + n.LocalUserAttr()}, {holderShut, "is shut out by its status"}, {holderOn6, "is on the list of the old server"}, {holderOn7, "is on the list of the new server"},
	} {
		if h.known&w.flag != 0 {
			words = append(words, w.text)
		}
	}
	return strings.Join(words, ", ")
}

func appendHolder(dst []byte, s *subject, ids, mails [][]byte) []byte {
	e := s.entry
	dst = append(dst, byte(e.Kind), byte(s.flags()))
	dst = binary.AppendUvarint(dst, e.Pos)
	dst = binary.AppendUvarint(dst, uint64(e.File))
	dst = binary.AppendUvarint(dst, uint64(e.Line))
	dst = appendBytes(dst, clip(e.DN, mostValue))
	dst = binary.AppendUvarint(dst, uint64(len(ids)))
	for _, v := range ids {
		dst = appendBytes(dst, v)
	}
	dst = binary.AppendUvarint(dst, uint64(len(mails)))
	for _, v := range mails {
		dst = appendBytes(dst, v)
	}
	return dst
}

func decodeHolder(b []byte) (*holder, error) {
	d := decoder{b: b}
	h := &holder{kind: directory.Kind(d.octet()), known: holderFlags(d.octet()), pos: d.number(), file: int(d.number()), line: int(d.number())}
	h.dn, h.ids, h.mails = d.bytes(), d.list(), d.list()
	return h, d.err()
}
