package calio_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/davadmin/davadmin/pkg/calio"
	"github.com/davadmin/davadmin/pkg/calobj"
)

func TestFileNames(t *testing.T) {
	n := calio.NewFileNames()
	var got []string
	for _, name := range []string{"a.ics", "A.ics", "a-2.ics", "../../etc/passwd", "..", "con.ics", "b", "x\x00y.ics", strings.Repeat("l", 255)} {
		got = append(got, n.Of(name, ".ics"))
	}
	if want := []string{"a.ics", "A-2.ics", "a-2-2.ics"}; !slices.Equal(got[:3], want) || got[6] != "b.ics" {
		t.Errorf("%q", got)
	}
	for i, name := range got {
		if strings.ContainsAny(name, "/\\\x00") || strings.HasPrefix(name, ".") || len(name) > 130 || strings.HasPrefix(name, "con.") || slices.Contains(got[:i], name) {
			t.Errorf("name %d is %q", i, name)
		}
	}
}

// Names that differ only in letter case do not take long, however many they are.
func TestFileNamesOfOneWord(t *testing.T) {
	n, seen := calio.NewFileNames(), map[string]bool{}
	for i := range 1 << 16 {
		word := []byte("abcdefghijklmnop")
		for bit := range word {
			if i>>bit&1 == 1 {
				word[bit] -= 'a' - 'A'
			}
		}
		name := strings.ToLower(n.Of(string(word), ".ics"))
		if seen[name] {
			t.Fatalf("%s is the name of two files", name)
		}
		seen[name] = true
	}
}

func TestInlineAttachments(t *testing.T) {
	text := file(event("1", "x", "ATTACH;VALUE=BINARY;ENCODING=BASE64;FMTTYPE=text/plain;FILENAME=../a.txt:aGVsbG8=",
		"ATTACH:https://example.com/x", "ATTACH;ENCODING=base64;VALUE=BINARY:!!", "ATTACH;ENCODING=base64;VALUE=BINARY:aG\r\n k=",
		"BEGIN:VALARM", "ACTION:AUDIO", "TRIGGER:PT0S", "ATTACH;ENCODING=BASE64;VALUE=BINARY;FMTTYPE=audio/basic:aG8=", "END:VALARM"))
	o, err := calobj.Parse([]byte(text), calobj.Options{Lenient: true})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for a, err := range calio.InlineAttachments(o) {
		if err != nil {
			got = append(got, err.Error())
			continue
		}
		got = append(got, a.FileName+" "+a.Extension+" "+string(a.Content))
	}
	if want := []string{"../a.txt .txt hello", "attachment 2: illegal base64 data at input byte 0", " .bin hi", " .bin ho"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
