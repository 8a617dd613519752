package datacmd

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/davadmin/davadmin/internal/cli/cmdutil"
	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/calio"
	"github.com/davadmin/davadmin/pkg/ical"
)

// More errors than are listed are counted all the same, so that a report never looks complete
// when it is not.
func TestImportHasTooManyErrors(t *testing.T) {
	var out, notes bytes.Buffer
	f := cmdutil.NewFactory(&cmdutil.Environment{Streams: &ui.Streams{In: strings.NewReader(""), Out: &out, Err: &notes}, Getenv: func(string) string { return "" }})
	p := newImportPrinter(&importFiles{console: f.Console, global: f.Global, hints: f.Hints}, ui.Plain)
	p.begin(calio.Place{}, "f.ics", true)
	for i := range maxHeld + 3 {
		p.hold(ical.Problem{Level: ical.Error, Code: "component-not-ended", Line: i + 1, Text: "it does not end"})
	}
	p.hold(ical.Problem{Level: ical.Error, Code: "component-not-ended", Line: 1, Text: "it does not end"})
	p.endText()
	if p.counts[calio.Rejected] != maxHeld || p.faults != 1 {
		t.Errorf("%v, %d faults", p.counts, p.faults)
	}
	want := "f.ics: it has 3 more errors, which are not listed; what they are about was not imported\n"
	rest := notes.String()
	if !strings.HasSuffix(rest, want) {
		t.Errorf("the notes end with %q", rest[max(0, len(rest)-200):])
	}
	for i := 1; i <= maxHeld; i++ {
		_, after, ok := strings.Cut(rest, fmt.Sprintf("f.ics:%d: ", i))
		if !ok {
			t.Fatalf("line %d is missing, or not in order", i)
		}
		rest = after
	}
}

// The name of a file of --dir is an address and the extensions of calendar files and archives.
func TestCutExtension(t *testing.T) {
	for name, want := range map[string]string{
		"a@example.com.ics": "a@example.com", "a@example.com.ICS": "a@example.com", "a@example.com.ics.gz": "a@example.com",
		"a@example.com.zip": "a@example.com", "a@example.com.json": "a@example.com", "a@example.zip.ics": "a@example.zip",
		"a@example.zip.zip": "a@example.zip", "a@example.com": "", "a@example.com.txt": "", "": "",
	} {
		got, ok := cutExtension(name)
		if ok != (want != "") || ok && got != want {
			t.Errorf("%q: %q %v, not %q", name, got, ok, want)
		}
	}
}
