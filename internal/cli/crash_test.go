package cli_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/davadmin/davadmin/internal/fsx"
	"github.com/davadmin/davadmin/internal/tier"
	"github.com/davadmin/davadmin/pkg/config"
	"github.com/davadmin/davadmin/pkg/journal"
)

// run starts the test binary as davadmin.
func run(t testing.TB, env []string, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	exe, err := exec.LookPath("davadmin")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe, args...)
	cmd.Env = append(os.Environ(), env...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err = cmd.Run()
	return out.String(), errs.String(), err
}

func mustRun(t testing.TB, args ...string) string {
	t.Helper()
	out, errs, err := run(t, nil, args...)
	if err != nil {
		t.Fatalf("davadmin %s: %v\n%s", strings.Join(args, " "), err, errs)
	}
	return out
}

func newHome(t testing.TB) string {
	t.Helper()
	home := filepath.Join(t.TempDir(), "home")
	mustRun(t, "init", "--home", home)
	return home
}

func serverFile(home string) string {
	return filepath.Join(home, filepath.FromSlash(config.ServerFile))
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func killed(err error) bool {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return false
	}
	status, ok := exit.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGKILL
}

// A run may be killed before any system call of a change. Then the file is completely
// the old or the new one; the next run settles the journal, which agrees with the file;
// no temporary files remain.
func TestKilledAtEveryStep(t *testing.T) {
	steps := 0
	for n := 1; ; n++ {
		home := newHome(t)
		mustRun(t, "config", "modify", "--home", home, "-o", "davcore.serverdefaults.tzid", "-v", "Europe/Berlin")
		file := serverFile(home)
		old := read(t, file)
		want := bytes.Replace(old, []byte("Europe/Berlin"), []byte("Asia/Tokyo"), 1)
		_, errs, err := run(t, []string{fmt.Sprintf("%s=%d", killVariable, n)},
			"config", "modify", "--home", home, "-o", "davcore.serverdefaults.tzid", "-v", "Asia/Tokyo")
		if err == nil {
			if got := read(t, file); !bytes.Equal(got, want) {
				t.Fatalf("a complete run left %q", got)
			}
			break
		}
		if !killed(err) {
			t.Fatalf("step %d: %v\n%s", n, err, errs)
		}
		steps++
		checkAfterKill(t, home, n, old, want)
	}
	// Version, intent, new file and result each take several calls.
	if steps < 12 {
		t.Errorf("only %d steps were tried", steps)
	}
}

func checkAfterKill(t *testing.T, home string, step int, old, want []byte) {
	t.Helper()
	got := read(t, serverFile(home))
	carriedOut := bytes.Equal(got, want)
	if !carriedOut && !bytes.Equal(got, old) {
		t.Fatalf("step %d: the file is neither the old nor the new one: %q", step, got)
	}
	mustRun(t, "config", "modify", "--home", home, "-o", "davcore.serverdefaults.sslrequired", "-v", "true")
	// A run that was killed before its intent leaves a version that no record names.
	out := strings.ReplaceAll(mustRun(t, "history", "verify", "--home", home), "note: no record names 1 of the versions", "")
	if !strings.HasSuffix(out, ": intact\n") || strings.Contains(out, "note:") {
		t.Errorf("step %d: %s", step, out)
	}
	j := journal.New(filepath.Join(home, "history"), journal.Options{Base: home})
	entries, err := j.Entries(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	said := journal.NotDone
	for _, e := range entries {
		for _, it := range e.Items {
			if it.New == "Asia/Tokyo" {
				said = e.Result
			}
		}
		if e.Kind == journal.KindFound {
			t.Errorf("step %d: davadmin's own version was taken for somebody else's", step)
		}
	}
	if carriedOut != (said == journal.Done) {
		t.Errorf("step %d: changed: %v, the journal says %s", step, carriedOut, said)
	}
	if _, err := os.Lstat(fsx.TempName(serverFile(home))); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("step %d: the unfinished new file still exists", step)
	}
}

// Eight processes change one file at once, many times each.
func TestManyWritersLoseNothing(t *testing.T) {
	const writers = 8
	times := tier.Rounds(t, 40, 200)
	if testing.Short() {
		times = 20
	}
	home := newHome(t)
	before := string(read(t, serverFile(home)))
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range times {
				_, errs, err := run(t, nil, "config", "modify", "-q", "--home", home,
					"-o", fmt.Sprintf("store.dav.w%d.dbdir", w), "-v", fmt.Sprintf("/db/%d", i),
					"-o", fmt.Sprintf("store.dav.w%dn%d.purgedelay", w, i), "-v", fmt.Sprint(i))
				if err != nil {
					t.Errorf("writer %d, change %d: %v\n%s", w, i, err, errs)
					return
				}
			}
		})
	}
	wg.Wait()
	if t.Failed() {
		return
	}
	doc, err := config.Parse(read(t, serverFile(home)))
	if err != nil {
		t.Fatal(err)
	}
	if doc.Len() != writers*(times+1) {
		t.Errorf("%d parameters, want %d", doc.Len(), writers*(times+1))
	}
	for w := range writers {
		if v, _ := doc.Get(fmt.Sprintf("store.dav.w%d.dbdir", w)); v != fmt.Sprintf("/db/%d", times-1) {
			t.Errorf("writer %d: the last value is %q", w, v)
		}
	}
	if !strings.HasPrefix(string(doc.Source()), before) {
		t.Error("the original content has changed")
	}
	checkHistory(t, home, writers, times)
}

// checkHistory checks that each change is recorded once, and follows the one before.
func checkHistory(t *testing.T, home string, writers, times int) {
	t.Helper()
	j := journal.New(filepath.Join(home, "history"), journal.Options{Base: home})
	entries, err := j.Entries(t.Context(), config.ServerFile)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != writers*times+1 {
		t.Errorf("%d changes recorded, want %d and init", len(entries), writers*times)
	}
	next := map[string]int{}
	for i, e := range entries {
		if e.Result != journal.Done || i > 0 && !e.Before.Same(*entries[i-1].After) {
			t.Fatalf("change %d: %s, does not follow change %d", e.Change, e.Result, e.Change-1)
		}
		for _, it := range e.Items {
			if name, ok := strings.CutSuffix(it.Name, ".dbdir"); ok {
				if it.New != fmt.Sprintf("/db/%d", next[name]) {
					t.Fatalf("change %d: %s became %s out of order", e.Change, it.Name, it.New)
				}
				next[name]++
			}
		}
	}
	if out := mustRun(t, "history", "verify", "--home", home); !strings.HasSuffix(out, ": intact\n") {
		t.Error(out)
	}
}
