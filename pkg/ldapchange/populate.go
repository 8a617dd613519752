package ldapchange

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/davadmin/davadmin/internal/spill"
	"github.com/davadmin/davadmin/pkg/cs6"
	"github.com/davadmin/davadmin/pkg/directory"
	"github.com/davadmin/davadmin/pkg/ldif"
)

// IDFormat is the format of a new unique id.
type IDFormat string

// The formats of unique ids. Each has 128 random bits.
const (
	FormatNSUniqueID IDFormat = "8-8-8-8" // as nsUniqueId: 426dfa81-3ec811e0-808bb160-e71a5247
	FormatUUID       IDFormat = "uuid"    // RFC 9562, version 4
)

// Population describes which entries are given an attribute, and which value.
type Population struct {
	Attribute string
	// Class is the object class that allows the attribute. It is added to entries that
	// do not have it; "" for none.
	Class string

	Value  string   // the value of all entries; "" for a new one in each
	From   string   // the attribute whose value is copied; "" for none
	Format IDFormat // of new values

	// Selections select the entries, as in a directory.Query; their Attributes and
	// Filter are set by Populate.
	Selections []directory.Selection
	Bases      []string
	Scope      directory.Scope
	Filter     string

	// People, if not nil, limits the selected entries to these people. UID, Mail and
	// Alternate are the attributes by which they are found.
	People               *cs6.UserSet
	UID, Mail, Alternate string

	// Prove is who is asked whether the attribute is really absent from the entries that
	// came without it; nil for files.
	Prove *directory.Prover

	// Skipped is called for each entry that is skipped, and, with an empty DN, for each
	// person without an entry. It may be nil.
	Skipped func(dn, why string)
	Tmp     string    // the directory for temporary files; "" is the system's
	Rand    io.Reader // nil means crypto/rand
}

// Populated is the result of Populate.
type Populated struct {
	Entries int // the entries selected
	Have    int // those that have a value
	Planned int // those that are given one
	Skipped int // those that need a value and are not given one, and people without an entry
	// Absence is what is known about the attributes that entries came without. If that of
	// the attribute is not proven, the plan may give a second value to entries whose value
	// is hidden from the bind DN.
	Absence []directory.AttributeAbsence
}

// Unproven returns what is known about an attribute whose absence is not proven, or nil.
func (p *Populated) Unproven(attribute string) *directory.AttributeAbsence {
	for i := range p.Absence {
		if a := &p.Absence[i]; strings.EqualFold(a.Attribute, attribute) && a.Result == directory.AbsenceNotProven {
			return a
		}
	}
	return nil
}

// ErrEmpty is returned when no entry is selected: an empty plan would suggest that
// everything is in order.
var ErrEmpty = errors.New("no entry was found")

// Populate reads a directory and writes a plan that gives the attribute to each
// selected entry that has no value, or only empty or blank ones. Values that are not
// the same for all are unique, regardless of letter case, among themselves and among
// the values of all entries read. The error is ErrEmpty, what kept the directory from
// being read to its end, a *directory.HiddenError if the server hides values that the
// plan depends on, or about the draft; then there is no plan.
func Populate(ctx context.Context, src directory.Source, p Population) (*Draft, Populated, error) {
	if p.Rand == nil {
		p.Rand = rand.Reader
	}
	w := &populating{Population: p}
	defer w.close()
	if err := w.scan(ctx, src); err != nil {
		return nil, w.out, err
	}
	if w.out.Entries == 0 {
		return nil, w.out, ErrEmpty
	}
	if err := w.prove(ctx); err != nil {
		return nil, w.out, err
	}
	var err error
	if w.draft, err = NewDraft(p.Tmp); err != nil {
		return nil, w.out, err
	}
	if err := w.plan(ctx); err != nil {
		return nil, w.out, errors.Join(err, w.draft.Close())
	}
	return w.draft, w.out, nil
}

// populating is the state of Populate.
type populating struct {
	Population
	out     Populated
	draft   *Draft
	log     *spill.Log            // candidates
	offsets []int64               // of the candidates in log
	taken   map[[16]byte]struct{} // hashes of the folded values in use
	matches map[int]int           // the number of entries found for each person of the list
	absence *directory.Absence    // nil for files
	names   []string              // the attributes of the query
	at      struct{ class, attribute, from, conflict, uid, mail, alternate int }
}

func (w *populating) close() {
	if w.log != nil {
		_ = w.log.Close()
	}
}

func (w *populating) reset() {
	w.close()
	w.out, w.log, w.offsets = Populated{}, spill.NewLog(w.Tmp), nil
	w.taken, w.matches = map[[16]byte]struct{}{}, map[int]int{}
	if w.Prove != nil {
		w.absence = directory.NewAbsence(w.names, w.Prove.Contexts)
	}
}

// query returns a query for the selected entries and, if values must be unique, for
// the values of all other entries.
func (w *populating) query() directory.Query {
	q := directory.Query{Bases: w.Bases, Scope: w.Scope, Filter: w.Filter, Selections: slices.Clone(w.Selections)}
	indexOf := func(name string) int {
		if name == "" {
			return -1
		}
		for i, have := range q.Attributes {
			if strings.EqualFold(have, name) {
				return i
			}
		}
		q.Attributes = append(q.Attributes, name)
		return len(q.Attributes) - 1
	}
	w.at.class, w.at.attribute, w.at.from = indexOf("objectClass"), indexOf(w.Attribute), indexOf(w.From)
	w.at.conflict = indexOf(directory.ConflictAttribute)
	if w.People != nil {
		w.at.uid, w.at.mail, w.at.alternate = indexOf(w.UID), indexOf(w.Mail), indexOf(w.Alternate)
	}
	for i := range q.Selections {
		q.Selections[i].Attributes = 1<<len(q.Attributes) - 1
	}
	w.names = q.Attributes
	if w.Value == "" {
		q.Selections = append(q.Selections, directory.Selection{Kind: directory.Other, Any: true, Attributes: 1 << w.at.attribute})
	}
	return q
}

// scan reads all entries. A record that cannot be read may contain any value, so it
// ends the scan with an error, as a lost connection does.
func (w *populating) scan(ctx context.Context, src directory.Source) error {
	q := w.query()
	w.reset()
	return directory.Read(ctx, src, q, directory.Handlers{
		Entry: w.entry,
		Problem: func(p *directory.Problem) error {
			switch {
			case p.Kind == directory.ChangeRecord && !p.Addition:
				return nil
			case p.Kind == directory.InvalidDN:
				return w.entryOf(p.Entry, p.Detail)
			}
			return fmt.Errorf("%s: %w; no plan was made, because what was not read may contain any value", src.Name(), p)
		},
		Restart: func(*directory.RestartError) error {
			w.reset()
			return nil
		},
	})
}

// candidate is an entry that is to be given a value.
type candidate struct {
	dn      []byte
	classed bool     // it has Class
	blank   [][]byte // its empty or blank values
	from    []byte
	person  int    // the number in People, -1 for none
	why     string // why it is not given one; "" if it is
}

func (w *populating) entry(e *directory.Entry) error {
	why := ""
	if directory.IsConflictDN(e.DN) {
		why = conflictEntry
	}
	return w.entryOf(e, why)
}

const conflictEntry = "it is a replication conflict entry"

// entryOf notes an entry. why is why it is not given a value, "" if it may be.
func (w *populating) entryOf(e *directory.Entry, why string) error {
	c := candidate{dn: e.DN, person: -1, why: why}
	var who cs6.Entry
	var seen uint64
	have := 0
	for _, v := range e.Values {
		seen |= 1 << v.Attr
		switch v.Attr {
		case w.at.attribute:
			if len(strings.TrimSpace(string(v.Data))) == 0 {
				c.blank = append(c.blank, v.Data)
			} else {
				have++
				w.take(v.Data)
			}
		case w.at.class:
			c.classed = c.classed || strings.EqualFold(string(v.Data), w.Class)
		case w.at.conflict:
			c.why = conflictEntry
		}
		if v.Attr == w.at.from && c.from == nil {
			c.from = v.Data
		}
		if w.People != nil {
			w.name(&who, v)
		}
	}
	if e.Kind == directory.Other {
		w.note(e, seen, 0)
		return nil
	}
	if c.why == conflictEntry && have > 0 {
		return nil // nobody is found by a conflict entry
	}
	if w.People != nil {
		m, ok := w.People.Find(who)
		if !ok {
			w.note(e, seen, w.lookups())
			return nil
		}
		if c.person = m.Number; c.why != conflictEntry {
			w.matches[m.Number]++
		}
	}
	w.note(e, seen, w.lookups()|w.bit(w.at.attribute)|w.bit(w.at.from))
	w.out.Entries++
	if have > 0 {
		w.out.Have++
		return nil
	}
	at, err := w.log.Append(c.encode())
	w.offsets = append(w.offsets, at)
	return err
}

// note records which attributes an entry has, and which of those that matter it came
// without.
func (w *populating) note(e *directory.Entry, seen, needed uint64) {
	if w.absence != nil {
		w.absence.Note(e.DN, seen, needed&^seen)
	}
}

// lookups returns the bit set of the attributes by which people are found.
func (w *populating) lookups() uint64 {
	if w.People == nil {
		return 0
	}
	return w.bit(w.at.uid) | w.bit(w.at.mail) | w.bit(w.at.alternate)
}

func (w *populating) bit(attribute int) uint64 {
	if attribute < 0 {
		return 0
	}
	return 1 << attribute
}

// prove finds out whether attributes that entries came without are absent or hidden.
func (w *populating) prove(ctx context.Context) (err error) {
	if w.absence == nil {
		return nil
	}
	if w.out.Absence, err = w.absence.Ask(ctx, w.Prove); err != nil {
		return err
	}
	if hidden := directory.FirstHidden(w.out.Absence); hidden != nil {
		return hidden
	}
	return nil
}

// name adds a value by which a person is found.
func (w *populating) name(who *cs6.Entry, v directory.Value) {
	switch v.Attr {
	case w.at.uid:
		if who.UID == nil {
			who.UID = v.Data
		}
	case w.at.mail:
		if who.Mail == nil {
			who.Mail = v.Data
			return
		}
		who.Alternates = append(who.Alternates, v.Data)
	case w.at.alternate:
		who.Alternates = append(who.Alternates, v.Data)
	}
}

// take marks a value as used. It returns false if a value that a directory takes for
// the same was used already.
func (w *populating) take(v []byte) bool {
	sum := sha256.Sum256([]byte(like(v)))
	key := [16]byte(sum[:16])
	if _, ok := w.taken[key]; ok {
		return false
	}
	w.taken[key] = struct{}{}
	return true
}

// plan gives each candidate its value.
func (w *populating) plan(ctx context.Context) error {
	var buf []byte
	for _, at := range w.offsets {
		if err := ctx.Err(); err != nil {
			return ctx.Err()
		}
		var err error
		if buf, err = w.log.Read(buf[:0], at); err != nil {
			return err
		}
		c, err := decodeCandidate(buf)
		if err != nil {
			return err
		}
		value, why, err := w.valueFor(&c)
		if err != nil {
			return err
		}
		if why != "" {
			w.skip(string(c.dn), why)
			continue
		}
		r := w.record(&c, value)
		if err := w.draft.Add(&r); err != nil {
			return err
		}
		w.out.Planned++
	}
	return w.missing()
}

func (w *populating) skip(dn, why string) {
	w.out.Skipped++
	if w.Skipped != nil {
		w.Skipped(dn, why)
	}
}

// missing reports the people of the list for whom no entry was found.
func (w *populating) missing() error {
	if w.People == nil {
		return nil
	}
	for number, p := range w.People.All() {
		if w.matches[number] > 0 {
			continue
		}
		name := p.Address
		if name == "" {
			name = p.UID
		}
		w.skip("", fmt.Sprintf("%s:%d: no entry found for %s", p.File, p.Line, name))
	}
	return nil
}

// valueFor returns the value of a candidate, or why it is skipped.
func (w *populating) valueFor(c *candidate) (value []byte, why string, err error) {
	if c.why != "" {
		return nil, c.why, nil
	}
	if c.person >= 0 && w.matches[c.person] > 1 {
		return nil, fmt.Sprintf("%d entries match the same person of the list", w.matches[c.person]), nil
	}
	switch {
	case w.Value != "":
		return []byte(w.Value), "", nil
	case w.From != "" && len(strings.TrimSpace(string(c.from))) == 0:
		return nil, "the entry has no " + w.From + " to copy", nil
	case w.From != "":
		if !w.take(c.from) {
			return nil, fmt.Sprintf("its %s is already the %s of another entry (letter case is ignored)", w.From, w.Attribute), nil
		}
		return c.from, "", nil
	}
	for {
		if value, err = newID(w.Rand, w.Format); err != nil || w.take(value) {
			return value, "", err
		}
	}
}

// NewID returns a new unique id in a format, with 128 random bits from crypto/rand.
func NewID(format IDFormat) (string, error) {
	id, err := newID(rand.Reader, format)
	return string(id), err
}

// newID returns 128 random bits in a format; a UUID of version 4 has six fixed bits
// among them.
func newID(random io.Reader, format IDFormat) ([]byte, error) {
	var b [16]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return nil, fmt.Errorf("making a unique id: %w", err)
	}
	if format == FormatUUID {
		b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
		return fmt.Appendf(nil, "%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:]), nil
	}
	return fmt.Appendf(nil, "%x-%x-%x-%x", b[:4], b[4:8], b[8:12], b[12:]), nil
}

// record returns the change of a candidate.
func (w *populating) record(c *candidate, value []byte) Record {
	r := Record{DN: string(c.dn)}
	if w.Class != "" && !c.classed {
		class := [][]byte{[]byte(w.Class)}
		r.Changes = append(r.Changes, ldif.Modification{Op: ldif.OpAdd, Name: "objectClass", Values: class})
		r.Expect = append(r.Expect, Expectation{"objectClass", NeedLacks, class})
	}
	op, expect := ldif.OpAdd, Expectation{w.Attribute, NeedAbsent, nil}
	if len(c.blank) > 0 {
		op, expect = ldif.OpReplace, Expectation{w.Attribute, NeedAll, c.blank}
	}
	r.Changes = append(r.Changes, ldif.Modification{Op: op, Name: w.Attribute, Values: [][]byte{slices.Clone(value)}})
	r.Expect = append(r.Expect, expect)
	return r
}

func (c *candidate) encode() []byte {
	flags := byte(0)
	if c.classed {
		flags = 1
	}
	b := spill.AppendUint([]byte{flags}, uint64(c.person+1))
	b = spill.AppendText(spill.AppendText(b, c.dn), c.from)
	return spill.AppendList(spill.AppendText(b, []byte(c.why)), c.blank)
}

func decodeCandidate(b []byte) (candidate, error) {
	d := spill.NewDecoder(b)
	c := candidate{classed: d.Byte() == 1, person: d.Int() - 1, dn: d.Bytes(), from: d.Bytes(), why: string(d.Bytes()), blank: d.List()}
	return c, d.Err()
}
