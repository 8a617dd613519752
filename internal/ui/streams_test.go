package ui_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/davadmin/davadmin/internal/ui"
)

func TestConfirm(t *testing.T) {
	for answer, want := range map[string]bool{
		"y\n": true, "Y\n": true, "yes\n": true, "YES\n": true, "Yes\n": true, "yes\nno\n": true,
		"n\n": false, "no\n": false, "\n": false, "": false, "yess\n": false, " y\n": false, "y ": false, "ja\n": false,
		"y": false, // the input ended before the line did
	} {
		var out bytes.Buffer
		s := &ui.Streams{In: strings.NewReader(answer), Err: &out, InTTY: true}
		got, err := s.Confirm(t.Context(), "Remove 3 versions?\x1b[2J")
		if err != nil || got != want {
			t.Errorf("%q: %v, %v", answer, got, err)
		}
		if out.String() != `Remove 3 versions?\x1b[2J [y/N] ` {
			t.Errorf("asked %q", out.String())
		}
	}
}

// Without a terminal, Confirm asks nothing and reads nothing.
func TestConfirmWithoutTerminal(t *testing.T) {
	var out bytes.Buffer
	in := strings.NewReader("y\n")
	s := &ui.Streams{In: in, Err: &out}
	if yes, err := s.Confirm(t.Context(), "Sure?"); yes || !errors.Is(err, ui.ErrNoTerminal) {
		t.Errorf("%v, %v", yes, err)
	}
	if rest, _ := io.ReadAll(in); out.Len() > 0 || string(rest) != "y\n" {
		t.Errorf("wrote %q, left %q", out.String(), rest)
	}
}

func TestConfirmReportsABrokenTerminal(t *testing.T) {
	broken := errors.New("terminal gone")
	s := &ui.Streams{In: iotest.ErrReader(broken), Err: io.Discard, InTTY: true}
	if yes, err := s.Confirm(t.Context(), "Sure?"); yes || !errors.Is(err, broken) {
		t.Errorf("%v, %v", yes, err)
	}
}
