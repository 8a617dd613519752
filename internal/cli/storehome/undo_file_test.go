package storehome

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"github.com/davadmin/davadmin/internal/fsx"
)

// undoText returns the content of an undo file; "" if it does not exist.
func undoText(t *testing.T, u *UndoFile) string {
	t.Helper()
	b, err := os.ReadFile(u.path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return string(b)
}

// useUndoFile keeps three groups of lines, and forgets the second. It returns the
// contents that the file may have at some time.
func useUndoFile(u *UndoFile) (contents []string, err error) {
	head := undoMark + "davadmin account delete -f THIS-FILE\n"
	contents = []string{"", head + "id=1\n", head + "id=1\nid=2\nid=3\n", head + "id=1\nid=4\n"}
	if _, err := u.Keep([]string{"id=1"}); err != nil {
		return contents, err
	}
	forget, err := u.Keep([]string{"id=2", "id=3"})
	if err != nil {
		return contents, err
	}
	if err := forget(); err != nil {
		return contents, err
	}
	_, err = u.Keep([]string{"id=4"})
	return contents, err
}

func TestUndoFileFailsAtEachStep(t *testing.T) {
	for i := 0; ; i++ {
		u := &UndoFile{path: filepath.Join(t.TempDir(), "accounts", "7.undo"), head: "davadmin account delete -f THIS-FILE"}
		calls := 0
		u.hook = func(fsx.Op, string) error {
			if calls++; calls == i+1 {
				return syscall.ENOSPC
			}
			return nil
		}
		contents, err := useUndoFile(u)
		got := undoText(t, u)
		if calls <= i { // no failure any more
			if err != nil || got != contents[3] {
				t.Errorf("without a failure: %q, %v", got, err)
			}
			if i < 10 {
				t.Errorf("only %d steps", i)
			}
			return
		}
		if !errors.Is(err, syscall.ENOSPC) || !slices.Contains(contents, got) {
			t.Errorf("step %d: %q, %v", i, got, err)
		}
	}
}

func TestUndoFileOfAnotherChangeIsNotExtended(t *testing.T) {
	u := &UndoFile{path: filepath.Join(t.TempDir(), "7.undo")}
	if err := os.WriteFile(u.path, []byte("id=0\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := u.Keep([]string{"id=1"}); err == nil || undoText(t, u) != "id=0\n" {
		t.Errorf("%q, %v", undoText(t, u), err)
	}
}

func TestUndoFileThatIsForgottenIsRemoved(t *testing.T) {
	u := &UndoFile{path: filepath.Join(t.TempDir(), "accounts", "7.undo")}
	forget, err := u.Keep([]string{"id=1"})
	if err != nil {
		t.Fatal(err)
	}
	if fi, err := os.Stat(u.path); err != nil || fi.Mode() != 0o600 || u.Empty() {
		t.Errorf("%v, %v", fi, err)
	}
	if err := forget(); err != nil || !u.Empty() {
		t.Errorf("%v", err)
	}
	if _, err := os.Lstat(u.path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the file exists (%v)", err)
	}
}

// Undo files that earlier versions wrote are still read from their end.
func TestUndoMarks(t *testing.T) {
	for line, want := range map[string]bool{
		"# undo file, read from its end: davadmin account delete -f THIS-FILE":               true,
		fmt.Sprintf("# the way %s, read from its end: davadmin account delete -f F", "back"): true,
		"# my list, read from its end: davadmin account delete -f THIS-FILE":                 false,
		"# undo file, read from its end: rm -r x":                                            false,
		"# notes, read from its end: or not":                                                 false,
		"# a comment":                                                                        false, "a@example.com": false, "": false,
	} {
		command, ok := CutUndoMark(line)
		if ok != want || ok && !slices.Equal(command, []string{"account", "delete"}) {
			t.Errorf("%q: got %q, %t", line, command, ok)
		}
	}
}
