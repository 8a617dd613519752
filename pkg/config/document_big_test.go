package config

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/davadmin/davadmin/internal/tier"
)

// numberedFile returns a file of n lines of 36 bytes, with the given line ending.
func numberedFile(n int, eol string) []byte {
	line := []byte("davcore.acl.usr0000000=value0000000" + eol)
	out := make([]byte, 0, n*len(line))
	for range n {
		out = append(out, line...)
		countUp(line[15:22])
		countUp(line[28:35])
	}
	return out
}

func countUp(digits []byte) {
	for i := len(digits) - 1; i >= 0; i-- {
		if digits[i] < '9' {
			digits[i]++
			return
		}
		digits[i] = '0'
	}
}

func TestTenMegabyteFile(t *testing.T) {
	const n = 300_000
	file := numberedFile(n, "\n")
	d, err := Parse(file)
	if err != nil {
		t.Fatal(err)
	}
	if d.Len() != n || len(file) < 10<<20 {
		t.Fatalf("%d keys in %d bytes", d.Len(), len(file))
	}
	d.Set("davcore.acl.usr0150000", "changed")
	d.Unset("davcore.acl.usr0000000")
	d.Set("davcore.acl.usr0299999", "")
	after, err := d.Render()
	if err != nil {
		t.Fatal(err)
	}
	want := bytes.Replace(file, []byte("=value0150000\n"), []byte("=changed\n"), 1)
	want = bytes.Replace(want, []byte("=value0299999\n"), []byte("=\n"), 1)
	_, want, _ = bytes.Cut(want, []byte("\n"))
	if !bytes.Equal(after.Source(), want) {
		t.Error("something other than the three lines was changed")
	}
}

func TestMegabyteValue(t *testing.T) {
	const file = "a=1\r\nb = 2\r\nc=3\r\n"
	long := strings.Repeat("0123456 =:#é\n\\", 1<<16)
	written := strings.NewReplacer("é", `\u00E9`, "\n", `\n`, `\`, `\\`).Replace(long)
	d, err := Parse([]byte(file))
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		do   edit
		want string
	}{
		{edit{key: "b", value: long}, "a=1\r\nb = " + written + "\r\nc=3\r\n"},
		{edit{key: "b", value: "x"}, "a=1\r\nb = x\r\nc=3\r\n"},
		{edit{key: "b", value: long + long}, "a=1\r\nb = " + written + written + "\r\nc=3\r\n"},
		{edit{key: "b", unset: true}, "a=1\r\nc=3\r\n"},
		{edit{key: long, value: long}, ""},
		{edit{key: long, unset: true}, "a=1\r\nc=3\r\n"},
	} {
		apply(d, []edit{step.do})
		if d, err = d.Render(); err != nil {
			t.Fatal(err)
		}
		if step.want != "" && string(d.Source()) != step.want {
			t.Fatalf("after the edit there are %d bytes, want %d", len(d.Source()), len(step.want))
		}
		if got, ok := d.Get(step.do.key); ok == step.do.unset || got != step.do.value {
			t.Fatalf("a value of %d bytes is read back with %d", len(step.do.value), len(got))
		}
	}
}

// A value of 200,000 continuation lines is still one value, and is removed as one.
func TestManyContinuationLines(t *testing.T) {
	const n = 200_000
	for _, eol := range []string{"\n", "\r", "\r\n"} {
		file := "a=1" + eol + "b=" + strings.Repeat("12345\\"+eol+" \t", n) + "end" + eol + "c=3" + eol
		d, err := Parse([]byte(file))
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := d.Get("b"); got != strings.Repeat("12345", n)+"end" {
			t.Errorf("%q: the value has %d bytes", eol, len(got))
		}
		if got := d.Line("c"); got != n+3 {
			t.Errorf("%q: c is on line %d, want %d", eol, got, n+3)
		}
		d.Set("b", "2")
		if got, want := string(d.Bytes()), "a=1"+eol+"b=2"+eol+"c=3"+eol; got != want {
			t.Errorf("%q: %d bytes remain, want %q", eol, len(got), want)
		}
	}
}

func TestNULEverywhere(t *testing.T) {
	j := startJava(t)
	nul := strings.Repeat("\x00", 1<<16)
	for name, file := range map[string]string{
		"nothing else":    nul,
		"key and value":   nul + "=" + nul + "\n",
		"between entries": "a=1\n" + nul + "\nb=2\n",
		"in each line":    strings.Repeat("\x00# \x00\n\x00a\x00=\x00\\\n\x00\n", 2000),
		"after a comment": "#" + nul + "\n" + nul + "a:\n",
	} {
		t.Run(name, func(t *testing.T) {
			d := agree(t, j, []byte(file), false)
			d.Set("new\x00", nul)
			after, err := d.Render()
			if err != nil {
				t.Fatal(err)
			}
			want := file
			if !strings.HasSuffix(want, "\n") {
				want += "\n"
			}
			want += `new\u0000=` + strings.Repeat(`\u0000`, len(nul))
			if got := strings.TrimSuffix(string(after.Source()), "\n"); got != want {
				t.Errorf("%d bytes, want %d", len(got), len(want))
			}
			agree(t, j, after.Source(), false)
		})
	}
}

func TestManyLinesWithOneLineEnding(t *testing.T) {
	const n = 200_000
	for _, eol := range []string{"\n", "\r", "\r\n"} {
		d, err := Parse(numberedFile(n, eol))
		if err != nil {
			t.Fatal(err)
		}
		if d.Len() != n || d.Line("davcore.acl.usr0199999") != n {
			t.Errorf("%q: %d keys, the last on line %d", eol, d.Len(), d.Line("davcore.acl.usr0199999"))
		}
		// Lines without an entry, after each of which scanning starts again.
		for _, line := range []string{"", " ", "#", "\\"} {
			d, err := Parse([]byte(strings.Repeat(line+eol, n) + "a=1"))
			if err != nil {
				t.Fatal(err)
			}
			if got, _ := d.Get("a"); got != "1" || d.Len() != 1 || d.Line("a") != n+1 {
				t.Errorf("lines of %q and %q: a=%q on line %d, %d keys", line, eol, got, d.Line("a"), d.Len())
			}
		}
	}
}

// Parsing is linear because no byte is searched twice for the same mark. A repeated
// search would find the mark that is inserted after the first search.
func TestLineEndsAreSearchedOnce(t *testing.T) {
	const n = 1000
	for _, c := range []struct{ eol, other string }{{"\r", "\n"}, {"\n", "\r"}} {
		file := []byte(strings.Repeat("key=value"+c.eol, n))
		f := lineFinder{b: file, lf: -1, cr: -1}
		at, lines := 0, 0
		for at < len(file) {
			eol := f.end(at)
			if eol < len(file) {
				lines++
			}
			if lines == 1 {
				// Before the last line ending, in the part that was already searched.
				file[len(file)-2] = c.other[0]
			}
			if again := f.end(at); again != eol {
				t.Fatalf("two calls at %d return %d and %d", at, eol, again)
			}
			at = eol + 1
		}
		if lines != n {
			t.Errorf("%q: %d line ends, want %d: the absent kind was searched for again", c.eol, lines, n)
		}
	}
}

func TestMillionKeys(t *testing.T) {
	if testing.Short() {
		t.Skip("reads 36 MB with Java")
	}
	n := tier.Rounds(t, 100_000, 1_000_000)
	file := numberedFile(n, "\n")
	d, err := Parse(file)
	if err != nil {
		t.Fatal(err)
	}
	changed, removed := fmt.Sprintf("davcore.acl.usr%07d", n/2), fmt.Sprintf("davcore.acl.usr%07d", n-1)
	d.Set(changed, "é")
	d.Unset(removed)
	after, err := d.Render()
	if err != nil {
		t.Fatal(err)
	}
	got, ok, err := startJava(t).load(after.Source(), false)
	if err != nil || !ok {
		t.Fatalf("Java refuses the file: %v", err)
	}
	if len(got) != n-1 {
		t.Errorf("Java reads %d keys, want %d", len(got), n-1)
	}
	for line := range bytes.Lines(file) {
		key, want, _ := bytes.Cut(bytes.TrimSpace(line), []byte("="))
		value, ok := got[string(key)]
		switch string(key) {
		case changed:
			ok = ok && value == "é"
		case removed:
			ok = !ok
		default:
			ok = ok && value == string(want)
		}
		if !ok {
			t.Fatalf("Java reads %s=%q", key, value)
		}
	}
}
