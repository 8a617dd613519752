package ldapcheck

// Before a directory is prepared, every entry lacks the same attributes. So a fact about
// a missing attribute of an entry that is remembered has no record of its own: the place
// of the fact, with missingBit, contains the rule, the code, the number of the worker and
// the offset of the holder in that worker's spool.
const (
	missingBit  = uint64(1) << 63
	ruleShift   = 57 // above it: a number less than ruleLimit
	codeShift   = 52
	mostCode    = 1<<(ruleShift-codeShift) - 1
	mostMissing = 1<<(codeShift-placeBits) - 1 // the highest number of a worker
)

// foundMissing records a fact about the current entry that consists of the rule and the
// code. It returns false if the fact needs a record.
func (w *worker) foundMissing(r ruleNumber, code byte, attr role) bool {
	rule := &w.a.table[r]
	if !w.s.remembered || rule.missing != attr || attr == roleNone || code > mostCode || w.number > mostMissing {
		return false
	}
	w.counts[r][rule.Severity]++
	w.fail(w.order.Add(factKey(r, w.s.entry.Pos), missingBit|uint64(r)<<ruleShift|uint64(code)<<codeShift|w.s.place))
	return true
}

// missingRecord returns the record that the fact at a place with missingBit would have.
func (a *Audit) missingRecord(place uint64) ([]byte, error) {
	h, err := a.holder(place & (1<<codeShift - 1))
	if err != nil {
		return nil, err
	}
	r := ruleNumber(place &^ missingBit >> ruleShift)
	f := fact{
		rule: r, severity: a.table[r].Severity, code: byte(place >> codeShift & mostCode), kind: h.kind,
		pos: h.pos, file: h.file, line: h.line, dns: [][]byte{h.dn}, attr: a.table[r].missing,
	}
	return f.append(nil), nil
}
