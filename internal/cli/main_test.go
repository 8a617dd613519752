package cli_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
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
	if filepath.Base(os.Args[0]) != "davadmin" {
		withoutIgnoredSignals()
	}
	testscript.Main(m, map[string]func(){"davadmin": func() { os.Exit(davadmin()) }})
}

// withoutIgnoredSignals gives the processes that the tests start the default action of
// the signals that nohup, or a shell for a job in the background, made this process
// ignore: a caught signal is not inherited as ignored.
func withoutIgnoredSignals() {
	for _, s := range []os.Signal{syscall.SIGHUP, os.Interrupt} {
		if signal.Ignored(s) {
			signal.Notify(make(chan os.Signal, 1), s)
		}
	}
}

// killVariable makes davadmin kill itself with SIGKILL before the system call with that
// number, counted from 1, among those that change the disk.
const killVariable = "DAVADMIN_TEST_KILL_BEFORE"

// vaultWork is the work factor of passphrases in tests.
const vaultWork = 2

// clockVariable sets a fixed time.
const clockVariable = "DAVADMIN_TEST_TIME"

func davadmin() int {
	streams := ui.System()
	ctx, signals := cli.WithSignals(context.Background())
	defer signals.Stop()
	app := &cli.Environment{
		Streams: streams, Args: os.Args[1:], Getenv: os.Getenv, Hook: killHook(os.Getenv(killVariable)),
		Build:     cli.Build{Version: "1.2.3", Commit: "abc1234", Date: "2026-11-01"},
		VaultWork: vaultWork, ChangeBegins: signals.ChangeBegins,
	}
	if v := os.Getenv(clockVariable); v != "" {
		t, err := time.Parse(time.RFC3339, v)
		if err != nil {
			panic(err)
		}
		app.Now = func() time.Time { return t }
	}
	report := os.Getenv(suggestionsVariable)
	var suggestions []string
	if report != "" {
		app.Suggested = func(line string) { suggestions = append(suggestions, line) }
	}
	if lines := os.Getenv(linesVariable); lines != "" {
		defer recordLines(lines, streams, os.Args[1:])()
	}
	code := cli.Main(ctx, app)
	if report != "" {
		checkSuggestions(report, suggestions, app)
	}
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
	suggestions, lines := collectSuggestions(t), collectLines(t)
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		UpdateScripts:       *update,
		Cmds:                map[string]func(*testscript.TestScript, bool, []string){"components": putComponents, "peer": startPeer, "terminal": runOnTerminal},
		Setup: func(e *testscript.Env) error {
			e.Setenv("DAVADMIN_HOME", "")
			e.Setenv("GORACE", os.Getenv("GORACE"))
			e.Setenv(suggestionsVariable, suggestions)
			e.Setenv(linesVariable, lines)
			e.Setenv("HOME_DIR", e.WorkDir+"/home")
			return nil
		},
	})
}

// startPeer is the command 'peer': it starts a calendar server that answers according to
// the path, and sets PEER to its URL without a path. Like Calendar Server 6 it knows
// people whose address begins with "old", and redirects for others to itself, where like
// Calendar Server 7 it knows everybody.
func startPeer(ts *testscript.TestScript, _ bool, _ []string) {
	const capabilities = `<?xml version="1.0"?><query-result xmlns="urn:ietf:params:xml:ns:ischedule"><capabilities>
<serial-number>7</serial-number><versions><version>1.0</version></versions><scheduling-messages>%s</scheduling-messages></capabilities></query-result>`
	const freeBusy = `<component name="VFREEBUSY"><method name="REQUEST"/></component>`
	mux := http.NewServeMux()
	mux.HandleFunc("GET /ischedule/", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("action") != "capabilities" {
			http.Error(w, "what?", http.StatusBadRequest)
			return
		}
		w.Header().Set("iSchedule-Version", "1.0")
		w.Header().Set("Server", "old server")
		fmt.Fprintf(w, capabilities, freeBusy)
	})
	mux.HandleFunc("GET /none/", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintf(w, capabilities, "") })
	mux.HandleFunc("GET /page/", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "<html><title>Log \x1b[2Jin</title></html>")
	})
	mux.HandleFunc("GET /closed/", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) })
	mux.HandleFunc("GET /moved/", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", "/ischedule/")
		w.WriteHeader(http.StatusMovedPermanently)
	})
	const busy = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VFREEBUSY\r\nATTENDEE:%s\r\nFREEBUSY:20261102T080000Z/PT1H\r\nEND:VFREEBUSY\r\nEND:VCALENDAR\r\n"
	mux.HandleFunc("POST /ischedule/", func(w http.ResponseWriter, r *http.Request) { fmt.Fprintf(w, busy, r.Header.Get("Recipient")) })
	mux.HandleFunc("POST /closed/", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) })
	mux.HandleFunc("GET /get_freebusy.wcap", func(w http.ResponseWriter, r *http.Request) {
		if calid := r.URL.Query().Get("calid"); strings.HasPrefix(calid, "mailto:old") {
			fmt.Fprintf(w, busy, calid)
			return
		}
		w.Header().Set("Location", "/davserver/wcap/get_freebusy.wcap")
		w.WriteHeader(http.StatusFound)
	})
	mux.HandleFunc("GET /davserver/wcap/get_freebusy.wcap", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, busy, r.URL.Query().Get("calid"))
	})
	s := httptest.NewServer(mux)
	ts.Defer(s.Close)
	ts.Setenv("PEER", s.URL)
}

func write(t testing.TB, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o640); err != nil {
		t.Fatal(err)
	}
}
