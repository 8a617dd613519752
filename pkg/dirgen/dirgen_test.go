package dirgen_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/davadmin/davadmin/internal/seed"
	"github.com/davadmin/davadmin/pkg/dirgen"
)

func directory(t testing.TB, o dirgen.Options) *dirgen.Directory {
	t.Helper()
	d, err := dirgen.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// planted returns the planted faults of a directory as findings.
func planted(d *dirgen.Directory) findings {
	type key struct {
		rule    string
		finding int
	}
	groups := map[key][]string{}
	for p := range d.Places() {
		k := key{p.Rule, p.Finding}
		groups[k] = append(groups[k], p.DN)
	}
	want := findings{}
	for k, dns := range groups {
		want.add(k.rule, dns...)
	}
	return want
}

// difference compares a directory with the findings in its text, DN by DN, and with
// its manifest.
func difference(t testing.TB, d *dirgen.Directory) string {
	t.Helper()
	x, m := write(t, d), d.Manifest()
	x.parse(t)
	x.judge(t, m.Options.Backends)
	want := planted(d)
	if m.Options.DayOne {
		for _, e := range x.entries {
			if e.kind == "user" || e.kind == "group" || e.kind == "resource" {
				want.add("uniqueid-missing", e.dn)
			}
		}
	}
	for _, f := range []findings{want, x.found} {
		for _, list := range f {
			slices.Sort(list)
		}
	}
	diff := cmp.Diff(want, x.found)

	counts := map[string]int{}
	for _, f := range m.Faults {
		counts[f.Rule] = f.Findings
		dns := map[string]bool{}
		for _, group := range x.found[f.Rule] {
			for dn := range strings.SplitSeq(group, " | ") {
				dns[dn] = true
			}
		}
		if len(dns) != f.Entries {
			diff += fmt.Sprintf("%s: manifest has %d entries, text %d\n", f.Rule, f.Entries, len(dns))
		}
	}
	found := map[string]int{}
	for rule, list := range x.found {
		found[rule] = len(list)
	}
	diff += cmp.Diff(counts, found)

	c, kinds := m.Entries, x.counts()
	diff += cmp.Diff(dirgen.Counts{
		Users: kinds["user"], Groups: kinds["group"], Resources: kinds["resource"],
		Domains: kinds["domain"], Containers: kinds["container"], Total: len(x.entries),
	}, c)
	diff += cmp.Diff(dirgen.People{
		CS6: bytes.Count(x.cs6, []byte("\n")), CS7: bytes.Count(x.cs7, []byte("\n")),
	}, m.People)
	if c.Users+c.Groups+c.Resources != m.Options.Entries {
		diff += fmt.Sprintf("%+v are not %d entries\n", c, m.Options.Entries)
	}
	return diff + overlap(x.found, m.Options.DayOne)
}

// overlap returns the DNs that violate two rules.
func overlap(found findings, dayOne bool) string {
	rules, double := map[string]string{}, ""
	for rule, list := range found {
		if dayOne && rule == "uniqueid-missing" {
			continue
		}
		for _, group := range list {
			for dn := range strings.SplitSeq(group, " | ") {
				if other := rules[dn]; other != "" && other != rule {
					double += fmt.Sprintf("%s violates %s and %s\n", dn, other, rule)
				}
				rules[dn] = rule
			}
		}
	}
	return double
}

// everything returns options for the same number of findings of each suitable fault.
func everything(n int, fits func(dirgen.Fault) bool) map[string]int {
	faults := map[string]int{}
	for _, f := range dirgen.Faults() {
		if fits(f) {
			faults[f.Name] = n
		}
	}
	return faults
}

func all(dirgen.Fault) bool { return true }

func TestPlantedFaultsAreFound(t *testing.T) {
	tests := map[string]dirgen.Options{
		"usual mix":      {Entries: 6000, Seed: 1},
		"other seed":     {Entries: 2000, Seed: 0xfedcba9876543210},
		"none":           {Entries: 2000, Seed: 3, Faults: map[string]int{}},
		"twenty of each": {Entries: 5000, Seed: 4, Faults: everything(20, all)},
		"many domains":   {Entries: 3000, Seed: 5, Domains: 70},
		"one domain":     {Entries: 3000, Seed: 5, Domains: 1},
		"schema 1":       {Entries: 2500, Seed: 6, Schema: 1, Domains: 25},
		"one back end":   {Entries: 2000, Seed: 7, Backends: []string{"only"}},
		"six back ends":  {Entries: 2000, Seed: 7, Backends: []string{"a", "b", "c", "d", "e", "f"}},
		"for servers":    {Entries: 3000, Seed: 8, ForServer: true},
		"day one":        {Entries: 2000, Seed: 9, DayOne: true},
		"small":          {Entries: 200, Seed: 10},
		"one rule alone": {Entries: 2000, Seed: 11, Faults: map[string]int{"uniqueid-case-collision": 300}},
		"nearly all":     {Entries: 1000, Seed: 12, Faults: map[string]int{"uniqueid-missing": 990, "mail-missing": 10}},
	}
	for name, o := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := directory(t, o)
			if diff := difference(t, d); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAnySizeWorksOrIsRefused(t *testing.T) {
	seed.Rapid(t)
	rapid.Check(t, func(rt *rapid.T) {
		o := dirgen.Options{
			Entries: rapid.IntRange(1, 600).Draw(rt, "entries"),
			Seed:    rapid.Uint64().Draw(rt, "seed"),
			Domains: rapid.IntRange(0, 30).Draw(rt, "domains"),
			Schema:  rapid.IntRange(1, 2).Draw(rt, "schema"),
			DayOne:  rapid.Bool().Draw(rt, "day one"),
		}
		if rapid.Bool().Draw(rt, "own faults") {
			faults := dirgen.Faults()
			o.Faults = map[string]int{}
			for range rapid.IntRange(0, 5).Draw(rt, "faults") {
				f := rapid.SampledFrom(faults).Draw(rt, "fault")
				o.Faults[f.Name] = rapid.IntRange(0, 60).Draw(rt, "findings")
			}
		}
		d, err := dirgen.New(o)
		switch {
		case errors.Is(err, dirgen.ErrTooSmall):
			if o.Faults == nil && o.Entries >= 200 {
				rt.Fatalf("the usual mix must fit: %v", err)
			}
		case err != nil:
			if !o.DayOne || o.Faults == nil {
				rt.Fatal(err)
			}
		default:
			if diff := difference(t, d); diff != "" {
				rt.Fatal(diff)
			}
		}
	})
}

// Each fault has a finding in the usual mix, or the options rule it out.
func TestUsualMix(t *testing.T) {
	count := func(o dirgen.Options) map[string]int {
		n := map[string]int{}
		for _, f := range directory(t, o).Manifest().Faults {
			n[f.Rule] = f.Findings
		}
		return n
	}
	names := func(n map[string]int) []string { return slices.Sorted(maps.Keys(n)) }
	every := names(everything(1, all))
	held := names(everything(1, func(f dirgen.Fault) bool { return !f.FileOnly }))
	if got := names(count(dirgen.Options{Entries: 200})); !slices.Equal(got, every) {
		t.Errorf("200 entries have %v", got)
	}
	if got := names(count(dirgen.Options{Entries: 200, ForServer: true})); !slices.Equal(got, held) {
		t.Errorf("200 entries of a server have %v", got)
	}
	unchecked := names(everything(1, func(f dirgen.Fault) bool { return !f.FileOnly || f.Unchecked }))
	if got := names(count(dirgen.Options{Entries: 200, ForServer: true, Unchecked: true})); !slices.Equal(got, unchecked) {
		t.Errorf("200 entries of a server that did not check have %v", got)
	}
	d := directory(t, dirgen.Options{Entries: 1_000_000})
	places := map[string]bool{}
	for p := range d.Places() {
		places[p.DN] = true
	}
	if n := len(places); n < 800 || n > 1500 {
		t.Errorf("%d of a million entries have a fault", n)
	}
}

func TestDayOne(t *testing.T) {
	x := write(t, directory(t, dirgen.Options{Entries: 3000, DayOne: true}))
	x.parse(t)
	// Broken records may contain a unique id, but are not entries.
	for _, word := range []string{"davEntity", "davUniqueId", "davStore", "icsAllowedServiceAccess"} {
		for _, e := range x.entries {
			if len(e.attrs[strings.ToLower(word)]) > 0 || e.has(word) {
				t.Fatalf("%s has %s", e.dn, word)
			}
		}
	}
	if len(x.cs7) != 0 {
		t.Errorf("somebody is on Calendar Server 7: %.100s", x.cs7)
	}
}

func TestSameSeedSameBytes(t *testing.T) {
	o := dirgen.Options{Entries: 500, Seed: 42}
	sum := func(o dirgen.Options) string {
		x := write(t, directory(t, o))
		s := sha256.Sum256(slices.Concat(x.ldif, x.cs6, x.cs7))
		return hex.EncodeToString(s[:])
	}
	const golden = "2a89c87f5f472b5fd032c660f37270d6b0ada1e0cb11b8cd0216c5ae22634d04"
	first := sum(o)
	if first != golden {
		t.Errorf("the text for these options has changed: its hash is %s", first)
	}
	if again := sum(o); again != first {
		t.Error("the same options generated different texts")
	}
	o.Seed++
	if other := sum(o); other == first {
		t.Error("another seed generated the same text")
	}
}

// The faults in the manifest of a mix generate the same directory.
func TestManifestGeneratesTheSameDirectory(t *testing.T) {
	d := directory(t, dirgen.Options{Entries: 2000, Seed: 7})
	m := d.Manifest()
	again := dirgen.Options{
		Entries: m.Options.Entries, Seed: m.Seed, Domains: m.Options.Domains, Schema: m.Options.Schema,
		Backends: m.Options.Backends, Faults: map[string]int{},
	}
	for _, f := range m.Faults {
		again.Faults[f.Rule] = f.Findings
	}
	if !bytes.Equal(write(t, d).ldif, write(t, directory(t, again)).ldif) {
		t.Error("the texts differ")
	}
}

func TestInvalidOptions(t *testing.T) {
	one := func(name string) map[string]int { return map[string]int{name: 1} }
	tests := map[string]struct {
		o    dirgen.Options
		want string
		is   error
	}{
		"no entries":     {o: dirgen.Options{}, want: "entries: 0"},
		"too many":       {o: dirgen.Options{Entries: dirgen.MaxEntries + 1}, want: "entries"},
		"domains":        {o: dirgen.Options{Entries: 9, Domains: -1}, want: "domains: -1"},
		"schema":         {o: dirgen.Options{Entries: 9, Schema: 3}, want: "schema: 3"},
		"no name":        {o: dirgen.Options{Entries: 9, Backends: []string{""}}, want: "back ends"},
		"two lines":      {o: dirgen.Options{Entries: 9, Backends: []string{"a\nb"}}, want: `"a\nb"`},
		"twice":          {o: dirgen.Options{Entries: 9, Backends: []string{"a", "A"}}, want: "twice"},
		"reserved":       {o: dirgen.Options{Entries: 9, Backends: []string{"NoSuchStore"}}, want: "does not exist"},
		"unknown":        {o: dirgen.Options{Entries: 999, Faults: one("uniqueid-mising")}, want: "uniqueid-mising", is: dirgen.ErrUnknownFault},
		"negative":       {o: dirgen.Options{Entries: 999, Faults: map[string]int{"mail-missing": -1}}, want: "-1"},
		"file only":      {o: dirgen.Options{Entries: 999, Faults: one("davstore-empty"), ForServer: true}, want: "refuses it"},
		"day one":        {o: dirgen.Options{Entries: 999, Faults: one("uniqueid-missing"), DayOne: true}, want: "day one"},
		"two back ends":  {o: dirgen.Options{Entries: 999, Faults: one("davstore-multivalued"), Backends: []string{"a"}}, want: "2 back ends"},
		"mix too small":  {o: dirgen.Options{Entries: 20}, want: "20 entries", is: dirgen.ErrTooSmall},
		"no group":       {o: dirgen.Options{Entries: 5, Faults: one("group-member-dangling")}, want: "0 of the 1", is: dirgen.ErrTooSmall},
		"more than fits": {o: dirgen.Options{Entries: 1000, Faults: map[string]int{"mail-missing": 1001}}, want: "1000 of the 1001", is: dirgen.ErrTooSmall},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := dirgen.New(test.o)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("the error is %v, without %q", err, test.want)
			}
			if test.is != nil && !errors.Is(err, test.is) {
				t.Errorf("%v is not %v", err, test.is)
			}
		})
	}
}
