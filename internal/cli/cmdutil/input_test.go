package cmdutil

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/davadmin/davadmin/internal/ui"
)

// TestStandardInputTwice checks that a second option which names standard input is refused,
// instead of getting nothing.
func TestStandardInputTwice(t *testing.T) {
	in := &Input{console: &Console{Streams: &ui.Streams{In: strings.NewReader("secret\n")}}}
	if b, err := in.ReadValue(t.Context(), "-", true); string(b) != "secret" || err != nil {
		t.Errorf("%q, %v", b, err)
	}
	for what, read := range map[string]func() error{
		"value": func() error { _, err := in.ReadValue(t.Context(), "-", false); return err },
		"batch": func() error { _, _, err := in.Open(t.Context(), "-"); return err },
	} {
		if err := read(); !IsUsage(err) || !strings.Contains(err.Error(), "standard input (-) can be read only once, but two options name it; use a file for one of them") {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// TestChangedWhileRead checks that a file that another program writes is not read in part.
func TestChangedWhileRead(t *testing.T) {
	text := strings.Repeat("a@example.com\n", 20_000)
	for name, change := range map[string]func(path string) error{
		"shortened": func(path string) error { return os.Truncate(path, 100_000) },
		"emptied":   func(path string) error { return os.Truncate(path, 0) },
		"appended to": func(path string) error {
			f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
			if err != nil {
				return err
			}
			_, err = f.WriteString("b@example.com\n")
			return errors.Join(err, f.Close())
		},
		"left alone": func(string) error { return nil },
	} {
		path := filepath.Join(t.TempDir(), "list")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		in := &Input{console: &Console{Streams: &ui.Streams{}}}
		f, _, err := in.Open(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(f, make([]byte, 1000)); err != nil {
			t.Fatal(err)
		}
		if err := change(path); err != nil {
			t.Fatal(err)
		}
		_, err = io.ReadAll(f)
		if wrong := errors.Is(err, errChanged) == (name == "left alone"); wrong {
			t.Errorf("%s: %v", name, err)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
}
