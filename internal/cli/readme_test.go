package cli_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/davadmin/davadmin/internal/ldaptest"
	"github.com/davadmin/davadmin/pkg/ldif"
)

var update = flag.Bool("update", false, "write the real output into the documents")

// executedDocuments returns the documents whose sessions must be real: in a block that
// begins with ```console, each line that begins with "$ " is run, and the lines after it
// must be exactly its output. A block whose first line names a file after the language,
// as in ```ldif people.ldif, is that file; if "served" follows, it is also a live
// directory at $LDAP_HOST, which "cn=manager" and "cn=davadmin" may change with the password in
// the file pw. With "limited", it supports TLS with the CA in the file ca.pem, and has a bind DN
// "cn=reader,o=isp" with the same password, which may change nothing and read 5 entries. One document is one session; see
// stable for output that differs from run to run, and act for what happens between commands.
func executedDocuments() []string {
	return []string{"../../README.md", "../../docs/guide/connect.md", "../../docs/guide/cron.md", "../../docs/guide/coexistence.md", "../../docs/guide/pre-migration.md", "../../docs/guide/groups.md", "../../docs/guide/accounts.md", "../../docs/guide/high-availability.md", "../../docs/guide/calendar-files.md", "../../docs/guide/calendars.md", "../../docs/guide/freebusy.md"}
}

func TestDocumentsShowRealOutput(t *testing.T) {
	for _, path := range executedDocuments() {
		t.Run(path, func(t *testing.T) {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			s := &session{dir: t.TempDir(), env: append(os.Environ(), "DAVADMIN_HOME=", "NO_COLOR=1", clockVariable+"=2026-11-01T12:00:00Z", linesVariable+"="+collectLines(t)), ids: map[string]string{}}
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
	files    string            // the content of the document's own files
	host     string            // of the live directory
	ids      map[string]string // random unique ids and how they are shown

	databases *databases
	hosts     []string // pairs of the address of a database server and how it is shown
}

// replay returns the document with the real output of its sessions.
func (s *session) replay(t *testing.T, text string) string {
	t.Helper()
	var out, content strings.Builder
	var file []string // name of the file in the block, and "served"
	inSession := false
	for line := range strings.Lines(text) {
		switch {
		case file != nil:
			out.WriteString(line)
			if !strings.HasPrefix(line, "```") {
				content.WriteString(line)
				continue
			}
			s.write(t, file[0], content.String())
			if slices.Contains(file, "served") {
				s.serve(t, content.String(), slices.Contains(file, "limited"))
			}
			file = nil
		case !inSession:
			out.WriteString(line)
			if m := action.FindStringSubmatch(line); m != nil {
				s.act(t, m[1])
			}
			inSession = strings.TrimSpace(line) == "```console"
			if words := strings.Fields(line); strings.HasPrefix(line, "```") && len(words) > 1 {
				file = words[1:]
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

func (s *session) write(t *testing.T, name, text string) {
	t.Helper()
	s.files += text
	if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// serve starts a live directory with the entries of an LDIF text.
func (s *session) serve(t *testing.T, text string, limited bool) {
	t.Helper()
	const password = "secret"
	s.write(t, "pw", password+"\n")
	o := ldaptest.Options{Identities: []ldaptest.Identity{{DN: "cn=manager", Password: password}, {DN: "cn=davadmin", Password: password}}}
	if limited {
		o.TLS = true
		o.Identities = append(o.Identities, ldaptest.Identity{DN: "cn=reader,o=isp", Password: password, Limits: ldaptest.Limits{Size: 5}, ReadOnly: true})
	}
	r := ldif.NewReader(strings.NewReader(text), ldif.Options{})
	for {
		record, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		var pairs []string
		for _, a := range record.Attributes {
			pairs = append(pairs, string(a.Name), string(a.Value))
		}
		o.Entries = append(o.Entries, ldaptest.NewEntry(string(record.DN), pairs...))
	}
	server, err := ldaptest.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Stop)
	if limited {
		s.write(t, "ca.pem", string(server.CAPEM()))
	}
	s.host = strings.TrimPrefix(server.URL(), "ldap://")
	s.env = append(s.env, "LDAP_HOST="+s.host)
}

var (
	randomID = regexp.MustCompile(`\b[0-9a-f]{8}(-[0-9a-f]{8}){3}\b`)
	digest   = regexp.MustCompile(`\b[0-9a-f]{64}\b`)
)

// stable returns output without what differs from run to run: the directory of the session
// is removed, and database servers are named. If a directory is served, its address becomes ldap.example.com, random
// unique ids become fixed ones, and digests become dots. The clock is fixed anyway.
func (s *session) stable(out string) string {
	out = s.named(strings.ReplaceAll(out, s.dir+"/", ""))
	if s.host == "" {
		return out
	}
	out = strings.ReplaceAll(out, s.host, "ldap.example.com")
	out = randomID.ReplaceAllStringFunc(out, func(id string) string {
		if strings.Contains(s.files, id) {
			return id
		}
		if _, ok := s.ids[id]; !ok {
			s.ids[id] = fmt.Sprintf("6f2d81c4-9be03a75-d41c5e28-%08x", len(s.ids)+1)
		}
		return s.ids[id]
	})
	return digest.ReplaceAllString(out, "...")
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
	return s.stable(out.String())
}
