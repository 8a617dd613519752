package ldapcheck_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/davadmin/davadmin/internal/tier"
	"github.com/davadmin/davadmin/pkg/cs6"
	"github.com/davadmin/davadmin/pkg/directory"
	"github.com/davadmin/davadmin/pkg/dirgen"
	"github.com/davadmin/davadmin/pkg/finding"
	"github.com/davadmin/davadmin/pkg/ldapcheck"
)

// peopleOf reads a list that a generated directory writes.
func peopleOf(t *testing.T, write func(context.Context, io.Writer) error) *cs6.UserSet {
	t.Helper()
	var text bytes.Buffer
	if err := write(t.Context(), &text); err != nil {
		t.Fatal(err)
	}
	set := cs6.NewUserSet(cs6.SetOptions{})
	for p, err := range cs6.ReadUsers(&text, cs6.ListOptions{Name: "list"}) {
		if err == nil {
			err = set.Add(p)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return set
}

// generatedFile writes a generated directory and returns the options for its audit.
func generatedFile(t *testing.T, d *dirgen.Directory) (path string, o ldapcheck.Options) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "directory.ldif")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.WriteLDIF(t.Context(), f); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return path, ldapcheck.Options{
		Names: ldapcheck.DefaultNames(), Backends: d.Manifest().Options.Backends, Tmp: t.TempDir(),
		CS6: peopleOf(t, d.WriteCS6List), CS7: peopleOf(t, d.WriteCS7List),
	}
}

// audit runs an audit of files and returns its report and its findings.
func audit(t *testing.T, o ldapcheck.Options, paths ...string) (*ldapcheck.Report, []finding.Finding) {
	t.Helper()
	files := directory.NewFiles(directory.FilesOptions{Paths: paths})
	o.FileName = files.FileName
	return auditSource(t, o, files)
}

func auditSource(t *testing.T, o ldapcheck.Options, src directory.Source) (*ldapcheck.Report, []finding.Finding) {
	t.Helper()
	a, err := ldapcheck.New(o)
	if err != nil {
		t.Fatal(err)
	}
	r, err := a.Run(t.Context(), src)
	if err != nil {
		t.Fatal(err)
	}
	var all []finding.Finding
	for f, err := range r.Findings(0) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, f)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r, all
}

// Each rule finds exactly what was planted, with any number of workers and in every
// run.
func TestFindsPlantedFaults(t *testing.T) {
	for _, o := range []dirgen.Options{
		{Entries: 3000, Seed: 1},
		{Entries: 3000, Seed: 2, Schema: 1},
		{Entries: 3000, Seed: 3, DayOne: true},
		{Entries: tier.Rounds(t, 6000, 20_000), Seed: 4, Domains: 40},
		{Entries: 2000, Seed: 5, ForServer: true},
	} {
		t.Run(fmt.Sprint(o.Seed), func(t *testing.T) {
			t.Parallel()
			d, err := dirgen.New(o)
			if err != nil {
				t.Fatal(err)
			}
			path, options := generatedFile(t, d)
			manifest := d.Manifest()
			want := map[string]int{}
			for _, f := range manifest.Faults {
				want[f.Rule] = f.Findings
			}
			var first []byte
			for _, workers := range []int{1, 2, 3} {
				options.Workers = workers
				r, findings := audit(t, options, path)
				got := map[string]int{}
				for _, f := range findings {
					got[f.Rule]++
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Fatalf("%d workers, findings (-planted +found):\n%s", workers, diff)
				}
				compareOutcomes(t, r, want)
				m := manifest.Entries
				if k := r.Kinds; k[directory.User] != m.Users || k[directory.Group] != m.Groups || k[directory.Resource] != m.Resources || k[directory.Domain] != m.Domains {
					t.Errorf("entries %v, want %+v", k, m)
				}
				text, err := json.Marshal(findings)
				if err != nil {
					t.Fatal(err)
				}
				if first == nil {
					first = text
				}
				if !bytes.Equal(first, text) {
					t.Errorf("with %d workers the findings or their order differ", workers)
				}
			}
		})
	}
}

// compareOutcomes checks that the outcome of each rule agrees with its findings.
func compareOutcomes(t *testing.T, r *ldapcheck.Report, want map[string]int) {
	t.Helper()
	if !r.Complete || r.Ended != nil {
		t.Errorf("not complete: %v", r.Ended)
	}
	if len(r.Outcomes) != len(ldapcheck.Rules()) {
		t.Errorf("%d outcomes for %d rules", len(r.Outcomes), len(ldapcheck.Rules()))
	}
	for _, o := range r.Outcomes {
		result := finding.Passed
		switch {
		case slices.Contains([]string{"schema-missing", "index-missing", "absence-not-proven"}, o.Rule):
			result = finding.NotRun // needs a directory server
		case want[o.Rule] > 0:
			result = finding.Failed
		}
		if o.Result != result || o.Count != want[o.Rule] {
			t.Errorf("%s: %s with %d findings, want %s with %d", o.Rule, o.Result, o.Count, result, want[o.Rule])
		}
		if (o.Result == finding.NotRun) != (o.Reason != "") {
			t.Errorf("%s: %s, reason %q", o.Rule, o.Result, o.Reason)
		}
	}
}

// The first findings of each rule are the beginning of all findings of the rule.
func TestFirstFindings(t *testing.T) {
	d, err := dirgen.New(dirgen.Options{Entries: 2000, Seed: 9, Faults: map[string]int{"uniqueid-missing": 40, "mail-missing": 2, "uniqueid-duplicate": 7}})
	if err != nil {
		t.Fatal(err)
	}
	path, options := generatedFile(t, d)
	r, all := audit(t, options, path)
	for _, most := range []int{1, 3, 7, 1000} {
		var want, got []finding.Finding
		seen := map[string]int{}
		for _, f := range all {
			if seen[f.Rule]++; seen[f.Rule] <= most {
				want = append(want, f)
			}
		}
		for f, err := range r.Findings(most) {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, f)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("the first %d (-want +got):\n%s", most, diff)
		}
	}
}
