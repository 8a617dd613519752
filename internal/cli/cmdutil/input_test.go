package cmdutil

import (
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
