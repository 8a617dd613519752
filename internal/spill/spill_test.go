package spill

import (
	"bytes"
	"cmp"
	"errors"
	"io/fs"
	"os"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/davadmin/davadmin/internal/seed"
)

func TestLogReturnsWhatWasAppended(t *testing.T) {
	seed.Rapid(t)
	rapid.Check(t, func(t *rapid.T) {
		l := NewLog("")
		defer l.Close()
		sizes := rapid.SliceOfN(rapid.SampledFrom([]int{0, 1, 127, 128, 510, 511, 512, 513, 5000, logBuffer - 10, logBuffer, 2 * logBuffer}), 0, 40).Draw(t, "sizes")
		var records [][]byte
		var offsets []int64
		for i, n := range sizes {
			record := bytes.Repeat([]byte{byte(i), byte(i >> 3)}, n)[:n]
			offset, err := l.Append(record)
			if err != nil {
				t.Fatal(err)
			}
			if i > 0 && offset <= offsets[i-1] {
				t.Fatalf("offset %d after %d", offset, offsets[i-1])
			}
			records, offsets = append(records, record), append(offsets, offset)
		}
		order := rapid.Permutation(offsets).Draw(t, "order")
		for _, offset := range order {
			got, err := l.Read([]byte("before:"), offset)
			if err != nil {
				t.Fatal(err)
			}
			want := append([]byte("before:"), records[slices.Index(offsets, offset)]...)
			if !bytes.Equal(got, want) {
				t.Fatalf("at %d: %d bytes, want %d", offset, len(got), len(want))
			}
		}
		if _, err := l.Read(nil, l.Size()); !errors.Is(err, ErrRecord) {
			t.Fatalf("at the end: %v", err)
		}
		if _, err := l.Read(nil, -1); !errors.Is(err, ErrRecord) {
			t.Fatalf("at a negative offset: %v", err)
		}
	})
}

// Several sorters that hold few pairs in memory return the same as sorting a slice.
func TestSortedMergesSorters(t *testing.T) {
	seed.Rapid(t)
	rapid.Check(t, func(t *rapid.T) {
		some := rapid.OneOf(rapid.Uint64(), rapid.Uint64Range(0, 3), rapid.SampledFrom([]uint64{1 << 63, 1<<56 | 1, 1<<64 - 1}))
		var want []Pair
		sorters := make([]*Sorter, rapid.IntRange(0, 3).Draw(t, "sorters"))
		for i := range sorters {
			s := NewSorter("")
			defer s.Close()
			s.limit = rapid.IntRange(1, 9).Draw(t, "limit")
			for range rapid.IntRange(0, 60).Draw(t, "pairs") {
				p := Pair{some.Draw(t, "key"), some.Draw(t, "ref")}
				if err := s.Add(p.Key, p.Ref); err != nil {
					t.Fatal(err)
				}
				want = append(want, p)
			}
			sorters[i] = s
		}
		slices.SortFunc(want, func(a, b Pair) int { return cmp.Or(cmp.Compare(a.Key, b.Key), cmp.Compare(a.Ref, b.Ref)) })
		for range 2 { // sorters can be merged more than once
			var got []Pair
			for p, err := range Sorted(sorters...) {
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, p)
			}
			if !slices.Equal(got, want) {
				t.Fatalf("got %v, want %v", got, want)
			}
		}
	})
}

// Keys of any distribution are sorted, also where the highest bytes say little.
func TestSortOfManyPairs(t *testing.T) {
	const count = 20_000
	for name, key := range map[string]func(uint64) uint64{
		"hashes":        func(i uint64) uint64 { return i * 0x9e3779b97f4a7c15 },
		"equal":         func(uint64) uint64 { return 7 },
		"rising":        func(i uint64) uint64 { return i },
		"falling":       func(i uint64) uint64 { return count - i },
		"one high byte": func(i uint64) uint64 { return i%3<<58 | i },
		"low bytes":     func(i uint64) uint64 { return i%2<<56 | i%3<<48 | i*0x9e3779b97f4a7c15>>20 },
	} {
		for _, refs := range []uint64{1, 0x9e3779b97f4a7c15} {
			s := NewSorter("")
			var want []Pair
			for i := range uint64(count) {
				p := Pair{key(i), i * refs}
				if err := s.Add(p.Key, p.Ref); err != nil {
					t.Fatal(err)
				}
				want = append(want, p)
			}
			slices.SortFunc(want, func(a, b Pair) int { return cmp.Or(cmp.Compare(a.Key, b.Key), cmp.Compare(a.Ref, b.Ref)) })
			if s.Sort(); !slices.Equal(s.pairs, want) {
				t.Errorf("%s, references × %d: not sorted", name, refs)
			}
		}
	}
}

// A run that cannot be read is an error, not an early end of the sequence.
func TestSortedReportsTruncatedRun(t *testing.T) {
	s := NewSorter("")
	defer s.Close()
	s.limit = 4
	for i := range uint64(10) {
		if err := s.Add(i, i); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.f.Truncate(20); err != nil {
		t.Fatal(err)
	}
	var last error
	for _, err := range Sorted(s) {
		last = err
	}
	if last == nil {
		t.Fatal("no error although pairs are missing")
	}
}

func TestFilesAreUnlinked(t *testing.T) {
	dir := t.TempDir()
	l, s := NewLog(dir), NewSorter(dir)
	s.limit = 1
	for i := range uint64(3) {
		if _, err := l.Append(make([]byte, logBuffer)); err != nil {
			t.Fatal(err)
		}
		if err := s.Add(i, i); err != nil {
			t.Fatal(err)
		}
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 0 {
		t.Fatalf("%v, %v", left, err)
	}
	if err := errors.Join(l.Close(), s.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := NewLog(dir + "/none").Append(make([]byte, 1)); err != nil {
		t.Fatalf("a small log needs no file: %v", err)
	}
	none := NewLog(dir + "/none")
	for range 3 {
		_, err = none.Append(make([]byte, logBuffer))
	}
	if !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("a directory that does not exist: %v", err)
	}
}

func BenchmarkSorter(b *testing.B) {
	const pairs = 1_000_000
	b.SetBytes(pairs * pairSize)
	for b.Loop() {
		s := NewSorter("")
		x := uint64(1)
		for i := range uint64(pairs) {
			x += 0x9e3779b97f4a7c15
			if err := s.Add((x^x>>29)*0xbf58476d1ce4e5b9, i); err != nil {
				b.Fatal(err)
			}
		}
		n := 0
		for _, err := range Sorted(s) {
			if err != nil {
				b.Fatal(err)
			}
			n++
		}
		if n != pairs {
			b.Fatal(n)
		}
		s.Close()
	}
}
