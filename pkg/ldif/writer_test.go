package ldif

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func bytesOf(values ...string) (out [][]byte) {
	for _, v := range values {
		out = append(out, []byte(v))
	}
	return out
}

func TestWrite(t *testing.T) {
	for _, c := range []struct {
		name  string
		write func(w *Writer) error
		want  string
	}{
		{"an entry", func(w *Writer) error {
			return w.Entry("o=isp", []WriteAttribute{{"objectClass", bytesOf("top", "organization")}, {"o;lang-de", bytesOf("isp")}, {"l", nil}})
		}, "dn: o=isp\nobjectClass: top\nobjectClass: organization\no;lang-de: isp\n\n"},
		{"the root DSE", func(w *Writer) error { return w.Entry("", nil) }, "dn:\n\n"},
		{"values in base64", func(w *Writer) error {
			return w.Entry("o=ä", []WriteAttribute{{"a", bytesOf("", " a", ":a", "<a", "a ", "a\nb", "a\r", "\x00", "\ta", "ü", "a\x7f", "#a", "a: b")}})
		}, "dn:: bz3DpA==\na:\na:: IGE=\na:: OmE=\na:: PGE=\na:: YSA=\na:: YQpi\na:: YQ0=\na:: AA==\na:: CWE=\na:: w7w=\na:: YX8=\na: #a\na: a: b\n\n"},
		{"76 columns", func(w *Writer) error {
			return w.Entry("o="+strings.Repeat("a", 70), []WriteAttribute{{"b", bytesOf(strings.Repeat("b", 73), strings.Repeat("b", 74), strings.Repeat("b", 149))}})
		}, "dn: o=" + strings.Repeat("a", 70) + "\nb: " + strings.Repeat("b", 73) + "\nb: " + strings.Repeat("b", 73) + "\n b\n" +
			"b: " + strings.Repeat("b", 73) + "\n " + strings.Repeat("b", 75) + "\n b\n\n"},
		{"comments", func(w *Writer) error {
			return errors.Join(w.Comment("one\ntwo\r\n\rdn: \x1b[1m\u2028"), w.Delete("o=a"), w.Comment(strings.Repeat("x", 90)))
		}, "# one\n# two\n#\n# dn: ?[1m?\ndn: o=a\nchangetype: delete\n\n# " + strings.Repeat("x", 90) + "\n"},
		{"an addition", func(w *Writer) error { return w.Add("o=a", []WriteAttribute{{"o", bytesOf("a")}}) },
			"dn: o=a\nchangetype: add\no: a\n\n"},
		{"changes", func(w *Writer) error {
			return w.Modify("o=a", []Modification{{OpAdd, "mail", bytesOf("x", "y")}, {OpDelete, "cn", nil}, {OpReplace, "sn", bytesOf("")}, {OpIncrement, "n", bytesOf("1")}})
		}, "dn: o=a\nchangetype: modify\nadd: mail\nmail: x\nmail: y\n-\ndelete: cn\n-\nreplace: sn\nsn:\n-\nincrement: n\nn: 1\n-\n\n"},
		{"new names", func(w *Writer) error {
			return errors.Join(w.ModDN("cn=a", "cn=b", true, ""), w.ModDN("cn=a", "cn=ä", false, "o=c"))
		}, "dn: cn=a\nchangetype: moddn\nnewrdn: cn=b\ndeleteoldrdn: 1\n\n" +
			"dn: cn=a\nchangetype: moddn\nnewrdn:: Y249w6Q=\ndeleteoldrdn: 0\nnewsuperior: o=c\n\n"},
	} {
		var b strings.Builder
		w := NewWriter(&b)
		if err := errors.Join(c.write(w), w.Flush()); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if want := "version: 1\n" + c.want; b.String() != want {
			t.Errorf("%s:\n%q\nwant\n%q", c.name, b.String(), want)
		}
	}
	var b strings.Builder
	if err := NewWriter(&b).Flush(); err != nil || b.Len() > 0 {
		t.Errorf("without records the output is %q, error %v", b.String(), err)
	}
}

func TestWriterRejects(t *testing.T) {
	entry := func(name string) func(*Writer) error {
		return func(w *Writer) error { return w.Entry("o=b", []WriteAttribute{{name, bytesOf("x")}}) }
	}
	cases := map[string]func(*Writer) error{
		"add without attributes":   func(w *Writer) error { return w.Add("o=b", []WriteAttribute{{"cn", nil}}) },
		"add without values":       func(w *Writer) error { return w.Modify("o=b", []Modification{{OpAdd, "cn", nil}}) },
		"increment by two values":  func(w *Writer) error { return w.Modify("o=b", []Modification{{OpIncrement, "n", bytesOf("1", "2")}}) },
		"unknown operation":        func(w *Writer) error { return w.Modify("o=b", []Modification{{9, "n", bytesOf("1")}}) },
		"change of a name with LF": func(w *Writer) error { return w.Modify("o=b", []Modification{{OpReplace, "a\nb", nil}}) },
		"empty new RDN":            func(w *Writer) error { return w.ModDN("o=b", "", true, "") },
	}
	for _, name := range []string{"", "a b", "a:", "a\nb", "1a", "-a", "ä", ";x", "a;", "a;;b", "a;x y", "2", "2.", "2.05", "2..5",
		"dn", "DN;x", "changetype", "Control", "a<"} {
		cases["name "+name] = entry(name)
	}
	for name, write := range cases {
		var b strings.Builder
		w := NewWriter(&b)
		if err := w.Entry("o=a", nil); err != nil {
			t.Fatal(err)
		}
		err := write(w)
		if err == nil || !exactly(w.Entry("o=c", nil), err) || !exactly(w.Comment("c"), err) || !exactly(w.Flush(), err) {
			t.Errorf("%s: the error %v is not kept", name, err)
		}
		if b.String() != "version: 1\ndn: o=a\n\n" {
			t.Errorf("%s: the output is %q", name, b.String())
		}
	}
}

// fullWriter accepts n bytes and then fails.
type fullWriter struct{ n int }

var errFull = errors.New("no space left")

func (f *fullWriter) Write(b []byte) (int, error) {
	n := min(len(b), f.n)
	f.n -= n
	if n < len(b) {
		return n, errFull
	}
	return n, nil
}

func TestWriterKeepsTheFirstError(t *testing.T) {
	for _, room := range []int{0, 5, 70_000, 100_000} {
		w := NewWriter(&fullWriter{n: room})
		var first error
		for i := range 1000 {
			err := w.Entry("o=a", []WriteAttribute{{"cn", [][]byte{make([]byte, 100)}}})
			if first == nil {
				first = err
			}
			if !exactly(err, first) {
				t.Fatalf("room for %d bytes: entry %d returns %v after the first error %v", room, i, err, first)
			}
		}
		if err := w.Flush(); !errors.Is(first, errFull) || !exactly(err, first) {
			t.Errorf("room for %d bytes: %v, then %v", room, first, err)
		}
	}
}

// TestLdapaddReadsWhatIsWritten reads a file with OpenLDAP's client: with -n it
// contacts no server and prints what it would add.
func TestLdapaddReadsWhatIsWritten(t *testing.T) {
	program, err := exec.LookPath("ldapadd")
	if err != nil {
		t.Skip("ldapadd is not installed")
	}
	name := filepath.Join(t.TempDir(), "a.ldif")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("words ", 40) + "end"
	w := NewWriter(f)
	err = errors.Join(
		w.Comment("two lines\nof comment"),
		w.Entry("o=isp", []WriteAttribute{{"description", bytesOf(long, ":colon", "<less", "#hash", "", " blank", "\ttab")}, {"cn;lang-en", bytesOf("x")}}),
		w.Entry("cn="+long+",o=isp", []WriteAttribute{{"cn", bytesOf(long)}}),
		w.Flush(), f.Close())
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(program, "-n", "-v", "-f", name).CombinedOutput()
	if err != nil {
		t.Fatalf("%v:\n%s", err, out)
	}
	want := "add description:\n\t" + long + "\n\t:colon\n\t<less\n\t#hash\n\t\n\t blank\n\t\ttab\nadd cn;lang-en:\n\tx\n!adding new entry \"o=isp\"\n"
	if !strings.Contains(string(out), want) || !strings.Contains(string(out), "!adding new entry \"cn="+long+",o=isp\"\n") {
		t.Errorf("ldapadd prints\n%s\nwant\n%s", out, want)
	}
}

func TestWriterAndReaderAgreeOnNames(t *testing.T) {
	for _, name := range []string{"a", "a-b_c", "A1;x;lang-de", "2.5.4.3", "0.9;binary"} {
		if err := NewWriter(io.Discard).Entry("o=a", []WriteAttribute{{name, bytesOf("v")}}); err != nil {
			t.Error(err)
		}
		if got := readString(t, "dn: o=a\n"+name+": v\n", Options{}); len(got) != 1 || got[0] != `1 content "o=a" `+name+`="v"` {
			t.Errorf("%q", got)
		}
	}
}

// Inert output has no folded line, no character with a meaning to a shell, and no name
// with options.
func TestInert(t *testing.T) {
	var b strings.Builder
	w := NewWriter(&b)
	w.Inert()
	long := strings.Repeat("x", 100)
	if err := w.Modify("uid=a b,o=isp", []Modification{{OpAdd, "cn", [][]byte{[]byte("$(x)"), []byte("it's"), []byte(long), []byte("a@b.c/d_e-f:g%h+i=j")}}}); err != nil {
		t.Fatal(err)
	}
	want := "version: 1\ndn: uid=a b,o=isp\nchangetype: modify\nadd: cn\ncn:: JCh4KQ==\ncn:: aXQncw==\ncn: " + long + "\ncn: a@b.c/d_e-f:g%h+i=j\n-\n\n"
	if err := w.Flush(); err != nil || b.String() != want {
		t.Errorf("%v:\n%s", err, b.String())
	}
	if err := w.Modify("o=isp", []Modification{{OpDelete, "cn;lang-de", nil}}); err == nil {
		t.Error("a name with options was accepted")
	}
}
