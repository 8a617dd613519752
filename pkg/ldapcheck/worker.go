package ldapcheck

import (
	"bytes"
	"errors"
	"fmt"
	"hash/maphash"
	"math/bits"

	"github.com/davadmin/davadmin/internal/spill"
	"github.com/davadmin/davadmin/pkg/cs6"
	"github.com/davadmin/davadmin/pkg/directory"
	"github.com/davadmin/davadmin/pkg/finding"
)

// A place identifies a record in the spool of a worker: the lower 48 bits are the
// offset in the file, the upper bits are the number of the worker. The highest bit is
// unused, and serves as referenceBit.
const (
	placeBits    = 48
	referenceBit = uint64(1) << 63
	// unreadable, with referenceBit, means the DN of a record that could not be read as
	// an entry. It is greater than any place.
	unreadable = referenceBit - 1
)

// factKey sorts facts by rule and then by position.
func factKey(r ruleNumber, pos uint64) uint64 { return uint64(r)<<posBits | pos }

// posBits is the number of bits of a position: up to 16384 files of up to 16 TiB.
const posBits = 58

// subject is the current entry, with its values sorted by role.
type subject struct {
	entry *directory.Entry
	// values contains a list for each role.
	values [roleCount][][]byte
	used   roles // the roles that have values
	// members is the index in Query.Attributes of each value of roleMember.
	members []int
	// mailFaults is the fault of each mail address, "" for none.
	mailFaults []string
	// idValues is the number of values of the unique id that are not blank.
	idValues int
	classed  bool // the entry has UniqueIDClass
	place    uint64
	// remembered means that place is that of the holder of the entry.
	remembered bool
	in6, in7   bool
	// match6 and match7 are the matches on the lists, valid if in6 or in7 is true.
	match6, match7 cs6.Match
}

// worker observes entries. Several workers run at once, each with its own data, which
// is merged when all entries were read.
type worker struct {
	a      *Audit
	number int
	s      subject
	err    error // the first error; the audit ends with it

	spool *spill.Log // holders and references
	facts *spill.Log
	order *spill.Sorter // facts: factKey and place, which may be that of foundMissing

	ids   *spill.Sorter // the hash of a unique id, and the holder's place
	mails *spill.Sorter // the hash of a mail address, and the holder's place
	dns   *spill.Sorter // the hash of a DN, and the entry's place or, with referenceBit, a reference's

	hash       hasher
	buf        []byte
	dn         []byte
	addresses  [][]byte // the addresses of the current entry to compare with other entries
	alternates [][]byte // the alternate addresses of the current entry, with further values of mail

	counts         [ruleLimit][finding.Error + 1]int
	kinds          [directory.Domain + 1]int
	passed         int // entries, for Progress
	problems       int
	unnamed        bool // a problem with unknown DN occurred, so any DN may exist
	uses           map[string]*domainUse
	tooManyDomains bool
	domains        map[string]struct{} // mail domains that entries represent
	account        Account
	watcher        Watcher            // nil for none
	absence        *directory.Absence // nil for files
	idSeen         bool               // an entry has a unique id
	seen6          []uint64           // bits: the people of the list that an entry matched
	seen7          []uint64
}

func (a *Audit) newWorker(number int) *worker {
	w := &worker{
		a: a, number: number,
		spool: spill.NewLog(a.o.Tmp), facts: spill.NewLog(a.o.Tmp), order: spill.NewSorter(a.o.Tmp),
		ids: spill.NewSorter(a.o.Tmp), mails: spill.NewSorter(a.o.Tmp), dns: spill.NewSorter(a.o.Tmp),
		hash: hasher{seed: a.seed}, uses: map[string]*domainUse{}, domains: map[string]struct{}{},
	}
	if a.o.Prove != nil {
		w.absence = directory.NewAbsence(a.fields.names, a.o.Prove.Contexts)
	}
	if a.o.CS6 != nil {
		w.seen6 = make([]uint64, a.o.CS6.Names()/64+1)
	}
	if a.o.CS7 != nil {
		w.seen7 = make([]uint64, a.o.CS7.Names()/64+1)
	}
	return w
}

func (w *worker) close() error {
	return errors.Join(w.spool.Close(), w.facts.Close(), w.order.Close(), w.ids.Close(), w.mails.Close(), w.dns.Close())
}

// fail records the first error, with which the audit ends.
func (w *worker) fail(err error) {
	if err != nil && w.err == nil {
		w.err = err
	}
}

// add records a fact.
func (w *worker) add(f *fact) {
	if f.severity == finding.Info && f.code != codeOutside {
		f.severity = w.a.table[f.rule].Severity
	}
	w.counts[f.rule][f.severity]++
	w.buf = f.append(w.buf[:0])
	at, err := w.facts.Append(w.buf)
	w.fail(err)
	w.fail(w.order.Add(factKey(f.rule, f.pos), w.placeOf(at)))
}

func (w *worker) placeOf(at int64) uint64 { return uint64(w.number)<<placeBits | uint64(at) }

// found records a fact about the current entry.
func (w *worker) found(r ruleNumber, code byte, attr role, value, other []byte) {
	if value == nil && other == nil && w.foundMissing(r, code, attr) {
		return
	}
	e := w.s.entry
	w.add(&fact{
		rule: r, code: code, kind: e.Kind, pos: e.Pos, file: e.File, line: e.Line,
		dns: [][]byte{e.DN}, attr: attr, value: value, other: other,
	})
}

// foundAll records a fact about all values of an attribute of the current entry.
func (w *worker) foundAll(r ruleNumber, code byte, attr role) {
	e := w.s.entry
	w.add(&fact{
		rule: r, code: code, kind: e.Kind, pos: e.Pos, file: e.File, line: e.Line,
		dns: [][]byte{e.DN}, attr: attr, values: w.s.values[attr],
	})
}

// observe processes an entry or a problem.
func (w *worker) observe(e *directory.Entry, p *directory.Problem) error {
	switch {
	case p != nil:
		w.problem(p)
	case e.Pos >= 1<<posBits:
		w.fail(errors.New("the input is too large"))
	default:
		w.entry(e)
	}
	return w.err
}

func (w *worker) entry(e *directory.Entry) {
	w.s.read(w.a, e)
	w.idSeen = w.idSeen || len(w.s.values[roleID]) > 0
	if w.s.isConflict() {
		w.kinds[directory.Other]++
		w.conflict(&w.s)
		return
	}
	if w.absence != nil {
		w.noteAbsence(e)
	}
	w.kinds[e.Kind]++
	for _, observe := range w.a.observers[e.Kind] {
		observe(w, &w.s)
	}
}

// read sets the subject to an entry, with its values sorted by role.
func (s *subject) read(a *Audit, e *directory.Entry) {
	s.entry, s.idValues, s.classed, s.place, s.remembered = e, 0, false, 0, false
	s.members = s.members[:0]
	for used := s.used; used != 0; used &= used - 1 {
		r := bits.TrailingZeros32(uint32(used))
		s.values[r] = s.values[r][:0]
	}
	s.used = 0
	for _, v := range e.Values {
		have := a.fields.roles[v.Attr]
		if have == 1<<roleClass {
			s.classed = s.classed || isWord(v.Data, a.o.Names.UniqueIDClass)
			continue // no rule uses the other classes
		}
		first := a.firstRole[v.Attr]
		s.values[first] = append(s.values[first], v.Data)
		s.used |= have
		if have.has(roleMember) {
			s.members = append(s.members, v.Attr)
		}
		for more := have &^ (1 << first); more != 0; more &= more - 1 {
			r := bits.TrailingZeros32(uint32(more))
			s.values[r] = append(s.values[r], v.Data)
		}
	}
	for _, v := range s.values[roleID] {
		if !isBlank(v) {
			s.idValues++
		}
	}
	s.mailFaults = s.mailFaults[:0]
	for _, v := range s.values[roleMail] {
		s.mailFaults = append(s.mailFaults, addressFault(v))
	}
	for _, v := range s.values[roleClass] {
		if isWord(v, a.o.Names.UniqueIDClass) {
			s.classed = true
		}
	}
	s.in6, s.in7 = false, false
}

// filled reports whether a role has a value that is not blank.
func (s *subject) filled(r role) bool {
	for _, v := range s.values[r] {
		if !isBlank(v) {
			return true
		}
	}
	return false
}

// remember writes the holder of the entry, and records the hashes of its values.
func (w *worker) remember(s *subject) {
	ids, mails := s.values[roleID][:0:0], w.addresses[:0]
	if w.a.runs(ruleDuplicate) || w.a.runs(ruleCollision) {
		ids = s.values[roleID]
	}
	if w.a.runs(ruleMailDuplicate) {
		for i, v := range s.values[roleMail] {
			if s.mailFaults[i] == "" || isForeign(v) {
				mails = append(mails, v)
			}
		}
		for _, v := range s.values[roleAlternate] {
			if addressFault(v) == "" || isForeign(v) {
				mails = append(mails, v)
			}
		}
	}
	w.addresses = mails
	w.buf = appendHolder(w.buf[:0], s, ids, mails)
	at, err := w.spool.Append(w.buf)
	w.fail(err)
	s.place, s.remembered = w.placeOf(at), true
	for _, v := range ids {
		if !isBlank(v) {
			w.fail(w.ids.Add(w.hash.loose(v), s.place))
		}
	}
	for _, v := range mails {
		w.fail(w.mails.Add(w.hash.loose(v), s.place))
	}
}

// rememberDN records the DN of the entry.
func (w *worker) rememberDN(s *subject) { w.addDN(s.entry.DN, s.place) }

// addDN records a DN with the place of its entry or reference: under the hash of its
// folded form, and of its normal form if that is different, so that a reference can find
// the entry by one comparison or the other.
func (w *worker) addDN(dn []byte, place uint64) {
	folded, normal := appendFoldedDN(w.dn[:0], dn)
	w.dn = folded
	w.fail(w.dns.Add(maphash.Bytes(w.a.seed, folded), place))
	if !normal {
		w.fail(w.dns.Add(maphash.Bytes(w.a.seed, normalDN(dn)), place))
	}
}

// listed looks the current entry up in the lists of people.
func (w *worker) listed(s *subject) {
	s.match6, s.in6 = w.find(w.a.o.CS6, w.seen6, s)
	s.match7, s.in7 = w.find(w.a.o.CS7, w.seen7, s)
}

func (w *worker) find(set *cs6.UserSet, seen []uint64, s *subject) (m cs6.Match, ok bool) {
	if set == nil {
		return m, false
	}
	e := cs6.Entry{UID: first(s.values[roleUID]), Mail: first(s.values[roleMail]), Alternates: s.values[roleAlternate]}
	if len(s.values[roleMail]) > 1 {
		w.alternates = append(append(w.alternates[:0], s.values[roleMail][1:]...), s.values[roleAlternate]...)
		e.Alternates = w.alternates
	}
	if m, ok = set.Find(e); !ok {
		return m, false
	}
	seen[m.Number/64] |= 1 << (m.Number % 64)
	if m.By == cs6.ByMail || m.By == cs6.ByAlternate {
		// Another record of the list may identify the same person by user id.
		_, e.Domain, _ = bytes.Cut(e.Mail, []byte{'@'})
		if other, ok := set.Find(cs6.Entry{UID: e.UID, Domain: e.Domain}); ok {
			seen[other.Number/64] |= 1 << (other.Number % 64)
		}
	}
	return m, true
}

func first(values [][]byte) []byte {
	if len(values) == 0 {
		return nil
	}
	return values[0]
}

// problem records a problem of the source.
func (w *worker) problem(p *directory.Problem) {
	f := fact{pos: p.Pos, file: p.File, line: p.Line, other: []byte(p.Detail)}
	if p.DN != nil {
		f.dns = [][]byte{p.DN}
		if p.Kind != directory.Referral && w.a.needsDNs() {
			// Something with that DN exists, although it could not be read.
			w.addDN(p.DN, referenceBit|unreadable)
		}
	} else if p.Kind != directory.UnknownVersion {
		w.unnamed = true
	}
	switch p.Kind {
	case directory.UnknownVersion:
		f.rule, f.code = ruleRecordBroken, codeNoEntry
	case directory.BrokenRecord, directory.InvalidDN:
		f.rule = ruleRecordBroken
	case directory.MoreValues:
		f.rule = ruleMoreValues
	case directory.ChangeRecord:
		if f.rule = ruleChangeRecord; p.Addition {
			f.code = codeAddition
		}
	case directory.Referral:
		f.rule = ruleReferral
		for i, url := range p.URLs {
			if i > 0 {
				f.value = append(f.value, ' ')
			}
			f.value = append(f.value, url...)
		}
	default:
		w.fail(fmt.Errorf("unknown kind of problem: %w", p))
		return
	}
	w.problems++
	w.add(&f)
}
