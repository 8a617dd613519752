package config

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/magiconair/properties"
)

// handwrittenFile returns a file like those that administrators write: with
// comments, blank lines and small families of keys.
func handwrittenFile(lines int) []byte {
	var b bytes.Buffer
	for i := range lines / 5 {
		fmt.Fprintf(&b, "# Setting %d of the server, see the manual\n#davcore.group%d.old=none\ndavcore.group%d.name = value %d\ndavcore.group%d.url: http://host:8080/dav?x=%d\n\n", i, i, i, i, i, i)
	}
	return b.Bytes()
}

// escapedFile returns a file in which each value contains an escape and spans two
// lines.
func escapedFile(n int) []byte {
	var b bytes.Buffer
	for i := range n {
		fmt.Fprintf(&b, "davcore.list%d=caf\\u00e9 %d,\\\n    C\\:\\\\dir\\\\%d\n", i, i, i)
	}
	return b.Bytes()
}

func BenchmarkParse(b *testing.B) {
	for _, c := range []struct {
		name string
		file []byte
	}{
		{"300lines", handwrittenFile(300)},
		{"36MB", numberedFile(1_000_000, "\n")},
		{"37MB-CRLF", numberedFile(1_000_000, "\r\n")},
		{"36MB-CR", numberedFile(1_000_000, "\r")},
		{"escapes", escapedFile(200_000)},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(len(c.file)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Parse(c.file); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkFirstGet measures the lookup of one key in one file.
func BenchmarkFirstGet(b *testing.B) {
	for _, c := range []struct {
		name, key string
		file      []byte
	}{
		{"300lines", "davcore.group7.name", handwrittenFile(300)},
		{"36MB", "davcore.acl.usr0500000", numberedFile(1_000_000, "\n")},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(len(c.file)))
			b.ReportAllocs()
			for b.Loop() {
				d, err := Parse(c.file)
				if err != nil {
					b.Fatal(err)
				}
				if _, ok := d.Get(c.key); !ok {
					b.Fatal("the key is missing")
				}
			}
		})
	}
}

// BenchmarkSetRender starts from a document that was parsed but has no index yet.
func BenchmarkSetRender(b *testing.B) {
	file := numberedFile(1_000_000, "\n")
	for _, c := range []struct{ name, key string }{
		{"known", "davcore.acl.usr0500000"},
		{"new", "davcore.acl.new"},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(len(file)))
			b.ReportAllocs()
			for b.Loop() {
				b.StopTimer()
				d, err := Parse(file)
				if err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
				d.Set(c.key, "changed")
				if _, err := d.Render(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkManyEdits shows how the cost grows with the number of edits.
func BenchmarkManyEdits(b *testing.B) {
	file := numberedFile(100_000, "\n")
	for _, c := range []struct {
		name, format string
		unset        bool
	}{
		{"known", "davcore.acl.usr%07d", false},
		{"new", "davcore.acl.new%07d", false},
		{"unset", "davcore.acl.usr%07d", true},
	} {
		for _, n := range []int{10, 100, 1000} {
			b.Run(fmt.Sprintf("%s-%d", c.name, n), func(b *testing.B) {
				for b.Loop() {
					d, err := Parse(file)
					if err != nil {
						b.Fatal(err)
					}
					for i := range n {
						apply(d, []edit{{key: fmt.Sprintf(c.format, i), value: "changed", unset: c.unset}})
					}
					if _, err := d.Render(); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func BenchmarkParseMagiconair(b *testing.B) {
	for _, c := range []struct {
		name string
		file []byte
	}{
		{"300lines", handwrittenFile(300)},
		{"3.6MB", numberedFile(100_000, "\n")},
		{"escapes", escapedFile(200_000)},
	} {
		b.Run(c.name, func(b *testing.B) {
			loader := properties.Loader{Encoding: properties.ISO_8859_1, DisableExpansion: true}
			b.SetBytes(int64(len(c.file)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := loader.LoadBytes(c.file); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
