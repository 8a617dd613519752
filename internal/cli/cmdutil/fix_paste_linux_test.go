package cmdutil

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/davadmin/davadmin/pkg/directory"
	"github.com/davadmin/davadmin/pkg/finding"
	"github.com/davadmin/davadmin/pkg/ldapcheck"
	"github.com/davadmin/davadmin/pkg/ldif"
)

// hostileTexts are values that would run the program tr4p, or write a file, if a shell
// interpreted them.
func hostileTexts() []string {
	texts := []string{
		"$(tr4p)", "`tr4p`", ";tr4p;", "|tr4p", "&tr4p&", "&&tr4p", "||tr4p", ">file", "<(tr4p)", "${x:=$(tr4p)}", "'\ntr4p\n'", "\"$(tr4p)\"", "it's; tr4p", "\\\ntr4p",
		"a\ntr4p", "a\rtr4p", "# $(tr4p)", "!tr4p", "!!", "(tr4p)", "{ tr4p; }", "a\\$(tr4p)", "%tr4p", "~/tr4p", "*", "tr4p", "x tr4p", "\ntr4p\n", "\x00tr4p", "=tr4p",
		"tr4p\ntr4p='tr4p'\n$tr4p", "EOF\ntr4p\nEOF\n", "EOF", "a' ; tr4p ; 'b", "a\" ; tr4p ; \"b",
	}
	// Wherever a line is folded, the rest begins with the name of a program.
	for i := 30; i < 80; i++ {
		texts = append(texts, strings.Repeat("x", i)+"tr4p")
	}
	return append(texts, strings.Repeat("tr4p", 100), strings.Repeat(" tr4p", 100))
}

// hostileEntries are entries with faults whose fixes contain hostile DNs and values.
func hostileEntries() string {
	var b strings.Builder
	line := func(name, value string) {
		fmt.Fprintf(&b, "%s:: %s\n", name, base64.StdEncoding.EncodeToString([]byte(value)))
	}
	b.WriteString("dn: o=isp\no: isp\n\n")
	for i, text := range hostileTexts() {
		name := strings.NewReplacer(",", `\,`, "+", `\+`, ";", `\;`, "\"", `\"`, "\\", `\\`, "#", `\#`, "<", `\<`, ">", `\>`, "=", `\=`).Replace(text)
		line("dn", fmt.Sprintf("cn=%s %d,o=isp", name, i))
		for _, class := range []string{"icsCalendarUser", "groupOfUniqueNames", "icsCalendarResource"}[i%3 : i%3+1] {
			line("objectClass", class)
		}
		line("uid", text)
		line("mail", fmt.Sprintf("u%d@example.com", i))
		switch i % 4 {
		case 0: // no unique id
		case 1:
			line("davUniqueId", "id"+text)
			line("davUniqueId", text)
		default:
			line("davUniqueId", "00000001-00000000-00000000-000000"+[]string{"aa", "AA"}[i%2])
		}
		line("davStore", text)
		line("davStore", "x"+text)
		line("icsStatus", "active")
		line("icsAllowedServiceAccess", "-http:all")
		line("uniqueMember", "uid="+name+",o=isp")
		line("uniqueMember", text)
		line("owner", "uid="+name+",o=isp")
		b.WriteString("\n")
	}
	return b.String()
}

// Nothing that a directory contains is executed if a fix is pasted into a shell: LDIF
// does nothing at all, and the command of a fix prints the LDIF that it contains.
func TestPastedFixesExecuteNothingOfTheDirectory(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hostile.ldif")
	if err := os.WriteFile(path, []byte(hostileEntries()), 0o600); err != nil {
		t.Fatal(err)
	}
	o := ldapcheck.Options{Names: ldapcheck.DefaultNames(), Backends: []string{"store"}, Tmp: t.TempDir()}
	a, err := ldapcheck.New(o)
	if err != nil {
		t.Fatal(err)
	}
	r, err := a.Run(t.Context(), directory.NewFiles(directory.FilesOptions{Paths: []string{path}}))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	texts, commands, pasted := map[string]int{}, []string{}, ""
	for f, err := range r.Findings(0) {
		if err != nil {
			t.Fatal(err)
		}
		text := fixRenderer{&Hints{global: &Globals{}}}.fix(f.Fix)
		if f.Fix.Type == finding.FixLDIF {
			pasted += text + "\n"
		} else if text != "" {
			commands = append(commands, text)
		}
		texts[f.Rule]++
	}
	if texts["group-member-dangling"] < 20 || texts["uniqueid-missing"] < 10 || len(commands) < 20 || strings.Count(pasted, "\ndn:") < 50 {
		t.Fatalf("%d commands, %v\n%s", len(commands), texts, pasted)
	}
	for _, shell := range [][]string{{"sh"}, {"bash"}, {"bash", "--posix"}, {"bash", "--norc", "-i"}} {
		if _, ran := paste(t, shell, "dn: $(tr4p)\n"); ran == "" {
			t.Errorf("%s: a command that is executed is not noticed", shell)
		}
		if out, ran := paste(t, shell, pasted); out+ran != "" {
			t.Errorf("%s: LDIF printed %q, executed %s", shell, out, ran)
		}
		out, ran := paste(t, shell, strings.Join(commands, "\n")+"\n")
		if ran != "" {
			t.Errorf("%s: the commands executed %s", shell, ran)
		}
		records := ldif.NewReader(strings.NewReader(out), ldif.Options{})
		n := 0
		for {
			rec, err := records.Next()
			if err != nil {
				break
			}
			if n++; rec.Kind != ldif.KindModify {
				t.Errorf("%s: a record of %q", shell, rec.DN)
			}
		}
		if n < 20 {
			t.Errorf("%s: the commands printed only %d records:\n%s", shell, n, out)
		}
	}
}

// paste gives a shell a text as input, in an empty directory. It returns what the shell
// printed to standard output, and what it did besides: programs that were run, and files
// that were written.
func paste(t *testing.T, shell []string, text string) (out, ran string) {
	t.Helper()
	program, err := exec.LookPath(shell[0])
	if err != nil {
		t.Skipf("no %s", shell[0])
	}
	tools, dir := t.TempDir(), t.TempDir()
	mark := filepath.Join(tools, "mark")
	for name, body := range map[string]string{"tr4p": `echo "$0 $*" >>"` + mark + `"`, "davadmin": "echo 00000001-00000002-00000003-00000004"} {
		if err := os.WriteFile(filepath.Join(tools, name), []byte("#!/bin/sh\n"+body+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), program, shell[1:]...)
	cmd.Dir, cmd.Stdin, cmd.Env = dir, strings.NewReader(text), []string{"PATH=" + tools, "HOME=" + dir, "HISTFILE=/dev/null"}
	printed, err := cmd.Output()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range list {
		ran += "> " + f.Name() + "\n"
	}
	done, err := os.ReadFile(mark)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return string(printed), ran + string(done)
}
