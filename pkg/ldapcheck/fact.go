package ldapcheck

import (
	"strings"

	"github.com/davadmin/davadmin/internal/spill"
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
	dst = spill.AppendUint(dst, f.pos)
	dst = spill.AppendUint(dst, uint64(f.file))
	dst = spill.AppendUint(dst, uint64(f.line))
	dst = spill.AppendUint(dst, uint64(f.count))
	dst = appendClipped(dst, f.dns)
	dst = appendClipped(dst, f.values[:min(len(f.values), mostValues)])
	dst = spill.AppendText(dst, clip(f.value, mostValue))
	return spill.AppendText(dst, clip(f.other, mostValue))
}

// appendClipped is spill.AppendList of as much of each value as is kept.
func appendClipped(dst []byte, values [][]byte) []byte {
	dst = spill.AppendUint(dst, uint64(len(values)))
	for _, v := range values {
		dst = spill.AppendText(dst, clip(v, mostValue))
	}
	return dst
}

// decodeFact reads what append wrote. The fact holds parts of b.
func decodeFact(b []byte) (*fact, error) {
	d := spill.NewDecoder(b)
	f := &fact{}
	f.rule, f.severity, f.code = ruleNumber(d.Byte()), finding.Error-finding.Severity(d.Byte()), d.Byte()
	f.kind, f.attr = directory.Kind(d.Byte()), role(d.Byte())
	f.pos, f.file, f.line, f.count = d.Uint(), d.Int(), d.Int(), d.Int()
	f.dns, f.values = d.List(), d.List()
	f.value, f.other = d.Bytes(), d.Bytes()
	if err := d.Err(); err != nil {
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
	dst = spill.AppendUint(dst, e.Pos)
	dst = spill.AppendUint(dst, uint64(e.File))
	dst = spill.AppendUint(dst, uint64(e.Line))
	dst = spill.AppendText(dst, clip(e.DN, mostValue))
	dst = spill.AppendList(dst, ids)
	return spill.AppendList(dst, mails)
}

func decodeHolder(b []byte) (*holder, error) {
	d := spill.NewDecoder(b)
	h := &holder{kind: directory.Kind(d.Byte()), known: holderFlags(d.Byte()), pos: d.Uint(), file: d.Int(), line: d.Int()}
	h.dn, h.ids, h.mails = d.Bytes(), d.List(), d.List()
	return h, d.Err()
}
