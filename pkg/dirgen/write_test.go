package dirgen_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/davadmin/davadmin/pkg/dirgen"
	"github.com/davadmin/davadmin/pkg/ldif"
)

// The writer of pkg/ldif, which writes strict LDIF, must write the same bytes.
func TestLDIFMatchesStrictWriter(t *testing.T) {
	for schema := 1; schema <= 2; schema++ {
		d := directory(t, dirgen.Options{Entries: 3000, Domains: 30, Schema: schema, ForServer: true})
		got := write(t, d).ldif
		var want bytes.Buffer
		w := ldif.NewWriter(&want)
		r := ldif.NewReader(bytes.NewReader(got), ldif.Options{})
		for {
			rec, err := r.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			var attrs []ldif.WriteAttribute
			for _, a := range rec.Attributes {
				attrs = append(attrs, ldif.WriteAttribute{Name: string(a.Name), Values: [][]byte{a.Value}})
			}
			if err := w.Entry(string(rec.DN), attrs); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		form := strings.TrimPrefix(want.String(), "version: 1\n")
		if diff := cmp.Diff(form, string(got)); diff != "" {
			t.Errorf("schema %d: %.2000s", schema, diff)
		}
	}
}

// The sizes are those of the directory on which audits are measured.
func TestEntrySizesAreRealistic(t *testing.T) {
	const entries = 20000
	x := write(t, directory(t, dirgen.Options{Entries: entries}))
	if n := len(x.ldif) / entries; n < 640 || n > 690 {
		t.Errorf("%d bytes per entry", n)
	}
	if n := float64(bytes.Count(x.ldif, []byte("\n"))) / entries; n < 23.5 || n > 25 {
		t.Errorf("%.1f lines per entry", n)
	}
	for _, mark := range []string{"\n ", "\ncn:: ", "\ndn:: ", "\nuniqueMember:: ", "\nuniqueMember: UID=U"} {
		if !bytes.Contains(x.ldif, []byte(mark)) {
			t.Errorf("%q not found", mark)
		}
	}
	x.parse(t)
	kinds := x.counts()
	if kinds["group"] != entries/200 || kinds["resource"] != entries/200 {
		t.Errorf("the kinds are %v", kinds)
	}
	old, now := bytes.Count(x.cs6, []byte("\n")), bytes.Count(x.cs7, []byte("\n"))
	if d := now - 2*old; d < -2 || d > 2 {
		t.Errorf("%d users are on 6 and %d on 7", old, now)
	}
}

// full is a disk with space for some bytes.
type full struct{ room int }

var errFull = errors.New("no space left")

func (f *full) Write(b []byte) (int, error) {
	if f.room -= len(b); f.room < 0 {
		return 0, errFull
	}
	return len(b), nil
}

func TestWriteErrors(t *testing.T) {
	d := directory(t, dirgen.Options{Entries: 20000})
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	writes := map[string]func(context.Context, io.Writer) error{
		"ldif": d.WriteLDIF, "cs6": d.WriteCS6List, "cs7": d.WriteCS7List,
	}
	for name, write := range writes {
		size := &full{room: 1 << 30}
		if err := write(t.Context(), size); err != nil {
			t.Fatal(err)
		}
		// If one byte is missing, the last write fails, whatever the size of the others.
		if err := write(t.Context(), &full{room: 1<<30 - size.room - 1}); !errors.Is(err, errFull) {
			t.Errorf("%s: %v on a full disk", name, err)
		}
		if err := write(ended, io.Discard); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v after cancellation", name, err)
		}
	}
}

type counter struct{ n int64 }

func (c *counter) Write(b []byte) (int, error) {
	c.n += int64(len(b))
	return len(b), nil
}

func BenchmarkWriteLDIF(b *testing.B) {
	d := directory(b, dirgen.Options{Entries: 100_000})
	var c counter
	if err := d.WriteLDIF(b.Context(), &c); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(c.n)
	b.ReportAllocs()
	for b.Loop() {
		if err := d.WriteLDIF(b.Context(), io.Discard); err != nil {
			b.Fatal(err)
		}
	}
}
