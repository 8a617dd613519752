package fsx

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// A file that is also the standard output is written to at the position of that: what was
// printed before and is printed after is not overwritten.
func TestWriteOutputToStandardOutput(t *testing.T) {
	path := filepath.Join(t.TempDir(), "out")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	saved, err := syscall.Dup(1)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(saved)
	if err := syscall.Dup3(int(f.Fd()), 1, 0); err != nil {
		t.Fatal(err)
	}
	_, first := os.Stdout.WriteString("before\n")
	err = WriteOutput(t.Context(), "/dev/stdout", OutputOptions{}, func(w io.Writer) error {
		_, err := io.WriteString(w, "the plan\n")
		return err
	})
	own := IsStdout("/dev/stdout")
	_, last := os.Stdout.WriteString("after\n")
	if derr := syscall.Dup3(saved, 1, 0); derr != nil {
		t.Fatal(derr)
	}
	b, rerr := os.ReadFile(path)
	if err := errors.Join(err, first, last, rerr); err != nil || string(b) != "before\nthe plan\nafter\n" {
		t.Errorf("%q, %v", b, err)
	}
	if !own || IsStdout("/dev/null") || IsStdout(path) {
		t.Errorf("/dev/stdout %v, /dev/null %v, %s %v", own, IsStdout("/dev/null"), path, IsStdout(path))
	}
}
