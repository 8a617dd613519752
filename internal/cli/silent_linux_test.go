package cli_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/davadmin/davadmin/internal/servertest"
	"github.com/davadmin/davadmin/internal/tier"
)

// silence says where the network of the database falls silent.
type silence struct {
	name string
	// at is a function for servertest.NewSilentProxy, for the transactions that begin with a
	// word.
	at func(begin string) func([]byte) (before, after bool)
	// saved means that the database has committed the change.
	unknown, saved bool
}

func silences() []silence {
	commit := func(sent []byte) bool { return bytes.Contains(bytes.ToLower(sent), []byte("commit\x00")) }
	return []silence{
		{name: "BEGIN", at: func(begin string) func([]byte) (bool, bool) {
			return func(sent []byte) (bool, bool) { return bytes.Contains(sent, []byte(begin)), false }
		}},
		{name: "a statement", at: func(begin string) func([]byte) (bool, bool) {
			begun := false
			return func(sent []byte) (bool, bool) {
				if begun {
					return true, false
				}
				begun = bytes.Contains(sent, []byte(begin))
				return false, false
			}
		}},
		{name: "COMMIT", unknown: true, at: func(begin string) func([]byte) (bool, bool) {
			begun := false
			return func(sent []byte) (bool, bool) {
				begun = begun || bytes.Contains(sent, []byte(begin))
				return begun && commit(sent), false
			}
		}},
		{name: "the answer to COMMIT", unknown: true, saved: true, at: func(begin string) func([]byte) (bool, bool) {
			begun := false
			return func(sent []byte) (bool, bool) {
				begun = begun || bytes.Contains(sent, []byte(begin))
				return false, begun && commit(sent)
			}
		}},
	}
}

// stopTime is the most that a command may take after a signal, on a busy machine.
const stopTime = 4 * time.Second

// silentRun runs a command whose network falls silent, and stops it with SIGINT. It returns
// what the command wrote.
func silentRun(t *testing.T, p *servertest.SilentProxy, args ...string) string {
	t.Helper()
	var out liveOutput
	cmd := background(t, &out, args...)
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case <-p.Silent():
	case err := <-ended:
		t.Fatalf("%q ended first: %v: %s", args, err, out.String())
	case <-time.After(time.Minute):
		t.Fatalf("%q has not got that far: %s", args, out.String())
	}
	time.Sleep(100 * time.Millisecond)
	start := time.Now()
	_ = cmd.Process.Signal(syscall.SIGINT)
	select {
	case err := <-ended:
		if took, code := time.Since(start), exitCode(t, err); code != 130 || took > stopTime {
			t.Errorf("%q: code %d after %s: %s", args, code, took, out.String())
		} else {
			t.Logf("stopped after %s", took)
		}
	case <-time.After(20 * time.Second):
		t.Errorf("%q does not end: %s", args, out.String())
	}
	return out.String()
}

// recorded is a change in the output of 'history list'.
type recorded struct {
	Kind, Operation, Result, Detail string
	Change                          int64
}

// lastChange returns the last change of a home.
func lastChange(t *testing.T, home string) (last recorded) {
	t.Helper()
	for line := range strings.Lines(mustRun(t, "history", "list", "--output", "jsonl", "--home", home)) {
		var r recorded
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatal(err)
		}
		if r.Change > 0 {
			last = r
		}
	}
	return last
}

// runLine runs a command line that a message suggests.
func runLine(t *testing.T, line string) (out string, code int) {
	t.Helper()
	b, err := exec.Command("sh", "-c", line).CombinedOutput()
	return string(b), exitCode(t, err)
}

// silentCase is a command that changes a store.
type silentCase struct {
	name  string
	args  func(i int) []string // in the i-th run, which works on the i-th person
	ready func(i int) []string // a command before it; nil for none
	// saved and lost are parts of the answer of the command that finds out. Without them,
	// there is nothing to change, so nothing is unknown.
	saved, lost string
	undo        bool // it can be undone
	lazy        bool // it is not recorded before something is changed
}

// Everybody in the LDIF file readdressed has another address.
func silentCases(c crowd, readdressed string) []silentCase {
	words := func(words string) func(i int) []string {
		return func(i int) []string { return strings.Fields(strings.ReplaceAll(words, "PERSON", person(i))) }
	}
	create := func(i int) []string { return []string{"account", "create", "-a", person(i), "--ldif", c.ldif} }
	return []silentCase{
		{name: "account create", args: create, saved: "nothing to do: already done", lost: "would be created: ", undo: true},
		{name: "account modify", args: words("account modify -a PERSON -y attendanceflag=7"), ready: create, saved: "nothing to do: already done", lost: "would be changed: ", undo: true},
		{name: "account repair", args: words("account repair -m -a new-PERSON --ldif " + readdressed), ready: create, saved: "nothing to do: already done", lost: "would be changed: ", undo: true, lazy: true},
		{name: "account delete", args: words("account delete -a PERSON --yes"), ready: create, saved: "nothing to do: already done", lost: "would be deleted: ", undo: true},
		{name: "account move", args: words("account move -a PERSON --to store1 --yes"), ready: create, saved: "the move was begun by an earlier run", lost: "would be moved: ", undo: true, lazy: true},
		{name: "account subscribe", args: words("account subscribe -a PERSON -c /home/" + person(9) + "/calendar/"), ready: create, saved: "nothing to do: already done", lost: "would be changed: ", undo: true},
		{name: "account delcomponent", args: words("account delcomponent -d 30 -a PERSON --yes"), ready: create},
		{name: "calendar create", args: words("calendar create -a PERSON -n work"), ready: create, saved: "calendar work already exists", lost: "would be created: ", undo: true},
		{name: "calendar modify", args: words("calendar modify -a PERSON -y displayname=Work"), ready: create, saved: "nothing to do: already done", lost: "would be changed: ", undo: true},
		{name: "backend purge", args: words("backend purge --yes"), saved: "would be removed", lost: "would be removed"},
		{name: "db init", args: words("db init --overwrite --yes"), saved: "defaultbackend\tpostgresql\t1\t0\t", lost: "defaultbackend\tpostgresql\t1\t1\t"},
	}
}

// A command that changes a store ends within about 2 s after a signal while the network of
// the database is silent, wherever that happens. What it may have done is recorded as unknown,
// and the command that it suggests finds out.
func TestStoppedWhileTheDatabaseIsSilent(t *testing.T) {
	tier.All(t)
	s := servertest.Postgres(t, servertest.PostgresOptions{TCP: true})
	c := newCrowd(t, 10)
	people, err := os.ReadFile(c.ldif)
	if err != nil {
		t.Fatal(err)
	}
	readdressed := filepath.Join(t.TempDir(), "readdressed.ldif")
	write(t, readdressed, bytes.ReplaceAll(people, []byte("mail: "), []byte("mail: new-")))
	for _, k := range silentCases(c, readdressed) {
		database := strings.ReplaceAll(k.name, " ", "_")
		if _, err := s.Psql(t.Context(), "postgres", "CREATE DATABASE "+database); err != nil {
			t.Fatal(err)
		}
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			home := postgresHome(t, s.URL(database))
			mustRun(t, "db", "init", "--home", home)
			mustRun(t, "backend", "create", "-q", "-n", "store1", "--home", home)
			mustRun(t, "account", "create", "-a", person(9), "--ldif", c.ldif, "--home", home)
			for i, at := range silences() {
				t.Run(at.name, func(t *testing.T) { stopInSilence(t, s, database, home, k, i, at) })
			}
		})
	}
}

func stopInSilence(t *testing.T, s *servertest.PostgresServer, database, home string, k silentCase, i int, at silence) {
	use := func(url string) {
		t.Helper()
		mustRun(t, "config", "modify", "-q", "-o", "store.dav.defaultbackend.dburl", "-v", url, "--home", home)
	}
	if k.ready != nil {
		mustRun(t, append(k.ready(i), "--home", home)...)
	}
	p := servertest.NewSilentProxy(t, s, at.at("READ COMMITTED; "))
	use(p.URL(database))
	out := silentRun(t, p, append(k.args(i), "--home", home)...)
	p.Close() // until then, the server keeps the locks of the transaction
	last := lastChange(t, home)
	use(s.URL(database))
	unknown := at.unknown && k.saved != ""
	found := regexp.MustCompile(`(?m)to find out: (.*?)(?:; run the same command again to continue)?$`)
	switch {
	case !unknown:
		if last.Result != "not-done" && !k.lazy || !strings.Contains(out, "stopped by SIGINT") || strings.Contains(out, "unknown") || strings.Contains(out, "undo") {
			t.Errorf("%s%+v", out, last)
		}
		return
	case last.Result != "unknown" || !found.MatchString(out) || !found.MatchString(last.Detail):
		t.Fatalf("%s%+v", out, last)
	}
	for _, line := range []string{found.FindStringSubmatch(out)[1], found.FindStringSubmatch(last.Detail)[1]} {
		answer, _ := runLine(t, line)
		if want := map[bool]string{true: k.saved, false: k.lost}[at.saved]; !strings.Contains(answer, want) {
			t.Errorf("%s: saved: %v, but the answer is not '%s': %s", line, at.saved, want, answer)
		}
	}
	if k.undo && at.saved {
		mustRun(t, "history", "undo", strconv.FormatInt(last.Change, 10), "--yes", "--home", home)
		if answer, _ := runLine(t, found.FindStringSubmatch(out)[1]); !strings.Contains(answer, "would be ") {
			t.Errorf("after the undo: %s", answer)
		}
	}
}
