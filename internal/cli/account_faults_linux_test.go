package cli_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/davadmin/davadmin/internal/ldaptest"
)

// crowd is an LDIF file of people, and a batch file that names them all.
type crowd struct {
	size        int
	ldif, batch string
}

// person returns the address of one person of a crowd.
func person(i int) string { return fmt.Sprintf("p%05d@example.com", i) }

func newCrowd(t *testing.T, size int) crowd {
	t.Helper()
	var people, batch strings.Builder
	people.WriteString("version: 1\n\n")
	// Ids in no order, as those of a directory.
	ids := rand.New(rand.NewPCG(7, 7)).Perm(size)
	for i := range size {
		fmt.Fprintf(&people, "dn: uid=p%05d,o=isp\nobjectClass: icsCalendarUser\nuid: p%05d\nmail: %s\nmailAlternateAddress: alias-%s\ndavUniqueId: ID-%05d\n\n",
			i, i, person(i), person(i), ids[i])
		fmt.Fprintln(&batch, person(i))
	}
	dir := t.TempDir()
	c := crowd{size, filepath.Join(dir, "people.ldif"), filepath.Join(dir, "batch")}
	write(t, c.ldif, []byte(people.String()))
	write(t, c.batch, []byte(batch.String()))
	return c
}

// create returns the command line that creates all accounts of the crowd.
func (c crowd) create(home string, more ...string) []string {
	return append([]string{"account", "create", "-f", c.batch, "--ldif", c.ldif, "--home", home}, more...)
}

// listed is an account in the output of 'account list'.
type listed struct {
	Account, ID, State string
	Addresses          []string
	Attendance         int `json:"attendanceflag"`
	Usage              struct{ Calendars int }
}

func listAccounts(t *testing.T, home string, more ...string) []listed {
	t.Helper()
	var out []listed
	complete := false
	for line := range strings.Lines(mustRun(t, append([]string{"account", "list", "-v", "--output", "jsonl", "--home", home}, more...)...)) {
		var a struct {
			Kind     string
			Complete bool
			listed
		}
		if err := json.Unmarshal([]byte(line), &a); err != nil {
			t.Fatal(err)
		}
		if complete = a.Kind == "summary" && a.Complete; !complete {
			out = append(out, a.listed)
		}
	}
	if !complete {
		t.Fatal("the list does not end with a summary")
	}
	return out
}

// whole checks that each account exists once, with its collections and addresses, and
// returns the number of accounts.
func whole(t *testing.T, home string) int {
	t.Helper()
	all := listAccounts(t, home)
	seen := map[string]bool{}
	for _, a := range all {
		if seen[a.ID] || seen[a.Account] || a.Usage.Calendars != 4 || len(a.Addresses) != 2 {
			t.Fatalf("incomplete, or listed twice: %+v", a)
		}
		seen[a.ID], seen[a.Account] = true, true
	}
	return len(all)
}

// journalled checks that the journal is intact, and the result of its last record.
func journalled(t *testing.T, home, last string) {
	t.Helper()
	if out := mustRun(t, "history", "verify", "--home", home); !strings.HasSuffix(out, ": intact\n") {
		t.Error(out)
	}
	lines := strings.Split(strings.TrimSpace(mustRun(t, "history", "--home", home)), "\n")
	if got := lines[len(lines)-1]; last != "" && !strings.Contains(got, "\t"+last+"\t") {
		t.Errorf("the last change did not end as %s: %s", last, got)
	}
}

// told returns the addresses that a run reported as done.
func told(out, verb string) (addresses []string) {
	for line := range strings.Lines(out) {
		if rest, ok := strings.CutPrefix(line, verb+": "); ok && strings.HasSuffix(rest, "\n") {
			address, _, _ := strings.Cut(rest, " ")
			addresses = append(addresses, address)
		}
	}
	return addresses
}

// batchSize is the number of accounts in the batches that are killed.
func batchSize() int {
	if raced {
		return 2000 // each statement takes ten times as long
	}
	return 10000
}

// killCreate kills runs at random points, before the first account is created and then
// after the undo file was written, while the store is being filled, and lets the last run
// finish.
func killCreate(t *testing.T, c crowd, home string, rounds int) {
	t.Helper()
	kills, change := 0, 2
	log := filepath.Join(home, "data", "db", "defaultbackend.sqlite-wal")
	for round := range rounds {
		var out bytes.Buffer
		cmd := background(t, &out, c.create(home)...)
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		until := func(so func() bool) {
			for deadline := time.Now().Add(30 * time.Second); len(ended) == 0 && !so() && time.Now().Before(deadline); {
				time.Sleep(time.Millisecond)
			}
		}
		undoFile := filepath.Join(home, "history", "accounts", fmt.Sprintf("%d.undo", change))
		if round > 0 {
			until(func() bool { _, err := os.Stat(undoFile); return err == nil })
		}
		least := int64(64<<10 + rand.IntN(1<<20))
		if _, err := os.Stat(log); err == nil && round%2 == 0 {
			// A commit is being written, or was just written.
			until(func() bool { info, err := os.Stat(log); return err == nil && info.Size() > least })
			time.Sleep(time.Duration(rand.IntN(20)) * time.Millisecond)
		} else {
			time.Sleep(time.Duration(rand.IntN(200*(round+1))) * time.Millisecond)
		}
		_ = cmd.Process.Signal(syscall.SIGKILL)
		if killed(<-ended) {
			kills++
		}
		n := whole(t, home)
		if done := told(out.String(), "created"); len(done) > n {
			t.Fatalf("%d were reported as created, and %d exist", len(done), n)
		}
		if t.Logf("round %d: %d made", round, n); n == c.size {
			break
		}
		change = strings.Count(mustRun(t, "history", "--home", home), "\n") + 1
	}
	if kills == 0 {
		t.Error("no run was killed")
	}
	mustRun(t, c.create(home)...)
	if n := whole(t, home); n != c.size {
		t.Errorf("%d accounts of %d", n, c.size)
	}
	journalled(t, home, "done")
}

// A run that is killed at any time leaves no partial account, and the same command
// completes it.
func TestKilledWhileCreatingAccounts(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a while")
	}
	killCreate(t, newCrowd(t, batchSize()), newHome(t), 6)
}

// A run of several transactions is killed between and within them.
func TestKilledWhileChangingAccounts(t *testing.T) {
	c, home := newCrowd(t, 1200), newHome(t)
	mustRun(t, c.create(home)...)
	modify := []string{"account", "modify", "-f", c.batch, "-y", "attendanceflag=7", "--home", home}
	for range 2 {
		var out bytes.Buffer
		cmd := background(t, &out, modify...)
		time.Sleep(time.Duration(200+rand.IntN(800)) * time.Millisecond)
		_ = cmd.Process.Signal(syscall.SIGKILL)
		_ = cmd.Wait()
		changed := countChanged(t, home)
		if n := len(told(out.String(), "changed")); n > changed || changed != 0 && changed != 1000 && changed != c.size {
			t.Errorf("%d are changed, and %d were reported", changed, n)
		}
	}
	mustRun(t, modify...)
	if n := countChanged(t, home); n != c.size {
		t.Errorf("%d of %d are changed", n, c.size)
	}
	journalled(t, home, "done")
	// The changes of the killed runs can be undone, and so can those of the last one.
	undoFiles, err := filepath.Glob(filepath.Join(home, "history", "accounts", "*.undo"))
	if err != nil {
		t.Fatal(err)
	}
	for _, undoFile := range undoFiles {
		if filepath.Base(undoFile) != "2.undo" { // that one undoes the creation
			mustRun(t, "account", "modify", "-f", undoFile, "--home", home)
		}
	}
	if n := countChanged(t, home); n != 0 {
		t.Errorf("%d were not undone", n)
	}
	mustRun(t, "account", "delete", "--yes", "-f", filepath.Join(home, "history", "accounts", "2.undo"), "--home", home)
	if n := whole(t, home); n != 0 {
		t.Errorf("%d still exist", n)
	}
}

func countChanged(t *testing.T, home string) (n int) {
	t.Helper()
	for _, a := range listAccounts(t, home) {
		if a.Attendance == 7 {
			n++
		}
	}
	return n
}

// waitFor waits until a condition is met.
func waitFor(t *testing.T, what string, so func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !so(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("timed out: %s", what)
		}
	}
}

// A signal ends a batch with 130; what was done is complete, reported and journalled.
func TestSignalInABatchOfAccounts(t *testing.T) {
	c, home := newCrowd(t, 1500), newHome(t)
	mustRun(t, c.create(home)...)
	reject := filepath.Join(t.TempDir(), "rejected")
	var out bytes.Buffer
	cmd := background(t, &out, "account", "modify", "-f", c.batch, "-y", "attendanceflag=7", "--reject", reject, "--home", home)
	undoFile := filepath.Join(home, "history", "accounts", "3.undo")
	waitFor(t, "the undo file", func() bool { _, err := os.Stat(undoFile); return err == nil })
	_ = cmd.Process.Signal(syscall.SIGINT)
	err := cmd.Wait()
	changed := countChanged(t, home)
	if changed == c.size {
		t.Skip("it finished before the signal came")
	}
	if code := exitCode(t, err); code != 130 || !strings.Contains(out.String(), "stopped by SIGINT") {
		t.Errorf("code %d: %.2000s", code, out.String())
	}
	if n := len(told(out.String(), "changed")); n != changed {
		t.Errorf("%d are changed, and %d were reported", changed, n)
	}
	if n := bytes.Count(read(t, reject), []byte("\n")) - 1; n != c.size-changed { // the first line is a comment
		t.Errorf("%d are not changed, and %d were rejected", c.size-changed, n)
	}
	journalled(t, home, "")
	mustRun(t, "account", "modify", "-f", reject, "-y", "attendanceflag=7", "-q", "--home", home)
	if n := countChanged(t, home); n != c.size {
		t.Errorf("%d of %d are changed", n, c.size)
	}
}

// Two runs at once on the same accounts take turns: both succeed, and no account is
// created twice.
func TestTwoRunsCreateTheSameAccounts(t *testing.T) {
	c, home := newCrowd(t, 1000), newHome(t)
	twoRuns(t, c, home, home)
	journalled(t, home, "done")
}

// twoRuns starts two runs, the second with the batch in reverse order.
func twoRuns(t *testing.T, c crowd, home1, home2 string) {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(string(read(t, c.batch))), "\n")
	slices.Reverse(lines)
	backwards := c
	backwards.batch = filepath.Join(t.TempDir(), "backwards")
	write(t, backwards.batch, []byte(strings.Join(lines, "\n")+"\n"))
	var outs [2]string
	var wg sync.WaitGroup
	for i, args := range [][]string{c.create(home1), backwards.create(home2)} {
		wg.Go(func() {
			out, errs, err := run(t, nil, args...)
			if err != nil {
				t.Errorf("run %d: %v: %.2000s", i, err, errs)
			}
			outs[i] = out
		})
	}
	wg.Wait()
	if n := whole(t, home1); n != c.size {
		t.Errorf("%d accounts of %d", n, c.size)
	}
	one, two := told(outs[0], "created"), told(outs[1], "created")
	if n := len(one) + len(two); n != c.size {
		t.Errorf("%d were reported as created: %d and %d", n, len(one), len(two))
	}
}

// A report that cannot be written does not stop the work, and its loss is reported.
func TestAccountReportIsLost(t *testing.T) {
	c, home := newCrowd(t, 1200), newHome(t)
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip(err)
	}
	defer full.Close()
	exe, err := exec.LookPath("davadmin")
	if err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{c.create(home), {"account", "modify", "-f", c.batch, "-y", "attendanceflag=7", "--home", home}} {
		cmd := exec.Command(exe, args...)
		var errs bytes.Buffer
		cmd.Stdout, cmd.Stderr = full, &errs
		if code := exitCode(t, cmd.Run()); code != 0 || !strings.Contains(errs.String(), "1200; the changes were made, but the report could not be written") {
			t.Errorf("code %d: %s", code, errs.String())
		}
	}
	if n := countChanged(t, home); n != c.size {
		t.Errorf("%d of %d are changed", n, c.size)
	}
	journalled(t, home, "done")
}

// A full disk leaves no partial account; once there is space, the same command continues.
func TestAccountsOnAFullDisk(t *testing.T) {
	disk := smallDisk(t, "32m")
	home := filepath.Join(disk, "home")
	mustRun(t, "init", "--home", home)
	c := newCrowd(t, 1000)
	ballast := filepath.Join(disk, "ballast")
	fill(t, ballast, 128<<10)
	reject := filepath.Join(t.TempDir(), "rejected")
	_, errs, err := run(t, nil, c.create(home, "--reject", reject)...)
	if code := exitCode(t, err); code != 1 || !strings.Contains(errs, "no space left") {
		t.Errorf("code %d: %.2000s", code, errs)
	}
	if n := bytes.Count(read(t, reject), []byte("\n")) - 1; n != c.size { // the first line is a comment
		t.Errorf("%d lines were rejected", n)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	if n := whole(t, home); n != 0 {
		t.Errorf("%d accounts", n)
	}
	mustRun(t, c.create(home)...)
	if n := whole(t, home); n != c.size {
		t.Errorf("%d accounts", n)
	}
	journalled(t, home, "done")
}

// On a read-only disk nothing changes, the message gives the reason, and existing accounts
// can be read.
func TestAccountsOnAReadOnlyDisk(t *testing.T) {
	disk := smallDisk(t, "32m")
	home := filepath.Join(disk, "home")
	mustRun(t, "init", "--home", home)
	c := newCrowd(t, 20)
	mustRun(t, c.create(home)...)
	if err := syscall.Mount("", disk, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Skip(err)
	}
	for _, args := range [][]string{
		{"account", "modify", "-a", person(1), "-y", "attendanceflag=7"}, {"account", "delete", "-a", person(1), "--yes"},
		{"calendar", "create", "-a", person(1), "-n", "work"}, {"backend", "purge", "--yes"},
	} {
		_, errs, err := run(t, nil, append(args, "--home", home)...)
		if code := exitCode(t, err); code != 1 || !strings.Contains(errs, "read-only") {
			t.Errorf("%q: code %d: %s", args, code, errs)
		}
	}
	if n := whole(t, home); n != 20 || countChanged(t, home) != 0 {
		t.Errorf("%d accounts", n)
	}
}

// What root creates in the home of another user belongs to that user: otherwise a server
// that runs as the owner would be locked out.
func TestRootLeavesAccountsToTheOwner(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root: files of other owners")
	}
	home := newHome(t)
	if out, err := exec.Command("chown", "-R", fmt.Sprintf("%d:%d", nobody, nobody), home).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	c := newCrowd(t, 3)
	mustRun(t, "backend", "create", "-n", "store1", "--home", home)
	mustRun(t, c.create(home)...)
	err := filepath.WalkDir(home, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		fi, err := os.Lstat(path)
		if err != nil {
			return err
		}
		if uid := fi.Sys().(*syscall.Stat_t).Uid; uid != nobody {
			t.Errorf("%s belongs to %d", path, uid)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// liveHome returns a home, and a live directory with people.
func liveHome(t *testing.T, size int) (home string, s *ldaptest.Server, options []string) {
	t.Helper()
	entries := []ldaptest.Entry{ldaptest.NewEntry("o=isp", "objectClass", "organization", "o", "isp")}
	for i := range size {
		entries = append(entries, ldaptest.NewEntry(fmt.Sprintf("uid=p%05d,o=isp", i), "objectClass", "icsCalendarUser", "uid", fmt.Sprintf("p%05d", i),
			"mail", person(i), "mailAlternateAddress", "alias-"+person(i), "davUniqueId", fmt.Sprintf("ID-%05d", i)))
	}
	s = ldaptest.Start(t, ldaptest.Options{Entries: entries, EvaluateUnknown: true})
	return newHome(t), s, []string{"-H", s.URL(), "-B", "o=isp"}
}

// Accounts are created from a live directory; a connection that is lost while reading
// changes nothing.
func TestAccountsOfALiveDirectory(t *testing.T) {
	const size = 450
	home, s, _ := liveHome(t, size)
	c := newCrowd(t, size)
	with := func(args ...string) []string { return append(args, "--home", home, "-H", s.URL()) }
	for _, f := range []ldaptest.Faults{{DropAfter: new(50)}, {ResetAfter: new(3)}, {ResultAfter: new(60), Result: ldaptest.Result{Code: 4}}, {CloseOnAccept: true}} {
		s.SetFaults(f)
		for _, args := range [][]string{{"account", "create", "-f", c.batch}, {"account", "create", "-B", "o=isp", "-R", "(uid=p*)"}} {
			a := davadminRun(t, nil, with(args...)...)
			if a.code != 1 && a.code != 5 {
				t.Errorf("%q: code %d: %.300s%.1000s", args, a.code, a.out, a.notes)
			}
		}
		if n := len(listAccounts(t, home, "--state", "any")); n != 0 {
			t.Fatalf("%d accounts were created", n)
		}
	}
	s.SetFaults(ldaptest.Faults{})
	expect := func(code int, words string, args ...string) {
		t.Helper()
		if a := davadminRun(t, nil, with(args...)...); a.code != code || !strings.Contains(a.out+a.notes, words) {
			t.Errorf("%q: code %d: %.300s%.1000s", args, a.code, a.out, a.notes)
		}
	}
	expect(0, "created: "+person(3), "account", "create", "-a", "ALIAS-"+person(3))
	expect(1, "no directory entry has the address", "account", "create", "-a", "x@example.com")
	expect(0, "already 1", "account", "create", "-f", c.batch)
	expect(0, fmt.Sprintf("already %d", size), "account", "create", "-B", "o=isp", "-R", "(uid=p*)")
	expect(0, "local entries without an account: 0", "account", "list", "--orphans", "--missing", "-B", "o=isp")
	if n := whole(t, home); n != size {
		t.Errorf("%d accounts of %d", n, size)
	}
}
