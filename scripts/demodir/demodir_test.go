package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/davadmin/davadmin/pkg/dirgen"
)

// generate writes an invented directory to path, and returns its text.
func generate(t *testing.T, path string) string {
	t.Helper()
	d, err := dirgen.New(dirgen.Options{Entries: 400, Seed: 7, ForServer: true})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := d.WriteLDIF(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// demo is a server that runs alongside the test.
type demo struct {
	t      *testing.T
	dir    string
	input  *io.PipeWriter
	cancel context.CancelFunc
	code   chan int
	errOut bytes.Buffer
}

func start(t *testing.T, args ...string) *demo {
	t.Helper()
	d := &demo{t: t, dir: t.TempDir(), code: make(chan int, 1)}
	ctx, cancel := context.WithCancel(t.Context())
	d.cancel = cancel
	t.Cleanup(cancel)
	in, input := io.Pipe()
	d.input = input
	if err := os.WriteFile(d.path("password"), []byte("secret\nignored\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for i, a := range args {
		args[i] = strings.ReplaceAll(a, "DIR", d.dir)
	}
	args = append(args, "-url-file", d.path("url"), "-manager", "cn=Manager", "-password-file", d.path("password"), "-export", d.path("export"))
	go func() { d.code <- run(ctx, args, in, io.Discard, &d.errOut) }()
	return d
}

func (d *demo) path(name string) string { return filepath.Join(d.dir, name) }

// url waits until the server is ready, and returns its URL.
func (d *demo) url() string {
	d.t.Helper()
	for range 1000 {
		if b, err := os.ReadFile(d.path("url")); err == nil {
			if !strings.HasPrefix(string(b), "ldap://127.0.0.1:") || !strings.HasSuffix(string(b), "\n") {
				d.t.Fatalf("the URL is %q", b)
			}
			return strings.TrimSpace(string(b))
		}
		time.Sleep(10 * time.Millisecond)
	}
	d.t.Fatal("the server did not start within 10 s")
	return ""
}

// end waits for the server to stop, and returns the exported directory.
func (d *demo) end() string {
	d.t.Helper()
	select {
	case code := <-d.code:
		if code != exitDone {
			d.t.Fatalf("exit code %d: %s", code, d.errOut.String())
		}
	case <-time.After(20 * time.Second):
		d.t.Fatal("the server did not stop within 20 s")
	}
	b, err := os.ReadFile(d.path("export"))
	if err != nil {
		d.t.Fatal(err)
	}
	return string(b)
}

func TestDemo(t *testing.T) {
	program, err := exec.LookPath("ldapmodify")
	if err != nil && testing.Short() {
		t.Skip("ldapmodify is not installed (Debian package ldap-utils)")
	}
	if err != nil {
		t.Fatal("ldapmodify is not installed (Debian package ldap-utils)")
	}
	ldif := filepath.Join(t.TempDir(), "in.ldif")
	before := "version: 1\n" + generate(t, ldif)
	d := start(t, "-ldif", ldif, "-stdin")
	url := d.url()
	const changes = "dn: o=isp\nchangetype: modify\nadd: description\ndescription: changed\n\ndn: cn=new,o=isp\nchangetype: add\nobjectClass: person\ncn: new\nsn: new\n"
	for _, who := range []struct {
		args []string
		code int
	}{
		{nil, 8},
		{[]string{"-D", "cn=Manager", "-w", "ignored"}, 49},
		{[]string{"-D", "cn=Manager", "-w", "secret"}, 0},
	} {
		cmd := exec.CommandContext(t.Context(), program, append([]string{"-x", "-H", url}, who.args...)...)
		cmd.Stdin = strings.NewReader(changes)
		if out, _ := cmd.CombinedOutput(); cmd.ProcessState.ExitCode() != who.code {
			t.Errorf("%q: exit code %d, expected %d: %s", who.args, cmd.ProcessState.ExitCode(), who.code, out)
		}
	}
	_ = d.input.Close()
	after := d.end()
	want := strings.Replace(before, "\no: isp\n", "\no: isp\ndescription: changed\n", 1)
	want += "dn: cn=new,o=isp\nobjectClass: person\ncn: new\nsn: new\n\n"
	if after != want {
		t.Errorf("exported were %d bytes, not %d:\n%.600s", len(after), len(want), after)
	}
	if left, _ := filepath.Glob(d.path("*.part")); len(left) > 0 {
		t.Errorf("temporary files were left behind: %q", left)
	}
}

// An unchanged directory is exported as it was read, and a signal stops the server too.
func TestUnchanged(t *testing.T) {
	ldif := filepath.Join(t.TempDir(), "in.ldif")
	before := "version: 1\n" + generate(t, ldif)
	d := start(t, "-ldif", ldif)
	d.url()
	_ = d.input.Close()
	select {
	case code := <-d.code:
		t.Fatalf("it stopped with exit code %d, although -stdin was not given", code)
	case <-time.After(100 * time.Millisecond):
	}
	d.cancel()
	if after := d.end(); after != before {
		t.Errorf("%d bytes were exported, expected %d", len(after), len(before))
	}
}

func TestRefusals(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"change": "dn: o=isp\nchangetype: delete\n", "broken": "dn: o=isp\nx\n", "twice": "dn: o=isp\no: isp\n\ndn: O=ISP\no: isp\n", "unknown": "dn: o=isp\nunheardOf: x\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	at := func(name string) string { return filepath.Join(dir, name) }
	for _, x := range []struct {
		args  []string
		code  int
		words string
	}{
		{nil, exitUsage, "-ldif FILE is required"},
		{[]string{"-ldif", "x", "-manager", "cn=m"}, exitUsage, "must be used together"},
		{[]string{"-ldif", "x", "word"}, exitUsage, "no arguments are accepted"},
		{[]string{"-unheard"}, exitUsage, "unheard"},
		{[]string{"-ldif", at("none")}, exitFailed, "no such file"},
		{[]string{"-ldif", at("change")}, exitFailed, "line 1: a change"},
		{[]string{"-ldif", at("broken")}, exitFailed, "line 2"},
		{[]string{"-ldif", at("twice")}, exitFailed, "occurs twice"},
		{[]string{"-ldif", at("unknown")}, exitFailed, "the attribute unheardOf of o=isp is not in the schema"},
		{[]string{"-ldif", at("unknown"), "-unchecked", "-listen", "nowhere"}, exitFailed, "cannot listen"},
		{[]string{"-ldif", at("unknown"), "-unchecked", "-url-file", at("none/url")}, exitFailed, "none"},
		{[]string{"-ldif", at("unknown"), "-unchecked", "-manager", "cn=m", "-password-file", at("none")}, exitFailed, "password"},
	} {
		var errOut bytes.Buffer
		if code := run(t.Context(), x.args, strings.NewReader(""), io.Discard, &errOut); code != x.code || !strings.Contains(errOut.String(), x.words) {
			t.Errorf("%q: exit code %d, output %s", x.args, code, errOut.String())
		}
	}
}
