package fsx

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// big is longer than three chunks, so that failures occur between writes.
var big = strings.Repeat("new data\n", 3*chunkSize/9+100)

// scene is one kind of change, which the tests interrupt at each of its steps.
type scene struct {
	name string
	// prepare creates the files that exist before the change, in an empty directory.
	prepare func(t *testing.T, dir string)
	change  func(dir string, hook Hook) error
	// ops are operations that a run without failure must contain, or the scene tests less than it claims.
	ops []Op
	old string // content before; "-" if the file does not exist
	new string
	// wholeAt is the operation that puts the new content in place: a failure after
	// it leaves the new content. If it is empty, only a run without failure does.
	wholeAt Op
}

func scenes() []scene {
	ctx := context.Background()
	replace := func(dir string, h Hook) error {
		return Replace(ctx, in(dir, "f"), []byte(big), ReplaceOptions{Hook: h, OwnerFrom: dir})
	}
	// An old file for which every kind of step is needed.
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
	return append(streamScenes(plain), []scene{
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
	}...)
}

// streamScenes are those of the functions whose content comes from a callback.
func streamScenes(plain []Op) []scene {
	ctx := context.Background()
	old := func(t *testing.T, dir string) { put(t, in(dir, "f"), "old", 0o640) }
	private := slices.DeleteFunc(slices.Clone(plain), func(op Op) bool { return op == OpChmod })
	return []scene{
		{"replace-func", old, func(dir string, h Hook) error {
			return ReplaceFunc(ctx, in(dir, "f"), writeBig, ReplaceOptions{Hook: h})
		}, plain, "old", big, OpRename},
		{"replace-private", old, func(dir string, h Hook) error {
			return ReplaceFunc(ctx, in(dir, "f"), writeBig, ReplaceOptions{Hook: h, Private: true})
		}, private, "old", big, OpRename},
		{"build", nothing, func(dir string, h Hook) error {
			return BuildNew(ctx, in(dir, "f"), 0o600, dir, h, buildBig)
		}, private, "-", big, OpRename},
		{"output", nothing, func(dir string, h Hook) error {
			return WriteOutput(ctx, in(dir, "f"), OutputOptions{Hook: h}, writeBig)
		}, private, "-", big, OpRename},
		{"output-overwrite", old, func(dir string, h Hook) error {
			return WriteOutput(ctx, in(dir, "f"), OutputOptions{Hook: h, Overwrite: true}, writeBig)
		}, private, "old", big, OpRename},
	}
}

func writeBig(w io.Writer) error {
	_, err := io.WriteString(w, big)
	return err
}

func buildBig(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	return errors.Join(writeBig(f), f.Close())
}

func nothing(*testing.T, string) {}

// steps runs the change once without failure and returns its operations.
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
			t.Fatalf("the operations are %q, without %q", ops, op)
		}
	}
	holds(t, in(dir, "f"), s.new)
	only(t, dir, "f")
	return ops
}

// check checks the files after a failure at ops[i].
func (s scene) check(t *testing.T, dir string, ops []Op, i int) {
	t.Helper()
	path := in(dir, "f")
	switch {
	case s.wholeAt != "" && i > slices.Index(ops, s.wholeAt):
		holds(t, path, s.new)
	case s.old == "-":
		if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
			t.Fatalf("the file exists although its creation failed (%v)", err)
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
				e := says(t, err, in(dir, "f"), "no space left", map[bool]string{true: "power failure", false: "nothing was changed"}[replaced])
				if e.Replaced != replaced || e.Op != ops[i] || !errors.Is(err, syscall.ENOSPC) {
					t.Errorf("Replaced %v, Op %q, error %v; want %v, %q", e.Replaced, e.Op, err, replaced, ops[i])
				}
				s.check(t, dir, ops, i)
				// Only a leftover that could not be removed may remain.
				removed, err := CleanTemp(in(dir, "f"))
				if err != nil {
					t.Fatal(err)
				}
				if removed && ops[i] != OpRemove {
					t.Error("the unfinished new file was left behind")
				}
				if _, err := os.Lstat(TempName(in(dir, "f"))); !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("CleanTemp did not remove it (%v)", err)
				}
			})
		}
	}
}

// On a disk that has failed for good, cleaning up fails as well.
func TestEveryStepFailsFromHere(t *testing.T) {
	for _, s := range scenes() {
		if s.wholeAt == "" {
			continue // Append: TestAppendCannotBeUndone
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
				if strings.HasPrefix(s.name, "output") {
					if err := WriteOutput(context.Background(), in(dir, "f"), OutputOptions{Overwrite: true}, text("again")); err != nil {
						t.Fatalf("the next run: %v", err)
					}
				} else if i > created && i <= slices.Index(ops, OpRename) {
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

func TestAppendCannotBeUndone(t *testing.T) {
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
	e := says(t, err, "undoing it failed", "after its first 3 bytes")
	if !e.Replaced || e.Op != OpSync || !errors.Is(err, syscall.EIO) || !errors.Is(err, syscall.EROFS) {
		t.Errorf("got %+v, want both causes and Replaced", e)
	}
}

// A directory is created in one step as well: private and with its owner, or not at all.
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
