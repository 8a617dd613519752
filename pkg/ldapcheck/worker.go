package ldapcheck

import (
	"bytes"
	"errors"
	"fmt"
	"hash/maphash"

	"github.com/davadmin/davadmin/internal/spill"
	"github.com/davadmin/davadmin/pkg/cs6"
	"github.com/davadmin/davadmin/pkg/directory"
	"github.com/davadmin/davadmin/pkg/finding"
)

// A place names a record of one worker's spool: the worker in the upper bits,
// the place in its file in the lower 48. The highest bit is free for a mark.
const (
	placeBits = 48
	mark      = uint64(1) << 63
	// unreadable, with mark, stands for a name that a record has which is no
	// entry: no place is as high.
	unreadable = mark - 1
)

// factKey sorts facts by rule and then by position.
func factKey(r ruleNumber, pos uint64) uint64 { return uint64(r)<<posBits | pos }

// posBits is what a position may take: files up to 16 TiB, and 16384 of them.
const posBits = 58

// subject is the entry in hand, its values sorted by what they mean.
type subject struct {
	entry *directory.Entry
	// values has a list for each role.
	values [roleCount][][]byte
	// members is, for each value of roleMember, its place in Query.Attributes.
	members []int
	// mailFaults says of each mail address what is wrong with it, "" for nothing.
	mailFaults []string
	// idValues is how many values of the unique id hold more than blanks.
	idValues int
	classed  bool // the entry has UniqueIDClass
	place    uint64
	in6, in7 bool
	// match6 and match7 are what the lists know of the person, where in6 and in7
	// tell that they do.
	match6, match7 cs6.Match
}

// worker observes entries. Several work at once, each on its own, and what they
// found is put together when all entries have passed.
type worker struct {
	a      *Audit
	number int
	s      subject
	err    error // the first that kept something from being noted

	spool *spill.Log // holders, and references
	facts *spill.Log
	order *spill.Sorter // facts: factKey and place

	ids   *spill.Sorter // hash of a unique id, and the holder's place
	mails *spill.Sorter // hash of a mail address, and the holder's place
	dns   *spill.Sorter // hash of a DN: the entry's place, or marked, a reference's

	hash       hasher
	buf        []byte
	dn         []byte
	mails2     [][]byte // of the entry in hand that take part in the look for duplicates
	alternates [][]byte // of the entry in hand, further values of mail included

	counts         [ruleLimit][finding.Error + 1]int
	kinds          [directory.Domain + 1]int
	passed         int // entries, for Progress
	problems       int
	unnamed        bool // some problem may be about any name
	uses           map[string]*domainUse
	tooManyDomains bool
	domains        map[string]struct{} // that entries stand for
	account        Account
	watcher        Watcher  // nil where nobody watches
	seen6          []uint64 // bits: people of a list that an entry matched
	seen7          []uint64
}

func (a *Audit) newWorker(number int) *worker {
	w := &worker{
		a: a, number: number,
		spool: spill.NewLog(a.o.Tmp), facts: spill.NewLog(a.o.Tmp), order: spill.NewSorter(a.o.Tmp),
		ids: spill.NewSorter(a.o.Tmp), mails: spill.NewSorter(a.o.Tmp), dns: spill.NewSorter(a.o.Tmp),
		hash: hasher{seed: a.seed}, uses: map[string]*domainUse{}, domains: map[string]struct{}{},
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

// fail notes the first error; the audit ends with it.
func (w *worker) fail(err error) {
	if err != nil && w.err == nil {
		w.err = err
	}
}

// add notes a fact. Without a position of its own it is that of nothing.
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

// found notes a fact about the entry in hand.
func (w *worker) found(r ruleNumber, code byte, attr role, value, other []byte) {
	e := w.s.entry
	w.add(&fact{
		rule: r, code: code, kind: e.Kind, pos: e.Pos, file: e.File, line: e.Line,
		dns: [][]byte{e.DN}, attr: attr, value: value, other: other,
	})
}

// foundAll notes a fact about all values that an attribute of the entry in hand
// has.
func (w *worker) foundAll(r ruleNumber, code byte, attr role) {
	e := w.s.entry
	w.add(&fact{
		rule: r, code: code, kind: e.Kind, pos: e.Pos, file: e.File, line: e.Line,
		dns: [][]byte{e.DN}, attr: attr, values: w.s.values[attr],
	})
}

// observe is told of an entry or of a problem.
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
	w.kinds[e.Kind]++
	w.s.read(w.a, e)
	for _, observe := range w.a.observers[e.Kind] {
		observe(w, &w.s)
	}
}

// read sorts the values of an entry by role.
func (s *subject) read(a *Audit, e *directory.Entry) {
	s.entry, s.idValues, s.classed, s.place = e, 0, false, 0
	s.members = s.members[:0]
	for r := range s.values {
		s.values[r] = s.values[r][:0]
	}
	for _, v := range e.Values {
		first := a.firstRole[v.Attr]
		s.values[first] = append(s.values[first], v.Data)
		if a.fields.roles[v.Attr].has(roleMember) {
			s.members = append(s.members, v.Attr)
		}
		if more := a.fields.roles[v.Attr] &^ (1 << first); more != 0 {
			for r := range roleCount {
				if more.has(r) {
					s.values[r] = append(s.values[r], v.Data)
				}
			}
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

// filled returns whether a role has a value that is more than blanks.
func (s *subject) filled(r role) bool {
	for _, v := range s.values[r] {
		if !isBlank(v) {
			return true
		}
	}
	return false
}

// remember writes what a second look at the entry needs, and notes its hashes.
func (w *worker) remember(s *subject) {
	ids, mails := s.values[roleID][:0:0], w.mails2[:0]
	if w.a.runs(ruleDuplicate) || w.a.runs(ruleCollision) {
		ids = s.values[roleID]
	}
	if w.a.runs(ruleMailDuplicate) {
		for i, v := range s.values[roleMail] {
			if s.mailFaults[i] == "" {
				mails = append(mails, v)
			}
		}
		for _, v := range s.values[roleAlternate] {
			if addressFault(v) == "" {
				mails = append(mails, v)
			}
		}
	}
	w.mails2 = mails
	w.buf = appendHolder(w.buf[:0], s, ids, mails)
	at, err := w.spool.Append(w.buf)
	w.fail(err)
	s.place = w.placeOf(at)
	for _, v := range ids {
		if !isBlank(v) {
			w.fail(w.ids.Add(w.hash.fold(v), s.place))
		}
	}
	for _, v := range mails {
		w.fail(w.mails.Add(w.hash.fold(v), s.place))
	}
}

// rememberDN notes that there is an entry of that name.
func (w *worker) rememberDN(s *subject) {
	w.fail(w.dns.Add(w.hashDN(s.entry.DN), s.place))
}

func (w *worker) hashDN(dn []byte) uint64 {
	w.dn = appendDN(w.dn[:0], dn)
	return maphash.Bytes(w.a.seed, w.dn)
}

// listed asks the lists of people about the entry in hand.
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
		// Another record of the list may know the same person by the user id.
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

// problem notes what the source met and passed.
func (w *worker) problem(p *directory.Problem) {
	f := fact{pos: p.Pos, file: p.File, line: p.Line, other: []byte(p.Detail)}
	if p.DN != nil {
		f.dns = [][]byte{p.DN}
		if p.Kind != directory.Referral && w.a.needsDNs() {
			// There is something of that name, if nothing more can be said of it.
			w.fail(w.dns.Add(w.hashDN(p.DN), mark|unreadable))
		}
	} else {
		w.unnamed = true
	}
	switch p.Kind {
	case directory.BrokenRecord:
		f.rule = ruleRecordBroken
	case directory.ChangeRecord:
		f.rule = ruleChangeRecord
	case directory.Referral:
		f.rule = ruleReferral
		for i, url := range p.URLs {
			if i > 0 {
				f.value = append(f.value, ' ')
			}
			f.value = append(f.value, url...)
		}
	default:
		w.fail(fmt.Errorf("a problem of an unknown kind: %w", p))
		return
	}
	w.problems++
	w.add(&f)
}
