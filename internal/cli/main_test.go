package cli_test

import (
	"context"
	"os"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/davadmin/davadmin/internal/cli"
	"github.com/davadmin/davadmin/internal/fsx"
	"github.com/davadmin/davadmin/internal/ui"
)

// The test binary is also the davadmin that the scripts and the crash tests run.
func TestMain(m *testing.M) {
	// The race detector waits a second at the end of every process otherwise.
	os.Setenv("GORACE", "atexit_sleep_ms=0")
	testscript.Main(m, map[string]func(){"davadmin": func() { os.Exit(davadmin()) }})
}

// killVariable makes davadmin kill itself with SIGKILL before the system call of
// that number, counted from 1, among those that change the disk.
const killVariable = "DAVADMIN_TEST_KILL_BEFORE"

// clockVariable fixes the clock.
const clockVariable = "DAVADMIN_TEST_TIME"

func davadmin() int {
	streams := ui.System()
	ctx, stop := cli.WithSignals(context.Background())
	defer stop()
	app := &cli.App{
		Streams: streams, Args: os.Args[1:], Getenv: os.Getenv, Hook: killHook(os.Getenv(killVariable)),
		Build: cli.Build{Version: "1.2.3", Commit: "abc1234", Date: "2026-11-01"},
	}
	if v := os.Getenv(clockVariable); v != "" {
		t, err := time.Parse(time.RFC3339, v)
		if err != nil {
			panic(err)
		}
		app.Now = func() time.Time { return t }
	}
	code := cli.Main(ctx, app)
	return code
}

func killHook(at string) fsx.Hook {
	if at == "" {
		return nil
	}
	n, err := strconv.Atoi(at)
	if err != nil {
		panic(err)
	}
	calls := 0
	return func(op fsx.Op, path string) error {
		if calls++; calls == n {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
		return nil
	}
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("DAVADMIN_HOME", "")
			e.Setenv("GORACE", os.Getenv("GORACE"))
			e.Setenv("HOME_DIR", e.WorkDir+"/home")
			return nil
		},
	})
}
