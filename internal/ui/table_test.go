package ui_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/davadmin/davadmin/internal/ui"
)

// table returns what WriteColumns writes, and fails if a line is too wide.
func table(t *testing.T, width int, columns []ui.Column, rows [][]string) string {
	t.Helper()
	var b bytes.Buffer
	if err := ui.WriteColumns(&b, width, columns, rows); err != nil {
		t.Fatal(err)
	}
	checkWidth(t, b.String(), width)
	return b.String()
}

type failer interface {
	Helper()
	Errorf(string, ...any)
}

func checkWidth(t failer, out string, width int) {
	t.Helper()
	for line := range strings.Lines(out) {
		if n := ui.Width(strings.TrimSuffix(line, "\n")); n > width {
			t.Errorf("a line takes %d cells of %d: %q", n, width, line)
		}
	}
}

func compare(t *testing.T, got string, want ...string) {
	t.Helper()
	if diff := cmp.Diff(strings.Join(want, "\n")+"\n", got); diff != "" {
		t.Error(diff)
	}
}

func TestWriteColumns(t *testing.T) {
	var b bytes.Buffer
	err := ui.WriteColumns(&b, 0, []ui.Column{{Title: "name", Key: true}, {Title: "value"}, {Title: "count", Number: true}}, [][]string{
		{"a", "1", "7"}, {"longer name", ""}, {"x\x1b[31m", "a\nb\u202e", "1200"}, {"", "last"},
	})
	if err != nil {
		t.Fatal(err)
	}
	compare(t, b.String(),
		"name         value       count",
		"a            1               7",
		"longer name",
		`x\x1b[31m    a\nb\u202e   1200`,
		"             last",
	)
}

func TestTableWithoutRowsHasTitles(t *testing.T) {
	columns := []ui.Column{{Title: "name", Key: true}, {Title: "a remark"}, {Title: "another remark"}}
	compare(t, table(t, 80, columns, nil), "name  a remark  another remark")
	compare(t, table(t, 20, columns, nil), "name a remark", "another remark")
	compare(t, table(t, 10, columns, nil), "name a", "remark", "another", "remark")
	compare(t, table(t, 22, columns, nil), "      a        another", "name  remark   remark")
}

// A cell that is wider than the terminal is wrapped, and none of it is lost.
func TestTableWrapsText(t *testing.T) {
	words := strings.Repeat("some words of a remark ", 12)
	out := table(t, 60, []ui.Column{{Title: "change", Key: true}, {Title: "what"}}, [][]string{{"1", words}, {"2", "short"}})
	if n := strings.Count(out, "\n"); n < 6 {
		t.Errorf("only %d lines:\n%s", n, out)
	}
	for line := range strings.Lines(out) {
		if strings.TrimRight(line, " \n")+"\n" != line {
			t.Errorf("spaces at the end: %q", line)
		}
	}
	if got := strings.Count(out, "remark"); got != 12 {
		t.Errorf("%d of 12 left:\n%s", got, out)
	}
}

func TestTableWrapsTitlesFirst(t *testing.T) {
	columns := []ui.Column{{Title: "domain", Key: true}, {Title: "left to move", Number: true}, {Title: "not yet known", Number: true}, {Title: "state"}}
	rows := [][]string{{"example.com", "12", "3", "open"}, {"example.org", "1200", "0", "open"}}
	compare(t, table(t, 40, columns, rows),
		"                 left to  not yet",
		"domain              move    known  state",
		"example.com           12        3  open",
		"example.org         1200        0  open",
	)
}

func TestTableMovesEqualValuesToANote(t *testing.T) {
	columns := []ui.Column{{Title: "account", Key: true}, {Title: "backend"}, {Title: "name"}, {Title: "follows"}, {Title: "calendars", Number: true}}
	rows := [][]string{
		{"jdoe@example.com", "defaultbackend", "John Doe", "", "2"},
		{"boss@example.com", "defaultbackend", "The Boss", "", "11"},
	}
	compare(t, table(t, 60, columns, rows), // fits as soon as the empty column is gone
		"account           backend         name      calendars",
		"jdoe@example.com  defaultbackend  John Doe          2",
		"boss@example.com  defaultbackend  The Boss         11",
	)
	compare(t, table(t, 50, columns, rows),
		"account           name      calendars",
		"jdoe@example.com  John Doe          2",
		"boss@example.com  The Boss         11",
		"all rows: backend defaultbackend",
	)
	// With a single row, no column counts as one with equal values.
	if out := table(t, 50, columns, rows[:1]); !strings.Contains(out, "backend") || strings.Contains(out, "all rows") {
		t.Error(out)
	}
}

func TestTableDropsSecondaryColumns(t *testing.T) {
	columns := []ui.Column{
		{Title: "id", Key: true}, {Title: "first", Number: true, Priority: 2}, {Title: "second", Number: true},
		{Title: "third", Number: true, Priority: 1}, {Title: "address", Key: true},
	}
	rows := [][]string{{"1", "1", "2", "3", "user1@example.com"}, {"2", "10", "20", "30", "user2@example.com"}}
	compare(t, table(t, 40, columns, rows),
		"id  first  third  address",
		"1       1      3  user1@example.com",
		"2      10     30  user2@example.com",
		"not shown: second (use --output json or",
		"  csv)",
	)
	// More than half of them would have to go: each record becomes a block.
	compare(t, table(t, 24, columns, rows),
		"id: 1", "first: 1", "second: 2", "third: 3", "address:", "user1@example.com", "",
		"id: 2", "first: 10", "second: 20", "third: 30", "address:", "user2@example.com",
	)
}

// Essential columns are wrapped; if there is no room for that, each record is a block.
func TestTableKeepsEssentialColumns(t *testing.T) {
	columns := []ui.Column{{Title: "where", Essential: true}, {Title: "result", Key: true}, {Title: "what", Essential: true}}
	rows := [][]string{{"/home/joe/calendars/export.ics:4", "error", "DTEND is before DTSTART; it is ignored"}}
	compare(t, table(t, 60, columns, rows),
		"where                      result  what",
		"/home/joe/calendars/       error   DTEND is before DTSTART;",
		"export.ics:4                       it is ignored",
	)
	for width := 8; width < 60; width++ {
		if out := table(t, width, columns, rows); strings.Contains(out, "not shown") || !strings.Contains(strings.Join(strings.Fields(out), ""), "ignored") && width > 20 {
			t.Errorf("width %d:\n%s", width, out)
		}
	}
}

// A name that is wrapped is cut after a dot, and an optional column is not wrapped at all.
func TestTableDropsOptionalColumns(t *testing.T) {
	columns := []ui.Column{{Title: "change", Key: true, Number: true}, {Title: "target", Optional: true}, {Title: "what"}}
	rows := [][]string{{"1", "config/davserver.properties", "davcore.scheduling.localuserattr"}, {"2", "config/davadmin.vault", ""}}
	compare(t, table(t, 34, columns, rows),
		"change  what",
		"     1  davcore.scheduling.",
		"        localuserattr",
		"     2",
		"not shown: target (use --output",
		"  json or csv)",
	)
}

func TestTableBlockKeepsALongKey(t *testing.T) {
	dn := "uid=a.very.long.name,ou=People,o=example.com,o=isp"
	columns := []ui.Column{{Title: "dn", Key: true}, {Title: "detail"}, {Title: "note"}}
	rows := [][]string{{dn, "has no value of mail, which it needs", ""}, {"o=isp", "", "x"}}
	compare(t, table(t, 30, columns, rows),
		"dn:",
		"uid=a.very.long.name,",
		"  ou=People,o=example.com,",
		"  o=isp",
		"detail: has no value of mail,",
		"  which it needs",
		"",
		"dn: o=isp",
		"note: x",
	)
}

func TestTableClips(t *testing.T) {
	columns := []ui.Column{{Title: "id", Key: true}, {Title: "name", Clip: true}, {Title: "n", Number: true}}
	rows := [][]string{{"u1", "日本語の名前と長い説明", "1"}, {"u2", "short", "2"}}
	compare(t, table(t, 20, columns, rows),
		"id  name           n",
		"u1  日本語の名前…  1",
		"u2  short          2",
	)
}

// A streamed table writes nothing before its layout is settled, and each row at once
// after that.
func TestTableStreams(t *testing.T) {
	var b bytes.Buffer
	w := ui.NewTableWriter(&b, 40, []ui.Column{{Title: "id", Key: true}, {Title: "name"}})
	row := []string{"", "some name"}
	for i := range 200 {
		if b.Len() > 0 {
			t.Fatalf("output after %d rows", i)
		}
		row[0] = fmt.Sprint("u", i)
		if err := w.Write(row); err != nil {
			t.Fatal(err)
		}
	}
	if n := strings.Count(b.String(), "\n"); n != 201 {
		t.Fatalf("%d lines after 200 rows", n)
	}
	row[0] = "u200"
	if err := errors.Join(w.Write(row), w.Flush()); err != nil || !strings.HasSuffix(b.String(), "\nu200   some name\n") {
		t.Errorf("%v: %q", err, b.String())
	}
	if err := w.Close(); err != nil || strings.Count(b.String(), "\n") != 202 {
		t.Errorf("%v: %q", err, b.String())
	}
}

// Rows after the first ones keep what the layout has no room for.
func TestTableStreamsRowsThatDoNotFit(t *testing.T) {
	var b bytes.Buffer
	w := ui.NewTableWriter(&b, 40, []ui.Column{
		{Title: "account", Key: true}, {Title: "backend"}, {Title: "items", Number: true}, {Title: "name"}, {Title: "state"},
	})
	write := func(rows ...[]string) {
		for _, row := range rows {
			if err := w.Write(row); err != nil {
				t.Fatal(err)
			}
		}
	}
	write([]string{"user1@example.com", "defaultbackend", "1", "A"}, []string{"user2@example.com", "defaultbackend", "2", "B"})
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	write(
		[]string{"user3@example.com", "store2", "3", "A name that is far too long"},
		[]string{"user4@example.com", "", "123456789", "D", "locked"},
		[]string{"a.longer.user5@example.com", "defaultbackend", "5", "E"},
		[]string{"a.very.long.address.of.a.user6@department.example.com", "defaultbackend"},
		[]string{"user7@example.com", "defaultbackend", "7", "G"},
	)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	checkWidth(t, b.String(), 40)
	compare(t, b.String(),
		"account                  items  name",
		"user1@example.com            1  A",
		"user2@example.com            2  B",
		"user3@example.com            3  A name …",
		"    backend: store2",
		"user4@example.com            …  D",
		"    items: 123456789",
		"    backend: (empty)",
		"    state: locked",
		"a.longer.user5@example.com",
		"                             5  E",
		"a.very.long.address.of.a.",
		"  user6@department.example.com",
		"user7@example.com            7  G",
		"all other rows: backend defaultbackend",
	)
}

func TestTableReportsErrors(t *testing.T) {
	if err := ui.WriteColumns(fullDisk{}, 0, []ui.Column{{Title: "a"}}, [][]string{{"b"}}); !errors.Is(err, errFull) {
		t.Errorf("got %v", err)
	}
	w := ui.NewTableWriter(fullDisk{}, 0, []ui.Column{{Title: "a"}})
	_ = w.Write([]string{"b"})
	for _, err := range []error{w.Flush(), w.Write([]string{"c"}), w.Close()} {
		if !errors.Is(err, errFull) {
			t.Errorf("got %v", err)
		}
	}
	var b bytes.Buffer
	if err := ui.WriteColumns(&b, 0, []ui.Column{{Title: "a"}}, [][]string{{"b", "lost"}}); err == nil {
		t.Errorf("a cell without a column is accepted: %q", b.String())
	}
}

// anyCell draws what a directory may contain: nothing, words, long text without a
// space, wide and combining characters, and what must not reach a terminal.
func anyCell() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.Just(""), rapid.Just("same"), rapid.StringMatching(`[a-z]{1,9}( [a-z]{1,9}){0,30}`),
		rapid.StringMatching(`uid=[a-z.]{1,150},ou=People,o=isp`), rapid.StringMatching(`[0-9]{1,12}`),
		rapid.StringMatching(`[日本語漢字 ]{0,60}`), rapid.StringMatching("[a\u0301\ufe0f🙂🇩🇪 é]{0,20}"), anyText(),
	)
}

// At any width and with any content, no line is too wide, the records appear in
// order, and each key and number is complete.
func TestTableFitsAnyWidth(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		width := rapid.IntRange(20, 200).Draw(t, "width")
		columns := []ui.Column{{Title: "id", Key: true}}
		for range rapid.IntRange(0, 8).Draw(t, "columns") {
			columns = append(columns, ui.Column{
				Title: rapid.OneOf(rapid.StringMatching(`[a-z]{1,10}( [a-z]{1,8}){0,2}`), anyCell()).Draw(t, "title"),
				Key:   rapid.IntRange(0, 5).Draw(t, "key") == 0, Number: rapid.Bool().Draw(t, "number"),
				Clip: rapid.Bool().Draw(t, "clip"), Optional: rapid.Bool().Draw(t, "optional"), Priority: rapid.IntRange(0, 2).Draw(t, "priority"),
			})
		}
		constant := rapid.SliceOfN(rapid.Bool(), len(columns), len(columns)).Draw(t, "constant")
		var rows [][]string
		for n := range rapid.IntRange(0, 12).Draw(t, "rows") {
			row := []string{fmt.Sprintf("<%d>%s", n, anyCell().Draw(t, "id"))}
			for i := range columns[1:] {
				if constant[i+1] && n > 0 && rapid.IntRange(0, 9).Draw(t, "exception") > 0 {
					row = append(row, rows[0][i+1])
				} else {
					row = append(row, anyCell().Draw(t, "cell"))
				}
			}
			rows = append(rows, row)
		}
		flushAt := rapid.IntRange(0, 20).Draw(t, "flush")

		var b bytes.Buffer
		w := ui.NewTableWriter(&b, width, columns)
		for n, row := range rows {
			if n == flushAt {
				_ = w.Flush()
			}
			_ = w.Write(row)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		checkWidth(t, b.String(), width)
		checkRecords(t, b.String(), columns, rows)
	})
}

// checkRecords looks for each key and number. One that is wider than the table is
// continued on indented lines, so spaces do not count there.
func checkRecords(t *rapid.T, out string, columns []ui.Column, rows [][]string) {
	rest := out
	dropped := strings.Contains(out, "\nnot shown:")
	solid := strings.NewReplacer(" ", "", "\n", "")
	joined := solid.Replace(out)
	for _, row := range rows {
		for i, c := range columns {
			whole := ui.Sanitize(row[i])
			if i == 0 {
				marker := whole[:strings.Index(whole, ">")+1]
				at := strings.Index(rest, marker)
				if at < 0 {
					t.Fatalf("%s is missing or out of order in\n%s", marker, out)
				}
				rest = rest[at+len(marker):]
			}
			if r, _ := utf8.DecodeRuneInString(whole); whole != "" && ui.Width(string(r)) == 0 {
				continue // a combining mark at the beginning is shown as an escape
			}
			if !c.Key && (!c.Number || dropped) {
				continue
			}
			if !strings.Contains(out, strings.TrimRight(whole, " ")) && !strings.Contains(joined, solid.Replace(whole)) {
				t.Fatalf("column %d: %q is not whole in\n%s", i, whole, out)
			}
		}
	}
}

// No terminal is too narrow to print on.
func TestTableNarrow(t *testing.T) {
	columns := []ui.Column{{Title: "account", Key: true}, {Title: "number of items", Number: true}, {Title: "名前"}}
	for width := range 20 {
		var b bytes.Buffer
		if err := ui.WriteColumns(&b, width, columns, [][]string{{"user1@example.com", "1234", "日本語 x"}, {"", "", ""}, {"u2", "", "y"}}); err != nil {
			t.Fatal(err)
		}
		if width > 5 {
			checkWidth(t, b.String(), width)
		}
	}
}
