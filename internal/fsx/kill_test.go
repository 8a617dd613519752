package fsx

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"testing"
	"time"

	"github.com/davadmin/davadmin/internal/seed"
)

// Like the injection of failures, but in a child process that sends itself SIGKILL
// before step i, for every i there is.
func TestKillAtEachStep(t *testing.T) {
	for _, c := range []struct {
		do, old string
		steps   int // the least number of steps
	}{
		{"replace", "old", 7}, {"replace", "-", 7}, {"new", "-", 7}, {"append", "old", 2}, {"append", "-", 4},
		{"stream", "old", 7}, {"stream", "-", 7}, {"build", "-", 5}, {"output", "old", 7}, {"output", "-", 6},
	} {
		for i := 0; ; i++ {
			dir := t.TempDir()
			path := in(dir, "f")
			if c.old != "-" {
				put(t, path, c.old, 0o640)
				put(t, TempName(path), "leftover", 0o600)
			}
			complaint, killed := run(t, part{Do: c.do, Path: path, Big: true, KillAt: i})
			if !killed {
				if complaint != "" {
					t.Fatalf("%s: %s", c.do, complaint)
				}
				if i < c.steps {
					t.Errorf("%s of %q took %d steps, expected at least %d", c.do, c.old, i, c.steps)
				}
				break
			}
			oldOrNew(t, path, c.do, c.old, big)
			if c.do == "output" {
				if err := WriteOutput(context.Background(), path, OutputOptions{Overwrite: true}, text("again")); err != nil {
					t.Fatalf("output killed at %d: the next run: %v", i, err)
				}
			}
			if err := Replace(context.Background(), path, []byte("next"), ReplaceOptions{}); err != nil {
				t.Fatalf("%s killed at %d: the next run: %v", c.do, i, err)
			}
			holds(t, path, "next")
			only(t, dir, "f")
		}
	}
}

// oldOrNew checks that a file has either the complete old or the complete new content.
func oldOrNew(t *testing.T, path, do, old, data string) {
	t.Helper()
	got, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) && old == "-" {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	want := data
	if do == "append" {
		want = map[bool]string{true: data, false: old + data}[old == "-"]
		if len(got) == 0 && old == "-" {
			return // documented: an empty file may remain
		}
	}
	if string(got) != old && string(got) != want {
		t.Fatalf("%s: the content is neither old nor new: %d bytes %.20q…", do, len(got), got)
	}
}

// A truncated file has its old or its new size.
func TestKillTruncate(t *testing.T) {
	for i := 0; ; i++ {
		path := put(t, in(t.TempDir(), "f"), "old and more", 0o600)
		complaint, killed := run(t, part{Do: "truncate", Path: path, KillAt: i})
		if complaint != "" {
			t.Fatal(complaint)
		}
		if !killed {
			if i < 2 {
				t.Errorf("only %d steps", i)
			}
			holds(t, path, "old")
			return
		}
		if n := stat(t, path).Size(); n != 3 && n != 12 {
			t.Errorf("killed at %d: %d bytes", i, n)
		}
	}
}

// A kill from outside can also hit the middle of a system call.
func TestKillAtAnyInstant(t *testing.T) {
	dir := t.TempDir()
	path := in(dir, "f")
	random := seed.New(t)
	for range 20 {
		_, kill := start(t, part{Do: "flip", Path: path})
		time.Sleep(time.Duration(random.IntN(int(15 * time.Millisecond))))
		kill()
		got, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, flipData(0)) && !bytes.Equal(got, flipData(1)) {
			t.Fatalf("the content is neither of the two: %d bytes %.20q…", len(got), got)
		}
	}
	if _, err := CleanTemp(path); err != nil {
		t.Fatal(err)
	}
	only(t, dir, "f")
}

// A directory is never left unfinished: the next run creates it or finds it complete.
func TestKillMkdir(t *testing.T) {
	for i := 0; ; i++ {
		dir := openDir(t, 0o755)
		if os.Geteuid() == 0 {
			if err := os.Chown(dir, nobody, nobody); err != nil {
				t.Fatal(err)
			}
		}
		path := in(dir, "d")
		complaint, killed := run(t, part{Do: "mkdir", Path: path, OwnerFrom: dir, KillAt: i})
		if complaint != "" {
			t.Fatal(complaint)
		}
		if !killed && i < 4 {
			t.Fatalf("only %d steps", i)
		}
		if fi, err := os.Lstat(path); err == nil && (fi.Mode().Perm() != 0o700 || ownerOf(fi) != ownerOf(stat(t, dir))) {
			t.Fatalf("killed at %d: the directory exists with mode %v and owner %v", i, fi.Mode(), ownerOf(fi))
		}
		if err := MkdirPrivate(context.Background(), path, dir, nil); err != nil {
			t.Fatalf("killed at %d: the next run: %v", i, err)
		}
		only(t, dir, "d")
		if fi := stat(t, path); fi.Mode() != fs.ModeDir|0o700 || ownerOf(fi) != ownerOf(stat(t, dir)) {
			t.Fatal(fmt.Sprint("killed at ", i, ": the directory is ", fi.Mode(), " of ", ownerOf(fi)))
		}
		if !killed {
			return
		}
	}
}
