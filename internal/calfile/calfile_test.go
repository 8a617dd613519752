package calfile

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const calendar = "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n"

// seen is what a walk returned: a line for each text and fault.
func seen(t *testing.T, limits Limits, paths ...string) []string {
	t.Helper()
	var out []string
	s := &Source{
		Open: func(_ context.Context, path string) (io.ReadCloser, fs.FileInfo, error) {
			if path == "-" {
				return io.NopCloser(stream), nil, nil
			}
			f, err := os.Open(path)
			if err != nil {
				return nil, nil, err
			}
			info, err := f.Stat()
			return f, info, err
		},
		Limits: limits, Tmp: t.TempDir(),
		Text: func(x Text) error {
			n, _ := io.Copy(io.Discard, x.Reader)
			out = append(out, fmt.Sprintf("text %s form=%d bytes=%d", x.Name, x.Form, n))
			return nil
		},
		Fault: func(f Fault) error {
			out = append(out, fmt.Sprintf("fault %s kind=%d %s: %v", f.Name, f.Kind, f.Code, f.Err))
			return nil
		},
	}
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		if err := s.Each(context.Background(), path, path); err != nil {
			t.Fatal(err)
		}
	}
	if left, _ := os.ReadDir(s.Tmp); len(left) > 0 {
		t.Errorf("temporary files are left: %v", left)
	}
	for i := range out {
		out[i] = strings.ReplaceAll(out[i], dir+"/", "")
	}
	return out
}

var stream io.Reader

func expect(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func put(t *testing.T, name string, text []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

func gzipped(t *testing.T, text []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(text); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// zipped returns an archive of names and texts in turn.
func zipped(t *testing.T, files ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := 0; i < len(files); i += 2 {
		w, err := z.Create(files[i])
		if err == nil {
			_, err = io.WriteString(w, files[i+1])
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// The content decides what a named file is, whatever its name.
func TestDetectsContent(t *testing.T) {
	t.Chdir(t.TempDir())
	tar := make([]byte, 600)
	copy(tar[257:], "ustar")
	for name, text := range map[string]string{
		"plain.txt": calendar, "mark.ics": "\ufeff" + calendar, "jcal.ics": "\r\n [\"VCALENDAR\", [], []]", "list.x": `[["vcalendar", [], []]]`,
		"other.json": `{"a": 1}`, "empty.ics": "", "wide.ics": "\xff\xfeB\x00", "wide2.ics": "B\x00E\x00G\x00I\x00", "a.tar": string(tar), "b.bz2": "BZh91AY", "text": "hello",
		"gz.ics": string(gzipped(t, []byte(calendar))), "gzjson": string(gzipped(t, []byte(`["vcalendar",[],[]]`))),
		"gzempty": string(gzipped(t, nil)), "gzgz": string(gzipped(t, gzipped(t, []byte(calendar)))), "zip.ics": string(zipped(t, "a.ics", calendar)),
	} {
		put(t, name, []byte(text))
	}
	expect(t, seen(t, Limits{}, "plain.txt", "mark.ics", "jcal.ics", "list.x", "other.json", "empty.ics", "wide.ics", "wide2.ics", "a.tar", "b.bz2", "text", "gz.ics", "gzjson", "gzempty", "gzgz", "zip.ics", "missing"),
		"text plain.txt form=0 bytes=32", "text mark.ics form=0 bytes=35", "text jcal.ics form=1 bytes=24", "text list.x form=1 bytes=23",
		"text other.json form=1 bytes=8", "fault empty.ics kind=1 file-empty: the file is empty",
		"fault wide.ics kind=1 utf-16: the text is UTF-16, but must be UTF-8; convert it, for example with: iconv -f UTF-16 -t UTF-8",
		"fault wide2.ics kind=1 utf-16: the text is UTF-16, but must be UTF-8; convert it, for example with: iconv -f UTF-16 -t UTF-8",
		"fault a.tar kind=1 archive-unsupported: the file is an archive of a kind that is not supported; unpack it, and check the directory",
		"fault b.bz2 kind=1 archive-unsupported: the file is an archive of a kind that is not supported; unpack it, and check the directory",
		"text text form=0 bytes=5", "text gz.ics form=0 bytes=32", "text gzjson form=1 bytes=19", "fault gzempty kind=1 file-empty: the file is empty",
		"fault gzgz kind=1 archive-nested: an archive inside an archive is not read; unpack it first", "text zip.ics:a.ics form=0 bytes=32",
		"fault missing kind=2 file-unreadable: no such file or directory")
}

// A directory is read in the order of names, with its subdirectories. Links to directories
// are not followed, so that a cycle cannot occur.
func TestDirectory(t *testing.T) {
	t.Chdir(t.TempDir())
	put(t, "d/b.ICS", []byte(calendar))
	put(t, "d/a/z.ifb", []byte(calendar))
	put(t, "d/c.json", []byte(`{"name": "x"}`))
	put(t, "d/d.json", []byte(`["vcalendar",[],[]]`))
	put(t, "d/e.txt", []byte(calendar))
	put(t, "d/._b.ics", []byte("\x00"))
	put(t, "empty/readme.txt", nil)
	for link, target := range map[string]string{"d/loop": ".", "d/f.ical": "b.ICS", "d/g.ics": "gone", "named": "d"} {
		if err := os.Symlink(target, link); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir("d/h.ics", 0o700); err != nil {
		t.Fatal(err)
	}
	want := []string{"text D/a/z.ifb form=0 bytes=32", "text D/b.ICS form=0 bytes=32", "fault D/c.json kind=0 not-calendar: skipped: the JSON is not jCal",
		"text D/d.json form=1 bytes=19", "text D/f.ical form=0 bytes=32", "fault D/g.ics kind=2 file-unreadable: no such file or directory"}
	for _, dir := range []string{"d", "d/", "named"} {
		got := seen(t, Limits{}, dir)
		for i := range got {
			got[i] = strings.Replace(got[i], " "+strings.TrimSuffix(dir, "/")+"/", " D/", 1)
		}
		expect(t, got, want...)
	}
	expect(t, seen(t, Limits{}, "empty"), "fault empty kind=1 no-calendar: the directory contains no file with the extension .ics, .ical, .ifb, .json")
}

// What is cut off or damaged is reported after what came before it.
func TestDamagedArchives(t *testing.T) {
	t.Chdir(t.TempDir())
	// Random-looking text, so that the compressed data is long enough to cut.
	var long strings.Builder
	for i := range 4000 {
		fmt.Fprintf(&long, "X-%x:%x\r\n", i*i*i, uint32(i)*2654435761)
	}
	g := gzipped(t, []byte(long.String()))
	put(t, "cut.gz", g[:len(g)/2])
	put(t, "head.gz", g[:5])
	broken := slices.Clone(g)
	broken[len(broken)-6] ^= 1 // the checksum
	put(t, "sum.gz", broken)
	z := zipped(t, "a.ics", calendar, "b.ics", long.String(), "c.ics", calendar)
	put(t, "cut.zip", z[:len(z)-30])
	at := bytes.Index(z, []byte("b.ics")) + 200
	z[at] ^= 0xff
	put(t, "flip.zip", z)
	put(t, "empty.zip", zipped(t))
	for _, name := range []string{"cut.gz", "sum.gz"} {
		got := seen(t, Limits{}, name)
		if len(got) != 2 || !strings.HasPrefix(got[0], "text ") || !strings.HasPrefix(got[1], "fault "+name+" kind=1 archive-damaged: ") {
			t.Errorf("%s: %q", name, got)
		}
	}
	expect(t, seen(t, Limits{}, "head.gz"), "fault head.gz kind=1 archive-damaged: the archive is damaged: it ends too early")
	expect(t, seen(t, Limits{}, "cut.zip"), "fault cut.zip kind=1 archive-damaged: the archive is damaged: not a valid zip file")
	expect(t, seen(t, Limits{}, "empty.zip"), "fault empty.zip kind=1 no-calendar: the archive contains no calendar data")
	got := seen(t, Limits{}, "flip.zip")
	if !slices.Contains(got, "text flip.zip:a.ics form=0 bytes=32") || !slices.Contains(got, "text flip.zip:c.ics form=0 bytes=32") ||
		!slices.ContainsFunc(got, func(s string) bool { return strings.HasPrefix(s, "fault flip.zip:b.ics kind=1 archive-damaged: ") }) {
		t.Errorf("%q", got)
	}
}

// The entries of an archive are read in the order of names. Those with other names are read
// if their content is a calendar.
func TestZip(t *testing.T) {
	t.Chdir(t.TempDir())
	put(t, "a.zip", zipped(t, "x/z.ics", calendar, "b.ics", calendar, "photo.jpg", "\xff\xd8", "export", "begin:vcalendar\n", "__MACOSX/._b.ics", "\x00\x05",
		"inner.zip", string(zipped(t, "a.ics", calendar)), "data.json", `{"a":1}`, "q.json", `["vcalendar",[],[]]`, "../../etc/passwd.ics", calendar, "none.ics", "", "dir/", ""))
	want := []string{"text a.zip:../../etc/passwd.ics form=0 bytes=32", "fault a.zip:__MACOSX/._b.ics kind=0 not-calendar: skipped: it is not calendar data",
		"text a.zip:b.ics form=0 bytes=32", "fault a.zip:data.json kind=0 not-calendar: skipped: the JSON is not jCal", "text a.zip:export form=0 bytes=16",
		"fault a.zip:inner.zip kind=1 archive-nested: an archive inside an archive is not read; unpack it first", "fault a.zip:none.ics kind=1 file-empty: the file is empty",
		"fault a.zip:photo.jpg kind=0 not-calendar: skipped: it is not calendar data", "text a.zip:q.json form=1 bytes=19", "text a.zip:x/z.ics form=0 bytes=32"}
	expect(t, seen(t, Limits{}, "a.zip"), want...)

	// The same from a stream
	b, err := os.ReadFile("a.zip")
	if err != nil {
		t.Fatal(err)
	}
	stream = bytes.NewReader(b)
	got := seen(t, Limits{}, "-")
	for i := range got {
		got[i] = strings.Replace(got[i], " -:", " a.zip:", 1)
	}
	expect(t, got, want...)
	stream = bytes.NewReader(b)
	expect(t, seen(t, Limits{Spooled: 100}, "-"), "fault - kind=2 archive-limit: the archive has more than 100 bytes; give the name of a file instead of a stream")
}

// Archives that unpack to far more than their size are not read to the end.
func TestBombs(t *testing.T) {
	t.Chdir(t.TempDir())
	zeros := make([]byte, 2<<20)
	put(t, "bomb.gz", gzipped(t, zeros))
	put(t, "bomb.zip", zipped(t, "a.ics", string(zeros[:1<<20-1000]), "b.ics", string(zeros[:1<<20-1000]), "c.ics", calendar))
	put(t, "many.zip", zipped(t, "1.ics", calendar, "2.ics", calendar, "3.ics", calendar))
	got := seen(t, Limits{Free: 1 << 20}, "bomb.gz")
	if len(got) != 2 || got[1] != "fault bomb.gz kind=2 archive-limit: the archive unpacks to more than 250 times its size, so the rest was not read" {
		t.Errorf("%q", got)
	}
	got = seen(t, Limits{Free: 1 << 20}, "bomb.zip")
	if len(got) != 3 || got[2] != "fault bomb.zip:b.ics kind=2 archive-limit: the archive unpacks to more than 250 times its size, so the rest was not read" {
		t.Errorf("%q", got)
	}
	expect(t, seen(t, Limits{Entries: 2}, "many.zip"), "fault many.zip kind=2 archive-limit: the archive contains more than 2 files, so it was not read")
	expect(t, seen(t, Limits{Unpacked: 50}, "many.zip"), "text many.zip:1.ics form=0 bytes=32", "text many.zip:2.ics form=0 bytes=32",
		"fault many.zip:2.ics kind=2 archive-limit: the archive contains more than 50 bytes, so the rest was not read")
}

// An archive whose table of contents is huge does not fill the memory.
func TestHugeDirectory(t *testing.T) {
	t.Chdir(t.TempDir())
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	name := strings.Repeat("n", 60000)
	for i := range 450 {
		if _, err := z.Create(fmt.Sprint(i, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	put(t, "a.zip", b.Bytes())
	expect(t, seen(t, Limits{}, "a.zip"), "fault a.zip kind=2 archive-limit: the table of contents of the archive is too large, so it was not read")
}

// A walk ends with its context, and with an error of the caller.
func TestEnds(t *testing.T) {
	t.Chdir(t.TempDir())
	put(t, "d/a.ics", []byte(calendar))
	put(t, "d/b.ics", []byte(calendar))
	ctx, cancel := context.WithCancel(context.Background())
	n := 0
	s := &Source{
		Open: func(_ context.Context, path string) (io.ReadCloser, fs.FileInfo, error) {
			f, err := os.Open(path)
			return f, nil, err
		},
		Text:  func(Text) error { n++; cancel(); return nil },
		Fault: func(f Fault) error { t.Errorf("%+v", f); return nil },
	}
	if err := s.Each(ctx, "d", "d"); !errors.Is(err, context.Canceled) || n != 1 {
		t.Error(n, err)
	}
	mine := errors.New("mine")
	s.Text = func(Text) error { return mine }
	if err := s.Each(context.Background(), "d", "d"); !errors.Is(err, mine) {
		t.Error(err)
	}
}
