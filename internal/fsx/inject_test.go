package fsx

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// big is more than three chunks, so that failures fall between writes.
var big = strings.Repeat("new data\n", 3*chunkSize/9+100)

// scene is one kind of change, to be broken at each of its steps.
type scene struct {
	name string
	// prepare makes what is there before, in an empty directory.
	prepare func(t *testing.T, dir string)
	change  func(dir string, hook Hook) error
	// ops must all be seen in a run without failure, or the scene tests less than it claims.
	ops []Op
	old string // content before; "-" no file
	new string
	// wholeAt is the operation that puts the new content in place: a failure
	// after it leaves the new one. Empty: only a run without failure does.
	wholeAt Op
}

func scenes() []scene {
	ctx := context.Background()
	replace := func(dir string, h Hook) error {
		return Replace(ctx, in(dir, "f"), []byte(big), ReplaceOptions{Hook: h, OwnerFrom: dir})
	}
	// An old file that gives every kind of step something to do.
	rich := func(t *testing.T, dir string) {
		put(t, in(dir, "f"), "old", 0o640)
		put(t, TempName(in(dir, "f")), "leftover", 0o600)
		if os.Geteuid() == 0 {
			if err := os.Chown(in(dir, "f"), nobody, nobody); err != nil {
				t.Fatal(err)
			}
		}
		enrich(t, in(dir, "f"))
	}
	richOps := []Op{OpRemove, OpCreate, OpChmod, OpWrite, OpSync, OpRename, OpSyncDir}
	if os.Geteuid() == 0 {
		richOps = append(richOps, OpChown)
	}
	plain := []Op{OpCreate, OpChmod, OpWrite, OpSync, OpRename, OpSyncDir}
	return []scene{
		{"replace", rich, replace, richOps, "old", big, OpRename},
		{"replace-missing", nothing, replace, plain, "-", big, OpRename},
		{"new", nothing, func(dir string, h Hook) error {
			return WriteNew(ctx, in(dir, "f"), []byte(big), 0o644, dir, h)
		}, plain, "-", big, OpRename},
		{"append", func(t *testing.T, dir string) { put(t, in(dir, "f"), "old", 0o600) },
			func(dir string, h Hook) error { return Append(ctx, in(dir, "f"), []byte(big), dir, h) },
			[]Op{OpWrite, OpSync}, "old", "old" + big, ""},
		{"append-missing", nothing,
			func(dir string, h Hook) error { return Append(ctx, in(dir, "f"), []byte(big), dir, h) },
			[]Op{OpCreate, OpSyncDir, OpWrite, OpSync}, "-", big, ""},
	}
}

func nothing(*testing.T, string) {}

// steps runs the change once without failure and returns what it did.
func (s scene) steps(t *testing.T) []Op {
	t.Helper()
	dir := t.TempDir()
	s.prepare(t, dir)
	var ops []Op
	if err := s.change(dir, func(op Op, _ string) error { ops = append(ops, op); return nil }); err != nil {
		t.Fatal(err)
	}
	for _, op := range s.ops {
		if !slices.Contains(ops, op) {
			t.Fatalf("the scene never comes to %q, only to %q", op, ops)
		}
	}
	holds(t, in(dir, "f"), s.new)
	only(t, dir, "f")
	return ops
}

// check looks at the disk after a failure at ops[i].
func (s scene) check(t *testing.T, dir string, ops []Op, i int) {
	t.Helper()
	path := in(dir, "f")
	switch {
	case s.wholeAt != "" && i > slices.Index(ops, s.wholeAt):
		holds(t, path, s.new)
	case s.old == "-":
		if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
			t.Fatalf("the file is there after a failed making of it (%v)", err)
		}
	default:
		holds(t, path, s.old)
	}
}

func TestFailureAtEachStep(t *testing.T) {
	boom := fmt.Errorf("injected: %w", syscall.ENOSPC)
	for _, s := range scenes() {
		ops := s.steps(t)
		for i := range ops {
			t.Run(fmt.Sprintf("%s/%d-%s", s.name, i, ops[i]), func(t *testing.T) {
				dir := t.TempDir()
				s.prepare(t, dir)
				n := -1
				err := s.change(dir, func(Op, string) error {
					if n++; n == i {
						return boom
					}
					return nil
				})
				replaced := s.wholeAt != "" && i > slices.Index(ops, s.wholeAt)
				e := says(t, err, in(dir, "f"), "no space left", map[bool]string{true: "power cut", false: "nothing was changed"}[replaced])
				if e.Replaced != replaced || e.Op != ops[i] || !errors.Is(err, syscall.ENOSPC) {
					t.Errorf("Replaced %v, Op %q, error %v; want %v, %q", e.Replaced, e.Op, err, replaced, ops[i])
				}
				s.check(t, dir, ops, i)
				// A leftover that could not be removed is the one thing that may stay.
				removed, err := CleanTemp(in(dir, "f"))
				if err != nil {
					t.Fatal(err)
				}
				if removed && ops[i] != OpRemove {
					t.Error("the unfinished new file was left behind")
				}
				if _, err := os.Lstat(TempName(in(dir, "f"))); !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("CleanTemp left it there (%v)", err)
				}
			})
		}
	}
}

// A disk that is gone for good refuses the cleaning up as well.
func TestEveryStepFailsFromHere(t *testing.T) {
	for _, s := range scenes() {
		if s.wholeAt == "" {
			continue // Append: TestAppendCannotTakeBack
		}
		ops := s.steps(t)
		for i := range ops {
			t.Run(fmt.Sprintf("%s/%d-%s", s.name, i, ops[i]), func(t *testing.T) {
				dir := t.TempDir()
				s.prepare(t, dir)
				n := -1
				err := s.change(dir, func(Op, string) error {
					if n++; n >= i {
						return syscall.EIO
					}
					return nil
				})
				if !errors.Is(err, syscall.EIO) {
					t.Fatalf("error %v, want EIO", err)
				}
				s.check(t, dir, ops, i)
				created := slices.Index(ops, OpCreate)
				if i > created && i <= slices.Index(ops, OpRename) {
					if removed, err := CleanTemp(in(dir, "f")); !removed || err != nil {
						t.Fatalf("CleanTemp: %v, %v; want the leftover removed", removed, err)
					}
					only(t, dir, slices.DeleteFunc([]string{"f"}, func(string) bool { return s.old == "-" })...)
				}
				if err := Replace(context.Background(), in(dir, "f"), []byte("next"), ReplaceOptions{}); err != nil {
					t.Fatalf("the next run: %v", err)
				}
				holds(t, in(dir, "f"), "next")
				only(t, dir, "f")
			})
		}
	}
}

func TestAppendCannotTakeBack(t *testing.T) {
	path := put(t, in(t.TempDir(), "f"), "old", 0o600)
	err := Append(context.Background(), path, []byte("new"), "", func(op Op, _ string) error {
		switch op {
		case OpSync:
			return syscall.EIO
		case OpTruncate:
			return syscall.EROFS
		}
		return nil
	})
	e := says(t, err, "taking it back failed", "after its first 3 bytes")
	if !e.Replaced || e.Op != OpSync || !errors.Is(err, syscall.EIO) || !errors.Is(err, syscall.EROFS) {
		t.Errorf("got %+v: both causes and Replaced must be seen", e)
	}
}

// The directory is made in one step as well: there, private, owned, or not at all.
func TestMkdirFailureAtEachStep(t *testing.T) {
	ctx := context.Background()
	var ops []Op
	count := func(op Op, _ string) error { ops = append(ops, op); return nil }
	if err := MkdirPrivate(ctx, in(t.TempDir(), "d"), "", count); err != nil {
		t.Fatal(err)
	}
	for i, op := range ops {
		dir := t.TempDir()
		n := -1
		err := MkdirPrivate(ctx, in(dir, "d"), "", func(Op, string) error {
			if n++; n == i {
				return syscall.ENOSPC
			}
			return nil
		})
		e := says(t, err, in(dir, "d"))
		if !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("%s: error %v, want ENOSPC", op, err)
		}
		if e.Replaced != (op == OpSyncDir) {
			t.Errorf("%s: Replaced is %v", op, e.Replaced)
		}
		if e.Replaced {
			only(t, dir, "d")
		} else {
			only(t, dir)
		}
	}
}
