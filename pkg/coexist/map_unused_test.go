package coexist_test

import (
	"strings"
	"testing"

	"github.com/davadmin/davadmin/pkg/coexist"
	"github.com/davadmin/davadmin/pkg/finding"
)

// unused returns the outcome of the rule about mapped domains that nobody has.
func unused(t *testing.T, r *coexist.Report) finding.Outcome {
	t.Helper()
	for _, o := range r.Outcomes {
		if o.Rule == "mapped-domain-unused" {
			return o
		}
	}
	t.Fatal("the rule did not run")
	return finding.Outcome{}
}

// Any address of any entry counts: alternate ones, whole domains, groups, and U-labels.
func TestMappedDomainIsUsed(t *testing.T) {
	const url = "=http://cs6.example.com:8080/ischedule/\n"
	for name, mail := range map[string]string{
		"alternate":     "mailAlternateAddress: adam@Other.example\n",
		"second value":  "mail: adam@other.example\n",
		"whole domain":  "mailAlternateAddress: @other.example\n",
		"with a dot":    "mailAlternateAddress: adam@other.example.\n",
		"another label": "mailAlternateAddress: adam@my.other.example\n",
	} {
		d := good()
		d.domainMap += "other.example" + url
		swap(t, &d.people, "mail: adam@example.com\n", "mail: adam@example.com\n"+mail)
		o := unused(t, d.check(t))
		if want := map[bool]finding.Result{true: finding.Passed, false: finding.Failed}[name != "another label"]; o.Result != want {
			t.Errorf("%s: %+v", name, o)
		}
	}
	d := good()
	d.domainMap += "lists.example" + url
	d.people += "dn: cn=list,o=isp\nobjectClass: groupOfUniqueNames\nobjectClass: icsCalendarGroup\ncn: list\nmail: list@lists.example\ndavUniqueId: 00000009-00000000-00000000-000000aa\n\n"
	if o := unused(t, d.check(t)); o.Result != finding.Passed {
		t.Errorf("group: %+v", o)
	}
}

// If only a part of the directory was read, nothing is said about what nobody has.
func TestMappedDomainOfPartOfTheDirectory(t *testing.T) {
	plant := func() *deployment {
		d := good()
		d.domainMap += "nobody.example=http://cs6.example.com:8080/ischedule/\n"
		return d
	}
	d := plant()
	d.edit = func(o *coexist.Options) { o.Directory.Partial = true }
	if o := unused(t, d.check(t)); o.Result != finding.NotRun || !strings.Contains(o.Reason, "only a part of the directory") {
		t.Errorf("%+v", o)
	}
}
