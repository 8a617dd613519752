package journal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/davadmin/davadmin/internal/fsx"
)

const target = "config/a.properties"

// home is a server home with one file that is changed.
type home struct {
	t    *testing.T
	base string
	j    *Journal
	now  time.Time
}

func newHome(t *testing.T) *home {
	t.Helper()
	h := &home{t: t, base: t.TempDir(), now: time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)}
	if err := os.Mkdir(filepath.Join(h.base, "config"), 0o755); err != nil {
		t.Fatal(err)
	}
	h.j = h.journal(nil)
	return h
}

func (h *home) journal(hook fsx.Hook) *Journal {
	return New(filepath.Join(h.base, "history"), Options{
		Base: h.base, Actor: Actor{User: "admin", UID: 7, Host: "cal1"}, Hook: hook,
		Now: func() time.Time { h.now = h.now.Add(time.Second); return h.now },
	})
}

func (h *home) write(content string) {
	h.t.Helper()
	if err := os.WriteFile(filepath.Join(h.base, filepath.FromSlash(target)), []byte(content), 0o644); err != nil {
		h.t.Fatal(err)
	}
}

func (h *home) open() *Session {
	h.t.Helper()
	s, err := h.j.Open(h.t.Context(), Configuration)
	if err != nil {
		h.t.Fatal(err)
	}
	return s
}

func (h *home) close(s *Session) {
	h.t.Helper()
	if err := s.Close(); err != nil {
		h.t.Fatal(err)
	}
}

// begin records the intent of a change from one content to another.
func (h *home) begin(s *Session, from, to string) int64 {
	h.t.Helper()
	ctx := h.t.Context()
	before, err := s.SaveVersion(ctx, []byte(from))
	if err != nil {
		h.t.Fatal(err)
	}
	after, err := s.SaveVersion(ctx, []byte(to))
	if err != nil {
		h.t.Fatal(err)
	}
	n, err := s.Begin(ctx, Intent{
		Operation: "config modify", Command: []string{"davadmin", "config"}, Remark: "why", Target: target,
		Before: before, After: after, Items: []Item{{Name: "a", Old: from, New: to, WasSet: true, IsSet: true}},
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return n
}

// change makes a complete change and returns its number.
func (h *home) change(from, to string) int64 {
	h.t.Helper()
	s := h.open()
	defer h.close(s)
	n := h.begin(s, from, to)
	h.write(to)
	if err := s.End(h.t.Context(), n, Done, ""); err != nil {
		h.t.Fatal(err)
	}
	return n
}

func (h *home) file() string { return filepath.Join(h.base, "history", "journal.jsonl") }

func (h *home) text() []byte {
	h.t.Helper()
	b, err := os.ReadFile(h.file())
	if err != nil {
		h.t.Fatal(err)
	}
	return b
}

func (h *home) verify() *Verification {
	h.t.Helper()
	v, err := h.j.Verify(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	return v
}

func (h *home) entries() []Entry {
	h.t.Helper()
	e, err := h.j.Entries(h.t.Context(), "")
	if err != nil {
		h.t.Fatal(err)
	}
	return e
}

func TestChangeIsRecordedCompletely(t *testing.T) {
	h := newHome(t)
	h.write("a=1")
	if n := h.change("a=1", "a=2"); n != 1 {
		t.Fatalf("first change has number %d", n)
	}
	if n := h.change("a=2", "a=3"); n != 2 {
		t.Fatalf("second change has number %d", n)
	}
	got := h.entries()
	if len(got) != 2 {
		t.Fatalf("%d entries", len(got))
	}
	e := got[1]
	before, after := VersionOf([]byte("a=2")), VersionOf([]byte("a=3"))
	ended := e.Ended
	want := Entry{
		Change: 2, Kind: KindIntent, Area: Configuration, Time: e.Time, Actor: Actor{User: "admin", UID: 7, Host: "cal1"},
		Operation: "config modify", Command: []string{"davadmin", "config"}, Remark: "why", Target: target,
		Before: &before, After: &after, Items: []Item{{Name: "a", Old: "a=2", New: "a=3", WasSet: true, IsSet: true}},
		Result: Done, Ended: ended,
	}
	if diff := cmp.Diff(want, e); diff != "" {
		t.Errorf("entry (-want +got):\n%s", diff)
	}
	if ended == nil || !ended.After(e.Time) {
		t.Errorf("ended %v, began %v", ended, e.Time)
	}
	for content, v := range map[string]Version{"a=2": before, "a=3": after} {
		b, err := h.j.Content(t.Context(), v)
		if err != nil || string(b) != content {
			t.Errorf("content of %.8s: %q, %v", v.SHA256, b, err)
		}
	}
	if v := h.verify(); v.Records != 4 || v.Changes != 2 || v.Versions != 3 || len(v.Problems) != 0 {
		t.Errorf("verification: %+v", v)
	}
}

func TestFilesAreClosedToOthers(t *testing.T) {
	h := newHome(t)
	h.change("a=1", "a=2")
	seen := 0
	err := filepath.WalkDir(filepath.Join(h.base, "history"), func(path string, d os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		seen++
		fi, err := d.Info()
		if err != nil {
			return err
		}
		want := os.FileMode(0o600)
		if d.IsDir() {
			want = 0o700
		}
		if fi.Mode().Perm() != want {
			t.Errorf("%s has mode %o", path, fi.Mode().Perm())
		}
		return nil
	})
	if err != nil || seen < 6 {
		t.Fatalf("%d files, %v", seen, err)
	}
}

// A run may be killed after any byte of a record. For every prefix, the next session
// must complete the journal, and the chain must be intact.
func TestTornRecordAtEveryByte(t *testing.T) {
	h := newHome(t)
	h.write("a=1")
	h.change("a=1", "a=2")
	whole := h.text()
	lines := bytes.SplitAfter(whole, []byte("\n"))
	intent := len(lines[0])
	last := []byte(`{"seq":0,"change":0,"hash":""}`) // as before the session that was killed
	for cut := 0; cut < len(whole); cut++ {
		if err := errors.Join(os.WriteFile(h.file(), whole[:cut], 0o600), os.WriteFile(h.j.lastFile(), last, 0o600)); err != nil {
			t.Fatal(err)
		}
		s := h.open()
		n := h.begin(s, "a=2", "a=2")
		if err := s.End(t.Context(), n, NotDone, ""); err != nil {
			t.Fatal(err)
		}
		h.close(s)
		// A run that is killed before its intent is whole leaves a version.
		v := h.verify()
		if cut < intent && (len(v.Problems) != 1 || v.Problems[0].Grave) || cut >= intent && len(v.Problems) != 0 {
			t.Fatalf("cut at %d: %+v", cut, v.Problems)
		}
		first := h.entries()[0]
		switch {
		case cut < intent && first.Change != n:
			t.Fatalf("cut at %d: a torn intent counts as change %d", cut, first.Change)
		case cut >= intent && first.Result != Done:
			t.Fatalf("cut at %d: the file has the new content, the result is %s", cut, first.Result)
		}
		repaired := bytes.Contains(h.text(), []byte(`"kind":"repair"`))
		if torn := cut != 0 && cut != intent; torn != repaired {
			t.Fatalf("cut at %d: torn %v, repair noted %v", cut, torn, repaired)
		}
	}
}

func TestResultOfInterruptedChangeComesFromTheFile(t *testing.T) {
	for _, tt := range []struct {
		name string
		now  string // the content of the file when the next run starts
		want Result
	}{
		{"before the change", "a=1", NotDone},
		{"after the change", "a=2", Done},
		{"changed by someone else since", "a=9", Unfinished},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newHome(t)
			h.write("a=1")
			s := h.open()
			h.begin(s, "a=1", "a=2")
			h.close(s)
			h.write(tt.now)
			if got := h.entries()[0].Result; got != Pending {
				t.Errorf("before the next run the result is %s", got)
			}
			temp := fsx.TempName(filepath.Join(h.base, "config", "a.properties"))
			if err := os.WriteFile(temp, []byte("half"), 0o600); err != nil {
				t.Fatal(err)
			}
			s = h.open()
			defer h.close(s)
			if got := h.entries()[0].Result; got != tt.want {
				t.Errorf("result %s, want %s", got, tt.want)
			}
			if len(s.Notes) != 1 || !strings.Contains(s.Notes[0].Text, "change 1 (config modify) was interrupted") {
				t.Errorf("notes: %+v", s.Notes)
			}
			if _, err := os.Lstat(temp); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("the temporary file of the killed run still exists: %v", err)
			}
			v, _, known, err := s.LastVersion(target)
			if err != nil || known != (tt.want == Done) {
				t.Errorf("last version %v, known %v, %v", v, known, err)
			}
		})
	}
}

// A repair record must not hide that the change before it has no result.
func TestRepairDoesNotHideAnInterruptedChange(t *testing.T) {
	h := newHome(t)
	h.write("a=1")
	s := h.open()
	h.begin(s, "a=1", "a=2")
	h.close(s)
	h.write("a=2")
	f, err := os.OpenFile(h.file(), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(`{"seq":2,"kind":"resu`); err != nil {
		t.Fatal(err)
	}
	f.Close()
	// This run repairs and is killed before it can write the result.
	killed := errors.New("killed")
	appends := 0
	h.j = h.journal(func(op fsx.Op, path string) error {
		if op == fsx.OpWrite && path == h.file() {
			if appends++; appends > 1 {
				return killed
			}
		}
		return nil
	})
	if _, err := h.j.Open(t.Context(), Configuration); !errors.Is(err, killed) {
		t.Fatalf("open: %v", err)
	}
	h.j = h.journal(nil)
	h.close(h.open())
	if got := h.entries()[0].Result; got != Done {
		t.Errorf("result %s", got)
	}
	if v := h.verify(); len(v.Problems) != 0 {
		t.Errorf("problems: %+v", v.Problems)
	}
}

// The end of a journal is read backwards in blocks. Records must be complete wherever
// the boundaries of the blocks are.
func TestTailAcrossBlocks(t *testing.T) {
	for _, size := range []int{1, tailBlock - 1, tailBlock, tailBlock + 1, 3*tailBlock + 7} {
		path := filepath.Join(t.TempDir(), "lines")
		lines := []string{"first", strings.Repeat("x", size), "", "last"}
		for _, end := range []string{"\n", ""} {
			if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+end), 0o600); err != nil {
				t.Fatal(err)
			}
			var got []string
			err := linesBackwards(path, func(line []byte, whole bool) bool {
				if whole != (end != "" || len(got) > 0) {
					t.Errorf("line %d: whole %v", len(got), whole)
				}
				got = append([]string{string(line)}, got...)
				return true
			}, nil)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(lines, got); diff != "" {
				t.Errorf("size %d, end %q: lines differ (-want +got):\n%.300s", size, end, diff)
			}
		}
	}
}

func TestLongValuesAreClipped(t *testing.T) {
	h := newHome(t)
	s := h.open()
	defer h.close(s)
	items := make([]Item, maxItems+5)
	for i := range items {
		items[i] = Item{Name: fmt.Sprint(i), New: strings.Repeat("é", maxItemText)}
	}
	_, err := s.Begin(t.Context(), Intent{Operation: "x", Command: []string{strings.Repeat("y", 1<<20)}, Items: items})
	if err != nil {
		t.Fatal(err)
	}
	e := h.entries()[0]
	if len(e.Items) != maxItems || e.More != 5 {
		t.Errorf("%d items, %d more", len(e.Items), e.More)
	}
	if got := e.Items[0].New; !strings.HasSuffix(got, "(2048 bytes in all)") || len(got) > maxItemText+40 {
		t.Errorf("clipped to %d bytes: …%s", len(got), got[len(got)-30:])
	}
	if got := e.Command[0]; len(got) > maxItemText+40 {
		t.Errorf("a word of %d bytes", len(got))
	}
}

func TestReadingWithoutAJournal(t *testing.T) {
	j := New(filepath.Join(t.TempDir(), "history"), Options{})
	if _, err := j.Entries(t.Context(), ""); !errors.Is(err, ErrNoJournal) {
		t.Errorf("entries: %v", err)
	}
	if _, err := j.Verify(t.Context()); !errors.Is(err, ErrNoJournal) {
		t.Errorf("verify: %v", err)
	}
	if _, err := os.Stat(j.Dir()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("reading created the directory: %v", err)
	}
}

func TestSecondSessionIsRefused(t *testing.T) {
	h := newHome(t)
	s := h.open()
	defer h.close(s)
	if _, err := h.j.Open(context.Background(), Configuration); !errors.Is(err, fsx.ErrLocked) {
		t.Errorf("a second session: %v", err)
	}
}
