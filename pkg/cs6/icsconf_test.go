package cs6

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// guideLines is the example in the coexistence chapter exactly as printed,
// including its indentation and trailing blanks.
const guideLines = `      service.http.caldavcompatible = "yes"
      service.wcap.freebusy.redirecturl = "http://cs7u1server.example.com:8080/davserver/wcap/get_freebusy.wcap"
      local.autoprovision ="no" 
      user.invite.autoprovision = "no" 
      group.invite.autoprovision = "no" resource.invite.autoprovision = "no"
      
`

func TestIcsConfOfTheGuide(t *testing.T) {
	c := ParseIcsConf([]byte(guideLines))
	var got []string
	for s := range c.Settings() {
		got = append(got, fmt.Sprintf("%d %s=%s|%s", s.Line, s.Name, s.Value, s.Trailing))
	}
	want := []string{
		"1 service.http.caldavcompatible=yes|",
		"2 service.wcap.freebusy.redirecturl=http://cs7u1server.example.com:8080/davserver/wcap/get_freebusy.wcap|",
		"3 local.autoprovision=no|",
		"4 user.invite.autoprovision=no|",
		`5 group.invite.autoprovision=no|resource.invite.autoprovision = "no"`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	const line = `      group.invite.autoprovision = "no" resource.invite.autoprovision = "no"`
	s, _ := c.Get("group.invite.autoprovision")
	if diff := cmp.Diff([]Setting{{Name: "resource.invite.autoprovision", Value: "no", Line: 5, Raw: line, Quoted: true}}, s.Inside); diff != "" {
		t.Errorf("the setting after the value (-want +got):\n%s", diff)
	}
	if _, ok := c.Get("resource.invite.autoprovision"); ok {
		t.Error("the setting after the value takes effect")
	}
	wantProblem := []Problem{{
		Kind: TrailingSettings, Line: 5, Text: line,
		Detail: "several settings on one line: the server may ignore resource.invite.autoprovision after group.invite.autoprovision",
	}}
	if diff := cmp.Diff(wantProblem, c.Problems()); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}

func TestIcsConfLines(t *testing.T) {
	for _, c := range []struct {
		line        string
		setting     string // name=value, with * before an unquoted value
		trailing    string
		inside      string
		problems    []ProblemKind
		maskedParts string // that no problem may show
	}{
		{line: ``},
		{line: " \t"},
		{line: `! a comment = "x"`},
		{line: ` !!local.autoprovision = "yes"`},
		{line: `a.b-c_9="x"`, setting: `a.b-c_9=x`},
		{line: "\ta\t = \t\"x\" \t", setting: `a=x`},
		{line: `a = ""`, setting: `a=`},
		{line: `a = " x  y "`, setting: `a= x  y `},
		{line: `a = "x = y ! z"`, setting: `a=x = y ! z`},
		{line: `a = "@@o^a^r^g;@^a^fs^g"`, setting: `a=@@o^a^r^g;@^a^fs^g`},
		{line: `a = "x\"`, setting: `a=x\`},
		{line: `a = yes`, setting: `a=*yes`, problems: []ProblemKind{ValueUnquoted}},
		{line: `a = 'yes'`, setting: `a=*'yes'`, problems: []ProblemKind{ValueUnquoted}},
		{line: `a = yes b = "no"`, setting: `a=*yes`, trailing: `b = "no"`, inside: "b=no", problems: []ProblemKind{ValueUnquoted, TrailingSettings}},
		{line: `a =`, setting: `a=*`, problems: []ProblemKind{ValueMissing}},
		{line: `a = "yes`, setting: `a=yes`, problems: []ProblemKind{QuoteUnterminated}},
		{line: `a = "yes b = "no"`, setting: `a=yes b = `, trailing: `no"`, problems: []ProblemKind{TrailingText}},
		{line: `a = "x" ! why`, setting: `a=x`, trailing: `! why`, problems: []ProblemKind{TrailingComment}},
		{line: `a = "x" ! b = "y"`, setting: `a=x`, trailing: `! b = "y"`, problems: []ProblemKind{TrailingComment}},
		{line: `a = "x"y`, setting: `a=x`, trailing: `y`, problems: []ProblemKind{TrailingText}},
		{line: `a = "x";b="y", C = z ! d = "1"`, setting: `a=x`, trailing: `;b="y", C = z ! d = "1"`, inside: "b=y C=*z", problems: []ProblemKind{TrailingSettings}},
		{line: `a = "x" b c = d e = "f`, setting: `a=x`, trailing: `b c = d e = "f`, inside: "c=*d e=f", problems: []ProblemKind{TrailingSettings}},
		{line: `A.b = "x"`, setting: `A.b=x`, problems: []ProblemKind{NameUpperCase}},
		{line: `a b = "x"`, problems: []ProblemKind{NameMalformed}},
		{line: `"a" = "x"`, problems: []ProblemKind{NameMalformed}},
		{line: `= "x"`, problems: []ProblemKind{NoSetting}},
		{line: `# a = "x"`, problems: []ProblemKind{NoSetting}},
		{line: `just text`, problems: []ProblemKind{NoSetting}},
		{line: "a = \"x\x00\"", setting: "a=x\x00", problems: []ProblemKind{BadBytes}},
		{line: "a = \"\xff\"", setting: "a=\xff", problems: []ProblemKind{BadBytes}},
		{line: "a\xff = \"x\"", problems: []ProblemKind{BadBytes, NameMalformed}},
		{line: byteOrderMark + `a = "x"`, setting: `a=x`, problems: []ProblemKind{BadBytes}},
		{line: byteOrderMark + `! comment`, problems: []ProblemKind{BadBytes}},
		{line: `local.ugldapbindcred = hunter2`, setting: `local.ugldapbindcred=*hunter2`, problems: []ProblemKind{ValueUnquoted}, maskedParts: "hunter2"},
		{line: `a = "x" service.admin.calmaster.Cred = "hunter2"`, setting: `a=x`, trailing: `service.admin.calmaster.Cred = "hunter2"`,
			inside: "service.admin.calmaster.Cred=hunter2", problems: []ProblemKind{TrailingSettings}, maskedParts: "hunter2"},
		{line: `#x.password="hunter2"`, problems: []ProblemKind{NoSetting}, maskedParts: "hunter2"},
		{line: `"x.cred:hunter2`, problems: []ProblemKind{NoSetting}, maskedParts: "hunter2"},
		{line: `x.cred hunter2`, problems: []ProblemKind{NoSetting}, maskedParts: "hunter2"},
	} {
		t.Run(c.line, func(t *testing.T) {
			conf := ParseIcsConf([]byte(c.line))
			var setting, trailing string
			var inside []string
			for s := range conf.Settings() {
				setting, trailing = show(s), s.Trailing
				for _, in := range s.Inside {
					inside = append(inside, show(in))
				}
			}
			var kinds []ProblemKind
			for _, p := range conf.Problems() {
				kinds = append(kinds, p.Kind)
				if c.maskedParts != "" && strings.Contains(p.String()+p.Text+p.Detail, c.maskedParts) {
					t.Errorf("the problem shows a secret: %s", p)
				}
			}
			if setting != c.setting || trailing != c.trailing || strings.Join(inside, " ") != c.inside || !slices.Equal(kinds, c.problems) {
				t.Errorf("setting %q, trailing %q, inside %q, problems %q", setting, trailing, inside, kinds)
			}
		})
	}
}

func show(s Setting) string {
	if s.Quoted {
		return s.Name + "=" + s.Value
	}
	return s.Name + "=*" + s.Value
}

func TestIcsConfLastOneWins(t *testing.T) {
	c := ParseIcsConf([]byte("a = \"1\"\r\n! a = \"2\"\r\nb = \"1\"\na = \"3\"\nA = \"4\"\nb = \"2\" a = \"5\"\na = \"6\"\n"))
	var got []string
	for s := range c.Settings() {
		got = append(got, fmt.Sprintf("%d %s shadowed %v by %d", s.Line, show(s), s.Shadowed, s.ShadowedBy))
	}
	want := []string{
		"1 a=1 shadowed true by 7",
		"3 b=1 shadowed true by 6",
		"4 a=3 shadowed true by 7",
		"5 A=4 shadowed false by 0",
		"6 b=2 shadowed false by 0",
		"7 a=6 shadowed false by 0",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for name, value := range map[string]string{"a": "6", "b": "2", "A": "4"} {
		if s, ok := c.Get(name); !ok || s.Value != value {
			t.Errorf("%s is %q, want %q", name, s.Value, value)
		}
	}
	if s, ok := c.Get("B"); ok {
		t.Errorf("B is %q", s.Value)
	}
}

// A line can look like any number of settings, which must not fill the memory or the
// screen.
func TestIcsSettingsInsideAreLimited(t *testing.T) {
	long := strings.Repeat("n", 1000)
	c := ParseIcsConf([]byte(long + ` = "1"` + strings.Repeat(" "+long+" = x", 1000)))
	s, _ := c.Get(long)
	if len(s.Inside) != 100 || len(c.Problems()) != 1 || len(c.Problems()[0].String()) > 1000 {
		t.Errorf("%d settings inside, problems %.1000q", len(s.Inside), c.Problems())
	}
}

func TestIcsProblemIsSafeForATerminal(t *testing.T) {
	p := ParseIcsConf([]byte("\x1b[31m" + strings.Repeat("x", 100))).Problems()
	const want = `line 1: contains the control character U+001B: "\x1b[31m`
	if len(p) == 0 || !strings.HasPrefix(p[0].String(), want) || !strings.HasSuffix(p[0].String(), `"…`) {
		t.Errorf("%q", p)
	}
}
