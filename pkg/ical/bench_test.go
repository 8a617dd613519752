package ical

import (
	"io"
	"strings"
	"testing"

	"github.com/davadmin/davadmin/internal/icaltest"
)

func BenchmarkParse(b *testing.B) {
	text, _ := icaltest.Text(icaltest.Typical(1, 37_000))
	o := Options{Limits: Limits{Properties: 1_000_000, Components: 100_000}}
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, problems, err := Parse(text, o); err != nil || problems != nil {
			b.Fatal(err, problems)
		}
	}
}

func BenchmarkReader(b *testing.B) {
	text, counts := icaltest.Text(icaltest.Typical(1, 37_000))
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		r, n := NewReader(strings.NewReader(text), Options{}), 0
		for {
			if _, err := r.Next(); err == io.EOF { //nolint:errorlint // io.EOF is never wrapped
				break
			} else if err != nil {
				b.Fatal(err)
			}
			n++
		}
		if n != counts.Events+counts.Zones {
			b.Fatal(n)
		}
	}
}

func BenchmarkAppendTo(b *testing.B) {
	text, _ := icaltest.Text(icaltest.Typical(1, 37_000))
	c, _, err := Parse(text, Options{Limits: Limits{Properties: 1_000_000, Components: 100_000}})
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(text)))
	var buffer []byte
	for b.Loop() {
		buffer = c.AppendTo(buffer[:0])
	}
	if string(buffer) != text {
		b.Fatal("the text differs")
	}
}
