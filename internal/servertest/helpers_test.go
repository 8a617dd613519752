package servertest

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// Tests mostly wait for servers, so more of them run at once than the machine has
// processors.
func TestMain(m *testing.M) {
	if kind := os.Getenv(parentOf); kind != "" {
		beParent(kind)
		return
	}
	if err := flag.Set("test.parallel", "8"); err != nil {
		panic(err)
	}
	m.Run()
}

// kinds returns functions that start the servers with their common options.
func kinds() map[string]func(context.Context, string, Options) (*Server, error) {
	return map[string]func(context.Context, string, Options) (*Server, error){
		"slapd": func(ctx context.Context, dir string, o Options) (*Server, error) {
			return StartSlapd(ctx, dir, SlapdOptions{Options: o})
		},
		"389": func(ctx context.Context, dir string, o Options) (*Server, error) {
			return Start389(ctx, dir, DSOptions{Options: o})
		},
	}
}

// onBoth runs a test for each server.
func onBoth(t *testing.T, test func(t *testing.T, kind string, begin func(*testing.T, Options) *Server)) {
	t.Parallel()
	for kind, run := range kinds() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			test(t, kind, func(t *testing.T, o Options) *Server {
				return start(t, func(ctx context.Context) (*Server, error) { return run(ctx, "", o) })
			})
		})
	}
}

// search runs ldapsearch and returns the entries as attribute: value lines by
// DN, and the exit code, which is the result code of the search.
func search(t *testing.T, s *Server, env []string, args ...string) (map[string][]string, int) {
	t.Helper()
	path, err := lookPath("ldapsearch", "ldap-utils")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, append([]string{"-LLL", "-o", "ldif-wrap=no", "-b", s.Suffix}, args...)...)
	cmd.Env = append(cmd.Environ(), env...)
	out, err := cmd.Output()
	code := exitCode(err)
	if code < 0 {
		t.Fatal(err)
	}
	entries := map[string][]string{}
	for block := range strings.SplitSeq(string(out), "\n\n") {
		lines := strings.Split(strings.Trim(block, "\n"), "\n")
		lines = slices.DeleteFunc(lines, func(line string) bool { return strings.HasPrefix(line, "#") || line == "" })
		if len(lines) > 0 && strings.HasPrefix(lines[0], "dn: ") {
			entries[lines[0][len("dn: "):]] = lines[1:]
		}
	}
	return entries, code
}

func asManager(s *Server) []string {
	return []string{"-x", "-H", s.URL, "-D", s.ManagerDN, "-w", Password}
}
func asReader(s *Server) []string {
	return []string{"-x", "-H", s.URL, "-D", s.ReaderDN, "-w", Password}
}
func asNobody(s *Server) []string { return []string{"-x", "-H", s.URL} }

// with returns args and more, without changing args.
func with(args []string, more ...string) []string { return slices.Concat(args, more) }

// readLDIF returns the entries of a file without folded lines as search does.
func readLDIF(t *testing.T, name string) map[string][]string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	entries := map[string][]string{}
	for block := range strings.SplitSeq(strings.TrimSpace(string(text)), "\n\n") {
		lines := strings.Split(block, "\n")
		entries[strings.TrimPrefix(lines[0], "dn: ")] = lines[1:]
	}
	return entries
}

// sorted sorts the lines of each entry and converts attribute names to lower case,
// because servers send the names of their own schema.
func sorted(entries map[string][]string) map[string][]string {
	for _, lines := range entries {
		for i, line := range lines {
			name, value, _ := strings.Cut(line, ":")
			lines[i] = strings.ToLower(name) + ":" + value
		}
		slices.Sort(lines)
	}
	return entries
}

func writeLDIF(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "data.ldif")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// manyPeople returns a tree with n people.
func manyPeople(n int) string {
	var b strings.Builder
	b.WriteString("dn: o=isp\nobjectClass: organization\no: isp\n")
	for i := range n {
		fmt.Fprintf(&b, "\ndn: uid=u%d,o=isp\nobjectClass: inetOrgPerson\nuid: u%d\ncn: u\nsn: u\n", i, i)
	}
	return b.String()
}

// The variables that make a copy of the test program start a server and wait.
const parentOf, parentDir = "SERVERTEST_PARENT_OF", "SERVERTEST_PARENT_DIR"

// beParent starts a server, prints its address, and waits until the server ends.
func beParent(kind string) {
	if kind == "postgres" {
		s, err := StartPostgres(context.Background(), os.Getenv(parentDir), PostgresOptions{TCP: true})
		if err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println(address(s.Port), s.Pid(), s.memory)
		<-s.process.done
		return
	}
	s, err := kinds()[kind](context.Background(), os.Getenv(parentDir), Options{})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println(s.URL, s.Pid())
	<-s.process.done
}
