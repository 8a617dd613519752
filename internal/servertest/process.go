package servertest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"time"
)

// NotInstalledError is returned when a program is not installed.
type NotInstalledError struct {
	Program string
	Package string // the Debian package that has it
}

func (e *NotInstalledError) Error() string {
	return fmt.Sprintf("%s is not installed (Debian package %s)", e.Program, e.Package)
}

// lookPath finds a program, also in the directories of root's PATH.
func lookPath(program, debian string) (string, error) {
	for _, name := range []string{program, filepath.Join("/usr/sbin", program)} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", &NotInstalledError{Program: program, Package: debian}
}

// identity is the user as whom a program runs. Nil means the user of this process.
type identity struct{ uid, gid int }

// goHome sets another working directory for a program that runs as another user, who
// may not be able to enter the current one.
func (as *identity) goHome(cmd *exec.Cmd) {
	if as != nil {
		cmd.Dir = string(filepath.Separator)
	}
}

// process is a child that runs until it is stopped.
type process struct {
	os       *os.Process
	log      string
	patience time.Duration // how long it may take to end after the signal
	ending   os.Signal     // the signal that asks it to end
	done     chan struct{} // closed when it has ended
	err      error         // how it ended; valid after done
}

// startProcess starts a program, whose output is appended to the file log. When it is
// stopped, the program has the time patience to end before it is killed.
func startProcess(patience time.Duration, log, path string, args ...string) (*process, error) {
	return startProcessAs(nil, patience, log, path, args...)
}

// startProcessAs is startProcess for a program that runs as another user.
func startProcessAs(as *identity, patience time.Duration, log, path string, args ...string) (*process, error) {
	out, err := openLog(log)
	if err != nil {
		return nil, err
	}
	p := &process{log: log, patience: patience, ending: syscall.SIGTERM, done: make(chan struct{})}
	started := make(chan error)
	go func() {
		defer out.Close()
		// The kernel ends the child with the thread that started it, so that
		// thread stays until the child has ended.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		cmd := exec.Command(path, args...)
		cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = out, out, as.dieWithParent()
		as.goHome(cmd)
		err := cmd.Start()
		if err == nil {
			p.os = cmd.Process
		}
		started <- err
		if err == nil {
			p.err = cmd.Wait()
		}
		close(p.done)
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("cannot start %s: %w", path, err)
	}
	return p, nil
}

// stop asks the process to end, kills it if it does not, and waits until it has ended.
func (p *process) stop() {
	if p.patience > 0 {
		_ = p.os.Signal(p.ending) // fails only if it has already ended
	}
	timer := time.NewTimer(p.patience)
	defer timer.Stop()
	select {
	case <-p.done:
	case <-timer.C:
		_ = p.os.Kill()
		<-p.done
	}
}

// end returns an error that describes how a process ended that was not stopped.
func (p *process) end() error {
	how := "without an error"
	if p.err != nil {
		how = p.err.Error()
	}
	return fmt.Errorf("the server ended by itself (%s): %s", how, tail(p.log))
}

// run runs a program to its end. Its output is appended to the file log, and quoted in
// an error.
func run(ctx context.Context, log, path string, args ...string) error {
	return runAs(ctx, nil, log, path, args...)
}

// runAs is run for a program that runs as another user.
func runAs(ctx context.Context, as *identity, log, path string, args ...string) error {
	out, err := openLog(log)
	if err != nil {
		return err
	}
	defer out.Close()
	runtime.LockOSThread() // as in startProcess
	defer runtime.UnlockOSThread()
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Stdout, cmd.Stderr, cmd.SysProcAttr = out, out, as.dieWithParent()
	as.goHome(cmd)
	err = cmd.Run()
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("%s: %w", filepath.Base(path), ctx.Err())
	}
	return fmt.Errorf("%s: %w: %s", filepath.Base(path), err, tail(log))
}

// exitCode returns the exit code in an error of run, 0 for no error, and -1 for an
// error without one.
func exitCode(err error) int {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return exit.ExitCode()
	}
	return -1
}

func openLog(name string) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("cannot open a log: %w", err)
	}
	return f, nil
}

// tail returns the end of a log.
func tail(name string) string {
	const most = 2 << 10
	f, err := os.Open(name)
	if err != nil {
		return err.Error()
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.Size() > most {
		_, _ = f.Seek(-most, io.SeekEnd)
	}
	text, _ := io.ReadAll(io.LimitReader(f, most))
	if text = bytes.TrimSpace(text); len(text) == 0 {
		return "it printed nothing"
	}
	return string(text)
}
