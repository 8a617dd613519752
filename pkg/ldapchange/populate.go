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

// Form is how a new unique id is written.
type Form string

// The forms. Each has 128 random bits.
const (
	FormEights Form = "8-8-8-8" // as nsUniqueId: 426dfa81-3ec811e0-808bb160-e71a5247
	FormUUID   Form = "uuid"    // RFC 9562, version 4
)

// Population says who is to be given an attribute, and what value.
type Population struct {
	Attribute string
	// Class is the object class that allows the attribute, which entries without it are
	// given too; "" for none.
	Class string

	Value string // the same for everybody; "" for a new one each
	From  string // the attribute whose value is taken over; "" for none
	Form  Form   // of new values

	// Selections say which entries are meant, as in a directory.Query; their
	// Attributes and Filter are set by Populate.
	Selections []directory.Selection
	Bases      []string
	Scope      directory.Scope
	Filter     string

	// People are those who are given the attribute, of the entries selected; nil is
	// all. UID, Mail and Alternate are the attributes by which they are found.
	People               *cs6.UserSet
	UID, Mail, Alternate string

	// Left is told of each entry that is left out, and of people without an entry, with an
	// empty DN; it may be nil.
	Left func(dn, why string)
	Tmp  string
	Rand io.Reader // nil means crypto/rand
}

// Populated is what Populate found.
type Populated struct {
	Entries int // that were meant
	Have    int // that have a value
	Planned int
	LeftOut int // that need a value and are not given one, and people without an entry
}

// ErrEmpty is returned when no entry is meant: a plan made from that would say
// that all is well.
var ErrEmpty = errors.New("no entry was found")

// Populate reads a directory and writes a plan that gives the attribute to each
// entry that is meant and has none, or none but empty or blank values. Values that are not
// the same for all are never equal, in any letter case, to one that any entry has
// which was read, nor to one another. The error is what kept the directory from
// being read to its end, ErrEmpty, or about the draft; then there is no plan.
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
	var err error
	if w.draft, err = NewDraft(p.Tmp); err != nil {
		return nil, w.out, err
	}
	if err := w.plan(ctx); err != nil {
		return nil, w.out, errors.Join(err, w.draft.Close())
	}
	return w.draft, w.out, nil
}

// populating is the work of Populate.
type populating struct {
	Population
	out     Populated
	draft   *Draft
	log     *spill.Log // candidates
	places  []int64
	taken   map[[16]byte]struct{} // values that there are, folded
	matches map[int]int           // how many entries are a person of the list
	at      struct{ class, attribute, from, uid, mail, alternate int }
}

func (w *populating) close() {
	if w.log != nil {
		_ = w.log.Close()
	}
}

func (w *populating) reset() {
	w.close()
	w.out, w.log, w.places = Populated{}, spill.NewLog(w.Tmp), nil
	w.taken, w.matches = map[[16]byte]struct{}{}, map[int]int{}
}

// query asks for those who are meant, and for the value that any other entry has.
func (w *populating) query() directory.Query {
	q := directory.Query{Bases: w.Bases, Scope: w.Scope, Filter: w.Filter, Selections: slices.Clone(w.Selections)}
	place := func(name string) int {
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
	w.at.class, w.at.attribute, w.at.from = place("objectClass"), place(w.Attribute), place(w.From)
	if w.People != nil {
		w.at.uid, w.at.mail, w.at.alternate = place(w.UID), place(w.Mail), place(w.Alternate)
	}
	for i := range q.Selections {
		q.Selections[i].Attributes = 1<<len(q.Attributes) - 1
	}
	if w.Value == "" {
		q.Selections = append(q.Selections, directory.Selection{Kind: directory.Other, Any: true, Attributes: 1 << w.at.attribute})
	}
	return q
}

// scan reads everything. Records that cannot be read may hold any value, so that
// they end it as a lost connection does.
func (w *populating) scan(ctx context.Context, src directory.Source) error {
	q := w.query()
	w.reset()
	return directory.Read(ctx, src, q, directory.Handlers{
		Entry: w.entry,
		Problem: func(p *directory.Problem) error {
			if p.Kind == directory.ChangeRecord {
				return nil
			}
			return fmt.Errorf("%s: %w; what was not read may have any value, and no plan is made", src.Name(), p)
		},
		Restart: func(*directory.RestartError) error {
			w.reset()
			return nil
		},
	})
}

// candidate is an entry that is to be given a value.
type candidate struct {
	dn     []byte
	classy bool     // it has Class
	blank  [][]byte // values that hold nothing
	from   []byte
	person int // number in People
}

func (w *populating) entry(e *directory.Entry) error {
	c := candidate{dn: e.DN, person: -1}
	var who cs6.Entry
	have := 0
	for _, v := range e.Values {
		switch v.Attr {
		case w.at.attribute:
			if len(strings.TrimSpace(string(v.Data))) == 0 {
				c.blank = append(c.blank, v.Data)
			} else {
				have++
				w.take(v.Data)
			}
		case w.at.class:
			c.classy = c.classy || strings.EqualFold(string(v.Data), w.Class)
		}
		if v.Attr == w.at.from && c.from == nil {
			c.from = v.Data
		}
		if w.People != nil {
			w.name(&who, v)
		}
	}
	if e.Kind == directory.Other {
		return nil
	}
	if w.People != nil {
		m, ok := w.People.Find(who)
		if !ok {
			return nil
		}
		c.person = m.Number
		w.matches[m.Number]++
	}
	w.out.Entries++
	if have > 0 {
		w.out.Have++
		return nil
	}
	at, err := w.log.Append(c.encode())
	w.places = append(w.places, at)
	return err
}

// name notes a value by which a person is found.
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

// take notes a value that there is; false where there was one that a directory
// takes for the same.
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
	for _, at := range w.places {
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
			w.leave(string(c.dn), why)
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

func (w *populating) leave(dn, why string) {
	w.out.LeftOut++
	if w.Left != nil {
		w.Left(dn, why)
	}
}

// missing tells of people of the list who have no entry.
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
		w.leave("", fmt.Sprintf("%s:%d: no entry is that of %s", p.File, p.Line, name))
	}
	return nil
}

// valueFor returns the value of a candidate, or why it is given none.
func (w *populating) valueFor(c *candidate) (value []byte, why string, err error) {
	if c.person >= 0 && w.matches[c.person] > 1 {
		return nil, fmt.Sprintf("%d entries are one person of the list: it is not known which is meant", w.matches[c.person]), nil
	}
	switch {
	case w.Value != "":
		return []byte(w.Value), "", nil
	case w.From != "" && len(strings.TrimSpace(string(c.from))) == 0:
		return nil, "it has no " + w.From + " to take the value from", nil
	case w.From != "":
		if !w.take(c.from) {
			return nil, fmt.Sprintf("the %s that it has is the %s of another entry, but for letter case perhaps", w.From, w.Attribute), nil
		}
		return c.from, "", nil
	}
	for {
		if value, err = newID(w.Rand, w.Form); err != nil || w.take(value) {
			return value, "", err
		}
	}
}

// newID returns 128 random bits in a form, but for those that version 4 of a UUID
// fixes.
func newID(random io.Reader, form Form) ([]byte, error) {
	var b [16]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return nil, fmt.Errorf("making a unique id: %w", err)
	}
	if form == FormUUID {
		b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
		return fmt.Appendf(nil, "%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:]), nil
	}
	return fmt.Appendf(nil, "%x-%x-%x-%x", b[:4], b[4:8], b[8:12], b[12:]), nil
}

// record is the change of a candidate.
func (w *populating) record(c *candidate, value []byte) Record {
	r := Record{DN: string(c.dn)}
	if w.Class != "" && !c.classy {
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
	if c.classy {
		flags = 1
	}
	b := spill.AppendUint([]byte{flags}, uint64(c.person+1))
	b = spill.AppendText(spill.AppendText(b, c.dn), c.from)
	return spill.AppendList(b, c.blank)
}

func decodeCandidate(b []byte) (candidate, error) {
	d := spill.NewDecoder(b)
	c := candidate{classy: d.Byte() == 1, person: d.Int() - 1, dn: d.Bytes(), from: d.Bytes(), blank: d.List()}
	return c, d.Err()
}
