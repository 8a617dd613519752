package spill

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/davadmin/davadmin/internal/seed"
)

// A decoder returns what was appended, whatever its kinds and order, and reports
// every record that was cut short.
func TestCodecRoundTrip(t *testing.T) {
	seed.Rapid(t)
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.SliceOfN(rapid.Byte(), 0, 300)
		kinds := rapid.SliceOfN(rapid.IntRange(0, 4), 0, 12).Draw(t, "kinds")
		var record []byte
		var reads []func(*Decoder) bool
		for _, kind := range kinds {
			switch kind {
			case 0:
				c := rapid.Byte().Draw(t, "byte")
				record = append(record, c)
				reads = append(reads, func(d *Decoder) bool { return d.Byte() == c })
			case 1:
				n := rapid.Uint64().Draw(t, "number")
				record = AppendUint(record, n)
				reads = append(reads, func(d *Decoder) bool { return d.Uint() == n })
			case 2:
				v := text.Draw(t, "text")
				record = AppendText(record, v)
				reads = append(reads, func(d *Decoder) bool { return bytes.Equal(d.Bytes(), v) })
			case 3:
				list := rapid.SliceOfN(text, 0, 5).Draw(t, "list")
				record = AppendList(record, list)
				reads = append(reads, func(d *Decoder) bool { return slices.EqualFunc(d.List(), list, bytes.Equal) })
			case 4:
				list := rapid.SliceOfN(rapid.String(), 0, 5).Draw(t, "strings")
				record = AppendList(record, list)
				reads = append(reads, func(d *Decoder) bool { return slices.Equal(d.Strings(), list) })
			}
		}
		d := NewDecoder(record)
		for i, read := range reads {
			if !read(&d) {
				t.Fatalf("item %d of kind %d is not what was appended", i, kinds[i])
			}
		}
		if d.Err() != nil || len(d.Rest()) > 0 {
			t.Fatalf("%v, and %d bytes left", d.Err(), len(d.Rest()))
		}
		if len(record) == 0 {
			return
		}
		short := NewDecoder(record[:rapid.IntRange(0, len(record)-1).Draw(t, "length")])
		for _, read := range reads {
			read(&short)
		}
		if !errors.Is(short.Err(), ErrDamaged) {
			t.Fatalf("a record that is cut short: %v", short.Err())
		}
	})
}

// No input makes a decoder panic or take memory out of proportion, and a fault stays.
func FuzzDecoder(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3}, []byte{})
	f.Add([]byte{4, 3}, AppendList(AppendUint(nil, 1<<63), []string{"a", "bc"}))
	f.Add([]byte{3}, bytes.Repeat([]byte{0xff}, 20))
	f.Fuzz(func(t *testing.T, kinds, record []byte) {
		d := NewDecoder(record)
		failed := false
		for _, kind := range kinds {
			left := len(d.Rest())
			zero := false
			switch kind % 6 {
			case 0:
				zero = d.Byte() == 0
			case 1:
				zero = d.Uint() == 0
			case 2:
				n := d.Int()
				if zero = n == 0; n < 0 {
					t.Fatalf("a negative number %d", n)
				}
			case 3:
				v := d.Bytes()
				if zero = v == nil; len(v) > left {
					t.Fatalf("%d bytes of %d", len(v), left)
				}
			case 4:
				list := d.List()
				if zero = len(list) == 0; len(list) > left {
					t.Fatalf("%d texts in %d bytes", len(list), left)
				}
			case 5:
				list := d.Strings()
				if zero = list == nil; len(list) > left {
					t.Fatalf("%d texts in %d bytes", len(list), left)
				}
			}
			if failed && (!zero || d.Err() == nil || d.Rest() != nil) {
				t.Fatal("a read after a fault returned something")
			}
			failed = d.Err() != nil
		}
	})
}

// Decoding texts and numbers allocates nothing.
func TestDecoderAllocatesNothing(t *testing.T) {
	record := AppendText(AppendUint(nil, 1<<40), "some text")
	if n := testing.AllocsPerRun(100, func() {
		d := NewDecoder(record)
		if d.Uint() != 1<<40 || len(d.Bytes()) != 9 || d.Err() != nil {
			t.Fatal("not what was appended")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkCodec(b *testing.B) {
	text := []byte("uid=a,ou=People,o=isp")
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf = AppendText(AppendUint(AppendUint(buf[:0], 1<<40), 3), text)
		d := NewDecoder(buf)
		if d.Uint() != 1<<40 || d.Uint() != 3 || len(d.Bytes()) != len(text) || d.Err() != nil {
			b.Fatal("not what was appended")
		}
	}
}
