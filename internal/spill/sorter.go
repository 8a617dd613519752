package spill

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"iter"
	"os"
)

// Pair is what a Sorter sorts: by Key, and pairs of one key by Ref.
type Pair struct{ Key, Ref uint64 }

func (p Pair) less(q Pair) bool { return p.Key < q.Key || p.Key == q.Key && p.Ref < q.Ref }

const (
	pairSize = 16
	// room is how many pairs are held in memory, in 4 MiB.
	room = 256 << 10
	// readAhead is how much of each run is held while runs are merged.
	readAhead = 32 << 10
)

// Sorter sorts any number of pairs. What does not fit in memory is written to a
// file in sorted runs. It must not be used by several goroutines at once.
type Sorter struct {
	dir     string
	room    int
	pairs   []Pair
	scratch []Pair
	f       *os.File
	runs    []int64 // where each run ends
	sorted  bool    // pairs are
	count   int
}

// NewSorter returns an empty sorter whose file is made in dir when it is needed.
func NewSorter(dir string) *Sorter { return &Sorter{dir: dir, room: room} }

// Add adds a pair.
func (s *Sorter) Add(key, ref uint64) error {
	if len(s.pairs) == s.room {
		if err := s.spill(); err != nil {
			return err
		}
	}
	s.pairs = append(s.pairs, Pair{key, ref})
	s.sorted = false
	s.count++
	return nil
}

// Len returns how many pairs were added.
func (s *Sorter) Len() int { return s.count }

// spill writes the pairs in memory as a sorted run.
func (s *Sorter) spill() error {
	s.Sort()
	if s.f == nil {
		f, err := create(s.dir)
		if err != nil {
			return err
		}
		s.f = f
	}
	at := s.end()
	w := bufio.NewWriterSize(io.NewOffsetWriter(s.f, at), 64<<10)
	var b [pairSize]byte
	for _, p := range s.pairs {
		binary.LittleEndian.PutUint64(b[:8], p.Key)
		binary.LittleEndian.PutUint64(b[8:], p.Ref)
		if _, err := w.Write(b[:]); err != nil {
			return fmt.Errorf("temporary file: %w", err)
		}
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("temporary file: %w", err)
	}
	s.runs = append(s.runs, at+int64(len(s.pairs))*pairSize)
	s.pairs, s.sorted = s.pairs[:0], true
	return nil
}

func (s *Sorter) end() int64 {
	if len(s.runs) == 0 {
		return 0
	}
	return s.runs[len(s.runs)-1]
}

// Sort sorts what is held in memory, for Sorted, which does it otherwise. Several
// goroutines may read sorters that are sorted.
//
// It goes octet by octet from the lowest, each pass keeping the order of the one before.
// An octet that all pairs share takes none, nor do the Refs when they were added
// in order, as they mostly are.
func (s *Sorter) Sort() {
	if s.sorted {
		return
	}
	s.sorted = true
	var counts [pairSize][256]uint32
	last, rising := uint64(0), true
	for _, p := range s.pairs {
		rising = rising && p.Ref >= last
		last = p.Ref
		for i := range 8 {
			counts[i][byte(p.Ref>>(8*i))]++
			counts[8+i][byte(p.Key>>(8*i))]++
		}
	}
	if cap(s.scratch) < len(s.pairs) {
		s.scratch = make([]Pair, len(s.pairs))
	}
	from, to := s.pairs, s.scratch[:len(s.pairs)]
	for i := range pairSize {
		if i < 8 && rising || !spread(&counts[i], len(from)) {
			continue
		}
		shift := 8 * (i % 8)
		for _, p := range from {
			v := p.Ref
			if i >= 8 {
				v = p.Key
			}
			at := &counts[i][byte(v>>shift)]
			to[*at] = p
			*at++
		}
		from, to = to, from
	}
	s.pairs, s.scratch = from, to
}

// spread turns counts into places, and reports whether there is more than one
// kind of octet.
func spread(counts *[256]uint32, n int) bool {
	at := uint32(0)
	for i, c := range counts {
		if int(c) == n {
			return false
		}
		counts[i] = at
		at += c
	}
	return true
}

// Close gives the memory and the file back. The sorter is empty then.
func (s *Sorter) Close() error {
	f := s.f
	*s = Sorter{dir: s.dir, room: s.room}
	if f == nil {
		return nil
	}
	return f.Close()
}

// Sorted yields the pairs of all sorters, in order. The sorters can be merged
// again, and added to when the iteration is over. An error is the last word.
func Sorted(sorters ...*Sorter) iter.Seq2[Pair, error] {
	return func(yield func(Pair, error) bool) {
		var h heap
		for _, s := range sorters {
			s.Sort()
			h.add(&run{pairs: s.pairs})
			from := int64(0)
			for _, to := range s.runs {
				h.add(&run{f: s.f, at: from, end: to})
				from = to
			}
		}
		for len(h) > 0 {
			r := h[0]
			if r.err != nil {
				yield(Pair{}, r.err)
				return
			}
			p := r.pairs[r.next]
			r.next++
			h.settle()
			if !yield(p, nil) {
				return
			}
		}
	}
}

// run is a sorted run that is being read.
type run struct {
	pairs []Pair // read and not yet given
	next  int    // of pairs

	f       *os.File
	at, end int64
	buf     []byte
	err     error
}

// fill makes sure that there is a next pair, or an error; false at the end.
func (r *run) fill() bool {
	if r.next < len(r.pairs) {
		return true
	}
	if r.at == r.end {
		return false
	}
	if r.buf == nil {
		r.buf = make([]byte, min(readAhead, r.end-r.at))
		r.pairs = make([]Pair, len(r.buf)/pairSize)
	}
	b := r.buf[:min(int64(len(r.buf)), r.end-r.at)]
	if _, err := r.f.ReadAt(b, r.at); err != nil {
		r.err = fmt.Errorf("temporary file: %w", noEOF(err))
		return true
	}
	r.at += int64(len(b))
	r.pairs, r.next = r.pairs[:0], 0
	for i := 0; i < len(b); i += pairSize {
		r.pairs = append(r.pairs, Pair{binary.LittleEndian.Uint64(b[i:]), binary.LittleEndian.Uint64(b[i+8:])})
	}
	return true
}

func (r *run) less(o *run) bool {
	if r.err != nil || o.err != nil {
		return r.err != nil
	}
	return r.pairs[r.next].less(o.pairs[o.next])
}

// heap holds the runs that have a next pair, the least first.
type heap []*run

func (h *heap) add(r *run) {
	if !r.fill() {
		return
	}
	*h = append(*h, r)
	for i := len(*h) - 1; i > 0; {
		up := (i - 1) / 2
		if !(*h)[i].less((*h)[up]) {
			return
		}
		(*h)[i], (*h)[up] = (*h)[up], (*h)[i]
		i = up
	}
}

// settle finds the place of the first run, whose next pair was taken.
func (h *heap) settle() {
	a := *h
	if !a[0].fill() {
		a[0] = a[len(a)-1]
		a = a[:len(a)-1]
		*h = a
	}
	for i := 0; ; {
		least := i
		for _, k := range []int{2*i + 1, 2*i + 2} {
			if k < len(a) && a[k].less(a[least]) {
				least = k
			}
		}
		if least == i {
			return
		}
		a[i], a[least] = a[least], a[i]
		i = least
	}
}
