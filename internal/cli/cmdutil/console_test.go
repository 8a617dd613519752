package cmdutil

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/davadmin/davadmin/internal/ui"
)

func TestConfirm(t *testing.T) {
	const question = "Remove 1 domain from home/x?"
	for _, tt := range []struct {
		name   string
		answer string
		tty    bool
		yes    bool
		code   int
		text   string // in the error message
	}{
		{name: "--yes on a terminal", tty: true, yes: true},
		{name: "--yes without a terminal", yes: true},
		{name: "yes", answer: "yes\n", tty: true},
		{name: "y", answer: "y\n", tty: true},
		{name: "no", answer: "n\n", tty: true, code: exitFailed, text: "not confirmed; nothing was changed"},
		{name: "empty", answer: "\n", tty: true, code: exitFailed, text: "not confirmed; nothing was changed"},
		{name: "end of input", tty: true, code: exitFailed, text: "not confirmed; nothing was changed"},
		{name: "answer without a terminal", answer: "yes\n", code: exitUsage, text: "this would remove 1 domain from home/x, but there is no terminal to confirm on, so nothing was changed: use --yes to proceed or --dry-run to preview"},
	} {
		var asked bytes.Buffer
		f := NewFactory(&Environment{Streams: &ui.Streams{In: strings.NewReader(tt.answer), Err: &asked, InTTY: tt.tty}})
		f.Global.Yes = tt.yes
		err := f.Console.Confirm(t.Context(), question)
		if code, text := f.Hints.ExitOf(t.Context(), err); code != tt.code || text != tt.text {
			t.Errorf("%s: %d %q, want %d %q", tt.name, code, text, tt.code, tt.text)
		}
		if prompted := asked.Len() > 0; prompted != (tt.tty && !tt.yes) {
			t.Errorf("%s: prompt %q", tt.name, asked.String())
		}
	}
}

// Without a terminal, each form of a question becomes a sentence.
func TestUnconfirmed(t *testing.T) {
	for question, want := range map[string]string{
		"Delete 1 account? It will be re-created.":   "this would delete 1 account (it will be re-created), but",
		"3 records remove existing values. Proceed?": "3 records remove existing values, but",
		"Upgrade store.sqlite from schema 1 to 2?":   "this would upgrade store.sqlite from schema 1 to 2, but",
		"": ", but",
	} {
		if got := unconfirmed(question).Error(); got != want+" there is no terminal to confirm on, so nothing was changed: use --yes to proceed or --dry-run to preview" {
			t.Errorf("%q: %s", question, got)
		}
	}
}

func TestMaxChanges(t *testing.T) {
	for _, tt := range []struct {
		value   string
		n       int
		allowed bool
		usage   string // in the message of a refusal
	}{
		{value: "", n: 1000, allowed: true},
		{value: "0", n: 0, allowed: true},
		{value: "0", n: 1, usage: "allows only 0"},
		{value: "5", n: 5, allowed: true},
		{value: "5", n: 6, usage: "this would change 6 accounts, but --max-changes 5 allows only 5"},
		{value: "5%", n: 10, allowed: true},
		{value: "5%", n: 11, usage: "allows only 10"},
		{value: "0.4%", n: 1, usage: "allows only 0"},
		{value: "100%", n: 200, allowed: true},
		{value: "0%", n: 0, allowed: true},
		{value: "0%", n: 1, usage: "this would change 1 account, but --max-changes 0% allows only 0"},
		{value: "1e400", n: 1, usage: "not a valid number or percentage"},
		{value: "1e400%", n: 1, usage: "not a valid number or percentage"},
		{value: "-1%", n: 1, usage: "not a valid number or percentage"},
		{value: " 5%", n: 1, usage: "not a valid number or percentage"},
		{value: "5 %", n: 1, usage: "not a valid number or percentage"},
		{value: "NaN", n: 1, usage: "not a valid number or percentage"},
		{value: "Inf%", n: 1, usage: "not a valid number or percentage"},
		{value: "101%", n: 1, usage: "not a valid number or percentage"},
		{value: "-1", n: 1, usage: "not a valid number or percentage"},
		{value: "1.5", n: 1, usage: "not a valid number or percentage"},
		{value: "nan", n: 1, usage: "not a valid number or percentage"},
		{value: "nan%", n: 1, usage: "not a valid number or percentage"},
		{value: "NaN%", n: 1, usage: "not a valid number or percentage"},
		{value: "inf", n: 1, usage: "not a valid number or percentage"},
		{value: "inf%", n: 1, usage: "not a valid number or percentage"},
		{value: "1e300", n: 1, usage: "not a valid number or percentage"},
		{value: "many", n: 1, usage: "not a valid number or percentage"},
		{value: "%", n: 1, usage: "not a valid number or percentage"},
	} {
		err := (&MaxChanges{text: tt.value}).Check(tt.n, func() (int64, error) { return 200, nil })
		if tt.allowed {
			if err != nil {
				t.Errorf("%q, %d: %v", tt.value, tt.n, err)
			}
			continue
		}
		if !IsUsage(err) || !strings.Contains(err.Error(), tt.usage) {
			t.Errorf("%q, %d: %v, want %q", tt.value, tt.n, err, tt.usage)
		}
	}
	failure := errors.New("failure")
	if err := (&MaxChanges{text: "5%"}).Check(1, func() (int64, error) { return 0, failure }); !errors.Is(err, failure) {
		t.Error(err)
	}
}
