package cmdutil

import (
	"bytes"
	"encoding/csv"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/davadmin/davadmin/internal/ui"
	"github.com/davadmin/davadmin/pkg/finding"
)

const ldifFix = "dn: o=isp\nchangetype: modify\nreplace: a\na: 1\n-\n"

func testReport() *finding.Report {
	return &finding.Report{
		Findings: []finding.Finding{
			{Rule: "one-line", Severity: finding.Error, Detail: "wrong", Fix: finding.Text(finding.FixCommand, "run this")},
			{Rule: "ldif", Severity: finding.Warning, Detail: "missing", DN: []string{"o=isp"}, Fix: finding.Text(finding.FixLDIF, ldifFix)},
		},
		Outcomes: []finding.Outcome{
			{Rule: "one-line", Severity: finding.Error, Result: finding.Failed, Count: 1},
			{Rule: "ldif", Severity: finding.Warning, Result: finding.Failed, Count: 1},
			{Rule: "other", Severity: finding.Info, Result: finding.NotRun, Reason: "needs a probe", Needs: []finding.Need{finding.NeedProbe}},
		},
	}
}

func printReport(t *testing.T, format ui.Format) string {
	t.Helper()
	var out bytes.Buffer
	f := NewFactory(&Environment{Streams: &ui.Streams{Out: &out}})
	if err := f.Reports.Print(format, finding.Error, "davadmin.test.check.1", testReport(), "file", time.Second); !errors.Is(err, ErrFindings) {
		t.Errorf("%s: %v, want ErrFindings", format, err)
	}
	return out.String()
}

func TestReportTable(t *testing.T) {
	want := `read:      file
time:      1.0 s
complete:  yes

rule      severity  result   count  why not run
one-line  error     failed       1
ldif      warning   failed       1
other     info      not-run         needs a probe (--probe)

error one-line
  what: wrong
  fix:  run this

warning ldif
  dn:   o=isp
  what: missing
  fix:
` + ldifFix + `
1 error, 1 warning, 0 infos; 0 of 3 rules passed
`
	if diff := cmp.Diff(want, printReport(t, ui.Table)); diff != "" {
		t.Error(diff)
	}
}

// The lines of a fix can be extracted from plain output, and applied.
func TestReportPlainShowsFixes(t *testing.T) {
	want := "finding\terror\tone-line\t\twrong\trun this\n" +
		"finding\twarning\tldif\to=isp\tmissing\t\n" +
		"fix\tdn: o=isp\nfix\tchangetype: modify\nfix\treplace: a\nfix\ta: 1\nfix\t-\n" +
		"rule\tfailed\tone-line\t1\t\nrule\tfailed\tldif\t1\t\nrule\tnot-run\tother\t0\tneeds a probe (--probe)\n" +
		"summary\t1 error\t1 warning\t0 infos\n"
	got := printReport(t, ui.Plain)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	var fix strings.Builder
	for line := range strings.Lines(got) {
		if text, ok := strings.CutPrefix(line, "fix\t"); ok {
			fix.WriteString(text)
		}
	}
	if fix.String() != ldifFix {
		t.Errorf("%q", fix.String())
	}
}

func TestReportCSVShowsFixes(t *testing.T) {
	rows, err := csv.NewReader(strings.NewReader(printReport(t, ui.CSV))).ReadAll()
	if err != nil || len(rows) != 3 {
		t.Fatal(rows, err)
	}
	if got := []string{rows[1][8], rows[2][8]}; !cmp.Equal(got, []string{"run this", ldifFix}) {
		t.Errorf("%q", got)
	}
}

func TestReportJSONShowsFixes(t *testing.T) {
	got := printReport(t, ui.JSONL)
	for _, want := range []string{`"fix":"run this","fix_type":"command"}`, `replace: a\na: 1\n-\n","fix_type":"ldif"}`, `"rule":"other","severity":"info","result":"not-run"`} {
		if !strings.Contains(got, want) {
			t.Errorf("%s is not in %s", want, got)
		}
	}
}

// Every DN that JSON cannot express is in base64, in the place of its DN.
func TestDNsInBase64(t *testing.T) {
	for _, c := range []struct{ dns, want []string }{
		{[]string{"uid=a", "uid=J\xfcrg", "uid=Jürg", "uid=\xff"}, []string{"", "dWlkPUr8cmc=", "", "dWlkPf8="}},
		{[]string{"uid=a"}, nil},
		{nil, nil},
	} {
		if got := base64DNs(c.dns); !slices.Equal(got, c.want) {
			t.Errorf("%q: %q, want %q", c.dns, got, c.want)
		}
	}
}

// A report of a directory in which nothing was read has no rate.
func TestNoRateOfNothing(t *testing.T) {
	for entries, want := range map[int]string{0: "time:      1.0 s\n", 5: "time:      1.0 s, 5 entries per second\n"} {
		var out bytes.Buffer
		f := NewFactory(&Environment{Streams: &ui.Streams{Out: &out}})
		if err := f.Reports.writeHead(Summary{Seconds: 1, EntriesRead: &EntriesRead{Entries: entries}}); err != nil || !strings.Contains(out.String(), want) {
			t.Errorf("%v: %s", err, out.String())
		}
	}
}
