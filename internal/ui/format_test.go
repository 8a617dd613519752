package ui_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/davadmin/davadmin/internal/ui"
)

func TestChooseFormat(t *testing.T) {
	all := ui.Formats()
	for _, c := range []struct {
		requested string
		tty       bool
		supported []ui.Format
		want      ui.Format
		err       string
	}{
		{"", true, all, ui.Table, ""},
		{"", false, all, ui.Plain, ""},
		{"", true, []ui.Format{ui.Plain, ui.JSON}, ui.Plain, ""},
		{"", false, []ui.Format{ui.JSON, ui.CSV}, ui.JSON, ""},
		{"csv", true, all, ui.CSV, ""},
		{"table", false, all, ui.Table, ""},
		{"csv", true, []ui.Format{ui.Plain, ui.JSON}, "", "this command does not support the output format csv (only plain, json)"},
		{"table", true, []ui.Format{ui.Plain}, "", "this command does not support the output format table (only plain)"},
		{"xml", true, []ui.Format{ui.Plain}, "", "'xml' is not a valid output format (plain)"},
		{"JSON", true, all, "", "'JSON' is not a valid output format (table, plain, json, jsonl, csv)"},
		{"x\x1b[2J", true, []ui.Format{ui.Plain}, "", `'x\x1b[2J' is not a valid output format (plain)`},
	} {
		got, err := ui.ChooseFormat(c.requested, c.tty, c.supported...)
		text := ""
		if err != nil {
			text = err.Error()
		}
		if got != c.want || text != c.err {
			t.Errorf("%q (terminal: %v, supported: %v): %q, %q", c.requested, c.tty, c.supported, got, text)
		}
	}
}

func TestWriteCSV(t *testing.T) {
	var b bytes.Buffer
	err := ui.WriteCSV(&b, []string{"a", "b"}, [][]string{
		{"=1+1", "+1"}, {"-1", "@x"}, {"\tx", "\rx"}, {"", "1-1"}, {`say "hi"`, "a,b"}, {"two\nlines", "'=x"},
	})
	want := "a,b\n'=1+1,'+1\n'-1,'@x\n'\tx,\\rx\n,1-1\n\"say \"\"hi\"\"\",\"a,b\"\n\"two\nlines\",'=x\n"
	if err != nil || b.String() != want {
		t.Errorf("%v, got\n%q, want\n%q", err, b.String(), want)
	}
}

// No cell can be evaluated as a formula, and apart from the apostrophe each is
// unchanged.
func TestWriteCSVNeverWritesAFormula(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cell := rapid.OneOf(rapid.StringMatching(`[-=+@\t]?[a-z,"' ]*`), rapid.String())
		row := rapid.SliceOfN(cell, 3, 3).Draw(t, "row")
		var b bytes.Buffer
		if err := ui.WriteCSV(&b, []string{"a", "b", "c"}, [][]string{row}); err != nil {
			t.Fatal(err)
		}
		rows, err := csv.NewReader(strings.NewReader(b.String())).ReadAll()
		if err != nil || len(rows) != 2 {
			t.Fatalf("%v: %q", err, b.String())
		}
		for i, got := range rows[1] {
			want := ui.SanitizeLines(row[i])
			formula := want != "" && strings.ContainsRune("=+-@\t\r", rune(want[0]))
			if formula {
				want = "'" + want
			}
			if got != want {
				t.Fatalf("%q became %q", row[i], got)
			}
		}
	})
}

func TestWriteJSON(t *testing.T) {
	v := map[string]string{"a": "<b> & \x1b\u2028"}
	var doc, line bytes.Buffer
	if err := errors.Join(ui.WriteJSON(&doc, v), ui.WriteJSONL(&line, v)); err != nil {
		t.Fatal(err)
	}
	if got, want := line.String(), `{"a":"<b> & \u001b\u2028"}`+"\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := doc.String(), "{\n  \"a\": \"<b> & \\u001b\\u2028\"\n}\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	var back map[string]string
	if err := json.Unmarshal(doc.Bytes(), &back); err != nil || back["a"] != v["a"] {
		t.Errorf("read back: %v, %q", err, back)
	}
}

func TestWritersReportErrors(t *testing.T) {
	if err := ui.WriteCSV(fullDisk{}, []string{"a"}, [][]string{{"b"}}); !errors.Is(err, errFull) {
		t.Errorf("got %v", err)
	}
	if err := ui.WriteJSON(fullDisk{}, 1); !errors.Is(err, errFull) {
		t.Errorf("got %v", err)
	}
}

var errFull = errors.New("no space left")

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errFull }
