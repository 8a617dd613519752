package ldif

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/davadmin/davadmin/internal/seed"
)

// checks sets the seed of rapid and the number of its checks for the test t.
func checks(t *testing.T, usual string) {
	t.Helper()
	seed.Rapid(t)
	if n := os.Getenv("DAVADMIN_SOAK_CHECKS"); n != "" {
		usual = n
	}
	f := flag.Lookup("rapid.checks")
	old := f.Value.String()
	if err := f.Value.Set(usual); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Value.Set(old) })
}

// oddParts are pieces of LDIF files, and pieces that make them invalid.
var oddParts = []string{
	"dn: o=a", "DN:: bz1h", "dn:", "\ndn: o=b\n", "dn;x: y", "version: 1\n", "# c", "#", "cn: a", "cn:b", "cn:", "cn:: YQ==", "cn:: YQ", "cn::",
	"cn;lang-de: a", "cn;: a", "cn;a b: c", ";a: b", ": a", "a b: c", "cn:  \t a ", "cn:< file:///x", "ü: a", "cn: ü\x00",
	"\n", "\n", "\n", "\r\n", "\r", "\n\n", "\r\n\r\n", "\r\r", "\n ", "\r\n ", "\n\t", "\n  ", " ", "\t", ":", "a", "-", "\x00", "\xff",
}

func oddFile() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		return rapid.SampledFrom([]string{"", "", "", "\ufeff"}).Draw(t, "mark") +
			strings.Join(rapid.SliceOfN(rapid.SampledFrom(oddParts), 0, 40).Draw(t, "parts"), "")
	})
}

// TestReadsAsTheSimpleReader compares Reader with the simple implementation, on
// files that are composed of odd parts.
func TestReadsAsTheSimpleReader(t *testing.T) {
	checks(t, "20000")
	good := 0
	rapid.Check(t, func(t *rapid.T) {
		file := oddFile().Draw(t, "file")
		size := rapid.SampledFrom([]int{1, 5, 64, pieceSize}).Draw(t, "size")
		got, err := readAll(t, newReader(strings.NewReader(file), Options{}, size))
		if !exactly(err, io.EOF) {
			t.Fatal(err)
		}
		for i, text := range got {
			switch {
			case strings.Contains(text, " broken "):
				got[i] = "broken"
			case strings.Contains(text, " cut "):
				got[i] = "cut"
			default:
				good++
			}
		}
		if diff := cmp.Diff(simpleRead(file), got); diff != "" {
			t.Fatalf("%q (-simple +ours):\n%s", file, diff)
		}
	})
	if good < 1000 {
		t.Errorf("only %d valid records in all files", good)
	}
}

func TestScanParallelReadsOddFilesTheSame(t *testing.T) {
	checks(t, "3000")
	rapid.Check(t, func(t *rapid.T) {
		file := oddFile().Draw(t, "file")
		o := Options{MaxEntry: rapid.SampledFrom([]int{0, 5, 20, 60}).Draw(t, "limit")}
		size := rapid.SampledFrom([]int{1, 5, 64, pieceSize}).Draw(t, "size")
		r := newReader(strings.NewReader(file), o, size)
		want, _ := readAll(t, r)
		got, sum, err := scanAll(t, strings.NewReader(file), o, 3, size)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Fatalf("%q: %v (-one +several):\n%s", file, err, diff)
		}
		if sum.Bytes != r.Bytes() || sum.Lines != r.Line()-1 || sum.Bytes != int64(len(file)) {
			t.Fatalf("%q: %+v, want %d bytes and %d lines", file, sum, r.Bytes(), r.Line()-1)
		}
	})
}

func names() *rapid.Generator[string] {
	return rapid.StringMatching(`([A-Za-z][A-Za-z0-9-]{0,8}|2\.5\.4\.[1-9][0-9]?)(;[a-z0-9-]{1,6}){0,2}`).
		Filter(func(s string) bool { return checkName(s) == nil })
}

func values() *rapid.Generator[[]byte] {
	plain := rapid.StringMatching(`[ -~]{0,200}`)
	return rapid.OneOf(
		rapid.SliceOfN(rapid.Byte(), 0, 200),
		rapid.Map(plain, func(s string) []byte { return []byte(s) }),
	)
}

// TestRoundTrip writes records of all kinds and reads them back.
func TestRoundTrip(t *testing.T) {
	checks(t, "3000")
	rapid.Check(t, func(t *rapid.T) {
		var file bytes.Buffer
		w := NewWriter(&file)
		var want []*Record
		for range rapid.IntRange(1, 5).Draw(t, "records") {
			if rapid.Bool().Draw(t, "comment") {
				if err := w.Comment(string(values().Draw(t, "text"))); err != nil {
					t.Fatal(err)
				}
			}
			rec := &Record{DN: values().Draw(t, "dn"), Kind: Kind(rapid.IntRange(0, 4).Draw(t, "kind"))}
			if err := writeDrawn(t, w, rec); err != nil {
				t.Fatal(err)
			}
			want = append(want, rec)
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		requireForm(t, file.Bytes())
		r := NewReader(bytes.NewReader(file.Bytes()), Options{})
		for _, rec := range want {
			got, err := r.Next()
			if err != nil {
				t.Fatalf("%q: %v", file.Bytes(), err)
			}
			rec.Line = got.Line
			if show(got) != show(rec) {
				t.Fatalf("%q\ngot  %s\nwant %s", file.Bytes(), show(got), show(rec))
			}
		}
		if _, err := r.Next(); !errors.Is(err, io.EOF) {
			t.Fatalf("%q: got %v after the last record, want io.EOF", file.Bytes(), err)
		}
	})
}

// writeDrawn fills rec with random content according to its kind and writes it.
func writeDrawn(t *rapid.T, w *Writer, rec *Record) error {
	dn := string(rec.DN)
	switch rec.Kind {
	case KindContent, KindAdd:
		var attrs []WriteAttribute
		for range rapid.IntRange(1, 5).Draw(t, "attributes") {
			a := WriteAttribute{Name: names().Draw(t, "name"), Values: rapid.SliceOfN(values(), 1, 3).Draw(t, "values")}
			attrs = append(attrs, a)
			name, options, some := bytes.Cut([]byte(a.Name), []byte{';'})
			if !some {
				options = nil
			}
			for _, v := range a.Values {
				rec.Attributes = append(rec.Attributes, Attribute{Name: name, Options: options, Value: v})
			}
		}
		if rec.Kind == KindAdd {
			return w.Add(dn, attrs)
		}
		return w.Entry(dn, attrs)
	case KindDelete:
		return w.Delete(dn)
	case KindModify:
		for range rapid.IntRange(0, 4).Draw(t, "changes") {
			c := Modification{Op: Op(rapid.IntRange(0, 3).Draw(t, "op")), Name: names().Draw(t, "name")}
			least, most := 0, 3
			if c.Op == OpAdd || c.Op == OpIncrement {
				least = 1
			}
			if c.Op == OpIncrement {
				most = 1
			}
			c.Values = rapid.SliceOfN(values(), least, most).Draw(t, "values")
			rec.Changes = append(rec.Changes, c)
		}
		return w.Modify(dn, rec.Changes)
	}
	rec.NewRDN = append([]byte("o="), values().Draw(t, "rdn")...)
	rec.DeleteOldRDN = rapid.Bool().Draw(t, "delete")
	superior := string(values().Draw(t, "superior"))
	if superior != "" {
		rec.NewSuperior = []byte(superior)
	}
	return w.ModDN(dn, string(rec.NewRDN), rec.DeleteOldRDN, superior)
}

// requireForm checks the strict form of a file written by a Writer.
func requireForm(t *rapid.T, file []byte) {
	text := string(file)
	if !strings.HasPrefix(text, "version: 1\n") || strings.HasPrefix(text, "version: 1\n\n") || !strings.HasSuffix(text, "\n") {
		t.Fatalf("%q", text)
	}
	for line := range strings.SplitSeq(text, "\n") {
		if strings.HasPrefix(line, "#") {
			continue
		}
		for _, c := range []byte(line) {
			if c < ' ' || c > '~' {
				t.Fatalf("%q in %q", c, line)
			}
		}
		if len(line) > width || strings.HasSuffix(line, " ") && !strings.HasPrefix(line, " ") && len(line) < width {
			t.Fatalf("%q", line)
		}
	}
}

func FuzzReader(f *testing.F) {
	f.Add([]byte(allForms()), uint16(64), uint16(0))
	for _, c := range readings {
		f.Add([]byte(c.file), uint16(1), uint16(0))
	}
	for _, c := range faults {
		f.Add([]byte(c.file), uint16(16), uint16(20))
	}
	f.Fuzz(func(t *testing.T, file []byte, size, limit uint16) {
		o := Options{MaxEntry: int(limit), MaxLine: int(limit)}
		r := newReader(bytes.NewReader(file), o, max(1, int(size)))
		line, offset, records := 0, int64(-1), 0
		for {
			rec, err := r.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			var bad *RecordError
			at, from := 0, int64(0)
			switch {
			case err == nil:
				at, from = rec.Line, rec.Offset
				_ = show(rec)
			case errors.As(err, &bad):
				at, from = bad.Line, bad.Offset
			default:
				t.Fatal(err)
			}
			if at <= line || from <= offset || at >= r.Line()+1 || from > r.Bytes() {
				t.Fatalf("line %d, offset %d after line %d, offset %d", at, from, line, offset)
			}
			line, offset = at, from
			if records++; records > len(file) {
				t.Fatal("more records than bytes")
			}
		}
		var lines lineCounter
		lines.add(file)
		if r.Bytes() != int64(len(file)) || r.Line() != lines.total()+1 {
			t.Fatalf("ended after %d of %d bytes on line %d of %d", r.Bytes(), len(file), r.Line(), lines.total()+1)
		}
		_, err := scanParallel(context.Background(), bytes.NewReader(file), o, 2, max(1, int(size)),
			func(int, *Record, *RecordError) error { return nil })
		if err != nil {
			t.Fatal(err)
		}
	})
}

func FuzzRoundTrip(f *testing.F) {
	f.Add("o=isp", "cn;lang-de", []byte("a"), []byte(" b\n"), "comment\rdn: o=b")
	f.Add("", "2.5.4.3", []byte{}, bytes.Repeat([]byte("long "), 40), "\u2028")
	f.Fuzz(func(t *testing.T, dn, name string, v1, v2 []byte, comment string) {
		var file bytes.Buffer
		w := NewWriter(&file)
		if err := w.Comment(comment); err != nil {
			t.Fatal(err)
		}
		attrs := []WriteAttribute{{Name: name, Values: [][]byte{v1, v2}}}
		if err := w.Entry(dn, attrs); err != nil {
			if !errors.Is(w.Flush(), err) || checkName(name) == nil {
				t.Fatal(err)
			}
			return
		}
		if err := errors.Join(w.Modify(dn, []Modification{{OpReplace, name, [][]byte{v1, v2}}}), w.Flush()); err != nil {
			t.Fatal(err)
		}
		r := NewReader(&file, Options{})
		rec, err := r.Next()
		if err != nil || string(rec.DN) != dn || len(rec.Attributes) != 2 || nameOf(rec.Attributes[0]) != name ||
			!bytes.Equal(rec.Attributes[0].Value, v1) || !bytes.Equal(rec.Attributes[1].Value, v2) {
			t.Fatalf("%+v, %v", rec, err)
		}
		rec, err = r.Next()
		if err != nil || len(rec.Changes) != 1 || rec.Changes[0].Name != name || len(rec.Changes[0].Values) != 2 ||
			!bytes.Equal(rec.Changes[0].Values[0], v1) || !bytes.Equal(rec.Changes[0].Values[1], v2) {
			t.Fatalf("%+v, %v", rec, err)
		}
		if _, err := r.Next(); !exactly(err, io.EOF) {
			t.Fatal(err)
		}
	})
}
