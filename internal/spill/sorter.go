package spill

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"iter"
	"math"
	"math/bits"
	"os"
	"slices"
	"sort"
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
	// writeBuffer is how many bytes of a run are written at a time.
	writeBuffer = 64 << 10
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
	if err := writePairs(s.f, at, s.pairs); err != nil {
		return err
	}
	s.runs = append(s.runs, at+int64(len(s.pairs))*pairSize)
	s.pairs, s.sorted = s.pairs[:0], true
	return nil
}

// writePairs writes pairs to a file, at an offset.
func writePairs(f *os.File, at int64, pairs []Pair) error {
	buf := make([]byte, 0, min(writeBuffer, len(pairs)*pairSize))
	for part := range slices.Chunk(pairs, writeBuffer/pairSize) {
		buf = buf[:0]
		for _, p := range part {
			buf = binary.LittleEndian.AppendUint64(buf, p.Key)
			buf = binary.LittleEndian.AppendUint64(buf, p.Ref)
		}
		if _, err := f.WriteAt(buf, at); err != nil {
			return fmt.Errorf("temporary file: %w", err)
		}
		at += int64(len(buf))
	}
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
// Keys are mostly hashes, so that after a stable radix pass for each of the two highest
// bytes that vary, few pairs are out of place, and an insertion sort finishes the work.
// If it would take too long, a complete radix sort does: one pass for each byte, the
// lowest first. The pass is omitted for a byte that is the same in all pairs, and for
// all bytes of the Refs when these were added in order, as they mostly are.
func (s *Sorter) Sort() {
	if s.sorted {
		return
	}
	s.sorted = true
	if cap(s.scratch) < len(s.pairs) {
		s.scratch = make([]Pair, len(s.pairs))
	}
	high, varied := s.highBytes()
	for _, i := range high[:varied] {
		s.pass(i)
	}
	if !insertionSort(s.pairs) {
		s.radixSort()
	}
}

// highBytes returns the two highest bytes of the Keys that vary, the lower one first, as
// arguments of pass, and how many there are.
func (s *Sorter) highBytes() (high [2]int, n int) {
	var vary uint64
	for _, p := range s.pairs {
		vary |= p.Key ^ s.pairs[0].Key
	}
	if vary == 0 {
		return high, 0
	}
	first := (bits.Len64(vary) - 1) / 8
	high[0] = 8 + first
	if vary &= 1<<(8*first) - 1; vary == 0 {
		return high, 1
	}
	return [2]int{8 + (bits.Len64(vary)-1)/8, 8 + first}, 2
}

// insertionSort sorts pairs that are nearly sorted. It returns false if they are not, and
// leaves them in any order.
func insertionSort(pairs []Pair) bool {
	moves := 8 * len(pairs)
	for i := 1; i < len(pairs); i++ {
		p := pairs[i]
		if !p.less(pairs[i-1]) {
			continue
		}
		k := i
		for ; k > 0 && p.less(pairs[k-1]); k-- {
			pairs[k] = pairs[k-1]
			moves--
		}
		pairs[k] = p
		if moves < 0 {
			return false
		}
	}
	return true
}

// radixSort sorts the pairs, byte by byte.
func (s *Sorter) radixSort() {
	from := 0
	if slices.IsSortedFunc(s.pairs, func(p, q Pair) int { return cmp.Compare(p.Ref, q.Ref) }) {
		from = 8
	}
	for i := from; i < pairSize; i++ {
		s.pass(i)
	}
}

// pass moves the pairs into the order of one of their bytes, the lowest of the Ref being
// byte 0 and that of the Key byte 8. Pairs with the same byte keep their order.
func (s *Sorter) pass(i int) {
	shift := 8 * (i % 8)
	var counts [256]uint32
	if i < 8 {
		for _, p := range s.pairs {
			counts[byte(p.Ref>>shift)]++
		}
	} else {
		for _, p := range s.pairs {
			counts[byte(p.Key>>shift)]++
		}
	}
	if !spread(&counts, len(s.pairs)) {
		return
	}
	from, to := s.pairs, s.scratch[:len(s.pairs)]
	for _, p := range from {
		v := p.Ref
		if i >= 8 {
			v = p.Key
		}
		at := &counts[byte(v>>shift)]
		to[*at] = p
		*at++
	}
	s.pairs, s.scratch = to, from
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
	return SortedRange(0, math.MaxUint64, sorters...)
}

// SortedRange is like Sorted for the pairs with Keys from low to high, and reads hardly
// anything else.
func SortedRange(low, high uint64, sorters ...*Sorter) iter.Seq2[Pair, error] {
	return func(yield func(Pair, error) bool) {
		var h heap
		for _, s := range sorters {
			s.Sort()
			from := int64(0)
			for i := range len(s.runs) + 1 {
				r := &run{pairs: s.pairs}
				if i < len(s.runs) {
					r = &run{f: s.f, at: from, end: s.runs[i]}
					from = s.runs[i]
				}
				if low > 0 {
					r.seek(low)
				}
				h.add(r)
			}
		}
		for len(h) > 0 {
			p, r := h[0].Pair, h[0].run
			if r.err != nil {
				yield(Pair{}, r.err)
				return
			}
			h.settle()
			if p.Key > high || !yield(p, nil) {
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

// take returns the next pair. It returns false at the end of the run, and the least of
// all pairs if r.err was set.
func (r *run) take() (Pair, bool) {
	if r.err != nil {
		return Pair{}, true
	}
	if r.next == len(r.pairs) {
		if r.at == r.end {
			return Pair{}, false
		}
		if r.fill(); r.err != nil {
			return Pair{}, true
		}
	}
	p := r.pairs[r.next]
	r.next++
	return p, true
}

// seek skips the pairs with a Key below low.
func (r *run) seek(low uint64) {
	if r.f == nil {
		r.next = sort.Search(len(r.pairs), func(i int) bool { return r.pairs[i].Key >= low })
		return
	}
	r.at += pairSize * int64(sort.Search(int((r.end-r.at)/pairSize), func(i int) bool {
		var key [8]byte
		if _, err := r.f.ReadAt(key[:], r.at+pairSize*int64(i)); err != nil {
			r.err = fmt.Errorf("temporary file: %w", noEOF(err))
		}
		return binary.LittleEndian.Uint64(key[:]) >= low
	}))
}

// fill reads the next pairs of a run that has more.
func (r *run) fill() {
	if r.buf == nil {
		r.buf = make([]byte, min(readAhead, r.end-r.at))
		r.pairs = make([]Pair, len(r.buf)/pairSize)
	}
	b := r.buf[:min(int64(len(r.buf)), r.end-r.at)]
	if _, err := r.f.ReadAt(b, r.at); err != nil {
		r.err = fmt.Errorf("temporary file: %w", noEOF(err))
		return
	}
	r.at += int64(len(b))
	r.pairs, r.next = r.pairs[:0], 0
	for ; len(b) >= pairSize; b = b[pairSize:] {
		r.pairs = append(r.pairs, Pair{binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[8:])})
	}
}

// heap is a binary heap of the runs that have a next pair, the least first.
type heap []head

// head is the next pair of a run, which was taken from it.
type head struct {
	Pair
	run *run
}

func (h *heap) add(r *run) {
	p, ok := r.take()
	if !ok {
		return
	}
	*h = append(*h, head{p, r})
	for i := len(*h) - 1; i > 0; {
		up := (i - 1) / 2
		if !(*h)[i].less((*h)[up].Pair) {
			return
		}
		(*h)[i], (*h)[up] = (*h)[up], (*h)[i]
		i = up
	}
}

// settle replaces the first pair by the next one of its run, and restores the order of
// the heap.
func (h *heap) settle() {
	a := *h
	top := a[0]
	p, ok := top.run.take()
	if top.Pair = p; !ok {
		top = a[len(a)-1]
		a = a[:len(a)-1]
		if *h = a; len(a) == 0 {
			return
		}
	}
	i := 0
	for {
		least := 2*i + 1
		if least >= len(a) {
			break
		}
		if least+1 < len(a) && a[least+1].less(a[least].Pair) {
			least++
		}
		if !a[least].less(top.Pair) {
			break
		}
		a[i] = a[least]
		i = least
	}
	a[i] = top
}
