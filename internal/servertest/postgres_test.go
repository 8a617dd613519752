package servertest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// psql runs SQL, and fails the test on an error.
func psql(t *testing.T, s *PostgresServer, sql string) string {
	t.Helper()
	out, err := s.Psql(t.Context(), "postgres", sql)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// connect runs psql as a client that has only a DSN or a URL.
func connect(t *testing.T, s *PostgresServer, where, password, sql string) (string, error) {
	t.Helper()
	cmd := exec.Command(filepath.Join(s.programs, "psql"), "-X", "-A", "-t", "-w", "-d", where, "-c", sql)
	cmd.Env = append(cmd.Environ(), "PGPASSWORD="+password)
	out, err := cmd.CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

func TestPostgres(t *testing.T) {
	t.Parallel()
	s := Postgres(t, PostgresOptions{Settings: map[string]string{"work_mem": "5MB", "application_name": "it's us"}})
	if got := psql(t, s, "SELECT 1, 'a'"); got != "1|a" {
		t.Errorf("it answers %q", got)
	}
	for setting, want := range map[string]string{
		"server_encoding": "UTF8", "lc_collate": "C", "fsync": "off", "work_mem": "5MB", "application_name": "psql", "listen_addresses": "",
	} {
		if got := psql(t, s, "SHOW "+setting); got != want {
			t.Errorf("%s is %q, want %q", setting, got, want)
		}
	}
	const name = `Some "other"\ 'base'`
	if err := s.CreateDatabase(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	for _, where := range []string{s.DSN(name), s.URL(name)} {
		if got, err := connect(t, s, where, "", "SELECT current_database()"); err != nil || got != name {
			t.Errorf("%s: %q, %v", where, got, err)
		}
	}
	if err := s.CreateDatabase(t.Context(), name); err == nil || !strings.Contains(err.Error(), "already exists") {
		t.Errorf("the same again: %v", err)
	}
	if out, err := s.Psql(t.Context(), "postgres", "CREATE TABLE t (n int); SELECT 1 / 0"); err == nil {
		t.Errorf("a statement that fails gives %q", out)
	}
	if got := psql(t, s, "SELECT count(*) FROM pg_tables WHERE tablename = 't'"); got != "0" {
		t.Errorf("a statement before the one that fails had an effect")
	}
}

func TestPostgresPassword(t *testing.T) {
	t.Parallel()
	s := Postgres(t, PostgresOptions{Password: "right ' \\ one"})
	if got := psql(t, s, "SELECT rolpassword LIKE 'SCRAM-SHA-256$%' FROM pg_authid WHERE rolname = 'postgres'"); got != "t" {
		t.Errorf("the password is not kept for SCRAM: %q", got)
	}
	for _, where := range []string{s.DSN("postgres"), s.URL("postgres")} {
		if strings.Contains(where, "right") || !strings.Contains(where, loopback) {
			t.Errorf("it is at %s", where)
		}
		if got, err := connect(t, s, where, "right ' \\ one", "SELECT 2"); err != nil || got != "2" {
			t.Errorf("%s with the password: %q, %v", where, got, err)
		}
		for _, wrong := range []string{"", "wrong", "password"} {
			if got, err := connect(t, s, where, wrong, "SELECT 2"); err == nil || !strings.Contains(got, "password") {
				t.Errorf("%s with the password %q: %q, %v", where, wrong, got, err)
			}
		}
	}
	if _, err := os.Stat(s.path("password")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the file with the password still exists: %v", err)
	}
}

// Commits survive each way to stop, and the server keeps its address.
func TestPostgresStops(t *testing.T) {
	t.Parallel()
	s := Postgres(t, PostgresOptions{TCP: true, Fsync: true})
	if got := psql(t, s, "SHOW fsync"); got != "on" {
		t.Errorf("fsync is %s", got)
	}
	psql(t, s, "CREATE TABLE t (n int)")
	where := s.DSN("postgres")
	for i, again := range []func() error{
		func() error { return s.Restart(t.Context()) },
		func() error { return errors.Join(s.Stop(Fast), s.Start(t.Context())) },
		func() error { return errors.Join(s.Stop(Immediate), s.Start(t.Context())) },
		func() error {
			_ = s.process.os.Kill()
			<-s.process.done
			if err := s.Stop(Fast); err == nil || !strings.Contains(err.Error(), "killed") {
				return fmt.Errorf("a server that was killed stops with: %w", err)
			}
			return s.Start(t.Context())
		},
	} {
		psql(t, s, fmt.Sprintf("INSERT INTO t VALUES (%d)", i))
		// An idle session does not prevent a stop.
		idle := s.idleSession(t)
		if err := again(); err != nil {
			t.Fatalf("%d: %v", i, err)
		}
		idle()
		if got, err := connect(t, s, where, "", "SELECT count(*) FROM t"); err != nil || got != fmt.Sprint(i+1) {
			t.Errorf("%d: %q, %v", i, got, err)
		}
	}
	if log, err := os.ReadFile(s.path("postgres.log")); err != nil || strings.Count(string(log), "not properly shut down") != 2 {
		t.Errorf("it did not recover twice: %v\n%s", err, log)
	}
	if err := s.Start(t.Context()); err == nil {
		t.Error("a server that runs was started")
	}
	if err := s.Stop(Fast); err != nil || s.Pid() != 0 || !isFree(s.Port) {
		t.Errorf("stopped: %v, pid %d", err, s.Pid())
	}
	if err := s.Stop(Fast); err == nil {
		t.Error("a server that does not run was stopped")
	}
}

// idleSession keeps a client connected until end is called.
func (s *PostgresServer) idleSession(t *testing.T) (end func()) {
	t.Helper()
	cmd := exec.Command(filepath.Join(s.programs, "psql"), "-X", "-A", "-t", "-w", "-d", s.DSN("postgres"))
	in, err1 := cmd.StdinPipe()
	out, err2 := cmd.StdoutPipe()
	if err := errors.Join(err1, err2, cmd.Start()); err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprintln(in, "SELECT 'here';"); err != nil {
		t.Fatal(err)
	}
	if said, err := bufio.NewReader(out).ReadString('\n'); err != nil || said != "here\n" {
		t.Fatalf("the session says %q: %v", said, err)
	}
	return func() {
		_ = in.Close()
		_ = cmd.Wait() // its connection is lost
	}
}

// Two servers run side by side, and Close leaves nothing of one behind.
func TestPostgresClose(t *testing.T) {
	t.Parallel()
	dir := openDir(t)
	other := Postgres(t, PostgresOptions{})
	var missing *NotInstalledError
	s, err := StartPostgres(t.Context(), dir, PostgresOptions{})
	if errors.As(err, &missing) {
		t.Skip(err)
	} else if err != nil {
		t.Fatal(err)
	}
	pid := s.Pid()
	for range 2 {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("the process still exists: %v", err)
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("%v is left", left)
	}
	if got := psql(t, other, "SELECT 1"); got != "1" {
		t.Errorf("the other server answers %q", got)
	}
	if s, err = StartPostgres(t.Context(), dir, PostgresOptions{}); err != nil {
		t.Fatal(err)
	}
	_ = s.process.os.Kill()
	<-s.process.done
	memory := s.memory
	if err := s.Close(); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Errorf("a server that was killed closes with: %v", err)
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("%v is left", left)
	}
	if text, err := os.ReadFile("/proc/sysvipc/shm"); err == nil && memory != 0 {
		for line := range strings.Lines(string(text)) {
			if f := strings.Fields(line); len(f) > 6 && f[1] == fmt.Sprint(memory) && f[6] == "0" {
				t.Errorf("its shared memory is left: %s", line)
			}
		}
	}
}

func TestPostgresEndsWithItsParent(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("nothing ends the children of a process that is killed")
	}
	if _, err := postgresPrograms(); err != nil && testing.Short() {
		t.Skip(err)
	}
	parent := exec.Command(os.Args[0])
	parent.Env = append(parent.Environ(), parentOf+"=postgres", parentDir+"="+openDir(t))
	out, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	said, err := bufio.NewReader(out).ReadString('\n')
	var at string
	var pid, memory int
	if _, scanErr := fmt.Sscan(said, &at, &pid, &memory); err != nil || scanErr != nil {
		t.Fatalf("the parent says %q: %v", said, err)
	}
	c, err := net.Dial("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = parent.Process.Kill()
	_ = parent.Wait()
	_ = c.SetReadDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.Copy(io.Discard, c); errors.Is(err, os.ErrDeadlineExceeded) { // it may send a last message
		t.Errorf("the server is still running: %v", err)
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	removeSharedMemory(memory) // which neither of the two processes could do
}

func TestPostgresStartThatFails(t *testing.T) {
	t.Parallel()
	if _, err := postgresPrograms(); err != nil && testing.Short() {
		t.Skip(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	closed := t.TempDir()
	for name, c := range map[string]struct {
		ctx  context.Context
		dir  string
		o    PostgresOptions
		want string
	}{
		"given up before": {ended, "", PostgresOptions{}, context.Canceled.Error()},
		"a bad setting":   {t.Context(), "", PostgresOptions{Settings: map[string]string{"work_mem": "much"}}, "work_mem"},
		"a long name":     {t.Context(), filepath.Join(openDir(t), strings.Repeat("x", 100)), PostgresOptions{}, "too long"},
		"no directory":    {t.Context(), filepath.Join(closed, "none"), PostgresOptions{}, "none"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := c.dir
			switch name {
			case "a long name":
				if err := os.Mkdir(dir, 0o755); err != nil {
					t.Fatal(err)
				}
			case "no directory":
			default:
				dir = openDir(t)
			}
			if _, err := StartPostgres(c.ctx, dir, c.o); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("it starts with %v, want %q", err, c.want)
			}
			if left, _ := os.ReadDir(dir); len(left) > 0 {
				t.Errorf("%v is left", left)
			}
		})
	}
	if os.Geteuid() == 0 {
		if _, err := StartPostgres(t.Context(), closed, PostgresOptions{}); err == nil || !strings.Contains(err.Error(), "Permission denied") {
			t.Errorf("where postgres cannot go it starts with %v", err)
		}
	}
}

// openDir returns a temporary directory that every user can reach, unlike that of
// t.TempDir.
func openDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "pg")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}
