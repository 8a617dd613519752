package fsx

import (
	"errors"
	"io/fs"
	"path/filepath"
	"syscall"
	"testing"
)

// A pipe in the place of a file is refused, and its writer is not waited for.
func TestOpenRegularRefusesAPipe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenRegular(path); !errors.Is(err, ErrNotRegular) {
		t.Error(err)
	}
	if _, err := OpenRegular(path + "x"); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}
