package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const people = "version: 1\n# the root\ndn: o=isp\no: isp\n\n" +
	"dn: uid=Ann, ou=People,o=isp\nuid: Ann\nobjectClass: top\nmail: ann@b.c\nobjectClass: person\ndavStore: Store1\ndavStore: store1\ndavStore: STORE2\n\n" +
	"dn:: dWlkPWrDtnJnLG91PVBlb3BsZSxvPWlzcA==\nuid: joerg\ncn;lang-de:: SsO2cmc=\n\n" +
	"dn: uid=broken,o=isp\nno colon\n\n" +
	"dn: uid=twice,o=isp\nuid: twice\n\ndn: UID=twice, o=isp\nuid: twice\n\n" +
	"dn: uid=last,o=isp\nuid: last\n"

const (
	icsConf = "! old server\nservice.http.port = \"80\""
	list    = "Ann@b.c: owner=Ann@b.c status=enabled\nann@b.c:work: owner=ANN@B.C status=enabled\n  name: of Ann\n" +
		"bob: owner=bob@b.c status=enabled\njoe@b.c:x: owner=joe status=disabled\nann@b.c.d: owner=ann@b.c.d status=enabled\n"
)

// rehearsal is a deployment in files, with a davadmin that records how it is called.
type rehearsal struct {
	t   *testing.T
	dir string
}

func newRehearsal(t *testing.T) *rehearsal {
	r := &rehearsal{t, t.TempDir()}
	for name, text := range map[string]string{"directory.ldif": people, "ics.conf": icsConf, "cs6.txt": list, "calls": "", "mode": ""} {
		r.write(name, text, 0o640)
	}
	r.write("bin/davadmin", `#!/bin/sh
printf '%s|' "$@" >>"$DIR/calls"
grep -c davAdded "$DIR/directory.ldif" >>"$DIR/calls"
[ "$2" != fail ] || { printf 'no\033good\n' >&2; exit 2; }
printf 'one\ntwo\n'
`, 0o755)
	t.Setenv("DIR", r.dir)
	return r
}

func (r *rehearsal) path(name string) string { return filepath.Join(r.dir, filepath.FromSlash(name)) }

func (r *rehearsal) write(name, text string, mode os.FileMode) {
	r.t.Helper()
	if err := os.MkdirAll(filepath.Dir(r.path(name)), 0o755); err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(r.path(name), []byte(text), mode); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rehearsal) read(name string) string {
	r.t.Helper()
	text, err := os.ReadFile(r.path(name))
	if err != nil {
		r.t.Fatal(err)
	}
	return string(text)
}

// apply runs the program on a report of findings with these fixes.
func (r *rehearsal) apply(fixes ...string) (code int, out, errOut string) {
	r.t.Helper()
	var report bytes.Buffer
	e := json.NewEncoder(&report)
	for _, fix := range fixes {
		line := map[string]any{"kind": "finding", "rule": "some-rule", "severity": "error", "dn": []string{"uid=x\x1b"}, "detail": "why"}
		if fix != "" {
			line["fix"] = fix
		}
		if err := e.Encode(line); err != nil {
			r.t.Fatal(err)
		}
	}
	report.WriteString(`{"kind":"rule","rule":"other","fix":"rm -rf /","count":1}` + "\n" + `{"kind":"summary","errors":1}` + "\n")
	r.write("report.jsonl", report.String(), 0o644)
	return r.run("-report", r.path("report.jsonl"), "-ldif", r.path("directory.ldif"), "-ics", r.path("ics.conf"),
		"-cs6", r.path("cs6.txt"), "-davadmin", r.path("bin/davadmin"))
}

func (r *rehearsal) run(args ...string) (code int, out, errOut string) {
	var o, e bytes.Buffer
	code = run(r.t.Context(), args, &o, &e)
	return code, o.String(), e.String()
}

// swap returns text with one part replaced by another. The part must occur once.
func swap(t *testing.T, text, from, to string) string {
	t.Helper()
	if strings.Count(text, from) != 1 {
		t.Fatalf("%q does not occur exactly once", from)
	}
	return strings.Replace(text, from, to, 1)
}

func TestFixes(t *testing.T) {
	const ann = "dn: uid=ann,ou=people,o=isp\nchangetype: modify\n"
	const joerg = "dn:: VUlEPWrDtnJnLCBvdT1QZW9wbGUsIG89aXNw\nchangetype: modify\n" // UID=jörg, ou=People, o=isp
	tests := []struct {
		name, file string
		fixes      []string
		from, to   string // what changes in the file; nothing else does
		says       string // a part of the output
	}{
		{"add to an attribute", "directory.ldif", []string{ann + "add: OBJECTCLASS\nOBJECTCLASS: davEntity\n-\n\n"},
			"objectClass: person\n", "objectClass: person\nOBJECTCLASS: davEntity\n", "$ ldapmodify   # uid=ann,ou=people,o=isp: add OBJECTCLASS: davEntity\n"},
		{"add an attribute", "directory.ldif", []string{"! if you like\n# so\n" + ann + "add: cn\ncn: A\ncn:: G1s=\n-\n\n"},
			"davStore: STORE2\n", "davStore: STORE2\ncn: A\ncn:: G1s=\n", "! if you like\n# so\n$ ldapmodify   # uid=ann,ou=people,o=isp: add cn: A, \\x1b[\n"},
		{"delete the exact value", "directory.ldif", []string{ann + "delete: davstore\ndavstore: store1\n-\n\n"}, "davStore: store1\n", "", ""},
		{"delete a value of other case", "directory.ldif", []string{ann + "delete: davStore\ndavStore: Store2\n-\n\n"}, "davStore: STORE2\n", "", ""},
		{"delete all values", "directory.ldif", []string{ann + "delete: DAVSTORE\n-\n\n"}, "davStore: Store1\ndavStore: store1\ndavStore: STORE2\n", "", ""},
		{"replace at the same position", "directory.ldif", []string{ann + "replace: mail\nmail: a\nmail: b\n-\n\n"}, "mail: ann@b.c\n", "mail: a\nmail: b\n", ""},
		{"replace a missing attribute", "directory.ldif", []string{ann + "replace: cn\ncn: A\n-\n\n"}, "davStore: STORE2\n", "davStore: STORE2\ncn: A\n", ""},
		{"replace by nothing", "directory.ldif", []string{ann + "replace: mail\n-\n\n"}, "mail: ann@b.c\n", "", ""},
		{"base64 DN", "directory.ldif", []string{joerg + "add: davStore\ndavStore: s\n-\n\n"},
			"cn;lang-de:: SsO2cmc=\n", "cn;lang-de:: SsO2cmc=\ndavStore: s\n", "$ ldapmodify   # UID=jörg, ou=People, o=isp: add davStore: s\n"},
		{"attribute with options", "directory.ldif", []string{joerg + "delete: cn;lang-de\ncn;lang-de:: SsO2cmc=\n-\n\n"}, "cn;lang-de:: SsO2cmc=\n", "", ""},
		{"entry at the end", "directory.ldif", []string{"dn: uid=last,o=isp\nchangetype: modify\nadd: cn\ncn: L\n-\n\n"}, "uid: last\n", "uid: last\ncn: L\n", ""},
		{"one entry twice", "directory.ldif", []string{ann + "delete: mail\n-\n\n", ann + "add: cn\ncn: A\n-\ndelete: davStore\ndavStore: STORE2\n-\n\n"},
			"mail: ann@b.c\nobjectClass: person\ndavStore: Store1\ndavStore: store1\ndavStore: STORE2\n", "objectClass: person\ndavStore: Store1\ndavStore: store1\ncn: A\n", "add cn: A; delete davStore: STORE2"},
		{"ics.conf", "ics.conf", []string{"! why\na.b = \"it's\"", "a.b = \"it's\""},
			"\"80\"", "\"80\"\na.b = \"it's\"\n", "! why\n$ printf '%s\\n' 'a.b = \"it'\\''s\"' >>"},
		{"calendars", "cs6.txt", []string{"cscal delete -o ann@b.c"},
			"Ann@b.c: owner=Ann@b.c status=enabled\nann@b.c:work: owner=ANN@B.C status=enabled\n  name: of Ann\n", "", "$ cscal delete -o ann@b.c\n2 removed from the list\n"},
		{"calendars of an owner in quotes", "cs6.txt", []string{"cscal delete -o 'bob@b.c'"}, "bob: owner=bob@b.c status=enabled\n", "", ""},
		{"calendars of a user id", "cs6.txt", []string{"cscal delete -o joe@b.c"}, "joe@b.c:x: owner=joe status=disabled\n", "", ""},
		{"davadmin", "calls", []string{"# once\ndavadmin config 'a  b'", "davadmin config 'a  b'"}, "", "config|a  b|0\n", "# once\n$ davadmin config 'a  b'\none\ntwo\n"},
		{"sleep", "calls", []string{"sleep 0"}, "", "", "$ sleep 0\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRehearsal(t)
			want := map[string]string{"directory.ldif": people, "ics.conf": icsConf, "cs6.txt": list, "calls": ""}
			want[tt.file] = swap(t, want[tt.file]+"\x00", tt.from+map[bool]string{true: "\x00"}[tt.from == ""], tt.to+map[bool]string{true: "\x00"}[tt.from == ""])
			want[tt.file] = strings.TrimSuffix(want[tt.file], "\x00")
			code, out, errOut := r.apply(tt.fixes...)
			if code != exitDone || errOut != "" {
				t.Errorf("exit code %d: %s", code, errOut)
			}
			if !strings.HasPrefix(out, "some-rule: uid=x\\x1b\n") || !strings.Contains(out, tt.says) {
				t.Errorf("output, without %q:\n%s", tt.says, out)
			}
			for name, text := range want {
				if diff := cmp.Diff(text, r.read(name)); diff != "" {
					t.Errorf("%s (-want +got):\n%s", name, diff)
				}
			}
		})
	}
}

// newID is the fix that ldapcheck writes.
func newID(rdn string) string {
	return `id=$(davadmin ldap newid) && printf 'dn: ` + rdn + `,o=isp\nchangetype: modify\nreplace: davUniqueId\ndavUniqueId: %s\n-\n\n' "$id"`
}

func TestNewID(t *testing.T) {
	r := newRehearsal(t)
	r.write("bin/davadmin", "#!/bin/sh\n[ \"$*\" = 'ldap newid' ] && echo an-id\n", 0o755)
	code, out, errOut := r.apply("# one keeps its id\n# " + newID("uid=Ann,ou=People") + "\n" + newID("uid=last"))
	got := r.read("directory.ldif")
	if want := "\ndavUniqueId: an-id\n"; code != exitDone || strings.Count(got, want) != 1 || !strings.HasPrefix(strings.Replace(got, want, "\n", 1), people) {
		t.Errorf("exit code %d: %s\n%s", code, errOut, got)
	}
	if want := "some-rule: uid=x\\x1b\n# one keeps its id\n# " + newID("uid=Ann,ou=People") + "\n$ " + newID("uid=last") + " | ldapmodify\n"; out != want {
		t.Error(cmp.Diff(want, out))
	}
}

func TestCommands(t *testing.T) {
	r := newRehearsal(t)
	add := "dn: uid=Ann,ou=People,o=isp\nchangetype: modify\nadd: davAdded\ndavAdded: yes\n-\n\n"
	code, out, errOut := r.apply(add, "davadmin look", "chmod 0600 "+r.path("mode"), "davadmin config fail", "davadmin never")
	if code != exitFailed || errOut != "applyfix: some-rule: davadmin config fail: exit status 2\n" || !strings.HasSuffix(out, "$ davadmin config fail\nno\\x1bgood\n") {
		t.Errorf("exit code %d: %s\n%s", code, errOut, out)
	}
	if got, want := r.read("calls"), "look|1\nconfig|fail|1\n"; got != want {
		t.Errorf("calls are %q, want %q: the file must be written before a command reads it", got, want)
	}
	if info, err := os.Stat(r.path("mode")); err != nil || info.Mode() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

func TestRefused(t *testing.T) {
	record := func(dn, changes string) string { return "dn: " + dn + "\nchangetype: modify\n" + changes }
	const ann = "uid=Ann,ou=People,o=isp"
	tests := []struct{ name, fix, says string }{
		{"unknown", "rm -rf \x1b", `some-rule: do not know how to carry out "rm -rf \x1b"`},
		{"davadmin inside a word", "davadminx config", "do not know how"},
		{"no such entry", record("uid=nobody,o=isp", "delete: uid\n-\n"), `dn "uid=nobody,o=isp": there is no such entry`},
		{"broken record", record("uid=broken,o=isp", "delete: uid\n-\n"), "there is no such entry"},
		{"two entries", record("uid=twice,o=isp", "delete: uid\n-\n"), "there are 2 entries with this name"},
		{"no such attribute", record(ann, "delete: cn\n-\n"), "there is no cn to delete"},
		{"no such value", record(ann, "delete: mail\nmail: other\n-\n"), `mail has no value "other" to delete`},
		{"value that exists", record(ann, "add: MAIL\nMAIL: ann@b.c\n-\n"), `the value "ann@b.c" of MAIL already exists`},
		{"all or nothing", record(ann, "delete: davStore\n-\ndelete: cn\n-\n"), "there is no cn to delete"},
		{"increment", record(ann, "increment: n\nn: 1\n-\n"), "do not know how to increment n"},
		{"no modification", "dn: uid=new,o=isp\nchangetype: delete\n", "is not changetype: modify"},
		{"no LDIF", "dn: uid=new,o=isp\nwhat\n", "fix: line 2"},
		{"no LDIF from a command", `id=$(davadmin ldap newid) && printf '%.0s' "$id"`, "contains no LDIF record"},
		{"command that fails", `id=$(davadmin ldap newid) && printf 'x' >&2; exit 3; : '' "$id"`, "exit status 3: x"},
		{"owner without calendars", "cscal delete -o nobody@b.c", "the list contains no calendar of that owner"},
		{"two owners", "cscal delete -o ann@b.c bob@b.c", "the owner is not one word"},
		{"an owner and more", "cscal delete -o 'ann@b.c' 'bob'", "the owner is not one word"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRehearsal(t)
			code, _, errOut := r.apply(tt.fix, "a = \"never\"")
			if code != exitFailed || !strings.HasPrefix(errOut, "applyfix: some-rule: ") || !strings.Contains(errOut, tt.says) || strings.Count(errOut, "\n") != 1 {
				t.Errorf("exit code %d: %s", code, errOut)
			}
			for name, text := range map[string]string{"directory.ldif": people, "ics.conf": icsConf, "cs6.txt": list} {
				if r.read(name) != text {
					t.Errorf("%s was changed", name)
				}
			}
		})
	}
}

func TestDoneBeforeAFailureIsKept(t *testing.T) {
	r := newRehearsal(t)
	code, _, _ := r.apply("dn: uid=Ann,ou=People,o=isp\nchangetype: modify\ndelete: mail\n-\n\n", "unknown")
	if want := swap(t, people, "mail: ann@b.c\n", ""); code != exitFailed || r.read("directory.ldif") != want {
		t.Errorf("exit code %d\n%s", code, r.read("directory.ldif"))
	}
}

func TestLeft(t *testing.T) {
	r := newRehearsal(t)
	code, out, errOut := r.apply("", "# think\n", "sleep 0")
	const name = "some-rule: uid=x\\x1b"
	want := name + "\n# think\n" + name + "\n$ sleep 0\nleft to you: " + name + ": why\nleft to you: " + name + ": why\n"
	if code != exitLeft || out != want || errOut != "" {
		t.Errorf("exit code %d: %s\n%s", code, errOut, cmp.Diff(want, out))
	}
}

func TestSleep(t *testing.T) {
	a := newApplier(settings{}, &bytes.Buffer{}, "")
	var slept time.Duration
	a.sleep = func(d time.Duration) { slept += d }
	for range 2 {
		if err := a.apply(t.Context(), &problem{Rule: "r", Fix: "sleep 45"}); err != nil {
			t.Fatal(err)
		}
	}
	if slept != 90*time.Second {
		t.Errorf("slept %v", slept)
	}
}

func TestUsage(t *testing.T) {
	r := newRehearsal(t)
	r.write("report.jsonl", `{"kind":"finding","rule":"r","fix":"a = \"b\""}`, 0o644)
	r.write("cut.jsonl", `{"kind":"rule"}`+"\n"+`{"kind":`, 0o644)
	tests := []struct {
		name string
		args []string
		code int
		says string
	}{
		{"nothing", nil, exitUsage, "-report"},
		{"help", []string{"-h"}, exitDone, "-cs6 FILE"},
		{"unknown flag", []string{"-x"}, exitUsage, "not defined"},
		{"program of another name", []string{"-report", "x", "-davadmin", "./other"}, exitUsage, "program called davadmin"},
		{"no report", []string{"-report", r.path("none")}, exitFailed, "no such file"},
		{"empty report", []string{"-report", r.path("calls")}, exitFailed, "the report is empty"},
		{"cut report", []string{"-report", r.path("cut.jsonl")}, exitFailed, "object 2 of the report: unexpected EOF"},
		{"file not named", []string{"-report", r.path("report.jsonl")}, exitFailed, "-ics FILE is required"},
		{"file not there", []string{"-report", r.path("report.jsonl"), "-ics", r.path("none")}, exitFailed, "no such file"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if code, _, errOut := r.run(tt.args...); code != tt.code || !strings.Contains(errOut, tt.says) {
				t.Errorf("exit code %d: %s", code, errOut)
			}
		})
	}
}
