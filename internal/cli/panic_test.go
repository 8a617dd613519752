package cli_test

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/davadmin/davadmin/internal/cli"
	"github.com/davadmin/davadmin/internal/fsx"
	"github.com/davadmin/davadmin/internal/ui"
)

// A panic ends the run with exit code 1 and one line, and the next run works.
func TestPanic(t *testing.T) {
	home := t.TempDir()
	if err := os.Mkdir(filepath.Join(home, "config"), 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(home, "config", "davserver.properties"), []byte("# site\n"))
	run := func(hook fsx.Hook) (code int, errs string) {
		var out, notes bytes.Buffer
		code = cli.Main(t.Context(), &cli.Environment{
			Streams: &ui.Streams{In: strings.NewReader(""), Out: &out, Err: &notes}, Hook: hook, Getenv: func(string) string { return "" },
			Args: []string{"config", "modify", "-o", "log.dav.errors.loglevel", "-v", "FINE", "--home", home},
		})
		return code, notes.String()
	}
	code, errs := run(func(fsx.Op, string) error { panic("disk\nlost") })
	if want := regexp.MustCompile(`^davadmin: config: internal error: disk\\nlost \(panic_test\.go:\d+\)\n$`); code != 1 || !want.MatchString(errs) {
		t.Errorf("code %d: %s", code, errs)
	}
	if code, errs := run(nil); code != 0 {
		t.Errorf("code %d: %s", code, errs)
	}
}
