package fsx

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// childEnv makes the test binary play one of the parts below instead of running
// tests: some promises can only be checked from outside a process.
const childEnv = "FSX_TEST_CHILD"

// part says what a child process does.
type part struct {
	Do        string // a key of the switch in play
	Path      string
	OwnerFrom string
	Data      string // for Replace, WriteNew and Append
	Big       bool   // use big instead of Data, which would not fit into the environment
	KillAt    int    // send itself SIGKILL before this change, counted from 0; -1 means never
	Times     int
	UID       int // become this user first; 0 means no change
}

func TestMain(m *testing.M) {
	if env := os.Getenv(childEnv); env != "" {
		var p part
		if err := json.Unmarshal([]byte(env), &p); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(3)
		}
		if err := play(p); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func play(p part) error {
	if p.UID != 0 {
		if err := errors.Join(syscall.Setgroups(nil), syscall.Setgid(p.UID), syscall.Setuid(p.UID)); err != nil {
			return fmt.Errorf("become uid %d: %w", p.UID, err)
		}
	}
	ctx := context.Background()
	data := []byte(p.Data)
	if p.Big {
		data = []byte(big)
	}
	n := 0
	hook := func(Op, string) error {
		if n == p.KillAt {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			time.Sleep(time.Minute) // until the signal arrives
		}
		n++
		return nil
	}
	switch p.Do {
	case "replace":
		return Replace(ctx, p.Path, data, ReplaceOptions{Hook: hook, OwnerFrom: p.OwnerFrom})
	case "new":
		return WriteNew(ctx, p.Path, data, 0o640, p.OwnerFrom, hook)
	case "stream":
		return ReplaceFunc(ctx, p.Path, writeBig, ReplaceOptions{Hook: hook, OwnerFrom: p.OwnerFrom})
	case "build":
		return BuildNew(ctx, p.Path, 0o640, p.OwnerFrom, hook, buildBig)
	case "output":
		return WriteOutput(ctx, p.Path, OutputOptions{Hook: hook, Overwrite: true}, writeBig)
	case "truncate":
		return Truncate(ctx, p.Path, 3, hook)
	case "append":
		return Append(ctx, p.Path, data, p.OwnerFrom, hook)
	case "mkdir":
		return MkdirPrivate(ctx, p.Path, p.OwnerFrom, hook)
	case "flip": // replaces the file until the parent kills it
		for i := 0; ; i++ {
			if err := Replace(ctx, p.Path, flipData(i), ReplaceOptions{}); err != nil {
				return err
			}
			if i == 0 {
				fmt.Println("going")
			}
		}
	case "hold": // takes the lock and holds it until it is killed
		l, err := AcquireLock(ctx, p.Path, LockOptions{User: "me", Command: []string{"davadmin", "hold", "it"}})
		if err != nil {
			return err
		}
		fmt.Println("held")
		time.Sleep(time.Minute) // the runtime takes a select without cases for a deadlock
		return l.Release()
	case "count":
		return countUp(p)
	case "lock":
		l, err := AcquireLock(ctx, p.Path, LockOptions{User: "me", Command: []string{"davadmin", "hold", "it"}})
		if err != nil {
			return err
		}
		return l.Release()
	}
	return fmt.Errorf("unknown part %q", p.Do)
}

// flipData returns one of two contents of several chunks and different lengths.
func flipData(i int) []byte {
	return bytes.Repeat([]byte{byte('A' + i%2)}, 3*chunkSize+1+i%2*1000)
}

// command returns the command for a child; -test.run is only for people who read ps.
func command(t *testing.T, p part) *exec.Cmd {
	t.Helper()
	env, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	// Otherwise the race detector makes each child sleep for a second before it ends.
	cmd.Env = append(os.Environ(), childEnv+"="+string(env), "GORACE=atexit_sleep_ms=0")
	return cmd
}

// run plays a part to its end and returns its error output; killed reports whether
// SIGKILL ended it.
func run(t *testing.T, p part) (complaint string, killed bool) {
	t.Helper()
	cmd := command(t, p)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	err := cmd.Run()
	if err == nil {
		return "", false
	}
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		t.Fatal(err)
	}
	ws, ok := exit.Sys().(syscall.WaitStatus)
	killed = ok && ws.Signaled() && ws.Signal() == syscall.SIGKILL
	if !killed && exit.ExitCode() != 1 {
		t.Fatalf("child %+v: %v: %s", p, err, stderr.String())
	}
	return stderr.String(), killed
}

// start plays a part that does not end by itself, and returns when the child has
// printed a line. The returned function kills the child.
func start(t *testing.T, p part) (pid int, kill func()) {
	t.Helper()
	cmd := command(t, p)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := false
	kill = func() {
		if !done {
			done = true
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		}
	}
	t.Cleanup(kill)
	guard := time.AfterFunc(30*time.Second, func() { _ = cmd.Process.Kill() })
	defer guard.Stop()
	if _, err := out.Read(make([]byte, 64)); err != nil {
		t.Fatalf("child %+v prints nothing: %v", p, err)
	}
	return cmd.Process.Pid, kill
}

// openDir returns a temporary directory that every user can reach, unlike that of
// t.TempDir.
func openDir(t *testing.T, mode os.FileMode) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "fsx")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	chmod(t, dir, mode)
	return dir
}

func asRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can change the owner of a file")
	}
}

// nobody is the user that tests give files to, or become.
const nobody = 65534

func put(t *testing.T, path, data string, mode os.FileMode) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(data), 0o600); err != nil {
		t.Fatal(err)
	}
	chmod(t, path, mode)
	return path
}

func chmod(t *testing.T, path string, mode os.FileMode) {
	t.Helper()
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

func symlink(t *testing.T, to, path string) string {
	t.Helper()
	if err := os.Symlink(to, path); err != nil {
		t.Fatal(err)
	}
	return path
}

func stat(t *testing.T, path string) os.FileInfo {
	t.Helper()
	fi, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	return fi
}

// holds checks the content of a file and does not print megabytes.
func holds(t *testing.T, path, want string) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Fatalf("%s contains %d bytes %.20q…, want %d bytes %.20q…", path, len(got), got, len(want), want)
	}
}

// only checks that a directory contains these names and nothing else.
func only(t *testing.T, dir string, names ...string) {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range list {
		got = append(got, e.Name())
	}
	if strings.Join(got, " ") != strings.Join(names, " ") {
		t.Fatalf("%s contains %q, want %q", dir, got, names)
	}
}

// says checks that an error is an *Error and that its text contains each of the words.
func says(t *testing.T, err error, words ...string) *Error {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("error is %T %v, want *Error", err, err)
	}
	for _, w := range words {
		if !strings.Contains(e.Error(), w) {
			t.Errorf("error %q does not contain %q", e.Error(), w)
		}
	}
	return e
}

func in(dir, name string) string { return filepath.Join(dir, name) }
