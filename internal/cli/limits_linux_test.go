package cli_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/davadmin/davadmin/internal/tier"
	"github.com/davadmin/davadmin/pkg/config"
)

// exitCode returns the exit code of a run; -1 for a signal.
func exitCode(t testing.TB, err error) int {
	t.Helper()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return exit.ExitCode()
	}
	t.Fatal(err)
	return 0
}

// mustFail runs davadmin, and checks the exit code and that its message on stderr is one
// line with each of the words.
func mustFail(t testing.TB, code int, words []string, args ...string) {
	t.Helper()
	_, errs, err := run(t, nil, args...)
	checkFailure(t, code, words, errs, err)
}

func checkFailure(t testing.TB, code int, words []string, errs string, err error) {
	t.Helper()
	if got := exitCode(t, err); got != code {
		t.Errorf("exit code %d, want %d: %s", got, code, errs)
	}
	if strings.Count(errs, "\n") != 1 || !strings.HasPrefix(errs, "davadmin: ") {
		t.Errorf("the message is not one line: %q", errs)
	}
	for _, w := range words {
		if !strings.Contains(errs, w) {
			t.Errorf("the message does not contain %q: %s", w, errs)
		}
	}
}

// sameBytes compares without printing megabytes.
func sameBytes(t testing.TB, what string, got, want []byte) {
	t.Helper()
	if bytes.Equal(got, want) {
		return
	}
	at := 0
	for at < min(len(got), len(want)) && got[at] == want[at] {
		at++
	}
	t.Errorf("%s: got %d bytes, want %d; the first difference is at byte %d: got %.80q, want %.80q",
		what, len(got), len(want), at, got[at:], want[at:])
}

func intact(t testing.TB, home string) {
	t.Helper()
	if out := mustRun(t, "history", "verify", "--home", home); !strings.HasSuffix(out, ": intact\n") {
		t.Error(out)
	}
}

// onlyFile checks that no temporary file remains next to the file.
func onlyFile(t testing.TB, home string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Join(home, "config"))
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 1 {
		t.Errorf("config/ contains %v", entries)
	}
}

// smallDisk mounts a file system of a few megabytes.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can mount a small disk")
	}
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
		t.Skipf("no small disk can be mounted: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// fill fills the disk, except for the given number of bytes.
func fill(t *testing.T, path string, free int64) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	page := make([]byte, 4096)
	size := int64(0)
	for err == nil {
		_, err = f.Write(page)
		size += int64(len(page))
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	if err := f.Truncate(max(0, size-int64(len(page))-free)); err != nil {
		t.Fatal(err)
	}
}

// On a disk that is full, or becomes full at any point of a change, the command fails and
// says why, and the file is completely the old one. Once there is space again, everything
// works.
func TestFullDisk(t *testing.T) {
	disk := smallDisk(t, "2m")
	home := filepath.Join(disk, "home")
	mustRun(t, "init", "--home", home)
	file := serverFile(home)
	var text bytes.Buffer
	rnd := rand.New(rand.NewPCG(1, 2))
	for text.Len() < 64<<10 {
		fmt.Fprintf(&text, "# %016x%016x\n", rnd.Uint64(), rnd.Uint64())
	}
	text.WriteString("notification.dav.timezoneformat=Europe/Berlin\n")
	write(t, file, text.Bytes())
	mustRun(t, "config", "modify", "-q", "--home", home, "-o", "notification.dav.timezoneformat", "-v", "Europe/Paris")
	filler := filepath.Join(disk, "filler")
	failed := 0
	for free := int64(0); ; free += 8 << 10 {
		old := read(t, file)
		zone := fmt.Sprintf("Zone/%d", free)
		fill(t, filler, free)
		_, errs, err := run(t, nil, "config", "modify", "-q", "--home", home, "-o", "notification.dav.timezoneformat", "-v", zone)
		if err == nil {
			want := bytes.Replace(old, oldFormat(t, old), []byte(zone), 1)
			sameBytes(t, "after a change that found room", read(t, file), want)
			break
		}
		failed++
		checkFailure(t, 1, []string{"no space left on device", home}, errs, err)
		sameBytes(t, fmt.Sprintf("with %d bytes free", free), read(t, file), old)
		onlyFile(t, home)
		// Reading needs no space.
		mustRun(t, "config", "list", "--home", home)
		if err := os.Remove(filler); err != nil {
			t.Fatal(err)
		}
		intact(t, home)
		mustRun(t, "config", "modify", "-q", "--home", home, "-o", "notification.dav.timezoneformat", "-v", "After/"+zone)
		intact(t, home)
		if t.Failed() || free > 1<<20 {
			t.Fatalf("with %d bytes free", free)
		}
	}
	// The version needs some 40 KB and the new file 64 KB, so that the disk
	// was full in the middle of both.
	if failed < 5 {
		t.Errorf("only %d runs failed on the full disk", failed)
	}
	intact(t, home)
}

func oldFormat(t testing.TB, text []byte) []byte {
	t.Helper()
	doc, err := config.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	zone, _ := doc.Get("notification.dav.timezoneformat")
	return []byte(zone)
}

// On a disk that is full from the start, init leaves nothing behind.
func TestInitOnFullDisk(t *testing.T) {
	disk := smallDisk(t, "1m")
	for _, free := range []int64{0, 4 << 10, 8 << 10} {
		filler, home := filepath.Join(disk, "filler"), filepath.Join(disk, "home")
		fill(t, filler, free)
		mustFail(t, 1, []string{"no space left on device"}, "init", "-q", "--home", home)
		if _, err := os.Lstat(home); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("with %d bytes free something was left: %v", free, err)
		}
		if err := os.Remove(filler); err != nil {
			t.Fatal(err)
		}
	}
}

// nobody is the id of a user without rights.
const nobody = 65534

// unprivileged runs davadmin as a user who is not root, in a directory that this user can
// access.
type unprivileged struct {
	dir string
	exe string
}

func newUnprivileged(t *testing.T) *unprivileged {
	t.Helper()
	dir, err := os.MkdirTemp("", "davadmin")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	u := &unprivileged{dir: dir, exe: filepath.Join(dir, "davadmin")}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{
		os.Chmod(dir, 0o755), os.WriteFile(u.exe, read(t, exe), 0o755), os.Chmod(u.exe, 0o755),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return u
}

// home creates a server home that belongs to the user.
func (u *unprivileged) home(t *testing.T, name, text string) string {
	t.Helper()
	home := filepath.Join(u.dir, name)
	if err := os.MkdirAll(filepath.Join(home, "config"), 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, serverFile(home), []byte(text))
	if os.Geteuid() == 0 {
		for _, path := range []string{home, filepath.Join(home, "config"), serverFile(home)} {
			if err := os.Chown(path, nobody, nobody); err != nil {
				t.Fatal(err)
			}
		}
	}
	return home
}

func (u *unprivileged) run(t *testing.T, args ...string) (stderr string, err error) {
	t.Helper()
	cmd := exec.Command(u.exe, args...)
	cmd.Dir = u.dir
	if os.Geteuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	}
	var errs bytes.Buffer
	cmd.Stderr = &errs
	err = cmd.Run()
	return errs.String(), err
}

// Where the user may not write, nothing changes and the message names the path.
func TestNoPermission(t *testing.T) {
	u := newUnprivileged(t)
	const text = "# site\nlog.dav.errors.loglevel=INFO\n"
	modify := func(home string) []string {
		return []string{"config", "modify", "--home", home, "-o", "log.dav.errors.loglevel", "-v", "FINE"}
	}
	for _, c := range []struct {
		name string
		lock func(home string) (path string, mode os.FileMode)
		word string
		args func(home string) []string
	}{
		{"home", func(h string) (string, os.FileMode) { return h, 0o555 }, "/history", modify},
		{"directory", func(h string) (string, os.FileMode) { return filepath.Join(h, "config"), 0o555 }, "/config", modify},
		{"file", func(h string) (string, os.FileMode) { return serverFile(h), 0 }, "davserver.properties",
			func(h string) []string { return []string{"config", "list", "--home", h} }},
		{"unreachable", func(h string) (string, os.FileMode) { return filepath.Join(h, "config"), 0 }, "/config", modify},
	} {
		t.Run(c.name, func(t *testing.T) {
			home := u.home(t, c.name, text)
			path, mode := c.lock(home)
			before, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(path, mode); err != nil {
				t.Fatal(err)
			}
			errs, err := u.run(t, c.args(home)...)
			if err := os.Chmod(path, before.Mode()); err != nil {
				t.Fatal(err)
			}
			checkFailure(t, 1, []string{"permission denied", c.word, " " + path, fmt.Sprintf("mode %04o; davadmin runs as ", mode), "; run the command as a user who has it"}, errs, err)
			sameBytes(t, "the file", read(t, serverFile(home)), []byte(text))
			onlyFile(t, home)
			// Once the right is restored, the same command works.
			if errs, err := u.run(t, modify(home)...); err != nil {
				t.Fatalf("%v: %s", err, errs)
			}
			if errs, err := u.run(t, "history", "verify", "--home", home); err != nil {
				t.Errorf("%v: %s", err, errs)
			}
		})
	}
}

// A change by root keeps the owner and mode of the file, and the owner can use the files
// that it creates.
func TestOwnerAndModeAreKept(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can change the file of another user")
	}
	u := newUnprivileged(t)
	home := u.home(t, "home", "log.dav.errors.loglevel=INFO\n")
	file := serverFile(home)
	for _, err := range []error{os.Chown(file, nobody, 12345), os.Chmod(file, 0o664)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	mustRun(t, "config", "modify", "-q", "--home", home, "-o", "log.dav.errors.loglevel", "-v", "FINE")
	fi, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	st := fi.Sys().(*syscall.Stat_t)
	if fi.Mode().Perm() != 0o664 || st.Uid != nobody || st.Gid != 12345 {
		t.Errorf("the file now has mode %04o, owner %d, group %d", fi.Mode().Perm(), st.Uid, st.Gid)
	}
	if err := os.Chown(file, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"config", "modify", "--home", home, "-o", "log.dav.errors.loglevel", "-v", "FINER"},
		{"config", "revert", "1", "--home", home},
		{"history", "verify", "--home", home},
	} {
		if errs, err := u.run(t, args...); err != nil {
			t.Errorf("the owner cannot run %v: %v: %s", args, err, errs)
		}
	}
	sameBytes(t, "the file", read(t, file), []byte("log.dav.errors.loglevel=INFO\n"))
}

// If something else than a file has the name of the file, the command does not hang, and
// records no change.
func TestNoFile(t *testing.T) {
	for _, c := range []struct {
		name string
		make func(file string) error
		word string
	}{
		{"no directory", func(f string) error { return os.Remove(filepath.Dir(f)) }, "does not exist"},
		{"no file", func(string) error { return nil }, "does not exist"},
		{"a directory", func(f string) error { return os.Mkdir(f, 0o755) }, "it is a directory"},
		{"a pipe", func(f string) error { return syscall.Mkfifo(f, 0o600) }, "not a regular file"},
		{"more than can be", func(f string) error {
			return errors.Join(os.WriteFile(f, nil, 0o600), os.Truncate(f, 1<<30+1))
		}, "too large"},
	} {
		t.Run(c.name, func(t *testing.T) {
			home := t.TempDir()
			if err := os.Mkdir(filepath.Join(home, "config"), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := c.make(serverFile(home)); err != nil {
				t.Fatal(err)
			}
			mustFail(t, 1, []string{c.word, "davserver.properties"}, "config", "list", "--home", home)
			mustFail(t, 1, []string{c.word, "davserver.properties"},
				"config", "modify", "--home", home, "-o", "log.dav.errors.loglevel", "-v", "FINE")
			if _, err := os.Lstat(filepath.Join(home, "history", "journal.jsonl")); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("a change was recorded: %v", err)
			}
		})
	}
}

// changeAndBack changes the time zone in a file, checks that no other byte changed, and
// reverts the change.
func changeAndBack(t *testing.T, text []byte) {
	t.Helper()
	home := t.TempDir()
	if err := os.Mkdir(filepath.Join(home, "config"), 0o755); err != nil {
		t.Fatal(err)
	}
	file := serverFile(home)
	write(t, file, text)
	mustRun(t, "config", "modify", "-q", "--home", home, "-o", "davcore.serverdefaults.tzid", "-v", "Asia/Tokyo")
	want := bytes.Replace(text, []byte("Europe/Berlin"), []byte("Asia/Tokyo"), 1)
	if bytes.Equal(want, text) {
		t.Fatal("the text does not hold what is to be changed")
	}
	sameBytes(t, "the changed file", read(t, file), want)
	if out := mustRun(t, "config", "list", "--home", home, "-o", "davcore.serverdefaults.tzid"); out != "davcore.serverdefaults.tzid: Asia/Tokyo\n" {
		t.Errorf("read back: %q", out)
	}
	mustRun(t, "config", "revert", "1", "-q", "--home", home)
	sameBytes(t, "the file after the revert", read(t, file), text)
	intact(t, home)
}

// A value changes in the middle of ten megabytes, most of them comments.
func TestLargeFile(t *testing.T) {
	comments := bytes.Repeat([]byte("# what the site has to say about this\n"), 5<<20/38)
	changeAndBack(t, bytes.Join([][]byte{comments, []byte("davcore.serverdefaults.tzid = Europe/Berlin\r\n"), comments}, nil))
}

// A million settings, or fewer in tier one.
func TestManySettings(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	var b bytes.Buffer
	n := tier.Rounds(t, 50_000, 1_000_000)
	for i := range n {
		fmt.Fprintf(&b, "site.group%d.setting%d=value of %d\n", i%1000, i, i)
		if i == n/2 {
			b.WriteString("davcore.serverdefaults.tzid=Europe/Berlin\n")
		}
	}
	changeAndBack(t, b.Bytes())
}

// Bytes that no editor writes: NUL, every other control character, no line end.
func TestStrangeBytes(t *testing.T) {
	var all []byte
	for c := range 256 {
		if c != '\\' { // could begin an escape that Java refuses
			all = append(all, byte(c))
		}
	}
	changeAndBack(t, []byte("site.a=b\x00c\n\x00\x00=\x00\n#\x00\ndavcore.serverdefaults.tzid=Europe/Berlin\nsite.all="+string(all)+"\nsite.z=\x00"))
}

// A value of a megabyte.
func TestLargeValue(t *testing.T) {
	home := newHome(t)
	before := read(t, serverFile(home))
	value := strings.Repeat("0123456789abcdef", 1<<16)
	path := filepath.Join(t.TempDir(), "value")
	write(t, path, []byte(value+"\n"))
	mustRun(t, "config", "modify", "-q", "--home", home, "-o", "davcore.serverdefaults.jsonprefix", "--value-file", path)
	sameBytes(t, "the file", read(t, serverFile(home)), append(bytes.Clone(before), "davcore.serverdefaults.jsonprefix="+value+"\n"...))
	out := mustRun(t, "config", "list", "--home", home, "-o", "davcore.serverdefaults.jsonprefix")
	sameBytes(t, "the value", []byte(out), []byte("davcore.serverdefaults.jsonprefix: "+value+"\n"))
	// The journal keeps what fits, the version all of it.
	if fi, err := os.Stat(filepath.Join(home, "history", "journal.jsonl")); err != nil || fi.Size() > 64<<10 {
		t.Errorf("the journal has %v bytes (%v)", fi.Size(), err)
	}
	mustRun(t, "config", "modify", "-q", "--home", home, "-o", "davcore.serverdefaults.jsonprefix", "-v", "short")
	mustRun(t, "config", "revert", "2", "-q", "--home", home)
	sameBytes(t, "the file", read(t, serverFile(home)), append(bytes.Clone(before), "davcore.serverdefaults.jsonprefix="+value+"\n"...))
	intact(t, home)

	// A value above the limit is refused.
	if err := os.Truncate(path, 16<<20+1); err != nil {
		t.Fatal(err)
	}
	mustFail(t, 1, []string{"too large", path}, "config", "modify", "--home", home, "-o", "davcore.serverdefaults.jsonprefix", "--value-file", path)
}
