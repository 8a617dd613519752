package config

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// seedFiles returns the marks of the format: alone, doubled, and between two plain
// entries, where most errors show up.
func seedFiles() [][]byte {
	var files [][]byte
	for _, p := range pieces {
		files = append(files, []byte(p), []byte(p+p), []byte("a=1\n"+p+"b=2"), []byte("a="+p+"\r\nb=2\r\n"))
	}
	for _, c := range documentEdits {
		files = append(files, []byte(c.file))
	}
	return files
}

func FuzzParse(f *testing.F) {
	for _, file := range seedFiles() {
		f.Add(file, false)
		f.Add(file, true)
	}
	f.Fuzz(func(t *testing.T, file []byte, isUTF8 bool) {
		original := bytes.Clone(file)
		d, err := readWith(string(file), isUTF8)
		if err != nil {
			requireParseError(t, file, isUTF8, err)
			return
		}
		if !bytes.Equal(d.Bytes(), original) {
			t.Fatalf("%q became %q", original, d.Bytes())
		}
		requireConsistent(t, d)
	})
}

// requireParseError checks that the reported error exists: a line with a \u, or bytes
// that are not UTF-8.
func requireParseError(t *testing.T, file []byte, isUTF8 bool, err error) {
	t.Helper()
	if errors.Is(err, ErrNotUTF8) && isUTF8 && !utf8.Valid(file) {
		return
	}
	var syntax *SyntaxError
	if !errors.As(err, &syntax) {
		t.Fatalf("%q: %v", file, err)
	}
	text := strings.ReplaceAll(strings.ReplaceAll(string(file), "\r\n", "\n"), "\r", "\n")
	lines := strings.Split(text, "\n")
	if syntax.Line < 1 || syntax.Line > len(lines) || !strings.Contains(lines[syntax.Line-1], `\u`) {
		t.Fatalf("%q: line %d contains no \\u", file, syntax.Line)
	}
}

// requireConsistent checks that the views of a document agree.
func requireConsistent(t *testing.T, d *Document) {
	t.Helper()
	last := map[string]Entry{}
	line := 0
	for e := range d.Entries() {
		if e.Line <= line {
			t.Fatalf("%q: entry %q on line %d after one on line %d", d.Source(), e.Text, e.Line, line)
		}
		line = e.Line
		if before, twice := last[e.Key]; twice && !before.Shadowed {
			t.Fatalf("%q: line %d is overridden but not marked as shadowed", d.Source(), before.Line)
		}
		last[e.Key] = e
	}
	n := 0
	for k, v := range d.All() {
		n++
		e, known := last[k]
		if !known || e.Shadowed || e.Value != v || d.Line(k) != e.Line {
			t.Fatalf("%q: All yields %q=%q, the last entry is %+v", d.Source(), k, v, e)
		}
		if got, ok := d.Get(k); !ok || got != v {
			t.Fatalf("%q: All yields %q=%q, Get returns %q, %v", d.Source(), k, v, got, ok)
		}
	}
	if n != len(last) || n != d.Len() {
		t.Fatalf("%q: %d keys in All, %d in Entries, Len %d", d.Source(), n, len(last), d.Len())
	}
}

func FuzzEdit(f *testing.F) {
	for i, file := range seedFiles() {
		key := []string{"a", "b", "", "new", "#é"}[i%5]
		f.Add(file, i%2 == 0, key, pieces[i%len(pieces)], i%7 == 0)
	}
	f.Fuzz(func(t *testing.T, file []byte, isUTF8 bool, key, value string, remove bool) {
		d, err := readWith(string(file), isUTF8)
		if err != nil {
			return
		}
		want := map[string]string{}
		for k, v := range d.All() {
			want[k] = v
		}
		if remove {
			d.Unset(key)
			delete(want, key)
		} else {
			d.Set(key, value)
			want[key] = value
		}
		after, err := d.Render()
		if err != nil {
			// Only text that no Java string can contain may be refused.
			if !errors.Is(err, ErrUnsafeEdit) || remove || utf8.ValidString(key+"|"+value) {
				t.Fatalf("%q with %q=%q: %v", file, key, value, err)
			}
			return
		}
		again, err := readWith(string(after.Source()), isUTF8)
		if err != nil {
			t.Fatalf("%q became %q: %v", file, after.Source(), err)
		}
		got := map[string]string{}
		for k, v := range again.All() {
			got[k] = v
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%q became %q (-want +got):\n%s", file, after.Source(), diff)
		}
		requireConsistent(t, again)
	})
}

// Any text must be written as one ASCII line with one entry, and valid text must be
// read back unchanged.
func FuzzEncode(f *testing.F) {
	for _, p := range pieces {
		f.Add(p)
		f.Add(p + " " + p)
		f.Add(" " + p + "\\")
	}
	f.Add("\xed\xa0\xbd")
	f.Add("\xed\xa0\xbd\xed\xb8\x80")
	f.Add("x\xffy\xc3")
	f.Fuzz(func(t *testing.T, text string) {
		for _, c := range []struct{ key, value, line string }{
			{"k", text, "k=" + string(encodeValue(text, true))},
			{"k", text, "k " + string(encodeValue(text, false))},
			{text, "v", string(encodeKey(text)) + "=v"},
		} {
			if !isASCII([]byte(c.line)) || strings.ContainsAny(c.line, "\r\n") {
				t.Fatalf("%q is written as %q", text, c.line)
			}
			for _, isUTF8 := range []bool{false, true} {
				d, err := readWith("first=1\n"+c.line+"\nlast=1\n", isUTF8)
				if err != nil {
					t.Fatalf("%q is written as %q: %v", text, c.line, err)
				}
				var got []Entry
				for e := range d.Entries() {
					got = append(got, e)
				}
				if len(got) != 3 || got[0].Key != "first" || got[2].Key != "last" {
					t.Fatalf("%q is written as %q, which reads as %+v", text, c.line, got)
				}
				if utf8.ValidString(text) && (got[1].Key != c.key || got[1].Value != c.value) {
					t.Fatalf("%q is written as %q, which reads as %q=%q", text, c.line, got[1].Key, got[1].Value)
				}
			}
		}
	})
}
