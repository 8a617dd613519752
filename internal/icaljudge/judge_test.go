// Package icaljudge lets other readers of iCalendar judge what pkg/ical and pkg/recur write:
// icalendar for Python and libical, as Debian has them, and ical.js 2.2.1.
//
// Python and libical print what they find as lines of fields, separated by tabs:
//
//	BEGIN     name of a component
//	NAME      value of a property   NAME=value of a parameter   ...
//	END       name of the component
//
// A TEXT is unescaped, and a parameter decoded; a NUL stands between its values. In each field, a
// backslash, tab, line ending or NUL is escaped with a backslash.
package icaljudge

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/davadmin/davadmin/internal/tier"
	"github.com/davadmin/davadmin/pkg/ical"
)

// A judge is the command line of a program that reads a calendar.
type judge []string

// libical compiles the judge that uses libical (Debian package libical-dev).
func libical(t *testing.T) judge {
	t.Helper()
	tier.All(t)
	if _, err := os.Stat("/usr/include/libical/ical.h"); err != nil {
		t.Skipf("libical-dev is not installed: %v", err)
	}
	program := filepath.Join(t.TempDir(), "judge")
	if out, err := exec.CommandContext(t.Context(), "cc", "-Wall", "-Werror", "-o", program, "testdata/judge.c", "-lical").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return judge{program}
}

// python returns the judge that uses icalendar (Debian package python3-icalendar).
func python(t *testing.T) judge {
	t.Helper()
	tier.All(t)
	const python = "/usr/bin/python3" // that of Debian, whose packages it finds
	if out, err := exec.CommandContext(t.Context(), python, "-c", "import icalendar").CombinedOutput(); err != nil {
		t.Skipf("python3-icalendar is not installed: %v: %s", err, out)
	}
	return judge{python, "testdata/judge.py"}
}

// icaljs installs ical.js from the registry, and returns the judge that uses it.
func icaljs(t *testing.T) judge {
	t.Helper()
	tier.All(t)
	dir := t.TempDir()
	text, err := os.ReadFile("../../scripts/benchmark/rivals/package.json")
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "package.json"), text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	npm := exec.CommandContext(t.Context(), "npm", "install", "--silent", "--no-audit", "--no-fund", "--prefer-offline", "--prefix", dir)
	if out, err := npm.CombinedOutput(); err != nil {
		t.Skipf("npm cannot install ical.js: %v: %s", err, out)
	}
	return judge{"node", "testdata/judge.mjs", filepath.Join(dir, "node_modules/ical.js/dist/ical.js")}
}

// ask runs the judge with a file of a text, and returns what it prints.
func (j judge) ask(t *testing.T, text, questions string, before []string, after ...string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	arguments := slices.Concat(j[1:], before, []string{file}, after)
	cmd := exec.CommandContext(t.Context(), j[0], arguments...)
	cmd.Stdin = strings.NewReader(questions)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil || stderr.Len() > 0 {
		t.Fatalf("%v: %s", err, stderr.String())
	}
	return stdout.String()
}

// texts are the properties whose value is one TEXT.
const texts = " ACTION CALSCALE CLASS COMMENT CONTACT DESCRIPTION LOCATION METHOD PRODID RELATED-TO STATUS SUMMARY TRANSP TZID TZNAME UID VERSION "

// An item is what a reader finds in a line. Parameters are sorted: not every reader keeps their
// order.
type item struct {
	Name, Value string
	Params      []string
}

// ours returns what pkg/ical finds.
func ours(c *ical.Component) []item {
	items := []item{{Name: "BEGIN", Value: c.Name}}
	for i := range c.Properties {
		p := &c.Properties[i]
		it := item{Name: p.Name, Value: p.Value()}
		if strings.Contains(texts, " "+p.Name+" ") {
			it.Value = p.Text()
		}
		for q := range p.Params() {
			it.Params = append(it.Params, q.Name+"="+strings.Join(q.Values, "\x00"))
		}
		slices.Sort(it.Params)
		items = append(items, it)
	}
	for _, child := range c.Components {
		items = append(items, ours(child)...)
	}
	return append(items, item{Name: "END", Value: c.Name})
}

// theirs returns what a judge printed.
func theirs(out string) []item {
	var items []item
	field := strings.NewReplacer(`\\`, `\`, `\n`, "\n", `\r`, "\r", `\t`, "\t", `\0`, "\x00")
	for line := range strings.Lines(out) {
		var it item
		for i, text := range strings.Split(strings.TrimSuffix(line, "\n"), "\t") {
			switch text = field.Replace(text); i {
			case 0:
				it.Name = text
			case 1:
				it.Value = text
			default:
				it.Params = append(it.Params, text)
			}
		}
		slices.Sort(it.Params)
		items = append(items, it)
	}
	return items
}

// rule sorts the parts of a recurrence rule: libical and Python have an order of their own.
func (it item) rule() item {
	if it.Name == "RRULE" {
		parts := strings.Split(it.Value, ";")
		slices.Sort(parts)
		it.Value = strings.Join(parts, ";")
	}
	return it
}

// same compares what was found, and reports the first differences.
func same(t *testing.T, want, got []item) {
	t.Helper()
	var a, b []string
	for _, it := range want {
		a = append(a, fmt.Sprintf("%q", it.rule()))
	}
	for _, it := range got {
		b = append(b, fmt.Sprintf("%q", it.rule()))
	}
	sameLines(t, a, b)
}

func sameLines(t *testing.T, want, got []string) {
	t.Helper()
	if len(want) != len(got) {
		t.Errorf("%d lines, not %d", len(got), len(want))
	}
	reported := 0
	for i := 0; i < min(len(want), len(got)) && reported < 12; i++ {
		if want[i] != got[i] {
			t.Errorf("we:    %s\njudge: %s", want[i], got[i])
			reported++
		}
	}
}
