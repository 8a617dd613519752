package calobj_test

import (
	"io"
	"strings"
	"testing"

	"github.com/davadmin/davadmin/internal/icaltest"
	"github.com/davadmin/davadmin/pkg/calobj"
	"github.com/davadmin/davadmin/pkg/ical"
	"github.com/davadmin/davadmin/pkg/recur"
)

// typicalObjects returns the texts of the objects of a calendar with 37,000 events, 5 % of them
// recurring, and their length in all.
func typicalObjects(b *testing.B) (texts [][]byte, size int64) {
	b.Helper()
	r, w := io.Pipe()
	go func() {
		_, err := icaltest.Write(w, icaltest.Typical(1, 37_000))
		_ = w.CloseWithError(err)
	}()
	s, err := calobj.Split(b.Context(), ical.NewReader(r, ical.Options{Lenient: true}), calobj.SplitOptions{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	for item, err := range s.Items(b.Context()) {
		if err != nil || item.Err != nil {
			b.Fatal(err, item)
		}
		texts = append(texts, item.Object.Text())
		size += int64(len(item.Object.Text()))
	}
	return texts, size
}

// BenchmarkParse turns texts into checked objects with spans and ETags, on one core.
func BenchmarkParse(b *testing.B) {
	texts, size := typicalObjects(b)
	b.SetBytes(size)
	b.ReportAllocs()
	zones := recur.NewZones()
	for b.Loop() {
		for _, text := range texts {
			o, err := calobj.Parse(text, calobj.Options{Zones: zones})
			if err != nil || o.ETag() == "" {
				b.Fatal(err)
			}
		}
	}
}

// BenchmarkSplit divides a file into objects.
func BenchmarkSplit(b *testing.B) {
	file, _ := icaltest.Text(icaltest.Typical(1, 37_000))
	b.SetBytes(int64(len(file)))
	zones := recur.NewZones()
	for b.Loop() {
		s, err := calobj.Split(b.Context(), ical.NewReader(strings.NewReader(file), ical.Options{Lenient: true}), calobj.SplitOptions{Dir: b.TempDir(), Zones: zones})
		if err != nil {
			b.Fatal(err)
		}
		for item, err := range s.Items(b.Context()) {
			if err != nil || item.Err != nil {
				b.Fatal(err, item)
			}
		}
		_ = s.Close()
	}
}
