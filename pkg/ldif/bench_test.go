package ldif

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"testing"
)

// usersFile returns entries like those of a directory of calendar users, about 665
// bytes on 24 lines each, with a name in base64, a folded line and object classes.
func usersFile(size int, eol string) []byte {
	var b bytes.Buffer
	b.Grow(size + 4096)
	b.WriteString("version: 1\n")
	for i := 0; b.Len() < size; i++ {
		fmt.Fprintf(&b, "dn: uid=u%07d,ou=People,o=example.com,o=isp\n", i)
		for _, class := range []string{"top", "person", "organizationalPerson", "inetOrgPerson", "ipUser", "inetUser", "icsCalendarUser", "davEntity", "daventity"} {
			fmt.Fprintf(&b, "objectClass: %s\n", class)
		}
		fmt.Fprintf(&b, "uid: u%07d\nsn: Name%d\ngivenName: Given%d\n", i, i%5000, i%300)
		fmt.Fprintf(&b, "cn:: %s\n", base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "Gïven%d Näme%d", i%300, i%5000)))
		fmt.Fprintf(&b, "mail: given%d.name%d.u%07d@example.com\n", i%300, i%5000, i)
		fmt.Fprintf(&b, "mailAlternateAddress: u%07d@old.example.com\npreferredLanguage: en\n", i)
		fmt.Fprintf(&b, "description: a text that is long enough for its line to be folded in the mi\n ddle\n")
		fmt.Fprintf(&b, "davUniqueId: %08x-3ec811e0-808bb160-e71a5247\ndavStore: backend%d\n", i, i%3)
		b.WriteString("inetUserStatus: active\nicsStatus: active\n\n")
	}
	if eol != "\n" {
		return bytes.ReplaceAll(b.Bytes(), []byte("\n"), []byte(eol))
	}
	return b.Bytes()
}

const benchSize = 64 << 20

func BenchmarkReader(b *testing.B) {
	for _, c := range []struct{ name, eol string }{{"LF", "\n"}, {"CRLF", "\r\n"}, {"CR", "\r"}} {
		file := usersFile(benchSize, c.eol)
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(len(file)))
			b.ReportAllocs()
			for b.Loop() {
				r := NewReader(bytes.NewReader(file), Options{})
				for {
					_, err := r.Next()
					if errors.Is(err, io.EOF) {
						break
					}
					if err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}

func BenchmarkScanParallel(b *testing.B) {
	file := usersFile(benchSize, "\n")
	for _, workers := range []int{1, 2, 4} {
		b.Run(fmt.Sprint(workers), func(b *testing.B) {
			b.SetBytes(int64(len(file)))
			b.ReportAllocs()
			for b.Loop() {
				_, err := ScanParallel(context.Background(), bytes.NewReader(file), Options{}, workers,
					func(_ int, _ *Record, bad *RecordError) error {
						if bad != nil {
							return bad
						}
						return nil
					})
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkWriter(b *testing.B) {
	attrs := []WriteAttribute{
		{Name: "objectClass", Values: [][]byte{[]byte("top"), []byte("person"), []byte("davEntity")}},
		{Name: "cn", Values: [][]byte{[]byte("Gïven Näme")}},
		{Name: "description", Values: [][]byte{bytes.Repeat([]byte("words "), 30)[:170]}},
		{Name: "davUniqueId", Values: [][]byte{[]byte("426dfa81-3ec811e0-808bb160-e71a5247")}},
	}
	b.SetBytes(360)
	b.ReportAllocs()
	w := NewWriter(io.Discard)
	for b.Loop() {
		if err := w.Entry("uid=u0000001,ou=People,o=example.com,o=isp", attrs); err != nil {
			b.Fatal(err)
		}
	}
}
