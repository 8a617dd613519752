package directory

import (
	"bytes"
	"cmp"
	"math/bits"
	"slices"
)

// Prover is who is asked whether an attribute that did not come with an entry is really
// absent. A server also returns an entry without the attribute if the bind DN may not
// read it.
type Prover struct {
	Viewer Viewer // the server, as the bind DN with which the entries were read
	BindDN string // "" for anonymous

	Second   Viewer // the server, as another bind DN; nil for none
	SecondDN string

	Contexts []string // the naming contexts of the server
}

// mostAsked is the number of entries of a naming context that are asked about one
// attribute. Of more entries without it, so many are chosen.
const mostAsked = 1000

// Limits on what is kept for a hostile server.
const (
	mostContexts = 100
	longestKept  = 8 << 10 // bytes of a DN
)

// Absence collects, while entries are read, which of some attributes they came without.
// When all entries were read, Ask finds out whether these attributes are absent or
// hidden. It must not be used by several goroutines at once.
//
// Its memory use is limited: of many entries, it keeps those whose DN has the lowest
// hash. So the entries are the same in each run, and mostly the same for several
// attributes, which saves questions.
type Absence struct {
	attributes []string
	contexts   []absenceContext
	only       string // the name of the only naming context, as the server writes it; "" if there are several
	folded     []byte // scratch
}

// absenceContext is what was seen in a naming context.
type absenceContext struct {
	name    []byte // normal form
	seen    uint64 // bit set of the attributes of which a value was seen
	samples []sample
}

// sample are some of the entries that came without an attribute.
type sample struct {
	count int // of all such entries
	kept  []keptDN
	bound uint64 // if full: a DN with this hash or a higher one is not kept
	full  bool
}

type keptDN struct {
	hash uint64
	dn   string
}

// NewAbsence returns an Absence for up to MaxAttributes attributes, which are numbered
// in this order. Entries outside the naming contexts form a context of their own.
func NewAbsence(attributes, contexts []string) *Absence {
	a := &Absence{attributes: attributes}
	for _, name := range contexts[:min(len(contexts), mostContexts)] {
		if normal, err := AppendNormalDN(nil, []byte(name)); err == nil {
			a.contexts = append(a.contexts, absenceContext{name: normal, samples: make([]sample, len(attributes))})
		}
	}
	if len(contexts) == 1 && len(a.contexts) == 1 {
		a.only = contexts[0]
	}
	// Of nested contexts, the inner one comes first. The last one has no name.
	slices.SortStableFunc(a.contexts, func(x, y absenceContext) int { return cmp.Compare(len(y.name), len(x.name)) })
	a.contexts = append(a.contexts, absenceContext{samples: make([]sample, len(attributes))})
	return a
}

// Note records an entry: the attributes of which it has a value, and those that it came
// without although they matter, as bit sets of their numbers.
func (a *Absence) Note(dn []byte, seen, lacking uint64) {
	c := a.contextOf(dn)
	c.seen |= seen
	if lacking == 0 {
		return
	}
	hash := hashDN(dn)
	for ; lacking != 0; lacking &= lacking - 1 {
		s := &c.samples[bits.TrailingZeros64(lacking)]
		s.count++
		if (!s.full || hash < s.bound) && len(dn) <= longestKept {
			s.keep(keptDN{hash, string(dn)})
		}
	}
}

// See records that values of the attributes, a bit set, were seen in a naming context.
func (a *Absence) See(context string, seen uint64) { a.contextOf([]byte(context)).seen |= seen }

// contextOf returns the naming context of an entry.
func (a *Absence) contextOf(dn []byte) *absenceContext {
	last := &a.contexts[len(a.contexts)-1]
	if len(a.contexts) == 1 {
		return last
	}
	// Most servers have one naming context, and write it alike in all DNs.
	if above, ok := cutSuffix(dn, a.only); ok && a.only != "" && !bytes.ContainsAny(above, `\"`) {
		return &a.contexts[0]
	}
	normal, err := AppendNormalDN(a.folded[:0], dn)
	if err != nil {
		return last
	}
	a.folded = normal
	for i := range a.contexts[:len(a.contexts)-1] {
		name := a.contexts[i].name
		at := len(normal) - len(name)
		if at >= 0 && bytes.Equal(normal[at:], name) && (at == 0 || normal[at-1] == ',') {
			return &a.contexts[i]
		}
	}
	return last
}

// keep adds an entry. When twice as many as needed were added, half of them go.
func (s *sample) keep(k keptDN) {
	s.kept = append(s.kept, k)
	if len(s.kept) == 2*mostAsked {
		s.trim()
	}
}

// trim reduces the entries to those that are asked about.
func (s *sample) trim() {
	slices.SortFunc(s.kept, func(x, y keptDN) int { return cmp.Or(cmp.Compare(x.hash, y.hash), cmp.Compare(x.dn, y.dn)) })
	if len(s.kept) >= mostAsked {
		clear(s.kept[mostAsked:])
		s.kept = s.kept[:mostAsked]
		s.full, s.bound = true, s.kept[mostAsked-1].hash
	}
}

// Merge adds what another Absence for the same attributes and contexts has collected.
func (a *Absence) Merge(b *Absence) {
	for i := range a.contexts {
		to, from := &a.contexts[i], &b.contexts[i]
		to.seen |= from.seen
		for k := range to.samples {
			s := &to.samples[k]
			s.count += from.samples[k].count
			s.kept = append(s.kept, from.samples[k].kept...)
			s.trim()
		}
	}
}

// hashDN returns a hash that is the same in each run (FNV-1a, and a final mix, because
// DNs of one subtree differ only at their beginning).
func hashDN(dn []byte) uint64 {
	h := uint64(14695981039346656037)
	for _, c := range dn {
		h = (h ^ uint64(c)) * 1099511628211
	}
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return h ^ h>>31
}
