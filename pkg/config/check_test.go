package config

import (
	"context"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/davadmin/davadmin/pkg/finding"
)

const checkedPath = "/srv/dav/config/davserver.properties"

// modeInfo is a fs.FileInfo of which only the mode is set.
type modeInfo fs.FileMode

func (m modeInfo) Name() string       { return "davserver.properties" }
func (m modeInfo) Size() int64        { return 0 }
func (m modeInfo) Mode() fs.FileMode  { return fs.FileMode(m) }
func (m modeInfo) ModTime() time.Time { return time.Time{} }
func (m modeInfo) IsDir() bool        { return fs.FileMode(m).IsDir() }
func (m modeInfo) Sys() any           { return nil }

func inputOf(t testing.TB, text string) CheckInput {
	t.Helper()
	return CheckInput{
		Path: checkedPath, Text: []byte(text), Info: modeInfo(0o640), Dir: modeInfo(fs.ModeDir | 0o750), Registry: mustRegistry(t),
	}
}

// describe returns a finding on one line, for test failure messages.
func describe(f finding.Finding) string {
	line := 0
	if f.Where != nil {
		line = f.Where.Line
	}
	return fmt.Sprintf("%s %s %s line %d value %q: %s [%s]", f.Rule, f.Severity, f.Parameter, line, f.Value, f.Detail, f.Fix.String())
}

func describeAll(findings []finding.Finding) string {
	lines := make([]string, len(findings))
	for i, f := range findings {
		lines[i] = describe(f)
	}
	return strings.Join(lines, "\n")
}

func outcomeOf(t testing.TB, r *finding.Report, rule string) finding.Outcome {
	t.Helper()
	for _, o := range r.Outcomes {
		if o.Rule == rule {
			return o
		}
	}
	t.Fatalf("the report does not contain the rule %s", rule)
	return finding.Outcome{}
}

func (c ruleCase) input(t testing.TB, text string) CheckInput {
	in := inputOf(t, text)
	if c.mode != 0 {
		in.Info = modeInfo(c.mode)
	}
	if c.dirMode != 0 {
		in.Dir = modeInfo(fs.ModeDir | c.dirMode)
	}
	if c.table != "" {
		r, err := ParseRegistry([]byte(c.table))
		if err != nil {
			t.Fatal(err)
		}
		in.Registry = r
	}
	return in
}

func (c ruleCase) text(file string) string {
	if c.whole {
		return file
	}
	return firstLine + file
}

func TestRules(t *testing.T) {
	for _, c := range allRuleCases() {
		t.Run(c.rule, func(t *testing.T) {
			in := c.input(t, c.text(c.file))
			r := Check(t.Context(), in)
			if o := outcomeOf(t, r, c.rule); o.Result != finding.Failed || o.Count != 1 {
				t.Fatalf("%q: %+v\n%s", c.file, o, describeAll(r.Findings))
			}
			if len(r.Findings) != 1 {
				t.Fatalf("%q: more than one finding\n%s", c.file, describeAll(r.Findings))
			}
			f := r.Findings[0]
			if f.Rule != c.rule || f.Severity != c.severity || f.Parameter != c.parameter || f.Where == nil || f.Where.Line != c.line || f.Value != c.value {
				t.Errorf("%q: %s\nwant %s %s line %d value %q", c.file, describe(f), c.severity, c.parameter, c.line, c.value)
			}
			if !strings.Contains(f.Detail, c.detail) {
				t.Errorf("%q: %s\nwant a detail with %q", c.file, describe(f), c.detail)
			}
			if diff := cmp.Diff(c.fix, f.Fix); diff != "" {
				t.Errorf("%q: fix (-want +got):\n%s", c.file, diff)
			}
			if f.Fix.Type == finding.FixParameter {
				applyFix(t, in, f)
			}
			if c.mode != 0 || c.dirMode != 0 {
				c.mode, c.dirMode = 0, 0
			}
			if r := Check(t.Context(), c.input(t, c.text(c.passes))); len(r.Findings) > 0 {
				t.Errorf("%q should pass:\n%s", c.passes, describeAll(r.Findings))
			}
		})
	}
}

func TestEveryRuleHasACase(t *testing.T) {
	covered := map[string]bool{
		"file-malformed": true,                                            // TestMalformed
		"home-writable":  true, "home-readable": true, "home-owner": true, // TestHomeModes
	}
	for _, c := range allRuleCases() {
		covered[c.rule] = true
	}
	ids := map[string]bool{}
	for _, r := range CheckRules() {
		if !covered[r.ID] {
			t.Errorf("no case triggers %s", r.ID)
		}
		if ids[r.ID] {
			t.Errorf("%s is listed twice", r.ID)
		}
		ids[r.ID] = true
		if !regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)+$`).MatchString(r.ID) {
			t.Errorf("%q is not a valid id", r.ID)
		}
		for _, text := range []string{r.Title, r.Why, r.Remedy} {
			if text == "" || strings.HasSuffix(text, ".") || strings.ContainsAny(text, "\n\t") || text != strings.TrimSpace(text) {
				t.Errorf("%s: text %q", r.ID, text)
			}
		}
	}
}

// applyFix carries out the fix of a finding and makes sure that the rule passes
// then.
func applyFix(t *testing.T, in CheckInput, f finding.Finding) {
	t.Helper()
	d, err := Parse(in.Text)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range f.Fix.Steps {
		if s.Task.Do == finding.RemoveMark {
			after, _, err := RemoveMark(d.Source())
			if err != nil {
				t.Fatal(err)
			}
			if d, err = Parse(after); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if _, err := in.Registry.Modify(d, requestsOf(t, s.Task), ModifyOptions{}); err != nil {
			t.Fatalf("%s: %v", s.Task, err)
		}
		if d, err = d.Render(); err != nil {
			t.Fatalf("%s: %v", s.Task, err)
		}
	}
	in.Text = d.Source()
	r := Check(t.Context(), in)
	if o := outcomeOf(t, r, f.Rule); o.Result == finding.Failed {
		t.Errorf("after the fix %s, the rule still fails for\n%s\n%s", f.Fix, in.Text, describeAll(r.Findings))
	}
}

// goodFile configures a server alongside an old one, as the guide describes.
const goodFile = `# Calendar Server, alongside the old one
davcore.scheduling.localuserattr=davstore
davcore.uriinfo.subjectattributes=cn davstore icsstatus mail mailalternateaddress davuniqueid owner preferredlanguage uid objectclass ou uniquemember memberurl mgrprfc822mailmember
davcore.uriinfo.permanentuniqueid=davuniqueid
davcore.uriinfo.fulluriprefix=https\://calendar.example.com\:8443
service.dav.ischedulewhitelist=192.0.2.17 192.0.2.18
log.dav.errors.loglevel=WARNING
log.dav.commands.loglevel=WARNING
base.ldapinfo.ugldap.ldaphost=ldap1.example.com:636 ldap2.example.com:636
base.ldapinfo.ugldap.ldapusessl=true
base.ldapinfo.ugldap.binddn=uid=cal,ou=people,o=isp
base.ldapinfo.ugldap.sslprotocols=TLSv1.2 TLSv1.3
davcore.homeuri.0.backendid=${davstore,defaultbackend}
davcore.homeuri.0.rank=0
davcore.homeuri.1.rank=1
store.dav.east.backendid=east
store.dav.east.dbdir=data/db/east
store.dav.west.dbdir=data/db/west
store.dav.east.dburl=postgres://cal@db1:5432,db2:5432/east?target_session_attrs=read-write&sslmode=verify-full
notification.dav.smtpauth=true
notification.dav.smtpuser=calendar
`

func TestGoodFilePasses(t *testing.T) {
	in := inputOf(t, goodFile)
	in.Home = []HomePath{homePath(t, 0o755, true, HomePath{What: "the home", Reach: 0o111})}
	r := Check(t.Context(), in)
	if len(r.Findings) > 0 {
		t.Errorf("findings:\n%s", describeAll(r.Findings))
	}
	for _, o := range r.Outcomes {
		if o.Result != finding.Passed && o.Rule != "deprecated-parameter" {
			t.Errorf("%s is %s: %s", o.Rule, o.Result, o.Reason)
		}
	}
}

// An empty file works, except for the links in mails.
func TestEmptyFile(t *testing.T) {
	r := Check(t.Context(), inputOf(t, ""))
	if len(r.Findings) != 1 || r.Findings[0].Rule != "fulluriprefix-local" || r.Findings[0].Severity != finding.Info {
		t.Errorf("findings:\n%s", describeAll(r.Findings))
	}
	for _, o := range r.Outcomes {
		if o.Result == finding.NotRun && (o.Reason == "" || strings.HasSuffix(o.Reason, ".")) {
			t.Errorf("%s did not run, with the reason %q", o.Rule, o.Reason)
		}
	}
}

func TestMalformed(t *testing.T) {
	in := inputOf(t, "\xef\xbb\xbf# x\x01\na=b\nstore.document.password=geheim\nlogdir=C:\\users\n")
	in.Info = modeInfo(0o666)
	r := Check(t.Context(), in)
	var got []string
	for _, f := range r.Findings {
		if f.Rule != "check-not-run" {
			got = append(got, fmt.Sprintf("%s %s %d", f.Rule, f.Severity, f.Where.Line))
		}
	}
	want := []string{"file-malformed error 4", "byte-order-mark error 1", "file-readable error 0", "file-writable error 0", "control-character error 1"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
	raw := 0
	for _, c := range checkTable() {
		o := outcomeOf(t, r, c.rule.ID)
		if c.raw {
			raw++
		} else if o.Result != finding.NotRun || o.Reason != "the file cannot be read" {
			t.Errorf("%+v", o)
		}
	}
	if n := outcomeOf(t, r, "check-not-run").Count; n != len(CheckRules())-raw {
		t.Errorf("%d checks did not run, %d of %d should", n, raw, len(CheckRules()))
	}
	if r := Check(t.Context(), inputOf(t, firstLine)); len(r.Findings) > 0 {
		t.Errorf("%s", describeAll(r.Findings))
	}
}

func TestUTF16(t *testing.T) {
	r := Check(t.Context(), inputOf(t, "\xff\xfea\x00=\x00b\x00\n\x00"))
	for _, rule := range []string{"file-malformed", "byte-order-mark"} {
		if o := outcomeOf(t, r, rule); o.Result != finding.Failed {
			t.Errorf("%+v", o)
		}
	}
	if o := outcomeOf(t, r, "control-character"); o.Result != finding.NotRun {
		t.Errorf("%+v", o)
	}
}

func TestStreamHasNoModes(t *testing.T) {
	in := inputOf(t, goodFile)
	in.Info, in.Dir = nil, nil
	r := Check(t.Context(), in)
	for _, rule := range []string{"file-readable", "file-writable"} {
		if o := outcomeOf(t, r, rule); o.Result != finding.NotRun || !strings.Contains(o.Reason, "stream") {
			t.Errorf("%+v", o)
		}
	}
	if len(r.Findings) > 0 {
		t.Errorf("%s", describeAll(r.Findings))
	}
}

func TestCancelledCheck(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := Check(ctx, inputOf(t, goodFile))
	for _, o := range r.Outcomes[:len(r.Outcomes)-1] {
		if o.Result != finding.NotRun {
			t.Errorf("%+v", o)
		}
	}
}

// The checks of the single purposes find all members that NeededMembers marks as
// vital.
func TestNeedsAreThoseOfNeededMembers(t *testing.T) {
	for _, file := range []string{
		"", "davcore.scheduling.localuserattr=davstore\n", "davcore.scheduling.localuserattr=x\ndavcore.ldapattr.mail=m\n",
		"davcore.homeuri.0.backendid=${store,a}\ndavcore.principalsuri.0.backendid=${b}\n",
	} {
		in := inputOf(t, file+paramSubjectAttributes+"=none\n")
		found := map[string]bool{}
		for _, f := range Check(t.Context(), in).Findings {
			found[strings.ToLower(f.Attribute)] = true
		}
		d, err := Parse(in.Text)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range in.Registry.NeededMembers(d, paramSubjectAttributes) {
			if n.Vital && !found[strings.ToLower(n.Member)] {
				t.Errorf("%q: %s is vital but not reported", file, n.Member)
			}
		}
	}
}

// The first example of the guide, typed exactly as it is printed, must be reported.
func TestGuideExampleIsCaught(t *testing.T) {
	r := Check(t.Context(), inputOf(t, "davcore.scheduling.localuserattr=davstore\ndavcore.uriinfo.subjectattributes=davstore\n"))
	for rule, want := range map[string]int{"uniqueid-not-fetched": 1, "mail-not-fetched": 2, "localuserattr-not-fetched": 0, "list-lost-members": 1} {
		if o := outcomeOf(t, r, rule); o.Count != want {
			t.Errorf("%s: %d findings, want %d", rule, o.Count, want)
		}
	}
}

func TestShellWord(t *testing.T) {
	for s, want := range map[string]string{
		"": "''", "a.b-c": "a.b-c", "two words": "'two words'", "it's": `'it'\''s'`, "$(rm)": "'$(rm)'", "{}&&": "'{}&&'", "é": "'é'",
		"a\nb": "", "a\x1b[2J": "", "\u202e": "", "\u0085": "", "\xff": "", "a\tb": "", "!x": "'!x'", "~": "'~'", "\u00a0": "",
	} {
		if got := ShellWord(s); got != want {
			t.Errorf("ShellWord(%q) = %q, want %q", s, got, want)
		}
	}
	for path, want := range map[string]string{"-rf": "chmod 640 ./-rf", "": "", "a\nb": "", "a b": "chmod 640 'a b'"} {
		if diff := cmp.Diff(finding.Text(finding.FixCommand, want), fixMode("640", path)); diff != "" {
			t.Errorf("fixMode(%q) (-want +got):\n%s", path, diff)
		}
	}
}

// Accounts can be assigned to every back end except that of the iSchedule inbox.
func TestBackendIDs(t *testing.T) {
	r, err := NewRegistry()
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string][]string{
		"": {"defaultbackend"},
		"store.dav.west.dbdir=data/west\nstore.dav.east.backendid=far\n":                             {"defaultbackend", "east", "far", "west"},
		"store.dav.isched.dbdir=x\ndavcore.ischedule.backendid=isched\n":                             {"defaultbackend", "ischedulebackend"},
		"davcore.ischedule.backendid=isched\nstore.dav.isched.dbdir=x\nstore.dav.b1.jndiname=jdbc/b": {"b1", "defaultbackend", "ischedulebackend"},
	} {
		d, err := Parse([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if got := BackendIDs(r, d); !slices.Equal(got, want) {
			t.Errorf("%q: got %v, want %v", text, got, want)
		}
	}
}
