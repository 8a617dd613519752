package directory

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"testing/iotest"
)

func TestHugeLinesAndRecords(t *testing.T) {
	huge := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", 3<<20)))
	text := "dn: o=a\nobjectClass: person\njpegPhoto:: " + huge + "\ncn: a\n\ndn: o=b\nobjectClass: person\ncn: " + strings.Repeat("y", 100) + "\n\ndn: o=c\nobjectClass: person\n"
	a, b, c := `0:1 user "o=a" cn="a"`, `0:6 user "o=b" cn="`+strings.Repeat("y", 100)+`"`, `0:10 user "o=c"`
	if err := requireFiles(t, FilesOptions{Paths: writeFiles(t, text)}, peopleQuery(), a, b, c); err != nil {
		t.Error(err)
	}
	if err := requireFiles(t, FilesOptions{Paths: writeFiles(t, text), MaxLine: 80}, peopleQuery(),
		`0:3 broken "o=a": the line has more than 80 bytes`, `0:8 broken "o=b": the line has more than 80 bytes`, c); err != nil {
		t.Error(err)
	}
	if err := requireFiles(t, FilesOptions{Paths: writeFiles(t, text), MaxEntry: 1000}, peopleQuery(),
		`0:1 broken "o=a": the record has more than 1000 bytes: no blank line ends it`, b, c); err != nil {
		t.Error(err)
	}
}

func TestReadErrorEndsTheReading(t *testing.T) {
	lost := errors.New("disk lost")
	text := "dn: o=a\nobjectClass: person\n\nref: ldap://x\n\ndn: o=b\nobjectClass: person\n\ndn: o=c\nobjectClass: person\n"
	after := writeFiles(t, "dn: o=d\nobjectClass: person\n")[0]
	for at := range len(text) + 1 {
		open := func() *Files {
			return NewFiles(FilesOptions{Paths: []string{"-", after}, Stdin: io.MultiReader(strings.NewReader(text[:at]), iotest.ErrReader(lost))})
		}
		got, err := entriesOf(t, open(), peopleQuery())
		entries := strings.Count(fmt.Sprint(texts(got)), "user")
		requireIncomplete(t, err, "standard input", entries, 0, "disk lost")
		if whole := strings.Count(text[:at], "person\n\n"); !errors.Is(err, lost) || entries != whole {
			t.Fatalf("an error at offset %d: %v, %d of %d entries", at, err, entries, whole)
		}
		again, err := scanOf(t, t.Context(), open(), peopleQuery(), 2)
		requireIncomplete(t, err, "standard input", entries, 0, "disk lost")
		if fmt.Sprint(again) != fmt.Sprint(got) {
			t.Fatalf("an error at offset %d: %q and %q", at, texts(got), texts(again))
		}
	}
}

func TestCancel(t *testing.T) {
	text := strings.Repeat("dn: o=a\nobjectClass: person\n\n", 20000)
	cause := errors.New("signal")
	for name, make := range map[string]func() (context.Context, func()){
		"plain": func() (context.Context, func()) { return context.WithCancel(t.Context()) },
		"cause": func() (context.Context, func()) {
			ctx, cancel := context.WithCancelCause(t.Context())
			return ctx, func() { cancel(cause) }
		},
	} {
		for kind, packed := range map[string]string{"text": text, "gzip": string(packGzip([]byte(text))), "zstd": string(packZstd([]byte(text)))} {
			s := NewFiles(FilesOptions{Paths: writeFiles(t, packed)})
			ctx, cancel := make()
			n := 0
			var last error
			for e, err := range s.Entries(ctx, peopleQuery()) {
				if last = err; e != nil {
					if n++; n == 3 {
						cancel()
					}
				}
			}
			requireIncomplete(t, last, "f0.ldif", 3, 0, "context canceled")
			if !errors.Is(last, context.Canceled) || n != 3 || errors.Is(last, cause) != (name == "cause") {
				t.Errorf("%s: %d entries, %v", kind, n, last)
			}

			ctx, cancel = make()
			err := s.Scan(ctx, peopleQuery(), 2, func(int, *Entry, *Problem) error { cancel(); return nil })
			var i *IncompleteError
			if !errors.Is(err, context.Canceled) || !errors.As(err, &i) || i.Entries == 0 || i.Entries > 20000 {
				t.Errorf("%s: %v", kind, err)
			}
		}
	}
}

// TestCancelWhileAPipeWaits checks that canceling ends a read of a pipe without data.
func TestCancelWhileAPipeWaits(t *testing.T) {
	for _, workers := range []int{0, 2} {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.WriteString("dn: o=a\nobjectClass: person\n\ndn: o=b\n"); err != nil {
			t.Fatal(err)
		}
		s := NewFiles(FilesOptions{Paths: []string{"-"}, Stdin: r})
		ctx, cancel := context.WithCancel(t.Context())
		result := make(chan error)
		go func() {
			if workers > 0 {
				result <- s.Scan(ctx, peopleQuery(), workers, func(int, *Entry, *Problem) error { return nil })
				return
			}
			var last error
			for _, err := range s.Entries(ctx, peopleQuery()) {
				last = err
			}
			result <- last
		}()
		cancel()
		if err := <-result; !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
		w.Close()
		r.Close()
	}
}

func TestCallerStops(t *testing.T) {
	text := strings.Repeat("dn: o=a\nobjectClass: person\n\nref: ldap://x\n\n", 5000)
	enough := errors.New("enough")
	for _, packed := range []string{text, string(packGzip([]byte(text))), string(packZstd([]byte(text)))} {
		s := NewFiles(FilesOptions{Paths: writeFiles(t, packed, text)})
		for _, workers := range []int{1, 2} {
			if err := s.Scan(t.Context(), peopleQuery(), workers, func(int, *Entry, *Problem) error { return enough }); !exactly(err, enough) {
				t.Errorf("got the error %v, want that of the function", err)
			}
			atEnd := func(_ int, _ *Entry, p *Problem) error {
				if p != nil {
					return enough
				}
				return nil
			}
			if err := s.Scan(t.Context(), peopleQuery(), workers, atEnd); !exactly(err, enough) {
				t.Errorf("got the error %v at the end, want that of the function", err)
			}
		}
		n := 0
		for range s.Entries(t.Context(), peopleQuery()) {
			if n++; n == 10 {
				break
			}
		}
	}
}
