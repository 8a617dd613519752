package config

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/davadmin/davadmin/internal/fsx"
	"github.com/davadmin/davadmin/pkg/journal"
)

// testHome is a server home with a configuration file.
type testHome struct {
	t    *testing.T
	dir  string
	file *File
}

func newTestHome(t *testing.T, text string, hook fsx.Hook) *testHome {
	t.Helper()
	h := &testHome{t: t, dir: t.TempDir()}
	if err := os.Mkdir(filepath.Join(h.dir, "config"), 0o755); err != nil {
		t.Fatal(err)
	}
	h.use(hook)
	h.write(text)
	return h
}

func (h *testHome) use(hook fsx.Hook) {
	j := journal.New(filepath.Join(h.dir, "history"), journal.Options{Base: h.dir, Hook: hook})
	h.file = NewFile(j, FileOptions{Home: h.dir, Name: ServerFile, Hook: hook})
}

func (h *testHome) write(text string) {
	h.t.Helper()
	if err := os.WriteFile(h.file.Path(), []byte(text), 0o640); err != nil {
		h.t.Fatal(err)
	}
}

func (h *testHome) read() string {
	h.t.Helper()
	b, err := os.ReadFile(h.file.Path())
	if err != nil {
		h.t.Fatal(err)
	}
	return string(b)
}

// set returns an edit that sets one key.
func set(key, value string) Edit {
	return Edit{Operation: "test", Make: func(current []byte) ([]byte, []Change, error) {
		d, err := Parse(current)
		if err != nil {
			return nil, nil, err
		}
		d.Set(key, value)
		after, err := d.Render()
		if err != nil {
			return nil, nil, err
		}
		return after.Source(), d.Changes(), nil
	}}
}

func (h *testHome) apply(key, value string) *Outcome {
	h.t.Helper()
	o, err := h.file.Apply(h.t.Context(), set(key, value))
	if err != nil {
		h.t.Fatal(err)
	}
	return o
}

func TestEveryVersionIsKept(t *testing.T) {
	h := newTestHome(t, "a=1\n", nil)
	first := h.apply("a", "2")
	if first.Previous != 1 || first.Revision != 2 {
		t.Errorf("the file as first seen is revision %d, the change %d", first.Previous, first.Revision)
	}
	h.write("a=theirs\n")
	second := h.apply("b", "3")
	if second.Previous != 3 || second.Revision != 4 || len(second.Notes) != 1 || !strings.Contains(second.Notes[0].Text, "changed by someone else") {
		t.Errorf("after a change by someone else: %+v", second)
	}
	for rev, want := range map[int64]string{1: "a=1\n", 2: "a=2\n", 3: "a=theirs\n", 4: "a=theirs\nb=3\n"} {
		if got, err := h.file.At(t.Context(), rev); err != nil || string(got) != want {
			t.Errorf("revision %d: %q, %v; want %q", rev, got, err, want)
		}
	}
	if _, err := h.file.At(t.Context(), 5); !errors.Is(err, ErrNoRevision) {
		t.Errorf("revision 5: %v", err)
	}
	if before, change, err := h.file.BeforeLast(t.Context()); string(before) != "a=theirs\n" || change != 4 || err != nil {
		t.Errorf("before the last change: %q, %d, %v", before, change, err)
	}
}

func TestEditThatChangesNothingWritesNothing(t *testing.T) {
	h := newTestHome(t, "a = 1\n", nil)
	o := h.apply("a", "1")
	if o.Changed() || o.Revision != 0 {
		t.Errorf("outcome %+v", o)
	}
	if entries, err := h.file.History(t.Context()); len(entries) != 0 || err != nil {
		t.Errorf("history %v, %v", entries, err)
	}
}

func TestPreviewTouchesNothing(t *testing.T) {
	h := newTestHome(t, "a=1\n", nil)
	o, err := h.file.Preview(t.Context(), set("a", "2"))
	if err != nil || string(o.After) != "a=2\n" || h.read() != "a=1\n" {
		t.Errorf("%+v, %v; the file contains %q", o, err, h.read())
	}
	if _, err := os.Stat(filepath.Join(h.dir, "history")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("history: %v", err)
	}
}

// Another program, which does not use the lock, writes the file after we read it and
// before we replace it.
func TestConflictIsDetected(t *testing.T) {
	h := newTestHome(t, "a=1\n", nil)
	h.use(func(op fsx.Op, path string) error {
		if op == fsx.OpWrite && path == fsx.TempName(h.file.Path()) {
			h.write("a=theirs\n")
		}
		return nil
	})
	_, err := h.file.Apply(t.Context(), set("a", "2"))
	if !errors.Is(err, ErrConflict) {
		t.Fatalf("error %v", err)
	}
	if h.read() != "a=theirs\n" {
		t.Errorf("the change by the other program is lost: %q", h.read())
	}
	entries, err := h.file.History(t.Context())
	if err != nil || entries[len(entries)-1].Result != journal.NotDone {
		t.Errorf("history %+v, %v", entries, err)
	}
}

// Whichever system call fails, the file is complete, and the journal describes the
// actual result.
func TestFailureAtEveryStep(t *testing.T) {
	for n := 1; ; n++ {
		calls := 0
		h := newTestHome(t, "a=1\n", nil)
		h.apply("x", "1")
		old := h.read()
		h.use(func(fsx.Op, string) error {
			if calls++; calls == n {
				return syscall.ENOSPC
			}
			return nil
		})
		_, err := h.file.Apply(t.Context(), set("a", "2"))
		if err == nil {
			if n < 12 {
				t.Errorf("only %d steps were tried", n)
			}
			return
		}
		if !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("step %d: %v", n, err)
		}
		h.use(nil)
		checkAfterFailure(t, h, n, old, err)
	}
}

func checkAfterFailure(t *testing.T, h *testHome, step int, old string, failure error) {
	t.Helper()
	changed := h.read() == strings.Replace(old, "a=1", "a=2", 1)
	if !changed && h.read() != old {
		t.Fatalf("step %d: the file contains %q", step, h.read())
	}
	var ferr *fsx.Error
	if changed && errors.As(failure, &ferr) && strings.Contains(failure.Error(), "nothing was changed") && !strings.Contains(failure.Error(), "record the result of change") {
		t.Errorf("step %d: the file was changed, but the message is: %v", step, failure)
	}
	h.apply("after", "1")
	entries, err := h.file.History(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	last := ""
	for _, e := range entries {
		if e.Kind == journal.KindFound && e.Change > 1 {
			t.Errorf("step %d: our own version was recorded as one by someone else", step)
		}
		if e.Result == journal.Done {
			last = e.After.SHA256
		}
	}
	if want := journal.VersionOf([]byte(h.read())).SHA256; last != want {
		t.Errorf("step %d: the journal ends with %s, but the result is %s", step, last, want)
	}
}

func TestApplyNeedsTheFile(t *testing.T) {
	h := newTestHome(t, "", nil)
	if err := os.Remove(h.file.Path()); err != nil {
		t.Fatal(err)
	}
	if _, err := h.file.Apply(t.Context(), set("a", "1")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v", err)
	}
	if _, err := os.Stat(filepath.Join(h.dir, "history")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a history was created in a mistyped home: %v", err)
	}
}

func TestApplyMayCreateTheFile(t *testing.T) {
	h := newTestHome(t, "", nil)
	if err := os.Remove(h.file.Path()); err != nil {
		t.Fatal(err)
	}
	h.file.mayCreate = true
	o := h.apply("a", "1")
	if h.read() != "a=1\n" || o.Revision != 1 || o.Previous != 0 {
		t.Errorf("%q, %+v", h.read(), o)
	}
}

func TestStoppedBeforeTheChange(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	h := newTestHome(t, "a=1\n", nil)
	h.use(func(op fsx.Op, path string) error {
		if op == fsx.OpCreate && path == fsx.TempName(h.file.Path()) {
			cancel()
		}
		return nil
	})
	if _, err := h.file.Apply(ctx, set("a", "2")); !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v", err)
	}
	if h.read() != "a=1\n" {
		t.Errorf("the file contains %q", h.read())
	}
	entries, err := h.file.History(t.Context())
	if err != nil || entries[len(entries)-1].Result != journal.NotDone {
		t.Errorf("the interruption was not recorded: %+v, %v", entries, err)
	}
}

func TestMaskedItemsInTheJournal(t *testing.T) {
	h := newTestHome(t, "a=1\n", nil)
	e := set("store.document.password", "s3cret")
	e.Mask = registry(t).Mask
	if _, err := h.file.Apply(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(h.dir, "history", "journal.jsonl"))
	if err != nil || bytes.Contains(b, []byte("s3cret")) || !bytes.Contains(b, []byte("********")) {
		t.Errorf("journal %s, %v", b, err)
	}
}

// put returns an edit that sets the content. nil removes the file.
func put(content []byte) Edit {
	return Edit{Operation: "test", Make: func([]byte) ([]byte, []Change, error) { return content, nil, nil }}
}

// A missing optional file is a version: it is recorded before the first change, and
// can be restored.
func TestOptionalFile(t *testing.T) {
	h := newTestHome(t, "", nil)
	h.file.optional, h.file.mayCreate = true, true
	if err := os.Remove(h.file.Path()); err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	gone := func() bool { _, err := os.Stat(h.file.Path()); return errors.Is(err, fs.ErrNotExist) }
	if o, err := h.file.Apply(ctx, put(nil)); err != nil || o.Changed() || o.Revision != 0 || !gone() {
		t.Errorf("a missing file that stays missing: %+v, %v", o, err)
	}
	o, err := h.file.Apply(ctx, put([]byte{}))
	if err != nil || !o.Changed() || o.Previous == 0 || gone() {
		t.Fatalf("an empty file: %+v, %v", o, err)
	}
	if b, err := h.file.At(ctx, o.Previous); err != nil || b != nil {
		t.Errorf("the version before: %q, %v", b, err)
	}
	if b, n, err := h.file.BeforeLast(ctx); err != nil || b != nil || n != o.Revision {
		t.Errorf("before the last change: %q, %d, %v", b, n, err)
	}
	back, err := h.file.Apply(ctx, put(nil))
	if err != nil || !back.Changed() || back.Previous != o.Revision || !gone() {
		t.Fatalf("removed again: %+v, %v", back, err)
	}
	if b, err := h.file.At(ctx, back.Previous); err != nil || b == nil || len(b) != 0 {
		t.Errorf("the empty file: %q, %v", b, err)
	}
	if v, err := h.file.journal.Verify(ctx); err != nil || len(v.Problems) > 0 {
		t.Errorf("journal: %+v, %v", v, err)
	}
}

// A file that was changed in the meantime is not removed.
func TestOptionalFileConflict(t *testing.T) {
	h := newTestHome(t, "a=1\n", nil)
	h.file.optional = true
	e := put(nil)
	e.Make = func([]byte) ([]byte, []Change, error) {
		h.write("a=2\n")
		return nil, nil, nil
	}
	if _, err := h.file.Apply(t.Context(), e); !errors.Is(err, ErrConflict) || h.read() != "a=2\n" {
		t.Errorf("%v, the file is %q", err, h.read())
	}
}

// A required file is never removed.
func TestNeededFileIsKept(t *testing.T) {
	h := newTestHome(t, "a=1\n", nil)
	if _, err := h.file.Apply(t.Context(), put(nil)); !errors.Is(err, ErrNeeded) || h.read() != "a=1\n" {
		t.Errorf("%v, the file is %q", err, h.read())
	}
	if _, err := h.file.Preview(t.Context(), put(nil)); !errors.Is(err, ErrNeeded) {
		t.Error(err)
	}
}

// Without the directory of the file there is no home, so nothing is created.
func TestFileWithoutItsDirectory(t *testing.T) {
	h := newTestHome(t, "", nil)
	if err := os.RemoveAll(filepath.Join(h.dir, "config")); err != nil {
		t.Fatal(err)
	}
	if _, err := h.file.MayCreate().Apply(t.Context(), put([]byte("a=1"))); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	if names, err := os.ReadDir(h.dir); err != nil || len(names) > 0 {
		t.Errorf("%v, %v", names, err)
	}
}
