package ldif

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

// showBroken returns a line for an invalid record.
func showBroken(bad *RecordError) string {
	word := "broken"
	if bad.Cut {
		word = "cut"
	}
	return fmt.Sprintf("%d %s %q: %s", bad.Line, word, bad.DN, bad.Detail)
}

// scanAll reads with ScanParallel and returns the records in the order of the file.
func scanAll(t failer, in io.Reader, o Options, workers, size int) ([]string, Summary, error) {
	t.Helper()
	type found struct {
		offset int64
		text   string
	}
	var mu sync.Mutex
	var all []found
	busy := make([]bool, workers)
	sum, err := scanParallel(context.Background(), in, o, workers, size, func(worker int, rec *Record, bad *RecordError) error {
		if busy[worker] {
			t.Error("concurrent calls with the same worker")
		}
		busy[worker] = true
		var f found
		if bad != nil {
			f = found{bad.Offset, showBroken(bad)}
		} else {
			f = found{rec.Offset, show(rec)}
		}
		mu.Lock()
		all = append(all, f)
		mu.Unlock()
		busy[worker] = false
		return nil
	})
	slices.SortStableFunc(all, func(a, b found) int { return int(a.offset - b.offset) })
	var texts []string
	for _, f := range all {
		texts = append(texts, f.text)
	}
	return texts, sum, err
}

func TestScanParallelReadsTheSame(t *testing.T) {
	for _, eol := range []string{"\n", "\r\n", "\r"} {
		file := strings.ReplaceAll(strings.Repeat(allForms(), 3)+"# end", "\n", eol)
		for _, o := range []Options{{}, {MaxEntry: 100}} {
			for _, size := range []int{1, 50, 4096, pieceSize} {
				r := newReader(strings.NewReader(file), o, size)
				want, _ := readAll(t, r)
				for _, workers := range []int{1, 2, 5} {
					got, sum, err := scanAll(t, strings.NewReader(file), o, workers, size)
					if diff := cmp.Diff(want, got); diff != "" || err != nil {
						t.Fatalf("%d workers, pieces of %d: %v (-want +got):\n%s", workers, size, err, diff)
					}
					if sum.Bytes != int64(len(file)) || sum.Bytes != r.Bytes() || sum.Lines != r.Line()-1 || sum.Search != r.Search() {
						t.Fatalf("%+v, want %d bytes, %d lines, %+v", sum, len(file), r.Line()-1, r.Search())
					}
				}
			}
		}
	}
}

func TestScanParallelStops(t *testing.T) {
	file := allForms()
	lost := errors.New("connection lost")
	for at := range len(file) {
		want, _ := readAll(t, newReader(io.MultiReader(strings.NewReader(file[:at]), iotest.ErrReader(lost)), Options{}, 64))
		got, _, err := scanAll(t, io.MultiReader(strings.NewReader(file[:at]), iotest.ErrReader(lost)), Options{}, 2, 64)
		if !exactly(err, lost) || !slices.Equal(got, want) {
			t.Fatalf("an error at offset %d: %v, %d of %d records", at, err, len(got), len(want))
		}
	}

	full := errors.New("enough")
	_, err := scanParallel(context.Background(), strings.NewReader(file), Options{}, 3, 64, func(int, *Record, *RecordError) error { return full })
	if !exactly(err, full) {
		t.Errorf("got the error %v, want that of the function", err)
	}

	ctx, cancel := context.WithCancel(context.Background())
	endless := io.MultiReader(strings.NewReader(file), endlessReader{})
	_, err = scanParallel(ctx, endless, Options{}, 2, 4096, func(int, *Record, *RecordError) error { cancel(); return nil })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got the error %v after the context was canceled", err)
	}
}

// endlessReader returns short records without end.
type endlessReader struct{}

func (endlessReader) Read(b []byte) (int, error) {
	return copy(b, bytes.Repeat([]byte("dn: o=a\n\n"), len(b)/9+1)), nil
}

// A panic of a worker is the error of the scan, which does not wait for other workers.
func TestScanParallelPanics(t *testing.T) {
	text := strings.Repeat("dn: cn=a\ncn: a\n\n", 1000)
	for _, workers := range []int{1, 3} {
		_, err := scanParallel(context.Background(), strings.NewReader(text), Options{}, workers, 64, func(int, *Record, *RecordError) error { panic("lost") })
		if err == nil || !strings.Contains(err.Error(), "internal error: lost") {
			t.Errorf("%d workers: %v", workers, err)
		}
	}
}
