package cli_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/davadmin/davadmin/internal/servertest"
)

// cronLine is a line of a crontab in a guide: the times, and the command.
var cronLine = regexp.MustCompile(`(?m)^(?: {4})?(?:[0-9*,/-]+ ){5}(/.*)$`)

// cronLines returns the commands of the lines for a crontab in all guides.
func cronLines(t *testing.T) []string {
	t.Helper()
	guides, err := filepath.Glob("../../docs/guide/*.md")
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, path := range guides {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range cronLine.FindAllStringSubmatch(string(text), -1) {
			out = append(out, m[1])
		}
		if n := strings.Count(string(text), " * * * "); n != len(cronLine.FindAllString(string(text), -1)) {
			t.Errorf("%s: not every line for a crontab names the program with its path", path)
		}
	}
	return out
}

// guideFile returns a file that a block of a guide contains.
func guideFile(t *testing.T, guide, name string) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/guide/" + guide)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(text), " "+name+"\n")
	content, _, closed := strings.Cut(rest, "\n```")
	if !found || !closed {
		t.Fatalf("%s has no block %s", guide, name)
	}
	return content + "\n"
}

// cronWorld is a directory with the files that the guides name by absolute paths.
type cronWorld struct {
	dir    string
	server *servertest.Server
}

// path returns the path of a file whose absolute path in the world is given.
func (w *cronWorld) path(name string) string { return filepath.Join(w.dir, name) }

func (w *cronWorld) write(t *testing.T, name, text string, mode os.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(w.path(name)), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(w.path(name), []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}

// cron runs a command as cron does: in its environment, without a terminal. It returns what
// cron would mail, and the exit code.
func (w *cronWorld) cron(t *testing.T, line string) (mail string, code int) {
	t.Helper()
	script := `set -e
for d in opt etc/ssl usr/local/bin var/lib var/log; do mount --bind "$WORLD/$d" "/$d"; done
exec env -i SHELL=/bin/sh PATH=/usr/bin:/bin /bin/sh -c "$LINE"`
	cmd := exec.CommandContext(t.Context(), "/bin/sh", "-c", script)
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "WORLD=" + w.dir, "LINE=" + line}
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS, Setsid: true}
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// newCronWorld makes a home as the guide describes it: the directory is an OpenLDAP server
// with TLS and a CA of its own, and the password is in the vault, which a key opens.
func newCronWorld(t *testing.T) *cronWorld {
	t.Helper()
	w := &cronWorld{dir: t.TempDir()}
	w.write(t, "people.ldif", `dn: o=isp
objectClass: organization
o: isp

dn: uid=jdoe,o=isp
objectClass: inetOrgPerson
objectClass: icsCalendarUser
objectClass: davEntity
uid: jdoe
cn: Jane Doe
sn: Doe
mail: jdoe@example.com
icsStatus: active
davUniqueId: 1f3b7c10-55aa0001-9c2d4e6f-00000001

dn: uid=asmith,o=isp
objectClass: inetOrgPerson
objectClass: icsCalendarUser
objectClass: davEntity
uid: asmith
cn: Anne Smith
sn: Smith
mail: asmith@example.com
icsAllowedServiceAccess: -http:all
davStore: defaultbackend
davUniqueId: 1f3b7c10-55aa0001-9c2d4e6f-00000002
`, 0o600)
	w.server = servertest.Slapd(t, servertest.SlapdOptions{Options: servertest.Options{LDIF: w.path("people.ldif"), TLS: &servertest.TLSOptions{}}})
	ca, err := os.ReadFile(w.server.CAFile)
	if err != nil {
		t.Fatal(err)
	}
	w.write(t, "etc/ssl/isp.pem", string(ca), 0o644)
	w.write(t, "var/log/x", "", 0o600)
	w.write(t, "var/lib/cs6/ics.conf", `service.http.port = "8080"
local.hostname = "cs6.example.com"
service.http.caldavcompatible = "yes"
service.wcap.freebusy.redirecturl = "http://cs7.example.com:8080/davserver/wcap/get_freebusy.wcap"
local.autoprovision = "no"
user.invite.autoprovision = "no"
group.invite.autoprovision = "no"
resource.invite.autoprovision = "no"
`, 0o600)
	w.write(t, "var/lib/cs6/cscal-list.txt", "jdoe: owner=jdoe status=enabled\n", 0o600)
	w.write(t, "var/lib/cs6/moved.txt", "asmith@example.com\n", 0o600)
	home := w.path("opt/sun/comms/davserver")
	mustRun(t, "init", "-q", "--home", home)
	mustRun(t, "config", "modify", "-q", "--home", home, "-o", "base.ldapinfo.ugldap.ldaphost", "-v", w.server.URL, "-o", "base.ldapinfo.ugldap.binddn", "-v", w.server.ManagerDN,
		"-o", "base.ldapinfo.dcroot", "-v", "o=isp", "-o", "davcore.scheduling.localuserattr", "-v", "davstore", "-o", "davcore.uriinfo.subjectattributes", "--add", "davstore",
		"-o", "davcore.uriinfo.fulluriprefix", "-v", "http://cs7.example.com:8080")
	mustRun(t, "domainmap", "create", "-q", "--home", home, "-d", "example.com", "-L", "http://cs6.example.com:8080/ischedule/")
	w.write(t, "pw", servertest.Password, 0o600)
	mustRun(t, "passfile", "create", "-q", "--home", home, "--new-key", "-n", "ldap.ugldap", "--value-file", w.path("pw"))
	w.write(t, "opt/sun/comms/davserver/config/davadmin.properties", guideFile(t, "cron.md", "davadmin.properties"), 0o640)
	program, err := os.Executable() // which is davadmin under that name
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(w.path("usr/local/bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(program, w.path("usr/local/bin/davadmin")); err != nil {
		t.Fatal(err)
	}
	return w
}

// TestGuideCronLines runs the lines for a crontab in the guides exactly as printed: when all is
// well, when there is a finding, and when the directory is down.
func TestGuideCronLines(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give the guide's paths to a process")
	}
	lines := cronLines(t)
	if len(lines) < 3 {
		t.Fatalf("lines for a crontab: %q", lines)
	}
	w := newCronWorld(t)
	report := func(line string) string {
		_, path, found := strings.Cut(line, " > ")
		if !found || strings.Contains(line, "%") || !slices.Contains(strings.Fields(line), "-q") {
			t.Fatalf("not a line for a crontab: %s", line)
		}
		return path
	}
	complete := func(line string) bool {
		text, err := os.ReadFile(w.path(report(line)))
		if err != nil {
			t.Fatal(err)
		}
		return strings.Contains(string(text), `"kind":"summary"`) && strings.Contains(string(text), `"complete":true`)
	}
	for _, line := range lines {
		if mail, code := w.cron(t, line); mail != "" || code != 0 || !complete(line) {
			t.Errorf("all is well: exit code %d, mail %q\n%s", code, mail, line)
		}
	}
	w.write(t, "var/lib/cs6/cscal-list.txt", "jdoe: owner=jdoe status=enabled\nasmith: owner=asmith status=enabled\n", 0o600)
	pasteFix(t, w.server, "dn: uid=jdoe,o=isp\nchangetype: modify\ndelete: davUniqueId\n-\n")
	for _, line := range lines {
		command := strings.Join(regexp.MustCompile(`davadmin ([a-z ]+) -`).FindStringSubmatch(line)[1:], "")
		want := regexp.MustCompile(fmt.Sprintf(`^davadmin: %s: [1-9][0-9]* errors?, [0-9]+ warnings?; report: %s\n$`, command, regexp.QuoteMeta(report(line))))
		if mail, code := w.cron(t, line); !want.MatchString(mail) || code != 3 || !complete(line) {
			t.Errorf("with findings: exit code %d, mail %q\n%s", code, mail, line)
		}
	}
	if err := w.server.Stop(); err != nil {
		t.Fatal(err)
	}
	for _, line := range lines {
		if mail, code := w.cron(t, line); code != 5 || strings.Count(mail, "\n") != 1 || !strings.Contains(mail, "connection refused") {
			t.Errorf("without the directory: exit code %d, mail %q\n%s", code, mail, line)
		}
	}
}
