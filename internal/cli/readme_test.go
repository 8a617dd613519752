package cli_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the real output into the documents")

// executedDocuments are the documents whose sessions must be real: in a block
// that begins with ```console, each line that begins with "$ " is run, and what
// follows must be exactly what it prints. A block whose first line names a file
// behind the language, as in ```ldif people.ldif, is that file. One document is
// one session.
func executedDocuments() []string {
	return []string{"../../README.md", "../../docs/guide/coexistence.md"}
}

func TestDocumentsShowRealOutput(t *testing.T) {
	for _, path := range executedDocuments() {
		t.Run(path, func(t *testing.T) {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			s := &session{dir: t.TempDir(), env: append(os.Environ(), "DAVADMIN_HOME=", "NO_COLOR=1", clockVariable+"=2026-11-01T12:00:00Z")}
			got := s.replay(t, string(text))
			if s.commands == 0 {
				t.Fatal("the document has no session")
			}
			if *update {
				if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(string(text), got); diff != "" {
				t.Errorf("run 'go test ./internal/cli -run Documents -update' (-document +real):\n%s", diff)
			}
		})
	}
}

type session struct {
	dir      string
	env      []string
	commands int
}

// replay returns the document with the real output of its sessions.
func (s *session) replay(t *testing.T, text string) string {
	t.Helper()
	var out, content strings.Builder
	inSession, file := false, ""
	for line := range strings.Lines(text) {
		switch {
		case file != "":
			out.WriteString(line)
			if !strings.HasPrefix(line, "```") {
				content.WriteString(line)
				continue
			}
			if err := os.WriteFile(filepath.Join(s.dir, file), []byte(content.String()), 0o600); err != nil {
				t.Fatal(err)
			}
			file = ""
		case !inSession:
			out.WriteString(line)
			inSession = strings.TrimSpace(line) == "```console"
			if lang, name, ok := strings.Cut(strings.TrimSpace(line), " "); ok && strings.HasPrefix(lang, "```") {
				file = name
				content.Reset()
			}
		case strings.HasPrefix(line, "```"):
			out.WriteString(line)
			inSession = false
		case strings.HasPrefix(line, "$ "):
			out.WriteString(line)
			out.WriteString(s.run(t, strings.TrimSpace(line[2:])))
		}
	}
	return out.String()
}

func (s *session) run(t *testing.T, command string) string {
	t.Helper()
	s.commands++
	if assignment, ok := strings.CutPrefix(command, "export "); ok {
		s.env = append(s.env, assignment)
		return ""
	}
	cmd := exec.Command("sh", "-c", command)
	cmd.Dir, cmd.Env = s.dir, s.env
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		fmt.Fprintf(&out, "(exit code %d)\n", cmd.ProcessState.ExitCode())
	}
	return strings.ReplaceAll(out.String(), s.dir+"/", "")
}
