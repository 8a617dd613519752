package cli_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/davadmin/davadmin/internal/ui"
)

// linesVariable names the file to which a run of davadmin adds what it printed for people:
// for each line, the command line, a tab, and the line.
const linesVariable = "DAVADMIN_TEST_LINES"

// recorder keeps a copy of what is written.
type recorder struct {
	to   io.Writer
	lock sync.Mutex
	text bytes.Buffer
}

func (r *recorder) Write(p []byte) (int, error) {
	r.lock.Lock()
	defer r.lock.Unlock()
	r.text.Write(p)
	return r.to.Write(p)
}

// recordLines makes a run add its messages to the file, at the end of the run.
func recordLines(path string, s *ui.Streams, args []string) (end func()) {
	r := &recorder{to: s.Err}
	s.Err = r
	return func() {
		r.lock.Lock()
		defer r.lock.Unlock()
		var b strings.Builder
		for line := range strings.Lines(r.text.String()) {
			fmt.Fprintf(&b, "davadmin %s\t%s\n", strings.ReplaceAll(strings.Join(args, " "), "\n", " "), strings.TrimSuffix(line, "\n"))
		}
		f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			panic(err)
		}
		defer f.Close()
		if _, err := f.WriteString(b.String()); err != nil {
			panic(err)
		}
	}
}

// collectLines returns the file for the messages of all stories. At the end of the test, each
// message that is hard to read is an error.
func collectLines(t *testing.T) string {
	path := filepath.Join(t.TempDir(), "lines")
	t.Cleanup(func() {
		text, err := os.ReadFile(path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		os.WriteFile("/tmp/tmp-reports/lines", text, 0o600)
		lines := slices.Compact(slices.Sorted(strings.Lines(string(text))))
		for _, line := range lines {
			command, message, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
			if why := hardToRead(message); why != "" {
				t.Errorf("%s: %s\n%s", command, why, message)
			}
		}
		t.Logf("%d messages", len(lines))
	})
	return path
}

// maxMessage is the length of the longest message, without the command lines that it
// suggests, which contain what the user typed.
const maxMessage = 400

var (
	suggestedLine = regexp.MustCompile(`'davadmin [^']*'`)
	named         = regexp.MustCompile(`[A-Za-z][A-Za-z0-9-]*=[^ ,;:'"]+(,[A-Za-z][A-Za-z0-9-]*=[^ ,;:'"]+)+|(/[A-Za-z0-9._-]+){2,}`)
)

// hardToRead returns what is wrong with a message; "" for nothing.
func hardToRead(message string) string {
	message = suggestedLine.ReplaceAllString(message, "'...'")
	if first, _, found := strings.Cut(strings.TrimPrefix(message, "davadmin: "), "davadmin "); found {
		message = first
	}
	return hardText(message)
}

func hardText(message string) string {
	switch {
	case len(message) > maxMessage:
		return fmt.Sprintf("the message has %d bytes", len(message))
	case strings.Contains(message, `\n`):
		return "the message contains an escaped line end"
	}
	seen := map[string]bool{}
	for _, name := range named.FindAllString(message, -1) {
		if seen[name] {
			return "it says " + name + " twice"
		}
		seen[name] = true
	}
	return ""
}
