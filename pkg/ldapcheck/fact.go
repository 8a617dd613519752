package ldapcheck

import (
	"strings"

	"github.com/davadmin/davadmin/internal/spill"
	"github.com/davadmin/davadmin/pkg/directory"
	"github.com/davadmin/davadmin/pkg/finding"
)

// Limits on what is kept of hostile text, which still allow it to be recognised.
const (
	mostValue  = 8 << 10 // bytes of a value or of a DN
	mostValues = 16      // values of an attribute
	mostDNs    = 10_000  // DNs of a finding
)

// fact is a finding before it is described. There may be as many findings as
// entries, so they are kept small and on disk, and described when they are read.
type fact struct {
	rule     ruleNumber
	severity finding.Severity
	code     byte // distinguishes the findings of a rule
	kind     directory.Kind
	pos      uint64 // the position of the entry, or of the first of several
	file     int
	line     int
	count    int // the number of entries, if dns does not list all of them
	dns      [][]byte
	attr     role
	by       comparison // how values that differ were found to be equal
	value    []byte     // the value at fault
	values   [][]byte   // all values of the attribute, if they matter
	other    []byte     // what else the description needs
}

// isComplete reports whether a value that was kept is complete, that is, not clipped.
func isComplete(v []byte) bool { return len(v) < mostValue }

func clip(v []byte, most int) []byte {
	if len(v) > most {
		return v[:most:most]
	}
	return v
}

// append appends the record of the fact to dst.
func (f *fact) append(dst []byte) []byte {
	// Facts at one position are sorted by these bytes: the more severe ones first.
	dst = append(dst, byte(f.rule), byte(finding.Error-f.severity), f.code, byte(f.kind), byte(f.attr), byte(f.by))
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

// decodeFact decodes the record that append wrote. The fact refers to b.
func decodeFact(b []byte) (*fact, error) {
	d := spill.NewDecoder(b)
	f := &fact{}
	f.rule, f.severity, f.code = ruleNumber(d.Byte()), finding.Error-finding.Severity(d.Byte()), d.Byte()
	f.kind, f.attr, f.by = directory.Kind(d.Byte()), role(d.Byte()), comparison(d.Byte())
	f.pos, f.file, f.line, f.count = d.Uint(), d.Int(), d.Int(), d.Int()
	f.dns, f.values = d.List(), d.List()
	f.value, f.other = d.Bytes(), d.Bytes()
	if err := d.Err(); err != nil {
		return nil, err
	}
	return f, nil
}

// holder is what is kept of an entry to describe it in a group of duplicates or in a
// reference.
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

// holderFlags are facts about an entry that help a person to decide which of several
// entries keeps a value.
type holderFlags byte

const (
	holderMarked holderFlags = 1 << iota // it has Names.LocalUserAttr
	holderLocked                         // a status locks it out
	holderOn6                            // it is on the list of the old server
	holderOn7                            // it is on the list of the new server
)

// flags returns what is known of the current entry. It is called for nearly every
// entry.
func (s *subject) flags() (f holderFlags) {
	if s.filled(roleLocal) {
		f |= holderMarked
	}
	if s.lockedByStatus() {
		f |= holderLocked
	}
	if s.in6 {
		f |= holderOn6
	}
	if s.in7 {
		f |= holderOn7
	}
	return f
}

// describe returns what is known as text, "" if nothing is known.
func (h *holder) describe(n *Names) string {
	var parts []string
	if len(h.mails) > 0 {
		parts = append(parts, quote(h.mails[0]))
	}
	for _, known := range []struct {
		flag holderFlags
		text string
	}{
		{holderMarked, "has " + n.LocalUserAttr()}, {holderLocked, "is locked out by its status"},
		{holderOn6, "is on the list of the old server"}, {holderOn7, "is on the list of the new server"},
	} {
		if h.known&known.flag != 0 {
			parts = append(parts, known.text)
		}
	}
	return strings.Join(parts, ", ")
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
