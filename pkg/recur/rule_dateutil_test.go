package recur

import (
	"bufio"
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/davadmin/davadmin/internal/seed"
	"github.com/davadmin/davadmin/internal/tier"
	"github.com/davadmin/davadmin/pkg/ical"
)

//go:embed testdata/dateutil.py
var dateutilScript string

// TestAgainstDateutil compares generated rules with python-dateutil (Debian package
// python3-dateutil), which gets all rules as lines of JSON and answers with lines of JSON.
func TestAgainstDateutil(t *testing.T) {
	tier.All(t)
	python, err := exec.LookPath("python3")
	if err == nil {
		err = exec.Command(python, "-c", "import dateutil.rrule").Run()
	}
	if err != nil {
		t.Skipf("python3-dateutil is not installed: %v", err)
	}
	random := seed.New(t)
	type question struct {
		Start string `json:"start"`
		Rule  string `json:"rule"`
		After int    `json:"after"` // how many after DTSTART
	}
	var questions bytes.Buffer
	var names []string
	var wants [][]ical.Civil
	encoder := json.NewEncoder(&questions)
	for len(wants) < 3_000 {
		r, start := judgedRule(random)
		want, ok := after(r, start, 12, 3000)
		if !ok {
			continue
		}
		if err := encoder.Encode(question{start.String(), r.String(), len(want)}); err != nil {
			t.Fatal(err)
		}
		names = append(names, fmt.Sprintf("DTSTART:%s RRULE:%s", start, r))
		wants = append(wants, want)
	}
	cmd := exec.CommandContext(t.Context(), python, "-c", dateutilScript)
	cmd.Stdin = &questions
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, stderr.String())
	}
	lines := bufio.NewScanner(bytes.NewReader(out))
	for i, want := range wants {
		if !lines.Scan() {
			t.Fatalf("only %d of %d answers", i, len(wants))
		}
		var answer []string
		if err := json.Unmarshal(lines.Bytes(), &answer); err != nil {
			t.Fatal(err)
		}
		var got []ical.Civil
		for _, text := range answer {
			got = append(got, at(t, text))
		}
		if !slices.Equal(got, want) {
			t.Fatalf("%s\ndateutil%s\nwe      %s", names[i], format(got), format(want))
		}
	}
	if lines.Scan() {
		t.Error("there are more answers than questions")
	}
}
