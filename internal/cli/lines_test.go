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

// linesVariable names the file to which a run of davadmin adds its messages: for each line,
// the command line, a tab, and the line.
const linesVariable = "DAVADMIN_TEST_LINES"

// recorder keeps a copy of what is written.
type recorder struct {
	to   io.Writer
	lock sync.Mutex
	text bytes.Buffer
}

func (r *recorder) Write(p []byte) (int, error) {
	r.lock.Lock()
	r.text.Write(p)
	r.lock.Unlock()
	return r.to.Write(p) // which can block
}

// recordLines returns a function that adds the messages of a run to the file, after it.
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
		lines := slices.Compact(slices.Sorted(strings.Lines(string(text))))
		for _, line := range lines {
			command, message, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
			requireReadable(t, command, message)
		}
		t.Logf("%d messages", len(lines))
	})
	return path
}

// requireReadable reports an error for each line of the messages of a command that is hard to
// read.
func requireReadable(t *testing.T, command, messages string) {
	t.Helper()
	for line := range strings.Lines(messages) {
		if why := hardToRead(strings.TrimSuffix(line, "\n")); why != "" {
			t.Errorf("%s: %s\n%s", command, why, line)
		}
	}
}

// maxMessage is the maximum length of a line of a message, in bytes, with short temporary
// directories and without the command lines to paste that it contains.
const maxMessage = 480

var (
	quotedCommand = regexp.MustCompile(`'davadmin [^']*('[^']*'[^']*)*'`)
	lastCommand   = regexp.MustCompile(`(davadmin [a-z0-9]|: (chmod|chown|iconv) ).*$`)
	tmpDir        = regexp.MustCompile(`/tmp/[A-Za-z0-9._-]+/[A-Za-z0-9._-]+`)
	// typed are names with a line end, which stories type on purpose.
	typed = regexp.MustCompile(`'[^']{0,20}\\n[^']{0,10}'`)
	// aName is a DN of two parts or more, or a path.
	aName = regexp.MustCompile(`[A-Za-z][A-Za-z0-9-]*=[^ ,;:'"()]+(,[A-Za-z][A-Za-z0-9-]*=[^ ,;:'"()]+)+|(/[A-Za-z0-9._-]+){2,}`)
)

// hardToRead returns what is wrong with a line of a message; "" for nothing.
func hardToRead(line string) string {
	line = strings.TrimPrefix(line, "davadmin: ")
	line = quotedCommand.ReplaceAllString(line, "'...'")
	line = lastCommand.ReplaceAllString(line, "...")
	line = tmpDir.ReplaceAllString(line, "/tmp/x")
	switch {
	case len(line) > maxMessage:
		return fmt.Sprintf("the line has %d bytes", len(line))
	case strings.Contains(typed.ReplaceAllString(line, ""), `\n`):
		return "the line contains an escaped line end"
	}
	seen := map[string]bool{}
	for _, name := range aName.FindAllString(line, -1) {
		if seen[name] {
			return "it says " + name + " twice"
		}
		seen[name] = true
	}
	return ""
}

// The check of messages finds what is hard to read.
func TestHardToRead(t *testing.T) {
	for line, want := range map[string]string{
		"davadmin: ldap: uid=a,o=isp: not changed: no right to uid=a,o=isp":                   "it says uid=a,o=isp twice",
		"davadmin: ldap: uid=a,o=isp: not changed: '" + strings.Repeat("x", maxMessage) + "'": "bytes",
		`davadmin: ldap: the server said: first\nsecond`:                                      "escaped line end",
		"davadmin: config: /a/b: cannot read /a/b":                                            "it says /a/b twice",
		"davadmin: config: /a/b: bad; run: chmod 600 /a/b":                                    "",
		"davadmin: config: /a/b: bad; 'davadmin config list --home /a/b' lists all":           "",
		"next: davadmin ldap apply /a/b --out /a/b":                                           "",
		"davadmin: ldap: uid=a,o=isp and uid=b,o=isp":                                         "",
		`davadmin: ldappool: 'a=b\nc' is not a valid pool name`:                               "",
	} {
		if got := hardToRead(line); (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", line, got, want)
		}
	}
}
