package cmdutil

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/davadmin/davadmin/pkg/finding"
)

func edit(name string, op finding.EditOp, value string) finding.ParameterEdit {
	return finding.ParameterEdit{Name: name, Op: op, Value: value}
}

func do(action finding.Action) finding.Task {
	return finding.Task{Do: action, Domain: "a.com", URL: "http://h:80/ischedule/", Address: "x@a.com", Parameter: "NAME"}
}

// reports is made for a run that was told its home by --home.
func reports(home string) *Reports {
	f := NewFactory(&Environment{})
	f.Global.Home = home
	return f.Reports
}

func TestFixText(t *testing.T) {
	set := finding.Task{Do: finding.EditParameters, Edits: []finding.ParameterEdit{edit("a.b", finding.EditSet, "it's")}}
	unset := finding.Task{Do: finding.EditParameters, Edits: []finding.ParameterEdit{edit("a.b", finding.EditDefault, "")}}
	for _, tt := range []struct {
		name string
		fix  finding.Fix
		want string
	}{
		{"none", finding.Fix{}, ""},
		{"text", finding.Text(finding.FixLDIF, "dn: o=isp\nchangetype: modify\n"), "dn: o=isp\nchangetype: modify\n"},
		{"a new id", finding.Do(finding.FixCommand, finding.Task{Do: finding.NewID, Before: "dn: o=it's 5%\n\\x: ", After: "\n-\n"}),
			`id=$(davadmin ldap newid) && printf 'dn: o=it'\''s 5%%\n\\x: %s\n-\n' "$id"`},
		{"all operations", finding.Edit(edit("a", finding.EditSet, ""), edit("b c", finding.EditAdd, "x y"), edit("d", finding.EditRemove, "z"), edit("e", finding.EditDefault, ""), edit("f", finding.EditDefault, "")),
			`davadmin config modify -o a -v "" -o "b c" --add "x y" -o d --remove z && davadmin config modify -o e -o f --default`},
		{"create", finding.Do(finding.FixCommand, do(finding.CreateDomain)), "davadmin domainmap create -d a.com -L http://h:80/ischedule/"},
		{"modify", finding.Do(finding.FixCommand, do(finding.ModifyDomain)), "davadmin domainmap modify -d a.com -L http://h:80/ischedule/"},
		{"delete", finding.Do(finding.FixCommand, finding.Task{Do: finding.DeleteDomain, Domain: "*.x"}), `davadmin domainmap delete --yes -d "*.x"`},
		{"explain", finding.Do(finding.FixCommand, do(finding.ExplainAddress)), "davadmin coexist explain -a x@a.com"},
		{"a mark", finding.Do(finding.FixCommand, do(finding.RemoveMark)), "davadmin config modify --remove-bom"},
		{"a mark of the map", finding.Do(finding.FixCommand, do(finding.RemoveMapMark)), "davadmin domainmap modify --remove-bom"},
		{"describe", finding.Do(finding.FixCommand, do(finding.DescribeParameter)), "davadmin config describe NAME"},
		{"in order", finding.Fix{Type: finding.FixParameter, Steps: []finding.Step{{Task: unset}, {Task: set, OnSuccess: true}, {Text: "true", OnSuccess: true}}},
			`davadmin config modify -o a.b --default && davadmin config modify -o a.b -v 'it'\''s' && true`},
		{"in order, with a remark", finding.Fix{Type: finding.FixParameter, Steps: []finding.Step{{Task: unset}, {Remark: "the\nvalue", Task: set, OnSuccess: true}}},
			"davadmin config modify -o a.b --default &&\n# the\n# value\n" + `davadmin config modify -o a.b -v 'it'\''s'`},
		{"independent", finding.Fix{Type: finding.FixParameter, Steps: []finding.Step{{Task: unset}, {Task: set}}},
			"davadmin config modify -o a.b --default\n" + `davadmin config modify -o a.b -v 'it'\''s'`},
		{"remark and template", finding.Fix{Type: finding.FixCommand, Steps: []finding.Step{
			{Remark: "HOST: any\nfront end", Task: finding.Task{Do: finding.CreateDomain, Domain: "a.com", URL: "http://HOST:PORT/ischedule/"}, Template: true},
			{Text: "true", OnSuccess: true},
		}}, "# HOST: any\n# front end\n# davadmin domainmap create -d a.com -L http://HOST:PORT/ischedule/\ntrue"},
		{"remark alone", finding.Fix{Type: finding.FixNone, Steps: []finding.Step{{Remark: "ask the user"}, {Text: "x", OnSuccess: true}}}, "# ask the user\nx"},
		{"ics.conf", finding.Fix{Type: finding.FixICSConf, Steps: []finding.Step{{Remark: "HOST: any", Text: `a = "HOST"`, Template: true}}}, "! HOST: any\n! a = \"HOST\""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, reports("").FixText(tt.fix)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// A command after a remark still runs only if the one before it succeeded.
func TestFixTextStopsAtAFailure(t *testing.T) {
	f := finding.Fix{Type: finding.FixCommand, Steps: []finding.Step{{Text: "false"}, {Remark: "why", Text: "echo ran", OnSuccess: true}}}
	out, err := exec.CommandContext(t.Context(), "sh", "-c", reports("").FixText(f)).CombinedOutput()
	if err == nil || len(out) > 0 {
		t.Errorf("%v, output %q", err, out)
	}
}

func TestFixTextNamesTheHome(t *testing.T) {
	rp := reports("/srv/my dav")
	f := finding.Fix{Type: finding.FixCommand, Steps: []finding.Step{{Task: do(finding.ModifyDomain)}, {Text: "true", OnSuccess: true}}}
	want := `davadmin domainmap modify --home "/srv/my dav" -d a.com -L http://h:80/ischedule/ && true`
	if got := rp.FixText(f); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := rp.hints.Line("history", "verify"); got != `davadmin history verify --home "/srv/my dav"` {
		t.Errorf("got %s", got)
	}
}

func TestRemedy(t *testing.T) {
	r := finding.Rule{Remedy: "set a valid value", Task: finding.Task{Do: finding.DescribeParameter, Parameter: "NAME"}}
	if got := reports("").Remedy(r); got != "set a valid value (davadmin config describe NAME)" {
		t.Error(got)
	}
	r.Task = finding.Task{}
	if got := reports("").Remedy(r); got != r.Remedy || strings.Contains(got, "(") {
		t.Error(got)
	}
}
