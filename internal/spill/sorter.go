package spill

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"iter"
	"os"
)

// Pair is an item of a Sorter. Pairs are sorted by Key, and by Ref within a key.
type Pair struct{ Key, Ref uint64 }

func (p Pair) less(q Pair) bool { return p.Key < q.Key || p.Key == q.Key && p.Ref < q.Ref }

const (
	pairSize = 16
	// maxInMemory is how many pairs are held in memory, which takes 4 MiB.
	maxInMemory = 256 << 10
	// readAhead is how many bytes of each run are held while runs are merged.
	readAhead = 32 << 10
)

// Sorter sorts any number of pairs. Pairs that do not fit in memory are written to
// a file in sorted runs. It must not be used by several goroutines at once.
type Sorter struct {
	dir     string
	limit   int // the number of pairs held in memory
	pairs   []Pair
	scratch []Pair
	f       *os.File
	runs    []int64 // the offset of the end of each run
	sorted  bool    // whether pairs is sorted
	count   int
}

// NewSorter returns an empty sorter whose file is created in dir when it is needed.
func NewSorter(dir string) *Sorter { return &Sorter{dir: dir, limit: maxInMemory} }

// Add adds a pair.
func (s *Sorter) Add(key, ref uint64) error {
	if len(s.pairs) == s.limit {
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

// Sort sorts the pairs in memory. Sorted calls it if that has not been done. Once
// sorted, sorters may be read by several goroutines at once.
//
// It is a radix sort: one stable pass for each byte, the lowest first. The pass is
// omitted for a byte that is the same in all pairs, and for all bytes of the Refs
// when these were added in order, as they mostly are.
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

// spread turns counts into start positions. It returns false if all n bytes are
// equal; then counts is undefined.
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

// Close releases the memory and removes the file. The sorter is then empty and can
// be used again.
func (s *Sorter) Close() error {
	f := s.f
	*s = Sorter{dir: s.dir, limit: s.limit}
	if f == nil {
		return nil
	}
	return f.Close()
}

// Sorted yields the pairs of all sorters, in order. When the iteration is over, the
// sorters can be merged again and added to. An error ends the iteration.
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
	pairs []Pair // read and not all returned
	next  int    // the index of the next one to return

	f       *os.File
	at, end int64
	buf     []byte
	err     error
}

// fill makes sure that there is a next pair or an error. It returns false at the
// end of the run.
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

// heap is a binary heap of the runs that have a next pair, the least first.
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

// settle restores the order of the heap after a pair of the first run was taken.
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
