package cli_test

import (
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"

	"github.com/davadmin/davadmin/internal/ui"
)

// runOnTerminal is the command 'terminal [-wide REGEXP] COLUMNS PROGRAM ARG...': it runs a
// program whose output is a terminal of that many columns, and writes what the terminal
// received to the file 'screen'. A line that is wider than the terminal fails the story,
// unless it matches REGEXP: a command that is there to be pasted stays on one line.
func runOnTerminal(ts *testscript.TestScript, neg bool, args []string) {
	wide := regexp.MustCompile(`^\b$`) // matches nothing
	if len(args) > 2 && args[0] == "-wide" {
		wide = regexp.MustCompile(args[1])
		args = args[2:]
	}
	if len(args) < 2 {
		ts.Fatalf("usage: terminal [-wide REGEXP] COLUMNS PROGRAM ARG...")
	}
	columns, err := strconv.ParseUint(args[0], 10, 16)
	ts.Check(err)
	screen, terminal := openTerminal(ts, uint16(columns))
	received := make(chan []byte)
	go func() {
		b, _ := io.ReadAll(screen) // ends with EIO once nobody has the terminal open
		received <- b
	}()
	failed := ts.Exec("sh", append([]string{"-c", `exec "$@" >` + terminal.Name(), "sh"}, args[1:]...)...)
	ts.Check(terminal.Close())
	text := strings.ReplaceAll(string(<-received), "\r\n", "\n")
	ts.Check(screen.Close())
	ts.Check(os.WriteFile(ts.MkAbs("screen"), []byte(text), 0o600))
	ts.Logf("[screen]\n%s", text)
	if (failed != nil) != neg {
		ts.Fatalf("%s: %v", strings.Join(args, " "), failed)
	}
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if n := ui.Width(line); n > int(columns) && !wide.MatchString(line) {
			ts.Fatalf("%d cells on a terminal of %d columns: %s", n, columns, line)
		}
	}
}

// openTerminal opens a pseudo-terminal of the given width.
func openTerminal(ts *testscript.TestScript, columns uint16) (screen, terminal *os.File) {
	screen, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	ts.Check(err)
	fd := int(screen.Fd())
	ts.Check(unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0))
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	ts.Check(err)
	ts.Check(unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: columns}))
	terminal, err = os.OpenFile("/dev/pts/"+strconv.Itoa(number), os.O_RDWR|unix.O_NOCTTY, 0)
	ts.Check(err)
	return screen, terminal
}
