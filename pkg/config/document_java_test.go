package config

import (
	"bufio"
	"encoding/binary"
	"errors"
	"flag"
	"io"
	"os"
	"os/exec"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// javaOracle reads files with java.util.Properties.
type javaOracle struct {
	in  *bufio.Writer
	out *bufio.Reader
}

func startJava(t testing.TB) *javaOracle {
	t.Helper()
	java, err := exec.LookPath("java")
	if err != nil {
		if testing.Short() {
			t.Skip("java is not installed")
		}
		t.Fatal("java is the reference for .properties files and is not installed (Debian: openjdk-17-jdk-headless)")
	}
	cmd := exec.Command(java, "-XX:TieredStopAtLevel=1", "testdata/java/PropertiesOracle.java")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = t.Output()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("java: %v", err)
		}
	})
	return &javaOracle{in: bufio.NewWriter(in), out: bufio.NewReader(out)}
}

// load returns the map that Java reads, or false if Java refuses the file.
func (j *javaOracle) load(file []byte, isUTF8 bool) (map[string]string, bool, error) {
	mode := byte('L')
	if isUTF8 {
		mode = 'U'
	}
	j.in.WriteByte(mode)
	binary.Write(j.in, binary.BigEndian, int32(len(file)))
	j.in.Write(file)
	if err := j.in.Flush(); err != nil {
		return nil, false, err
	}
	var n int32
	if err := binary.Read(j.out, binary.BigEndian, &n); err != nil {
		return nil, false, err
	}
	if n < 0 {
		return nil, false, nil
	}
	m := make(map[string]string, n)
	for range n {
		key, err := j.text()
		if err != nil {
			return nil, false, err
		}
		value, err := j.text()
		if err != nil {
			return nil, false, err
		}
		m[key] = value
	}
	return m, true, nil
}

func (j *javaOracle) text() (string, error) {
	var n int32
	if err := binary.Read(j.out, binary.BigEndian, &n); err != nil {
		return "", err
	}
	raw := make([]byte, 2*n)
	if _, err := io.ReadFull(j.out, raw); err != nil {
		return "", err
	}
	var out []byte
	for i := 0; i < len(raw); i += 2 {
		u := rune(raw[i])<<8 | rune(raw[i+1])
		if u >= 0xd800 && u < 0xdc00 && i+3 < len(raw) {
			lo := rune(raw[i+2])<<8 | rune(raw[i+3])
			if lo >= 0xdc00 && lo < 0xe000 {
				out = utf8.AppendRune(out, 0x10000+(u-0xd800)<<10+(lo-0xdc00))
				i += 2
				continue
			}
		}
		if u >= 0xd800 && u < 0xe000 {
			out = append(out, 0xe0|byte(u>>12), 0x80|byte(u>>6)&0x3f, 0x80|byte(u)&0x3f)
			continue
		}
		out = utf8.AppendRune(out, u)
	}
	return string(out), nil
}

type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}

// agree fails unless Java and Document read the same from a file. It returns the
// document, or nil if both refuse the file.
func agree(t fataler, j *javaOracle, file []byte, isUTF8 bool) *Document {
	t.Helper()
	want, ok, err := j.load(file, isUTF8)
	if err != nil {
		t.Fatalf("java: %v", err)
	}
	d, err := parse(file, isUTF8)
	var syntax *SyntaxError
	if !ok {
		if !errors.As(err, &syntax) {
			t.Fatalf("Java refuses %q, but Parse returns %v", file, err)
		}
		return nil
	}
	if err != nil {
		t.Fatalf("Java reads %q, but Parse refuses it: %v", file, err)
	}
	got := map[string]string{}
	for k, v := range d.All() {
		if _, twice := got[k]; twice {
			t.Fatalf("%q: key %q appears twice", file, k)
		}
		got[k] = v
		if again, ok := d.Get(k); !ok || again != v {
			t.Fatalf("%q: All yields %q=%q, Get returns %q", file, k, v, again)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("%q (utf8 %v) reads differently (-java +ours):\n%s", file, isUTF8, diff)
	}
	if d.Len() != len(want) {
		t.Fatalf("%q: Len %d, Java reads %d", file, d.Len(), len(want))
	}
	return d
}

// pieces are the parts of odd files. Most of them are marks, because most errors
// occur where marks are next to each other.
var pieces = []string{
	"a", "b", "key", "davcore.uriinfo.mail", "davcore.acl.x", "value", "=", ":", " ", "\t", "\f", "\\", "\\\\", "#", "!",
	"\n", "\r", "\r\n", "\n\n", "\\\n", "\\\r", "\\\r\n", "\\u0041", "\\u00e9", "\\ud83d", "\\ude00", "\\uD83D\\uDE00",
	"\\u", "\\u12", "\\u00\\\n41", "\\=", "\\:", "\\ ", "\\n", "\\t", "\\r", "\\f", "\\#", "\\q", "é", "ß", "😀", "\x00", "\x85",
	"\ufeff", "a=b\n", "a = c\n", "# comment\n", "! comment \\\n", "  ", "=b", "a.b=1\r\n", "a.b.c:2\n",
}

func oddFile() *rapid.Generator[[]byte] {
	return rapid.Custom(func(t *rapid.T) []byte {
		var out []byte
		for range rapid.IntRange(0, 24).Draw(t, "pieces") {
			out = append(out, rapid.SampledFrom(pieces).Draw(t, "piece")...)
		}
		return out
	})
}

func oddText() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		s := ""
		for range rapid.IntRange(0, 5).Draw(t, "parts") {
			s += rapid.SampledFrom([]string{
				"a", "davcore.acl.x", "b c", " ", "=", ":", "#", "!", "\\", "\n", "\r", "\t", "\f", "\x00", "é", "😀",
				"\xed\xa0\xbd", "http://h:80/", "\u2028", "${x}", "\x7f", "\u00a0",
			}).Draw(t, "part")
		}
		return s
	})
}

// checks sets the number of cases that rapid tries in the rest of this test.
func checks(t *testing.T, n string) {
	t.Helper()
	f := flag.Lookup("rapid.checks")
	old := f.Value.String()
	if err := f.Value.Set(n); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Value.Set(old) })
}

func TestJavaReadsTheSame(t *testing.T) {
	j := startJava(t)
	checks(t, soakChecks("6000"))
	rapid.Check(t, func(t *rapid.T) {
		file := oddFile().Draw(t, "file")
		agree(t, j, file, rapid.Bool().Draw(t, "utf8") && utf8.Valid(file))
	})
}

// After any edits, Java must read the old map with the intended changes.
func TestJavaReadsTheSameAfterEdits(t *testing.T) {
	j := startJava(t)
	checks(t, soakChecks("6000"))
	rapid.Check(t, func(t *rapid.T) {
		file := oddFile().Draw(t, "file")
		d := agree(t, j, file, false)
		if d == nil {
			return
		}
		want := map[string]string{}
		for k, v := range d.All() {
			want[k] = v
		}
		keys := rapid.OneOf(oddText(), rapid.SampledFrom([]string{"a", "b", "key", "a.b", "davcore.uriinfo.mail", ""}))
		for range rapid.IntRange(1, 4).Draw(t, "edits") {
			k := keys.Draw(t, "key")
			if rapid.IntRange(0, 3).Draw(t, "kind") == 0 {
				d.Unset(k)
				delete(want, k)
				continue
			}
			v := oddText().Draw(t, "value")
			d.Set(k, v)
			want[k] = v
		}
		after, err := d.Render()
		if err != nil {
			t.Fatalf("%q: %v", file, err)
		}
		got, ok, err := j.load(after.Source(), false)
		if err != nil || !ok {
			t.Fatalf("Java refuses %q, made from %q: %v", after.Source(), file, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%q became %q (-wanted +java):\n%s", file, after.Source(), diff)
		}
		agree(t, j, after.Source(), false)
	})
}

// soakChecks returns how many cases to try: more if scripts/soak requests it.
func soakChecks(usual string) string {
	if n := os.Getenv("DAVADMIN_SOAK_CHECKS"); n != "" {
		return n
	}
	return usual
}
